"""What operators rely on: limits, metrics, signals, clients that vanish, bodies that make no sense."""

from __future__ import annotations

import json
import random
import re
import signal
import socket
import subprocess
import threading
import time

import pytest
from conftest import MODEL, NAME, PROGRAM, Server

LONG = {
    "model": NAME,
    "prompt": "Count: 1, 2, 3,",
    "max_tokens": 6000,
    "temperature": 0,
    "logit_bias": {"0": -100, "2": -100},
}


def request(body: dict, path: str = "/v1/completions") -> bytes:
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


def whole_answer(connection: socket.socket) -> dict:
    """The JSON of an answer that says how long it is."""
    answer = b""
    while True:
        head, end, body = answer.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if end and length and len(body) >= int(length[1]):
            assert head.startswith(b"HTTP/1.1 200"), answer
            return json.loads(body)
        part = connection.recv(65536)
        assert part, answer
        answer += part


def test_health_says_when_the_model_is_there():
    server = Server("--threads", "1", wait=False)
    status, body = server.get("/health")
    first = server.post("/v1/completions", json.dumps(LONG | {"max_tokens": 1}).encode())
    if status == 503:  # It may have been quick.
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
        # The one in progress ends with what it has; the one that waits is told that it still lives, until its time is up.
        first = whole_answer(connections[0])
        assert first["choices"][0]["finish_reason"] == "length" and 0 < first["usage"]["completion_tokens"] < 6000
        text = b""
        while b"[DONE]" not in text:
            text += connections[1].recv(65536)
        # It may have had the moment between the two.
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


# What makes no sense, and is told so.

