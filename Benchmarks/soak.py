"""Half an hour of more than a server can do: completions, cancels, clients that vanish, nonsense.

    python3 Benchmarks/soak.py MODEL.gguf --minutes 30 --output Benchmarks/Results/soak.json

Every completed text is compared with the one that plain decoding gave before, the resident memory is recorded, and in
the end nothing may be left in the server. Ends with status 1 where one of these does not hold.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import socket
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from serve_load import ROOT, Server, free_port, post, save

SETTINGS = [{"temperature": 0}, {"temperature": 0.7, "seed": 1}, {"temperature": 1, "seed": 2, "top_p": 0.9}, {"temperature": 0.8, "seed": 3, "presence_penalty": 0.5}]  # fmt: skip


def exchange(server: Server, data: bytes, hang_up_after: float | None = None) -> bytes:
    """Sends bytes; returns all that comes, or nothing when it hangs up before."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=600) as connection:
        connection.sendall(data)
        if hang_up_after is not None:
            connection.settimeout(hang_up_after)
        answer = b""
        try:
            while part := connection.recv(1 << 16):
                answer += part
        except TimeoutError:
            if hang_up_after is None:
                raise
            return b""
        return answer


def http(body: bytes) -> bytes:
    return post("/v1/completions", body)


def text_of(answer: bytes, is_streamed: bool) -> str:
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head[:20]:
        raise RuntimeError(answer[:300])
    if not is_streamed:
        return json.loads(body)["choices"][0]["text"]
    if b"[DONE]" not in body:
        raise RuntimeError(answer[-300:])
    events = [json.loads(event) for event in re.findall(rb"data: (\{.*)", body)]
    return "".join(event["choices"][0]["text"] for event in events)


def metric(server: Server, name: str) -> float:
    text = exchange(server, b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name + "{"))


def resident(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    program = str(ROOT / ".build/release/speculate")
    rows = [json.loads(line) for line in (ROOT / "Tests/Fixtures/prompts.jsonl").open()]
    prompts = [row["prompt"] for row in rows if len(row["prompt"]) < 1500][:60]

    def request(index: int, model: str) -> dict:
        return {
            "model": model,
            "prompt": prompts[index],
            "max_tokens": 16 + index % 80,
            **SETTINGS[index % len(SETTINGS)],
        }

    port = free_port()
    plain = Server(
        "plain",
        [program, "serve", "--model", args.model, "--port", str(port), "--drafter", "none", "--prefix-memory", "0"],
        port,
    )
    expected = [
        text_of(exchange(plain, http(json.dumps(request(i, plain.model)).encode())), False) for i in range(len(prompts))
    ]
    plain.close()
    port = free_port()
    server = Server(
        "speculate",
        [
            program,
            "serve",
            "--model",
            args.model,
            "--port",
            str(port),
            "--parallel",
            "8",
            "--queue",
            "8",
            "--prefix-memory",
            "64",
        ],
        port,
    )

    counts: Counter[str] = Counter()
    problems: list[str] = []
    lock = threading.Lock()
    end = time.monotonic() + args.minutes * 60

    def client(number: int) -> None:
        rng = random.Random(number)
        while time.monotonic() < end:
            index = rng.randrange(len(prompts))
            body = request(index, server.model)
            kind = rng.random()
            try:
                if kind < 0.6:
                    body["stream"] = rng.random() < 0.7
                    answer = exchange(server, http(json.dumps(body).encode()))
                    if answer.startswith(b"HTTP/1.1 503") and b"wait already" in answer:
                        outcome = "refused: full"
                        time.sleep(0.2)
                    elif text_of(answer, body["stream"]) == expected[index]:
                        outcome = "completed, same text"
                    else:
                        outcome = "completed, other text"
                        problems.append(f"prompt {index}: another text")
                elif kind < 0.85:
                    body |= {"stream": rng.random() < 0.5, "max_tokens": 2000}
                    exchange(server, http(json.dumps(body).encode()), hang_up_after=rng.random() * 0.6)
                    outcome = "hung up"
                else:
                    text = json.dumps(body).encode()
                    cut = rng.randrange(len(text))
                    wrong = rng.choice(
                        [
                            text[:cut],
                            text.replace(b"{", b"[", 1),
                            json.dumps(body | {"temperature": "hot"}).encode(),
                            b"\xff" * 50,
                        ]
                    )
                    answer = exchange(server, http(wrong))
                    outcome = "refused: nonsense" if answer.startswith(b"HTTP/1.1 4") else "accepted nonsense"
                    if outcome.startswith("accepted"):
                        problems.append(f"{wrong[:80]!r}: {answer[:80]!r}")
            except Exception as error:
                outcome = "failed"
                problems.append(f"{type(error).__name__}: {error}")
            with lock:
                counts[outcome] += 1

    threads = [threading.Thread(target=client, args=(number,)) for number in range(args.clients)]
    for thread in threads:
        thread.start()
    memory: list[tuple[float, int]] = []
    start = time.monotonic()
    while time.monotonic() < end:
        time.sleep(min(15, max(0.1, end - time.monotonic())))
        memory.append((round(time.monotonic() - start), resident(server.process.pid)))
        print(f"{memory[-1][0]:5.0f} s  {memory[-1][1] / 2**20:6.1f} MiB  {dict(counts)}", file=sys.stderr, flush=True)
    for thread in threads:
        thread.join()
    for _ in range(100):
        left = metric(server, "vllm:num_requests_running") + metric(server, "vllm:num_requests_waiting")
        if left == 0:
            break
        time.sleep(0.1)
    if left:
        problems.append(f"{left:.0f} requests are left")
    # After the first sixth, in which caches fill, memory stays where it is.
    warm = [size for seconds, size in memory if seconds > args.minutes * 10]
    half = len(warm) // 2
    growth = (sum(warm[half:]) / max(1, len(warm) - half)) / (sum(warm[:half]) / max(1, half)) - 1 if half else 0.0
    if growth > 0.05:
        problems.append(f"resident memory grew by {growth:.1%}")
    tokens = metric(server, "vllm:generation_tokens_total")
    server.close()
    if server.process.returncode != 0:
        problems.append(f"the server ended with {server.process.returncode}")
    report = {
        "minutes": args.minutes, "clients": args.clients, "outcomes": dict(counts), "tokens": tokens,
        "resident_mib": [[seconds, round(size / 2**20, 1)] for seconds, size in memory[:: max(1, len(memory) // 60)]],
        "growth_of_second_half": round(growth, 4), "problems": problems[:20],
    }  # fmt: skip
    print(json.dumps(report, indent=1))
    if args.output:
        save(report, args.output)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
