#!/usr/bin/env python3
"""What `speculate adapt` brings: a drafter learns from the first 200 kB of a text, and both drafters then draft
continuations of what follows there.

    python3 Benchmarks/adapt.py --text FILE [--bytes 200000] [--minutes 10] [--model FILE] [--drafter FILE]

Tokens per round (greedy, chains of 8 from one pass) come from `speculate bench` and do not depend on what else runs; prints
one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PASSAGES, CONTEXT, TOKENS = 24, 600, 128


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, required=True, help="half as long again as --bytes, or longer")
    parser.add_argument("--bytes", type=int, default=200_000, help="what is learnt from")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--program", type=Path, default=ROOT / ".build/release/speculate")
    parser.add_argument("--model", type=Path, default=Path.home() / ".cache/speculate/SmolLM2-135M-Instruct.Q4_1.gguf")
    parser.add_argument("--drafter", type=Path, default=ROOT / "Models/SmolLM2-135M-Instruct.drafter.gguf")
    parser.add_argument("--keep", type=Path, help="where the adapted drafter stays")
    args = parser.parse_args()
    data = args.text.read_bytes()
    further = data[args.bytes : args.bytes + args.bytes // 2].decode(errors="ignore")
    if len(further) < PASSAGES * CONTEXT:
        sys.exit(f"{args.text} has {len(data)} bytes, expected at least {args.bytes + 2 * PASSAGES * CONTEXT}")
    with tempfile.TemporaryDirectory() as folder:
        learnt, prompts, adapted = (Path(folder) / name for name in ("learnt.txt", "further.jsonl", "mine.drafter.gguf"))
        learnt.write_text(data[: args.bytes].decode(errors="ignore"))
        step = len(further) // PASSAGES
        rows = [{"prompt": further[at : at + CONTEXT], "raw": True} for at in range(0, step * PASSAGES, step)]
        prompts.write_text("".join(json.dumps(row) + "\n" for row in rows))
        run([args.program, "adapt", "--text", learnt, "-o", adapted, "-m", args.model, "--drafter", args.drafter,
             "--minutes", args.minutes])  # fmt: skip
        result = {}
        for name, drafter in [("before", args.drafter), ("adapted", adapted)]:
            report = Path(folder) / "report.json"
            run([args.program, "bench", "--prompts", prompts, "--settings", "diffusion:8", "--repeats", 1, "-n", TOKENS,
                 "-m", args.model, "--drafter", drafter, "--output", report, "-q"], quiet=True)  # fmt: skip
            result[name] = tokens_per_round(json.loads(report.read_text()))
        if args.keep:
            args.keep.write_bytes(adapted.read_bytes())
    result["gain"] = round(result["adapted"] / result["before"] - 1, 4)
    print(json.dumps({"text": args.text.name, "bytes": args.bytes} | result))
    return 0


def tokens_per_round(report: dict) -> float:
    outcomes = next(row["outcomes"] for row in report["series"] if row["setting"].startswith("diffusion"))
    return round(sum(one["tokens"] for one in outcomes) / sum(one["rounds"] for one in outcomes), 4)


def run(command: list, quiet: bool = False) -> None:
    done = subprocess.run(list(map(str, command)), stdout=subprocess.DEVNULL if quiet else sys.stderr)
    if done.returncode != 0:
        sys.exit(f"{command[1]} failed with status {done.returncode}")


if __name__ == "__main__":
    sys.exit(main())
