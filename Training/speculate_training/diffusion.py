"""Masked diffusion (MDLM, Sahoo et al. 2024), with the linear schedule α_t = 1 − t."""

from __future__ import annotations

import torch
from torch import Tensor


def alpha(t: Tensor) -> Tensor:
    """Probability that a token is still itself at time t: 1 at 0, 0 at 1."""
    return 1 - t


def posterior(s: Tensor, t: Tensor) -> Tensor:
    """Probability that a token masked at time t is still masked at time s < t: (1 − α_s) / (1 − α_t)."""
    return (1 - alpha(s)) / (1 - alpha(t))


def nelbo_weight(t: Tensor) -> Tensor:
    """−α'_t / (1 − α_t): what the cross entropy of the masked tokens at time t counts in the bound. 1 / t."""
    return 1 / (1 - alpha(t))


def subs(logits: Tensor, tokens: Tensor, revealed: Tensor, mask_token: int | None = None) -> Tensor:
    """The SUBS parameterisation: log-probabilities [.., vocabulary] with no mass on MASK, and all of it on the token
    that is there where a token is revealed."""
    if mask_token is not None:
        logits = logits.index_fill(-1, torch.tensor([mask_token], device=logits.device), float("-inf"))
    distribution = logits.log_softmax(-1)
    point = torch.full_like(distribution, float("-inf")).scatter(-1, tokens.unsqueeze(-1), 0.0)
    return torch.where(revealed.unsqueeze(-1), point, distribution)


def sample_times(count: int, generator: torch.Generator, least: float = 0.1) -> Tensor:
    """Times in [least, 1], evenly spread over the batch (antithetic sampling, Kingma et al. 2021) and shuffled."""
    offset = torch.rand(1, generator=generator)
    times = (torch.arange(count) / count + offset) % 1
    times = times[torch.randperm(count, generator=generator)]
    return least + (1 - least) * times


def reveal(
    shape: tuple[int, int, int], full: float, prefix: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Which slots of blocks [S, A, L] hold their true token, and each block's NELBO weight [S, A].

    A share `full` of the blocks shows its anchor alone; a share `prefix` shows its first tokens, as many as are drawn
    evenly; the others show each token with probability α_t at a time of their own. The first two count 1.
    """
    S, A, L = shape
    kind = torch.rand(S, A, generator=generator)
    times = sample_times(S * A, generator).reshape(S, A)
    shown = torch.rand(S, A, L, generator=generator) < alpha(times).unsqueeze(-1)
    length = torch.randint(1, max(L, 2), (S, A), generator=generator)
    leading = torch.arange(L) <= length.unsqueeze(-1)
    is_full = kind < full
    is_prefix = ~is_full & (kind < full + prefix)
    shown = torch.where(is_prefix.unsqueeze(-1), leading, shown) & ~is_full.unsqueeze(-1)
    shown[..., 0] = True
    weight = torch.where(is_full | is_prefix, torch.ones(()), nelbo_weight(times))
    return shown, weight
