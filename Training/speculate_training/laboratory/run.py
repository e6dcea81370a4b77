"""The command `laboratory`: trains every variant, measures all of them, writes laboratory.json and the pictures."""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import time
from pathlib import Path
from typing import Any

import torch

from . import processes
from .drafting import further
from .engine import bench
from .file import save
from .fit import fits
from .likelihood import difference
from .measures import Held, collected, measure
from .network import PROCESSES, Network
from .source import Source
from .tables import tables
from .texts import Texts
from .training import Course
from .variants import VARIANTS, Variant, replace, share, trained, write

ROOT = Path(__file__).parents[3]
#: Raised whenever the same settings give other numbers than before.
VERSION = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--verifier", required=True, help="the verifier's GGUF file")
    parser.add_argument("--corpus", type=Path, required=True, help="what 'respond' made")
    parser.add_argument("--cache", type=Path, help="folder of the verifier's states, as for 'train'")
    parser.add_argument("--out", type=Path, required=True, help="folder of networks, measures and pictures")
    parser.add_argument("--drafter", type=Path, default=ROOT / "Models/SmolLM2-135M-Instruct.drafter.gguf")
    parser.add_argument("--start", choices=["drafter", "verifier"], default="drafter", help="what all begin from")
    parser.add_argument("--prompts", type=Path, default=ROOT / "Benchmarks/held-out.jsonl", help="held-out prompts")
    parser.add_argument("--prose", type=Path, default=ROOT / "Training/prose.txt", help="a text that none trains on")
    parser.add_argument("--engine", default="", help="the speculate program; without it PyTorch answers the prompts")
    parser.add_argument("--variants", default=",".join(v.name for v in VARIANTS), help="which, with commas")
    parser.add_argument(
        "--blocks", type=int, default=8000, help="for each process, four steps at least; in full 2000000"
    )
    parser.add_argument("--tokens", type=int, default=1792, help="of text in a step")
    parser.add_argument("--batch", type=int, default=256, help="blocks drawn in a step; about 9 in 10 can be used")
    parser.add_argument("--rate", type=float, default=1e-4, help="at first; it falls over the whole run")
    parser.add_argument("--count", type=int, default=99, help="held-out prompts")
    parser.add_argument("--max-tokens", type=int, default=96, help="of an answer to them")
    parser.add_argument("--thorough", type=float, default=1, help="how many times as much text is measured on")
    parser.add_argument("--export", action="store_true", help="also write every network as a file for the engine")
    parser.add_argument("--share", default="1/1", help="of the variants: two processes may do 1/2 and 2/2")
    parser.add_argument("--engine-only", action="store_true", help="measure the exported files' speed in the engine")
    parser.add_argument("--collect", action="store_true", help="only the tables and pictures of what was measured")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1, help="of training's noise, and of the answers that are drawn")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")


