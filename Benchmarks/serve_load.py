"""Clients against a running server: ours and llama.cpp's, same file, threads, prompts, token counts and parallel slots.

    python3 Benchmarks/serve_load.py MODEL.gguf --peer /path/to/llama-server --output Benchmarks/Results/serve.json

Every client asks for one streamed answer after another. The servers take turns, and each level of load is measured
several times; medians are printed. Nothing but the standard library.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import socket
import statistics
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, name: str, command: list[str], port: int) -> None:
        self.name, self.port = name, port
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                    if answer.status == 200:
                        break
            except OSError:
                time.sleep(0.1)
        else:
            raise SystemExit(f"{name} does not answer")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=5) as answer:
            self.model = json.load(answer)["data"][0]["id"]

    def pause(self, is_paused: bool) -> None:
        """The one that is not measured takes no time."""
        os.kill(self.process.pid, 19 if is_paused else 18)

    def close(self) -> None:
        self.pause(False)
        self.process.terminate()
        self.process.wait(60)


def post(path: str, body: bytes) -> bytes:
    """A whole request."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def save(report: dict[str, object], path: Path) -> None:
    """Written beside and renamed."""
    beside = path.with_suffix(".tmp")
    beside.write_text(json.dumps(report, indent=1) + "\n")
    os.replace(beside, path)


class Times:
    """What one answer's stream told."""

    def __init__(self) -> None:
        self.first = 0.0
        self.gaps: list[float] = []  # Between two parts of the text.
        self.last = 0.0
        self.tokens = 0


def ask(server: Server, prompt: str, tokens: int) -> Times:
    body = {
        "model": server.model, "messages": [{"role": "user", "content": prompt}], "max_tokens": tokens,
        "temperature": 0, "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    data = post("/v1/chat/completions", json.dumps(body).encode())
    times = Times()
    with socket.create_connection(("127.0.0.1", server.port), timeout=600) as connection:
        start = time.perf_counter()
        connection.sendall(data)
        buffer = b""
        while True:
            part = connection.recv(1 << 16)
            now = time.perf_counter()
            buffer += part
            while b"\n\n" in buffer:
                event, buffer = buffer.split(b"\n\n", 1)
                found = re.search(rb"data: (\{.*)", event)
                if not found:
                    if b"[DONE]" in event:
                        return times
                    continue
                chunk = json.loads(found[1])
                if chunk.get("usage"):
                    times.tokens = chunk["usage"]["completion_tokens"]
                if any(choice["delta"].get("content") for choice in chunk["choices"]):
                    if times.last:
                        times.gaps.append(now - times.last)
                    else:
                        times.first = now - start
                    times.last = now
            if not part:
                raise RuntimeError(f"{server.name} ended a stream: {buffer[-200:]!r}")


def load(server: Server, clients: int, prompts: list[str], tokens: int) -> dict[str, float]:
    """Each prompt is asked once, by whoever is free."""
    left = list(reversed(prompts))
    lock = threading.Lock()
    done: list[Times] = []

    def client() -> None:
        while True:
            with lock:
                if not left:
                    return
                prompt = left.pop()
            times = ask(server, prompt, tokens)
            with lock:
                done.append(times)

    start = time.perf_counter()
    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    first = sorted(times.first for times in done)
    gaps = sorted(gap for times in done for gap in times.gaps) or [0.0]

    def at(values: list[float], share: float) -> float:
        return values[min(len(values) - 1, int(share * len(values)))] * 1000

    total = sum(times.tokens for times in done)
    return {
        "tokens_per_second": total / seconds, "tokens": total,
        "first_token_ms_p50": at(first, 0.5), "first_token_ms_p99": at(first, 0.99),
        "between_parts_ms_p50": at(gaps, 0.5), "between_parts_ms_p99": at(gaps, 0.99),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--peer", help="llama-server")
    parser.add_argument("--peer-model", nargs="*", default=[], help="more files for it, such as the model in its fastest format")
    parser.add_argument("--flags", default="", help="more flags of our server, such as '--depth 0'")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--clients", default="1,4,8,16")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--prompts", type=int, default=2, help="for each client, in each repeat")
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    levels = [int(level) for level in args.clients.split(",")]
    slots = max(levels)
    rows = [json.loads(line) for line in (ROOT / "Tests/Fixtures/prompts.jsonl").open()]
    texts = [row["prompt"] for row in rows if len(row["prompt"]) < 1200]
    port = free_port()
    program = str(ROOT / ".build/release/speculate")
    servers = [
        Server("speculate", [program, "serve", "--model", args.model, "--port", str(port), "--threads", str(args.threads), "--parallel", str(slots), *args.flags.split()], port)
    ]  # fmt: skip
    for model in [args.model, *args.peer_model] if args.peer else []:
        port = free_port()
        name = "llama-server" if model == args.model else f"llama-server, {Path(model).name}"
        command = [args.peer, "-m", model, "--port", str(port), "-t", str(args.threads), "-tb", str(args.threads), "-np", str(slots), "-c", str(slots * 2048), "--no-webui"]  # fmt: skip
        servers[-1].pause(True)
        servers.append(Server(name, command, port))
    for server in servers[1:] and servers:
        server.pause(True)
    results: list[dict[str, object]] = []
    try:
        for level in levels:
            runs: dict[str, list[dict[str, float]]] = {server.name: [] for server in servers}
            for repeat in range(args.repeats + 1):  # The first one warms up.
                count = level * args.prompts
                # Each is new to both, so that neither finds it in a cache.
                numbers = range(repeat * count, (repeat + 1) * count)
                prompts = [f"({level}.{n}) {texts[n % len(texts)]}" for n in numbers]
                for server in servers if repeat % 2 == 0 else reversed(servers):
                    server.pause(False)
                    run = load(server, level, prompts, args.tokens)
                    if len(servers) > 1:
                        server.pause(True)
                    if repeat:
                        runs[server.name].append(run)
            for name, measured in runs.items():
                row: dict[str, object] = {"server": name, "clients": level}
                for key in measured[0]:
                    row[key] = round(statistics.median(run[key] for run in measured), 2)
                results.append(row)
                print(json.dumps(row), flush=True)
    finally:
        for server in servers:
            server.close()
    cpu = (
        re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) if Path("/proc/cpuinfo").exists() else None
    )
    report = {"cpu": cpu[1] if cpu else platform.processor(), "threads": args.threads, "tokens": args.tokens, "repeats": args.repeats, "rows": results}  # fmt: skip
    if args.output:
        save(report, args.output)


if __name__ == "__main__":
    main()
