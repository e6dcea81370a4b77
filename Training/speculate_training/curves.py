"""Draws a run's loss and acceptance curves from its train.csv."""

from __future__ import annotations

import csv
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402


def draw(folder: Path) -> None:
    """folder/train.csv → folder/curves.svg."""
    with (folder / "train.csv").open() as file:
        rows = list(csv.DictReader(file))
    if not rows:
        return
    blocks = [int(row["blocks"]) for row in rows]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    left.plot(blocks, [float(row["loss"]) for row in rows])
    left.set(xlabel="blocks", ylabel="loss", title="Loss (its make-up changes with the stage)")
    for name in (field for field in rows[0] if field.startswith("match_")):
        right.plot(blocks, [float(row[name] or "nan") for row in rows], label=name.removeprefix("match_"))
    right.set(xlabel="blocks", ylabel="share", title="Blocks right up to token i", ylim=(0, 1))
    right.legend(ncol=2, fontsize="small")
    starts = [i for i in range(1, len(rows)) if rows[i]["stage"] != rows[i - 1]["stage"]]
    for axis in (left, right):
        for i in starts:
            axis.axvline(blocks[i], color="gray", linestyle=":", linewidth=1)
    figure.tight_layout()
    figure.savefig(folder / "curves.svg")
    plt.close(figure)