VALID = {"model": NAME, "prompt": "Hi", "max_tokens": 1}
CHAT = {"model": NAME, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
ODD = [True, -1, 1e300, "x" * 50, "", [], {}, [[]], [None], {"a": 1}, "\u0000", 2**63, -(2**70), 0.5, [1, "a"], [{}]]
# What is right among the odd values.
FINE = {
    "model": ["x" * 50, "", "\u0000"], "prompt": ["x" * 50, "\u0000"], "stop": ["x" * 50, "\u0000", []], "suffix": [""],
    "temperature": [0.5], "top_p": [0.5], "min_p": [0.5], "seed": [-1], "stream": [True], "stream_options": [{}],
    "max_tokens": [-1], "max_completion_tokens": [-1], "top_k": [-1], "echo": [True], "logit_bias": [{}], "presence_penalty": [-1, 0.5], "frequency_penalty": [-1, 0.5], "repetition_penalty": [0.5],
}  # fmt: skip


def bodies() -> list[tuple[str, bytes]]:
    """Paths and bodies, each wrong in its way."""
    out: list[tuple[str, bytes]] = []
    numbers = [
        "n",
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "presence_penalty",
        "frequency_penalty",
        "repetition_penalty",
    ]
    common = ["model", "stream", "stream_options", "logit_bias", "seed", "stop", "max_tokens", *numbers]
    for path, valid, names in [
        ("/v1/completions", VALID, [*common, "prompt", "logprobs", "best_of", "suffix", "echo"]),
        (
            "/v1/chat/completions",
            CHAT,
            [*common, "messages", "max_completion_tokens", "top_logprobs", "response_format"],
        ),
    ]:
        for name in names:
            for value in ODD:
                if not any(
                    value is fine or (value == fine and type(value) is type(fine)) for fine in FINE.get(name, [])
                ):
                    out.append((path, json.dumps(valid | {name: value}).encode()))
        for name in ["tools", "functions", "audio", "unknown", "Model", "max-tokens", "grammar"]:
            out += [(path, json.dumps(valid | {name: value}).encode()) for value in ODD if value not in ([], {})]
        out += [(path, json.dumps({k: v for k, v in valid.items() if k != name}).encode()) for name in list(valid)[1:2]]
        text = json.dumps(valid).encode()
        out += [(path, text[:end]) for end in range(len(text))]
        out += [
            (path, text[:place] + byte + text[place + 1 :])
            for place in (0, 9, len(text) - 1)
            for byte in (b"\xff", b"\x00", b"<")
        ]
        out += [(path, json.dumps(value).encode()) for value in [*ODD, None] if value not in ({"a": 1},)]
        out += [(path, b"[" * depth + b"]" * depth) for depth in (1, 10, 600, 50_000)]
        out += [(path, b'{"a":' * depth) for depth in (1, 10, 600, 30_000)]
        out += [(path, text + b"}"), (path, b"\xef\xbb"), (path, text.replace(b'"', b"'")), (path, b"model=x&prompt=y")]
    for message in [
        1,
        "x",
        None,
        [],
        {},
        {"role": "user"},
        {"content": "x"},
        {"role": "tool", "content": "x"},
        {"role": 1, "content": ""},
    ]:
        out.append(("/v1/chat/completions", json.dumps(CHAT | {"messages": [message]}).encode()))
    for content in ODD:
        if content not in ("x" * 50, "", "\u0000", []):
            out.append(
                (
                    "/v1/chat/completions",
                    json.dumps(CHAT | {"messages": [{"role": "user", "content": content}]}).encode(),
                )
            )
    for field in ["tool_calls", "function_call", "audio", "weight"]:
        out.append(
            ("/v1/chat/completions", json.dumps(CHAT | {"messages": [CHAT["messages"][0] | {field: "x"}]}).encode())
        )
    return out


def test_malformed_bodies_are_refused(server):
    wrong = bodies()
    for path, body in wrong:
        status, answer = server.post(path, body)
        assert status == 400, (path, body[:200], status, answer)
        assert answer["error"]["message"] and answer["error"]["type"] == "invalid_request_error", body[:200]
    print(len(wrong), "bodies")
    assert len(wrong) >= 1000
    assert server.get("/health")[0] == 200


def heads() -> list[bytes]:
    """Requests whose heads are wrong."""
    rng = random.Random(7)
    body = json.dumps(VALID).encode()
    good = [
        b"POST /v1/completions HTTP/1.1",
        b"Host: localhost",
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
    ]

    def join(lines: list[bytes], rest: bytes = body) -> bytes:
        return b"\r\n".join(lines) + b"\r\n\r\n" + rest

    out = []
    for first in [
        b"GET", b"", b"POST", b"POST /v1/completions", b"POST /v1/completions HTTP/9.9", b"POST /v1/completions HTTP/1",
        b"POST /v1/completions FTP/1.1", b"BREW /v1/completions HTTP/1.1", b"POST  HTTP/1.1", b"\x00\x01\x02", b"\x16\x03\x01\x02\x00",
        b"POST /v1/comp letions HTTP/1.1", b"post /v1/completions HTTP/1.1", b"PRI * HTTP/2.0", b"POST /v1/completions HTTP/1.1 x",
    ]:  # fmt: skip
        out.append(join([first, *good[1:]]))
    for line in [
        b"Content-Length: -1", b"Content-Length: x", b"Content-Length: 1e3", b"Content-Length: 99999999999999999999", b"Content-Length: +5",
        b"Content-Length: 5, 6", b"Transfer-Encoding: nonsense",
    ]:  # fmt: skip
        out.append(join([*good[:3], line]))
    out.append(join([*good, b"Content-Length: 3"]))
    out.append(join([*good, b"Transfer-Encoding: chunked"]))
    for chunk in [b"zz\r\n", b"-1\r\nx", b"5;\x00\r\n", b"fffffffffffffffffff\r\n", b"\r\n\r\n"]:
        out.append(join([*good[:3], b"Transfer-Encoding: chunked"], chunk))
    for name in [b"", b"na me", b"na\x00me", b"n\xc3\xa4me", b"na(me", b"na\x7fme", b"@"]:
        for value in [b"x", b"", b"\x01"]:
            out.append(join([*good, name + b": " + value]))
    out += [join([*good, b"X: a" + bytes([byte]) + b"b"]) for byte in (0, 1, 8, 11, 12, 127)]
    out += [join([*good, b"no colon here"]), join([*good, b" folded"]), join([good[0], b": none", *good[1:]])]
    out += [join([*good, b"X: " + b"y" * size]) for size in (90_000, 200_000)]
    out += [join([*good, *[b"X-%d: y" % n for n in range(count)]]) for count in (1001, 3000)]
    out += [join([b"POST /" + b"a" * 100_000 + b" HTTP/1.1", *good[1:]])]
    for _ in range(1000):  # Control characters where none may be.
        lines = list(good)
        row = rng.randrange(len(lines))
        place = rng.randrange(len(lines[row].split(b":")[0]) if row else 4)
        lines[row] = lines[row][:place] + bytes([rng.choice([0, 1, 2, 5, 11, 14, 27, 31, 127])]) + lines[row][place:]
        out.append(join(lines))
    return out


def test_malformed_heads_are_refused(server):
    wrong = heads()
    for head in wrong:
        try:
            answer = server.raw(head)
        except (ConnectionResetError, BrokenPipeError):
            continue  # Closed while the rest was being sent.
        assert answer.startswith(b"HTTP/1.1 4"), (head[:200], answer[:200])
    print(len(wrong), "heads")
    assert len(wrong) >= 1000
    assert server.get("/health")[0] == 200
    assert server.post("/v1/completions", json.dumps(VALID).encode())[0] == 200


def test_other_methods_types_and_paths(server):
    for path in ["/v1/completions", "/v1/chat/completions", "/health", "/metrics", "/v1/models", "/", "/openapi.json"]:
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]:
            if (method == "POST") == path.endswith("completions") and method in ("GET", "POST"):
                continue
            answer = server.raw(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
            assert answer.startswith(b"HTTP/1.1 405") and b"\r\nAllow: " in answer, (method, path)
    for kind in ["text/plain", "application/x-www-form-urlencoded\r\nOrigin: http://a.example", "nonsense", ""]:
        status, answer = server.post("/v1/completions", json.dumps(VALID).encode(), f"Content-Type: {kind}")
        assert status == 415 and "expected application/json" in answer["error"]["message"]
    status, answer = server.post("/v1/embeddings", b"{}")
    assert status == 404 and answer["error"]["type"] == "invalid_request_error"


def test_clients_that_send_half_of_it_do_not_stay(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(request(VALID)[:-5])
        assert connection.recv(65536).startswith(b"HTTP/1.1 408")