def chosen(text: str) -> list[Variant]:
    known = {variant.name: variant for variant in VARIANTS}
    if unknown := [name for name in text.split(",") if name not in known]:
        raise SystemExit(f"--variants has {unknown[0]}, expected some of {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(text.split(","))]


def main(args: argparse.Namespace) -> None:
    variants = chosen(args.variants)
    for name in ("blocks", "batch", "tokens", "count", "max_tokens"):
        if getattr(args, name) < 1:
            raise SystemExit(f"--{name.replace('_', '-')} is {getattr(args, name)}, expected at least 1")
    for name in ("rate", "thorough"):
        if not 0 < getattr(args, name) < math.inf:
            raise SystemExit(f"--{name} is {getattr(args, name)}, expected a finite number above 0")
    own = part(variants, args.share)
    if args.engine_only:
        race(args, variants)
    if args.collect or args.engine_only:
        collect(args)
        return
    if args.threads:
        torch.set_num_threads(args.threads)
    agree(args)
    print("the verifier reads the held-out texts", flush=True)
    source = Source(args.verifier, args.corpus, args.drafter, args.cache, args.device, args.tokens)
    held = Held.read(source, Texts.read(args, source.checkpoint), args.thorough)
    course = Course(max(4, round(args.blocks / (0.9 * args.batch))), args.batch, args.rate, seed=args.seed)
    if not (args.out / "held.json").exists():
        write(args.out / "held.json", {"start": args.start, "verifier": Path(args.verifier).name, **held.about()})
    for variant in own:
        network = trained(source, variant, args.out, course, args.start, held.probe)
        measure(network, variant, held, args.out / variant.name)
        if args.export and variant.process in PROCESSES and variant.budget:
            export(network, source, args.out / f"{variant.name}.gguf")
    if args.share == "1/1":
        collect(args)


def agree(args: argparse.Namespace) -> None:
    """What the folder's networks and measures were made with is kept in settings.json, and must not change."""
    plain = ("start", "blocks", "tokens", "batch", "rate", "count", "max_tokens", "thorough", "seed")
    files = {name: Path(getattr(args, name)) for name in ("verifier", "corpus", "drafter", "prompts", "prose")}
    own: dict[str, Any] = {"version": VERSION, "device": torch.device(args.device).type}
    own |= {name: getattr(args, name) for name in plain}
    for name, path in files.items():
        if not path.exists():
            raise SystemExit(f"{path}: there is no such {name}")
        own[name] = digest(path)
    kept = args.out / "settings.json"
    known = json.loads(kept.read_text()) if kept.exists() else own
    if different := [name for name in own if known.get(name) != own[name]]:
        name = different[0]
        raise SystemExit(f"{args.out}: its {name} is {known.get(name)}, not {own[name]}; name another folder")
    args.out.mkdir(parents=True, exist_ok=True)
    write(kept, own)


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def race(args: argparse.Namespace, variants: list[Variant]) -> None:
    """The exported files in the engine, one after another, that nothing else runs beside."""
    names = {variant.name for variant in variants}
    files = {name: args.out / f"{name}.gguf" for name in PROCESSES if name in names}
    files = {name: path for name, path in files.items() if path.exists()}
    if not files:
        raise SystemExit(f"{args.out} has no exported networks; --export writes them")
    for name, path in {"included": args.drafter, **files}.items():
        done, began = args.out / name / "engine.json", time.monotonic()
        if not done.exists():
            done.parent.mkdir(exist_ok=True)
            result = bench(args.engine, args.verifier, path, args.prompts)
            write(done, {"result": result, "seconds": round(time.monotonic() - began, 1)})
            print(f"{name}: engine measured", flush=True)


def part(variants: list[Variant], text: str) -> list[Variant]:
    """What `--share` says."""
    number, _, count = text.partition("/")
    if not (number.isdigit() and count.isdigit() and 1 <= int(number) <= int(count)):
        raise SystemExit(f"--share is {text}, expected as 1/2")
    return share(variants, int(number), int(count))


def collect(args: argparse.Namespace) -> None:
    """laboratory.json, TABLES.md and the pictures, of all that has been measured."""
    from .pictures import draw  # Not earlier: matplotlib takes a second to load.

    known = [variant for variant in VARIANTS if (args.out / variant.name / "tau.json").exists()]
    if not known:
        raise SystemExit(f"{args.out}: nothing has been measured there")
    results = {variant.name: collected(variant, args.out / variant.name) for variant in known}
    compare(results)
    found = {**json.loads((args.out / "held.json").read_text()), "variants": results, "fits": fits(results)}
    write(args.out / "laboratory.json", found)
    draw(found, args.out)
    text = tables(found)
    replace(args.out / "TABLES.md", text)
    print(text)


def compare(results: dict[str, Any]) -> None:
    """Every bound's difference from the absorbing process's, in place of each text's own, and every τ's from that of
    the included drafter in one pass, in place of each prompt's own."""
    for key in ("bound-own", "bound-prose"):
        base = results.get("absorbing", {}).get(key)
        for found in (variant[key] for variant in results.values() if key in variant):
            if base and found is not base:
                found["over-absorbing"] = difference(found, base)
    for variant in results.values():
        for key in variant:
            if key.startswith(("bound-", "markov-")):
                del variant[key]["texts"]
    played = [
        row for variant in results.values() for key in ("tau", "tau-left") for row in variant.get(key, {}).values()
    ]
    base = results.get("included", {}).get("tau", {}).get("1")
    for row in played:
        if base and row is not base:
            row["over-included"] = further(row, base)
    for row in played:
        del row["played"]


def export(network: Network, source: Source, path: Path) -> None:
    """As a file for the engine."""
    network.fold()
    graph = None
    if network.process == "token-distance":
        graph = processes.neighbours(network.embedding[network.d2t])
    save(path, network, source.checkpoint, graph)
