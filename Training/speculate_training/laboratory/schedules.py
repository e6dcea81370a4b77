"""How much of the data is left at time t in [0, 1]: α(t) from 1 at t = 0 down to about 0 at t = 1, the total noise
σ(t) = −log α(t), and its rate σ'(t). All are elementwise; times may have any shape.

Sources: linear and cosine as in MD4 (Shi et al. 2024), geometric and log-linear as in SEDD (Lou et al. 2023) and MDLM
(Sahoo et al. 2024).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor


class Schedule(ABC):
    name: str

    def alpha(self, t: Tensor) -> Tensor:
        """Probability that nothing has happened to a token up to time t."""
        return 1 - self.lost(t)

    @abstractmethod
    def lost(self, t: Tensor) -> Tensor:
        """1 − α(t), exact also where it is small."""

    def between(self, s: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """α_t/α_s, the probability that nothing happens between s and t, and what it lacks of 1, exact also where it is
        small."""
        alpha = self.alpha(s)
        return self.alpha(t) / alpha, (self.lost(t) - self.lost(s)) / alpha

    @abstractmethod
    def alpha_slope(self, t: Tensor) -> Tensor:
        """α'(t), never positive."""

    @abstractmethod
    def time(self, lost: Tensor) -> Tensor:
        """The time t with 1 − α(t) = lost."""

    def sigma(self, t: Tensor) -> Tensor:
        """−log α(t): infinite where α is 0."""
        lost = self.lost(t)
        return -torch.where(lost < 0.5, torch.log1p(-lost), self.alpha(t).log())

    def rate(self, t: Tensor) -> Tensor:
        """σ'(t) = −α'(t)/α(t): infinite where α is 0."""
        return -self.alpha_slope(t) / self.alpha(t)

    def hazard(self, t: Tensor) -> Tensor:
        """−α'(t)/(1 − α(t)): the rate at which time, run backwards, uncovers what is masked. The weight in MDLM's bound
        (Sahoo et al. 2024, eq. 10)."""
        return -self.alpha_slope(t) / self.lost(t)


class Linear(Schedule):
    """α = 1 − t."""

    name = "linear"

    def lost(self, t: Tensor) -> Tensor:
        return t

    def alpha_slope(self, t: Tensor) -> Tensor:
        return -torch.ones_like(t)

    def time(self, lost: Tensor) -> Tensor:
        return lost


class Cosine(Schedule):
    """α = 1 − cos(π/2 · (1 − t))."""

    name = "cosine"

    def alpha(self, t: Tensor) -> Tensor:
        return 2 * torch.sin(math.pi / 4 * (1 - t)).square()  # 1 − cos x = 2 sin²(x/2), exact also where it is small

    def lost(self, t: Tensor) -> Tensor:
        return torch.sin(math.pi / 2 * t)  # cos(π/2 − πt/2), without cancellation near t = 0

    def alpha_slope(self, t: Tensor) -> Tensor:
        return -math.pi / 2 * torch.sin(math.pi / 2 * (1 - t))  # 0 at t = 1, not less

    def rate(self, t: Tensor) -> Tensor:
        return math.pi / 2 / torch.tan(math.pi / 4 * (1 - t))  # sin x/(1 − cos x) = 1/tan(x/2)

    def time(self, lost: Tensor) -> Tensor:
        return torch.asin(lost) * 2 / math.pi


class Geometric(Schedule):
    """σ = least^(1 − t) · most^t − least, so that α(0) = 1."""

    name = "geometric"

    def __init__(self, least: float = 1e-3, most: float = 8.0) -> None:
        self.least, self.most = least, most
        self.growth = math.log(most / least)

    def alpha(self, t: Tensor) -> Tensor:
        return torch.exp(-self.sigma(t))

    def sigma(self, t: Tensor) -> Tensor:
        return self.least * torch.expm1(self.growth * t)

    def rate(self, t: Tensor) -> Tensor:
        return self.least * self.growth * torch.exp(self.growth * t)

    def lost(self, t: Tensor) -> Tensor:
        return -torch.expm1(-self.sigma(t))

    def alpha_slope(self, t: Tensor) -> Tensor:
        return -self.rate(t) * self.alpha(t)

    def time(self, lost: Tensor) -> Tensor:
        return torch.log1p(-torch.log1p(-lost) / self.least) / self.growth


class LogLinear(Schedule):
    """σ = −log(1 − (1 − ε) t): linear in α, but never quite 0."""

    name = "log-linear"

    def __init__(self, least: float = 1e-3) -> None:
        self.least = least

    def lost(self, t: Tensor) -> Tensor:
        return (1 - self.least) * t

    def alpha_slope(self, t: Tensor) -> Tensor:
        return torch.full_like(t, self.least - 1)

    def time(self, lost: Tensor) -> Tensor:
        return lost / (1 - self.least)


class Complete(Schedule):
    """Another schedule, stretched so that α(1) = 0: absorbing processes begin with everything masked, so what would be
    left at time 1 has to go."""

    def __init__(self, schedule: Schedule) -> None:
        self.name, self.schedule = schedule.name, schedule
        self.whole = float(schedule.lost(torch.ones((), dtype=torch.float64)))

    def lost(self, t: Tensor) -> Tensor:
        return self.schedule.lost(t) / self.whole

    def alpha_slope(self, t: Tensor) -> Tensor:
        return self.schedule.alpha_slope(t) / self.whole

    def time(self, lost: Tensor) -> Tensor:
        return self.schedule.time(lost * self.whole)


SCHEDULES: dict[str, Schedule] = {s.name: s for s in (Linear(), Cosine(), Geometric(), LogLinear())}
