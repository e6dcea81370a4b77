"""The distribution of what samplers draw, against enumeration; seeds are fixed."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from enumeration import MAKERS, B, V, arbitrary, blocks, chi_square, likelihood, make
from torch import Tensor

from speculate_training.laboratory.absorbing import Absorbing
from speculate_training.laboratory.gaussian import Gaussian
from speculate_training.laboratory.samplers import Known, Network, ancestral, confident, first_hitting, times
from speculate_training.laboratory.schedules import SCHEDULES
from speculate_training.laboratory.score_entropy import ScoreAbsorbing, ScoreUniform

N = 20_000


def timeless(process: Absorbing, seed: int = 1) -> Network:
    fixed = arbitrary(process, seed)
    return lambda x, t: fixed(x, torch.zeros_like(t))


def absorbing() -> Absorbing:
    return Absorbing(V, SCHEDULES["cosine"])


def counts(tokens: Tensor) -> Tensor:
    """How often each block of B = 2 tokens was drawn."""
    return torch.bincount(tokens[:, 0] * V + tokens[:, 1], minlength=V**B)


def chances(network: Network, x: tuple[int, int]) -> Tensor:
    """The network's distributions [B, V] for states x."""
    return network(torch.tensor([x]), torch.zeros(1, dtype=torch.float64)).softmax(-1)[0]


def test_times_run_from_one_to_zero() -> None:
    assert times(4) == [1, 0.75, 0.5, 0.25, 0]


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("name", MAKERS)
def test_ancestral_sampling_draws_from_the_sum_over_paths(name: str, steps: int) -> None:
    process = make(name)
    network = arbitrary(process)
    drawn = ancestral(process, network, (N, B), steps, torch.Generator().manual_seed(steps))
    assert abs(chi_square(counts(drawn), likelihood(process, network, steps))) < 4


@pytest.mark.parametrize("kind", [ScoreAbsorbing, ScoreUniform])
def test_eulers_steps_are_drawn_from_as_well(kind: type) -> None:
    process = kind(V, SCHEDULES["cosine"], euler=True)
    drawn = ancestral(process, arbitrary(process), (N, B), 3, torch.Generator().manual_seed(5))
    assert abs(chi_square(counts(drawn), likelihood(process, arbitrary(process), 3))) < 4
    other = likelihood(kind(V, SCHEDULES["cosine"]), arbitrary(process), 3)
    assert chi_square(counts(drawn), other) > 20  # The test can tell the two kinds of step apart.


def test_gaussian_sampling_draws_tokens_from_a_network_that_knows_them() -> None:
    p = torch.tensor([0.3, 0.7])
    for deterministic in (False, True):
        process = Gaussian(torch.tensor([[-1.0], [1.0]]), SCHEDULES["linear"], 0.01, deterministic, length=1.0)
        network = lambda z, t: p.log().expand(*z.shape[:-1], 2)  # noqa: E731
        drawn = ancestral(process, network, (2000, B), 60, torch.Generator().manual_seed(6))
        share = float(drawn.double().mean())
        assert abs(share - 0.7) < 4 * math.sqrt(0.21 / 4000) + 0.01  # 60 steps are not infinitely many.


def test_known_tokens_stay_and_condition_absorbing_samples() -> None:
    process, network = absorbing(), timeless(absorbing())
    known = Known(torch.tensor([[2, 0]]).expand(N, B), torch.tensor([[True, False]]).expand(N, B))
    expected = chances(network, (2, process.mask))[1]
    generator = torch.Generator().manual_seed(7)
    for drawn in (
        ancestral(process, network, (N, B), 3, generator, known),
        confident(process, network, (N, B), 2, "cosine", generator, known),
        first_hitting(process, network, (N, B), generator, known)[0],
    ):
        assert (drawn[:, 0] == 2).all()
        assert abs(chi_square(torch.bincount(drawn[:, 1], minlength=V), expected)) < 4


