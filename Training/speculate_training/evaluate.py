"""Measures acceptance on held-out prompts by simulating rounds on the verifier's own answers."""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .checkpoint import Checkpoint
from .corpus import Batch, Corpus, collate, cut_loop, epoch_batches
from .drafter import Drafter
from .drafter_file import load
from .drafting import SCHEDULES, Draft, draft_blocks
from .respond import answers, for_verifier, read_prompts
from .verifier import Verifier, VerifierPass, working_dtype


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--verifier", required=True, help="the verifier's GGUF file")
    parser.add_argument("--drafter", type=Path, required=True, help="checkpoint.pt or a GGUF file")
    parser.add_argument("--prompts", type=Path, required=True, help="JSON lines, as for 'respond'")
    parser.add_argument("--out", type=Path, required=True, help="folder for the answers and evaluation.json")
    parser.add_argument("--engine", default="", help="the speculate program; without it PyTorch generates")
    parser.add_argument("--count", type=int, default=200, help="prompts, drawn at random")
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--longest", type=int, default=4000, help="characters of a prompt; longer ones are left out")
    parser.add_argument("--temperatures", default="0,0.7,1")
    parser.add_argument("--passes", default="1,2,4")
    parser.add_argument("--order", choices=["left", "confidence", "random"], default="left")
    parser.add_argument("--schedule", default="", help="tried instead of the standard one, as 2 or 1,2,4")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")


def rounds(matches: list[int], depth: int) -> Iterator[tuple[int, int, int]]:
    """The rounds that an answer takes, as `Tally.add` has them: how many of its tokens are there when one begins, how
    many drafted tokens may follow, how many are kept."""
    at = 0
    while at < len(matches):
        allowed = min(depth, len(matches) - at - 1)
        kept = min(matches[at], allowed)
        yield at, allowed, kept
        at += kept + 1


@dataclass
class Tally:
    """Rounds of several depths, counted."""

    block: int
    tokens: Tensor = field(init=False)
    rounds: Tensor = field(init=False)
    reached: Tensor = field(init=False)
    accepted: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.tokens, self.rounds = torch.zeros(self.block + 1), torch.zeros(self.block + 1)
        self.reached, self.accepted = torch.zeros(self.block), torch.zeros(self.block)

    def add(self, matches: list[int]) -> None:
        """matches[i]: of the block drafted when i answer tokens are there, how many leading tokens are the answer's.
        A round at depth k keeps at most k of them and adds a token of the verifier's own."""
        for depth in range(1, self.block + 1):
            for _, allowed, kept in rounds(matches, depth):
                if depth == self.block:
                    for i in range(allowed):
                        self.reached[i] += kept >= i
                        self.accepted[i] += kept > i
                self.tokens[depth] += kept + 1
                self.rounds[depth] += 1

    def report(self) -> dict[str, Any]:
        tau = (self.tokens / self.rounds.clamp_min(1))[1:]
        conditional = self.accepted / self.reached.clamp_min(1)
        return {
            "tau": [round(float(value), 4) for value in tau],
            "acceptance": [round(float(value), 4) for value in conditional],
            "rounds": int(self.rounds[self.block]),
        }


@torch.no_grad()
def drafts(
    verifier: Verifier, drafter: Drafter, batch: Batch, schedule: tuple[int, ...], order: Any = "left",
    past: VerifierPass | None = None,
) -> tuple[Draft, Tensor, Tensor]:  # fmt: skip
    """What is drafted after each token of the answers, the text there [S, A, L + 1] from that token on, and how many
    leading tokens [S, A] of the draft are the text's. `past`: the verifier's pass over the batch, if known."""
    generator = torch.Generator().manual_seed(0)
    batch = batch.to(verifier.device)
    past = past or verifier.forward(batch.tokens, drafter.config.taps)
    context = drafter.inject(past.taps)
    A = int((batch.lengths - batch.prompts).max())
    L = drafter.config.block
    anchors = batch.prompts.unsqueeze(-1) - 1 + torch.arange(A, device=verifier.device)  # [S, A]
    last = (batch.lengths - 1).unsqueeze(-1)
    anchors = torch.minimum(anchors, last)
    ahead = anchors.unsqueeze(-1) + torch.arange(L + 1, device=verifier.device)
    text = batch.tokens.gather(1, torch.minimum(ahead, last.unsqueeze(-1)).flatten(1)).reshape(ahead.shape)
    draft = draft_blocks(drafter, context, anchors, text[..., 0], L, schedule, order, generator=generator)
    right = (draft.tokens == text[..., 1:]) & (ahead[..., 1:] <= last.unsqueeze(-1))
    return draft, text, right.int().cumprod(-1).sum(-1)


def matches(
    verifier: Verifier, drafter: Drafter, batch: Batch, schedule: tuple[int, ...], order: Any = "left",
    past: VerifierPass | None = None,
) -> Iterable[list[int]]:  # fmt: skip
    """For each sequence and each token of its answer: how many leading tokens of the block drafted there are right."""
    _, _, leading = drafts(verifier, drafter, batch, schedule, order, past)
    for row, length in zip(leading.tolist(), (batch.lengths - batch.prompts).tolist(), strict=True):
        yield row[:length]


def evaluate(
    verifier: Verifier, drafter: Drafter, corpus: Corpus, schedule: tuple[int, ...], order: Any = "left",
    budget: int = 2048,
) -> dict[str, Tally]:  # fmt: skip
    """Tallies by tag, and of all under `all`."""
    tallies: dict[str, Tally] = defaultdict(lambda: Tally(drafter.config.block))
    for indices in epoch_batches(corpus, np.arange(len(corpus)), budget, 0):
        rows = matches(verifier, drafter, collate(corpus, indices), schedule, order)
        for index, row in zip(indices, rows, strict=True):
            tallies["all"].add(row)
            tallies[corpus.tags[index]].add(row)
    return tallies


def main(args: argparse.Namespace) -> None:
    args.out.mkdir(parents=True, exist_ok=True)
    checkpoint = Checkpoint(args.verifier)
    device = torch.device(args.device)
    verifier = Verifier(checkpoint, device, working_dtype(device))
    drafter = load(args.drafter, verifier, checkpoint)
    rows = [row for row in read_prompts(args.prompts) if len(row["prompt"]) <= args.longest]
    random.Random(args.seed).shuffle(rows)
    rows = for_verifier(checkpoint, rows[: args.count])
    result: dict[str, Any] = {"drafter": args.drafter.name, "prompts": len(rows), "order": args.order}
    for temperature in (float(part) for part in args.temperatures.split(",")):
        items = []
        for answer in answers(args, f"held-out-{temperature:g}", rows, temperature, args.seed):
            tokens = cut_loop(answer["tokens"])
            items.append((answer["prompt_ids"], tokens, rows[int(answer["id"])].get("category", "none")))
        corpus = Corpus.build(items, verifier.config.vocabulary)
        for passes in (int(part) for part in args.passes.split(",")):
            schedule = SCHEDULES[passes]
            if args.schedule and passes > 1:
                schedule = tuple(int(part) for part in args.schedule.split(","))
            tallies = evaluate(verifier, drafter, corpus, schedule, args.order)
            name = f"T={temperature:g} n={passes}"
            result[name] = {tag: tally.report() for tag, tally in sorted(tallies.items())}
            every = result[name]["all"]
            print(f"{name}: τ by depth {every['tau']}, acceptance by position {every['acceptance']}", flush=True)
    (args.out / "evaluation.json").write_text(json.dumps(result, indent=1) + "\n")
