"""Four ordinary clients beside one hostile client of each kind: what it costs them until the first token.

    python3 Benchmarks/fairness.py MODEL.gguf --seconds 30 --output Benchmarks/Results/fairness.json

Every client has its own API key, the server its default limits. Each scenario has a server of its own; what it takes
without a hostile client is measured first and last. The ordinary clients ask for one streamed answer after another,
each prompt new, so that none is found in a cache. Ends with status 1 when the 99th percentile of their times to the
first token is more than three times what it is without a hostile client, or when one of them is not answered. The
hostile client runs at a low priority, for in life it has a machine of its own. Nothing but the standard library.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import random
import re
import socket
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from serve_load import ROOT, Server, free_port, post, save

CLIENTS = 4
RATIO = 3.0
PATIENCE = 60  # Seconds until an ordinary client gives up.
REFUSAL = 0.25  # Seconds that refusing stop texts which are too long may take.
KEYS = [f"ordinary-{number}" for number in range(CLIENTS)]
HOSTILE = "hostile"
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
    """A request with an API key."""
    return request.replace(b"\r\n", f"\r\nAuthorization: Bearer {key}\r\n".encode(), 1)


def processor() -> str:
    """The processor's name."""
    path = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", path.read_text()) if path.exists() else None
    return found[1] if found else platform.processor()


def start(args: argparse.Namespace, keys: Path) -> Server:
    port = free_port()
    command = [args.program, "serve", "--model", args.model, "--port", str(port), "--api-key-file", str(keys)]
    return Server("speculate", [*command, *args.flags.split()], port)


# Ordinary clients


@dataclass
class Measured:
    first: list[float] = field(default_factory=list)  # Milliseconds to the first token.
    failures: list[str] = field(default_factory=list)
    hostile: dict[str, int] = field(default_factory=dict)  # What became of the hostile client's requests.

    def at(self, share: float) -> float:
        values = sorted(self.first) or [PATIENCE * 1000.0]
        return values[min(len(values) - 1, int(share * len(values)))]


def time_to_first(port: int, request: bytes) -> float:
    """Sends a request for a streamed chat answer and reads all of it; milliseconds to the first text."""
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
    """Asks, thinks a little, asks again."""
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


# The hostile client


@dataclass
class Target:
    """What a hostile client knows of a server."""

    port: int
    model: str
    context: int
    token: int  # A token and its text, of which the stop texts are made.
    text: str
    stop_size: int  # Of the longest stop texts that are accepted.

    def request(self, path: str = "/v1/completions", **fields: Any) -> bytes:
        body = json.dumps({"model": self.model, **fields}, separators=(",", ":")).encode()
        return keyed(post(path, body), HOSTILE)

    def stops(self, size: int) -> list[str]:
        """Sixteen texts that match until their last character, or the one before."""
        return [(self.text * size)[: size - 2] + "~" + chr(ord("A") + number) for number in range(16)]

    def stopping(self, size: int, tokens: int) -> bytes:
        return self.request(
            prompt="Go", stop=self.stops(size), max_tokens=tokens, logit_bias={str(self.token): 100}, temperature=0
        )


def ask(port: int, request: bytes) -> tuple[int, bytes, float]:
    """A whole exchange: status, body, seconds."""
    begun = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(1 << 16):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body, time.perf_counter() - begun


def explore(server: Server) -> tuple[Target, float]:
    """Learns what the attacks need, by trying; also the seconds in which stop texts that are too long are refused."""
    target = Target(server.port, server.model, 8192, 0, "", 0)
    status, body, _ = ask(target.port, target.request(prompt="a", max_tokens=1 << 30))
    if found := re.search(rb"context of (\d+)", body):
        target.context = int(found[1])
    for token in range(10, 300):
        fields: dict[str, Any] = {"prompt": "Go", "max_tokens": 3, "logit_bias": {str(token): 100}, "temperature": 0}
        status, body, _ = ask(target.port, target.request(**fields))
        text = json.loads(body)["choices"][0]["text"] if status == 200 else ""
        if len(text) == 3 and text.isascii() and text.isalpha() and len(set(text)) == 1:
            target.token, target.text = token, text[0]
            break
    low, high = 2, 50_000
    status, body, seconds = ask(target.port, target.stopping(high, 1))
    if status == 200:
        target.stop_size = high
        return target, 0.0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if ask(target.port, target.stopping(middle, 1))[0] == 200 else (low, middle)
    target.stop_size = low
    return target, seconds


