"""Uniform diffusion: at some moments a token is replaced by one drawn evenly. D3PM (Austin et al. 2021, appendix
A.2.1); continuous time as in UDLM (Schiff et al. 2024)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .process import TokenProcess, log_ratios, score_entropy
from .schedules import Schedule


class Uniform(TokenProcess):
    name = "uniform"

    def __init__(self, vocabulary: int, schedule: Schedule) -> None:
        self.vocabulary = self.states = vocabulary
        self.schedule = schedule

    def push(self, rows: Tensor, s: Tensor, t: Tensor) -> Tensor:
        kept, replaced = (share.unsqueeze(-1) for share in self.schedule.between(s, t))
        return kept * rows + replaced / self.states * rows.sum(-1, keepdim=True)

    def pull(self, x_t: Tensor, s: Tensor, t: Tensor) -> Tensor:
        return self.push(self.point(x_t, t.dtype), s, t)  # Q is symmetric.

    def noise(self, x0: Tensor, t: Tensor, generator: torch.Generator | None = None) -> Tensor:
        replaced = torch.rand(x0.shape, generator=generator, device=x0.device) < self.schedule.lost(t)
        return torch.where(replaced, self.prior(tuple(x0.shape), generator).to(x0.device), x0)

    def prior(self, shape: tuple[int, ...], generator: torch.Generator | None = None) -> Tensor:
        return torch.randint(self.states, shape, generator=generator, device=generator.device if generator else None)

    def prior_divergence(self, x0: Tensor) -> Tensor:
        """log V minus the entropy of a row of Q at time 1."""
        alpha = self.schedule.alpha(torch.ones((), device=x0.device, dtype=torch.float64))
        other = (1 - alpha) / self.states
        own = alpha + other
        value = math.log(self.states) + torch.xlogy(own, own) + (self.states - 1) * torch.xlogy(other, other)
        return value.expand(x0.shape)

    def integrand(self, logits: Tensor, x0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """σ'/V Σ_y s_y − r_y log s_y + K(r_y), where s_y = q(y | p0)/q(x_t | p0) and r_y = q(y | x0)/q(x_t | x0): the
        limit of many steps of `loss` with s; UDLM, SEDD theorem 3.6."""
        zero = torch.zeros_like(t)
        log_score = log_ratios(self.push(logits.softmax(-1), zero, t).log(), x_t)
        true = self.push(self.point(x0, logits.dtype), zero, t)
        ratio = true / true.gather(-1, x_t.unsqueeze(-1))
        return self.schedule.rate(t) / self.states * score_entropy(log_score, ratio)
