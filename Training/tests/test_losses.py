from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from speculate_training.losses import HeadLoss, Mix, distance, position_weights
from speculate_training.objective import distillation_target

MIXES = [Mix(), Mix(kl=0, ce=1), Mix(kl=0, tv=1), Mix(kl=0, lk=1), Mix(kl=0.3, ce=0.7, tv=0.4, lk=0.5)]


def naive(p: Tensor, logits: Tensor, mix: Mix) -> Tensor:
    """The definitions, with recorded gradients."""
    q = logits.softmax(-1)
    kl = (p * (p.clamp_min(1e-30).log() - q.log())).sum(-1)
    accepted = torch.minimum(p, q).sum(-1)
    ce = -q.log().gather(-1, p.argmax(-1, keepdim=True)).squeeze(-1)
    return mix.kl * kl + mix.ce * ce + mix.tv * (1 - accepted) - mix.lk * accepted.log()


def distributions(rows: int, size: int, mass: float = 1.0) -> tuple[Tensor, Tensor]:
    torch.manual_seed(rows)
    return torch.randn(rows, size).mul(2).softmax(-1) * mass, torch.randn(rows, size) * 2


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("mass", [1.0, 0.8])
def test_distances_and_their_gradients_are_those_of_the_definitions(mix: Mix, mass: float) -> None:
    p, logits = distributions(6, 11, mass)
    logits.requires_grad_(True)
    expected = naive(p, logits, mix)
    (gradient,) = torch.autograd.grad(expected.sum(), logits)
    loss, acceptance, written = distance(p, logits.detach(), mix)
    assert torch.allclose(loss, expected, atol=1e-5)
    assert torch.allclose(written, gradient, atol=1e-5)
    assert torch.allclose(acceptance, torch.minimum(p, logits.softmax(-1)).sum(-1), atol=1e-6)


def test_one_less_total_variation_is_the_acceptance_of_speculative_sampling() -> None:
    p, logits = distributions(3, 5)
    _, acceptance, _ = distance(p, logits, Mix(kl=0, tv=1))
    q = logits.softmax(-1)
    for row in range(3):
        # Draw x from q, keep it with probability min(1, p / q): all outcomes, exactly.
        kept = sum(float(q[row, x] * min(1.0, p[row, x] / q[row, x])) for x in range(5))
        assert abs(kept - acceptance[row]) < 1e-6
        distance_ = 0.5 * (p[row] - q[row]).abs().sum()
        assert abs(1 - distance_ - acceptance[row]) < 1e-6


@pytest.mark.parametrize("mix", MIXES)
def test_the_head_in_chunks_is_the_head_at_once(mix: Mix) -> None:
    torch.manual_seed(4)
    rows, hidden, rank, size = 2700, 12, 6, 17
    h, e = torch.randn(rows, hidden, requires_grad=True), torch.randn(rows, rank, requires_grad=True)
    W, w2 = torch.randn(size, hidden, requires_grad=True), torch.randn(size, rank, requires_grad=True)
    table, which, weight = torch.randn(30, size).softmax(-1), torch.randint(0, 30, (rows,)), torch.rand(rows)
    expected = (naive(table[which], h @ W.t() + e @ w2.t(), mix) * weight).sum() / weight.sum()
    gradients = torch.autograd.grad(expected, (h, e, W, w2))
    loss, _, likeliest = HeadLoss.apply(h, e, W, w2, table, which, weight, mix)
    assert torch.allclose(loss, expected, atol=1e-5)
    for found, gradient in zip(torch.autograd.grad(loss, (h, e, W, w2)), gradients, strict=True):
        assert torch.allclose(found, gradient, atol=1e-5)
    assert (likeliest == (h @ W.t() + e @ w2.t()).argmax(-1)).all()


@pytest.mark.compiled
def test_the_head_at_the_size_of_real_work_follows_autograd() -> None:
    torch.manual_seed(6)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        rows, hidden, rank, size = 300, 32, 8, 8192
        h, e = torch.randn(rows, hidden, requires_grad=True), torch.randn(rows, rank)
        W, w2 = torch.randn(size, hidden) * 0.3, torch.randn(size, rank) * 0.3
        table = (torch.randn(40, size) * 3).softmax(-1).bfloat16()
        which, weight = torch.randint(40, (rows,)), torch.rand(rows)
        mix = Mix(kl=0.5, ce=0.7, lk=0.3)
        loss, _, _ = HeadLoss.apply(h, e, W, w2, table, which, weight, mix)
        (written,) = torch.autograd.grad(loss, h)
        expected = (naive(table[which].float(), h @ W.t() + e @ w2.t(), mix) * weight).sum() / weight.sum()
        (gradient,) = torch.autograd.grad(expected, h)
    finally:
        torch.set_num_threads(threads)
    assert abs(float(loss.detach()) - float(expected.detach())) < 1e-3
    torch.testing.assert_close(written, gradient, rtol=1e-3, atol=1e-6)


def test_distillation_target_is_a_law_between_the_two() -> None:
    p, logits = distributions(4, 6)
    q = logits.softmax(-1)
    for share in (0.0, 0.3, 1.0):
        target = distillation_target(p, q, share)
        assert torch.allclose(target.sum(-1), torch.ones(4), atol=1e-6)
        for row, x in itertools.product(range(4), range(6)):
            assert abs(target[row, x] - ((1 - share) * p[row, x] + share * q[row, x])) < 1e-6


def test_position_weights_fall() -> None:
    assert position_weights(3, 0.5).tolist() == [1.0, 0.5, 0.25]
