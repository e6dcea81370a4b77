"""Fuzzes the HTTP service with JSON bodies and with bytes that are hardly HTTP.

    python Tests/Server/fuzz.py --program .build/release/speculate --model Tests/Fixtures/tiny-llama3.gguf \\
        --flags "--chat-format llama-3" --minutes 10

Starts `speculate serve` with small limits and sends generated requests from several connections. A finding is a
server that dies, is silent on /health for 2 s or grows by 1 GB, an answer that is no well-formed HTTP, comes 2 s later
than its limits allow, or has a status or a body that it should not have (`problems` is the whole list). What was sent
is saved, a summary printed; the exit status is 1 when there is a finding. A seed and a number of jobs give the same
requests again. What was once a finding belongs into `Tests/Server/corpus`, which `test_corpus.py` sends. The standard
library is enough.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import re
import select
import shlex
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "SmolLM2-135M-Instruct.Q4_1"  # Whatever the model is, so that the corpus is right for the tests' server.
TIME_LIMIT, BODY_LIMIT = 3, 200_000
GRACE = 2.0  # Seconds beyond what the limits allow.
PATIENCE = 0.15  # For an answer to bytes that may not be a whole request.
MEMORY = 1 << 30
SENSIBLE = {200, 400, 401, 403, 404, 405, 408, 411, 413, 414, 415, 417, 422, 426, 429, 431, 503}

# Answers


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    is_chunked: bool

    @property
    def is_bare(self) -> bool:
        """What the HTTP parser says to bytes that are no request."""
        return self.status == 400 and not self.body and self.headers.get("connection") == "close"


class Malformed(Exception):
    """Why something is no HTTP answer."""


def take_answer(data: bytes, is_head: bool = False) -> tuple[Answer, bytes] | None:
    """The first answer and what follows it; nothing while it is not complete."""
    head, end, rest = data.partition(b"\r\n\r\n")
    if not end:
        if not b"HTTP/1.1 ".startswith(data[:9]) and not data.startswith(b"HTTP/1."):
            raise Malformed(f"no status line: {data[:60]!r}")
        return None
    first, *lines = head.split(b"\r\n")
    status = re.fullmatch(rb"HTTP/1\.[01] (\d{3}) [\t -~]*", first)
    if not status:
        raise Malformed(f"no status line: {first[:60]!r}")
    headers: dict[str, str] = {}
    for line in lines:
        found = re.fullmatch(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~]*?)[ \t]*", line)
        if not found:
            raise Malformed(f"not a header: {line[:60]!r}")
        name = found[1].decode().lower()
        if name in headers and name in ("content-length", "transfer-encoding", "content-type"):
            raise Malformed(f"{name} comes twice")
        headers[name] = found[2].decode()
    code = int(status[1])
    if 100 <= code < 200:
        return take_answer(rest, is_head)
    is_chunked = "transfer-encoding" in headers
    if is_chunked and ("content-length" in headers or headers["transfer-encoding"].lower() != "chunked"):
        raise Malformed(f"framing: {headers}")
    if is_head or code in (204, 304):
        return Answer(code, headers, b"", is_chunked), rest
    if is_chunked:
        taken = take_chunks(rest)
        return (Answer(code, headers, taken[0], True), taken[1]) if taken else None
    if first.startswith(b"HTTP/1.0") and headers.get("content-type", "").startswith("text/event-stream"):
        # Ends with the connection; its own last words tell that nothing is missing.
        return (Answer(code, headers, rest, False), b"") if rest.endswith(b"data: [DONE]\n\n") else None
    if not headers.get("content-length", "").isdigit():
        raise Malformed(f"no content length: {headers}")
    length = int(headers["content-length"])
    return (Answer(code, headers, rest[:length], False), rest[length:]) if len(rest) >= length else None


def take_chunks(data: bytes) -> tuple[bytes, bytes] | None:
    """A chunked body and what follows it."""
    body: list[bytes] = []
    while True:
        line, end, data = data.partition(b"\r\n")
        if not end:
            return None
        if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", line):
            raise Malformed(f"not a chunk's size: {line[:60]!r}")
        size = int(line, 16)
        if len(data) < size + 2:
            return None
        if data[size : size + 2] != b"\r\n":
            raise Malformed("a chunk does not end where it says")
        if size == 0:
            return b"".join(body), data[2:]
        body.append(data[:size])
        data = data[size + 2 :]


def strict_json(text: bytes) -> object:
    """JSON with nothing in it that some parsers refuse."""

    def constant(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    value = json.loads(text.decode(), parse_constant=constant)
    json.dumps(value, ensure_ascii=False).encode()  # Refuses lone surrogates.
    return value


def is_error(value: object) -> bool:
    """Whether it has the shape of OpenAI's errors."""
    if not isinstance(value, dict) or set(value) != {"error"} or not isinstance(value["error"], dict):
        return False
    error = value["error"]
    texts = [error.get("message"), error.get("type")]
    return all(isinstance(text, str) and text for text in texts) and all(
        name in error and isinstance(error[name], str | None) for name in ("param", "code")
    )


