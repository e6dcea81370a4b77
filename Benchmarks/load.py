"""A thousand connections, two hundred requests in flight, clients that hang up; in the end nothing is stuck.

    python3 Benchmarks/load.py MODEL.gguf --minutes 10 --output Benchmarks/Results/load.json

Connections are kept and used again; some clients hang up before, in the middle of and after an answer, streamed or not.
Ends with status 1 when an answer is another than before the load, when something is left in the server, when it does
not answer as before, or when its resident memory, less what it says its caches hold, is more than a tenth over what it
was after the first minute. Nothing but the standard library.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from fairness import processor
from serve_load import ROOT, Server, free_port, save
from soak import SETTINGS, exchange, http, resident, text_of

PATIENCE = 330  # Seconds for an answer, a little more than the server's own limit.
IDLE = 50  # Seconds after which a server may close a connection that nobody uses.
GROWTH = 0.10


def request(index: int, prompts: list[str], model: str) -> dict[str, object]:
    settings: dict[str, Any] = SETTINGS[index % len(SETTINGS)]  # type: ignore[assignment]
    return {"model": model, "prompt": prompts[index], "max_tokens": 8 + index, **settings}


def kept(body: dict[str, object]) -> bytes:
    """A request whose connection stays open."""
    return http(json.dumps(body).encode()).replace(b"Connection: close\r\n", b"", 1)


def plain_text(server: Server, body: dict[str, object]) -> str:
    return text_of(exchange(server, http(json.dumps(body).encode())), False)


def metrics(server: Server) -> dict[str, float]:
    """Every metric, the sum of its series."""
    text = exchange(server, b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").decode()
    sums: defaultdict[str, float] = defaultdict(float)
    for name, value in re.findall(r"^([a-zA-Z_:]+)(?:\{.*\})? (\S+)$", text, re.MULTILINE):
        sums[name] += float(value)
    return dict(sums)


def memory(server: Server) -> int:
    """Resident bytes that no cache accounts for."""
    return resident(server.process.pid) - int(metrics(server).get("speculate_prefix_cache_bytes", 0))


class Load:
    """Clients and what became of their requests."""

    def __init__(self, server: Server, prompts: list[str], expected: list[str], args: argparse.Namespace) -> None:
        self.server = server
        self.prompts = prompts
        self.expected = expected
        self.end = time.monotonic() + args.minutes * 60
        self.places = asyncio.Semaphore(args.in_flight)
        self.connections = args.connections
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        self.in_flight = self.most_in_flight = self.open = self.most_open = 0

    async def run(self) -> None:
        await asyncio.gather(*[self.client(number) for number in range(self.connections)])

    async def client(self, number: int) -> None:
        """One connection after another, many requests on each."""
        rng = random.Random(number)
        await asyncio.sleep(rng.random() * 2)
        while time.monotonic() < self.end:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
            except OSError as error:
                self.problems.append(f"no connection: {error}")
                await asyncio.sleep(1)
                continue
            self.open += 1
            self.most_open = max(self.most_open, self.open)
            try:
                await self.use(rng, reader, writer)
            except Exception as error:
                self.counts["failed"] += 1
                self.problems.append(f"{type(error).__name__}: {error}")
            finally:
                self.open -= 1
                writer.close()

    async def use(self, rng: random.Random, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Asks over a connection until one of both sides closes it."""
        used = time.monotonic()
        while time.monotonic() < self.end:
            async with self.places:
                is_idle = time.monotonic() - used > IDLE
                if time.monotonic() >= self.end:
                    return
                if reader.at_eof():
                    self.counts["closed while idle"] += 1
                    return
                self.in_flight += 1
                self.most_in_flight = max(self.most_in_flight, self.in_flight)
                try:
                    is_open = await asyncio.wait_for(self.ask(rng, reader, writer, is_idle), PATIENCE)
                finally:
                    self.in_flight -= 1
                if not is_open:
                    return
                used = time.monotonic()
            await asyncio.sleep(rng.random() * 0.5)

    async def ask(
        self, rng: random.Random, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_idle: bool
    ) -> bool:
        """One request, or a part of it; whether the connection is still open."""
        index = rng.randrange(len(self.prompts))
        body = request(index, self.prompts, self.server.model) | {"stream": rng.random() < 0.5}
        data = kept(body)
        kind = rng.random()
        if kind < 0.1:
            writer.write(data[: rng.randrange(len(data))])
            await asyncio.sleep(rng.random() * 0.2)
            self.counts["hung up before"] += 1
            return False
        if kind < 0.25:
            writer.write(kept(body | {"max_tokens": 1000}))
            await asyncio.sleep(rng.random() * 3)
            self.counts["hung up in the middle"] += 1
            return False
        writer.write(data)
        try:
            answer = await read_answer(reader)
        except (asyncio.IncompleteReadError, ConnectionResetError) as error:
            if is_idle and not getattr(error, "partial", b""):
                self.counts["closed while idle"] += 1
                return False
            raise
        self.check(index, bool(body["stream"]), answer)
        if kind < 0.35:
            self.counts["hung up after"] += 1
            return False
        return b"connection: close" not in answer.partition(b"\r\n\r\n")[0].lower()

    def check(self, index: int, is_streamed: bool, answer: bytes) -> None:
        if answer[9:12] in (b"429", b"503"):
            self.counts["refused"] += 1
            if b"retry-after:" not in answer.lower():
                self.problems.append(f"refused without Retry-After: {answer[:200]!r}")
        elif text_of(answer, is_streamed) == self.expected[index]:
            self.counts["completed, same text"] += 1
        else:
            self.counts["completed, other text"] += 1
            self.problems.append(f"prompt {index}: another text")


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    """An answer's head and body, its chunks joined."""
    head = await reader.readuntil(b"\r\n\r\n")
    if found := re.search(rb"content-length: (\d+)", head, re.IGNORECASE):
        return head + await reader.readexactly(int(found[1]))
    body = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body.append((await reader.readexactly(size + 2))[:-2])
    await reader.readexactly(2)
    return head + b"".join(body)


