"""Draws what `speculate bench --output FILE` measured.

    python Benchmarks/plot.py FILE.json --out FOLDER

Writes acceptance.svg (by position), depth.svg (τ and speed-up against depth and temperature), categories.svg and
rounds.svg (what a round's time goes to). Needs matplotlib, which Training/.venv has.
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

Series = dict[str, Any]


def tau(series: Series) -> float:
    outcomes = series["outcomes"]
    return sum(o["tokens"] for o in outcomes) / max(1, sum(o["rounds"] for o in outcomes))


def accepted(series: Series) -> list[float]:
    """The share of drafts that reach to a position and are right up to it."""
    outcomes = series["outcomes"]
    shares = []
    for position in range(max(len(o["drafted_at"]) for o in outcomes)):
        reached = [o for o in outcomes if position < len(o["drafted_at"])]
        drafted = sum(o["drafted_at"][position] for o in reached)
        shares.append(sum(o["accepted_at"][position] for o in reached) / max(1, drafted))
    return shares


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
    figure, axis = plt.subplots(figsize=(7, 4))
    for series in all_series:
        shares = accepted(series)[:8]
        axis.plot(range(1, len(shares) + 1), shares, marker="o", markersize=3, label=label(series))
    axis.set(xlabel="position in the draft", ylabel="share right up to here", ylim=(0, 1), title="Acceptance by position")
    axis.legend(fontsize="small")
    save(figure, path)


def draw_depth(groups: list[tuple[Series, list[Series]]], path: Path) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    for plain, others in groups:
        for kind in ("diffusion", "lookup", "tree"):
            points = [(int(m[1]), s) for s in others if (m := re.fullmatch(rf"{kind}:(\d+)", s["setting"]))]
            points.sort(key=lambda point: point[0])
            if not points:
                continue
            depths = [depth for depth, _ in points]
            name = f"{kind}, T = {plain['temperature']:g}"
            left.plot(depths, [tau(s) for _, s in points], marker="o", markersize=3, label=name)
            right.plot(depths, [speedup(s, plain) for _, s in points], marker="o", markersize=3, label=name)
        for series in others:
            if series["setting"] == "adaptive":
                name = f"adaptive, T = {plain['temperature']:g}"
                left.axhline(tau(series), linestyle=":", color="gray", label=name)
                right.axhline(speedup(series, plain), linestyle=":", color="gray", label=name)
    left.set(xlabel="tokens drafted a round", ylabel="τ, tokens a round")
    right.set(xlabel="tokens drafted a round", ylabel="speed over plain decoding")
    right.axhline(1, color="black", linewidth=0.5)
    left.legend(fontsize="small")
    save(figure, path)


def draw_categories(groups: list[tuple[Series, list[Series]]], path: Path) -> None:
    figure, axes = plt.subplots(len(groups), 1, figsize=(8, 3.2 * len(groups)), squeeze=False)
    for axis, (plain, others) in zip(axes[:, 0], groups, strict=True):
        chosen = [s for s in others if s["setting"] == "adaptive"] or others[:1]
        chosen += [s for s in others if s not in chosen][:3]
        categories = sorted({o["category"] for o in plain["outcomes"]})
        width = 0.8 / len(chosen)
        for place, series in enumerate(chosen):
            values = by_category(series, plain)
            positions = [i + place * width for i in range(len(categories))]
            axis.bar(positions, [values.get(c, 0) for c in categories], width, label=label(series))
        axis.set_xticks([i + 0.4 - width / 2 for i in range(len(categories))], categories, rotation=20, fontsize="small")
        axis.axhline(1, color="black", linewidth=0.5)
        axis.set(ylabel="speed over plain", title=f"By category, T = {plain['temperature']:g}")
        axis.legend(fontsize="small")
    save(figure, path)


def draw_rounds(groups: list[tuple[Series, list[Series]]], path: Path) -> None:
    plain, others = groups[0]
    chosen = [plain, *others]
    figure, axis = plt.subplots(figsize=(8, 0.5 * len(chosen) + 1.2))
    left = [0.0] * len(chosen)
    for part, name in (("verify_ms", "verifier"), ("draft_ms", "drafter"), ("other_ms", "the rest")):
        values = [mean(median(o[part]) for o in series["outcomes"]) for series in chosen]
        axis.barh([label(series) for series in chosen], values, left=left, label=name)
        left = [a + b for a, b in zip(left, values, strict=True)]
    axis.invert_yaxis()
    axis.set(xlabel="milliseconds a round", title="Where a round's time goes")
    axis.legend(fontsize="small")
    save(figure, path)


def save(figure: plt.Figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, required=True)
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


def key(series: Series) -> tuple[float, str]:
    return series["temperature"], series["acceptance"]


if __name__ == "__main__":
    main()
