"""Malformed requests, which are refused with a message."""

from __future__ import annotations

import json
import random
import socket

from conftest import NAME
from exchanges import request

VALID = {"model": NAME, "prompt": "Hi", "max_tokens": 1}
CHAT = {"model": NAME, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
ODD = [True, -1, 1e300, "x" * 50, "", [], {}, [[]], [None], {"a": 1}, "\u0000", 2**63, -(2**70), 0.5, [1, "a"], [{}]]
# The odd values that are valid.
FINE = {
    "model": ["x" * 50, "", "\u0000"], "prompt": ["x" * 50, "\u0000"], "stop": ["x" * 50, "\u0000", []], "suffix": [""],
    "temperature": [0.5], "top_p": [0.5], "min_p": [0.5], "seed": [-1], "stream": [True], "stream_options": [{}],
    "max_tokens": [-1], "max_completion_tokens": [-1], "top_k": [-1], "echo": [True], "logit_bias": [{}], "presence_penalty": [-1, 0.5], "frequency_penalty": [-1, 0.5], "repetition_penalty": [0.5],
}  # fmt: skip


def bodies() -> list[tuple[str, bytes]]:
    """Paths and bodies, each with something wrong."""
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
    """Requests with something wrong in their heads."""
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
    for _ in range(1000):  # Control characters where none are allowed.
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
