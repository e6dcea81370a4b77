"""One exchange with the server: a case is sent and its answers are read."""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass, field

from .answers import Answer, Malformed, take_answer
from .limits import GRACE, TIME_LIMIT

PATIENCE = 0.15  # Seconds to wait for an answer to bytes that may not be a whole request.


@dataclass
class Case:
    kind: str
    parts: list[bytes]
    pause: float = 0  # Seconds between two parts.
    end: str = "answer"  # "answer": one must come; "quiet": one may, then half-close; "hang up"; "reset".
    count: int = 1  # Answers that must come.
    is_head: bool = False
    is_plain: bool = False  # Well-formed HTTP: the HTTP parser itself may not answer.
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
    """Sends a case and reads its answers."""
    outcome = Outcome()
    try:
        send(connection, case)
    except OSError:  # Refused before all was sent; the answer can still be read.
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
    """Reads as many answers as must come, or all until the connection ends."""
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
