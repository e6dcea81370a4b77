"""Drafts of every process in n passes, and τ: tokens per round, played against the verifier's greedy answers.

Every pass walks from the left with the Markov head's bias. All but the last then move the block by the process's own
step, as if the tokens walked over were certain, and see nothing of the verifier's verdicts; in the last each token has
an exact distribution given those before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..compare import play
from ..corpus import Corpus, collate, epoch_batches
from ..drafter import Injected
from ..drafting import SCHEDULES, draft_blocks
from ..resampling import middle, ratios
from ..verifier import Verifier, VerifierPass
from .gaussian import Gaussian
from .network import AUTOREGRESSIVE, Network
from .processes import process_of

#: Tokens that are revealed from the left after each pass but the last, by number of passes.
LEFT = SCHEDULES | {8: tuple(range(1, 8))}


@torch.no_grad()
def draft(
    network: Network, context: Injected, anchors: Tensor, first: Tensor, passes: int, generator: torch.Generator
) -> Tensor:
    """Draft tokens [S, A, B] after each anchor, as greedy rounds draft them: anchors [S, A] positions, first [S, A]
    their tokens. The autoregressive head takes as many passes as there are tokens, whatever is asked for."""
    if network.process == AUTOREGRESSIVE:
        return one_by_one(network, context, anchors, first)
    process, B = process_of(network), network.config.block
    if isinstance(process, Gaussian):
        process.deterministic = True  # DDIM, as the engine's drafts.
    # A Gaussian step leads to the token that its own vector says, too; the others' know of the state themselves.
    heeds = network.reveals or isinstance(process, Gaussian)
    z = process.prior((*anchors.shape, B), generator)
    for number in range(passes):
        t, s = (torch.full(anchors.shape, 1 - k / passes, device=anchors.device) for k in (number, number + 1))
        hidden, is_last = network.denoise(z, t, first, anchors, context), number + 1 == passes
        tokens = walk(network, hidden, first, process.last if heeds or is_last else None, z, t)
        if not is_last:
            z = process.step(sure(network.unary(hidden), tokens), z, s.unsqueeze(-1), t.unsqueeze(-1), generator)
    return tokens


def walk(
    network: Network, hidden: Tensor, first: Tensor, last: Callable[[Tensor, Tensor, Tensor], Tensor] | None,
    z: Tensor, t: Tensor,
) -> Tensor:  # fmt: skip
    """The likeliest draft tokens [S, A, B], each given the one before; first [S, A] the anchors'. `last` adds to a
    slot's logits [S, A, V] what its state says (`Process.last`)."""
    previous, drawn = first, []
    for slot in range(hidden.shape[2]):
        state = hidden[:, :, slot]
        logits = network.logits(state, network.previous(previous, state)).float()
        drawn.append((last(logits, z[:, :, slot], t) if last else logits).argmax(-1))
        previous = network.d2t[drawn[-1]]
    return torch.stack(drawn, -1)


def sure(logits: Tensor, tokens: Tensor | None = None) -> Tensor:
    """Logits [.., V] of one token alone, the likeliest or the one of `tokens` [..], of the same sum of exponentials:
    temperature 0."""
    best = logits.argmax(-1) if tokens is None else tokens
    return torch.full_like(logits, -1e4).scatter(-1, best.unsqueeze(-1), logits.logsumexp(-1, keepdim=True))


@torch.no_grad()
def one_by_one(network: Network, context: Injected, anchors: Tensor, first: Tensor) -> Tensor:
    B = network.config.block
    z = torch.zeros(*anchors.shape, B, dtype=torch.long, device=anchors.device)
    previous = first
    for slot in range(B):
        state = network.denoise(z, anchors, first, anchors, context)[:, :, slot]
        z[..., slot] = network.logits(state, network.previous(previous, state)).float().argmax(-1)
        previous = network.d2t[z[..., slot]]
    return z


@dataclass(frozen=True)
class Answers:
    """The verifier's own answers, and its passes over them."""

    corpus: Corpus
    batches: list[list[int]]
    pasts: list[VerifierPass]

    @staticmethod
    def read(verifier: Verifier, corpus: Corpus, taps: tuple[int, ...], budget: int = 1024) -> Answers:
        batches = epoch_batches(corpus, np.arange(len(corpus)), budget, 0)
        rows = (collate(corpus, indices).tokens.to(verifier.device) for indices in batches)
        return Answers(corpus, batches, [verifier.forward(tokens, taps).with_cache([], []) for tokens in rows])


def leading(
    network: Network, answers: Answers, number: int, passes: int, left: bool = False
) -> Iterable[list[int]]:  # fmt: skip
    """For each sequence of a batch and each token of its answer: how many leading tokens drafted there are right.
    `left`: as the engine has always drafted with masks, from the left and with the Markov head in every pass."""
    past, device = answers.pasts[number], network.d2t.device
    batch = collate(answers.corpus, answers.batches[number]).to(device)
    B = network.config.block
    room = batch.lengths - batch.prompts
    anchors = batch.prompts.unsqueeze(-1) - 1 + torch.arange(int(room.max()), device=device)
    last = (batch.lengths - 1).unsqueeze(-1)
    anchors = torch.minimum(anchors, last)
    ahead = anchors.unsqueeze(-1) + torch.arange(B + 1, device=device)
    text = batch.tokens.gather(1, torch.minimum(ahead, last.unsqueeze(-1)).flatten(1)).reshape(ahead.shape)
    generator = torch.Generator(device).manual_seed(number)
    context = network.inject(past.taps)
    if left:
        tokens = draft_blocks(network, context, anchors, text[..., 0], B, LEFT[passes]).tokens
    else:
        tokens = network.d2t[draft(network, context, anchors, text[..., 0], passes, generator)]
    right = (tokens == text[..., 1:]) & (ahead[..., 1:] <= last.unsqueeze(-1))
    counts = right.int().cumprod(-1).sum(-1)
    for row, length in zip(counts.tolist(), room.tolist(), strict=True):
        yield row[:length]


def rounds(network: Network, answers: Answers, passes: int, left: bool = False) -> np.ndarray:
    """Tokens and rounds [prompts, 2] of every answer at the greatest depth."""
    played = np.zeros((len(answers.corpus), 2))
    for number, indices in enumerate(answers.batches):
        for index, row in zip(indices, leading(network, answers, number, passes, left), strict=True):
            played[index] = play(row, network.config.block)
    return played


def tau(played: np.ndarray, draws: int = 4000) -> dict[str, Any]:
    """τ with its middle 95 % when prompts are drawn again; played [prompts, 2]."""
    low, high = middle(ratios(played, draws))
    tokens, count = played.sum(0)
    found = {"tau": float(tokens / count), "low": low, "high": high, "rounds": int(count)}
    return found | {"played": played.astype(int).tolist()}


def further(ours: dict[str, Any], theirs: dict[str, Any], draws: int = 4000) -> dict[str, float]:
    """By how much one τ is above another of the same prompts, with the middle 95 % when these are drawn again, the same
    for both."""
    apart = ratios(np.array(ours["played"]), draws) - ratios(np.array(theirs["played"]), draws)
    low, high = middle(apart)
    return {"tau": ours["tau"] - theirs["tau"], "low": low, "high": high}
