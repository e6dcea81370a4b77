"""Transition matrices, posteriors, losses and bounds of token processes against enumeration."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from enumeration import (
    MAKERS,
    B,
    V,
    arbitrary,
    blocks,
    chi_square,
    continuous_bound,
    expected,
    first,
    integral,
    joint,
    likelihood,
    make,
    noisy,
    perfect,
    rates,
    step_bound,
    step_matrix,
    transition,
)

from speculate_training.laboratory.absorbing import Absorbing
from speculate_training.laboratory.schedules import SCHEDULES, Complete

PROCESSES = ["absorbing", "uniform", "token-distance"]
TIMES = [(0.0, 0.3), (0.3, 0.8), (0.0, 0.97)]


def at(value: float) -> torch.Tensor:
    return torch.tensor([value], dtype=torch.float64)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_slope_rate_sigma_and_inverse_belong_to_alpha(name: str) -> None:
    for schedule in (SCHEDULES[name], Complete(SCHEDULES[name])):
        t = torch.linspace(0.01, 0.99, 50, dtype=torch.float64, requires_grad=True)
        alpha = schedule.alpha(t)
        (slope,) = torch.autograd.grad(alpha.sum(), t)
        torch.testing.assert_close(schedule.alpha_slope(t), slope)
        torch.testing.assert_close(schedule.lost(t), 1 - alpha)
        torch.testing.assert_close(schedule.sigma(t), -alpha.log())
        (rate,) = torch.autograd.grad(schedule.sigma(t).sum(), t)
        torch.testing.assert_close(schedule.rate(t), rate)
        torch.testing.assert_close(schedule.hazard(t), -slope / (1 - alpha))
        torch.testing.assert_close(schedule.time(schedule.lost(t)), t)
        assert math.isclose(float(schedule.alpha(at(0.0))), 1, rel_tol=1e-15)
    assert 0 <= float(SCHEDULES[name].alpha(at(1.0))) <= 1e-3 + 1e-12
    assert float(Complete(SCHEDULES[name]).alpha(at(1.0))) == 0


def test_schedules_are_the_formulas_they_are_named_after() -> None:
    t = torch.tensor([0.25], dtype=torch.float64)
    assert float(SCHEDULES["linear"].alpha(t)) == 0.75
    assert math.isclose(float(SCHEDULES["cosine"].alpha(t)), 1 - math.cos(math.pi / 2 * 0.75))
    assert math.isclose(float(SCHEDULES["geometric"].sigma(t)), 1e-3**0.75 * 8**0.25 - 1e-3)
    assert math.isclose(float(SCHEDULES["log-linear"].sigma(t)), -math.log(1 - 0.999 * 0.25))


def test_cosine_keeps_its_digits_near_time_one_in_single_precision() -> None:
    t = torch.tensor([1 - 2**-12])
    exact = SCHEDULES["cosine"]
    for function in (exact.alpha, exact.rate, exact.sigma):
        torch.testing.assert_close(function(t).double(), function(t.double()), rtol=1e-6, atol=0)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", PROCESSES)
def test_push_and_pull_are_the_exponential_of_the_rates(name: str, schedule: str) -> None:
    process = make(name, schedule)
    for s, t in TIMES:
        Q = transition(process, s, t)
        every = torch.arange(process.states)
        pushed = process.push(torch.eye(process.states, dtype=torch.float64), at(s), at(t))
        torch.testing.assert_close(pushed, Q)
        torch.testing.assert_close(process.pull(every, at(s), at(t)), Q.t())


@pytest.mark.parametrize("name", PROCESSES)
def test_posterior_is_bayes_rule(name: str) -> None:
    process = make(name)
    p0 = torch.zeros(process.states, dtype=torch.float64)
    p0[:V] = torch.tensor([0.5, 0.2, 0.3])
    for s, t in [(0.2, 0.7), (0.0, 0.6), (0.4, 1.0)]:
        to_s, on = transition(process, 0, s), transition(process, s, t)
        every = p0[:, None, None] * to_s[:, :, None] * on[None]  # p(x0, x_s, x_t)
        for x_t in range(process.states):
            if every[..., x_t].sum() < 1e-9:
                continue
            found = process.posterior(p0, torch.tensor([x_t]), at(s), at(t))[0]
            expected_ = every[..., x_t].sum(0) / every[..., x_t].sum()
            torch.testing.assert_close(found, expected_, rtol=1e-7, atol=1e-12)
        logits = p0[:V].log().unsqueeze(0)
        given = torch.einsum("i,ij->ji", p0, transition(process, 0, t))[:, :V]
        for x_t in range(process.states):
            if given[x_t].sum() > 1e-9:
                last = process.last(logits, torch.tensor([x_t]), at(t))[0].exp()
                torch.testing.assert_close(last, given[x_t] / given[x_t].sum(), rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("schedule", ["linear", "geometric"])
@pytest.mark.parametrize("name", MAKERS)
def test_noise_is_drawn_from_the_transition_matrix(name: str, schedule: str) -> None:
    process = make(name, schedule)
    generator = torch.Generator().manual_seed(7)
    for token, t in itertools.product(range(V), (0.2, 0.7)):
        drawn = process.noise(torch.full((4000,), token), at(t), generator)
        assert abs(chi_square(torch.bincount(drawn, minlength=process.states), transition(process, 0, t)[token])) < 4


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", MAKERS)
def test_the_priors_divergence_is_that_of_the_last_row(name: str, schedule: str) -> None:
    process = make(name, schedule)
    x0 = torch.tensor([0, 1, 2])
    prior = torch.full((process.states,), 1 / process.states, dtype=torch.float64)
    if isinstance(process, Absorbing):
        prior = torch.eye(process.states, dtype=torch.float64)[process.mask]
    row = transition(process, 0, 1)[:V]
    expected_ = torch.where(row > 1e-15, row * (row / prior).log(), 0.0).sum(-1)
    torch.testing.assert_close(process.prior_divergence(x0).double(), expected_, rtol=1e-7, atol=1e-12)
    drawn = process.prior((4000,), torch.Generator().manual_seed(8))
    counts = torch.bincount(drawn, minlength=process.states)
    assert abs(chi_square(counts, prior)) < 4 if prior.max() < 1 else counts[-1] == 4000


@pytest.mark.parametrize("name", MAKERS)
def test_the_step_bound_is_the_expected_logarithm_over_all_paths(name: str) -> None:
    """E over q(x_1/3, x_2/3, x_1 | x0) of log q − log p(all), with nothing of the process's loss in it."""
    process, steps = make(name, "log-linear"), 3
    network = arbitrary(process)
    if name == "score-absorbing":  # Masses below 1, lest a step be impossible.
        network = lambda x, t: arbitrary(process)(x, t).log_softmax(-1) - 0.3  # noqa: E731
    times = [k / steps for k in range(steps + 1)]
    moves = [step_matrix(process, network, s, t) for s, t in itertools.pairwise(times)]  # p(x_s | x_t), s ascending
    ahead = [transition(process, s, t) for s, t in itertools.pairwise(times)]
    forward = [torch.einsum("ij,kl->ikjl", Q, Q).flatten(2).flatten(0, 1) for Q in ahead]
    prior = first(process)
    for x0 in torch.tensor([[0, 0], [1, 2], [2, 0]]):
        start = int(x0[0] * process.states + x0[1])
        total = 0.0
        for a, b, c in itertools.product(range(process.states**B), repeat=3):
            q = float(forward[0][start, a] * forward[1][a, b] * forward[2][b, c])
            if q < 1e-14:
                continue
            p = prior[c] * moves[2][c, b] * moves[1][b, a] * moves[0][a, int(x0[0] * V + x0[1])]
            total += q * (math.log(q) - math.log(float(p)))
        assert math.isclose(step_bound(process, network, x0, steps), total, rel_tol=1e-7)


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("name", MAKERS)
def test_the_likelihood_of_the_sampler_is_within_the_step_bound(name: str, steps: int) -> None:
    process = make(name)
    network = arbitrary(process)
    if name == "score-absorbing":
        network = lambda x, t: arbitrary(process)(x, t).log_softmax(-1) - 0.2  # noqa: E731
    p = likelihood(process, network, steps)
    assert math.isclose(float(p.sum()), 1, rel_tol=1e-9)
    for index, x0 in enumerate(blocks(V)):
        bound, true = step_bound(process, network, x0, steps), -math.log(float(p[index]))
        if steps == 1 and "absorbing" in name:  # Nothing is hidden, and the bound is the likelihood.
            assert math.isclose(bound, true, rel_tol=1e-9)
        else:
            assert bound > true + 1e-3