def body_problem(answer: Answer, case: Case) -> str | None:
    """What is wrong with an answer's body."""
    if case.is_head or (answer.is_bare and not case.is_plain):
        return None
    try:
        if answer.status >= 400:
            value = strict_json(answer.body)
            is_loading = answer.status == 503 and value == {"status": "loading"}
            return None if is_error(value) or is_loading else f"not OpenAI's error: {answer.body[:200]!r}"
        kind = answer.headers.get("content-type", "")
        if kind.startswith("text/event-stream"):
            return stream_problem(answer.body, may_be_ended=case.end == "quiet")
        if kind.startswith("application/json"):
            strict_json(answer.body)
    except ValueError as error:
        return f"{error}: {answer.body[:200]!r}"
    return None


def stream_problem(body: bytes, may_be_ended: bool) -> str | None:
    """What is wrong with server-sent events; they may be ended by the server when the client half-closed."""
    events = body.split(b"\n\n")
    if len(events) < 2 or events[-1] or events[-2] != b"data: [DONE]":
        return f"the stream ends in {body[-60:]!r}"
    for event in events[:-2]:
        if event == b": ping":
            continue
        if not event.startswith(b"data: "):
            return f"not an event: {event[:100]!r}"
        value = strict_json(event[6:])
        if isinstance(value, dict) and "error" in value and not (is_error(value) and may_be_ended):
            return f"an error in the stream: {event[:200]!r}"
    return None


# One exchange


# Bytes that the server's system keeps of what is not read yet. Who sends nonsense behind a request is hung up on, and may
# lose what of a longer answer is not on its way by then.
SEND_BUFFER = 128 << 10


def declared(answer: bytes) -> int:
    """How long the answer's body is to be, by its own word."""
    found = re.search(rb"content-length: (\d+)", answer, re.IGNORECASE)
    return int(found[1]) if found else 0



@dataclass
class Case:
    kind: str
    parts: list[bytes]
    pause: float = 0  # Between two parts.
    end: str = "answer"  # "answer": it must come; "quiet": perhaps none, then half-closed; "hang up"; "reset".
    count: int = 1  # Answers that must come.
    is_head: bool = False
    is_plain: bool = False  # Well-formed HTTP, so that no answer is the HTTP parser's own.
    is_refused: bool = False  # No answer may be 200.
    closes: bool = False  # The server must close the connection after its answers.

    @property
    def data(self) -> bytes:
        return b"".join(self.parts)


@dataclass
class Outcome:
    answers: list[Answer] = field(default_factory=list)
    rest: bytes = b""
    malformed: str | None = None
    is_closed: bool = False
    is_reset: bool = False
    seconds: float = 0  # From the last byte sent to the last of the answers.


def connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=GRACE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def send(connection: socket.socket, case: Case) -> None:
    connection.settimeout(TIME_LIMIT + GRACE)
    for part in case.parts:
        connection.sendall(part)
        if case.pause:
            time.sleep(case.pause)


def converse(connection: socket.socket, case: Case) -> Outcome:
    """Sends a case and reads what comes."""
    outcome = Outcome()
    try:
        send(connection, case)
    except OSError:  # Refused before all was sent: what came is still there to be read.
        outcome.is_reset = True
    if case.end in ("hang up", "reset"):
        if case.end == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        return outcome
    start = time.monotonic()
    try:
        read(connection, case, outcome, start)
    except Malformed as error:
        outcome.malformed = str(error)
    except OSError:
        outcome.is_closed = outcome.is_reset = True
    return outcome


