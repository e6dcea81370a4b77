"""Ordinary clients of a service, and how long each waits for the first token of an answer."""

from __future__ import annotations

import json
import random
import re
import socket
import threading
import time
from dataclasses import dataclass, field

from serve_load import Server, post

CLIENTS = 4
PATIENCE = 60  # Seconds until an ordinary client gives up.
KEYS = [f"ordinary-{number}" for number in range(CLIENTS)]
PROMPTS = [
    "Write a short, friendly message to my neighbours saying that I will have guests on Saturday evening and that it "
    "may be a bit louder than usual until about eleven.",
    "What is the difference between a virus and a bacterium? Explain it so that a child of ten can follow.",
    "I have eggs, two tomatoes, an onion, some cheddar and old bread at home. Suggest a dinner for two that takes less "
    "than half an hour, and tell me in which order to do things.",
    "Summarise the following in two sentences. The city council met on Tuesday to discuss the new tram line that is to "
    "link the station with the university. Supporters said that it would take four thousand cars off the road each "
    "day, shops along the route feared two years of building sites, and the treasurer pointed out that the federal "
    "grant covers only sixty per cent of the cost, less than was planned when the line was first proposed. A decision "
    "was put off until March. Until then an office in the town hall collects questions and objections from residents, "
    "which will be answered in writing. The mayor said that whatever is decided, the bus lines will be extended by the "
    "summer, and that the plans for the bridge are not affected by the delay.",
    "My Python program says 'IndexError: list index out of range' in the line `last = items[len(items)]`. Why does it, "
    "and how do I get the last item?",
]


def keyed(request: bytes, key: str) -> bytes:
    """The request with an API key."""
    return request.replace(b"\r\n", f"\r\nAuthorization: Bearer {key}\r\n".encode(), 1)


@dataclass
class Measured:
    """What ordinary clients met with."""

    first: list[float] = field(default_factory=list)  # Milliseconds to the first token.
    failures: list[str] = field(default_factory=list)
    hostile: dict[str, int] = field(default_factory=dict)  # What became of the hostile client's requests.

    def at(self, share: float) -> float:
        """The time to the first token that this share of the requests does not exceed."""
        values = sorted(self.first) or [PATIENCE * 1000.0]
        return values[min(len(values) - 1, int(share * len(values)))]


def time_to_first(port: int, request: bytes) -> float:
    """Sends a request for a streamed chat answer and reads all of it; returns the milliseconds to the first text."""
    first = 0.0
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        begun = time.perf_counter()
        connection.sendall(request)
        answer = b""
        while part := connection.recv(1 << 16):
            answer += part
            if not first and re.search(rb'"content":"[^"]', answer):
                first = (time.perf_counter() - begun) * 1000
            if time.perf_counter() - begun > PATIENCE:
                raise RuntimeError(f"not complete after {PATIENCE} s")
    if not answer.startswith(b"HTTP/1.1 200 ") or not first or b"data: [DONE]" not in answer:
        raise RuntimeError(repr(answer[:60] + b" ... " + answer[-200:]))
    return first


def ordinary(server: Server, number: int, end: float, measured: Measured) -> None:
    """One client: asks, thinks a little and asks again, until the end."""
    rng = random.Random(number)
    count = 0
    while time.monotonic() < end:
        count += 1
        prompt = f"({number}.{count}) {rng.choice(PROMPTS)}"
        body = {
            "model": server.model, "messages": [{"role": "user", "content": prompt}], "max_tokens": 32, "stream": True,
            "temperature": 0.7, "seed": count,
        }  # fmt: skip
        request = keyed(post("/v1/chat/completions", json.dumps(body).encode()), KEYS[number])
        try:
            measured.first.append(time_to_first(server.port, request))
        except (OSError, RuntimeError) as error:
            measured.failures.append(f"{type(error).__name__}: {error}")
        time.sleep(rng.uniform(0.05, 0.25))


def measure(server: Server, seconds: float) -> Measured:
    """Runs all ordinary clients at once."""
    measured = Measured()
    end = time.monotonic() + seconds
    threads = [threading.Thread(target=ordinary, args=(server, number, end, measured)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return measured
