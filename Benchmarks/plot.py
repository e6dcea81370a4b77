"""Draws what `speculate bench --output FILE` measured.

    python Benchmarks/plot.py FILE.json --out FOLDER [--peers SPECULATIVE-PEERS.json]

Writes acceptance.svg (how many drafted tokens rounds accept), depth.svg (τ and speed-up against depth), categories.svg, rounds.svg (what the time
of a token goes to) and, of what `make peers-speculative` measured, peers.svg. Needs matplotlib, which Training/.venv has.
The pictures have no background and are read on light and dark pages.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import defaultdict
from pathlib import Path
from statistics import mean, median
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

INK = "#7d8793"  # Read on white and on black.
COLOURS = ["#2f81f7", "#2da44e", "#d4731c", "#a371f7", "#c93c56", "#8a8f98"]
# Of kinds of drafts, in every picture.
KINDS = {"diffusion": COLOURS[0], "lookup": COLOURS[1], "tree": COLOURS[2], "adaptive": COLOURS[3], "diffusion2": COLOURS[4]}
plt.rcParams.update(
    {
        "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none", "svg.fonttype": "none",
        "font.family": "sans-serif", "font.sans-serif": ["Helvetica", "Arial", "DejaVu Sans"], "font.size": 10.5,
        "text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "axes.edgecolor": INK,
        "axes.spines.top": False, "axes.spines.right": False, "axes.titlelocation": "left", "axes.titlesize": 12,
        "axes.prop_cycle": matplotlib.cycler(color=COLOURS), "lines.linewidth": 2, "svg.hashsalt": "speculate",
    }
)  # fmt: skip

Series = dict[str, Any]


def tau(series: Series) -> float:
    outcomes = series["outcomes"]
    return sum(o["tokens"] for o in outcomes) / max(1, sum(o["rounds"] for o in outcomes))


def accepted(series: Series) -> list[float]:
    """Of all rounds, the share that accepts at least 1, 2, ... drafted tokens; their sum is τ − 1."""
    outcomes = series["outcomes"]
    rounds = max(1, sum(o["rounds"] for o in outcomes))
    longest = max(len(o["accepted_at"]) for o in outcomes)
    return [sum(o["accepted_at"][place] for o in outcomes if place < len(o["accepted_at"])) / rounds for place in range(longest)]


def deepest(all_series: list[Series]) -> dict[str, Series]:
    """Of each kind of drafts, the setting with the most tokens: the others' curves are its beginning."""
    chosen: dict[str, tuple[int, Series]] = {}
    for series in all_series:
        kind, _, size = series["setting"].partition(":")
        tokens, _, passes = size.partition("x")
        kind, count = kind + passes, int(tokens or 0)
        if kind not in chosen or count > chosen[kind][0]:
            chosen[kind] = (count, series)
    return {kind: series for kind, (_, series) in chosen.items()}


def per_token(series: Series, part: str) -> float:
    """Milliseconds of one part of all rounds, over all tokens."""
    outcomes = series["outcomes"]
    return sum(median(o[part]) * o["rounds"] for o in outcomes) / max(1, sum(o["tokens"] for o in outcomes))


def by_category(series: Series, plain: Series) -> dict[str, float]:
    """Mean speed-up over plain decoding of each category's prompts."""
    values = defaultdict(list)
    for own, other in zip(series["outcomes"], plain["outcomes"], strict=False):
        if median(other["speeds"]) > 0:
            values[own["category"]].append(median(own["speeds"]) / median(other["speeds"]))
    return {category: mean(numbers) for category, numbers in sorted(values.items())}


def speedup(series: Series, plain: Series) -> float:
    return mean(by_category(series, plain).values())


def label(series: Series) -> str:
    warm = f", T = {series['temperature']:g} {series['acceptance']}" if series["temperature"] else ""
    return series["setting"] + warm


def draw_acceptance(all_series: list[Series], path: Path) -> None:
    figure, axis = plt.subplots(figsize=(7.5, 4.2))
    chosen = deepest([s for s in all_series if not s["temperature"]])
    for kind, series in sorted(chosen.items(), key=lambda item: tau(item[1]), reverse=True):
        shares, name = accepted(series)[:8], f"{label(series)}, τ {tau(series):.2f}"
        colour = KINDS.get(kind, COLOURS[5])
        axis.plot(range(1, len(shares) + 1), shares, marker="o", markersize=4, color=colour, label=name)
    axis.set(xlabel="drafted tokens", ylim=(0, 1), title="Share of rounds that accept at least so many drafted tokens")
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axis.legend(frameon=False, labelcolor="linecolor")
    save(figure, path)


