"""Trains one process's network: its own bound on what the text's blocks cost, and the head that drafts, in equal parts.

Every process sees the same blocks in the same order. Half of them are all noise, as a draft begins, and teach the head
alone; the other half stand at a random time, and teach both. The head's loss is the drafter's own (HeadLoss): the
verifier's distribution against softmax(u + Markov), given the tokens before, and what the slot's own state says of its
token where it says anything (`Process.last`).
"""

from __future__ import annotations

import csv
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..diffusion import sample_times
from ..formats import rounded
from ..losses import HeadLoss, Mix, position_weights
from ..schedule import learning_rate
from .network import AUTOREGRESSIVE, Network
from .processes import process_of
from .source import Lot, Source

MIX = Mix(kl=0.5, ce=0.7, lk=0.3)  # Stage B's.
DECAY = 0.8


@dataclass(frozen=True)
class Course:
    """How long and how fast; `blocks` in each of the steps."""

    steps: int
    blocks: int = 256
    rate: float = 1e-4
    fall: float = 1.0  # Share of the steps over which the rate falls.
    rounded: bool = True  # Whether the network computes with its matrices as the file will hold them.
    seed: int = 1  # Of times and noise.
    points: tuple[float, ...] = (0.25, 0.5, 0.75, 1)  # Shares of the steps after which the network is asked.


@dataclass(frozen=True)
class Losses:
    total: Tensor
    bound: float  # Nats a token, of the blocks that stand at a random time
    head: float
    blocks: int