def read(connection: socket.socket, case: Case, outcome: Outcome, start: float) -> None:
    """Reads answers: as many as must come, or all until the end of the connection."""
    is_open_ended = case.end == "quiet"
    half_close = start + PATIENCE if is_open_ended else None
    end = start + TIME_LIMIT + 2 * GRACE
    while True:
        while outcome.rest and (taken := take_answer(outcome.rest, case.is_head)):
            outcome.answers.append(taken[0])
            outcome.rest = taken[1]
            outcome.seconds = time.monotonic() - start
            if half_close:
                half_close = 0.0
            if case.closes and len(outcome.answers) >= case.count:
                end = time.monotonic() + GRACE
        if outcome.is_closed or (not is_open_ended and not case.closes and len(outcome.answers) >= case.count):
            return
        now = time.monotonic()
        if now >= end:
            return
        if half_close is not None and now >= half_close:
            connection.shutdown(socket.SHUT_WR)
            half_close = None
        connection.settimeout(max(0.001, (end if half_close is None else half_close) - now))
        try:
            part = connection.recv(1 << 16)
        except TimeoutError:
            continue
        outcome.is_closed = not part
        outcome.rest += part


def problems(case: Case, outcome: Outcome) -> list[tuple[str, str]]:
    """What is wrong with an exchange: a rule and what happened."""
    if case.end in ("hang up", "reset"):
        return []
    found: list[tuple[str, str]] = []
    if outcome.malformed:
        found.append(("malformed", outcome.malformed))
    for answer in outcome.answers:
        if answer.status not in SENSIBLE:
            found.append((f"status-{answer.status}", f"{answer.body[:300]!r}"))
        elif problem := body_problem(answer, case):
            found.append(("body", f"{answer.status}, {problem}"))
        if answer.status in (429, 503) and "retry-after" not in answer.headers and case.end == "answer":
            found.append(("no-retry-after", f"{answer.status}: {answer.body[:200]!r}"))
        if case.is_refused and answer.status < 400:
            found.append(("accepted", f"{answer.status}, which no server may say to this: {answer.body[:100]!r}"))
    slow = all(answer.status in (200, 429, 503) for answer in outcome.answers)
    allowed = TIME_LIMIT + GRACE if slow else GRACE
    if outcome.answers and outcome.seconds > allowed:
        found.append(("slow", f"{outcome.seconds:.1f} s, {outcome.answers[-1].status}"))
    if case.end == "answer":
        if len(outcome.answers) < case.count and not outcome.malformed:
            how = "reset" if outcome.is_reset else "closed" if outcome.is_closed else "silent"
            found.append(("no-answer", f"{len(outcome.answers)} of {case.count} answers, then {how}"))
        elif outcome.rest and not outcome.malformed:
            found.append(("extra-bytes", f"after the answer: {outcome.rest[:100]!r}"))
        elif case.closes and not outcome.is_closed:
            found.append(("not-closed", "the connection stays open after the answer"))
    elif not outcome.is_closed and not outcome.malformed:
        found.append(("not-closed", "the connection stays open after it was half-closed"))
    elif (
        outcome.rest and not outcome.is_reset and not outcome.malformed and b"chunked" not in outcome.rest
        and not (case.kind == "pipelined, nonsense" and declared(outcome.rest) > SEND_BUFFER)
    ):  # fmt: skip
        found.append(("cut", f"an answer is cut short: {outcome.rest[:100]!r}"))
    return found


def replay(port: int, data: bytes) -> list[tuple[str, str]]:
    """Sends bytes that were a finding once; the rules that do not hold."""
    first = data.partition(b"\r\n")[0]
    case = Case("replayed", [data], end="quiet", is_head=first.startswith(b"HEAD "))
    if first.endswith(b" HTTP/1.0"):
        case.end, case.closes = "answer", True
    with connect(port) as connection:
        return problems(case, converse(connection, case))


# JSON bodies, layer one


Make = Callable[[random.Random], object]


class Odd(bytes):
    """Written as it is, whether it is JSON or not."""


class Pairs(list):
    """An object: lists of a key and a value, in order; a key may come twice."""


def tree(value: object) -> object:
    if isinstance(value, dict):
        return Pairs([key, tree(part)] for key, part in value.items())
    return [tree(part) for part in value] if isinstance(value, list) else value


