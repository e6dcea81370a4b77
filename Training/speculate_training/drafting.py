"""Denoising a block in one or several passes, as the engine does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from .drafter import Drafter, Injected

Order = Literal["left", "confidence", "random", "revise"]

#: Tokens of the block that are revealed after each pass but the last, by number of passes.
SCHEDULES: dict[int, tuple[int, ...]] = {1: (), 2: (2,), 4: (1, 2, 4)}


@dataclass(frozen=True)
class Draft:
    tokens: Tensor  # [S, A, L] the drafted tokens
    confidence: Tensor  # [S, A, L] logits of the expected acceptance
    hidden: Tensor  # [S, A, L, hidden] of the last pass
    revealed: Tensor  # [S, A, L] true where a token was fixed before the last pass: a point mass


@torch.no_grad()
def draft_blocks(
    drafter: Drafter, context: Injected, anchors: Tensor, first: Tensor, length: int, schedule: tuple[int, ...] = (),
    order: Order = "left", temperature: float = 0.0, generator: torch.Generator | None = None,
) -> Draft:  # fmt: skip
    """Drafts blocks of `length` tokens after each anchor; anchors [S, A] positions, first [S, A] their tokens.

    Each pass walks the Markov head over the block from the left. After every pass but the last, `schedule` says how
    many tokens are revealed: the leftmost, the most confident, or random ones; they stay as they are from then on.
    `revise` reveals the most confident too, but hides again what is no longer among them (Mask-Predict, Ghazvininejad
    et al. 2019). A drafter with `guess` is told in every pass but the first what the pass before it guessed.
    """
    S, A = anchors.shape
    tokens = torch.zeros(S, A, length, dtype=torch.long, device=anchors.device)
    revealed = torch.zeros(S, A, length, dtype=torch.bool, device=anchors.device)
    guess: Tensor | None = None
    for count in (*schedule, None):
        slots = torch.cat([first.unsqueeze(-1), tokens[..., :-1]], -1)
        shown = torch.cat([torch.ones_like(revealed[..., :1]), revealed[..., :-1]], -1)
        slots = slots.masked_fill(~shown, drafter.config.mask_token)
        hidden = drafter(slots, anchors, context, guess)
        tokens, confidence, guess = walk(drafter, hidden, first, tokens, revealed, temperature, generator)
        if count is not None:
            revealed = choose(revealed, confidence, min(count, length), order, generator)
    return Draft(tokens, confidence, hidden, revealed)


def walk(
    drafter: Drafter, hidden: Tensor, first: Tensor, tokens: Tensor, revealed: Tensor, temperature: float,
    generator: torch.Generator | None,
) -> tuple[Tensor, Tensor, Tensor | None]:  # fmt: skip
    """Draws every token that is not revealed from its distribution given the token before it. Returns the tokens, the
    logits of their expected acceptance, and what a drafter with `guess` is told in the next pass."""
    previous, drawn, confidences, guesses = first, [], [], []
    for slot in range(hidden.shape[2]):
        seen = drafter.previous(previous, hidden[:, :, slot])
        logits = drafter.logits(hidden[:, :, slot], seen).float()
        if drafter.config.guess:
            guesses.append(drafter.expected(logits))
        if temperature > 0:
            noise = uniform(tuple(logits.shape), generator).to(logits.device)
            logits = logits / temperature - (-noise.clamp_min(1e-20).log()).clamp_min(1e-20).log()
        previous = torch.where(revealed[..., slot], tokens[..., slot], drafter.d2t[logits.argmax(-1)])
        drawn.append(previous)
        confidences.append(drafter.confidence(hidden[:, :, slot], seen))
    told = torch.stack(guesses, 2) if guesses else None
    return torch.stack(drawn, -1), torch.stack(confidences, -1), told


def choose(revealed: Tensor, confidence: Tensor, count: int, order: Order, generator: torch.Generator | None) -> Tensor:
    """`count` revealed tokens per block, those that are revealed already among them unless the order is `revise`."""
    if order == "left":
        score = -torch.arange(revealed.shape[-1], device=revealed.device).float().expand(revealed.shape)
    elif order in ("confidence", "revise"):
        score = confidence.float()
    else:
        score = uniform(tuple(revealed.shape), generator).to(revealed.device)
    if order != "revise":
        score = score.masked_fill(revealed, float("inf"))
    return torch.zeros_like(revealed).scatter(-1, score.topk(count, -1).indices, True)


def uniform(shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
    """Numbers in [0, 1), drawn where the generator is."""
    return torch.rand(shape, generator=generator, device=generator.device if generator else None)
