"""HTTP answers, read strictly from bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    is_chunked: bool

    @property
    def is_bare(self) -> bool:
        """Whether the HTTP parser itself answered, because the bytes are not a request."""
        return self.status == 400 and not self.body and self.headers.get("connection") == "close"


class Malformed(Exception):
    """Why bytes are not an HTTP answer."""


def take_answer(data: bytes, is_head: bool = False) -> tuple[Answer, bytes] | None:
    """The first answer and the bytes after it; None while it is incomplete."""
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
        # It ends with the connection; [DONE] shows that nothing is missing.
        return (Answer(code, headers, rest, False), b"") if rest.endswith(b"data: [DONE]\n\n") else None
    if not headers.get("content-length", "").isdigit():
        raise Malformed(f"no content length: {headers}")
    length = int(headers["content-length"])
    return (Answer(code, headers, rest[:length], False), rest[length:]) if len(rest) >= length else None


def take_chunks(data: bytes) -> tuple[bytes, bytes] | None:
    """A chunked body and the bytes after it; None while it is incomplete."""
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