def write(value: object, rng: random.Random) -> bytes:
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
IDS = [0, 1, 2, 31, 255, 256, 383, 511, 512, 49151, 49152, 128255, 2**31 - 1, 2**31, -1, -(2**31), 2**63, 1.5, None]
BIAS_IDS = """
    0 1 2 17 256 49151 49152 -1 -0 +1 01 1.0 1e1 2147483647 2147483648 -2147483648 １ a
""".split() + [" 1", "", "\0"]  # fmt: skip
OTHER_NAMES = """
    tools functions tool_choice audio Model max-tokens grammar guided_json ignore_eos __proto__ prompt_logprobs
    response_format messages prompt
""".split() + ["", "\0", "a" * 5000, "\ud800", "n "]  # fmt: skip
IGNORED = """
    user metadata store service_tier safety_identifier prompt_cache_key prompt_cache_retention prediction
    parallel_tool_calls
""".split()


def size(rng: random.Random) -> int:
    """Mostly small, at times near the limit of a body."""
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
    """Anything."""
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


def biases(rng: random.Random) -> Pairs:
    values = [-100, 100, 0, -100.0, 1e-45, 99.99]
    if rng.random() < 0.1:
        values += [101, Odd(b"1e400"), None]  # type: ignore[list-item]
    count = rng.choice([1, 1, 2, 3, 10, 300])
    ids = [rng.choice(BIAS_IDS) if rng.random() < 0.2 else str(rng.randrange(500)) for _ in range(count)]
    return Pairs([token, rng.choice(values)] for token in ids)


def stops(rng: random.Random) -> object:
    unit = rng.choice(["a", " ", "\n", "<|im_end|>", ".", text(rng) or "b"])
    if rng.random() < 0.3:
        return unit * rng.choice([1, 10, 1000])
    count = rng.choice([0, 1, 2, 4, 5, 16]) if rng.random() < 0.9 else rng.choice([17, 100])
    return [unit * rng.choice([1, 2, 50, rng.choice([1000, 9000])]) for _ in range(count)]


def token_ids(rng: random.Random) -> list[object]:
    if rng.random() < 0.7:
        return [rng.randrange(256) for _ in range(rng.choice([1, 2, 30, 300]))]
    return [rng.choice(IDS)] * rng.choice([1, 2, 511, 512, 513, size(rng)])


def prompt(rng: random.Random) -> object:
    kind = rng.random()
    if kind < 0.6:
        return "The quick brown fox" if kind < 0.3 else text(rng)
    if kind < 0.8:
        return token_ids(rng)
    some = text if kind < 0.9 else token_ids
    return [some(rng) for _ in range(rng.choice([0, 1, 3, 128, 129]) if rng.random() < 0.3 else 2)]


def message(rng: random.Random) -> object:
    content: object = "Hello" if rng.random() < 0.5 else text(rng)
    if rng.random() < 0.25:
        content = [{"type": "text", "text": text(rng)} for _ in range(rng.randrange(4))]
    roles = ["system", "user", "assistant", "developer"] if rng.random() < 0.97 else ["tool", "", "\0", "SYSTEM"]
    return {"role": rng.choice(roles), "content": content} | ({"name": text(rng)} if rng.random() < 0.1 else {})


def stream_options(rng: random.Random) -> object:
    names = ["include_usage", "include_pieces", "include_rounds", "include_obfuscation"]
    return {name: rng.random() < 0.7 for name in names if rng.random() < 0.6}


FIELDS: dict[str, Make] = {
    "stream": one_of(True, True, True, False),
    "stream_options": stream_options,
    "logit_bias": biases,
    "seed": one_of(0, 1, -1, 2**63 - 1, -(2**63), 1234567),
    "stop": stops,
    "n": one_of(1, 2, 2, 2, 3, 3, 128, 129),
    "temperature": numbers(0, 2),
    "top_p": numbers(0, 1),
    "top_k": one_of(0, 1, 5, 49152, 2**31 - 1),
    "min_p": numbers(0, 1),
    "presence_penalty": numbers(-2, 2),
    "frequency_penalty": numbers(-2, 2),
    "repetition_penalty": numbers(0.01, 100),
    "repeat_penalty": numbers(0.01, 100),
    "speculation": one_of("adaptive", "none", "lookup:8", "lookup:63", "diffusion:4", "tree:6", "tree:64", "lookup:0", "x"),
    "end_loops": one_of(True, False),
    "n_predict": one_of(-1, 0, 3, 2**63 - 1),
    "min_tokens": one_of(0, 1),
    "tool_choice": one_of("none", "auto"),
}
TEXT_FIELDS: dict[str, Make] = {
    "logprobs": one_of(0, 1, 5, 20, 21),
    "best_of": one_of(1, 2),
    "suffix": one_of("", "", "x"),
    "echo": one_of(False, True, True),
}
CHAT_FIELDS: dict[str, Make] = {
    "logprobs": one_of(True, True, False),
    "top_logprobs": one_of(0, 1, 20, 21),
    "max_completion_tokens": one_of(1, 2, 20),
    "response_format": one_of({"type": "text"}, {"type": "text"}, {"type": "json_object"}),
    "modalities": one_of(["text"], ["text"], ["audio"], []),
}


