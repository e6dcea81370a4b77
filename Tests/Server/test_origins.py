"""Requests from pages of other origins, which `--cors` admits."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from conftest import MODEL, PROGRAM, Server
from exchanges import CHAT, TEXT


def test_pages_of_other_origins_ask_where_the_operator_lets_them():
    server = Server("--threads", "1", "--cors", "https://chat.example", "--log-level", "info")
    try:
        ask_first = (
            b"OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: x\r\nOrigin: https://chat.example\r\n"
            b"Access-Control-Request-Method: POST\r\n"
            b"Access-Control-Request-Headers: content-type,authorization, X-Stainless-Lang,not a name\r\n"
            b"Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        answer = server.raw(ask_first).lower()
        assert answer.startswith(b"http/1.1 204") and b"access-control-allow-origin: https://chat.example" in answer
        assert b"access-control-allow-headers: content-type, authorization, x-stainless-lang\r\n" in answer
        assert b"access-control-allow-methods: get, post" in answer and b"vary: origin" in answer
        refusal = server.raw(ask_first.replace(b"https://chat.", b"https://other.")).lower()
        assert refusal.startswith(b"http/1.1 405") and b"access-control" not in refusal and b"vary: origin" in refusal
        body = json.dumps(CHAT).encode()
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nOrigin: https://chat.example\r\nContent-Type: application/json\r\n"
        answer = server.raw(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"access-control-allow-origin: https://chat.example" in answer.lower()
    finally:
        assert server.stop() == 0
    log = "".join(server.log)
    assert re.search(r"info.*POST /v1/chat/completions 200, \d+ tokens, τ \d[.\d]*, \d+ ms", log), log


@pytest.mark.parametrize(
    ("flag", "origin"),
    [
        ("*", "null"), ("http://localhost:3000", "http://localhost:3000"),
        ("HTTPS://Chat.Example:443", "https://chat.example"), ("http://[::1]:8000", "http://[::1]:8000"), ("chrome-extension://abc", "chrome-extension://abc"),
    ],
)  # fmt: skip
def test_an_origin_is_known_as_browsers_write_it(flag, origin):
    server = Server("--threads", "1", "--cors", flag, wait=False)
    try:
        answer = server.raw(b"GET /v1/models HTTP/1.1\r\nHost: x\r\nOrigin: %s\r\n\r\n" % origin.encode()).decode()
        assert f"access-control-allow-origin: {'*' if flag == '*' else origin}\r\n" in answer.lower()
    finally:
        server.stop()


@pytest.mark.parametrize(
    "flag",
    [
        "", "example.com", "http://a.com/", "http://a.com/path", "http://a.com:", "http://a.com:0",
        "http://a.com:99999", "http://", "http://*.a.com", "http://a.com,http://b.com", "http://user@a.com",
        "http://[::1", "null", "http://ä.com",
    ],
)  # fmt: skip
def test_an_origin_that_no_page_has_is_refused_at_the_start(flag):
    command = [PROGRAM, "serve", "--model", MODEL, "--port", "0", "--cors", flag]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 64 and f"--cors is '{flag}', expected '*' or scheme://host[:port]" in done.stderr


def test_without_being_let_they_do_not(server):
    body = json.dumps(TEXT).encode()
    head = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nOrigin: https://chat.example\r\nContent-Type: application/json\r\n"
    answer = server.raw(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert b"access-control" not in answer.lower()
