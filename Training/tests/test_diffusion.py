"""The objective's parts against brute force."""

from __future__ import annotations

import itertools
import math

import torch

from speculate_training.diffusion import alpha, nelbo_weight, posterior, reveal, sample_times, subs


def test_posterior_is_bayes_rule_on_the_forward_process() -> None:
    # A token is masked for good at one moment, spread as the schedule says: count moments in (s, t] and up to t.
    s, t = torch.tensor(0.3), torch.tensor(0.8)
    moments = (torch.arange(100_000) + 0.5) / 100_000
    masked_at = lambda time: moments <= 1 - alpha(time)  # noqa: E731
    still = (masked_at(s) & masked_at(t)).float().sum() / masked_at(t).float().sum()
    assert abs(posterior(s, t) - still) < 1e-4


def test_nelbo_of_the_true_distribution_is_the_negative_log_likelihood() -> None:
    # With the exact conditionals of any joint distribution, the bound is tight: the mean over all orders of revealing.
    torch.manual_seed(0)
    size, length = 3, 3
    joint = torch.rand(*[size] * length, dtype=torch.float64)
    joint /= joint.sum()
    x = (2, 0, 1)

    def cross_entropy(masked: tuple[int, ...]) -> float:
        index = tuple(slice(None) if i in masked else x[i] for i in range(length))
        rest = joint[index]
        total = 0.0
        for axis, i in enumerate(masked):
            marginal = rest.movedim(axis, 0).reshape(size, -1).sum(1)
            total -= math.log(marginal[x[i]] / marginal.sum())
        return total

    steps = 20_000
    times = (torch.arange(steps, dtype=torch.float64) + 0.5) / steps
    bound = 0.0
    for count in range(1, length + 1):
        for masked in itertools.combinations(range(length), count):
            chance = (1 - alpha(times)) ** count * alpha(times) ** (length - count)
            bound += float((nelbo_weight(times) * chance).mean()) * cross_entropy(masked)
    assert abs(bound + math.log(joint[x])) < 1e-6


def test_subs_puts_nothing_on_mask_and_carries_revealed_tokens_over() -> None:
    torch.manual_seed(1)
    logits, tokens = torch.randn(2, 3, 5), torch.tensor([[0, 1, 2], [3, 3, 0]])
    revealed = torch.tensor([[True, False, False], [False, True, False]])
    distribution = subs(logits, tokens, revealed, mask_token=4).exp()
    assert torch.allclose(distribution.sum(-1), torch.ones(2, 3))
    assert (distribution[..., 4] == 0).all()
    for b, i in itertools.product(range(2), range(3)):
        if revealed[b, i]:
            assert distribution[b, i, tokens[b, i]] == 1
        else:
            expected = logits[b, i, :4].softmax(-1)
            assert torch.allclose(distribution[b, i, :4], expected)


def test_times_are_spread_evenly() -> None:
    times = sample_times(1000, torch.Generator().manual_seed(1), least=0.1).sort().values
    assert abs(times - torch.linspace(0.1, 1, 1000)).max() < 0.003


def test_reveal_keeps_to_its_shares_and_weights() -> None:
    shown, weight = reveal((200, 50, 8), 0.5, 0.25, torch.Generator().manual_seed(2))
    assert shown[..., 0].all()
    rest = shown[..., 1:]
    full = ~rest.any(-1)
    assert 0.5 < full.float().mean() < 0.6  # Half, and those of the random ones that happened to reveal nothing.
    prefixes = (rest.int().diff(dim=-1) <= 0).all(-1) & ~full
    assert prefixes.float().mean() > 0.25
    # What is counted more than once was noised at a time of its own, and the weight is that time's.
    timed = weight > 1
    kept = rest[timed].float().mean(-1)
    assert abs(kept.mean() - (1 - 1 / weight[timed]).mean()) < 0.01
