"""Diffusion between similar tokens: a token is replaced by neighbours of its embedding. D3PM (Austin et al. 2021,
appendix A.2.4), with two changes: no token has more neighbours than others may have, where the nearest ones of all
would make a few tokens change a hundred times as often; and exp(σR) is applied, never formed."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .process import TokenProcess, draw, score_entropy
from .schedules import Schedule

#: Steps of the walk per unit of σ: tokens lie in clusters, which a walk leaves slowly.
PACE = 3.0
#: Of longer walks only the end is drawn.
FORGOTTEN = 60.0
#: Longer walks than this, on average, end anywhere.
ENDLESS = 600.0
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
    """Q_{t|s} = exp((σ_t − σ_s) R) with R = 3 (P − 1), P(x, y) the share of y among x's neighbours. Neighbours are
    mutual, so that P is symmetric: it and Q are doubly stochastic."""

    name = "token-distance"

    def __init__(self, neighbours: Tensor, schedule: Schedule) -> None:
        """neighbours [V, K], as `link` gives them."""
        self.vocabulary = self.states = len(neighbours)
        self.neighbours, self.schedule = neighbours, schedule
        self.part = parts(neighbours)
        self.sizes = torch.bincount(self.part, minlength=self.states)

    def spread(self, rows: Tensor, sigma: Tensor) -> Tensor:
        """rows [.., V] times exp(σR)."""
        sigma = PACE * sigma
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
        """Walks from neighbour to neighbour, of a Poisson number of steps with mean 3 σ(t)."""
        mean = PACE * self.schedule.sigma(t).expand(x0.shape)
        steps = torch.poisson(mean.clamp_max(FORGOTTEN), generator)
        x, K = x0, self.neighbours.shape[1]
        for number in range(int(steps.max())):
            which = torch.randint(K, x.shape, generator=generator, device=x.device)
            x = torch.where(number < steps, self.neighbours[x, which], x)
        forgotten = mean > FORGOTTEN
        return torch.where(forgotten, draw(self.row(x0, t), generator), x) if bool(forgotten.any()) else x

    def prior(self, shape: tuple[int, ...], generator: torch.Generator | None = None) -> Tensor:
        return torch.randint(self.states, shape, generator=generator, device=self.neighbours.device)

    def prior_divergence(self, x0: Tensor) -> Tensor:
        """log V minus the entropy of a row of Q at time 1: large where the graph mixes slowly, or falls into parts."""
        row = self.row(x0, torch.ones(x0.shape, dtype=torch.float64, device=x0.device))  # A small difference.
        return math.log(self.states) + torch.xlogy(row, row).sum(-1)

    def integrand(self, logits: Tensor, x0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """σ' Σ_y R(y, x_t) (s_y − r_y log s_y + K(r_y)) over neighbours y of x_t, with s_y = q(y | p0)/q(x_t | p0) and
        r_y = q(y | x0)/q(x_t | x0); SEDD (Lou et al. 2023, theorem 3.6)."""
        around = torch.cat([x_t.unsqueeze(-1), self.neighbours[x_t]], -1)
        model = self.push(logits.softmax(-1), torch.zeros_like(t), t).gather(-1, around).log()
        true = self.row(x0, t).gather(-1, around).log()
        scores, ratios = model[..., 1:] - model[..., :1], (true[..., 1:] - true[..., :1]).exp()
        return PACE * self.schedule.rate(t) * score_entropy(scores, ratios) / self.neighbours.shape[1]


class Spread(torch.autograd.Function):
    """rows [N, V] spread by walks of mean lengths [N]: the mean of rows · Pⁿ over Poisson numbers n (uniformisation), a
    sum of positive numbers only. Symmetric, so that gradients are spread in the same way."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, means: Tensor, process: TokenDistance) -> Tensor:
        ctx.save_for_backward(means)
        ctx.process = process
        return spread(rows, means, process).clamp_min(LEAST)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (means,) = ctx.saved_tensors
        return spread(gradients[0], means, ctx.process), None, None


def spread(rows: Tensor, means: Tensor, process: TokenDistance) -> Tensor:
    found = torch.empty_like(rows)
    for chunk in means.argsort().split(ROWS):  # Those together that walk about as far.
        columns, mean = rows[chunk].t().contiguous(), means[chunk].double()
        found[chunk] = torch.where(mean > ENDLESS, even(columns, process), walk(columns, mean, process)).t()
    return found


def walk(columns: Tensor, means: Tensor, process: TokenDistance) -> Tensor:
    """Columns [V, N] after walks of mean lengths [N]; after endless ones: nothing of use."""
    power, total, number = columns, torch.zeros_like(columns), 0
    means = torch.where(means > ENDLESS, 0.0, means)
    chance = (-means).exp()
    while number <= float(means.max()) or float(chance.max()) > UNLIKELY:
        total.addcmul_(power, chance.to(power.dtype))
        power, number = F.embedding_bag(process.neighbours, power, mode="mean"), number + 1
        chance = chance * means / number
    return total


def even(columns: Tensor, process: TokenDistance) -> Tensor:
    """What is left in the end: each part's sum, evenly over it."""
    sums = torch.zeros_like(columns).index_add(0, process.part, columns)
    return (sums / process.sizes.clamp_min(1).unsqueeze(-1).to(columns.dtype))[process.part]


def parts(neighbours: Tensor) -> Tensor:
    """[V] the first token of each token's part of the graph: none becomes one of another part."""
    found = torch.arange(len(neighbours), device=neighbours.device)
    while True:
        further = torch.minimum(found, found[neighbours].amin(-1))
        if torch.equal(further, found):
            return found
        found = further
