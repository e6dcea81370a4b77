"""The values of a request's fields: each is used, or refused with a message, and none is unbounded."""

from __future__ import annotations

import json

import pytest
from conftest import Server
from exchanges import SHORT, refused


def refused_raw(server: Server, body: str) -> str:
    status, answer = server.post("/v1/completions", body.encode())
    assert status == 400, answer
    return answer["error"]["message"]


def test_a_temperature_near_nothing_is_greedy(server, client):
    greedy = client.completions.create(**SHORT).choices[0].text
    for temperature in [1e-40, 1e-300, 9e-6, -0.0]:
        answer = client.completions.create(**(SHORT | {"temperature": temperature}), extra_body={"min_p": 0.1})
        assert answer.choices[0].text == greedy


NUMBERS = {
    "temperature": ("0", "1000"), "top_p": ("0", "1"), "min_p": ("0", "1"), "presence_penalty": ("-1000", "1000"),
    "frequency_penalty": ("-1000", "1000"), "repetition_penalty": ("0.001", "1000"),
}  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_is_used_or_refused_in_words(server, name):
    low, high = NUMBERS[name]
    for number in ["0", "-0.0", "5e-324", "1e-45", "1e-38", "1e-5", "0.001", "1", "1.0000001", "1000", "1000.1", "1e38", "1e39",
                   "1e308", "-1", "-1000.5", "-1e308", "123456789012345678901234567890"]:  # fmt: skip
        body = json.dumps(SHORT | {"temperature": 0.8, "min_p": 0.05} | {name: "NUMBER"}).replace('"NUMBER"', number)
        status, answer = server.post("/v1/completions", body.encode())
        if float(low) <= float(number) <= float(high):
            assert status == 200 and answer["usage"]["completion_tokens"] > 0, (number, answer)
        else:
            message = answer["error"]["message"]
            assert status == 400 and answer["error"]["param"] == name, (number, answer)
            assert message.startswith(f"{name} is ") and message.endswith(f", expected {low} to {high}"), (number, message)
    for number in ["1e400", "1e309"]:
        body = json.dumps(SHORT | {name: "NUMBER"}).replace('"NUMBER"', number)
        assert refused_raw(server, body) == f"{name} is inf, expected {low} to {high}"
    for number in ["1e-400", "-1e-400"]:
        status, answer = server.post("/v1/completions", json.dumps(SHORT | {name: "NUMBER"}).replace('"NUMBER"', number).encode())
        assert status == (200 if float(low) <= 0 else 400), answer
    for number in ["NaN", "Infinity", "-1e999"]:
        body = json.dumps(SHORT | {name: "NUMBER"}).replace('"NUMBER"', number)
        assert server.post("/v1/completions", body.encode())[0] == 400, number


WHOLE = {
    "n": (1, 128), "best_of": (1, 1), "max_tokens": (-1, 2**63 - 1), "top_k": (-1, 2**63 - 1), "logprobs": (0, 20),
    "seed": (-(2**63), 2**63 - 1),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_every_whole_number_is_used_or_refused_in_words(server, name):
    low, high = WHOLE[name]
    for number in ["0", "-0", "1", "-1", "2", "20", "21", "128", "129", "8190", "8192", "2147483647", "2147483648", "9223372036854775807",
                   "-9223372036854775808", "9223372036854775808", "-9223372036854775809", "1e30", "-1e400", "0.5", "1e-45", "5e-324"]:  # fmt: skip
        body = json.dumps(SHORT | {"max_tokens": 1, "prompt": "a", "stop": ["a"]} | {name: "NUMBER"})
        status, answer = server.post("/v1/completions", body.replace('"NUMBER"', number).encode())
        is_whole = number.lstrip("-").isdigit()
        if is_whole and low <= int(number) <= high and not (name == "max_tokens" and int(number) == 0):
            assert status == 200, (number, answer)
        else:
            message = answer["error"]["message"]
            assert status == 400 and (name in message or "context" in message), (number, answer)


def test_stop_texts_are_bounded(server):
    assert refused(server, SHORT | {"stop": ["x" * 1025]}) == "stop holds a text of 1025 bytes, expected 1 to 1024"
    assert refused(server, SHORT | {"stop": ["x"] * 17}) == "stop has 17 texts, expected at most 16"
    assert server.post("/v1/completions", json.dumps(SHORT | {"stop": ["é" * 512] * 16}).encode())[0] == 200


def test_what_is_kept_until_an_answer_is_whole_is_bounded(server):
    much = SHORT | {"n": 13, "logprobs": 20}
    assert refused(server, much) == "13 choices tell 21 tokens at each place, expected at most 256 in all, or a stream"
    for fine in [SHORT | {"n": 12, "logprobs": 20}, SHORT | {"n": 128, "logprobs": 1}]:
        status, answer = server.post("/v1/completions", json.dumps(fine).encode())
        assert status == 200 and len(answer["choices"]) == fine["n"]


def test_what_is_wrong_is_named(server):
    assert refused(server, SHORT | {"prompt": ["a"] * 1000}) == "n is 1 for each of 1000 prompts, expected at most 128 in all"
    assert refused(server, SHORT | {"logit_bias": {"7": 1, "07": 2}}) == "logit_bias names '07', expected token ids"
    body = json.dumps(SHORT | {"prompt": "X"}).replace('"X"', r'"\ud800"')
    assert refused_raw(server, body).startswith("prompt is a value that cannot be read, expected text")


def test_long_values_are_not_sent_back(server):
    for body in [SHORT | {"model": "m" * 100_000}, SHORT | {"k" * 100_000: 1}, SHORT | {"stream": "s" * 100_000}]:
        status, answer = server.post("/v1/completions", json.dumps(body).encode())
        assert status in (400, 404) and len(json.dumps(answer)) < 600
    answer = server.raw(b"GET /" + b"p" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404") and len(answer) < 800