@pytest.mark.parametrize("name", MAKERS)
def test_knowing_the_distribution_of_single_tokens_makes_any_number_of_steps_exact(name: str) -> None:
    process = make(name)
    a, b = torch.tensor([0.6, 0.3, 0.1]).double(), torch.tensor([0.2, 0.2, 0.6]).double()
    p = a[:, None] * b  # Independent tokens: each is a chain of its own.
    network = perfect(process, p)
    for steps in (1, 2, 4):
        torch.testing.assert_close(likelihood(process, network, steps), p.flatten(), rtol=1e-7, atol=0)
        for x0 in blocks(V):
            assert math.isclose(step_bound(process, network, x0, steps), -math.log(float(p[tuple(x0)])), rel_tol=1e-7)


@pytest.mark.parametrize("name", MAKERS)
def test_with_dependent_tokens_more_steps_come_nearer_to_the_truth(name: str) -> None:
    process, p = make(name), joint()
    network = perfect(process, p)
    entropy = -(p * p.log()).sum()
    mean = [sum(p[tuple(x0)] * step_bound(process, network, x0, steps) for x0 in blocks(V)) for steps in (1, 2, 4, 8)]
    independent = -(p * (p.sum(1, keepdim=True) * p.sum(0)).log()).sum()
    assert math.isclose(float(mean[0]), float(independent), rel_tol=1e-9)
    assert mean[0] > mean[1] > mean[2] > mean[3] > entropy
    assert mean[3] - entropy < (mean[0] - entropy) / 4


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@pytest.mark.parametrize("name", MAKERS)
def test_the_continuous_bound_of_the_truth_is_its_logarithm(name: str, schedule: str) -> None:
    """Also between dependent tokens: no two move at once. Under absorbing processes it is the any-order equality."""
    process, p = make(name, schedule), joint()
    network = perfect(process, p)
    for x0 in blocks(V)[::2]:
        assert math.isclose(continuous_bound(process, network, x0), -math.log(float(p[tuple(x0)])), rel_tol=1e-6)


