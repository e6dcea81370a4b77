"""Clients that mean harm, or might: what each may have, and what none learns of another."""

from __future__ import annotations

import json
import random
import socket
import string
import threading
import time

import openai
import pytest
from conftest import NAME, Server
from test_service import LONG, request, whole_answer

SHORT = LONG | {"max_tokens": 4}


def refused(server: Server, body: dict, path: str = "/v1/completions") -> str:
    """What a refusal says."""
    status, answer = server.post(path, json.dumps(body).encode())
    assert status == 400, answer
    return answer["error"]["message"]


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


def test_a_prompt_that_is_too_long_is_refused_by_its_length():
    server = Server("--threads", "1", "--context", "2048")
    try:
        # One is too long by its bytes, the other by its tokens.
        bodies = [SHORT | {"prompt": " " * 1_000_000, "n": 128}, SHORT | {"prompt": "a b " * 30_000, "n": 128}]
        start = time.monotonic()
        assert "the prompt has 1000000 bytes, expected at most" in refused(server, bodies[0])
        assert "the prompt has 8252 or more tokens, expected fewer than the context of 2048" in refused(server, bodies[1])
        statuses = set()

        def ask(body: dict) -> None:
            statuses.add(server.post("/v1/completions", json.dumps(body).encode())[0])

        refusals = [threading.Thread(target=ask, args=(body,)) for body in bodies * 4]
        for refusal in refusals:
            refusal.start()
        while any(refusal.is_alive() for refusal in refusals):
            assert server.post("/v1/completions", json.dumps(SHORT).encode())[0] == 200
        assert time.monotonic() - start < 20  # It took a minute for each.
        assert statuses <= {400, 503}
    finally:
        assert server.stop() == 0


