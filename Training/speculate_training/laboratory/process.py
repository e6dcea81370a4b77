"""What a diffusion process over blocks of tokens is, and what follows for every process whose states are tokens.

Tokens are indices 0 … V − 1. Time runs from 0 (data) to 1 (noise). In every method t and s broadcast against the
leading dimensions of x0 and x_t, so that blocks [N, B] with a time of their own are given as t [N, 1]. A network's
output is `logits` [.., V]: unnormalised log-probabilities of the token, taken as given everything but what the slot's
own noisy token says; that comes in by Bayes' rule, in `posterior` and `last`. A network that knows of it all the same,
as one does whose slots attend to each other, may count it twice; bounds and samplers are right whatever the logits are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from .schedules import Schedule

#: Rates can be infinite at time 1: integrands are evaluated no later than this.
LATEST = 1 - 1e-6


class Process(Protocol):
    """What samplers and bounds need to know of a process."""

    name: str
    vocabulary: int  # V
    schedule: Schedule

    def noise(self, x0: Tensor, t: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draws x_t given tokens x0 [..]: tokens [..], or vectors [.., W]."""

    def prior(self, shape: tuple[int, ...], generator: torch.Generator | None = None) -> Tensor:
        """Draws x_1 for `shape` slots."""

    def prior_divergence(self, x0: Tensor) -> Tensor:
        """KL(q(x_1 | x0) ‖ prior) [..] in nats."""

    def loss(self, logits: Tensor, x0: Tensor, x_t: Tensor, t: Tensor, s: Tensor | None = None) -> Tensor:
        """Each slot's term [..] of the bound on −log p(x0), in nats. Without s: the integrand of the continuous-time
        bound at t; its mean over t uniform in [0, 1], plus what `ends` says, is the bound. With s < t: the divergence
        of one step from t to s, at s = 0 −log p(x0 | x_t); the sum over the steps plus `prior_divergence` is the bound.
        """

    def ends(self, x0: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """What the continuous-time bound has [..] besides the mean of `loss`: the prior's divergence, and rounding."""

    def step(self, logits: Tensor, x_t: Tensor, s: Tensor, t: Tensor, generator: torch.Generator | None) -> Tensor:
        """Draws x_s given x_t, for 0 < s < t."""

    def evidence(self, x_t: Tensor, t: Tensor) -> Tensor:
        """log q(x_t | x0 = ·) [.., V] up to a constant: what slots' own states say about their tokens."""

    def last(self, logits: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """Log-probabilities [.., V] of the tokens given x_t: the distribution that the last pass draws from."""


class TokenProcess(ABC):
    """A process whose noise moves each token by itself, as a Markov chain with transition matrices Q_{t|s}; D3PM
    (Austin et al. 2021, section 3). `states` is V, or V + 1 with MASK as the last."""

    name: str
    vocabulary: int
    states: int
    schedule: Schedule

    @abstractmethod
    def push(self, rows: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """Distributions [.., states] at time s to those at t: rows · Q_{t|s}."""

    @abstractmethod
    def pull(self, x_t: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """The likelihood q(x_t | x_s = ·) [.., states] of states x_t [..]: columns of Q_{t|s}."""

    @abstractmethod
    def noise(self, x0: Tensor, t: Tensor, generator: torch.Generator | None = None) -> Tensor: ...

    @abstractmethod
    def prior(self, shape: tuple[int, ...], generator: torch.Generator | None = None) -> Tensor: ...

    @abstractmethod
    def prior_divergence(self, x0: Tensor) -> Tensor: ...

    @abstractmethod
    def integrand(self, logits: Tensor, x0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """The continuous-time bound's integrand at t [..]."""

    def point(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """The distributions [.., states] that are sure of x [..]."""
        return F.one_hot(x, self.states).to(dtype)

    def row(self, x0: Tensor, t: Tensor) -> Tensor:
        """q(x_t | x0) [.., states]."""
        return self.push(self.point(x0, t.dtype), torch.zeros_like(t), t)

    def predicted(self, logits: Tensor) -> Tensor:
        """softmax over tokens as a distribution [.., states]."""
        return F.pad(logits.softmax(-1), (0, self.states - self.vocabulary))

    def posterior(self, p0: Tensor, x_t: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """p(x_s | x_t) [.., states] ∝ q(x_t | x_s) Σ_x0 q(x_s | x0) p0(x0), for distributions p0 [.., states] of x0
        that do not know x_t; D3PM eq. 3 for p0 sure of a token, eq. 4 else."""
        joint = self.pull(x_t, s, t) * self.push(p0, torch.zeros_like(s), s)
        return joint / joint.sum(-1, keepdim=True)

    def loss(self, logits: Tensor, x0: Tensor, x_t: Tensor, t: Tensor, s: Tensor | None = None) -> Tensor:
        """D3PM eq. 1: the divergence of the true step from the predicted one."""
        if s is None:
            return self.integrand(logits, x0, x_t, t.clamp_max(LATEST))
        likelihood, zero = self.pull(x_t, s, t), torch.zeros_like(s)
        true = likelihood * self.row(x0, s)
        model = likelihood * self.push(self.predicted(logits), zero, s)
        return divergence(true / true.sum(-1, keepdim=True), model / model.sum(-1, keepdim=True))

    def ends(self, x0: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return self.prior_divergence(x0)

    def step(self, logits: Tensor, x_t: Tensor, s: Tensor, t: Tensor, generator: torch.Generator | None) -> Tensor:
        return draw(self.posterior(self.predicted(logits), x_t, s, t), generator)

    def evidence(self, x_t: Tensor, t: Tensor) -> Tensor:
        return self.pull(x_t, torch.zeros_like(t), t)[..., : self.vocabulary].log()

    def last(self, logits: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        return (logits + self.evidence(x_t, t)).log_softmax(-1)


def draw(distribution: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """One index [..] from each of the distributions [.., states], which need not be normalised."""
    rows = distribution.reshape(-1, distribution.shape[-1])
    return torch.multinomial(rows, 1, generator=generator).reshape(distribution.shape[:-1])


def divergence(p: Tensor, q: Tensor) -> Tensor:
    """KL(p ‖ q) [..] in nats of distributions [.., states]."""
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(-1)


def log_ratios(log_q: Tensor, x: Tensor) -> Tensor:
    """log q(y) − log q(x) [.., states] from log q, at states x [..]."""
    return log_q - log_q.gather(-1, x.unsqueeze(-1))


def score_entropy(log_score: Tensor, ratio: Tensor) -> Tensor:
    """Σ_y s_y − r_y log s_y + K(r_y), K(r) = r (log r − 1), [..] over the last dimension: never negative, and 0 at
    s = r alone; SEDD (Lou et al. 2023, definition 3.1). A state's ratio to itself is 1 in both and adds nothing.
    Written as r (e^d − 1 − d) with d = log s − log r, which keeps its digits where s and r are close."""
    possible = ratio > 0
    difference = log_score - torch.where(possible, ratio, 1.0).log()
    return torch.where(possible, ratio * (difference.expm1() - difference), log_score.exp()).sum(-1)