class Attack:
    """A hostile client: what it does until its time is up, and what became of it."""

    def __init__(self, target: Target, seconds: float) -> None:
        self.target = target
        self.end = time.monotonic() + seconds
        self.outcomes: Counter[str] = Counter()

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.end

    async def workers(self, count: int, work: Callable[[int], Awaitable[None]]) -> None:
        """Does something again and again, so many at a time, until the time is up."""

        async def worker(number: int) -> None:
            while not self.is_over:
                try:
                    await work(number)
                except OSError as error:
                    self.outcomes[type(error).__name__] += 1
                    await asyncio.sleep(0.05)

        tasks = [asyncio.create_task(worker(number)) for number in range(count)]
        await asyncio.wait(tasks, timeout=max(0.1, self.end - time.monotonic()))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def send(self, request: bytes) -> None:
        """One request; reads the answer to its end. One that is refused waits a moment, as programs do."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.target.port)
        try:
            writer.write(request)
            await writer.drain()
            line = await reader.readline()
            while await reader.read(1 << 16):
                pass
        finally:
            writer.close()
        status = line[9:12].decode() or "closed"
        self.outcomes[status] += 1
        if status != "200":
            await asyncio.sleep(0.01)

    async def every(self, count: int, *requests: bytes) -> None:
        """The same requests by turns, so many at a time."""
        turn = iter(range(1 << 60))

        async def work(_: int) -> None:
            await self.send(requests[next(turn) % len(requests)])

        await self.workers(count, work)

    async def stops(self) -> None:
        await self.every(16, self.target.stopping(self.target.stop_size, self.target.context - 100))

    async def spaces(self) -> None:
        request = self.target.request
        await self.every(16, request(prompt=" " * 500_000, n=128), request(prompt=" " * 500_000))

    async def long_prompts(self) -> None:
        words = "the quick brown fox jumps over the lazy dog and then " * 20_000
        shapes = [self.target.request(prompt=words[:size]) for size in ((1 << 20) - 200, 1 << 20)]
        chat = [{"role": "user", "content": words[: (1 << 20) - 300]}]
        await self.every(16, *shapes, self.target.request("/v1/chat/completions", messages=chat))

    async def token_arrays(self) -> None:
        count = (1 << 19) - 100
        one, many = [1] * count, [[1] * (count // 129)] * 128
        await self.every(16, *[self.target.request(prompt=prompt, max_tokens=1) for prompt in (one, many)])

    async def burst(self) -> None:
        request = self.target.request(prompt="Once upon a time", max_tokens=32)
        await self.every(500, request)

    async def many_choices(self) -> None:
        fields: dict[str, Any] = {"prompt": "Once upon a time", "n": 128, "max_tokens": 1000, "temperature": 1}
        await self.every(4, self.target.request(**fields), self.target.request(**fields, stream=True))

    async def full_context(self) -> None:
        async def work(_: int) -> None:  # No two begin alike.
            prompt = [random.randrange(300, 20_000) for _ in range(self.target.context - 1)]
            await self.send(self.target.request(prompt=prompt, max_tokens=1))

        await self.workers(64, work)

    async def slow_readers(self) -> None:
        prompt = "Once upon a time"
        request = self.target.request(prompt=prompt, max_tokens=4000, stream=True, logprobs=5, temperature=1)
        loop = asyncio.get_running_loop()

        async def work(_: int) -> None:
            with socket.socket() as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.setblocking(False)
                await loop.sock_connect(connection, ("127.0.0.1", self.target.port))
                await loop.sock_sendall(connection, request)
                status = (await loop.sock_recv(connection, 12))[9:].decode() or "closed"
                self.outcomes[status] += 1
                await asyncio.sleep(max(0, self.end - time.monotonic()) if status == "200" else 0.05)

        await self.workers(64, work)

    async def connections(self) -> None:
        request = self.target.request(prompt="Hi")

        async def work(number: int) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.target.port)
            self.outcomes["opened"] += 1
            try:
                if number % 2:
                    writer.write(request[: -1 - number % 60])
                await reader.read()
                self.outcomes["closed"] += 1
            finally:
                writer.close()

        await self.workers(400, work)

    async def hang_ups(self) -> None:
        fields: dict[str, Any] = {"prompt": "Once upon a time", "max_tokens": 1000}
        requests = [self.target.request(**fields, stream=is_streamed) for is_streamed in (False, True)]

        async def work(number: int) -> None:
            _, writer = await asyncio.open_connection("127.0.0.1", self.target.port)
            writer.write(requests[number % 2])
            await writer.drain()
            writer.close()
            self.outcomes["dropped"] += 1
            await asyncio.sleep(0.002)

        await self.workers(16, work)


KINDS: dict[str, Callable[[Attack], Awaitable[None]]] = {
    "stops": Attack.stops, "spaces": Attack.spaces, "long prompts": Attack.long_prompts,
    "token arrays": Attack.token_arrays, "burst": Attack.burst, "n": Attack.many_choices,
    "full context": Attack.full_context, "slow readers": Attack.slow_readers, "connections": Attack.connections,
    "hang-ups": Attack.hang_ups,
}  # fmt: skip


def attack(kind: str, target: Target, seconds: float, results: Connection) -> None:
    """The hostile process."""
    os.nice(10)
    hostile = Attack(target, seconds)
    asyncio.run(KINDS[kind](hostile))  # type: ignore[arg-type]
    results.send(dict(hostile.outcomes))


# Scenarios


def measure(server: Server, seconds: float) -> Measured:
    measured = Measured()
    end = time.monotonic() + seconds
    threads = [threading.Thread(target=ordinary, args=(server, number, end, measured)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return measured


def scenario(kind: str | None, args: argparse.Namespace, keys: Path, target: Target | None) -> Measured:
    """A server, four ordinary clients and perhaps a hostile one."""
    server = start(args, keys)
    measure(server, 2)  # Warms up.
    ours = theirs = process = None
    if kind and target:
        target.port = server.port
        spawning = multiprocessing.get_context("spawn")
        ours, theirs = spawning.Pipe(duplex=False)
        # It begins before the clients and ends after them.
        process = spawning.Process(target=attack, args=(kind, target, args.seconds + 2, theirs), daemon=True)
        process.start()
        time.sleep(1.5)
    measured = measure(server, args.seconds)
    if process and ours:
        process.join(30)
        measured.hostile = ours.recv() if ours.poll() else {"did not end": 1}
        process.kill()
    if server.process.poll() is not None:
        measured.failures.append(f"the server is gone, status {server.process.returncode}")
    else:
        server.process.terminate()
        if status := server.process.wait(60):
            measured.failures.append(f"the server ended with {status}")
    return measured


def row(name: str, measured: Measured, baseline: float) -> dict[str, object]:
    p99 = measured.at(0.99)
    return {
        "scenario": name, "requests": len(measured.first), "first_token_ms_p50": round(measured.at(0.5), 2),
        "first_token_ms_p99": round(p99, 2), "ratio": round(p99 / baseline, 2), "failures": len(measured.failures),
        "first_failures": measured.failures[:5], "hostile": measured.hostile,
    }  # fmt: skip


def show(rows: list[dict[str, object]]) -> None:
    print(f"{'scenario':14} {'requests':>8} {'p50 ms':>8} {'p99 ms':>9} {'ratio':>7} {'failures':>8}  hostile")
    line = "{scenario:14} {requests:8} {first_token_ms_p50:8} {first_token_ms_p99:9} {ratio:7} {failures:8}  {hostile}"
    for one in rows:
        print(line.format(**one))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--program", default=str(ROOT / ".build/release/speculate"))
    parser.add_argument("--flags", default="", help="more flags of the server")
    parser.add_argument("--seconds", type=float, default=30, help="for each scenario")
    parser.add_argument("--only", nargs="*", choices=list(KINDS), default=list(KINDS), help="these hostile clients")
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys"
        keys.write_text("\n".join([*KEYS, HOSTILE]))
        # `Server` asks for the model's name, for which it needs a key.
        opener = urllib.request.build_opener()
        opener.addheaders = [("Authorization", f"Bearer {KEYS[0]}")]
        urllib.request.install_opener(opener)
        first = scenario(None, args, keys, None)
        server = start(args, keys)
        target, refusal = explore(server)
        server.close()
        results = {kind: scenario(kind, args, keys, target) for kind in args.only}
        last = scenario(None, args, keys, None)
    both = Measured(first.first + last.first, first.failures + last.failures)
    baseline = both.at(0.99)
    rows = [row("none", first, baseline)]
    rows += [row(kind, measured, baseline) for kind, measured in results.items()]
    rows.append(row("none, again", last, baseline))
    show(rows)
    problems = [f"{name}: {text}" for name, one in [*results.items(), ("none", both)] for text in one.failures[:3]]
    for kind, one in results.items():
        if (ratio := one.at(0.99) / baseline) > RATIO:
            problems.append(f"{kind}: {ratio:.1f} times the time to the first token without a hostile client")
    if refusal > REFUSAL:
        problems.append(f"stop texts that are too long are refused after {refusal:.2f} s")
    for problem in problems:
        print(problem)
    report = {
        "cpu": processor(), "seconds": args.seconds, "clients": CLIENTS, "flags": args.flags, "limit": RATIO,
        "baseline_first_token_ms_p99": round(baseline, 2), "stop_size": target.stop_size,
        "stop_refusal_seconds": round(refusal, 4), "rows": rows, "problems": problems,
    }  # fmt: skip
    if args.output:
        save(report, args.output)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
