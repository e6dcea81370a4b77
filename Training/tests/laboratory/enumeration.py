"""Everything about a process on a tiny vocabulary and length, by enumeration in float64."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from speculate_training.laboratory.absorbing import Absorbing
from speculate_training.laboratory.process import TokenProcess
from speculate_training.laboratory.samplers import Network
from speculate_training.laboratory.schedules import SCHEDULES, Schedule
from speculate_training.laboratory.score_entropy import ScoreAbsorbing, ScoreUniform
from speculate_training.laboratory.token_distance import TokenDistance
from speculate_training.laboratory.uniform import Uniform

V, B = 3, 2
#: Of three tokens the outer two are no neighbours: rates differ from pair to pair, and all are connected.
NEIGHBOURS = torch.tensor([[1, 1, 0, 0, 0, 0], [0, 0, 2, 1, 1, 1], [1, 2, 2, 2, 2, 2]])


def token_distance(schedule: Schedule, neighbours: Tensor = NEIGHBOURS) -> TokenDistance:
    return TokenDistance(neighbours, schedule)


def rate_matrix(neighbours: Tensor) -> Tensor:
    """R [V, V] of neighbours [V, K]: each is moved to at a rate of 2.7/K, and all tokens at one of 0.3/V."""
    V, K = neighbours.shape
    graph = torch.full((V, V), 0.3 / V, dtype=torch.float64)
    for token, row in enumerate(neighbours.tolist()):
        for other in row:
            graph[token, other] += 2.7 / K
    return graph - 3 * torch.eye(V, dtype=torch.float64)


MAKERS: dict[str, Callable[[Schedule], TokenProcess]] = {
    "absorbing": lambda schedule: Absorbing(V, schedule),
    "uniform": lambda schedule: Uniform(V, schedule),
    "token-distance": token_distance,
    "score-absorbing": lambda schedule: ScoreAbsorbing(V, schedule),
    "score-uniform": lambda schedule: ScoreUniform(V, schedule),
}


def make(name: str, schedule: str = "linear") -> TokenProcess:
    return MAKERS[name](SCHEDULES[schedule])


def rates(process: TokenProcess) -> Tensor:
    """The process's rate matrix R [states, states] per unit of σ, rows to columns."""
    n = process.states
    if isinstance(process, Absorbing):
        R = -torch.eye(n, dtype=torch.float64)
        R[:, -1] += 1
        return R
    if isinstance(process, TokenDistance):
        return rate_matrix(process.neighbours)
    return torch.full((n, n), 1 / n, dtype=torch.float64) - torch.eye(n, dtype=torch.float64)


def transition(process: TokenProcess, s: float, t: float) -> Tensor:
    """Q_{t|s} [states, states] by the matrix exponential of the rates."""
    time = torch.tensor([s, t], dtype=torch.float64)
    sigma = process.schedule.sigma(time)
    return torch.matrix_exp((sigma[1] - sigma[0]).clamp_max(200) * rates(process))


def blocks(states: int) -> Tensor:
    """All blocks [states^B, B] of B states."""
    return torch.tensor(list(itertools.product(range(states), repeat=B)))


def noisy(process: TokenProcess, x0: Tensor, t: float) -> Tensor:
    """q(x_t | x0) [states^B] of every noisy block."""
    Q = transition(process, 0, t)
    return Q[x0, blocks(process.states)].prod(-1)


def joint(seed: int = 0) -> Tensor:
    """A distribution [V, V] of blocks whose two tokens depend on each other."""
    p = torch.rand(V, V, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) ** 2 + 0.02
    return p / p.sum()


def perfect(process: TokenProcess, p: Tensor) -> Network:
    """The network that knows p: each token's distribution given the other's noisy state."""

    def network(x_t: Tensor, t: Tensor) -> Tensor:
        time = t.double().unsqueeze(-1)
        seen = process.pull(x_t, torch.zeros_like(time), time)[..., :V]  # [N, B, V] likelihood of each token
        both = torch.stack([seen[:, 1] @ p.t(), seen[:, 0] @ p], 1)
        return (both + 1e-300).log().log_softmax(-1)  # What can't be seen has some distribution too.

    return network