async def watch(load: Load, warm_up: float) -> tuple[int, list[list[float]]]:
    """Records memory; what it was after the warm-up, and all the samples."""
    begun = time.monotonic()
    warm = 0
    samples: list[list[float]] = []
    while time.monotonic() < load.end:
        await asyncio.sleep(min(5, max(0.1, load.end - time.monotonic())))
        seconds = time.monotonic() - begun
        size = await asyncio.to_thread(memory, load.server)
        samples.append([round(seconds), round(size / 2**20, 1)])
        if not warm and seconds >= warm_up:
            warm = size
        print(f"{seconds:5.0f} s  {size / 2**20:6.1f} MiB  {dict(load.counts)}", file=sys.stderr, flush=True)
    return warm or size, samples


def left_over(server: Server, expected: list[str], prompts: list[str]) -> list[str]:
    """What is not as it was before the load."""
    names = ["vllm:num_requests_running", "vllm:num_requests_waiting"]
    problems = []
    for _ in range(300):
        now = metrics(server)
        if not any(now.get(name, 0) for name in names):
            break
        time.sleep(0.1)
    else:
        problems.append(f"requests are left: {[now.get(name) for name in names]}")
    health = exchange(server, b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    if not health.startswith(b"HTTP/1.1 200 "):
        problems.append(f"/health: {health[:100]!r}")
    for index, text in enumerate(expected):
        if plain_text(server, request(index, prompts, server.model)) != text:
            problems.append(f"prompt {index}: another text after the load")
    return problems


async def load_for(load: Load, warm_up: float) -> tuple[int, list[list[float]]]:
    watching = asyncio.create_task(watch(load, warm_up))
    await load.run()
    return await watching


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--program", default=str(ROOT / ".build/release/speculate"))
    parser.add_argument("--flags", default="", help="more flags of the server")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--in-flight", type=int, default=200)
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    rows = [json.loads(line) for line in (ROOT / "Tests/Fixtures/prompts.jsonl").open()]
    prompts = [row["prompt"] for row in rows if len(row["prompt"]) < 400][:24]
    port = free_port()
    flags = ["--max-connections", str(args.connections + 100), "--parallel", "16", "--queue", "256"]
    command = [args.program, "serve", "--model", args.model, "--port", str(port), *flags, *args.flags.split()]
    server = Server("speculate", command, port)
    expected = [plain_text(server, request(index, prompts, server.model)) for index in range(len(prompts))]
    load = Load(server, prompts, expected, args)
    warm, samples = asyncio.run(load_for(load, min(60, args.minutes * 15)))
    problems = load.problems + left_over(server, expected, prompts)
    after = memory(server)
    if after > warm * (1 + GROWTH):
        problems.append(f"resident memory is {after / warm - 1:.1%} over what it was after the warm-up")
    server.close()
    if server.process.returncode != 0:
        problems.append(f"the server ended with {server.process.returncode}")
    report = {
        "cpu": processor(), "minutes": args.minutes, "connections": args.connections, "in_flight": args.in_flight,
        "most_open": load.most_open, "most_in_flight": load.most_in_flight, "outcomes": dict(load.counts),
        "warm_mib": round(warm / 2**20, 1), "after_mib": round(after / 2**20, 1),
        "resident_mib": samples[:: max(1, len(samples) // 60)], "problems": problems[:20],
    }  # fmt: skip
    print(json.dumps(report, indent=1))
    if args.output:
        save(report, args.output)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
