"""Compares drafters on the same answers, prompt by prompt, and says where rounds lose their tokens."""

from __future__ import annotations

import argparse
import contextlib
import json
import random
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import torch

from .checkpoint import Checkpoint
from .corpus import Corpus, collate, cut_loop, epoch_batches
from .drafter import Drafter
from .drafter_file import load
from .drafting import SCHEDULES, Order
from .evaluate import Tally, drafts, matches, rounds
from .formats import rounded
from .resampling import middle, ratios
from .respond import conversations, for_verifier, read_prompts
from .verifier import Verifier, VerifierPass, working_dtype


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--verifier", required=True, help="the verifier's GGUF file")
    parser.add_argument("--drafters", type=Path, nargs="+", required=True, help="the others are compared to the first")
    parser.add_argument("--prompts", type=Path, required=True, help="JSON lines, as for 'respond'")
    parser.add_argument("--out", type=Path, required=True, help="folder for the answers and comparison.json")
    parser.add_argument("--engine", default="", help="the speculate program; without it PyTorch generates")
    parser.add_argument("--count", type=int, default=1000, help="prompts, drawn at random")
    parser.add_argument("--turns", type=int, default=1, help="of a conversation, as for 'respond'")
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--passes", default="1,2", help="numbers of passes, or orders of revealing, as confidence:7")
    parser.add_argument("--misses", action="store_true", help="also say where the first drafter's rounds lose tokens")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")


def plan(text: str) -> tuple[tuple[int, ...], Order]:
    """How many tokens are revealed after each pass but the last, and in which order: of a number of passes, or as
    ORDER:COUNT+COUNT says it."""
    order, _, counts = text.rpartition(":")
    try:
        if not order:
            return SCHEDULES[int(counts)], "left"
        schedule = tuple(int(count) for count in counts.split("+"))
    except (KeyError, ValueError):
        schedule = ()
    if order not in get_args(Order) or not schedule:
        raise SystemExit(f"--passes has {text}, expected 1, 2, 4 or an order with counts, as left:2 or confidence:1+4")
    return schedule, cast(Order, order)


def interval(first: np.ndarray, second: np.ndarray, draws: int = 4000) -> tuple[float, float]:
    """The middle 95 % of the difference of τ, prompts drawn again; each [prompts, 2], tokens and rounds."""
    return middle(ratios(second, draws) - ratios(first, draws))


def play(row: list[int], block: int) -> tuple[int, int]:
    """Tokens and rounds of an answer at the greatest depth."""
    tally = Tally(block)
    tally.add(row)
    return int(tally.tokens[block]), int(tally.rounds[block])


@torch.no_grad()
def misses(
    verifier: Verifier, drafter: Drafter, corpus: Corpus, batches: list[list[int]], pasts: list[VerifierPass]
) -> list[dict[str, Any]]:
    """For each position of a round's draft: how often rounds end there, and where the verifier's token then stood among
    the draft's, given the tokens before it."""
    L = drafter.config.block
    ranks: list[list[int]] = [[] for _ in range(L)]
    reached = [0] * L
    for indices, past in zip(batches, pasts, strict=True):
        batch = collate(corpus, indices)
        draft, text, leading = drafts(verifier, drafter, batch, (), past=past)
        for number, length in enumerate((batch.lengths - batch.prompts).tolist()):
            for at, allowed, kept in rounds(leading[number, :length].tolist(), L):
                for i in range(min(kept + 1, allowed)):
                    reached[i] += 1
                if kept < allowed:
                    before, wanted = text[number, at, kept], drafter.t2d[text[number, at, kept + 1]]
                    hidden = draft.hidden[number, at, kept]
                    logits = drafter.logits(hidden, drafter.previous(before, hidden)).float()
                    ranks[kept].append(-1 if wanted < 0 else int((logits > logits[wanted]).sum()))
    report = []
    for i in range(L):
        found = np.array(ranks[i])
        shares = {f"top {k}": float(((found >= 0) & (found < k)).sum() / max(len(found), 1)) for k in (2, 4, 16)}
        unknown = float((found < 0).sum() / max(len(found), 1))
        report.append({"position": i + 1, "reached": reached[i], "ended": len(found), **shares, "not drafted": unknown})
    return report


def main(args: argparse.Namespace) -> None:
    plans = {text: plan(text) for text in args.passes.split(",")}
    args.out.mkdir(parents=True, exist_ok=True)
    checkpoint = Checkpoint(args.verifier)
    device = torch.device(args.device)
    verifier = Verifier(checkpoint, device, working_dtype(device))
    rows = read_prompts(args.prompts)
    random.Random(args.seed).shuffle(rows)
    rows = for_verifier(checkpoint, rows[: args.count])
    found = conversations(args, checkpoint, "held-out-0", rows, 0.0, args.seed, args.turns)
    vocabulary = verifier.config.vocabulary
    corpus = Corpus.build(((a["prompt_ids"], cut_loop(a["tokens"]), a["id"]) for *_, a in found), vocabulary)
    batches = epoch_batches(corpus, np.arange(len(corpus)), 2048, 0)
    pasts: dict[tuple[int, ...], list[VerifierPass]] = {}  # By taps; without keys and values, which nobody needs.
    first: dict[str, np.ndarray] = {}
    report: list[dict[str, Any]] = []
    for path in args.drafters:
        drafter = load(path, verifier, checkpoint)
        if (taps := drafter.config.taps) not in pasts:
            tokens = (collate(corpus, indices).tokens.to(device) for indices in batches)
            pasts[taps] = [verifier.forward(rows, taps).with_cache([], []) for rows in tokens]
        # A file's matrices are rounded; those of a training run shall be what its file will hold.
        with rounded(drafter) if path.suffix == ".pt" else contextlib.nullcontext():
            for passes, (schedule, order) in plans.items():
                played = np.zeros((len(corpus), 2))
                for indices, past in zip(batches, pasts[taps], strict=True):
                    batch = collate(corpus, indices)
                    found_rows = matches(verifier, drafter, batch, schedule, order, past)
                    for index, row in zip(indices, found_rows, strict=True):
                        played[index] = play(row, drafter.config.block)
                tokens, rounds = played.sum(0)
                low, high = interval(first.setdefault(passes, played), played)
                line = {"drafter": str(path), "passes": passes, "tau": tokens / rounds, "low": low, "high": high}
                report.append(line)
                print(f"{path}, n = {passes}: τ {tokens / rounds:.3f}, {low:+.3f} to {high:+.3f}", flush=True)
            if args.misses and path == args.drafters[0]:
                for line in misses(verifier, drafter, corpus, batches, pasts[taps]):
                    report.append(line)
                    print(line, flush=True)
    (args.out / "comparison.json").write_text(json.dumps(report, indent=1) + "\n")
