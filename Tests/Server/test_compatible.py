"""What clients of other servers send, and what they expect back."""

from __future__ import annotations

import json
import re

import pytest
from conftest import NAME, Server

TEXT = {"prompt": "The capital of France is", "max_tokens": 8, "temperature": 0}
CHAT = {"messages": [{"role": "user", "content": "Name a fruit."}], "max_tokens": 8, "temperature": 0}
# Each with a value that changes nothing, and one that would.
NEUTRAL = {
    "top_k": (-1, -2), "best_of": (1, 2), "min_tokens": (0, 3), "ignore_eos": (False, True), "length_penalty": (1, 2),
    "use_beam_search": (False, True), "skip_special_tokens": (True, False), "tool_choice": ("none", "auto"),
    "typical_p": (1.0, 0.5), "mirostat": (0, 2), "cache_prompt": (True, None), "reasoning_effort": ("low", None),
    "verbosity": ("high", None), "n_predict": (8, -5), "repeat_penalty": (1.0, 0), "echo": (False, "yes"),
}  # fmt: skip


def ask(server: Server, body: dict, path: str = "/v1/completions", *headers: str) -> dict:
    status, answer = server.post(path, json.dumps(body).encode(), *headers)
    assert status == 200, answer
    return answer


@pytest.mark.parametrize("name", NEUTRAL)
def test_what_changes_nothing_is_accepted_and_what_would_is_named(server, name):
    plain, (neutral, other) = ask(server, TEXT), NEUTRAL[name]
    assert ask(server, TEXT | {name: neutral})["choices"] == plain["choices"]
    if other is not None:
        status, answer = server.post("/v1/completions", json.dumps(TEXT | {name: other}).encode())
        param = {"repeat_penalty": "repetition_penalty"}.get(name, name)
        assert status == 400 and answer["error"]["param"] == param and "expected" in answer["error"]["message"]
    if name not in ("best_of", "echo"):
        assert ask(server, CHAT | {name: neutral}, "/v1/chat/completions")["choices"]


def test_the_model_may_be_left_out(server):
    answer = ask(server, TEXT)
    assert answer["model"] == NAME
    assert answer["choices"] == ask(server, TEXT | {"model": NAME})["choices"]


def test_more_tokens_than_there_is_room_for_fill_the_context():
    server = Server("--threads", "1", "--context", "64")
    try:
        for most in [-1, 100, 10**12]:
            body = {"prompt": "Count: 1, 2, 3,", "max_tokens": most, "logit_bias": {"0": -1000, "2": -1000}}
            usage = ask(server, body)["usage"]
            assert usage["total_tokens"] == 64
    finally:
        assert server.stop() == 0


def test_json_without_its_header_is_read_where_it_cannot_be_mistaken(server):
    body = json.dumps(TEXT).encode()
    for headers in [["Content-Type: application/x-www-form-urlencoded"], ["Content-Type:"]]:
        assert server.post("/v1/completions", body, *headers)[0] in (200, 415)
    request = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert server.raw(request + body).startswith(b"HTTP/1.1 200")
    # A form is none, and a page of another site shows where it is from.
    assert server.post("/v1/completions", b"prompt=x", "Content-Type: application/x-www-form-urlencoded")[0] == 415
    assert server.post("/v1/completions", body, "Content-Type: text/plain", "Origin: http://a.example")[0] == 415
    form = "Content-Type: application/x-www-form-urlencoded"
    assert server.post("/v1/completions", body, form, "Origin: http://a.example")[0] == 415


def test_tokens_and_their_text(server):
    tokens = ask(server, {"prompt": "Hello, world <|im_end|>"}, "/tokenize")
    assert tokens["count"] == len(tokens["tokens"]) > 4 and tokens["max_model_len"] == 8192
    assert ask(server, {"content": "Hello, world <|im_end|>"}, "/tokenize")["tokens"] == tokens["tokens"]
    back = ask(server, {"tokens": tokens["tokens"]}, "/detokenize")
    assert back["prompt"] == back["content"] == "Hello, world <|im_end|>"
    chat = ask(server, {"messages": CHAT["messages"]}, "/tokenize")
    assert chat["count"] == ask(server, CHAT, "/v1/chat/completions")["usage"]["prompt_tokens"]
    for path, body in [("/tokenize", {}), ("/tokenize", {"prompt": "a", "content": "b"}), ("/detokenize", {"tokens": [-1]})]:
        status, answer = server.post(path, json.dumps(body).encode())
        assert status == 400 and answer["error"]["message"]