def draw_depth(groups: list[tuple[Series, list[Series]]], path: Path) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.4))
    plain, others = groups[0]
    for axis, measure in zip(axes, (tau, lambda s: speedup(s, plain)), strict=True):
        for kind in ("diffusion", "lookup", "tree"):
            points = [(int(m[1]), s) for s in others if (m := re.fullmatch(rf"{kind}:(\d+)", s["setting"]))]
            points.sort(key=lambda point: point[0])
            if points:
                values = [measure(s) for _, s in points]
                depths = [depth for depth, _ in points]
                axis.plot(depths, values, marker="o", markersize=4, color=KINDS[kind], label=kind)
        for series in others:
            if series["setting"] == "adaptive":
                axis.axhline(measure(series), linestyle="--", linewidth=1.5, color=KINDS["adaptive"], label="adaptive")
        axis.set(xlabel="tokens drafted in a round")
        axis.xaxis.get_major_locator().set_params(integer=True)
    axes[0].set(title="τ, tokens per round")
    axes[1].set(title="times plain decoding")
    axes[1].axhline(1, color=INK, linewidth=0.7)
    handles, names = axes[0].get_legend_handles_labels()
    legend = figure.legend(handles, names, frameon=False, ncols=4, loc="lower center", labelcolor="linecolor")
    save(figure, path, below=legend.get_window_extent().height / figure.bbox.height)


def draw_categories(groups: list[tuple[Series, list[Series]]], path: Path) -> None:
    plain, others = groups[0]
    series = next((s for s in others if s["setting"] == "adaptive"), others[0])
    values = sorted(by_category(series, plain).items(), key=lambda item: item[1])
    figure, axis = plt.subplots(figsize=(7.5, 0.42 * len(values) + 1))
    bars = axis.barh([name for name, _ in values], [value for _, value in values], color=COLOURS[1], height=0.65)
    axis.bar_label(bars, fmt="%.2f×", padding=4)
    axis.axvline(1, color=INK, linewidth=0.7)
    axis.set(title=f"Times plain decoding, by kind of prompt ({label(series)})", xticks=[])
    axis.spines["bottom"].set_visible(False)
    axis.margins(x=0.12)
    save(figure, path)


def draw_rounds(groups: list[tuple[Series, list[Series]]], path: Path) -> None:
    """The time of all rounds over their tokens, and how often it goes into plain decoding's."""
    plain, others = groups[0]
    chosen = [plain, *others]
    figure, axis = plt.subplots(figsize=(8.5, 0.42 * len(chosen) + 1.3))
    left = [0.0] * len(chosen)
    for place, (part, name) in enumerate((("verify_ms", "verifier"), ("draft_ms", "drafter"), ("other_ms", "the rest"))):
        values = [per_token(series, part) for series in chosen]
        axis.barh([label(series) for series in chosen], values, left=left, label=name, color=COLOURS[place], height=0.65)
        left = [a + b for a, b in zip(left, values, strict=True)]
    for place, value in enumerate(left):
        text = f"{value:.2f} ms" + (f", {left[0] / value:.2f}×" if place else "")
        axis.annotate(text, (value, place), xytext=(5, 0), textcoords="offset points", va="center")
    axis.invert_yaxis()
    axis.set(title="What a token takes, over all prompts' tokens", xticks=[])
    axis.spines["bottom"].set_visible(False)
    axis.margins(x=0.12)
    axis.legend(frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, 0.02), labelcolor="linecolor")
    save(figure, path)


def draw_peers(report: dict[str, Any], path: Path) -> None:
    """Both engines on the same file and prompts: llama.cpp plain and at its fastest, ours plain and as it comes."""
    rows = {row["program"]: row["tokens_per_second"] for row in report["table"]}
    fastest = max((name for name in rows if name.startswith("llama.cpp ") and name != "llama.cpp plain"), key=rows.__getitem__)
    shown = {
        "llama.cpp": rows["llama.cpp plain"], f"llama.cpp, {fastest.split(' ', 1)[1]}": rows[fastest],
        "Speculate, no drafts": rows["speculate plain"], "Speculate": rows["speculate adaptive"],
    }  # fmt: skip
    figure, axis = plt.subplots(figsize=(7.5, 2.3))
    colours = [COLOURS[5], COLOURS[5], COLOURS[0], COLOURS[1]]
    bars = axis.barh(list(shown), list(shown.values()), color=colours, height=0.65)
    names = [f"{value:.0f} tokens/s, {value / shown['llama.cpp']:.1f}×" for value in shown.values()]
    axis.bar_label(bars, names, padding=5)
    axis.invert_yaxis()
    axis.set(title="Greedy answers, the same file, prompts and machine", xticks=[])
    axis.spines["bottom"].set_visible(False)
    axis.margins(x=0.25)
    save(figure, path)


def save(figure: plt.Figure, path: Path, below: float = 0) -> None:
    figure.tight_layout(rect=(0, below, 1, 1))
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--peers", type=Path, help="what speculative_peers.py wrote")
    args = parser.parse_args()
    report = json.loads(args.file.read_text())
    groups = [
        (plain, [s for s in report["series"] if s["setting"] != "plain" and key(s) == key(plain)])
        for plain in report["series"]
        if plain["setting"] == "plain"
    ]
    args.out.mkdir(parents=True, exist_ok=True)
    draw_acceptance([s for _, others in groups for s in others], args.out / "acceptance.svg")
    draw_depth(groups, args.out / "depth.svg")
    draw_categories(groups, args.out / "categories.svg")
    draw_rounds(groups, args.out / "rounds.svg")
    if args.peers:
        draw_peers(json.loads(args.peers.read_text()), args.out / "peers.svg")


def key(series: Series) -> tuple[float, str]:
    return series["temperature"], series["acceptance"]


if __name__ == "__main__":
    main()
