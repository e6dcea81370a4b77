"""The number formats of a drafter's file, and training with the weights that the file will hold."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from gguf import GGMLQuantizationType
from torch import Tensor

from .attention import fused
from .drafter import Drafter

BODY = GGMLQuantizationType.Q4_1
EMBEDDING = GGMLQuantizationType.Q4_0


def format_of(
    name: str, body: GGMLQuantizationType = BODY, embedding: GGMLQuantizationType = EMBEDDING
) -> GGMLQuantizationType:
    """The format of a matrix. Rows that are looked up, and the Markov head, lose nothing in four bits; the output loses
    more than all others together. What tells a diffusion process's state is kept in eight bits."""
    if name in ("state_here", "state_own"):
        return GGMLQuantizationType.Q8_0
    return embedding if name in ("markov_w1", "markov_w2", "draft_embd") else body


def is_matrix(name: str, parameter: Tensor) -> bool:
    """Whether a file may hold it in fewer than 32 bits a number."""
    return parameter.dim() == 2 and not name.startswith(("conf_proj", "time", "rounding", "score_mass"))


def through(x: Tensor, kind: GGMLQuantizationType) -> Tensor:
    """What a file in this format gives back of x [.., a multiple of 32], in blocks of 32.

    Q4_0: −8 to 7 steps, of an eighth of the largest number, whose sign is turned. Q4_1: 0 to 15 steps above the least.
    """
    blocks = x.reshape(-1, 32)
    if kind == GGMLQuantizationType.Q4_0:
        step = blocks.gather(-1, blocks.abs().argmax(-1, keepdim=True)) / -8
        least = torch.zeros_like(step)
        shift = torch.full_like(step, 8.0)
    elif kind == GGMLQuantizationType.Q4_1:
        least = blocks.amin(-1, keepdim=True)
        step = (blocks.amax(-1, keepdim=True) - least) / 15
        shift = torch.zeros_like(step)
    else:
        raise ValueError(f"{kind.name} is not a format to train in; expected Q4_0 or Q4_1")
    inverse = torch.where(step == 0, 0.0, 1 / step)
    # Kept in 16 bits. Outside the compiled part, which would leave out the way there and back.
    kept_step, kept_least = step.half().float(), least.half().float()
    return _through(blocks, least, inverse, shift, kept_step, kept_least).reshape(x.shape)


@fused
def _through(x: Tensor, least: Tensor, inverse: Tensor, shift: Tensor, step: Tensor, kept: Tensor) -> Tensor:
    return (((x - least) * inverse + (shift + 0.5)).trunc().clamp(0, 15) - shift) * step + kept


@contextlib.contextmanager
def rounded(drafter: Drafter) -> Iterator[None]:
    """Inside, the drafter's matrices are what its file will hold. Gradients taken there are applied to the numbers
    themselves, which come back at the end: the straight-through estimator (Bengio et al. 2013)."""
    kept: dict[str, Tensor] = {}
    scales = {id(matrix): scale for matrix, scale in drafter.reading_taps(drafter.tap_scale)}
    with torch.no_grad():
        for name, parameter in drafter.named_parameters():
            if is_matrix(name, parameter) and format_of(name) != GGMLQuantizationType.Q8_0:  # Which loses nothing.
                kept[name] = parameter.detach().clone()
                scale = scales.get(id(parameter), torch.ones((), device=parameter.device))  # Files have it folded in.
                parameter.copy_(through(parameter / scale, format_of(name)) * scale)
    try:
        yield
    finally:
        with torch.no_grad():
            for name, parameter in drafter.named_parameters():
                if name in kept:
                    parameter.copy_(kept[name])
