"""Score entropy, its minimum and its steps."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from enumeration import V, arbitrary, blocks, joint, make, noisy, rates, transition

from speculate_training.laboratory.absorbing import Absorbing
from speculate_training.laboratory.process import TokenProcess, score_entropy
from speculate_training.laboratory.schedules import SCHEDULES
from speculate_training.laboratory.score_entropy import ScoreAbsorbing, ScoreUniform


def at(value: float) -> torch.Tensor:
    return torch.tensor([value], dtype=torch.float64)


def test_score_entropy_is_its_definition_and_nothing_only_at_the_ratios() -> None:
    generator = torch.Generator().manual_seed(0)
    ratio = torch.rand(200, 3, dtype=torch.float64, generator=generator) * 5
    ratio[0] = torch.tensor([0.0, 2.0, 0.5])
    score = torch.rand(200, 3, dtype=torch.float64, generator=generator) * 5 + 0.01
    K = torch.xlogy(ratio, ratio) - ratio
    found = score_entropy(score.log(), ratio)
    torch.testing.assert_close(found, (score - ratio * score.log() + K).sum(-1))
    assert (found > 0).all()
    true = ratio[1:].log().requires_grad_()
    least = score_entropy(true, ratio[1:])
    torch.testing.assert_close(least, torch.zeros_like(least), rtol=0, atol=1e-12)
    (slope,) = torch.autograd.grad(least.sum(), true)
    torch.testing.assert_close(slope, torch.zeros_like(slope), rtol=0, atol=1e-12)


def full_score_entropy(process: TokenProcess, log_score: torch.Tensor, x0: int, x: int, t: float) -> torch.Tensor:
    """σ' Σ_{y ≠ x} R(y, x) (s − r log s + K(r)) with everything from matrices; log_score [states]."""
    Q, R = transition(process, 0, t), rates(process)
    total = torch.zeros((), dtype=torch.float64)
    for y in range(process.states):
        if y != x and R[y, x] > 0:
            r = Q[x0, y] / Q[x0, x]
            K = r * (r.log() - 1) if r > 0 else 0.0
            kept = r * log_score[y] if r > 0 else 0.0
            total = total + R[y, x] * (log_score[y].exp() - kept + K)
    return process.schedule.rate(at(t))[0] * total


