"""The command `laboratory`: trains every variant, measures all of them, writes laboratory.json and the pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch

from . import processes
from .file import save
from .fit import fits
from .measures import Held, measure
from .network import PROCESSES, Network
from .source import Source
from .texts import Texts
from .training import Course
from .variants import VARIANTS, Variant, trained, write

ROOT = Path(__file__).parents[3]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--verifier", required=True, help="the verifier's GGUF file")
    parser.add_argument("--corpus", type=Path, required=True, help="what 'respond' made")
    parser.add_argument("--cache", type=Path, help="folder of the verifier's states, as for 'train'")
    parser.add_argument("--out", type=Path, required=True, help="folder of networks, measures and pictures")
    parser.add_argument("--drafter", type=Path, default=ROOT / "Models/SmolLM2-135M-Instruct.drafter.gguf")
    parser.add_argument("--start", choices=["drafter", "verifier"], default="drafter", help="what all begin from")
    parser.add_argument("--prompts", type=Path, default=ROOT / "Benchmarks/held-out.jsonl", help="held-out prompts")
    parser.add_argument("--prose", type=Path, default=ROOT / "Training/prose.txt", help="a text nobody was trained on")
    parser.add_argument("--engine", default="", help="the speculate program; without it PyTorch answers the prompts")
    parser.add_argument("--variants", default=",".join(v.name for v in VARIANTS), help="which, with commas")
    parser.add_argument("--blocks", type=int, default=3200, help="of training, for each process; in full 2000000")
    parser.add_argument("--tokens", type=int, default=1792, help="of text in a step")
    parser.add_argument("--batch", type=int, default=384, help="blocks drawn in a step; about 6 in 10 can be used")
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--count", type=int, default=99, help="held-out prompts")
    parser.add_argument("--max-tokens", type=int, default=96, help="of an answer to them")
    parser.add_argument("--thorough", type=int, default=1, help="how many times as much text is measured on")
    parser.add_argument("--export", action="store_true", help="also write every network as a file for the engine")
    parser.add_argument("--train-only", action="store_true", help="measure later: started again without, it does")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")


def chosen(text: str) -> list[Variant]:
    known = {variant.name: variant for variant in VARIANTS}
    if unknown := [name for name in text.split(",") if name not in known]:
        raise SystemExit(f"--variants has {unknown[0]}, expected some of {', '.join(known)}")
    return [known[name] for name in text.split(",")]


def main(args: argparse.Namespace) -> None:
    variants = chosen(args.variants)
    if args.threads:
        torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    processes.keep_in = args.out
    source = Source(args.verifier, args.corpus, args.drafter, args.cache, args.device, args.tokens)
    texts = Texts.read(args, source.checkpoint)
    held = Held.read(source, texts, args.thorough)
    course = Course(max(1, round(args.blocks / (0.6 * args.batch))), args.batch, args.rate)

    results: dict[str, Any] = {}
    for variant in variants:
        network = trained(source, variant, args.out, course, args.start, held.probe)
        if args.train_only:
            continue
        results[variant.name] = measure(network, variant, held, args.out / variant.name)
        if args.export and variant.process in PROCESSES:
            export(network, source, args.out / f"{variant.name}.gguf")
    if args.train_only:
        return
    from .pictures import draw  # Not earlier: matplotlib takes a second to load.

    found = {**about(args, held), "variants": results, "fits": fits(results)}
    write(args.out / "laboratory.json", found)
    draw(found, args.out)
    print(table(results))


def about(args: argparse.Namespace, held: Held) -> dict[str, Any]:
    return {
        "verifier": Path(args.verifier).name,
        "start": args.start,
        "blocks": args.blocks,
        "excluded": {name: text.excluded for name, text in held.texts.items()},
        "reference": held.reference(),
    }


def export(network: Network, source: Source, path: Path) -> None:
    """As a file for the engine."""
    network.fold()
    graph = None
    if network.process == "token-distance":
        graph = processes.neighbours(network.embedding[network.d2t])
    save(path, network, source.checkpoint, graph)


def table(results: dict[str, Any]) -> str:
    """Bounds in nats per token, and τ by passes."""
    lines = ["variant | bound, own text | bound, prose | τ by passes"]
    for name, result in results.items():
        bounds = [f"{result[key]['nats']:.2f}" if key in result else "-" for key in ("bound-own", "bound-prose")]
        taus = ", ".join(f"{n}: {row['tau']:.2f}" for n, row in result["tau"].items())
        lines.append(f"{name} | {bounds[0]} | {bounds[1]} | {taus}")
    return "\n".join(lines)