def valid_body(rng: random.Random, is_chat: bool) -> dict[str, object]:
    """A body that is right, or nearly."""
    body: dict[str, object] = {"model": NAME}
    if is_chat:
        body["messages"] = [message(rng) for _ in range(rng.choice([1, 1, 1, 2, 5, 60]))]
    else:
        body["prompt"] = prompt(rng)
    body["max_tokens"] = rng.choice([1, 2, 5, 16, 16, 40, 40, 300, 400, 510, -1, 0])
    fields = FIELDS | (CHAT_FIELDS if is_chat else TEXT_FIELDS)
    for name in rng.sample(list(fields), rng.choice([0, 1, 2, 3, 6])):
        body[name] = fields[name](rng)
    if rng.random() < 0.1:
        body[rng.choice(IGNORED)] = odd(rng)
    return body


def places(value: object) -> list[tuple[list, int]]:
    """Where a value stands that can be replaced: a list and an index."""
    found: list[tuple[list, int]] = []
    if isinstance(value, list):
        for index, part in list(enumerate(value))[:50]:
            if not isinstance(value, Pairs):
                found.append((value, index))
            found += places(part)
    return found


def mutate(body: Pairs, rng: random.Random) -> None:
    """Changes one thing in a body."""
    kind = rng.random()
    holder, index = rng.choice(places(body) or [([None], 0)])
    if kind < 0.15 and body:
        body.insert(rng.randrange(len(body) + 1), [rng.choice(body)[0], odd(rng)])  # A key comes twice.
    elif kind < 0.22:
        body.append([rng.choice(OTHER_NAMES), odd(rng)])
    elif kind < 0.25 and body:
        del body[rng.randrange(len(body))]
    elif kind < 0.5:
        name = rng.choice([*FIELDS, *TEXT_FIELDS, *CHAT_FIELDS, "max_tokens"])
        body[:] = [*(pair for pair in body if pair[0] != name), [name, odd(rng)]]
    elif kind < 0.85:
        holder[index] = odd(rng)
    elif kind < 0.92:
        holder[index] = [holder[index]] * rng.choice([1, 2, 100])
    else:
        other, place = rng.choice(places(body) or [([None], 0)])
        holder[index] = other[place] if not isinstance(other[place], list) else odd(rng)


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


def json_case(rng: random.Random) -> Case:
    is_chat = rng.random() < 0.5
    body = tree(valid_body(rng, is_chat))
    assert isinstance(body, Pairs)
    for _ in range(rng.choice([0, 0, 1, 1, 1, 2, 5])):
        mutate(body, rng)
    data = write(body, rng)
    if rng.random() < 0.08:
        data = scramble(data, rng)
    elif rng.random() < 0.02:
        data = write(odd(rng), rng)
    if rng.random() < 0.06:
        names = ["prompt", "content", "messages", "parse_special", "model", "add_special"]
        some: dict[str, object] = {"tokens": token_ids(rng)} if rng.random() < 0.4 else {"prompt": text(rng)}
        some |= {rng.choice(names): odd(rng) for _ in range(rng.randrange(2))}
        place = b"/detokenize" if "tokens" in some else b"/tokenize"
        return Case("json tokens", [post(write(tree(some), rng), place)], is_plain=True)
    path = b"/v1/chat/completions" if is_chat else b"/v1/completions"
    return Case("json chat" if is_chat else "json text", [post(data, path)], is_plain=True)


# Whole requests, layer two


