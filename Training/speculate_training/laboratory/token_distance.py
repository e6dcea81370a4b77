"""Diffusion between similar tokens: a token is replaced by neighbours of its embedding. D3PM (Austin et al. 2021,
appendix A.2.4), with two changes. Neighbours are mutual, at most ten each: if all had their nearest, some would be of a
thousand others, and would change a hundred times as often. And one move in ten leads to any token: by neighbours alone
a token's cluster is remembered for very long. exp(σR) is applied, never formed."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .process import TokenProcess, log_ratios, score_entropy
from .schedules import Schedule

#: Moves per unit of σ, and how many of them lead to any token.
PACE, JUMPS = 3.0, 0.1
#: Walks of so many steps, or more, are left out where they are less likely than this.
UNLIKELY = 1e-18
#: No probability is smaller, so that all have logarithms.
LEAST = 1e-20
#: Rows that are spread at once: few enough for a processor's cache.
ROWS = 128


def nearest(embedding: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` largest cosines [V, count] of a token's embedding with others', [V, hidden], and whose they are."""
    rows = F.normalize(embedding.float(), dim=-1)
    found = []
    for start in range(0, len(rows), 1024):
        near = rows[start : start + 1024] @ rows.t()
        near.diagonal(start).fill_(float("-inf"))
        found.append(near.topk(count, -1))
    return torch.cat([part.values for part in found]), torch.cat([part.indices for part in found])


def link(embedding: Tensor, most: int = 10, candidates: int = 64) -> Tensor:
    """Neighbours [V, most] of embeddings [V, hidden]. Pairs among each token's nearest `candidates`, the most alike
    first, become neighbours of each other as long as both have fewer than `most`; who finds too few is its own."""
    V = len(embedding)
    cosines, others = nearest(embedding, min(candidates, V - 1))
    first = torch.arange(V, device=others.device).unsqueeze(-1).expand(others.shape)
    keys = torch.minimum(first, others) * V + torch.maximum(first, others)
    order = cosines.flatten().argsort(descending=True, stable=True)
    links: list[list[int]] = [[] for _ in range(V)]
    # A pair that each of both names comes twice.
    for key in dict.fromkeys(keys.flatten()[order].tolist()):
        one, other = divmod(key, V)
        if len(links[one]) < most and len(links[other]) < most:
            links[one].append(other)
            links[other].append(one)
    full = [row + [token] * (most - len(row)) for token, row in enumerate(links)]
    return torch.tensor(full, device=embedding.device)


