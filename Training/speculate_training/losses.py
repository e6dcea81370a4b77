"""Distances between the verifier's distribution p and the drafter's q, with the head that q comes from.

A block's logits are far larger than its states, so they are made, used and dropped a chunk of rows at a time, and the
gradient is written down instead of recorded: memory stays small and every pass runs in cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .attention import fused


@dataclass(frozen=True)
class Mix:
    """How much each distance counts.

    - kl: forward KL, Σ p (log p − log q).
    - ce: −log q of the verifier's likeliest token.
    - tv: 1 − Σ min(p, q), the share of drafts that speculative sampling rejects (Leviathan et al. 2023).
    - lk: −log Σ min(p, q), whose gradient is that of tv divided by the acceptance.
    """

    kl: float = 1.0
    ce: float = 0.0
    tv: float = 0.0
    lk: float = 0.0


def distance(p: Tensor, logits: Tensor, mix: Mix) -> tuple[Tensor, Tensor, Tensor]:
    """p [rows, vocabulary], which may sum to less than 1 where the drafter lacks tokens; logits alike.

    Returns each row's loss, its acceptance Σ min(p, q), and the loss's gradient by the logits.
    """
    log_q = logits.log_softmax(-1)
    q = log_q.exp()
    less = q < p
    kept = q * less
    acceptance = torch.where(less, q, p).sum(-1)
    loss = torch.zeros_like(acceptance)
    gradient = torch.zeros_like(q)
    if mix.kl:
        entropy = torch.special.xlogy(p, p).sum(-1)
        loss += mix.kl * (entropy - (p * log_q).sum(-1))
        gradient += mix.kl * (q * p.sum(-1, keepdim=True) - p)
    if mix.ce:
        best = p.argmax(-1, keepdim=True)
        loss -= mix.ce * log_q.gather(-1, best).squeeze(-1)
        # Compared, not scattered: compiled, a scatter of a constant loses most of it with two threads (PyTorch 2.13).
        gradient += mix.ce * (q - (torch.arange(q.shape[-1], device=q.device) == best).to(q.dtype))
    if mix.tv or mix.lk:
        safe = acceptance.clamp_min(1e-4)
        loss += mix.tv * (1 - acceptance) - mix.lk * safe.log()
        scale = (mix.tv + mix.lk / safe).unsqueeze(-1)
        gradient -= scale * (kept - q * kept.sum(-1, keepdim=True))
    return loss, acceptance, gradient


@fused
def weighted(
    p: Tensor, trunk: Tensor, markov: Tensor, weight: Tensor, mix: Mix
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`distance` of logits trunk + markov, its likeliest tokens, and its gradient times each row's weight in the
    logits' type: one pass over memory."""
    logits = trunk.float() + markov.float()
    loss, acceptance, gradient = distance(p.float(), logits, mix)
    return loss, acceptance, logits.argmax(-1), (gradient * weight.unsqueeze(-1)).to(trunk.dtype)


class HeadLoss(torch.autograd.Function):
    """The weighted mean distance of q = softmax(hidden · outputᵀ + previous · markovᵀ) to given distributions."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, previous: Tensor, output: Tensor, markov: Tensor, distributions: Tensor,
        which: Tensor, weight: Tensor, mix: Mix, known: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        """hidden [M, hidden], previous [M, rank], output [V, hidden], markov [V, rank], distributions [N, V],
        which [M] the distribution of each row, weight [M]; known [M, V], constants among the logits. Returns the loss,
        and each row's acceptance and likeliest token."""
        W, w2 = output.to(hidden.dtype), markov.to(hidden.dtype)
        total = weight.sum().clamp_min(1e-6)
        d_hidden, d_previous = torch.empty_like(hidden), torch.empty_like(previous)
        d_output = torch.zeros_like(output) if ctx.needs_input_grad[2] else None
        d_markov = torch.zeros_like(markov)
        loss, accepted, likeliest = torch.zeros((), device=hidden.device), [], []
        count = 8192 if hidden.is_cuda else 1024  # Rows at once; a GPU wants many.
        for start in range(0, len(hidden), count):
            rows = slice(start, start + count)
            h, e = hidden[rows], previous[rows]
            share = weight[rows] / total
            bias = e @ w2.t() if known is None else e @ w2.t() + known[rows]
            row_loss, acceptance, best, g = weighted(distributions[which[rows]], h @ W.t(), bias, share, mix)
            loss += (row_loss * share).sum()
            accepted.append(acceptance)
            likeliest.append(best)
            d_hidden[rows], d_previous[rows] = g @ W, g @ w2
            if d_output is not None:
                d_output += (g.t() @ h).to(output.dtype)
            d_markov += (g.t() @ e).to(markov.dtype)
        ctx.save_for_backward(d_hidden, d_previous, d_output if d_output is not None else torch.empty(0), d_markov)
        acceptances, tokens = torch.cat(accepted), torch.cat(likeliest)
        ctx.mark_non_differentiable(acceptances, tokens)
        return loss, acceptances, tokens

    @staticmethod
    def backward(ctx: Any, d_loss: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        d_hidden, d_previous, d_output, d_markov = ctx.saved_tensors
        output = d_output.mul_(d_loss) if ctx.needs_input_grad[2] else None
        return d_hidden * d_loss, d_previous * d_loss, output, d_markov * d_loss, None, None, None, None, None


def position_weights(length: int, decay: float) -> Tensor:
    """What slot i of a block counts: decay^i, since a draft's token is of use only when all before it are accepted."""
    return decay ** torch.arange(length, dtype=torch.float32)


def pace_weights(acceptance: Tensor) -> Tensor:
    """What each slot of blocks [.., L] counts by the acceptance that is expected there, given that of all before: how
    much the expected length of a draft grows with the logarithm of a slot's acceptance, Σ_{m ≥ j} Π_{i ≤ m} q_i."""
    return acceptance.cumprod(-1).flip(-1).cumsum(-1).flip(-1)
