"""Connections that carry several requests, part of one, or something other than HTTP."""

from __future__ import annotations

import json
import random

from .client import Case
from .heads import PATHS
from .limits import NAME
from .messages import BODY, CHAT, CHUNKED, LENGTH, STREAM, TEXT, chunk, cut, get, post, scramble

TLS = bytes.fromhex("16030100c8010000c40303") + bytes(32) + b"\x20" + bytes(36) + bytes.fromhex("130113020100")
VERSIONS = [b"HTTP/1.2", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/11.1", b"http/1.1", b"HTTP/1.", b"HTTP/1.10", b""]
CLOSING = [
    get(b"/health", version=b"HTTP/1.0"), get(b"/nowhere", version=b"HTTP/1.0"), get(b"/health", b"Connection: close"),
    post(BODY).replace(b"HTTP/1.1", b"HTTP/1.0"), post(BODY, TEXT, b"Connection: close", length=LENGTH),
    post(STREAM, TEXT, b"Connection: close", length=b"%d" % len(STREAM)),
]  # fmt: skip
OTHER = [
    b"GET /\r\n", b"GET /health\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]), TLS,
    post(BODY).replace(b"\r\n", b"\n"), post(BODY).replace(b"\r\n", b"\r"), post(BODY).replace(b"\r\n", b"\r\r\n"),
    b"\r\n\r\n" + post(BODY), b"\n" * 5000, b"\r\n" * 50_000, b"\0" * 100_000, b"SSH-2.0-x\r\n", b"EHLO x\r\n", b"POST",
    b"A" * 150_000, b" " + post(BODY), b"", b"\x05\x01\x00", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + post(BODY),
    b"GET /health HTTP/1.1\r\n\r\n", get(b"/health", b"Content-Length: 5") + b"abcde",
    get(b"/health", CHUNKED) + b"1\r\na\r\n0\r\n\r\n", post(STREAM).replace(b"HTTP/1.1", b"HTTP/1.0"),
]  # fmt: skip


def pipeline_case(rng: random.Random) -> Case:
    count = rng.choice([2, 3, 10, 50])
    posts = [post(BODY), post(STREAM), post(b"{}"), post(BODY, CHAT)]
    data = b"".join(rng.choice([*posts, *map(get, PATHS[1:4]), get(b"/nowhere")]) for _ in range(count))
    kind = rng.random()
    if kind < 0.6:
        parts = cut(data, rng.choice([0, 1]), rng)
        return Case("pipelined", parts, 0.005, count=count, is_plain=True)
    if kind < 0.8:
        return Case("pipelined, nonsense", [data + scramble(posts[0], rng) + data], end="quiet")
    return Case("pipelined, gone", [data], end=rng.choice(["hang up", "reset"]))


def ending_case(rng: random.Random) -> Case:
    """Clients that are slow or disconnect, at any point."""
    long = {"model": NAME, "prompt": "Hi", "max_tokens": 500, "n": 4, "stream": rng.random() < 0.5}
    data = post(rng.choice([BODY, STREAM, json.dumps(long).encode()]))
    kind = rng.random()
    if kind < 0.5:
        part = data if rng.random() < 0.5 else data[: rng.randrange(len(data))]
        return Case("gone", [part], rng.choice([0, 0.001, 0.01, 0.05]), end=rng.choice(["hang up", "reset"]))
    if kind < 0.7:
        return Case("half-closed", [data[: rng.randrange(len(data))]], end="quiet", is_refused=True)
    parts = cut(data, rng.choice([3, 10, 30]), rng)
    return Case("dribbled", parts, rng.choice([0.001, 0.005, 0.01]), is_plain=True)


def protocol_case(rng: random.Random) -> Case:
    """HTTP/1.0, requests that end the connection, and bytes that are not HTTP."""
    kind = rng.random()
    if kind < 0.2:
        return Case("closing", [rng.choice(CLOSING)], is_plain=True, closes=True)
    if kind < 0.3:
        return Case("version", [get(b"/health", version=rng.choice(VERSIONS))], end="quiet")
    return Case("protocol", [rng.choice([*OTHER, rng.randbytes(rng.randrange(2000))])], end="quiet")


def scrambled_case(rng: random.Random) -> Case:
    chunked = post(chunk(BODY) + chunk(b""), TEXT, CHUNKED)
    return Case(
        "scrambled", [scramble(rng.choice([post(BODY), post(STREAM), get(b"/health"), chunked]), rng)], end="quiet"
    )
