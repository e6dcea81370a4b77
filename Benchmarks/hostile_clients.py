"""Hostile clients of ten kinds, each of which takes what it can from a service until its time is up."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from ordinary_clients import PATIENCE, keyed
from serve_load import Server, post

HOSTILE = "hostile"


@dataclass
class Target:
    """What a hostile client knows of a server."""

    port: int
    model: str
    context: int
    token: int  # The token that the stop texts are made of, and its text.
    text: str
    stop_size: int  # The length of the longest stop texts that are accepted.

    def request(self, path: str = "/v1/completions", **fields: Any) -> bytes:
        body = json.dumps({"model": self.model, **fields}, separators=(",", ":")).encode()
        return keyed(post(path, body), HOSTILE)

    def stops(self, size: int) -> list[str]:
        """Sixteen stop texts that match up to their last character, or the one before it."""
        return [(self.text * size)[: size - 2] + "~" + chr(ord("A") + number) for number in range(16)]

    def stopping(self, size: int, tokens: int) -> bytes:
        """A request whose stop texts almost match the answer, all along."""
        return self.request(
            prompt="Go", stop=self.stops(size), max_tokens=tokens, logit_bias={str(self.token): 100}, temperature=0
        )


def ask(port: int, request: bytes) -> tuple[int, bytes, float]:
    """One exchange: its status, body and seconds."""
    begun = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(1 << 16):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body, time.perf_counter() - begun


def explore(server: Server) -> tuple[Target, float]:
    """Learns by trying what the attacks need; also returns how many seconds refusing too long stop texts takes."""
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
    """A hostile client: the attacks that it can make, and what its requests met with."""

    def __init__(self, target: Target, seconds: float) -> None:
        self.target = target
        self.end = time.monotonic() + seconds
        self.outcomes: Counter[str] = Counter()

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.end

    async def workers(self, count: int, work: Callable[[int], Awaitable[None]]) -> None:
        """Repeats `work` in `count` tasks until the time is up."""

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
        """Sends a request and reads its answer to the end; if refused, waits a moment, as programs do."""
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
        """Sends the requests in turn, again and again, `count` at a time."""
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
    """Runs one attack, in a process of its own."""
    os.nice(10)
    hostile = Attack(target, seconds)
    asyncio.run(KINDS[kind](hostile))  # type: ignore[arg-type]
    results.send(dict(hostile.outcomes))
