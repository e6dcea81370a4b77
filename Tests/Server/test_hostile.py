"""Clients that mean harm, or might: what they can take, and how their requests end."""

from __future__ import annotations

import json
import socket
import threading
import time

import pytest
from conftest import Server
from exchanges import LONG, SHORT, refused, request, whole_answer


def test_a_prompt_that_is_too_long_is_refused_by_its_length():
    server = Server("--threads", "1", "--context", "2048")
    try:
        # One has too many bytes, the other too many tokens.
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
        assert time.monotonic() - start < 20  # Each once took a minute.
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
        with pytest.raises(OSError):  # The rest is not read forever either.
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
        # Every choice counts.
        holding = socket.create_connection(("127.0.0.1", server.port))
        holding.sendall(request(LONG | {"n": 3}))
        server.until("vllm:num_requests_running", 2)
        assert server.post("/v1/completions", json.dumps(SHORT | {"n": 2}).encode())[0] == 503
        holding.close()
    finally:
        assert server.stop() == 0


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
            # Others get the slot as soon as its unread output is full, not only when its time is up.
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
