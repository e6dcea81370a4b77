"""What operators rely on: limits, metrics, signals, and what becomes of clients that disconnect."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
import time

import pytest
from conftest import MODEL, NAME, PROGRAM, Server
from exchanges import LONG, request, whole_answer


def test_health_says_when_the_model_is_there():
    server = Server("--threads", "1", wait=False)
    status, body = server.get("/health")
    first = server.post("/v1/completions", json.dumps(LONG | {"max_tokens": 1}).encode())
    if status == 503:  # Loading may have been faster.
        assert json.loads(body) == {"status": "loading"}
        assert first[0] in (200, 503)
    server.wait()
    assert json.loads(server.get("/health")[1]) == {"status": "ok"}
    assert server.stop() == 0


def test_metrics(server, client):
    names = [f"vllm:spec_decode_num_{name}_total" for name in ["drafts", "draft_tokens", "accepted_tokens"]]
    names += [
        "vllm:spec_decode_num_accepted_tokens_per_pos_total",
        "vllm:prompt_tokens_total",
        "vllm:generation_tokens_total",
    ]
    before = {name: server.metric(name) for name in names}
    count = server.metric("gen_ai_server_time_to_first_token_seconds_count")
    answer = client.completions.create(model=NAME, prompt="a b c a b c a b c a b", temperature=0, max_tokens=50)
    usage = answer.usage
    after = {name: server.metric(name) - before[name] for name in names}
    details = usage.completion_tokens_details
    assert after["vllm:prompt_tokens_total"] == usage.prompt_tokens
    assert after["vllm:generation_tokens_total"] == usage.completion_tokens
    assert after["vllm:spec_decode_num_accepted_tokens_total"] == details.accepted_prediction_tokens > 0
    assert after["vllm:spec_decode_num_accepted_tokens_per_pos_total"] == details.accepted_prediction_tokens
    drafted = after["vllm:spec_decode_num_draft_tokens_total"]
    assert drafted == details.accepted_prediction_tokens + details.rejected_prediction_tokens
    assert 0 < after["vllm:spec_decode_num_drafts_total"] <= drafted
    assert server.metric("gen_ai_server_time_to_first_token_seconds_count") == count + 1
    for name in ["request_duration", "time_per_output_token"]:
        assert server.metric(f"gen_ai_server_{name}_seconds_sum") > 0
    text = server.get("/metrics")[1]
    for line in text.splitlines():
        assert line.startswith("# TYPE ") or float(line.rsplit(" ", 1)[1]) >= 0, line
    assert f'model_name="{NAME}"' in text and 'finished_reason="length"' in text


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_hangs_up_ends_its_completion(server, stream):
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(request(LONG | {"stream": stream, "n": 2}))
        server.until("vllm:num_requests_running", 2)
        if stream:
            assert connection.recv(10).startswith(b"HTTP/1.1 2")
    server.until("vllm:num_requests_running", 0)


def test_a_connection_serves_request_after_request(server):
    short = (
        request(LONG | {"max_tokens": 3}) + request(LONG | {"max_tokens": 3, "stream": True}) + request({"model": 3})
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(short)
        answer = b""
        while b"model is 3" not in answer:
            answer += connection.recv(65536)
    assert answer.count(b"HTTP/1.1 ") == 3 and answer.count(b"HTTP/1.1 200") == 2


def test_limits():
    server = Server(
        "--threads", "1", "--parallel", "1", "--queue", "1", "--time-limit", "3", "--max-prompt", "20", "--ping-period", "1",
        "--max-body", "1000",
    )  # fmt: skip
    try:
        status, error = server.post("/v1/completions", json.dumps(LONG | {"prompt": "a b " * 30}).encode())
        assert status == 400 and error["error"]["message"] == "the prompt has 61 tokens, expected at most 20"
        assert server.post("/v1/completions", b" " * 1001)[0] == 413
        connections = []
        for count in [1, 2]:
            connections.append(socket.create_connection(("127.0.0.1", server.port), timeout=30))
            connections[-1].sendall(request(LONG | {"stream": count == 2}))
            server.until("vllm:num_requests_running" if count == 1 else "vllm:num_requests_waiting", 1)
        answer = server.raw(request(LONG))
        assert answer.startswith(b"HTTP/1.1 503") and b"Retry-After: 1" in answer
        assert b"2 completions are in progress or waiting, expected at most 2" in answer
        # The one in progress ends with the text that it has; the waiting one gets pings until its time is up.
        first = whole_answer(connections[0])
        assert first["choices"][0]["finish_reason"] == "length" and 0 < first["usage"]["completion_tokens"] < 6000
        text = b""
        while b"[DONE]" not in text:
            text += connections[1].recv(65536)
        # It may have begun in the moment between the two.
        assert b": ping\n\n" in text
        assert b"did not begin within this server's time limit" in text or b'"finish_reason":"length"' in text
        for connection in connections:
            connection.close()
    finally:
        assert server.stop() == 0


def test_connections_beyond_the_limit_wait_to_be_accepted():
    server = Server("--threads", "1", "--max-connections", "2")
    ask = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    try:
        held = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(2)]
        for connection in held:
            connection.sendall(ask)
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        with socket.create_connection(("127.0.0.1", server.port), timeout=1) as third:
            third.sendall(ask)
            with pytest.raises(TimeoutError):
                third.recv(4096)
            held[0].close()
            third.settimeout(20)
            assert third.recv(4096).startswith(b"HTTP/1.1 200")
        held[1].close()
    finally:
        assert server.stop() == 0


def test_a_signal_ends_the_server_when_what_it_has_begun_is_done():
    server = Server("--threads", "2")
    answers = []
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(request(LONG | {"max_tokens": 500, "stream": True}))
        whole = threading.Thread(
            target=lambda: answers.append(server.client().completions.create(**(LONG | {"max_tokens": 500})))
        )
        whole.start()
        server.until("vllm:num_requests_running", 2)
        server.process.send_signal(signal.SIGTERM)
        text = b""
        while part := connection.recv(65536):
            text += part
        assert b"[DONE]" in text
    whole.join()
    assert answers[0].usage.completion_tokens == 500
    assert server.process.wait(30) == 0
    with pytest.raises(ConnectionRefusedError):
        server.raw(b"")


def test_a_signal_does_not_wait_for_ever():
    server = Server("--threads", "2", "--drain-time", "1")
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(request(LONG | {"stream": True}))
        server.until("vllm:num_requests_running", 1)
        start = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        text = b""
        while part := connection.recv(65536):
            text += part
        assert b'"finish_reason":"length"' in text and text.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        server.process.wait(20)
        assert time.monotonic() - start < 10


def fails(*flags: str) -> tuple[int, str]:
    done = subprocess.run([PROGRAM, "serve", *flags], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


def test_wrong_flags_are_told(server, tmp_path):
    status, text = fails("--model", MODEL, "--port", str(server.port))
    assert status == 1 and f"cannot listen on 127.0.0.1:{server.port}: Address already in use" in text
    assert fails("--model", "/nowhere.gguf", "--port", "0")[0] == 66
    status, text = fails("--port", "99999")
    assert status == 64 and "--port is 99999, expected 0 to 65535" in text
    assert fails("--parallel", "0")[0] == 64
    (tmp_path / "none").write_text("\n \n")
    status, text = fails("--model", MODEL, "--port", "0", "--api-key-file", str(tmp_path / "none"))
    assert status == 64 and "holds no key" in text
    assert fails("--model", MODEL, "--port", "0", "--api-key-file", str(tmp_path / "missing"))[0] == 66