def noisy(network: Network, lot: Lot, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Blocks z like x0 [S, A, B], their times [S, A], and which of them [S, A] are all noise. Times are squares of even
    ones: small times, which weigh most in the bounds, are drawn more often, and `losses` weighs them less."""
    shape = lot.whole.shape
    times = sample_times(lot.whole.numel(), generator, 0.03).square().reshape(shape).to(lot.x0.device)
    full = (torch.rand(shape, generator=generator) < 0.5).to(lot.x0.device)
    times = times.masked_fill(full, 1.0)
    if network.process == AUTOREGRESSIVE:
        return lot.x0, times, full
    process = process_of(network)
    z = process.prior(tuple(lot.x0.shape), seeded(generator, lot.x0.device))
    z[~full] = process.noise(lot.x0[~full], times[~full].unsqueeze(-1), seeded(generator, lot.x0.device))
    return z, times, full


def seeded(generator: torch.Generator, device: torch.device) -> torch.Generator:
    """A generator on the device whose numbers follow from this one's."""
    return torch.Generator(device).manual_seed(int(torch.randint(1 << 60, (1,), generator=generator)))


def surprise(network: Network, hidden: Tensor, x0: Tensor, z: Tensor, times: Tensor) -> Tensor:
    """The process's term of the bound for each token, in nats: [N, B], of blocks x0 [N, B] at z and times [N]. Of the
    autoregressive head: −log p."""
    logits = network.unary(hidden)
    if network.process == AUTOREGRESSIVE:
        return F.cross_entropy(logits.flatten(0, 1), x0.flatten(), reduction="none").reshape(x0.shape)
    return process_of(network).loss(logits, x0, z, times.unsqueeze(-1))


def losses(network: Network, lot: Lot, generator: torch.Generator) -> Losses:
    z, times, full = noisy(network, lot, generator)
    context = network.inject(lot.lesson.past.taps)
    hidden = network.denoise(z, times, lot.first, lot.anchors, context)
    chosen = lot.whole & ~full
    t = times[chosen]
    share = torch.ones_like(t) if network.process == AUTOREGRESSIVE else 2 * t.sqrt()
    bound = (surprise(network, hidden[chosen], lot.x0[chosen], z[chosen], t).mean(-1) * share).mean()
    if network.process == "gaussian":  # The embedding is learnt, so that rounding is no constant.
        bound = bound + process_of(network).ends(lot.x0[chosen], seeded(generator, z.device)).mean()
    head = head_loss(network, lot, hidden, z, times)
    return Losses(bound + head, float(bound.detach()), float(head.detach()), int(lot.whole.sum()))


def head_loss(network: Network, lot: Lot, hidden: Tensor, z: Tensor, times: Tensor) -> Tensor:
    """The drafter's own loss of the whole blocks' tokens, at final states [S, A, B, hidden] that knew z at times
    [S, A]."""
    wanted = lot.whole.unsqueeze(-1).expand(lot.x0.shape)
    if network.reveals and network.process != AUTOREGRESSIVE:
        wanted = wanted & (z == network.config.draft_vocabulary)  # What is revealed is known.
    rows = wanted.flatten().nonzero().squeeze(-1)
    row_hidden = hidden.flatten(0, 2)[rows]
    previous = network.previous(lot.blocks.tokens[..., :-1].flatten()[rows], row_hidden)
    weight = position_weights(lot.x0.shape[-1], DECAY).to(rows.device).expand(lot.x0.shape).flatten()[rows]
    head: Tensor
    head, _, _ = HeadLoss.apply(
        row_hidden, previous, network.output, network.markov_w2, lot.blocks.distributions,
        lot.blocks.which.flatten()[rows], weight, MIX, evidence(network, z, times, rows),
    )  # fmt: skip
    return head


@torch.no_grad()
def evidence(network: Network, z: Tensor, times: Tensor, rows: Tensor) -> Tensor | None:
    """What the states of slots `rows` [M] say of their tokens [M, V], as the last pass adds it; None if nothing."""
    if network.reveals or network.process == AUTOREGRESSIVE:
        return None
    states = z.flatten(0, 2)[rows]
    t = times.unsqueeze(-1).expand(z.shape[:3]).flatten()[rows]
    return process_of(network).evidence(states, t)


def optimizers(network: Network, rate: float) -> list[torch.optim.Optimizer]:
    """The drafter's, Muon for the trunk's matrices and AdamW for the rest; what tells the process's state begins at
    zero and learns ten times as fast."""
    trunk: list[nn.Parameter] = []
    own: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        if name.split(".")[0] in ("blk", "fc") and parameter.dim() == 2:
            trunk.append(parameter)
        else:
            (own if name in ("state_here", "state_own", "time", "score_mass") else rest).append(parameter)
    groups: list[dict[str, Any]] = [{"params": rest}, {"params": own, "factor": 10.0}]
    return [
        torch.optim.AdamW(groups[: 2 if own else 1], lr=rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
        torch.optim.Muon(trunk, lr=rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
    ]


class Trainer:
    """A run, kept in `folder`: checkpoint.pt and train.csv. Started again, it continues and ends with the very weights
    that it would have had."""

    def __init__(self, network: Network, folder: Path, course: Course) -> None:
        self.network, self.folder, self.course = network, folder, course
        self.optimizers = optimizers(network, course.rate)
        self.step, self.blocks, self.seconds = 0, 0, 0.0
        folder.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            state: dict[str, Any] = torch.load(self.path, map_location=network.d2t.device, weights_only=True)
            if state["about"] != self.about():
                raise SystemExit(f"{self.path}: made with {state['about']}, not {self.about()}; name another folder")
            network.load_state_dict(state["network"])
            for optimizer, values in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(values)
            self.step, self.blocks, self.seconds = state["step"], state["blocks"], state["seconds"]

    @property
    def path(self) -> Path:
        return self.folder / "checkpoint.pt"

    @property
    def at_point(self) -> bool:
        """Whether the network is to be asked after the last update."""
        return self.step in {math.ceil(share * self.course.steps) for share in self.course.points}

    def about(self) -> dict[str, Any]:
        """What a checkpoint must share with the run that continues it."""
        own = {"process": self.network.process, "schedule": self.network.schedule, "seed": self.course.seed}
        return own | {"steps": self.course.steps, "layers": self.network.config.layers, "rate": self.course.rate}

    def save(self) -> None:
        state = {
            "about": self.about(),
            "network": self.network.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "blocks": self.blocks,
            "seconds": self.seconds,
        }
        beside = self.path.with_suffix(".tmp")
        torch.save(state, beside)
        os.replace(beside, self.path)

    def learn(self, loss: Callable[[Lot, torch.Generator], Losses], batch: Lot, generator: torch.Generator) -> Losses:
        """One update."""
        rate = learning_rate(self.step, self.course.steps, self.course.rate, self.course.fall)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * group.get("factor", 1.0)
            optimizer.zero_grad(set_to_none=True)
        if self.course.rounded:
            with rounded(self.network):
                found = loss(batch, generator)
                found.total.backward()
        else:
            found = loss(batch, generator)
            found.total.backward()
        torch.nn.utils.clip_grad_norm_([p for p in self.network.parameters() if p.grad is not None], 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.step, self.blocks = self.step + 1, self.blocks + found.blocks
        return found

    def run(
        self, source: Source, loss: Callable[[Lot, torch.Generator], Losses] | None = None, save_every: float = 120,
    ) -> Iterator[int]:  # fmt: skip
        """Trains to the end; yields the number of blocks learnt at every point of the course."""
        loss = loss or (lambda batch, generator: losses(self.network, batch, generator))
        saved = time.monotonic()
        for indices in source.batches(self.step):
            if self.step >= self.course.steps:
                break
            began = time.monotonic()
            generator = torch.Generator().manual_seed(self.course.seed * 1_000_000_007 + self.step)
            found = self.learn(loss, source.lot(self.network, indices, self.course.blocks, generator), generator)
            self.seconds += time.monotonic() - began
            self.log(found)
            if self.at_point or time.monotonic() - saved > save_every:
                self.save()
                saved = time.monotonic()
            if self.at_point:
                yield self.blocks

    def log(self, found: Losses) -> None:
        """A row of train.csv; those that a resumed run writes again count once, the last of them."""
        path, fresh = self.folder / "train.csv", not (self.folder / "train.csv").exists()
        with path.open("a", newline="") as file:
            writer = csv.writer(file)
            if fresh:
                writer.writerow(["step", "blocks", "bound", "head"])
            writer.writerow([self.step, self.blocks, f"{found.bound:.5f}", f"{found.head:.5f}"])
