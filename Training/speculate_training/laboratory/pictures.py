"""The laboratory's pictures, from laboratory.json: bound against budget, quality against steps, τ against passes
and against budget."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402

from .network import AUTOREGRESSIVE, PROCESSES  # noqa: E402

INK = "#7d8793"  # Read on white and on black.
STYLE: dict[Any, Any] = {
    "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none", "legend.facecolor": "none",
    "text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "axes.edgecolor": INK,
    "axes.spines.top": False, "axes.spines.right": False, "svg.fonttype": "none", "svg.hashsalt": "speculate",
}  # fmt: skip


def draw(results: dict[str, Any], folder: Path) -> None:
    """bound.svg, quality.svg, passes.svg, and scaling.svg where τ was fitted to the budget."""
    variants = results["variants"]
    main = {name: variants[name] for name in (*PROCESSES, AUTOREGRESSIVE) if name in variants}
    with plt.rc_context(STYLE):
        bounds(main, folder / "bound.svg")
        qualities(variants, results.get("reference"), folder / "quality.svg")
        passes(main, folder / "passes.svg")
        if results["fits"]:
            scaling(variants, results["fits"], folder / "scaling.svg")


def finish(figure: Any, path: Path) -> None:
    figure.tight_layout()
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    figure.savefig(beside, format="svg", bbox_inches="tight", metadata={"Date": None})
    os.replace(beside, path)
    plt.close(figure)


def bounds(main: dict[str, Any], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(8, 4))
    for index, (name, variant) in enumerate(main.items()):
        blocks, bounds, errors = (
            [point[key] for point in variant["curve"]] for key in ("blocks", "bound", "error")
        )  # fmt: skip
        axes.errorbar(blocks, bounds, [2 * x for x in errors], label=name, color=f"C{index}", marker="o", lw=1)
    lowest = min((point["bound"] for variant in main.values() for point in variant["curve"]), default=1.0)
    axes.set(xlabel="blocks of training", ylabel="nats per token", title="Bound on the verifier's own text, held out")
    axes.set_ylim(lowest * 0.9, lowest * 3)  # What is far above is no model of text yet.
    axes.legend(fontsize="small", bbox_to_anchor=(1.02, 1), loc="upper left")
    finish(figure, path)


def qualities(variants: dict[str, Any], reference: dict[str, Any] | None, path: Path) -> None:
    figure, both = plt.subplots(1, 2, figsize=(11, 4))
    index = 0
    for name, variant in variants.items():
        for key in (key for key in ("quality-ancestral", "quality-confidence") if key in variant):
            steps = [int(n) for n in variant[key]]
            label = name if key == "quality-ancestral" else f"{name}, by confidence"
            for axis, what in zip(both, ("perplexity", "entropy"), strict=True):
                line(axis, steps, [variant[key][str(n)][what] for n in steps], label, index)
            index += 1
    for axis, what in zip(both, ("perplexity", "entropy"), strict=True):
        if reference:
            axis.axhline(reference[what], color="gray", linestyle=":", label="the verifier's own answers")
        axis.set(xscale="log", xlabel="steps per block of 8", title=f"Written text: {what}")
        axis.set_xticks([1, 2, 4, 8, 16, 32], ["1", "2", "4", "8", "16", "32"])
    both[0].set(yscale="log", ylabel="of the verifier")
    both[1].set(ylabel="nats, of a text's tokens")
    both[1].legend(fontsize="x-small", bbox_to_anchor=(1.02, 1), loc="upper left")
    finish(figure, path)


def line(axis: Axes, x: list[int], y: list[float], label: str, index: int) -> None:
    kept = [(a, b) for a, b in zip(x, y, strict=True) if math.isfinite(b)]
    style = ("-", "--", "-.")[index // 10 % 3]
    axis.plot([a for a, _ in kept], [b for _, b in kept], style, marker="o", label=label, color=f"C{index % 10}")


def passes(main: dict[str, Any], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(8, 4))
    curves = {name: variant["tau"] for name, variant in main.items()}
    curves |= {f"{name}, from the left": v["tau-left"] for name, v in main.items() if "tau-left" in v}
    for index, (name, curve) in enumerate(curves.items()):
        rows = list(curve.values())
        shifted = [int(key) * 1.03 ** (index - 3) for key in curve]
        apart = [[row["tau"] - row["low"] for row in rows], [row["high"] - row["tau"] for row in rows]]
        axes.errorbar(shifted, [row["tau"] for row in rows], apart, marker="o", label=name, color=f"C{index}", lw=1)
    axes.set(xscale="log", xlabel="passes per draft", ylabel="tokens per round", title="τ of greedy rounds")
    axes.set_xticks([1, 2, 4, 8], ["1", "2", "4", "8"])
    axes.minorticks_off()
    axes.legend(fontsize="small", bbox_to_anchor=(1.02, 1), loc="upper left")
    finish(figure, path)


def scaling(variants: dict[str, Any], fits: dict[str, Any], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(8, 4))
    for index, (name, fit) in enumerate(fits.items()):
        points = [point for point in variants[name]["curve"] if point["blocks"]]
        blocks = [point["blocks"] for point in points]
        label = f"{name}: exponent {fit['exponent']:.2f} ± {fit['error']:.2f}"
        axes.plot(blocks, [point["tau"] - 1 for point in points], "o", color=f"C{index}", label=label)
        fitted = [fit["scale"] * number ** fit["exponent"] for number in blocks]
        axes.plot(blocks, fitted, color=f"C{index}", lw=1)
    axes.set(xscale="log", yscale="log", xlabel="blocks of training", ylabel="τ − 1", title="How τ grows with training")
    axes.legend(fontsize="small", bbox_to_anchor=(1.02, 1), loc="upper left")
    finish(figure, path)