@pytest.mark.parametrize("name", ["score-absorbing", "score-uniform", "uniform", "token-distance", "absorbing"])
def test_integrands_are_denoising_score_entropy(name: str) -> None:
    """So are those of `absorbing` (RADD) and `uniform`, with the ratios that their predictions imply."""
    process = make(name, "geometric")
    logits = torch.randn(V, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for x0, x, t in itertools.product(range(V), range(process.states), (0.3, 0.6, 0.9)):
        if isinstance(process, Absorbing):
            if x != process.mask:
                continue
            alpha = process.schedule.alpha(at(t))
            mass = logits if name == "score-absorbing" else logits.log_softmax(-1)
            log_score = torch.cat([mass + (alpha / (1 - alpha)).log(), at(0.0)])
        else:
            marginal = logits.softmax(-1) @ transition(process, 0, t)
            log_score = (marginal / marginal[x]).log()
        found = process.loss(logits[None], torch.tensor([x0]), torch.tensor([x]), at(t))[0]
        torch.testing.assert_close(found, full_score_entropy(process, log_score, x0, x, t))


def test_normalised_masses_make_score_entropy_the_cross_entropy_bound() -> None:
    """RADD (Ou et al. 2024): denoising score entropy of s = m α/(1 − α) is MDLM's weighted cross entropy if Σ m = 1,
    and larger for the same tokens if not."""
    for schedule in SCHEDULES.values():
        score, plain = ScoreAbsorbing(V, schedule), Absorbing(V, schedule)
        log_p = torch.randn(50, V, dtype=torch.float64, generator=torch.Generator().manual_seed(2)).log_softmax(-1)
        x0, t = torch.arange(50) % V, torch.linspace(0.02, 0.98, 50, dtype=torch.float64)
        masked = torch.full((50,), plain.mask)
        expected = plain.loss(log_p, x0, masked, t)
        torch.testing.assert_close(score.loss(log_p, x0, masked, t), expected)
        for mass in (-0.4, 0.4):
            assert (score.loss(log_p + mass, x0, masked, t) > expected).all()
        s = t / 3
        torch.testing.assert_close(score.loss(log_p, x0, masked, t, s), plain.loss(log_p, x0, masked, t, s))


def test_the_expected_loss_is_least_at_the_true_ratios_of_the_noisy_distribution() -> None:
    """Denoising (SEDD, theorem 3.4): means over x0 given x of ratios to q(· | x0) are those of the marginals."""
    p = torch.tensor([0.5, 0.2, 0.3], dtype=torch.float64)
    t = 0.6
    for name in ("uniform", "score-absorbing"):
        process = make(name)
        Q = transition(process, 0, t)[:V]
        marginal = p @ Q
        x = process.states - 1
        log_score = (marginal / marginal[x]).log()
        log_score[-1 if name == "score-absorbing" else x] = 0
        log_score.requires_grad_()
        terms = [p[x0] * Q[x0, x] * full_score_entropy(process, log_score, x0, x, t) for x0 in range(V)]
        (slope,) = torch.autograd.grad(torch.stack(terms).sum(), log_score)
        torch.testing.assert_close(slope, torch.zeros_like(slope), rtol=0, atol=1e-12)


def test_the_score_of_predictions_that_do_not_know_the_own_state_is_that_of_the_joint_marginals() -> None:
    process, p, t = make("score-uniform"), joint(), 0.5
    assert isinstance(process, ScoreUniform)
    marginal = torch.stack([p[tuple(x0)] * noisy(process, x0, t) for x0 in blocks(V)]).sum(0).view(V, V)
    Q = transition(process, 0, t)
    for x in blocks(V):
        pi = torch.stack([p @ Q[:, x[1]], Q[:, x[0]] @ p]).log()
        found = process.log_scores(pi[None], x[None], at(t)[None])[0].exp()
        torch.testing.assert_close(found[0], marginal[:, x[1]] / marginal[x[0], x[1]])
        torch.testing.assert_close(found[1], marginal[x[0]] / marginal[x[0], x[1]])


@pytest.mark.parametrize("name", ["score-absorbing", "score-uniform"])
def test_steps_are_tweedies_formula_with_matrix_exponentials(name: str) -> None:
    """p(x_s = y | x_t = x) ∝ (exp(−Δσ R) s)_y exp(Δσ R)(y, x), SEDD theorem 4.2."""
    process = make(name, "geometric")
    s, t = 0.55, 0.7
    delta = float(process.schedule.sigma(at(t)) - process.schedule.sigma(at(s)))
    R = rates(process)
    logits = torch.tensor([0.2, -0.5, 0.9], dtype=torch.float64).log_softmax(-1) - 0.1 * (name == "score-absorbing")
    for x in [process.states - 1] if name == "score-absorbing" else range(V):
        if isinstance(process, ScoreAbsorbing):
            alpha = process.schedule.alpha(at(t))
            score = torch.cat([logits.exp() * alpha / (1 - alpha), at(1.0)])
        else:
            marginal = logits.softmax(-1) @ transition(process, 0, t)
            score = marginal / marginal[x]
        expected = (score @ torch.matrix_exp(-delta * R)) * torch.matrix_exp(delta * R)[:, x]
        assert isinstance(process, ScoreAbsorbing | ScoreUniform)
        found = process.move(logits[None], torch.tensor([x]), at(s), at(t))[0]
        torch.testing.assert_close(found, expected / expected.sum())


@pytest.mark.parametrize("kind", [ScoreAbsorbing, ScoreUniform])
def test_eulers_step_is_the_rate_and_agrees_with_tweedies_in_first_order(kind: type) -> None:
    exact, euler = (kind(V, SCHEDULES["geometric"], euler=flag) for flag in (False, True))
    logits = torch.tensor([[0.3, -0.4, 0.1]], dtype=torch.float64)
    x, t = torch.tensor([exact.states - 1]), at(0.8)
    apart = []
    for h in (2e-3, 1e-3):
        a, b = (p.move(logits, x, t - h, t) for p in (exact, euler))
        torch.testing.assert_close(b.sum(-1), at(1.0))
        apart.append(float((a - b).abs().max()))
    assert abs(apart[0] / apart[1] - 4) < 0.05
    h = 1e-3
    if kind is ScoreUniform:
        marginal = logits.softmax(-1)[0] @ transition(exact, 0, 0.8)
        expected = h * float(exact.schedule.rate(t)) * rates(exact)[0, 2] * marginal[0] / marginal[2]
    else:
        alpha = float(exact.schedule.alpha(t))
        expected = h * float(exact.schedule.rate(t)) * logits[0, 0].exp() * alpha / (1 - alpha)
    assert math.isclose(float(euler.move(logits, x, t - h, t)[0, 0]), float(expected), rel_tol=1e-9)


@pytest.mark.parametrize("euler", [False, True])
@pytest.mark.parametrize("kind", [ScoreAbsorbing, ScoreUniform])
def test_steps_are_distributions_also_where_rates_are_infinite_or_masses_too_large(kind: type, euler: bool) -> None:
    for schedule in SCHEDULES.values():
        process = kind(V, schedule, euler=euler)
        logits = arbitrary(process)(blocks(process.states), at(0.0)) + 2
        for s, t in ((0.0, 1.0), (0.5, 1.0), (0.0, 0.4), (0.2, 0.9)):
            p = process.move(logits, blocks(process.states), at(s), at(t))
            assert (p >= 0).all()
            torch.testing.assert_close(p.sum(-1), torch.ones_like(p[..., 0]))
