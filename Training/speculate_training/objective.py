"""One training step's loss: which blocks, what they see, and which distributions they should match."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .attention import fused, linear
from .corpus import Batch
from .diffusion import reveal
from .drafter import Drafter, Injected
from .drafting import Draft, draft_blocks, walk
from .losses import HeadLoss, Mix, pace_weights, position_weights
from .states import Remembered
from .verifier import Verifier, VerifierPass


@dataclass(frozen=True)
class Stage:
    """What one stage of the training asks for."""

    mix: Mix
    lengths: tuple[float, ...] = (1.0, 0.75, 0.5, 0.5)  # Shares of the block, drawn alike; 0: the next token alone.
    full: float = 0.5  # Share of blocks of which nothing is revealed.
    prefix: float = 0.25  # Share of blocks of which the first tokens are revealed; the rest at a random time.
    decay: float = 0.8  # Weight of a slot against the one before.
    states: float = 0.0  # Weight of the distance to the verifier's final states: more than distributions say (EAGLE).
    candidates: float = 0.5  # Weight of the loss without the token before, which a selector's candidates come from.
    confidence: float = 0.0  # Weight of the confidence head's loss.
    on_policy: float = 0.0  # Share of steps on the drafter's own partly filled blocks.
    passes_match: float = 0.0  # There: share of the target taken from two passes, to be matched in one.
    share: float = 1.0  # Of an answer's positions, how many blocks begin at in a step.
    easy: float = 1.0  # How often blocks begin after a token that the drafter had right; after others: 1.
    pace: bool = False  # Whether slots weigh what they add to the expected length of a draft, instead of `decay`.
    rounded: bool = False  # Whether the drafter computes with its matrices as the file will hold them.


@dataclass
class Outcome:
    loss: Tensor
    blocks: int
    acceptance: Tensor  # [L] mean Σ min(p, q) where nothing is revealed
    matches: Tensor  # [L] mean share of blocks whose first i + 1 likeliest tokens are the text's
    confidence_loss: float
    missed: Tensor  # [S, A] whether the token after the anchor was not the text's


@dataclass(frozen=True)
class Lesson:
    """What the verifier says of a batch: one pass, of which several updates learn."""

    batch: Batch
    past: VerifierPass
    states: Tensor  # [N, hidden] the final ones at each answer position and the prompt's last
    distributions: Tensor  # [N, draft vocabulary] after them
    row: Tensor  # [S, T] the distribution after a position


@dataclass(frozen=True)
class Blocks:
    """A blocks of L slots per sequence, and what to learn from them."""

    tokens: Tensor  # [S, A, L + 1] the anchor's token and the L that follow
    valid: Tensor  # [S, A, L] true where slot i's prediction, token i + 1, exists
    distributions: Tensor  # [N, draft vocabulary] the verifier's
    which: Tensor  # [S, A, L] the distribution of each slot's prediction
    states: Tensor  # [N, hidden] the verifier's final states behind the distributions


def sample_anchors(batch: Batch, count: int, generator: torch.Generator, weights: Tensor | None = None) -> Tensor:
    """[S, count] positions from the prompt's last token to the last but one of the sequence, in proportion to their
    weights [S, T] (all alike without), without repeats where an answer has that many (Efraimidis & Spirakis 2006)."""
    longest = int((batch.lengths - batch.prompts).max())
    scores = torch.rand(len(batch.lengths), max(longest, count), generator=generator).log().neg()
    room = (batch.lengths - batch.prompts).unsqueeze(-1)
    offsets = torch.arange(scores.shape[1]).expand_as(scores)
    if weights is not None:
        positions = (batch.prompts.unsqueeze(-1) - 1 + offsets).clamp(max=weights.shape[1] - 1)
        scores = scores / weights.gather(1, positions)
    order = scores.masked_fill(offsets >= room, float("inf")).argsort(-1)[:, :count]
    order = torch.where(order < room, order, order % room)
    return batch.prompts.unsqueeze(-1) - 1 + order


@torch.no_grad()
def distributions(verifier: Verifier, hidden: Tensor, d2t: Tensor) -> Tensor:
    """The verifier's probabilities [N, draft vocabulary] of the tokens that can be drafted; hidden [N, hidden]."""
    rows = 4096 if hidden.is_cuda else 128  # At once: as many as stay in a processor's cache, or keep a GPU busy.
    return torch.cat([partial_softmax(verifier.logits(chunk), d2t) for chunk in hidden.split(rows)])


