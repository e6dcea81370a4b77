"""Requests as bytes: whole, chunked, cut in pieces, scrambled."""

from __future__ import annotations

import json
import random

from .limits import NAME

TEXT, CHAT = b"/v1/completions", b"/v1/chat/completions"
BODY = json.dumps({"model": NAME, "prompt": "Hi", "max_tokens": 2}).encode()
LENGTH = b"%d" % len(BODY)
STREAM = json.dumps({"model": NAME, "prompt": "Hi", "max_tokens": 3, "stream": True, "n": 2}).encode()
CHUNKED = b"Transfer-Encoding: chunked"


def post(body: bytes, path: bytes = b"/v1/completions", *headers: bytes, length: bytes | None = None) -> bytes:
    """A POST request; with headers but no `length`, Content-Length is left out."""
    if not headers or length is not None:
        headers = (*headers, b"Content-Length: " + (length if length is not None else b"%d" % len(body)))
    lines = [b"POST " + path + b" HTTP/1.1", b"Host: localhost", b"Content-Type: application/json", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def get(path: bytes, *headers: bytes, version: bytes = b"HTTP/1.1", method: bytes = b"GET") -> bytes:
    return b"\r\n".join([method + b" " + path + b" " + version, b"Host: localhost", *headers]) + b"\r\n\r\n"


def chunk(data: bytes, note: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n" % (len(data), note, data)


def cut(data: bytes, count: int, rng: random.Random) -> list[bytes]:
    """Bytes cut into pieces, none of them empty."""
    cuts = sorted(rng.randrange(1, len(data)) for _ in range(count))
    return [part for part in (data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)) if part]


def scramble(data: bytes, rng: random.Random) -> bytes:
    """Changes some bytes."""
    for _ in range(rng.choice([1, 1, 2, 5])):
        place = rng.randrange(len(data) + 1)
        other = min(len(data), place + rng.choice([1, 1, 2, 8, 60]))
        some = bytes(
            rng.choice(b'\0\t\n\r ",:[\\{\x7f\x80\xff' + rng.randbytes(2)) for _ in range(rng.choice([1, 1, 4]))
        )
        data = rng.choice([
            data[:place] + some + data[place:], data[:place] + some + data[other:], data[:place] + data[other:],
            data[:other] + data[place:], data[:place] + data[place:other] * 50 + data[other:],
        ])  # fmt: skip
    return data