@pytest.mark.parametrize("name", ["uniform", "token-distance", "gaussian"])
def test_known_tokens_are_shown_as_noisy_as_the_rest(name: str) -> None:
    rows = torch.tensor([[0.0, 1.0], [0.75**0.5, -0.5], [-(0.75**0.5), -0.5]])
    process = Gaussian(rows, SCHEDULES["linear"], length=1.0) if name == "gaussian" else make(name)
    seen: dict[float, float] = {}

    def network(x: Tensor, t: Tensor) -> Tensor:
        nearest = x[:, 0] if name != "gaussian" else (x[:, 0] @ rows.t()).argmax(-1)
        seen[round(float(t[0]), 2)] = float((nearest == 1).double().mean())
        return torch.zeros(len(x), B, V, dtype=torch.float32 if name == "gaussian" else torch.float64)

    known = Known(torch.tensor([[1, 0]]).expand(2000, B), torch.tensor([[True, False]]).expand(2000, B))
    drawn = ancestral(process, network, (2000, B), 4, torch.Generator().manual_seed(8), known)
    assert (drawn[:, 0] == 1).all()
    assert abs(seen[1.0] - 1 / 3) < 0.05 and seen[0.25] > 0.6  # Nothing of it at first, most of it at last.
    assert seen[1.0] < seen[0.75] < seen[0.5] < seen[0.25] < 1


@pytest.mark.parametrize("temperature", [1.0, 0.0])
def test_one_pass_of_parallel_decoding_draws_all_tokens_by_themselves(temperature: float) -> None:
    process, network = absorbing(), timeless(absorbing())
    generator = torch.Generator().manual_seed(9)
    drawn = confident(process, network, (N, B), 1, "linear", generator, temperature=temperature)
    p = chances(network, (process.mask, process.mask))
    if temperature:
        assert abs(chi_square(counts(drawn), (p[0][:, None] * p[1]).flatten())) < 4
    else:
        assert (drawn == p.argmax(-1)).all()


def test_the_more_confident_of_two_tokens_comes_first() -> None:
    process, network = absorbing(), timeless(absorbing())
    p = chances(network, (process.mask, process.mask))
    expected = torch.zeros(V, V, dtype=torch.float64)
    for a, b in itertools.product(range(V), range(V)):
        if p[0, a] > p[1, b]:
            expected[a] += p[0, a] * p[1, b] * chances(network, (a, process.mask))[1]
        else:
            expected[:, b] += p[0, a] * p[1, b] * chances(network, (process.mask, b))[0]
    for schedule in ("linear", "cosine"):
        drawn = confident(process, network, (N, B), 2, schedule, torch.Generator().manual_seed(10))
        assert abs(chi_square(counts(drawn), expected.flatten())) < 4


def masks_shown(schedule: str, steps: int, again: bool, known: Known | None = None) -> list[int]:
    process = Absorbing(V, SCHEDULES["linear"])
    shown: list[int] = []

    def network(x: Tensor, t: Tensor) -> Tensor:
        masks = (x == process.mask).sum(-1)
        assert (masks == masks[0]).all()
        assert torch.allclose(t, masks / 8)
        shown.append(int(masks[0]))
        return torch.randn(len(x), 8, V, generator=torch.Generator().manual_seed(len(shown)))

    drawn = confident(process, network, (50, 8), steps, schedule, torch.Generator().manual_seed(11), known, again)  # type: ignore[arg-type]
    assert (drawn < V).all()
    return shown


def test_as_many_tokens_are_masked_as_the_schedules_say() -> None:
    for again in (False, True):
        assert masks_shown("linear", 4, again) == [8, 6, 4, 2]
        assert masks_shown("linear", 3, again) == [8, 6, 3]
        # ⌈8 cos(π/2 · k/4)⌉ = 8, 6, 4, but at least one token comes at every pass.
        assert masks_shown("cosine", 4, again) == [8, 7, 6, 4]
    where = torch.tensor([True] * 4 + [False] * 4).expand(50, 8)
    assert masks_shown("linear", 2, True, Known(torch.ones(50, 8, dtype=torch.long), where)) == [4, 2]