def arbitrary(process: TokenProcess, seed: int = 1) -> Network:
    """A network that is right about nothing; its logits depend on the whole block and smoothly on the time."""
    count = process.states**B
    tables = torch.randn(2, count, B, V, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))

    def network(x_t: Tensor, t: Tensor) -> Tensor:
        index = x_t[:, 0] * process.states + x_t[:, 1]
        return tables[0][index] + t.to(torch.float64)[:, None, None] * tables[1][index]

    return network


def step_matrix(process: TokenProcess, network: Network, s: float, t: float) -> Tensor:
    """p(x_s | x_t) [states^B, V^B or states^B] as the sampler draws it, each token by itself."""
    x_t = blocks(process.states)
    times = torch.full((len(x_t), 1), t, dtype=torch.float64)
    logits = network(x_t, times[:, 0])
    if s == 0:
        own = process.last(logits, x_t, times).exp()
    elif isinstance(process, ScoreAbsorbing | ScoreUniform):
        own = process.move(logits, x_t, torch.full_like(times, s), times)
    else:
        own = process.posterior(process.predicted(logits), x_t, torch.full_like(times, s), times)
    return (own[:, 0, :, None] * own[:, 1, None, :]).flatten(1)


def first(process: TokenProcess) -> Tensor:
    """The prior [states^B]."""
    if isinstance(process, Absorbing):
        return (blocks(process.states) == process.mask).all(-1).double()
    return torch.full((process.states**B,), process.states**-B, dtype=torch.float64)


def likelihood(process: TokenProcess, network: Network, steps: int) -> Tensor:
    """p(x0) [V^B] of the ancestral sampler: the sum over all its paths."""
    state = first(process)
    for k in range(steps):
        state = state @ step_matrix(process, network, 1 - (k + 1) / steps, 1 - k / steps)
    return state


def expected(process: TokenProcess, network: Network, x0: Tensor, t: float, s: float | None = None) -> Tensor:
    """The mean over x_t of the block's summed `loss`, for tokens x0 [B]."""
    x_t = blocks(process.states)
    times = torch.full((len(x_t), 1), t, dtype=torch.float64)
    then = None if s is None else torch.full_like(times, s)
    terms = process.loss(network(x_t, times[:, 0]), x0.expand(len(x_t), B), x_t, times, then).sum(-1)
    weight = noisy(process, x0, t)
    return torch.where(weight > 0, weight * terms, 0.0).sum()


def step_bound(process: TokenProcess, network: Network, x0: Tensor, steps: int) -> float:
    total = process.prior_divergence(x0).sum()
    for k in range(steps):
        total = total + expected(process, network, x0, 1 - k / steps, 1 - (k + 1) / steps)
    return float(total)


def integral(function: Callable[[float], float], points: int = 60) -> float:
    """∫ over [0, 1] by the double exponential rule, which integrable singularities at both ends do not disturb; 1e-9 of
    the interval at each end is left out."""
    step = 5.2 / points
    total = 0.0
    for k in range(-points // 2, points // 2 + 1):
        u = math.pi / 2 * math.sinh(k * step)
        t = 1 / (1 + math.exp(-2 * u))
        total += function(t) * step * math.pi / 2 * math.cosh(k * step) / (2 * math.cosh(u) ** 2)
    return total


def continuous_bound(process: TokenProcess, network: Network, x0: Tensor) -> float:
    mean = integral(lambda t: float(expected(process, network, x0, t)))
    return mean + float(process.ends(x0).sum())


def chi_square(counts: Tensor, p: Tensor) -> float:
    """How far counts are from what p [cells] makes expected, in standard deviations of χ² (normal approximation)."""
    possible = p > 0
    assert counts[~possible].sum() == 0
    mean = counts.sum() * p[possible]
    freedom = int(possible.sum()) - 1
    return float((((counts[possible] - mean) ** 2 / mean).sum() - freedom) / math.sqrt(2 * freedom))
