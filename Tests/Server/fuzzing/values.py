"""JSON values of every kind, valid and invalid, and how they are written."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

from .limits import NAME

Make = Callable[[random.Random], object]


class Odd(bytes):
    """Bytes that are written as they are, JSON or not."""


class Pairs(list):
    """An object as a list of [key, value], in order; keys may repeat."""


def tree(value: object) -> object:
    """A value with its dictionaries as `Pairs`."""
    if isinstance(value, dict):
        return Pairs([key, tree(part)] for key, part in value.items())
    return [tree(part) for part in value] if isinstance(value, list) else value


def write(value: object, rng: random.Random) -> bytes:
    """A value as JSON, escaped as ASCII or not."""
    if isinstance(value, Odd):
        return bytes(value)
    if isinstance(value, Pairs):
        return b"{" + b",".join(write(key, rng) + b":" + write(part, rng) for key, part in value) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(write(part, rng) for part in value) + b"]"
    return json.dumps(value, ensure_ascii=rng.random() < 0.7).encode("utf-8", "surrogatepass")


NUMBERS = """
    0 -0 -0.0 1 -1 0.5 2 16 17 127 128 129 1e0 1E+2 10e-1 100 100.00001 1e400 -1e400 1e-400 5e-324 0.1e1 1.0 2.0
    2.2250738585072011e-308 1e39 -1e39 3.4028235e38 3.4028236e38 1.17549435e-38 1e-46 1e19 1e300 1.9999999999999999999
    2147483647 2147483648 -2147483648 -2147483649 4294967295 4294967296 9007199254740993 9223372036854775807
    9223372036854775808 -9223372036854775808 -9223372036854775809 18446744073709551615 18446744073709551616
    00 01 -01 1. .5 +1 1e 1e+ 0x10 1_000 1,2 - --1 NaN -NaN nan Infinity -Infinity inf True None undefined
    true false null true false null
""".split()
TEXTS = [
    "", " ", "\0", "a\0b", "\ud800", "\udfff\ud800", "a\ud83d", "\U0001f600", "\U0010ffff", "\ufeff", "\uffff",
    "\u202eabc", "\u2028", "\x1b[2J", "\r\n", "\t", "\\", '"', "/", "'", "%s%n", "{{}}", "${x}", "../../etc/passwd",
    "<|im_start|>", "<|im_end|>", "<|im_start|>system\n", "<|endoftext|>", "<|eot_id|>", "<|begin_of_text|>", "</s>",
    "<|start_header_id|>assistant<|end_header_id|>\n\n", "[INST]", "user", "assistant", "text", "json_object", "null",
    "\u0130\u0131\u017f\u00df", "\u0e33\u0e33", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u1100\u1161\u11a8",
    "e\u0301", "日本語", "नमस्ते", "ﷺ", "\x7f\x80\x9f", "<script>", "1", NAME,
]  # fmt: skip
UNITS = [
    "a",
    " ",
    "\n",
    "ab ",
    "e\u0301",
    "\u0301",
    "\U0001f600",
    "日",
    "0",
    "\0",
    "the ",
    "<|im_end|>",
    "\ud800",
    "\r\n",
]
BROKEN = [
    b'"\xff\xfe"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xe2\x82"', b'"\x80"', b'"\\x41"',
    b'"\\ud800\\u0041"', b'"\\uD83D\\uDE00"', b'"\\u0000"', b'"\\u12"', b'"\n"', b'"\0"', b'"\\"', b"'a'", b'"a', b"",
    b"[1,]", b"[,1]", b'{"a"}', b'{"a":}', b'{"a":1,}', b"{,}", b"/**/1", b"//\n1", b'\xef\xbb\xbf"a"', b'"a" "b"',
    b"\x0b1", b"\xc2\xa01", b"{1:2}", b"{null:1}", b'"\\/\\b\\f\\u00e9"', b"\xff", b"[", b"]", b"{}}",
]  # fmt: skip


def size(rng: random.Random) -> int:
    """A count that is mostly small, sometimes near the body limit."""
    return rng.choice([1, 2, 3, 7, 10, 41, 100, 1000, 5000, 20_000]) if rng.random() < 0.95 else rng.randrange(150_000)


def long_text(rng: random.Random) -> str:
    unit = rng.choice(UNITS)
    return unit * max(1, size(rng) // (len(unit) * (1 if unit.isascii() else 6)))


def text(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.5:
        return rng.choice(TEXTS)
    if kind < 0.7:
        return long_text(rng)
    if kind < 0.85:
        return "".join(chr(rng.randrange(rng.choice([128, 0x3000, 0x110000]))) for _ in range(rng.randrange(60)))
    return "".join(rng.choice(TEXTS) for _ in range(rng.randrange(8)))


def nested(rng: random.Random) -> Odd:
    depth = rng.choice([2, 5, 100, 511, 512, 513, 600, 5000, 30_000])
    opening, closing = rng.choice([(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")])
    return Odd(opening * depth + b"1" + closing * (depth if rng.random() < 0.7 else rng.randrange(depth)))


def digits(rng: random.Random) -> Odd:
    many = b"1" * size(rng)
    return Odd(rng.choice([many, b"0." + many, b"-" + many, b"1e" + many, b"0." + b"0" * len(many) + b"1"]))


def odd(rng: random.Random, depth: int = 0) -> object:
    """Any value, valid or not."""
    kind = rng.random() * (1 if depth < 3 else 0.8)
    if kind < 0.35:
        return Odd(rng.choice(NUMBERS).encode())
    if kind < 0.62:
        return text(rng)
    if kind < 0.70:
        return Odd(rng.choice(BROKEN))
    if kind < 0.74:
        return nested(rng) if kind < 0.72 else digits(rng)
    if kind < 0.8:
        return None if kind < 0.77 else [rng.choice([0, "a", None, 1.5, True])] * size(rng)
    if kind < 0.92:
        count = rng.choice([0, 1, 1, 2, 3, 17, 130]) if depth == 0 else rng.randrange(4)
        return [odd(rng, depth + 1) for _ in range(count)]
    return Pairs([text(rng), odd(rng, depth + 1)] for _ in range(rng.randrange(4)))


def numbers(low: float, high: float) -> Make:
    return lambda rng: rng.choice([low, high, (low + high) / 2, rng.uniform(low, high)])


def one_of(*values: object) -> Make:
    return lambda rng: rng.choice(values)
