"""Four ordinary clients beside one hostile client of each kind: what it costs them until the first token.

    python3 Benchmarks/fairness.py MODEL.gguf --seconds 30 --output Benchmarks/Results/fairness.json

Every client has its own API key, and the server its default limits. Each scenario has a server of its own; first and
last comes one without a hostile client. The ordinary clients ask for one streamed answer after another, always with a
new prompt, so that none is in a cache. The exit status is 1 if the 99th percentile of their times to the first token is
more than three times what it is without a hostile client, or if a request is not answered. The hostile client runs at a
low priority, because in practice it has a machine of its own. Needs only the standard library.
"""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import re
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from hostile_clients import HOSTILE, KINDS, Target, attack, explore
from ordinary_clients import CLIENTS, KEYS, Measured, measure
from serve_load import ROOT, Server, free_port, save

RATIO = 3.0  # How many times as long the first token may take beside a hostile client.
REFUSAL = 0.25  # Seconds that refusing stop texts that are too long may take.


def processor() -> str:
    """The processor's name."""
    path = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", path.read_text()) if path.exists() else None
    return found[1] if found else platform.processor()


def start(args: argparse.Namespace, keys: Path) -> Server:
    port = free_port()
    command = [args.program, "serve", "--model", args.model, "--port", str(port), "--api-key-file", str(keys)]
    return Server("speculate", [*command, *args.flags.split()], port)


def scenario(kind: str | None, args: argparse.Namespace, keys: Path, target: Target | None) -> Measured:
    """A server, four ordinary clients and perhaps a hostile one."""
    server = start(args, keys)
    measure(server, 2)  # Warms up.
    ours = theirs = process = None
    if kind and target:
        target.port = server.port
        spawning = multiprocessing.get_context("spawn")
        ours, theirs = spawning.Pipe(duplex=False)
        # It starts before the clients and ends after them.
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
    """A row of the report."""
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
        # `Server` asks for the model's name, which needs a key.
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
