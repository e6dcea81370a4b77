"""Few-step distillation: a student takes one step where its teacher, the same network before, takes two.

- SDTT (Deschenaux & Gulcehre 2024): the student's tokens at t against those that the teacher, in two half steps, draws
  from: of a token that the first half step revealed the first pass's distribution, of the others the second's.
- Consistency: the student's step from t to r against the teacher's from the middle, as distributions of x_r; of any
  process whose states are tokens. In the mean over the middle this matches the two-step marginals.

This sees neither the text after it was noised nor the verifier's distributions; the head that drafts goes on learning
from these, as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from .network import Network
from .process import TokenProcess, divergence
from .processes import process_of
from .source import Lot
from .training import Losses, head_loss, seeded

Kind = Literal["sdtt", "consistency"]
STEPS = 4  # Of the student; the teacher takes twice as many.


def distillation(
    student: Network, teacher: Network, kind: Kind, drafting: float = 1.0
) -> Callable[[Lot, torch.Generator], Losses]:  # fmt: skip
    """The loss of a batch; `drafting` weighs the head's."""
    process = process_of(teacher)
    if not isinstance(process, TokenProcess) or (kind == "sdtt" and process.states == process.vocabulary):
        raise SystemExit(f"{kind} does not fit the {process.name} process")
    teacher = teacher.eval().requires_grad_(False)

    def loss(lot: Lot, generator: torch.Generator) -> Losses:
        A = lot.whole
        start = (1 + torch.randint(STEPS, A.shape, generator=generator).to(lot.x0.device)) / STEPS
        own = seeded(generator, lot.x0.device)
        z = process.noise(lot.x0, start.unsqueeze(-1), own)
        target = two_steps(teacher, process, lot, z, start, kind, own)
        hidden = student.denoise(z, start, lot.first, lot.anchors, student.inject(lot.lesson.past.taps))
        chosen = lot.whole
        logits, t = student.unary(hidden[chosen]), start[chosen].unsqueeze(-1)
        if kind == "sdtt":
            apart = divergence(target, logits.softmax(-1))[z[chosen] == process.vocabulary].mean()
        else:
            end = t - 1 / STEPS
            found = process.posterior(process.predicted(logits), z[chosen], end, t)
            apart = divergence(target, found.clamp_min(1e-9)).mean()
        head = head_loss(student, lot, hidden, z, start)
        return Losses(apart + drafting * head, float(apart.detach()), float(head.detach()), int(chosen.sum()))

    return loss


@torch.no_grad()
def two_steps(
    teacher: Network, process: TokenProcess, lot: Lot, z: Tensor, start: Tensor, kind: Kind,
    generator: torch.Generator,
) -> Tensor:  # fmt: skip
    """What the teacher's two half steps from z [S, A, B] at `start` [S, A] say: distributions of the whole blocks'
    tokens [N, B, V] (SDTT), or of their states at the end [N, B, states]."""
    see = teacher.denoiser(lot.first, lot.anchors, teacher.inject(lot.lesson.past.taps))
    chosen, half = lot.whole, 0.5 / STEPS
    first = teacher.unary(see(z, start)[chosen])
    t, m = start[chosen].unsqueeze(-1), start[chosen].unsqueeze(-1) - half
    middle = z.clone()
    middle[chosen] = process.step(first, z[chosen], m, t, generator)
    second = teacher.unary(see(middle, start - half)[chosen])
    if kind == "sdtt":
        revealed = (middle[chosen] != process.vocabulary).unsqueeze(-1)
        return torch.where(revealed, first.softmax(-1), second.softmax(-1))
    return process.posterior(process.predicted(second), middle[chosen], m - half, m)
