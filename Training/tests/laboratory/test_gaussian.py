"""Gaussian diffusion against numerical integration; embeddings in one or two dimensions."""

from __future__ import annotations

import math

import pytest
import torch
from enumeration import integral

from speculate_training.laboratory.gaussian import Gaussian
from speculate_training.laboratory.schedules import SCHEDULES

#: Two tokens at −1 and 1.
LINE = Gaussian(torch.tensor([[-3.0], [0.5]], dtype=torch.float64), SCHEDULES["linear"], length=1.0)
GRID = torch.linspace(-9, 9, 3601, dtype=torch.float64)
CELL = float(GRID[1] - GRID[0])


def at(value: float) -> torch.Tensor:
    return torch.tensor([value], dtype=torch.float64)


def density(z: torch.Tensor, mean: torch.Tensor | float, variance: torch.Tensor | float) -> torch.Tensor:
    variance = torch.as_tensor(variance, dtype=torch.float64)
    return (-((z - mean) ** 2) / (2 * variance)).exp() / (2 * math.pi * variance).sqrt()


def noisy(z: torch.Tensor, x: float, t: float) -> torch.Tensor:
    """q(z_t = z | x)."""
    return density(z, math.sqrt(1 - t) * x, t)


def test_embeddings_have_one_length_and_learn() -> None:
    raw = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    process = Gaussian(raw, SCHEDULES["linear"])
    torch.testing.assert_close(process.rows.square().sum(-1), torch.full((5,), 9.0, dtype=torch.float64))
    torch.testing.assert_close(torch.cosine_similarity(process.rows, raw), torch.ones(5, dtype=torch.float64))
    z = process.noise(torch.arange(5), torch.full((5,), 0.5, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(process.ends(torch.arange(5)).sum() + z.sum(), raw)
    assert gradient.abs().sum() > 0


def test_noise_keeps_variance_and_shares_the_signal_as_the_schedule_says() -> None:
    generator = torch.Generator().manual_seed(0)
    z = LINE.noise(torch.ones(20_000, dtype=torch.long), torch.full((20_000,), 0.3, dtype=torch.float64), generator)
    assert abs(float(z.mean()) - math.sqrt(0.7)) < 4 * math.sqrt(0.3 / 20_000)
    assert abs(float(z.var()) - 0.3) < 4 * 0.3 * math.sqrt(2 / 20_000)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_bridge_is_bayes_rule(schedule: str) -> None:
    process = Gaussian(torch.tensor([[-1.0], [1.0]], dtype=torch.float64), SCHEDULES[schedule], length=1.0)
    s, t, x, z = 0.3, 0.7, 0.4, -0.9
    alpha_s, alpha_t = (float(process.schedule.alpha(at(time))) for time in (s, t))
    kept = alpha_t / alpha_s
    joint = density(GRID, math.sqrt(alpha_s) * x, 1 - alpha_s) * density(at(z), math.sqrt(kept) * GRID, 1 - kept)
    joint /= joint.sum()
    mean, variance = process.bridge(at(x)[None], at(z)[None], at(s), at(t))
    assert math.isclose(float(mean), float((joint * GRID).sum()), rel_tol=1e-9)
    assert math.isclose(float(variance), float((joint * (GRID - mean[0]) ** 2).sum()), rel_tol=1e-9)


def test_a_steps_loss_is_the_divergence_of_its_bridges() -> None:
    logits = torch.tensor([[0.7, -0.2]], dtype=torch.float64)
    s, t = 0.3, 0.7
    for token, z in ((0, -0.9), (1, 0.2)):
        guess = LINE.prediction(logits, at(z)[None], at(t))
        mean, variance = LINE.bridge(LINE.rows[token][None], at(z)[None], at(s), at(t))
        other, same = LINE.bridge(guess, at(z)[None], at(s), at(t))
        q, p = density(GRID, mean[0], variance), density(GRID, other[0], same)
        numeric = float((torch.xlogy(q, q) - torch.xlogy(q, p)).nansum() * CELL)
        loss = LINE.loss(logits, torch.tensor([token]), at(z)[None], at(t), at(s))
        assert math.isclose(float(loss), numeric, rel_tol=1e-9)


def test_many_short_steps_are_the_continuous_integrand() -> None:
    for schedule in SCHEDULES.values():
        process = Gaussian(LINE.rows, schedule, length=1.0)
        logits, x0, z = torch.tensor([[0.7, -0.2]], dtype=torch.float64), torch.tensor([1]), torch.zeros(1, 1).double()
        short = process.loss(logits, x0, z, at(0.5), at(0.5 - 1e-6)) / 1e-6
        torch.testing.assert_close(process.loss(logits, x0, z, at(0.5)), short, rtol=1e-4, atol=0)
        assert float(process.loss(logits, x0, z, at(process.least * 0.99))) == 0


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_priors_divergence_is_numerical(schedule: str) -> None:
    process = Gaussian(LINE.rows, SCHEDULES[schedule], length=1.0)
    alpha = float(process.schedule.alpha(at(1.0)))
    q, p = density(GRID, math.sqrt(alpha), 1 - alpha), density(GRID, 0.0, 1.0)
    numeric = float((q * (q.log() - p.log())).sum() * CELL)
    assert math.isclose(float(process.prior_divergence(torch.tensor([1]))), numeric, rel_tol=1e-6, abs_tol=1e-12)


def test_rounding_is_bayes_rule_for_an_even_prior() -> None:
    process = Gaussian(torch.randn(4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1)),
                       SCHEDULES["linear"])  # fmt: skip
    z = torch.tensor([[0.3, -0.8]], dtype=torch.float64)
    likelihood = torch.stack([density(z[0], math.sqrt(0.6) * row, 0.4).prod() for row in process.rows])
    torch.testing.assert_close(process.rounding(z, at(0.4))[0].exp(), likelihood / likelihood.sum())


def test_a_slots_own_vector_comes_in_by_bayes_rule() -> None:
    p, z, t = torch.tensor([0.3, 0.7], dtype=torch.float64), torch.tensor([-0.4, 0.9], dtype=torch.float64), 0.6
    joint = p * torch.stack([noisy(z, float(row), t) for row in LINE.rows[:, 0]], -1)
    found = LINE.last(p.log().expand(2, 2), z[:, None], torch.full_like(z, t)).exp()
    torch.testing.assert_close(found, joint / joint.sum(-1, keepdim=True))


def test_the_continuous_bound_of_the_truth_is_its_logarithm() -> None:
    p = torch.tensor([0.3, 0.7], dtype=torch.float64)
    for token in (0, 1):

        def mean(u: float, token: int = token) -> float:
            t = torch.tensor(LINE.least + (1 - LINE.least) * u, dtype=torch.float64)  # No jump inside.
            loss = LINE.loss(p.log().expand(len(GRID), 2), torch.full_like(GRID, token).long(), GRID[:, None], t)
            return (1 - LINE.least) * float((noisy(GRID, float(LINE.rows[token]), float(t)) * loss).sum() * CELL)

        rounding = LINE.rounding(GRID[:, None], torch.full_like(GRID, LINE.least))[:, token]
        kept = noisy(GRID, float(LINE.rows[token]), LINE.least)
        ends = LINE.prior_divergence(torch.tensor(token)) - (kept * rounding).sum() * CELL
        assert math.isclose(integral(mean) + float(ends), -math.log(float(p[token])), rel_tol=1e-6)


@pytest.mark.parametrize("right", [False, True])
def test_the_likelihood_of_the_sampler_is_within_the_step_bound(right: bool) -> None:
    """Two steps of DDPM for one token: integrals over z_1 and z_½ on a grid."""
    p = torch.tensor([0.3, 0.7], dtype=torch.float64)
    z = GRID[::10]
    cell = CELL * 10

    def logits(z: torch.Tensor, t: float) -> torch.Tensor:
        return p.log().expand(len(z), 2) if right else torch.stack([torch.sin(2 * z), t * z], -1)

    prior = density(z, 0.0, 1.0) * cell
    clean = LINE.prediction(logits(z, 1.0), z[:, None], torch.ones_like(z))
    mean, variance = LINE.bridge(clean, z[:, None], at(0.5), at(1.0))
    step = density(z[None, :], mean, variance) * cell  # [z_1, z_½]
    last = LINE.last(logits(z, 0.5), z[:, None], torch.full_like(z, 0.5))
    likelihood = prior @ step @ last.exp()
    assert math.isclose(float(likelihood.sum()), 1, rel_tol=1e-6)
    for token in (0, 1):
        x0, row = torch.full(z.shape, token), float(LINE.rows[token])
        early = LINE.loss(logits(z, 1.0), x0, z[:, None], torch.ones_like(z), torch.full_like(z, 0.5))
        late = LINE.loss(logits(z, 0.5), x0, z[:, None], torch.full_like(z, 0.5), torch.zeros_like(z))
        bound = (noisy(z, row, 1.0) * early + noisy(z, row, 0.5) * late).sum() * cell
        true = -math.log(float(likelihood[token]))
        assert float(bound + LINE.prior_divergence(torch.tensor(token))) > true + 1e-3


def test_ddpm_draws_from_the_bridge_and_ddim_keeps_the_noise() -> None:
    process = Gaussian(LINE.rows, SCHEDULES["cosine"], length=1.0)
    sure = torch.tensor([[-1e9, 0.0]], dtype=torch.float64).expand(20_000, 1, 2)
    z = torch.full((20_000, 1, 1), 0.3, dtype=torch.float64)
    drawn = process.step(sure, z, at(0.4), at(0.8), torch.Generator().manual_seed(2))
    mean, variance = process.bridge(process.rows[1].expand(1, 1), z[0], at(0.4), at(0.8))
    assert abs(float(drawn.mean() - mean)) < 4 * math.sqrt(float(variance) / 20_000)
    assert abs(float(drawn.var() / variance) - 1) < 4 * math.sqrt(2 / 20_000)

    same = Gaussian(LINE.rows, SCHEDULES["cosine"], length=1.0, deterministic=True)
    noise = torch.tensor([[0.7]], dtype=torch.float64)
    (signal, spread), (later, wider) = same.scales(at(0.4)), same.scales(at(0.8))
    found = same.step(sure[0], later * same.rows[1] + wider * noise, at(0.4), at(0.8), None)
    torch.testing.assert_close(found, signal * same.rows[1] + spread * noise)


def test_clamping_moves_the_prediction_to_the_nearest_embedding() -> None:
    rows = torch.randn(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    process = Gaussian(rows, SCHEDULES["linear"], length=1.0, deterministic=True, clamped=True)
    logits = torch.randn(40, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    z = torch.randn(40, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    guess = process.prediction(logits, z, at(0.8))
    nearest = process.rows[torch.cdist(guess, process.rows).argmin(-1)]
    later, wider = process.scales(at(0.8))
    noise = (z - later * nearest) / wider
    signal, spread = process.scales(at(0.3))
    found = process.step(logits, z, at(0.3), at(0.8), None)
    torch.testing.assert_close(found, signal * nearest + spread * noise)