@fused
def partial_softmax(logits: Tensor, chosen: Tensor) -> Tensor:
    """Softmax over all columns, of which the chosen ones are kept."""
    numbers = logits.float()
    return (numbers[:, chosen] - numbers.logsumexp(-1, keepdim=True)).exp().to(logits.dtype)


@fused
def normalised(logits: Tensor, totals: Tensor) -> Tensor:
    """Probabilities, the logarithm of the sum over all columns being known."""
    return (logits.float() - totals).exp().to(logits.dtype)


def prepare(verifier: Verifier, drafter: Drafter, batch: Batch, remembered: Remembered | None = None) -> Lesson:
    """Runs the verifier over the batch, or takes what a cache remembers of that."""
    batch = batch.to(verifier.device)
    cells = torch.arange(batch.tokens.shape[1], device=verifier.device)
    used = (cells >= batch.prompts[:, None] - 1) & (cells < batch.lengths[:, None])  # [S, T]
    row = used.flatten().cumsum(0).reshape(used.shape) - 1
    if remembered is not None:
        past = VerifierPass(remembered.taps, remembered.hidden, [], [])
        states = past.hidden[used]
        logits = linear(states, verifier.output[drafter.d2t])
        probabilities = normalised(logits, remembered.totals[used].unsqueeze(-1))
        return Lesson(batch, past, states, probabilities, row)
    past = verifier.forward(batch.tokens, drafter.config.taps)
    states = past.hidden[used]
    return Lesson(batch, past, states, distributions(verifier, states, drafter.d2t), row)


def text_blocks(lesson: Lesson, anchors: Tensor, length: int) -> Blocks:
    """Blocks that hold the text itself."""
    batch = lesson.batch
    positions = anchors.unsqueeze(-1) + torch.arange(length + 1, device=anchors.device)  # [S, A, L + 1]
    last = (batch.lengths - 1)[:, None, None]
    tokens = batch.tokens.gather(1, positions.clamp(max=last).flatten(1)).reshape(positions.shape)
    valid = positions[..., 1:] <= last
    which = lesson.row.gather(1, positions[..., :-1].clamp(max=last).flatten(1)).reshape(valid.shape)
    return Blocks(tokens, valid, lesson.distributions, which, lesson.states)


def own_blocks(
    verifier: Verifier, drafter: Drafter, lesson: Lesson, context: Injected, anchors: Tensor,
    length: int, share: float, schedule: tuple[int, ...], generator: torch.Generator,
) -> tuple[Blocks, Tensor]:  # fmt: skip
    """Blocks that the drafter itself has written, with the verifier's distribution given what stands there, and the
    weight [S, A, L] of each slot: the probability that the verifier keeps all that stands before it.

    With `share` > 0 the target is in part the distribution of the drafter's own last pass over the partly revealed
    block, so that one pass learns what several give (SDTT, Deschenaux & Gulcehre 2024).
    """
    first = lesson.batch.tokens.gather(1, anchors)
    draft = draft_blocks(drafter, context, anchors, first, length, schedule, "left", 1.0, generator)
    tokens = torch.cat([first.unsqueeze(-1), draft.tokens], -1)
    hidden = verifier.forward_blocks(tokens[..., :-1], anchors, lesson.past)
    target = distributions(verifier, hidden.flatten(0, 2), drafter.d2t).float()
    drafted = drafter.t2d[draft.tokens].flatten()
    q = last_pass_distribution(drafter, draft, tokens)
    kept = (target.gather(1, drafted[:, None]) / q.gather(1, drafted[:, None]).clamp_min(1e-6)).clamp(max=1)
    kept = kept.reshape(draft.tokens.shape).cumprod(-1)
    weight = torch.cat([torch.ones_like(kept[..., :1]), kept[..., :-1]], -1)
    target = distillation_target(target, q, share).to(verifier.dtype)
    which = torch.arange(len(target), device=anchors.device).reshape(draft.tokens.shape)
    return Blocks(tokens, torch.ones_like(draft.revealed), target, which, hidden.flatten(0, 2)), weight


@torch.no_grad()
def last_pass_distribution(drafter: Drafter, draft: Draft, tokens: Tensor) -> Tensor:
    """The distribution [S · A · L, draft vocabulary] of the draft's last pass, given the tokens before each."""
    logits = drafter.logits(draft.hidden, drafter.previous(tokens[..., :-1], draft.hidden))
    return logits.flatten(0, 2).float().softmax(-1)


def distillation_target(p: Tensor, q: Tensor, share: float) -> Tensor:
    """What one pass should match: the verifier's distribution, and a share of that which several passes gave."""
    return p if share == 0 else (1 - share) * p + share * q


