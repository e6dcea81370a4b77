"""Requests that several tests send, and their answers."""

from __future__ import annotations

import json
import re
import socket

from conftest import NAME, Server

# Bodies of requests: a text, a chat, one whose answer is long, one whose answer is short.
TEXT = {"prompt": "The capital of France is", "max_tokens": 8, "temperature": 0}
CHAT = {"messages": [{"role": "user", "content": "Name a fruit."}], "max_tokens": 8, "temperature": 0}
LONG = {
    "model": NAME,
    "prompt": "Count: 1, 2, 3,",
    "max_tokens": 6000,
    "temperature": 0,
    "logit_bias": {"0": -100, "2": -100},
}
SHORT = LONG | {"max_tokens": 4}


def ask(server: Server, body: dict, path: str = "/v1/completions", *headers: str) -> dict:
    """The answer to a request that is accepted."""
    status, answer = server.post(path, json.dumps(body).encode(), *headers)
    assert status == 200, answer
    return answer


def error_of(server: Server, body: dict, path: str = "/v1/completions") -> dict:
    """The error with which a request is refused."""
    status, answer = server.post(path, json.dumps(body).encode())
    assert status == 400, answer
    return answer["error"]


def refused(server: Server, body: dict, path: str = "/v1/completions") -> str:
    """What a refusal says."""
    return error_of(server, body, path)["message"]


def request(body: dict, path: str = "/v1/completions") -> bytes:
    """A POST request as bytes."""
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


def whole_answer(connection: socket.socket) -> dict:
    """The JSON of a successful answer with Content-Length."""
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
