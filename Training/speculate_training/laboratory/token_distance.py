"""Diffusion between similar tokens: a token is replaced by neighbours of its embedding. D3PM (Austin et al. 2021,
appendix A.2.4), with the rate matrix R diagonalised once, so that exp(σR) is at hand for every σ."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from .process import TokenProcess, draw, score_entropy
from .schedules import Schedule

#: Eigenvalues above this are 0, the components of the graph: rounding would let them decay at σ = ∞.
STILL = -1e-4
#: Of longer walks only the end is drawn.
FORGOTTEN = 20.0


def nearest(embedding: Tensor, count: int = 10) -> Tensor:
    """The `count` tokens [V, count] whose embeddings [V, hidden] have the largest cosine with a token's own."""
    rows = F.normalize(embedding.float(), dim=-1)
    found = []
    for start in range(0, len(rows), 1024):
        near = rows[start : start + 1024] @ rows.t()
        near.diagonal(start).fill_(float("-inf"))
        found.append(near.topk(count, -1).indices)
    return torch.cat(found)


def rate_matrix(neighbours: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """R [V, V] = (G + Gᵀ)/(2K) less its row sums on the diagonal, G the graph of neighbours [V, K].
    It is symmetric, so that rows and columns sum to 0 and exp(σR) is doubly stochastic."""
    V, K = neighbours.shape
    graph = torch.zeros(V, V, dtype=dtype, device=neighbours.device).scatter(1, neighbours, 1 / (2 * K))
    graph = graph + graph.t()
    return graph - graph.sum(1).diag()


def spectrum(neighbours: Tensor, folder: Path | None = None) -> tuple[Tensor, Tensor]:
    """Eigenvalues [V] and eigenvectors [V, V] of R, decomposed in float64, as float32. `folder`
    keeps them, since they take minutes on a CPU."""
    name = hashlib.sha256(neighbours.cpu().int().contiguous().numpy().tobytes()).hexdigest()[:16]
    path = folder / f"token-distance-{name}.pt" if folder else None
    if path and path.exists():
        values, vectors = torch.load(path, map_location=neighbours.device, weights_only=True)
        return values, vectors
    found = torch.linalg.eigh(rate_matrix(neighbours, torch.float64))
    values, vectors = (part.float() for part in found)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        torch.save((values, vectors), partial)
        partial.replace(path)
    return values, vectors


class TokenDistance(TokenProcess):
    """Q_{t|s} = exp((σ_t − σ_s) R)."""

    name = "token-distance"

    def __init__(self, neighbours: Tensor, schedule: Schedule, values: Tensor, vectors: Tensor) -> None:
        """neighbours [V, K]; values and vectors as `spectrum` gives them."""
        self.vocabulary = self.states = len(neighbours)
        self.neighbours, self.schedule, self.vectors = neighbours, schedule, vectors
        self.values = torch.where(values > STILL, 0.0, values)
        V, K = neighbours.shape
        pairs = torch.stack([torch.arange(V, device=neighbours.device).repeat_interleave(K), neighbours.flatten()])
        links = torch.cat([pairs, pairs.flip(0)], 1)
        self.to = links[1][links[0].argsort(stable=True)]  # Every link's end, token after token; each counts 1/(2K).
        self.rate = 1 / (2 * K)
        self.degree = torch.bincount(links[0], minlength=V)
        self.first = self.degree.cumsum(0) - self.degree

    def spread(self, rows: Tensor, modes: Tensor, sigma: Tensor) -> Tensor:
        """rows [.., V] times exp(σR), from modes, the same rows in the eigenvectors' basis."""
        sigma = sigma.unsqueeze(-1)
        # At σ = ∞ what does not stand still is gone; 0 · ∞ is avoided.
        decay = (sigma.clamp_max(1e6) * self.values).exp()
        # Rounding hides smaller probabilities, and makes some of them negative.
        found = ((modes * decay) @ self.vectors.t()).clamp_min(torch.finfo(modes.dtype).eps / 100)
        return torch.where(sigma == 0, rows, found)

    def push(self, rows: Tensor, s: Tensor, t: Tensor) -> Tensor:
        return self.spread(rows, rows @ self.vectors, self.schedule.sigma(t) - self.schedule.sigma(s))

    def pull(self, x_t: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """Also rows: R is symmetric."""
        sigma = self.schedule.sigma(t) - self.schedule.sigma(s)
        return self.spread(self.point(x_t, self.vectors.dtype), self.vectors[x_t], sigma)

    def row(self, x0: Tensor, t: Tensor) -> Tensor:
        return self.pull(x0, torch.zeros_like(t), t)

    def noise(self, x0: Tensor, t: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Walks from neighbour to neighbour, with exponential waits, until σ(t) has passed."""
        until = self.schedule.sigma(t).expand(x0.shape)
        x, passed = x0, torch.zeros_like(until)
        forgotten = until > FORGOTTEN
        while bool(((passed < until) & ~forgotten).any()):
            passed = passed + torch.empty_like(until).exponential_(generator=generator) / (self.degree[x] * self.rate)
            which = torch.rand(x.shape, generator=generator, device=x.device, dtype=torch.float64) * self.degree[x]
            x = torch.where(passed < until, self.to[self.first[x] + which.long()], x)
        return torch.where(forgotten, draw(self.row(x0, t), generator), x) if bool(forgotten.any()) else x

    def prior(self, shape: tuple[int, ...], generator: torch.Generator | None = None) -> Tensor:
        return torch.randint(self.states, shape, generator=generator, device=self.vectors.device)

    def prior_divergence(self, x0: Tensor) -> Tensor:
        """log V minus the entropy of a row of Q at time 1: large where the graph mixes slowly, or falls into parts."""
        one = torch.ones(x0.shape, dtype=self.vectors.dtype, device=x0.device)
        row = self.row(x0, one)
        return math.log(self.states) + torch.xlogy(row, row).sum(-1)

    def integrand(self, logits: Tensor, x0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """σ' Σ_y R(y, x_t) (s_y − r_y log s_y + K(r_y)) over neighbours y of x_t, with s_y = q(y | p0)/q(x_t | p0) and
        r_y = q(y | x0)/q(x_t | x0); SEDD (Lou et al. 2023, theorem 3.6)."""
        zero = torch.zeros_like(t)
        model = self.push(logits.softmax(-1), zero, t).log().flatten(0, -2)
        true = self.row(x0, t).log().flatten(0, -2)
        here = x_t.flatten()
        count = self.degree[here]
        row = torch.arange(len(here), device=here.device).repeat_interleave(count)
        within = torch.arange(len(row), device=here.device) - (count.cumsum(0) - count)[row]
        edge = self.first[here[row]] + within
        y, x = self.to[edge], here[row]
        terms = self.rate * score_entropy(
            (model[row, y] - model[row, x]).unsqueeze(-1), (true[row, y] - true[row, x]).exp().unsqueeze(-1)
        )
        total = torch.zeros(len(here), dtype=terms.dtype, device=terms.device).index_add(0, row, terms)
        return self.schedule.rate(t) * total.view(x0.shape)
