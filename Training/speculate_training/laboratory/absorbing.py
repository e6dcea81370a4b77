"""Absorbing diffusion: a token turns into MASK at one moment and stays it. MDLM (Sahoo et al. 2024), MD4 (Shi et al.
2024), RADD (Ou et al. 2024: the network need not know the time)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .process import TokenProcess
from .schedules import Complete, Schedule


class Absorbing(TokenProcess):
    name = "absorbing"

    def __init__(self, vocabulary: int, schedule: Schedule) -> None:
        self.vocabulary, self.states, self.schedule = vocabulary, vocabulary + 1, Complete(schedule)

    @property
    def mask(self) -> int:
        return self.vocabulary

    def push(self, rows: Tensor, s: Tensor, t: Tensor) -> Tensor:
        kept, gone = (share.unsqueeze(-1) for share in self.schedule.between(s, t))
        tokens = rows[..., : self.vocabulary]
        masked = rows[..., self.vocabulary :] + gone * tokens.sum(-1, keepdim=True)
        return torch.cat([kept * tokens, masked], -1)

    def pull(self, x_t: Tensor, s: Tensor, t: Tensor) -> Tensor:
        kept, gone = (share.unsqueeze(-1) for share in self.schedule.between(s, t))
        same = self.point(x_t, kept.dtype)
        masked = (x_t == self.mask).unsqueeze(-1)
        return torch.where(masked, same + gone * (1 - same), kept * same)

    def noise(self, x0: Tensor, t: Tensor, generator: torch.Generator | None = None) -> Tensor:
        gone = torch.rand(x0.shape, generator=generator, device=x0.device) < self.schedule.lost(t)
        return x0.masked_fill(gone, self.mask)

    def prior(self, shape: tuple[int, ...], generator: torch.Generator | None = None) -> Tensor:
        return torch.full(shape, self.mask, device=generator.device if generator else None)

    def prior_divergence(self, x0: Tensor) -> Tensor:
        """0: at time 1 everything is masked."""
        return torch.zeros(x0.shape, device=x0.device)

    def uncovered(self, s: Tensor, t: Tensor) -> Tensor:
        """(α_s − α_t)/(1 − α_t): probability that a token masked at t is not at s; MDLM section 3."""
        return (self.schedule.lost(t) - self.schedule.lost(s)) / self.schedule.lost(t)

    def posterior(self, p0: Tensor, x_t: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """As in MDLM section 3: what is masked becomes a token with probability `uncovered`; the rest stays (SUBS)."""
        uncovered = self.uncovered(s, t).unsqueeze(-1)
        hidden = self.point(x_t, p0.dtype) * (1 - uncovered) + p0 * uncovered
        return torch.where((x_t == self.mask).unsqueeze(-1), hidden, self.point(x_t, p0.dtype))

    def evidence(self, x_t: Tensor, t: Tensor) -> Tensor:
        """Nothing where masked; elsewhere the token is there to be seen."""
        likelihood = self.point(x_t, t.dtype)[..., : self.vocabulary]
        return torch.where((x_t == self.mask).unsqueeze(-1), 0.0, likelihood.log())

    def integrand(self, logits: Tensor, x0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """−α'/(1 − α) · −log p(x0) where masked; MDLM eq. 10."""
        return self.schedule.hazard(t) * self.surprise(logits, x0, x_t)

    def loss(self, logits: Tensor, x0: Tensor, x_t: Tensor, t: Tensor, s: Tensor | None = None) -> Tensor:
        """With s: the divergence of a step in closed form, MDLM section 3."""
        if s is None:
            return self.integrand(logits, x0, x_t, t)
        return self.uncovered(s, t) * self.surprise(logits, x0, x_t)

    def surprise(self, logits: Tensor, x0: Tensor, x_t: Tensor) -> Tensor:
        """−log p(x0) [..] where x_t is masked, 0 elsewhere."""
        entropy = F.cross_entropy(logits.flatten(0, -2), x0.flatten(), reduction="none").view(x0.shape)
        return torch.where(x_t == self.mask, entropy, torch.zeros_like(entropy))
