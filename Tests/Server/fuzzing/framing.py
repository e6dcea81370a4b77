"""Requests with the wrong length, or with odd chunks."""

from __future__ import annotations

import random

from .client import Case
from .limits import BODY_LIMIT
from .messages import BODY, CHUNKED, LENGTH, TEXT, chunk, cut, get, post

LIES = [b"0", b"1", b"%d" % (len(BODY) - 1), b"%d" % (len(BODY) + 1), b"199999", b"200000", b"200001", b"9" * 12]
NO_LENGTHS = [
    b"-1", b"+5", b"0x10", b"1e3", b"5 6", b"5, 6", b"x", b"", b"5\0", b"99999999999999999999999",
    b"18446744073709551616", b"9223372036854775808", LENGTH + b".0", LENGTH + b"\r\nContent-Length: 5",
    b"0\r\nContent-Length: " + LENGTH,
    LENGTH + b"\r\nTransfer-Encoding: identity, chunked", LENGTH + b"\r\nTransfer-Encoding:\tchunked",
    LENGTH + b"\r\nTransfer-Encoding: chunked",
]  # fmt: skip


def length_case(rng: random.Random) -> Case:
    """Content-Length is wrong, not a length, or not alone; no server may accept the last two."""
    kind = rng.random()
    if kind < 0.45:
        return Case("length lies", [post(BODY, length=rng.choice(LIES))], end="quiet")
    if kind < 0.6:
        much = rng.choice([BODY_LIMIT + 1, 262_144, 1_000_000])
        return Case("body too long", [post(b" " * much)], is_plain=True, is_refused=True)
    smuggled = get(b"/v1/models") if rng.random() < 0.5 else b""
    return Case("no length", [post(BODY + smuggled, length=rng.choice(NO_LENGTHS))], end="quiet", is_refused=True)


NOTES = [b"", b"", b"", b";a=b", b';a="' + b"q" * 2000 + b'"', b";" * 100]
CODINGS = [
    b"xchunked", b"identity", b"gzip", b"chunked, identity", b"", b"chunked\r\nTransfer-Encoding: identity",
    b"\x0bchunked", b"chunked chunked",
]  # fmt: skip
NO_CHUNKS = [
    b"zz\r\nx\r\n", b"-1\r\nx\r\n", b"0x5\r\nabcde\r\n", b"+5\r\nabcde\r\n", b"5 5\r\nabcde\r\n", b"\r\n",
    b"f" * 17 + b"\r\n", b"1" + b"0" * 16 + b"\r\n", b"5\r\nabc\r\n", b"5\r\nabcdefgh\r\n", b"5;\0\r\nabcde\r\n",
    b"8" + b"0" * 15 + b"\r\n",
]  # fmt: skip


def chunked_case(rng: random.Random) -> Case:
    good = b"".join(chunk(part, rng.choice(NOTES)) for part in cut(BODY, rng.choice([0, 1, 5, 40]), rng))
    kind = rng.random()
    if kind < 0.3:
        trailer = rng.choice([b"", b"X: y\r\n", b"Content-Length: 3\r\n"])
        return Case("chunked", [post(good + b"0\r\n" + trailer + b"\r\n", TEXT, CHUNKED)], end="quiet")
    if kind < 0.4:
        much = chunk(b" " * 8192) * (BODY_LIMIT // 8192 + 2)
        return Case("chunked, too long", [post(much + chunk(b""), TEXT, CHUNKED)], is_plain=True, is_refused=True)
    if kind < 0.55:
        part = (good + chunk(b""))[: rng.randrange(len(good) + 5)]
        return Case("chunked, unfinished", [post(part, TEXT, CHUNKED)], end="quiet", is_refused=True)
    if kind < 0.75:
        coding = b"Transfer-Encoding: " + rng.choice(CODINGS)
        return Case("transfer coding", [post(good + chunk(b""), TEXT, coding)], end="quiet", is_refused=True)
    wrong = good + rng.choice(NO_CHUNKS) + chunk(b"")
    return Case("no chunk", [post(wrong, TEXT, CHUNKED)], end="quiet", is_refused=True)