def post(body: bytes, path: bytes = b"/v1/completions", *headers: bytes, length: bytes | None = None) -> bytes:
    """A request; without Content-Length where headers are given and no length."""
    if not headers or length is not None:
        headers = (*headers, b"Content-Length: " + (length if length is not None else b"%d" % len(body)))
    lines = [b"POST " + path + b" HTTP/1.1", b"Host: localhost", b"Content-Type: application/json", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def get(path: bytes, *headers: bytes, version: bytes = b"HTTP/1.1", method: bytes = b"GET") -> bytes:
    return b"\r\n".join([method + b" " + path + b" " + version, b"Host: localhost", *headers]) + b"\r\n\r\n"


TEXT, CHAT = b"/v1/completions", b"/v1/chat/completions"
BODY = json.dumps({"model": NAME, "prompt": "Hi", "max_tokens": 2}).encode()
LENGTH = b"%d" % len(BODY)
STREAM = json.dumps({"model": NAME, "prompt": "Hi", "max_tokens": 3, "stream": True, "n": 2}).encode()
CHUNKED = b"Transfer-Encoding: chunked"
PATHS = [b"/", b"/health", b"/metrics", b"/v1/models", b"/v1/models/" + NAME.encode(), b"/openapi.json", b"/tokenizer_info", TEXT, CHAT]
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


LIES = [b"0", b"1", b"%d" % (len(BODY) - 1), b"%d" % (len(BODY) + 1), b"199999", b"200000", b"200001", b"9" * 12]
NO_LENGTHS = [
    b"-1", b"+5", b"0x10", b"1e3", b"5 6", b"5, 6", b"x", b"", b"5\0", b"99999999999999999999999",
    b"18446744073709551616", b"9223372036854775808", LENGTH + b".0", LENGTH + b"\r\nContent-Length: 5",
    b"0\r\nContent-Length: " + LENGTH,
    LENGTH + b"\r\nTransfer-Encoding: identity, chunked", LENGTH + b"\r\nTransfer-Encoding:\tchunked",
    LENGTH + b"\r\nTransfer-Encoding: chunked",
]  # fmt: skip


def length_case(rng: random.Random) -> Case:
    """Content-Length lies, is none, or is not alone; no server may take the last two."""
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


def cut(data: bytes, count: int, rng: random.Random) -> list[bytes]:
    """Bytes in pieces, none empty."""
    cuts = sorted(rng.randrange(1, len(data)) for _ in range(count))
    return [part for part in (data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)) if part]


