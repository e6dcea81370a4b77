"""Gaussian diffusion of token embeddings, z_t = √α e_w + √(1 − α) ε. Diffusion-LM (Li et al. 2022) with learnt
embeddings, rounding and clamping, conditional on the text before as DiffuSeq (Gong et al. 2023); the prediction is the
mean embedding under predicted tokens, as CDCD's score interpolation (Dieleman et al. 2022), the slot's own vector
coming in by Bayes' rule, and the bound is that of variational diffusion models (VDM, Kingma et al. 2021)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .schedules import Schedule

#: Of embeddings. It sets at which times tokens are told apart: two differ by at most 2 · LENGTH² · α/(1 − α) nats of
#: expected evidence, and 9 nats, which single out one of 8,192, need α/(1 − α) ≥ ½. At √64 they would do so almost at
#: once, and most times would teach nothing.
LENGTH = 3.0


def scaled(rows: Tensor, length: float = LENGTH) -> Tensor:
    """Rows [V, W] of one length."""
    return F.normalize(rows, dim=-1) * length


class Gaussian:
    """α(t) of the schedule is the signal's share of the variance. Embeddings [V, W] are scaled to one length, lest
    training escapes the noise by growing them; pass the parameter, and gradients reach it."""

    name = "gaussian"

    def __init__(
        self, embeddings: Tensor, schedule: Schedule, least: float = 0.01, deterministic: bool = False,
        clamped: bool = False, length: float = LENGTH,
    ) -> None:  # fmt: skip
        """`least`: the noise's share of the variance at which the continuous-time bound ends in rounding.
        `deterministic`: DDIM steps instead of DDPM's. `clamped`: a step's prediction is moved to the nearest embedding.
        """
        self.rows = scaled(embeddings, length)
        self.vocabulary, self.width = embeddings.shape
        self.schedule, self.deterministic, self.clamped = schedule, deterministic, clamped
        self.least = float(schedule.time(torch.tensor(least, dtype=torch.float64)))

    def snr(self, t: Tensor) -> Tensor:
        """Signal to noise ratio α/(1 − α)."""
        return self.schedule.alpha(t) / self.schedule.lost(t)

    def snr_slope(self, t: Tensor) -> Tensor:
        """SNR'(t) = α'/(1 − α)²."""
        return self.schedule.alpha_slope(t) / self.schedule.lost(t).square()

    def scales(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """√α and √(1 − α), [.., 1] each."""
        return self.schedule.alpha(t).sqrt().unsqueeze(-1), self.schedule.lost(t).sqrt().unsqueeze(-1)

    def noise(self, x0: Tensor, t: Tensor, generator: torch.Generator | None = None) -> Tensor:
        clean = self.rows[x0]
        noise = torch.randn(clean.shape, generator=generator, device=clean.device, dtype=clean.dtype)
        signal, spread = self.scales(t)
        return signal * clean + spread * noise

    def prior(self, shape: tuple[int, ...], generator: torch.Generator | None = None) -> Tensor:
        return torch.randn(*shape, self.width, generator=generator, device=self.rows.device, dtype=self.rows.dtype)

    def prior_divergence(self, x0: Tensor) -> Tensor:
        """KL(N(√α e, (1 − α) I) ‖ N(0, I)) at time 1."""
        one = torch.ones((), device=self.rows.device, dtype=torch.float64)
        alpha, lost = self.schedule.alpha(one), self.schedule.lost(one)
        square = self.rows[x0].square().sum(-1)
        return (alpha * square + self.width * (lost - 1 - lost.log())) / 2

    def prediction(self, logits: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """x̂0 [.., W]: the mean embedding under the tokens that the network predicts and the slot's own vector says."""
        return self.last(logits, x_t, t).exp() @ self.rows

    def loss(self, logits: Tensor, x0: Tensor, x_t: Tensor, t: Tensor, s: Tensor | None = None) -> Tensor:
        """½ (SNR(s) − SNR(t)) ‖e − x̂0‖², VDM section 4, or −½ SNR'(t) ‖e − x̂0‖², section 5 (none below `least`); at
        s = 0 −log p(x0 | x_t)."""
        error = (self.rows[x0] - self.prediction(logits, x_t, t)).square().sum(-1)
        if s is None:
            return torch.where(t < self.least, 0.0, -self.snr_slope(t.clamp_min(self.least)) / 2) * error
        entropy = -self.last(logits, x_t, t).gather(-1, x0.unsqueeze(-1)).squeeze(-1)
        first = s == 0
        gain = self.snr(torch.where(first, t, s)) - self.snr(t)
        return torch.where(first, entropy, gain / 2 * error)

    def ends(self, x0: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The prior's divergence, and −log p(x0 | z) at the least time."""
        least = torch.full(x0.shape, self.least, device=x0.device, dtype=self.rows.dtype)
        rounding = self.rounding(self.noise(x0, least, generator), least)
        return self.prior_divergence(x0) - rounding.gather(-1, x0.unsqueeze(-1)).squeeze(-1)

    def rounding(self, z: Tensor, t: Tensor) -> Tensor:
        """log p(w | z) [.., V] ∝ N(z; √α e_w, 1 − α); all embeddings are of one length, so that their
        product with z decides, as in Diffusion-LM's rounding step."""
        return self.evidence(z, t).log_softmax(-1)

    def evidence(self, x_t: Tensor, t: Tensor) -> Tensor:
        """log N(z; √α e_w, 1 − α) [.., V] up to a constant."""
        sharpness = self.schedule.alpha(t).sqrt() / self.schedule.lost(t)
        return sharpness.unsqueeze(-1) * (x_t @ self.rows.t())

    def bridge(self, x: Tensor, z: Tensor, s: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Mean [.., W] and variance [..] of q(z_s | z_t = z, x); DDPM (Ho et al. 2020, eq. 7)."""
        alpha_s, lost_s, lost_t = self.schedule.alpha(s), self.schedule.lost(s), self.schedule.lost(t)
        kept = self.schedule.alpha(t) / alpha_s
        fresh = (lost_t - lost_s) / alpha_s  # 1 − α_t/α_s
        mean = (kept.sqrt() * lost_s / lost_t).unsqueeze(-1) * z + (alpha_s.sqrt() * fresh / lost_t).unsqueeze(-1) * x
        return mean, fresh * lost_s / lost_t

    def step(self, logits: Tensor, x_t: Tensor, s: Tensor, t: Tensor, generator: torch.Generator | None) -> Tensor:
        """DDPM: draws from the bridge to the prediction. DDIM (Song et al. 2020, eq. 12, σ = 0): keeps the noise."""
        clean = self.prediction(logits, x_t, t)
        if self.clamped:
            clean = self.rows[(clean @ self.rows.t()).argmax(-1)]  # All are of one length: the likest is the nearest.
        if self.deterministic:
            signal, spread = self.scales(t)
            noise = (x_t - signal * clean) / spread
            signal, spread = self.scales(s)
            return signal * clean + spread * noise
        mean, variance = self.bridge(clean, x_t, s, t)
        noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
        return mean + variance.sqrt().unsqueeze(-1) * noise

    def last(self, logits: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        return (logits + self.evidence(x_t, t)).log_softmax(-1)
