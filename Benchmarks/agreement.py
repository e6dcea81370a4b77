"""This engine and llama.cpp on a real model file, against its weights in float32.

    make peers-agreement MODEL=FILE.gguf
    make peers-agreement MODEL=FILE.gguf AGREEMENT="--floats --count 5"     # an error in the graph would show

The truth is llama.cpp on the same weights written out as float32, with caches in float32. It continues every prompt
greedily, and a text that is longer than Gemma's windows; at each of its tokens both engines say, of the file as it is, what comes next. Their distance from the truth is
that of the log-probabilities of its ten likeliest tokens. Then both write their own greedy text, plain: where the texts part,
the truth's lead there says whether rounding explains it. The strings of the tokenizers' tests are split by both.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from contextlib import ExitStack
from math import sqrt
from pathlib import Path
from statistics import fmean

from next_token import PROGRAM, Engine, Llama, Ours, distances, lead, likeliest
from peers import prepare, processor, run_tool
from serve_load import ROOT, save


def parting(left: list[int], right: list[int]) -> int | None:
    """The first place where one text has another token, or none any more."""
    if left == right:
        return None
    pairs = enumerate(zip(left, right, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(left), len(right)))


def measure(texts: list[str], count: int, truth: Llama, engines: dict[str, Engine]) -> dict[str, dict]:
    results: dict[str, dict] = {name: {"off": [], "leads": [], "partings": []} for name in engines}
    for text in texts:
        prompt = truth.tokenize(text)
        continuation = truth.complete(prompt, count)
        places = [truth.next_token(prompt + continuation[:place]) for place in range(len(continuation))]
        own = {}
        for name, engine in engines.items():
            result = results[name]
            for place, expected in enumerate(places):
                told = engine.next_token(prompt + continuation[:place])
                result["off"] += distances(told, expected)
                if likeliest(told) != likeliest(expected):
                    result["leads"].append(lead(expected, likeliest(told)))
            own[name] = engine.complete(prompt, count)
        for name in engines:
            place = parting(own[name], own["llama.cpp"])
            if place is None:
                continue
            begun = own["llama.cpp"][:place]
            expected = truth.next_token(prompt + begun)
            pair = [lead(expected, (text[place : place + 1] or [-1])[0]) for text in (own[name], own["llama.cpp"])]
            results[name]["partings"].append({"place": place, "leads": pair})
    return results


def report(name: str, result: dict) -> str:
    off = result["off"]
    leads = ", ".join(f"{x:.2f}" for x in sorted(result["leads"])) or "none"
    return (
        f"| {name} | {fmean(off):.4f} | {sqrt(fmean(x * x for x in off)):.4f} | {max(off):.3f}"
        f" | {leads} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--tools", type=Path, required=True, help="folder of llama.cpp's programs")
    parser.add_argument("--program", type=Path, default=PROGRAM, help="speculate")
    parser.add_argument("--prompts", type=Path, default=ROOT / "Tests/Fixtures/prompts.jsonl")
    parser.add_argument("--count", type=int, default=20, help="prompts")
    parser.add_argument("--tokens", type=int, default=32, help="of each continuation")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--floats", action="store_true", help="both engines run the weights in float32 too")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    prepare(options.tools)
    rows = [json.loads(row)["prompt"] for row in options.prompts.read_text().splitlines()]
    texts = rows[:: max(1, len(rows) // options.count)][: options.count]
    texts.append((ROOT / "Tests/Fixtures/prose.txt").read_text()[:4000])
    strings = [json.loads(line) for line in (ROOT / "Tests/Fixtures/tokenizers.jsonl").open()]
    # The whole window is kept, so that a place that follows another is not computed from the beginning.
    common = ["-t", options.threads, "-c", 2048, "--swa-full"]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        floats = Path(folder) / "floats.gguf"
        run_tool(options.tools, "llama-quantize", "--allow-requantize", options.model, floats, "F32")
        served = floats if options.floats else options.model
        exact = ["-ctk", "f32", "-ctv", "f32", "-fa", "off"]
        truth = stack.enter_context(Llama.serving(options.tools, floats, *common, *exact))
        engines: dict[str, Engine] = {
            "llama.cpp": stack.enter_context(Llama.serving(options.tools, served, *common)),
            "Speculate": stack.enter_context(Ours.serving(options.program, served, "--threads", options.threads)),
        }
        results = measure(texts, options.tokens, truth, engines)
        split = [text for text in strings if len({tuple(engine.tokenize(text)) for engine in engines.values()}) > 1]
    weights = " in float32" if options.floats else ""
    print(f"{options.model.name}{weights}, {len(texts)} prompts, {options.tokens} tokens each; {processor()}\n")
    print("| | mean distance, nats | root mean square | largest | truth's lead where another token is chosen |")
    print("|---|---|---|---|---|")
    for name, result in results.items():
        print(report(name, result))
    partings = results["Speculate"]["partings"]
    print(f"\nThe greedy texts of both are the same for {len(texts) - len(partings)} of {len(texts)} prompts.")
    for parts in partings:
        ours, peer = parts["leads"]
        print(f"They part at token {parts['place'] + 1}: the truth's first leads ours by {ours:.3f}, llama.cpp's by {peer:.3f}.")
    print(f"Of {len(strings)} strings both split {len(strings) - len(split)} alike; not {split[:5]}.")
    if options.output:
        save({"model": options.model.name, "processor": processor(), "results": results}, options.output)


if __name__ == "__main__":
    main()
