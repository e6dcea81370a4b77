"""How far a ratio of sums might be off on other prompts: rows drawn again with replacement (bootstrap, Efron 1979)."""

from __future__ import annotations

import numpy as np


def ratios(rows: np.ndarray, draws: int) -> np.ndarray:
    """[draws] the sum of the first column over that of the second, of rows [n, 2] of which n are drawn each time: the
    same ones for all arrays of that length, so that differences are paired."""
    chosen = np.random.default_rng(0).integers(len(rows), size=(draws, len(rows)))
    sums = rows[chosen].sum(1)
    return sums[:, 0] / sums[:, 1]


def middle(values: np.ndarray) -> tuple[float, float]:
    """The bounds of the middle 95 %."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
