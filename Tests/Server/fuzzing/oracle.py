"""Judges answers: the rules that every exchange with the server must keep."""

from __future__ import annotations

import json
import re

from .answers import Answer
from .client import Case, Outcome, connect, converse
from .limits import GRACE, TIME_LIMIT

SENSIBLE = {200, 400, 401, 403, 404, 405, 408, 411, 413, 414, 415, 417, 422, 426, 429, 431, 503}
# Bytes that the server's operating system holds until the client reads them. The server disconnects a client that sends
# nonsense after a request; the rest of a longer answer may be lost then.
SEND_BUFFER = 128 << 10


def problems(case: Case, outcome: Outcome) -> list[tuple[str, str]]:
    """The rules that an exchange breaks, each with what happened."""
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
    """Sends the bytes of an earlier finding; returns the rules that the exchange breaks."""
    first = data.partition(b"\r\n")[0]
    case = Case("replayed", [data], end="quiet", is_head=first.startswith(b"HEAD "))
    if first.endswith(b" HTTP/1.0"):
        case.end, case.closes = "answer", True
    with connect(port) as connection:
        return problems(case, converse(connection, case))


def declared(answer: bytes) -> int:
    """The length that an answer declares for its body."""
    found = re.search(rb"content-length: (\d+)", answer, re.IGNORECASE)
    return int(found[1]) if found else 0


def body_problem(answer: Answer, case: Case) -> str | None:
    """What is wrong with an answer's body, if anything."""
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
    """What is wrong with server-sent events; after a half-close the server may end them with an error."""
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


def strict_json(text: bytes) -> object:
    """Parses JSON; raises ValueError at what some parsers refuse: NaN, infinities, lone surrogates."""

    def constant(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    value = json.loads(text.decode(), parse_constant=constant)
    json.dumps(value, ensure_ascii=False).encode()  # Refuses lone surrogates.
    return value


def is_error(value: object) -> bool:
    """Whether a value has the shape of OpenAI's errors."""
    if not isinstance(value, dict) or set(value) != {"error"} or not isinstance(value["error"], dict):
        return False
    error = value["error"]
    texts = [error.get("message"), error.get("type")]
    return all(isinstance(text, str) and text for text in texts) and all(
        name in error and isinstance(error[name], str | None) for name in ("param", "code")
    )