class TokenDistance(TokenProcess):
    """Q_{t|s} = exp((σ_t − σ_s) R) with R = 3 (P − 1). A move P leads to one of x's neighbours, or in one case of ten
    to any token. Neighbours are mutual, so that P is symmetric: it and Q are doubly stochastic."""

    name = "token-distance"

    def __init__(self, neighbours: Tensor, schedule: Schedule) -> None:
        """neighbours [V, K], as `link` gives them."""
        self.vocabulary = self.states = len(neighbours)
        self.neighbours, self.schedule = neighbours, schedule

    def spread(self, rows: Tensor, sigma: Tensor) -> Tensor:
        """rows [.., V] times exp(σR)."""
        shape = torch.broadcast_shapes(rows.shape[:-1], sigma.shape)
        flat = rows.expand(*shape, self.states).reshape(-1, self.states)
        found = Spread.apply(flat, sigma.expand(shape).flatten(), self)
        return found.reshape(*shape, self.states)  # type: ignore[no-any-return]

    def push(self, rows: Tensor, s: Tensor, t: Tensor) -> Tensor:
        return self.spread(rows, self.schedule.sigma(t) - self.schedule.sigma(s))

    def pull(self, x_t: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """Also rows: R is symmetric."""
        return self.push(self.point(x_t, t.dtype), s, t)

    def noise(self, x0: Tensor, t: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Makes a Poisson number of moves with mean 3 σ(t)."""
        sigma = self.schedule.sigma(t).expand(x0.shape)
        endless = sigma.isinf()
        moves = torch.poisson(PACE * sigma.masked_fill(endless, 0), generator)
        x, K = x0, self.neighbours.shape[1]
        for number in range(int(moves.max())):
            which = torch.randint(K, x.shape, generator=generator, device=x.device)
            jumps = torch.rand(x.shape, generator=generator, device=x.device) < JUMPS
            moved = torch.where(jumps, self.prior(tuple(x.shape), generator), self.neighbours[x, which])
            x = torch.where(number < moves, moved, x)
        return torch.where(endless, self.prior(tuple(x.shape), generator), x)

    def prior(self, shape: tuple[int, ...], generator: torch.Generator | None = None) -> Tensor:
        return torch.randint(self.states, shape, generator=generator, device=self.neighbours.device)

    def prior_divergence(self, x0: Tensor) -> Tensor:
        """log V minus the entropy of a row of Q at time 1."""
        row = self.row(x0, torch.ones(x0.shape, dtype=torch.float64, device=x0.device))  # A small difference.
        return math.log(self.states) + torch.xlogy(row, row).sum(-1)

    def integrand(self, logits: Tensor, x0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """σ' Σ_y R(y, x_t) (s_y − r_y log s_y + K(r_y)), over neighbours y of x_t and over all tokens, with
        s_y = q(y | p0)/q(x_t | p0) and r_y = q(y | x0)/q(x_t | x0); SEDD (Lou et al. 2023, theorem 3.6)."""
        model = log_ratios(self.push(logits.softmax(-1), torch.zeros_like(t), t).log(), x_t)
        true = log_ratios(self.row(x0, t).log(), x_t)
        near = self.neighbours[x_t]
        moves = score_entropy(model.gather(-1, near), true.gather(-1, near).exp()) / self.neighbours.shape[1]
        jumps = score_entropy(model, true.exp()) / self.states
        return PACE * self.schedule.rate(t) * ((1 - JUMPS) * moves + JUMPS * jumps)


class Spread(torch.autograd.Function):
    """rows [N, V] times exp(σR) for σ [N]. It is symmetric, so that gradients are spread in the same way."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, sigma: Tensor, process: TokenDistance) -> Tensor:
        ctx.save_for_backward(sigma)
        ctx.process = process
        return spread(rows, sigma, process).clamp_min(LEAST)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (sigma,) = ctx.saved_tensors
        return spread(gradients[0], sigma, ctx.process), None, None


def spread(rows: Tensor, sigma: Tensor, process: TokenDistance) -> Tensor:
    """Walks and jumps commute: e^(3 · 0.9 · σ (W − 1)), W a step to a neighbour, and what e^(−3 · 0.1 · σ) leaves as it
    is; the rest is anywhere."""
    V = process.states
    means = (PACE * (1 - JUMPS) * sigma).double().cpu()
    found = torch.empty_like(rows)
    for chunk in means.argsort().split(1024 if rows.is_cuda else ROWS):  # Those together that walk about as far.
        mean, chunk = means[chunk], chunk.to(rows.device)
        found[chunk] = walk(rows[chunk].t().contiguous(), mean.masked_fill(mean.isinf(), 0), process.neighbours).t()
    kept = (-PACE * JUMPS * sigma).exp().to(rows.dtype).unsqueeze(-1)
    return kept * found + (1 - kept) * (rows.sum(-1, keepdim=True) / V)


def walk(columns: Tensor, means: Tensor, neighbours: Tensor) -> Tensor:
    """Columns [V, N] times Wⁿ, the mean over Poisson numbers n of means [N] (uniformisation): a sum of positive numbers
    only."""
    chances, chance = [], (-means).exp()
    while len(chances) <= float(means.max()) or float(chance.max()) > UNLIKELY:
        chances.append(chance)
        chance = chance * means / len(chances)
    power, total = columns, torch.zeros_like(columns)
    for chance in torch.stack(chances).to(columns):
        total.addcmul_(power, chance)
        power = F.embedding_bag(neighbours, power, mode="mean")
    return total
