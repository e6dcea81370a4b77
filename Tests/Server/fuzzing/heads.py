"""Requests whose method, path or headers are odd."""

from __future__ import annotations

import random

from .client import Case
from .limits import NAME
from .messages import BODY, CHAT, LENGTH, TEXT, get, post
from .values import Make, one_of

PATHS = [
    b"/", b"/health", b"/metrics", b"/v1/models", b"/v1/models/" + NAME.encode(), b"/openapi.json", b"/tokenizer_info",
    TEXT, CHAT,
]  # fmt: skip
METHODS = [b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS"]
ODD_METHODS = [b"TRACE", b"PROPFIND", b"M-SEARCH", b"QUERY", b"BREW", b"CONNECT", b"get", b"A" * 200, b"\xff", b""]
ODD_PATHS = [
    b"*", b"//", b"/v1//completions", b"/v1/../v1/models", b"/%2e%2e/%2e%2e/etc/passwd", b"/%", b"/%zz", b"/%00",
    b"/v1/models/%00", b"/v1/models/%ff", b"/v1/models/%F0%9F%98%80", b"/v1/models/%2F", b"/v1/models/", b"/%ff%fe",
    b"/v1/models/:model", b"/v1/models/a/b", b"/v1/%63ompletions", b"/health?x=%zz&&==", b"/health?" + b"a=b&" * 2000,
    b"http://localhost/health", b"http://[::1/health", b"https://x:99999/health", b"localhost:80", b"/\xff\xfe",
    b"/\thealth", b"/he alth", b"/health#x", b"/health;x", b"/" + b"a" * 20_000, b"/" + b"%41" * 20_000, b"?", b"#",
    b"/" + b"a/" * 5000, b"x", b"/v1/models/\xf0\x9f\x98\x80", b"/v1/models/" + b"z" * 5000,
]  # fmt: skip


def method_case(rng: random.Random) -> Case:
    path = rng.choice(PATHS)
    kind = rng.random()
    if kind < 0.15:
        return Case("HEAD", [get(path, method=b"HEAD")], is_head=True)
    if kind < 0.6:
        return Case("method", [get(path, b"Content-Length: 0", method=rng.choice(METHODS))], is_plain=True)
    return Case("odd method", [get(path, b"Content-Length: 0", method=rng.choice(ODD_METHODS))], end="quiet")


def path_case(rng: random.Random) -> Case:
    path = rng.choice(ODD_PATHS)
    if rng.random() < 0.2:
        path = b"/" + bytes(rng.choice(b'%/.?a0Zf#&=\\^~\x80"') for _ in range(rng.randrange(60)))
    return Case("path", [get(path) if rng.random() < 0.7 else post(BODY, path)], end="quiet")


HEADERS: dict[str, Make] = {
    "size": lambda rng: b"X: " + b"y" * rng.choice([1000, 8000, 16_000, 60_000, 80_000, 90_000, 200_000]),
    "count": lambda rng: b"\r\n".join(b"X-%d: y" % n for n in range(rng.choice([50, 99, 100, 101, 500, 3000]))),
    "again": lambda rng: b"\r\n".join(
        [rng.choice([b"Host: a", b"Accept: */*", b"Authorization: Bearer x", b"Content-Type: text/plain"])] * 50
    ),
    "name": lambda rng: rng.randbytes(rng.randrange(8)) + b": x",
    "value": lambda rng: b"X: " + rng.randbytes(rng.randrange(40)),
    "folded": one_of(b"X: a\r\n b\r\n\tc"),
    "content type": one_of(
        b"Content-Type:",
        b"Content-Type: application/json; charset=" + b"a" * 5000,
        b"Content-Type: application/json;;;=",
        b"Content-Type: application/JSON",
        b"Content-Type: /",
        b'Content-Type: a/b; q="',
        b"Content-Type: \xff/\xff",
    ),  # fmt: skip
    "authorization": one_of(
        b"Authorization:",
        b"Authorization: Bearer",
        b"Authorization: Basic eDp5",
        b"Authorization: Bearer \xff\xfe",
        b"Authorization: bearer " + b"k" * 10_000,
        b"Authorization: BEARER x y z",
    ),  # fmt: skip
    "connection": one_of(
        b"Connection:",
        b"Connection: upgrade\r\nUpgrade: websocket",
        b"Connection: keep-alive, close",
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk",
        b"Connection: " + b"," * 1000,
    ),  # fmt: skip
    "encoding": one_of(b"Accept-Encoding: gzip, br", b"Content-Encoding: gzip", b"Content-Encoding: nonsense"),
    "expect": one_of(b"Expect: 100-continue", b"Expect: 200-ok", b"TE: trailers", b"Trailer: Content-Length"),
    "condition": one_of(b"Range: bytes=0-1", b"If-Match: *", b"If-Modified-Since: yesterday", b"If-None-Match: *"),
    "trace": one_of(b"traceparent: 00-0-0-0", b"traceparent: " + b"x" * 1000, b'Forwarded: for="_x"'),
}


def header_case(rng: random.Random) -> Case:
    kind = rng.choice(list(HEADERS))
    line = HEADERS[kind](rng)
    assert isinstance(line, bytes)
    path = rng.choice([TEXT, CHAT])
    data = get(rng.choice(PATHS), line) if rng.random() < 0.3 else post(BODY, path, line, length=LENGTH)
    return Case(f"header, {kind}", [data], end="quiet")