def test_the_model_list_tells_the_context_and_the_defaults(server):
    model = json.loads(server.get("/v1/models")[1])["data"][0]
    assert model["max_model_len"] == 8192
    assert model["defaults"] == {"temperature": pytest.approx(0.2), "top_p": pytest.approx(0.9)}


def test_defaults_hold_where_a_request_says_nothing():
    server = Server("--threads", "1", "--temperature", "0", "--top-k", "5", "--max-tokens", "6")
    try:
        defaults = json.loads(server.get("/v1/models")[1])["data"][0]["defaults"]
        assert defaults == {"temperature": 0, "top_k": 5, "top_p": pytest.approx(0.9)}
        body = {"prompt": "The capital of France is"}
        answers = [ask(server, body) for _ in range(3)]
        assert len({answer["choices"][0]["text"] for answer in answers}) == 1
        assert answers[0]["usage"]["completion_tokens"] == 6
        assert ask(server, {"messages": CHAT["messages"]}, "/v1/chat/completions")["usage"]["completion_tokens"] <= 6
        # What the request says comes first.
        explicit = ask(server, body | {"temperature": 1, "top_k": 0, "top_p": 1, "seed": 3, "max_tokens": 9})
        assert explicit["usage"]["completion_tokens"] <= 9
    finally:
        assert server.stop() == 0


def test_an_answer_that_has_begun_is_continued(server):
    body = CHAT | {"messages": [*CHAT["messages"], {"role": "assistant", "content": "My favourite fruit is the"}]}
    answer = ask(server, body, "/v1/chat/completions")
    text = answer["choices"][0]["message"]["content"]
    assert text and not text.startswith("My favourite")
    raw = "<|im_start|>user\nName a fruit.<|im_end|>\n<|im_start|>assistant\nMy favourite fruit is the"
    counted = ask(server, {"messages": body["messages"]}, "/tokenize")["tokens"]
    tail = ask(server, {"tokens": counted}, "/detokenize")["prompt"]
    assert tail.endswith(raw)
    assert ask(server, TEXT | {"prompt": counted})["choices"][0]["text"] == text


def test_a_prompt_is_echoed_with_its_probabilities(server):
    whole = ask(server, TEXT | {"echo": True, "logprobs": 2, "max_tokens": 3})["choices"][0]
    plain = ask(server, TEXT | {"logprobs": 2, "max_tokens": 3})["choices"][0]
    assert whole["text"] == TEXT["prompt"] + plain["text"]
    logprobs = whole["logprobs"]
    assert "".join(logprobs["tokens"]) == whole["text"] and logprobs["token_logprobs"][0] is None
    assert len(logprobs["tokens"]) == len(logprobs["token_logprobs"]) == len(logprobs["top_logprobs"])
    for offset, token in zip(logprobs["text_offset"], logprobs["tokens"], strict=True):
        assert whole["text"][offset:].startswith(token)
    answer = len(plain["logprobs"]["tokens"])
    assert logprobs["token_logprobs"][-answer:] == plain["logprobs"]["token_logprobs"]
    # What a token had as part of a prompt is what it had when it was said.
    alone = ask(server, {"prompt": whole["text"], "max_tokens": 0, "echo": True, "logprobs": 2})
    assert alone["choices"][0]["logprobs"] == logprobs and alone["usage"]["completion_tokens"] == 0
    assert alone["choices"][0]["text"] == whole["text"]
    # Long prompts, whatever was computed before, and one token.
    long = "The sea is blue. " * 60
    first, second = (ask(server, {"prompt": long, "max_tokens": 0, "echo": True, "logprobs": 1}) for _ in range(2))
    assert first["choices"] == second["choices"]
    assert len(first["choices"][0]["logprobs"]["tokens"]) == first["usage"]["prompt_tokens"]
    one = ask(server, {"prompt": "a", "max_tokens": 0, "echo": True, "logprobs": 1})["choices"][0]
    assert one["text"] == "a" and one["logprobs"]["token_logprobs"] == [None]
    assert ask(server, {"prompt": "a", "max_tokens": 0, "echo": True})["choices"][0]["text"] == "a"
    # What is told of so many tokens is kept until it is sent.
    for more in [{"n": 9}, {"prompt": ["a"] * 9}, {"logprobs": 6}]:
        status, refusal = server.post("/v1/completions", json.dumps({"prompt": "a", "echo": True, "logprobs": 1} | more).encode())
        assert status == 400 and "with echo" in refusal["error"]["message"]
    status, refusal = server.post("/v1/completions", json.dumps(TEXT | {"max_tokens": 0}).encode())
    assert status == 400 and "max_tokens is 0" in refusal["error"]["message"]


