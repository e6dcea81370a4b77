"""Monte-Carlo estimates of the bound on −log p of blocks of tokens."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .process import Process
from .samplers import Network, times

#: The continuous-time integrand is evaluated no nearer than this to times 0 and 1, where rates can be infinite.
MARGIN = 1e-4


@dataclass(frozen=True)
class Bound:
    """`mean`: nats per token. `error`: its standard error from the draws of times and noise alone, over independent
    repeats; how it varies from text to text is seen in `blocks` [N], each block's own estimate in nats per token."""

    mean: float
    error: float
    blocks: Tensor

    @property
    def perplexity(self) -> float:
        return math.exp(self.mean)


def spread_times(count: int, generator: torch.Generator | None = None) -> Tensor:
    """Times [count] in [0, 1), each uniform by itself, evenly spread together (VDM, Kingma et al. 2021, appendix I.1),
    in random order."""
    start = torch.rand(1, generator=generator, dtype=torch.float64)
    spread = (start + torch.arange(count, dtype=torch.float64) / count) % 1
    return spread[torch.randperm(count, generator=generator)]


@torch.no_grad()
def estimate(
    process: Process, network: Network, x0: Tensor, repeats: int, generator: torch.Generator | None = None,
    steps: int | None = None, batch: int = 64,
) -> Bound:  # fmt: skip
    """The bound on −log p of blocks x0 [N, B], each at one time in each of at least two repeats.

    In continuous time, or with `steps` of the sampler with as many steps. The generator is the CPU's or the tokens'
    device's; times are drawn on the CPU with a generator seeded from it."""
    drawn = torch.randint(2**62, (1,), generator=generator, device=generator.device if generator else None)
    clock = torch.Generator().manual_seed(int(drawn))
    rows = []
    for _ in range(repeats):
        spread = spread_times(len(x0), clock).to(x0.device)
        parts = [
            block_terms(process, network, x0[i : i + batch], spread[i : i + batch], steps, generator)
            for i in range(0, len(x0), batch)
        ]
        rows.append(torch.cat(parts).double() / x0.shape[1])
    values = torch.stack(rows)  # [repeats, N]
    error = values.mean(1).std() / math.sqrt(repeats)
    return Bound(float(values.mean()), float(error), values.mean(0))


def block_terms(
    process: Process, network: Network, x0: Tensor, uniform: Tensor, steps: int | None,
    generator: torch.Generator | None,
) -> Tensor:  # fmt: skip
    """An unbiased estimate of each block's bound [N] in nats from uniform numbers [N] that choose the time."""
    if steps is None:
        # Few tokens have changed at small t, but these count about 1/t: with even times the variance of the estimate,
        # or with t = u³ that of its error, would be infinite. Times near 1, where some processes still forget, are
        # drawn more often, too: 1 − t = (1 − u⁴)², with the weight dt/du.
        power = uniform.pow(4)
        t = (1 - (1 - power).square()).clamp(MARGIN, 1 - MARGIN).to(torch.get_default_dtype()).unsqueeze(-1)
        weight = (8 * uniform.pow(3) * (1 - power)).unsqueeze(-1)
        x_t = process.noise(x0, t, generator)
        return (weight * process.loss(network(x_t, t[:, 0]), x0, x_t, t) + process.ends(x0, generator)).sum(-1)
    grid = torch.tensor(times(steps), device=x0.device)
    index = (uniform * steps).long().clamp_max(steps - 1)
    t, s = grid[index].unsqueeze(-1), grid[index + 1].unsqueeze(-1)
    x_t = process.noise(x0, t, generator)
    term = process.loss(network(x_t, t[:, 0]), x0, x_t, t, s)
    return (steps * term + process.prior_divergence(x0)).sum(-1)
