"""Monte-Carlo estimates of bounds against exact ones, with their stated errors; seeds are fixed."""

from __future__ import annotations

import math

import pytest
import torch
from enumeration import MAKERS, B, V, arbitrary, blocks, continuous_bound, joint, make, perfect, step_bound

from speculate_training.laboratory.bounds import estimate, spread_times
from speculate_training.laboratory.samplers import Network


def network_of(name: str) -> Network:
    process = make(name)
    fixed = arbitrary(process)
    if name == "score-absorbing":  # Tweedie's steps must not be impossible.
        return lambda x, t: fixed(x, t).log_softmax(-1) - 0.2
    return fixed


@pytest.mark.parametrize("steps", [None, 3])
@pytest.mark.parametrize("name", MAKERS)
def test_estimates_lie_within_their_errors_of_the_exact_bound(name: str, steps: int | None) -> None:
    process, network = make(name), network_of(name)
    exact = torch.tensor([
        continuous_bound(process, network, x0) if steps is None else step_bound(process, network, x0, steps)
        for x0 in blocks(V)
    ])  # fmt: skip
    generator = torch.Generator().manual_seed(1)
    x0 = blocks(V).repeat(40, 1)
    found = [estimate(process, network, x0, 16, generator, steps, batch=360) for _ in range(25)]
    off = torch.tensor([(bound.mean - float(exact.mean()) / B) / bound.error for bound in found])
    # Student's t with 15 degrees of freedom has a variance of 15/13, and its square one of 3.5.
    assert abs(float(off.mean())) < 4 * math.sqrt(15 / 13 / 25)
    assert abs(float(off.square().mean()) - 15 / 13) < 4 * math.sqrt(3.5 / 25)
    mean = torch.stack([bound.blocks for bound in found]).view(25, 40, -1)
    block_error = mean.flatten(0, 1).std(0) / math.sqrt(25 * 40)
    assert ((mean.mean((0, 1)) - exact / B).abs() < 4.5 * block_error).all()


def test_the_truths_estimate_is_the_entropy() -> None:
    process, p = make("absorbing"), joint()
    generator = torch.Generator().manual_seed(2)
    x0 = blocks(V)[torch.multinomial(p.flatten(), 6000, replacement=True, generator=generator)]
    bound = estimate(process, perfect(process, p), x0, 8, generator)
    own = -p[x0[:, 0], x0[:, 1]].log().mean() / B
    assert abs(bound.mean - float(own)) < 4 * bound.error
    assert bound.error < 0.01
    assert math.isclose(bound.perplexity, math.exp(bound.mean))
    assert bound.blocks.shape == (6000,)
    assert math.isclose(float(bound.blocks.mean()), bound.mean, rel_tol=1e-9)


def test_batches_change_nothing_but_the_noise() -> None:
    process, network = make("uniform"), network_of("uniform")
    x0 = blocks(V).repeat(20, 1)
    a, b = (estimate(process, network, x0, 8, torch.Generator().manual_seed(3), batch=size) for size in (7, 1000))
    assert abs(a.mean - b.mean) < 4 * math.hypot(a.error, b.error)


def test_times_are_uniform_each_and_even_together() -> None:
    generator = torch.Generator().manual_seed(4)
    draws = torch.stack([spread_times(10, generator) for _ in range(2000)])
    assert ((draws >= 0) & (draws < 1)).all()
    gaps = draws.sort(-1).values.diff(dim=-1)
    torch.testing.assert_close(gaps, torch.full_like(gaps, 0.1))
    assert abs(float(draws[:, 0].mean()) - 0.5) < 4 * math.sqrt(1 / 12 / 2000)
    assert abs(float(draws[:, 0].var()) - 1 / 12) < 0.006
