"""How τ grows with training: a power law of what rounds accept beyond the verifier's own token."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class PowerLaw:
    """τ − 1 = scale · blocks^exponent; `error` is the exponent's standard error, from how far the points are off."""

    scale: float
    exponent: float
    error: float

    def tau(self, blocks: float) -> float:
        return 1 + self.scale * math.pow(blocks, self.exponent)


def power_law(blocks: list[float], taus: list[float]) -> PowerLaw:
    """Least squares of log(τ − 1) by log(blocks), of at least three points."""
    if len(blocks) != len(taus) or len(blocks) < 3:
        raise ValueError(f"{len(blocks)} numbers of blocks and {len(taus)} of τ, expected at least 3 of both")
    if min(blocks) <= 0 or min(taus) <= 1:
        raise ValueError("a power law needs blocks above 0 and τ above 1")
    x, y = np.log(blocks), np.log(np.array(taus) - 1)
    apart = x - x.mean()
    slope = float((apart * y).sum() / (apart**2).sum())
    left = y - y.mean() - slope * apart
    error = math.sqrt(float((left**2).sum()) / (len(x) - 2) / float((apart**2).sum()))
    return PowerLaw(math.exp(float(y.mean() - slope * x.mean())), slope, error)


def fits(variants: dict[str, Any]) -> dict[str, Any]:
    """Of every variant that began from the verifier's weights: how τ grows along its curve."""
    found = {}
    for name, variant in variants.items():
        if not name.startswith("verifier-"):
            continue
        points = [(point["blocks"], point["tau"]) for point in variant["curve"] if point["blocks"]]
        if len(points) >= 3 and min(tau for _, tau in points) > 1:
            fit = power_law([blocks for blocks, _ in points], [tau for _, tau in points])
            found[name] = {
                "scale": fit.scale, "exponent": fit.exponent, "error": fit.error, "points": len(points),
            }  # fmt: skip
    return found