def test_a_body_that_is_too_long_by_its_own_word_is_refused_at_once(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        head = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        connection.sendall(head + b"Content-Length: 1000000000000\r\n\r\n")
        start = time.monotonic()
        assert connection.recv(65536).startswith(b"HTTP/1.1 413")
        assert time.monotonic() - start < 5
        sent = 0
        with pytest.raises(OSError):  # Nor is it read forever.
            while sent < 1 << 34:
                sent += connection.send(b" " * 65536)


def test_a_body_is_asked_for_where_the_client_waits_for_that(server):
    body = json.dumps(SHORT).encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        head = request(SHORT)[: -len(body)].replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
        connection.sendall(head)
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert whole_answer(connection)["usage"]["completion_tokens"] > 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_has_said_all_gets_its_answer(server, stream):
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(request(LONG | {"max_tokens": 200, "stream": stream}))
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    head, _, rest = answer.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 100"):
        head = rest
    assert head.startswith(b"HTTP/1.1 200") and b'"finish_reason":"length"' in answer
    assert (b"[DONE]" in answer) == stream


def test_old_clients_are_answered_as_old_clients_are(server):
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(request(SHORT | {"stream": True}).replace(b"HTTP/1.1", b"HTTP/1.0"))
        while part := connection.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.0 200") and b"chunked" not in answer.lower() and answer.endswith(b"[DONE]\n\n")


def test_a_burst_counts():
    server = Server("--threads", "1", "--parallel", "2", "--queue", "2")
    statuses = []

    def ask() -> None:
        statuses.append(server.post("/v1/completions", json.dumps(LONG | {"max_tokens": 300}).encode())[0])

    try:
        assert refused(server, SHORT | {"n": 5}) == "5 completions are asked for at once, expected at most 4"
        threads = [threading.Thread(target=ask) for _ in range(60)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(statuses) == {200, 503} and 4 <= statuses.count(200) < 20
        # Choices count as what they are.
        holding = socket.create_connection(("127.0.0.1", server.port))
        holding.sendall(request(LONG | {"n": 3}))
        server.until("vllm:num_requests_running", 2)
        assert server.post("/v1/completions", json.dumps(SHORT | {"n": 2}).encode())[0] == 503
        holding.close()
    finally:
        assert server.stop() == 0


@pytest.fixture(scope="module")
def keyed(tmp_path_factory):
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text("alice\nbob\n")
    server = Server("--threads", "2", "--parallel", "4", "--queue", "8", "--api-key-file", str(keys))
    yield server
    assert server.stop() == 0


def test_no_key_learns_what_another_said(keyed):
    rng = random.Random(3)
    secret = "The code is " + " ".join("".join(rng.choices(string.ascii_lowercase, k=5)) for _ in range(60))

    def cached(key: str, salt: str | None = None) -> int:
        answer = keyed.client(api_key=key).completions.create(
            model=NAME, prompt=secret, max_tokens=1, temperature=0, extra_body={"cache_salt": salt} if salt else None
        )
        return answer.usage.prompt_tokens_details.cached_tokens

    assert cached("alice") == 0
    assert cached("alice") > 100
    assert cached("bob") == 0
    assert cached("bob") > 100
    assert cached("alice", "a room of her own") == 0
    assert cached("alice", "a room of her own") > 100
    assert cached("alice", "another") == 0


def test_requests_in_progress_share_nothing_across_keys(keyed):
    secret = "Once there was " + " ".join(str(n * 7919) for n in range(300))
    answers: dict[str, int] = {}

    def ask(key: str) -> None:
        body = {"model": NAME, "prompt": secret, "max_tokens": 30, "temperature": 0}
        answer = keyed.client(api_key=key).completions.create(**body)
        answers[key] = answer.usage.prompt_tokens_details.cached_tokens

    threads = [threading.Thread(target=ask, args=(key,)) for key in ["alice", "bob"]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {"alice": 0, "bob": 0}


def test_one_key_cannot_take_all_places(keyed):
    connections = [socket.create_connection(("127.0.0.1", keyed.port), timeout=60) for _ in range(7)]
    body = request(LONG | {"max_tokens": 3000}).replace(b"\r\n\r\n", b"\r\nAuthorization: Bearer alice\r\n\r\n", 1)
    for connection in connections[:6]:
        connection.sendall(body)
    keyed.until("vllm:num_requests_running", 4)
    keyed.until("vllm:num_requests_waiting", 2)
    connections[6].sendall(body)
    assert connections[6].recv(65536).startswith(b"HTTP/1.1 429")
    with pytest.raises(openai.RateLimitError, match="6 completions of this client are in progress or waiting and 1 more asked for"):
        keyed.client(api_key="alice").completions.create(**SHORT)
    # All slots are alice's, and bob need not wait for any to end.
    assert keyed.client(api_key="bob").completions.create(**SHORT).usage.completion_tokens == 4
    keyed.until("vllm:num_requests_running", 4)
    for connection in connections:
        connection.close()
    keyed.until("vllm:num_requests_running", 0)
    keyed.until("vllm:num_requests_waiting", 0)


def test_a_client_that_reads_nothing_keeps_no_slot_and_loses_nothing():
    server = Server("--threads", "2", "--parallel", "1")
    body = LONG | {"max_tokens": 4000, "stream": True, "stream_options": {"include_pieces": True}, "logprobs": 20}
    try:
        expected = server.client().completions.create(**(LONG | {"max_tokens": 4000})).choices[0].text
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.settimeout(60)
            slow.connect(("127.0.0.1", server.port))
            slow.sendall(request(body))
            # Others come after it as soon as what may wait for it is full, and not when its time is up.
            assert server.client().completions.create(**SHORT).usage.completion_tokens == 4
            assert server.metric("vllm:num_requests_waiting") == 1
            answer = b""
            while b"[DONE]" not in answer[-100:]:
                answer += slow.recv(1 << 20)
        events = [json.loads(line[6:]) for line in answer.splitlines() if line.startswith(b"data: {")]
        assert "".join(event["choices"][0]["text"] for event in events) == expected
        server.until("vllm:num_requests_waiting", 0)
    finally:
        assert server.stop() == 0


def test_what_is_begun_when_the_server_ends_is_not_lost():
    server = Server("--threads", "2", "--drain-time", "1")
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(request(LONG))
        server.until("vllm:num_requests_running", 1)
        time.sleep(0.3)
        server.process.terminate()
        answer = whole_answer(connection)
        assert answer["choices"][0]["finish_reason"] == "length" and answer["usage"]["completion_tokens"] > 0
    assert server.process.wait(20) == 0


def test_metrics_say_what_is_kept(server, client):
    client.completions.create(**SHORT)
    assert 0 < server.metric("speculate_prefix_cache_bytes") <= server.metric("speculate_prefix_cache_limit_bytes") == 512 << 20
