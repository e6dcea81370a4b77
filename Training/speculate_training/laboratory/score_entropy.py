"""Score entropy discrete diffusion, SEDD (Lou et al. 2023): a network learns the ratios s_y = p_t(y)/p_t(x) of the
noisy distribution at neighbours y of its state x, by denoising score entropy, Σ_y R(y, x) (s_y − r_y log s_y + K(r_y))
with r_y = q(y | x0)/q(x | x0). Steps are either Euler's or Tweedie's (SEDD section 4: exact for one token if the
ratios are)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .absorbing import Absorbing
from .process import draw, log_ratios
from .schedules import Schedule
from .uniform import Uniform


class ScoreAbsorbing(Absorbing):
    """Here `logits` are log m_y [.., V], with s_y = m_y · α/(1 − α) the ratio of token y to MASK: m are the tokens'
    probabilities if they sum to 1 (RADD, Ou et al. 2024, theorem 1), and need not do so."""

    name = "score-absorbing"

    def __init__(self, vocabulary: int, schedule: Schedule, euler: bool = False) -> None:
        super().__init__(vocabulary, schedule)
        self.euler = euler

    def integrand(self, logits: Tensor, x0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """Denoising score entropy at x = MASK, where r is α/(1 − α) for x0 and 0 else, and R(y, MASK) = σ':
        −α'/(1 − α) · (Σ m − 1 − log m_x0)."""
        return self.schedule.hazard(t) * self.surprise(logits, x0, x_t)

    def surprise(self, logits: Tensor, x0: Tensor, x_t: Tensor) -> Tensor:
        """Σ m − 1 − log m_x0 [..] where masked, 0 elsewhere; for m that sum to 1 MDLM's cross entropy."""
        own = logits.gather(-1, x0.unsqueeze(-1)).squeeze(-1)
        entropy = logits.exp().sum(-1) - 1 - own
        return torch.where(x_t == self.mask, entropy, torch.zeros_like(entropy))

    def loss(self, logits: Tensor, x0: Tensor, x_t: Tensor, t: Tensor, s: Tensor | None = None) -> Tensor:
        """With s: the divergence of the true step from Tweedie's, which is infinite where m makes it leave MASK for
        certain too early."""
        if s is None:
            return self.integrand(logits, x0, x_t, t)
        s, t = torch.broadcast_tensors(s, t)
        mass = logits.logsumexp(-1)
        uncovered = self.uncovered(s, t)
        leaves = torch.where(s == 0, 1.0, (mass.exp() * uncovered).clamp_max(1))
        token = F.cross_entropy(logits.flatten(0, -2), x0.flatten(), reduction="none").view(x0.shape)
        gone = torch.xlogy(uncovered, uncovered) - torch.xlogy(uncovered, leaves)
        stays = torch.xlogy(1 - uncovered, 1 - uncovered) - torch.xlogy(1 - uncovered, 1 - leaves)
        return torch.where(x_t == self.mask, uncovered * token + gone + stays, torch.zeros_like(token))

    def step(self, logits: Tensor, x_t: Tensor, s: Tensor, t: Tensor, generator: torch.Generator | None) -> Tensor:
        return draw(self.move(logits, x_t, s, t), generator)

    def move(self, logits: Tensor, x_t: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """The step's distribution [.., states]: MASK becomes y with probability m_y (α_s − α_t)/(1 − α_t) (Tweedie's,
        SEDD theorem 4.2), or (t − s) σ' s_y = m_y (t − s) · −α'/(1 − α) (Euler's), in all at most 1."""
        share = (t - s) * self.schedule.hazard(t) if self.euler else self.uncovered(s, t)
        leaves = (logits.logsumexp(-1).exp() * share).clamp_max(1).unsqueeze(-1)
        moved = torch.cat([leaves * logits.softmax(-1), 1 - leaves], -1)
        return torch.where((x_t == self.mask).unsqueeze(-1), moved, self.point(x_t, moved.dtype))


class ScoreUniform(Uniform):
    """The ratios are those of a prediction π = softmax(logits) that does not know the slot's own state, after noise:
    s_y = q(y | π)/q(x | π). So denoising score entropy is `Uniform`'s continuous-time integrand, and Tweedie's step its
    posterior."""

    name = "score-uniform"

    def __init__(self, vocabulary: int, schedule: Schedule, euler: bool = False) -> None:
        super().__init__(vocabulary, schedule)
        self.euler = euler

    def log_scores(self, logits: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """log s_y [.., V]; 0 at y = x_t."""
        return log_ratios(self.push(logits.softmax(-1), torch.zeros_like(t), t).log(), x_t)

    def step(self, logits: Tensor, x_t: Tensor, s: Tensor, t: Tensor, generator: torch.Generator | None) -> Tensor:
        return draw(self.move(logits, x_t, s, t), generator)

    def move(self, logits: Tensor, x_t: Tensor, s: Tensor, t: Tensor) -> Tensor:
        """The step's distribution [.., states]. Euler's leaves x for y ≠ x with probability
        (t − s) σ'(t) s_y / V, in all at most 1."""
        if not self.euler:
            return self.posterior(self.predicted(logits), x_t, s, t)
        here = self.point(x_t, logits.dtype)
        scores = self.log_scores(logits, x_t, t).exp() * (1 - here)
        total = scores.sum(-1, keepdim=True)
        leaves = ((t - s) * self.schedule.rate(t) / self.states).unsqueeze(-1) * total
        leaves = leaves.clamp_max(1)
        return leaves * scores / total + (1 - leaves) * here