def block_loss(
    verifier: Verifier, drafter: Drafter, lesson: Lesson, stage: Stage, anchors: Tensor, length: int,
    generator: torch.Generator, own: bool, schedule: tuple[int, ...] = (2,),
) -> Outcome:  # fmt: skip
    """The loss of blocks at the anchors [S, A]. `own`: of blocks that the drafter itself has written. Random numbers
    come from `generator` (CPU) alone."""
    device = verifier.device
    context = drafter.inject(lesson.past.taps)
    S, A = anchors.shape
    standing = torch.ones((), device=device)  # How likely all stands that is before a slot.
    if own:
        share = stage.passes_match
        blocks, standing = own_blocks(
            verifier, drafter, lesson, context.detached(), anchors, length, share, schedule if share else (), generator
        )
    else:
        blocks = text_blocks(lesson, anchors, length)
    shown, weight = (part.to(device) for part in reveal((S, A, length), stage.full, stage.prefix, generator))
    slots = blocks.tokens[..., :-1].masked_fill(~shown, drafter.config.mask_token)
    guess = None
    if drafter.config.guess and torch.rand(1, generator=generator) < 0.5:
        with torch.no_grad():
            before = drafter(slots, anchors, context)
            revealed = F.pad(shown[..., 1:], (0, 1))  # A slot shows the token that the one before it predicts.
            *_, guess = walk(drafter, before, blocks.tokens[..., 0], blocks.tokens[..., 1:], revealed, 0.0, None)
    hidden = drafter(slots, anchors, context, guess)
    # SUBS: a revealed token is carried over, so the slot before it has nothing to learn.
    wanted = blocks.valid & ~torch.cat([shown[..., 1:], torch.zeros_like(shown[..., :1])], -1)
    rows = wanted.flatten().nonzero().squeeze(-1)
    row_hidden = hidden.flatten(0, 2)[rows]
    previous = drafter.previous(blocks.tokens[..., :-1].flatten()[rows], row_hidden)
    slot_weight = position_weights(length, stage.decay).to(device).expand(S, A, length)
    if stage.pace:
        expected = torch.ones(S * A * length, device=device)
        expected[rows] = drafter.confidence(row_hidden, previous).sigmoid().detach()
        slot_weight = pace_weights(expected.reshape(S, A, length))
    row_weight = (slot_weight * standing * weight.unsqueeze(-1)).flatten()[rows]
    loss, acceptance, likeliest = HeadLoss.apply(
        row_hidden, previous, drafter.output, drafter.markov_w2, blocks.distributions, blocks.which.flatten()[rows],
        row_weight, stage.mix,
    )  # fmt: skip
    if drafter.config.candidates:  # A slot's candidates are the likeliest without the token before it.
        alone, *_ = HeadLoss.apply(
            row_hidden, torch.zeros_like(previous), drafter.output, drafter.markov_w2, blocks.distributions,
            blocks.which.flatten()[rows], row_weight, stage.mix,
        )  # fmt: skip
        loss = loss + stage.candidates * alone
    if stage.states > 0:
        target = blocks.states[blocks.which.flatten()[rows]].float()
        apart = (row_hidden.float() - target).square().mean(-1) / target.var(-1)
        loss = loss + stage.states * (apart * row_weight).sum() / row_weight.sum()
    confidence_loss = torch.zeros((), device=device)
    if stage.confidence > 0:
        expected = drafter.confidence(row_hidden.detach(), previous.detach())
        bce = F.binary_cross_entropy_with_logits(expected, acceptance.clamp(0, 1), reduction="none")
        confidence_loss = (bce * row_weight).sum() / row_weight.sum()
        loss = loss + stage.confidence * confidence_loss
    right = torch.zeros(S * A * length, dtype=torch.bool, device=device)
    right[rows] = drafter.d2t[likeliest] == blocks.tokens[..., 1:].flatten()[rows]
    accepted = torch.zeros(S * A * length, device=device)
    accepted[rows] = acceptance
    hidden_blocks = ~shown[..., 1:].any(-1) & blocks.valid.all(-1)
    count = hidden_blocks.sum().clamp_min(1)
    return Outcome(
        loss=loss,
        blocks=S * A,
        acceptance=accepted.reshape(S, A, length)[hidden_blocks].sum(0) / count,
        matches=right.reshape(S, A, length)[hidden_blocks].float().cumprod(-1).sum(0) / count,
        confidence_loss=float(confidence_loss.detach()),
        missed=~right.reshape(S, A, length)[..., 0],
    )
