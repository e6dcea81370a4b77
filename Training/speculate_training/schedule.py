"""What each step of the training is given: its stage, its learning rate, the length of its blocks."""

from __future__ import annotations

import torch

from .losses import Mix
from .objective import Stage

STAGES = {
    "N": Stage(Mix(kl=1.0, ce=0.3), states=0.5, full=1.0, prefix=0.0, lengths=(0.0,)),
    "A": Stage(Mix(kl=1.0, ce=0.3), states=0.5, full=0.8, prefix=0.15, decay=0.65, lengths=(0.0, 0.25, 0.5, 0.5)),
    "B": Stage(
        Mix(kl=0.5, ce=0.7, lk=0.3),
        states=0.2,
        full=0.8,
        prefix=0.15,
        decay=0.75,
        confidence=0.2,
        lengths=(0.0, 0.25, 0.5, 0.5, 1.0),
        share=0.5,
        easy=0.3,
        rounded=True,
    ),
    "C": Stage(
        Mix(kl=0.5, ce=0.7, lk=0.3),
        full=0.5,
        prefix=0.4,
        confidence=0.2,
        on_policy=0.25,
        passes_match=0.3,
        rounded=True,
    ),
}


def stage_of(step: int, steps: int, text: str) -> str:
    """The name of a step's stage; `text` is what `--stages` says."""
    parts = [part.split(":") for part in text.split(",")]
    total, seen = sum(float(share) for _, share in parts), 0.0
    for name, share in parts:
        seen += float(share) / total
        if step < seen * steps:
            return name
    return parts[-1][0]


def learning_rate(step: int, steps: int, peak: float, share: float) -> float:
    """Linear warm-up, a plateau, and linear decay over the last `share` of the steps."""
    warm = min(1.0, (step + 1) / max(1, min(40, steps // 10)))
    fall = min(1.0, (steps - step) / (steps * share))
    return peak * min(warm, max(fall, 0.02))


def block_length(block: int, stage: Stage, generator: torch.Generator) -> int:
    """Whole blocks or, as shallow drafts use, shorter ones, which cost less for the tokens that matter most."""
    share = stage.lengths[int(torch.randint(len(stage.lengths), (1,), generator=generator))]
    return max(1, int(block * share))