def test_only_mask_predict_takes_an_uncertain_token_back() -> None:
    process = Absorbing(V, SCHEDULES["linear"])
    for again in (False, True):
        seen: list[list[bool]] = []

        def network(x: Tensor, t: Tensor, seen: list[list[bool]] = seen) -> Tensor:
            seen.append((x[0] == process.mask).tolist())
            # At first slot 0 is the surest, at 0.6; then the others are surer than it was, whatever is said of it now.
            sure = torch.tensor([0.6, 0.5, 0.4, 0.35]) if len(seen) == 1 else torch.tensor([0.99, 0.9, 0.8, 0.7])
            return torch.stack([sure, (1 - sure) / 2, (1 - sure) / 2], -1)[None].log()

        confident(process, network, (1, 4), 4, "linear", again=again, temperature=0)
        assert seen[:2] == [[True] * 4, [False, True, True, True]]
        assert seen[2] == ([True, False, False, True] if again else [False, False, True, True])


def test_gumbel_noise_on_the_confidence_fades() -> None:
    process = absorbing()
    first: list[Tensor] = []

    def network(x: Tensor, t: Tensor) -> Tensor:
        first.append(x == process.mask)
        return torch.tensor([[3.0, 0, 0], [0.1, 0, 0]]).expand(len(x), B, V)

    generator = torch.Generator().manual_seed(12)
    confident(process, network, (N, B), 2, "linear", generator, temperature=0, noise=2.0)
    apart = [float(torch.tensor(x).softmax(-1)[0].log()) for x in ([3.0, 0, 0], [0.1, 0, 0])]
    # Of two Gumbel variables, scaled by 2 · (1 − 1/2), the first plus d is the larger with probability sigmoid(d).
    kept = 1 / (1 + math.exp(apart[1] - apart[0]))
    share = float((~first[1][:, 0]).double().mean())
    assert abs(share - kept) < 4 * math.sqrt(kept * (1 - kept) / N)


def test_first_hitting_draws_from_the_mean_over_orders_at_uniform_times() -> None:
    process, network = absorbing(), timeless(absorbing())
    p = chances(network, (process.mask, process.mask))
    expected = torch.zeros(V, V, dtype=torch.float64)
    for a in range(V):
        expected[a] += 0.5 * p[0, a] * chances(network, (a, process.mask))[1]
        expected[:, a] += 0.5 * p[1, a] * chances(network, (process.mask, a))[0]
    drawn, when = first_hitting(process, network, (N, B), torch.Generator().manual_seed(13))
    assert abs(chi_square(counts(drawn), expected.flatten())) < 4
    # Each token's 1 − α is uniform, and those of a block are independent of each other.
    cells = (process.schedule.lost(when) * 5).long().clamp_max(4)
    pairs = torch.bincount(cells[:, 0] * 5 + cells[:, 1], minlength=25)
    assert abs(chi_square(pairs, torch.full((25,), 1 / 25, dtype=torch.float64))) < 4


def test_first_hitting_gives_the_network_the_time_of_the_event() -> None:
    process = absorbing()
    given: list[Tensor] = []

    def network(x: Tensor, t: Tensor) -> Tensor:
        given.append(t)
        return torch.zeros(len(x), B, V)

    _, when = first_hitting(process, network, (100, B), torch.Generator().manual_seed(14))
    assert len(given) == B
    torch.testing.assert_close(torch.stack(given, -1), when.sort(-1, descending=True).values)


def test_many_ancestral_steps_come_to_the_first_hitting_distribution() -> None:
    process, network = make("absorbing"), timeless(absorbing())
    drawn, _ = first_hitting(absorbing(), network, (N, B), torch.Generator().manual_seed(15))
    far, near = (chi_square(counts(drawn), likelihood(process, network, steps)) for steps in (1, 200))
    assert far > 20 and abs(near) < 4


def test_all_blocks_are_counted() -> None:
    assert (counts(blocks(V)) == 1).all()
