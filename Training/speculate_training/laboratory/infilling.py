"""Middles of blocks filled in, given what stands to the left and, inside the block, to the right: no network was
trained for it. Tokens are the likeliest ones; the autoregressive head, which cannot look ahead, fills from the left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..resampling import middle, ratios
from ..verifier import Verifier
from .drafting import sure
from .likelihood import Text, closure
from .network import AUTOREGRESSIVE, Network
from .processes import process_of
from .samplers import Known, ancestral, confident
from .source import Lot

STEPS = 8


def holes(block: int) -> dict[str, list[int]]:
    """Slots that are unknown: so many in the middle, or every other one."""
    starts = {length: (block - length) // 2 for length in range(1, block + 1)}
    middles = {str(length): list(range(start, start + length)) for length, start in starts.items()}
    return middles | {"every other": list(range(0, block, 2))}


@torch.no_grad()
def fill(network: Network, part: Lot, hole: list[int], order: str) -> Tensor:
    """The whole blocks [N, B] of a batch with the hole filled in. `order`: "confidence" under the absorbing process,
    one token a pass; else "ancestral", the process's own."""
    x0 = part.x0[part.whole]
    see = closure(network, part)
    if network.process == AUTOREGRESSIVE:
        return from_the_left(see, x0, hole)
    where = torch.ones_like(x0, dtype=torch.bool)
    where[:, hole] = False
    known = Known(x0, where)
    process, shape = process_of(network), (x0.shape[0], x0.shape[1])
    generator = torch.Generator(x0.device).manual_seed(1)
    if order == "confidence":
        return confident(process, see, shape, len(hole), "linear", generator, known, temperature=0.0)  # type: ignore[arg-type]
    # The likeliest given a slot's own state, too: `sure` leaves evidence that comes later no say.
    choose = lambda z, t: sure(see(z, t) + process.evidence(z, t.unsqueeze(-1)))  # noqa: E731
    return ancestral(process, choose, shape, STEPS, generator, known)


def from_the_left(see: Callable[[Tensor, Tensor], Tensor], x0: Tensor, hole: list[int]) -> Tensor:
    z = x0.clone()
    z[:, hole] = 0
    for slot in hole:
        z[:, slot] = see(z, torch.ones(len(z), device=z.device))[:, slot].argmax(-1)
    return z


@torch.no_grad()
def cost(verifier: Verifier, network: Network, part: Lot, filled: Tensor) -> Tensor:
    """The verifier's −log p [N] of whole blocks filled [N, B], per token of the block."""
    blocks = part.blocks.tokens.clone()
    tokens = network.d2t[filled]
    blocks[..., 1:][part.whole] = tokens
    hidden = verifier.forward_blocks(blocks[..., :-1], part.anchors, part.lesson.past)[part.whole]
    logits = verifier.logits(hidden).float().flatten(0, 1)
    return F.cross_entropy(logits, tokens.flatten(), reduction="none").reshape(tokens.shape).mean(-1)


def infilling(
    network: Network, verifier: Verifier, text: Text, order: str, which: tuple[str, ...] = ()
) -> list[dict[str, Any]]:  # fmt: skip
    """By hole, all or some of them: how many were filled exactly as they were, and by how much the verifier's −log p
    per token of the block is above that of the text itself, with its middle 95 % when texts are drawn again."""
    lots, (_, which_text) = text.lots, np.unique(text.groups, return_inverse=True)
    true = torch.cat([cost(verifier, network, part, part.x0[part.whole]) for part in lots])
    found = []
    for name, hole in holes(network.config.block).items():
        if which and name not in which:
            continue
        filled = [fill(network, part, hole, order) for part in lots]
        exact = torch.cat([(z == p.x0[p.whole]).all(-1) for z, p in zip(filled, lots, strict=True)]).double()
        nats = torch.cat([cost(verifier, network, part, z) for z, part in zip(filled, lots, strict=True)])
        apart = (nats - true).double().cpu().numpy()
        low, high = middle(ratios(np.stack([np.bincount(which_text, apart), np.bincount(which_text)], 1), 2000))
        line = {"hole": name, "exact": int(exact.sum()), "holes": len(exact)}
        found.append(line | {"above": float(apart.mean()), "low": low, "high": high})
    return found


def wilson(count: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    share, wide = count / total, z * z / total
    half = z * (share * (1 - share) / total + wide / (4 * total)) ** 0.5
    return (share + wide / 2 - half) / (1 + wide), (share + wide / 2 + half) / (1 + wide)