def test_an_answer_that_goes_round_in_circles_ends_where_asked(server):
    body = {"prompt": "la la la la la la la la", "max_tokens": 200, "temperature": 0}
    cut = ask(server, body | {"end_loops": True})["choices"][0]
    whole = ask(server, body)["choices"][0]
    assert whole["text"].startswith(cut["text"]) and len(cut["text"]) < len(whole["text"])


def test_pages_of_other_origins_ask_where_the_operator_lets_them():
    server = Server("--threads", "1", "--cors", "https://chat.example", "--log-level", "info")
    try:
        ask_first = (
            b"OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: x\r\nOrigin: https://chat.example\r\n"
            b"Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type,authorization\r\n"
            b"Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        answer = server.raw(ask_first).lower()
        assert b"access-control-allow-origin: https://chat.example" in answer
        assert b"authorization" in answer and b"post" in answer
        body = json.dumps(CHAT).encode()
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nOrigin: https://chat.example\r\nContent-Type: application/json\r\n"
        answer = server.raw(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"access-control-allow-origin: https://chat.example" in answer.lower()
    finally:
        assert server.stop() == 0
    log = "".join(server.log)
    assert re.search(r"info.*POST /v1/chat/completions 200, \d+ tokens, τ \d[.\d]*, \d+ ms", log), log


def test_without_being_let_they_do_not(server):
    body = json.dumps(TEXT).encode()
    head = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nOrigin: https://chat.example\r\nContent-Type: application/json\r\n"
    answer = server.raw(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert b"access-control" not in answer.lower()


@pytest.mark.parametrize("speculation", ["adaptive", "lookup:8", "tree:6", "none"])
def test_a_stream_tells_its_rounds(server, speculation):
    body = CHAT | {
        "messages": [{"role": "user", "content": "Count from one to ten."}], "max_tokens": 40, "speculation": speculation,
        "stream": True, "stream_options": {"include_rounds": True, "include_usage": True},
    }  # fmt: skip
    data = json.dumps(body).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
    answer = server.raw(head + b"Content-Length: %d\r\n\r\n" % len(data) + data).decode()
    events = [json.loads(line[6:]) for line in re.findall(r"data: \{.*", answer)]
    rounds = [one for event in events for choice in event["choices"] for one in choice.get("rounds", [])]
    usage = events[-1]["usage"]
    assert len(rounds) == events[-1]["speculation"]["rounds"]
    accepted = [token for one in rounds for token in one["drafted"] if token["accepted"]]
    assert usage["completion_tokens_details"]["accepted_prediction_tokens"] in (len(accepted), len(accepted) - 1)
    for one in rounds:
        for place, token in enumerate(one["drafted"]):
            assert -1 <= token["parent"] < place
            # What is accepted follows what is accepted.
            assert not token["accepted"] or token["parent"] == -1 or one["drafted"][token["parent"]]["accepted"]
    text = "".join(choice["delta"].get("content") or "" for event in events for choice in event["choices"])
    said = "".join("".join(t["text"] for t in one["drafted"] if t["accepted"]) + one["own"] for one in rounds)
    assert said.startswith(text)
    if speculation == "none":
        assert not any(one["drafted"] for one in rounds)
    elif speculation != "lookup:8":  # Which finds nothing here.
        assert accepted