@pytest.mark.parametrize("schedule", ["geometric", "log-linear"])
@pytest.mark.parametrize("name", MAKERS)
def test_a_noisy_end_costs_the_bound_the_priors_divergence(name: str, schedule: str) -> None:
    """With α(1) > 0 the mean bound is the entropy and KL(q(x_1) ‖ prior): the chain that leads back is exact."""
    process, p = make(name, schedule), joint()
    network = perfect(process, p)
    mean = sum(float(p[tuple(x0)]) * continuous_bound(process, network, x0) for x0 in blocks(V))
    end = torch.stack([p[tuple(x0)] * noisy(process, x0, 1.0) for x0 in blocks(V)]).sum(0)
    left = float(torch.where(end > 1e-15, end * (end / first(process)).log(), 0.0).sum())
    assert math.isclose(mean, float(-(p * p.log()).sum()) + left, rel_tol=1e-6)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", ["absorbing", "uniform", "score-absorbing"])
def test_integrands_keep_their_digits_up_to_time_one_in_single_precision(name: str, schedule: str) -> None:
    process = make(name, schedule)
    x_t = torch.full((V, B), process.states - 1)
    for t in (0.001, 0.5, 1 - 2**-8, 1 - 2**-16, 1.0):
        logits = arbitrary(process)(x_t, torch.ones(V))[:, 0]
        double = process.loss(logits, torch.arange(V), x_t[:, 0], at(t))
        single = process.loss(logits.float(), torch.arange(V), x_t[:, 0], at(t).float()).double()
        torch.testing.assert_close(single, double, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", MAKERS)
def test_many_short_steps_are_the_continuous_integrand(name: str) -> None:
    process = make(name, "cosine")
    network = arbitrary(process)
    for x0, t in itertools.product(blocks(V)[:4], (0.3, 0.8)):
        limit = float(expected(process, network, x0, t))
        errors = [float(expected(process, network, x0, t, t - h)) / h - limit for h in (2e-4, 1e-4)]
        assert abs(errors[1]) < 1e-3 * limit
        assert abs(errors[0] / errors[1] - 2) < 0.02  # The error falls as the step does.


def test_absorbing_bounds_do_not_depend_on_the_schedule() -> None:
    values = []
    for schedule in SCHEDULES:
        process = make("absorbing", schedule)
        fixed = arbitrary(process)
        network = lambda x, t, fixed=fixed: fixed(x, torch.zeros_like(t))  # noqa: E731
        values.append(continuous_bound(process, network, torch.tensor([0, 2])))
    assert max(values) - min(values) < 1e-7


def test_absorbing_bound_of_inconsistent_conditionals_is_the_mean_over_orders() -> None:
    process = make("absorbing")
    fixed = arbitrary(process)
    network = lambda x, t: fixed(x, torch.zeros_like(t))  # noqa: E731
    x0, mask = torch.tensor([1, 2]), process.states - 1
    orders = 0.0
    for i, j in ((0, 1), (1, 0)):
        partial = torch.full((1, B), mask)
        orders -= float(network(partial, at(0.0)).log_softmax(-1)[0, i, x0[i]])
        partial[0, i] = x0[i]
        orders -= float(network(partial, at(0.0)).log_softmax(-1)[0, j, x0[j]])
    assert math.isclose(continuous_bound(process, network, x0), orders / 2, rel_tol=1e-7)


def test_rates_of_the_enumeration_sum_to_zero_and_the_integral_integrates() -> None:
    for name in PROCESSES:
        assert rates(make(name)).sum(1).abs().max() < 1e-12
    assert math.isclose(integral(lambda t: -math.log(t)), 1, rel_tol=1e-7)