def chunk(data: bytes, note: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n" % (len(data), note, data)


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
    """Clients that are slow or go, at any point."""
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


def protocol_case(rng: random.Random) -> Case:
    """HTTP/1.0, requests that end the connection, and what is not HTTP at all."""
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


KINDS = [
    method_case, path_case, header_case, length_case, chunked_case, pipeline_case, ending_case, protocol_case,
    scrambled_case,
]  # fmt: skip


def some_case(rng: random.Random) -> Case:
    return json_case(rng) if rng.random() < 0.6 else rng.choice(KINDS)(rng)


# The run


class Target:
    """A server under test."""

    def __init__(self, program: str, model: str, flags: list[str]) -> None:
        command = [
            program, "serve", "--model", model, "--model-name", NAME, "--port", "0", "--threads", "1", "--parallel",
            "8", "--queue", "160", "--context", "512", "--max-body", str(BODY_LIMIT), "--time-limit", str(TIME_LIMIT),
            "--max-connections", "64", "--prefix-memory", "16", "--drain-time", "1", *flags,
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE)
        self.log: list[str] = []
        self.port = 0
        assert self.process.stderr is not None
        while not self.port:
            line = self.process.stderr.readline().decode(errors="replace")
            found = re.search(r"listening on http://[^:]+:(\d+)", line)
            if not line:
                raise SystemExit(f"the server does not start: {''.join(self.log)}")
            self.log.append(line)
            self.port = int(found[1]) if found else 0
        threading.Thread(target=self._read, daemon=True).start()
        while self.get(b"/health")[0] != 200:
            time.sleep(0.05)
        self.memory = self.resident()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log = [*self.log[-200:], line.decode(errors="replace")]

    def get(self, path: bytes) -> tuple[int, bytes]:
        with connect(self.port) as connection:
            outcome = converse(connection, Case("watch", [get(path)]))
        if not outcome.answers:
            raise OSError(f"no answer to {path!r}")
        return outcome.answers[0].status, outcome.answers[0].body

    def in_flight(self) -> float:
        text = self.get(b"/metrics")[1].decode()
        return sum(
            map(float, re.findall(r"^vllm:num_requests_(?:running|waiting)(?:\{.*\})? (\S+)", text, re.MULTILINE))
        )

    def resident(self) -> int:
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        return int(found[1]) * 1024 if found else 0

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> int | None:
        """The exit status; none when a signal does not end it."""
        if self.is_alive:
            self.process.terminate()
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None


Kept = tuple[Target, socket.socket]


class Run:
    """Jobs that send, a watcher, and what they found."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.start = time.monotonic()
        self.lock = threading.RLock()
        self.sent: Counter[str] = Counter()
        self.answered: Counter[int] = Counter()
        self.found: Counter[tuple[str, str]] = Counter()
        self.recent: list[list[Case]] = [[] for _ in range(args.jobs)]
        self.slowest = 0.0
        self.slow_healths = 0  # Of which no request is to blame.
        self.peak = 0
        self.target = self.launch()

    def launch(self) -> Target:
        return Target(self.args.program, self.args.model, shlex.split(self.args.flags))

    @property
    def is_over(self) -> bool:
        is_late = time.monotonic() - self.start > self.args.minutes * 60
        return is_late or (self.args.requests and self.sent.total() >= self.args.requests)

    def report(self, rule: str, detail: str, case: Case, more: str = "") -> None:
        """Saves the bytes of a finding; of each sort only some."""
        with self.lock:
            self.found[rule, case.kind] += 1
            if self.found[rule, case.kind] > 5:
                return
            sort = re.sub(r"\W+", "-", f"{rule} {case.kind}")
            path = self.args.findings / f"{sort}-{self.found[rule, case.kind]}"
            self.args.findings.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".bin").write_bytes(case.data)
            how = f"parts of {[len(part) for part in case.parts]} bytes, {case.pause} s between them, then: {case.end}"
            path.with_suffix(".txt").write_text(f"{rule}: {detail}\n{case.kind}\n{how}\n{more}")
            print(f"{path}.bin: {detail[:200]}", flush=True)

    def died(self, target: Target) -> None:
        """Records a server's death, once, and starts another."""
        with self.lock:
            if self.target is not target:
                return
            for _ in range(100):  # A connection may be refused a moment before the process is gone.
                if not target.is_alive:
                    break
                time.sleep(0.02)
            detail = f"exit status {target.process.poll()}"
            suspects = [case for cases in self.recent for case in cases[-3:]]
            self.recent = [[] for _ in self.recent]
            self.target = self.launch()
        culprits = [case for case in suspects if self.kills(case)]
        for case in culprits or suspects:
            self.report("death" if culprits else "death-suspect", detail, case, "".join(target.log[-50:]))

    def kills(self, case: Case) -> bool:
        """Whether a case alone ends a server of its own."""
        server = self.launch()
        try:
            with connect(server.port) as connection:
                converse(connection, case)
            server.get(b"/health")
        except OSError:
            pass
        time.sleep(0.1)
        return not server.is_alive or server.stop() is None

    def job(self, number: int) -> None:
        rng = random.Random(f"{self.args.seed}:{number}")
        kept: Kept | None = None
        while not self.is_over:
            case = some_case(rng)
            target = self.target
            self.recent[number] = [*self.recent[number][-4:], case]
            try:
                kept = self.exchange(case, target, kept)
            except OSError as error:
                kept = None
                if not target.is_alive or isinstance(error, ConnectionRefusedError):
                    self.died(target)
                else:
                    self.report("no-connection", repr(error), case)
            except Exception as error:  # The fuzzer's own fault, which must not pass for silence.
                kept = None
                self.report("fuzzer", repr(error), case, traceback.format_exc())

    def exchange(self, case: Case, target: Target, kept: Kept | None) -> Kept | None:
        """Sends a case, over a connection that is kept where it may be; returns the one to keep."""
        is_kept = kept and case.is_plain and kept[0] is target and not select.select([kept[1]], [], [], 0)[0]
        if kept and not is_kept:
            kept[1].close()
        connection = kept[1] if kept and is_kept else connect(target.port)
        outcome = converse(connection, case)
        found = problems(case, outcome)
        if not target.is_alive:
            raise ConnectionRefusedError
        for rule, detail in self.confirmed(case, target, found):
            self.report(rule, detail, case)
        with self.lock:
            self.sent[case.kind] += 1
            self.answered.update(answer.status for answer in outcome.answers)
            self.slowest = max(self.slowest, outcome.seconds)
        closing = [answer.headers.get("connection") == "close" for answer in outcome.answers]
        if found or not case.is_plain or not closing or any(closing) or outcome.is_closed:
            connection.close()
            return None
        return target, connection

    def confirmed(self, case: Case, target: Target, found: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Those that come again: being late must not be the machine's fault, nor silence that of an old connection."""
        if not any(rule in ("slow", "no-answer") for rule, _ in found):
            return found
        with connect(target.port) as connection:
            again = {rule for rule, _ in problems(case, converse(connection, case))}
        return [(rule, detail) for rule, detail in found if rule in again or rule not in ("slow", "no-answer")]

    def watch(self) -> None:
        """Looks after the server, again and again."""
        while not self.is_over:
            time.sleep(0.25)
            target = self.target
            try:
                self.look(target)
            except OSError as error:
                if target is self.target and target.is_alive:
                    self.suspect("health", repr(error))
                elif target is self.target:
                    self.died(target)

    def look(self, target: Target) -> None:
        """Asks for the health and the memory of the server."""
        start = time.monotonic()
        status = target.get(b"/health")[0]
        seconds = time.monotonic() - start
        growth = target.resident() - target.memory
        self.peak = max(self.peak, growth)
        if status != 200:
            self.suspect("health", str(status))
        if seconds > GRACE:
            self.health_is_slow(target, f"{status} after {seconds:.1f} s")
        if growth > MEMORY:
            self.suspect("memory", f"grew by {growth >> 20} MiB")
            self.target = self.launch()
            target.stop()

    def suspect(self, rule: str, detail: str) -> None:
        for cases in self.recent:
            for case in cases[-2:]:
                self.report(rule, detail, case)

    def health_is_slow(self, target: Target, detail: str) -> None:
        """Reports the requests that are to blame; when none is, the machine may be, but not often."""
        to_blame = [case for cases in self.recent for case in cases[-3:] if self.slows(target, case)]
        for case in to_blame:
            self.report("health", detail, case)
        self.slow_healths += 0 if to_blame else 1
        if self.slow_healths > 3:
            self.suspect("health-suspect", detail)

    def slows(self, target: Target, case: Case) -> bool:
        """Whether /health is slow beside a case alone."""
        with connect(target.port) as connection:
            case = dataclasses.replace(case, end="hang up" if case.end == "reset" else case.end)
            sending = threading.Thread(target=converse, args=(connection, case))
            sending.start()
            start = time.monotonic()
            target.get(b"/health")
            seconds = time.monotonic() - start
            sending.join()
        return seconds > GRACE

    def finish(self) -> None:
        """In the end nothing is in flight, and a signal ends the server."""
        nothing = Case("end", [b""])
        try:
            end = time.monotonic() + TIME_LIMIT + GRACE
            while (left := self.target.in_flight()) and time.monotonic() < end:
                time.sleep(0.1)
            if left:
                self.report("stuck", f"{left:.0f} requests are still in flight", nothing)
        except OSError as error:
            self.report("stuck", repr(error), nothing)
        if (status := self.target.stop()) != 0:
            self.report("exit", f"the server ends with {status} when told to", nothing, "".join(self.target.log[-50:]))

    def run(self) -> int:
        threads = [threading.Thread(target=self.job, args=(number,), daemon=True) for number in range(self.args.jobs)]
        threads.append(threading.Thread(target=self.watch, daemon=True))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(self.args.minutes * 60 + 60)
            if thread.is_alive():
                self.suspect("stuck", "a job does not end")
        seconds = time.monotonic() - self.start
        self.finish()
        total = self.sent.total()
        print(f"{total} requests in {seconds:.0f} s, {total / seconds:.0f} a second, seed {self.args.seed}")
        print(f"answers: {dict(sorted(self.answered.items()))}, the slowest after {self.slowest:.2f} s")
        print(f"resident memory grew by {self.peak >> 20} MiB, /health was slow {self.slow_healths} times by itself")
        print(f"kinds: {dict(self.sent.most_common())}")
        for (rule, kind), count in self.found.most_common():
            print(f"finding: {rule} in {kind}, {count} times, see {self.args.findings}")
        return 1 if self.found else 0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=str(ROOT / ".build/release/speculate"))
    parser.add_argument("--model", required=True)
    parser.add_argument("--flags", default="", help="more flags of the server, such as '--chat-format llama-3'")
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--requests", type=int, default=0, help="end after so many")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--findings", type=Path, default=Path(tempfile.gettempdir()) / "speculate-findings")
    sys.exit(Run(parser.parse_args()).run())


if __name__ == "__main__":
    main()
