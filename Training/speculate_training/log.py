"""The training log, and the rows of it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import torch

from .objective import Outcome
from .run import Run


class Log:
    """train.csv, which gets a row every few steps."""

    def __init__(self, path: Path, block: int) -> None:
        self.path = path
        self.fields = ["step", "stage", "blocks", "seconds", "loss", "tau", "confidence_loss"]
        self.fields += [f"acceptance_{i + 1}" for i in range(block)] + [f"match_{i + 1}" for i in range(block)]

    def rewind(self, step: int) -> None:
        """Drops the rows that a resumed run will write again."""
        rows = []
        if self.path.exists() and step > 0:
            with self.path.open() as file:
                rows = [row for row in csv.DictReader(file) if int(row["step"]) <= step]
        with self.path.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.fields)
            writer.writeheader()
            writer.writerows(rows)

    def append(self, row: dict[str, Any]) -> None:
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, self.fields).writerow(row)


def summary(run: Run, stage: str, window: list[Outcome]) -> dict[str, Any]:
    """A row of the log: the means of the outcomes since the last one."""
    longest = max(len(outcome.matches) for outcome in window)
    row: dict[str, Any] = {
        "step": run.step,
        "stage": stage,
        "blocks": run.blocks,
        "seconds": round(run.seconds, 1),
        "loss": round(float(torch.stack([outcome.loss for outcome in window]).mean()), 5),
        "confidence_loss": round(sum(outcome.confidence_loss for outcome in window) / len(window), 5),
    }
    tau = 1.0
    for i in range(longest):
        long_enough = [outcome for outcome in window if len(outcome.matches) > i]
        match = sum(float(outcome.matches[i]) for outcome in long_enough) / len(long_enough)
        accepted = sum(float(outcome.acceptance[i]) for outcome in long_enough) / len(long_enough)
        row |= {f"acceptance_{i + 1}": round(accepted, 4), f"match_{i + 1}": round(match, 4)}
        tau += match
    return row | {"tau": round(tau, 4)}
