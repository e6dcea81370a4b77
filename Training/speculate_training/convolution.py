"""DFlash 2's two-tap dynamic convolutions: a slot mixes itself and the one before, with weights of its own choice."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attention import linear


def convolution(hidden: int, groups: int) -> tuple[nn.Parameter, nn.Parameter]:
    """The weights [2 sides, 2 taps, hidden] of a pair of convolutions, and what a slot's numbers add to them: at first
    every slot reads itself alone, as if there were none."""
    base = torch.zeros(2, 2, hidden)
    base[:, 0] = 1
    return nn.Parameter(base), nn.Parameter(torch.zeros(4 * (hidden // groups), hidden))


def convolution_weights(x: Tensor, base: Tensor, projection: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """What slots x [.., hidden] weigh themselves and the slot before with, [.., 2 taps, hidden]: before a branch, and
    behind it."""
    hidden = base.shape[-1]
    added = linear(x, projection).unflatten(-1, (2, 2, hidden // groups)).repeat_interleave(groups, -1)
    weights = base.to(x.dtype) + added
    return weights[..., 0, :, :], weights[..., 1, :, :]


def convolve(x: Tensor, weights: Tensor) -> Tensor:
    """Each slot's and the one before's numbers [.., L, hidden], with weights [.., L, 2, hidden] of the slot's own."""
    before = F.pad(x, (0, 0, 1, 0))[..., :-1, :]
    return weights[..., 0, :] * x + weights[..., 1, :] * before
