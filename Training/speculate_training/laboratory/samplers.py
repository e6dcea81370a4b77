"""Blocks drawn by running a process backwards. A sampler knows of the network only that it maps states [N, B] (or
vectors [N, B, W]) and times [N] to logits [N, B, V], as `process.py` says."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from .absorbing import Absorbing
from .process import Process, draw

Network = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Known:
    """Tokens [N, B] that are given where `where` [N, B] is true."""

    tokens: Tensor
    where: Tensor


def times(steps: int) -> list[float]:
    """At which times a network is evaluated, and 0: t_k = 1 − k/n."""
    return [1 - k / steps for k in range(steps)] + [0.0]


@torch.no_grad()
def ancestral(
    process: Process, network: Network, shape: tuple[int, int], steps: int,
    generator: torch.Generator | None = None, known: Known | None = None,
) -> Tensor:  # fmt: skip
    """Tokens [N, B] by `steps` evaluations, each but the last followed by the process's own step.

    What is known is shown as it is under absorbing processes; under others every pass sees it as noisy as the rest
    (Song et al. 2020, score SDE, appendix I.2), which conditions on it only approximately."""
    x = process.prior(shape, generator)
    grid = times(steps)
    for now, then in zip(grid[:-1], grid[1:], strict=True):
        t, s = (torch.full((shape[0], 1), time, device=x.device) for time in (now, then))
        x = hold(process, x, t, known, generator)
        logits = network(x, t[:, 0])
        if then:
            x = process.step(logits, x, s, t, generator)
    tokens = draw(process.last(logits, x, t).exp(), generator)
    return tokens if known is None else torch.where(known.where, known.tokens, tokens)


def hold(process: Process, x: Tensor, t: Tensor, known: Known | None, generator: torch.Generator | None) -> Tensor:
    """States x at time t with what is known put in."""
    if known is None:
        return x
    time = torch.zeros_like(t) if isinstance(process, Absorbing) else t
    given = process.noise(known.tokens, time, generator)
    return torch.where(known.where if given.dim() == 2 else known.where.unsqueeze(-1), given, x)


def start(process: Absorbing, shape: tuple[int, int], generator: torch.Generator | None, known: Known | None) -> Tensor:
    """States at time 1, with what is known put in."""
    x = process.prior(shape, generator)
    return hold(process, x, torch.ones(shape[0], 1, device=x.device), known, generator)


@torch.no_grad()
def confident(
    process: Absorbing, network: Network, shape: tuple[int, int], steps: int, schedule: Literal["linear", "cosine"],
    generator: torch.Generator | None = None, known: Known | None = None, again: bool = False,
    temperature: float = 1.0, noise: float = 0.0,
) -> Tensor:  # fmt: skip
    """Parallel decoding in the order of confidence. Every pass draws all masked tokens; after pass k of n the least
    likely of them are masked again, ⌈γ(k/n) · N⌉ with γ(r) = 1 − r or cos(πr/2), N the slots that were not known, but
    at least one fewer than before.

    MaskGIT (Chang et al. 2022, section 3.2): what has been left uncovered once stays; `noise` adds Gumbel noise, that
    times 1 − k/n, to the logarithm of the confidence. With `again` as in Mask-Predict (Ghazvininejad et al. 2019): all
    tokens compete at each pass, with the probability that they had when they were drawn. Temperature 0: the likeliest
    tokens."""
    unknown = torch.ones(shape, dtype=torch.bool) if known is None else ~known.where
    x = start(process, shape, generator, known)
    unknown = unknown.to(x.device)
    count = unknown.sum(-1)
    confidence = torch.full(shape, float("inf"), device=x.device)
    for k in range(1, steps + 1):
        masked = x == process.mask
        logits = network(x, process.schedule.time(masked.sum(-1) / shape[1]))
        log_p = (logits / (temperature or 1)).log_softmax(-1)
        token = draw(log_p.exp(), generator) if temperature else log_p.argmax(-1)
        x = torch.where(masked, token, x)
        chosen = log_p.gather(-1, token.unsqueeze(-1)).squeeze(-1)
        confidence = torch.where(masked, chosen, confidence)
        left = 1 - k / steps if schedule == "linear" else math.cos(math.pi / 2 * k / steps)
        hide = (left * count - 1e-6).ceil().minimum(masked.sum(-1) - 1)
        if k == steps:
            break
        competing = unknown if again else masked
        gumbel = -torch.empty(shape, device=x.device).exponential_(generator=generator).log()
        score = (confidence + noise * (1 - k / steps) * gumbel).masked_fill(~competing, float("inf"))
        least = score.argsort(-1).argsort(-1) < hide.unsqueeze(-1)
        x = x.masked_fill(least & competing, process.mask)
    return x


@torch.no_grad()
def first_hitting(
    process: Absorbing, network: Network, shape: tuple[int, int], generator: torch.Generator | None = None,
    known: Known | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Ancestral sampling in the limit of many steps, with one evaluation for a token: of n masked tokens the first is
    uncovered at the time when 1 − α has fallen by the largest of n uniform numbers, u^(1/n), and is any of them (Zheng
    et al. 2024). Returns tokens [N, B] and the time [N, B] of each (0: known)."""
    x = start(process, shape, generator, known)
    lost = torch.ones(shape[0], device=x.device)
    when = torch.zeros(shape, device=x.device)
    rows = torch.arange(shape[0], device=x.device)
    while bool((masked := x == process.mask).any()):
        uniform = torch.rand(shape[0], generator=generator, device=x.device)
        lost = lost * uniform ** (1 / masked.sum(-1).clamp_min(1))
        t = process.schedule.time(lost)
        token = draw(network(x, t).softmax(-1), generator)
        slot = draw(masked.float() + (~masked.any(-1, keepdim=True)).float(), generator)
        new = masked[rows, slot]
        x[rows, slot] = torch.where(new, token[rows, slot], x[rows, slot])
        when[rows, slot] = torch.where(new, t, when[rows, slot])
    return x, when
