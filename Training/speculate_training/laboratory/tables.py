"""The laboratory's tables in Markdown, from laboratory.json."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .engine import RULES, SETTINGS
from .infilling import holes, wilson
from .measures import PASSES, STEPS
from .quality import SAMPLERS


def tables(found: dict[str, Any]) -> str:
    """A page: a table of what matters most, then one for each measure. Empty cells were not measured."""
    variants = found["variants"]
    text = ["# What the diffusion laboratory measured\n\nDiscussed in LABORATORY.md.\n"]
    text.append(
        "## In short\n\nτ of greedy rounds by passes; bounds on −log p of the verifier's own text and of prose, in "
        "nats per token (the autoregressive head's are exact); the verifier's perplexity of what is written in eight "
        "steps a block, and the entropy of its tokens; single tokens filled in exactly:\n"
    )
    heads = ["", "τ, 1 pass", "2", "4", "8", "bound, own", "prose", "perplexity", "entropy", "filled in"]
    text.append(table(heads, [row for name, variant in variants.items() for row in short(name, variant)]))
    text.append("## Bounds\n\nNats per token (standard error of the drawing, middle 95 % over texts):\n")
    rows = [likelihood(name, variant) for name, variant in variants.items() if "bound-own" in variant]
    heads = ["", "blocks", "bound, own text", "over absorbing", "bound, prose", "over absorbing"]
    heads += ["8 steps, own, fewer blocks", "one pass, Markov: own", "prose"]
    text.append(table(heads, rows))
    shares = ", ".join(f"{name} {share:.0%}" for name, share in found["excluded"].items())
    text.append(f"Blocks left out, since a token cannot be drafted: {shares}.\n")
    text.append(
        "## Drafts\n\nτ of greedy rounds by passes (middle 95 % over prompts), and by how much the best of a row is "
        "above the included drafter's in one pass:\n"
    )
    rows = [row for name, variant in variants.items() for row in taus(name, variant)]
    text.append(table(["", *map(str, PASSES), "best over included"], rows))
    text.append(
        "## Written text\n\nThe verifier's perplexity (middle 95 % over prompts) / entropy / repeated "
        "4-grams / tokens, by steps per block of 8:\n"
    )
    rows = [row for name, variant in variants.items() for row in qualities(name, variant)]
    reference = found["reference"]
    rows.append(["the verifier's own answers, half of them greedy", written(reference), *[""] * (len(STEPS) - 1)])
    text.append(table(["", *map(str, STEPS)], rows))
    text.append(
        "## Infilling\n\nHoles filled exactly, in % (95 % if blocks are independent) / by how much the verifier's nats "
        "per token of the block are above the text's own (middle 95 % over texts), by length of the hole:\n"
    )
    rows = [row for name, variant in variants.items() for row in fillings(name, variant)]
    text.append(table(["", *holes(8)], rows))
    text.append(
        "## How τ grows\n\nτ − 1 = a · blocks^b, from the verifier's weights; b ± its standard error, from how far "
        "so many points are off:\n"
    )
    rows = [
        [name, f"{fit['scale']:.3g}", f"{fit['exponent']:.3f} ± {fit['error']:.3f}", str(fit["points"])]
        for name, fit in found["fits"].items()
    ]
    text.append(table(["", "a", "b", "points"], rows))
    raced = {name: variant["engine"] for name, variant in variants.items() if "engine" in variant}
    if raced:
        text.append(
            "## In the engine\n\nτ / speed-up in the engine (each with its middle 95 % over prompts), greedily and "
            "by rule at temperature 1, by passes:\n"
        )
        lines = [line for name, rows in raced.items() for line in speeds(name, rows)]
        text.append(table(["", "passes", *RULES], lines))
    seconds = sum(variant["curve"][-1]["seconds"] for variant in variants.values())
    measured = sum(sum(variant["seconds"].values()) for variant in variants.values())
    text.append(
        f"{seconds / 60:.0f} minutes of training and {measured / 60:.0f} of measuring, of all shares together.\n"
    )
    return "\n".join(text)


def table(heads: list[str], rows: Iterable[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def short(name: str, variant: dict[str, Any]) -> Iterable[list[str]]:
    if "bound-own" not in variant:
        return

    def taus_of(key: str) -> list[str]:
        return [f"{row['tau']:.2f}" if (row := variant.get(key, {}).get(str(n))) else "" for n in PASSES]

    written = variant.get("quality-ancestral", {}).get("8")
    single = [row for row in variant.get("infilling-ancestral", []) if row["hole"] == "1"]
    yield [
        name, *taus_of("tau"),
        *(f"{variant[key]['nats']:.2f}" if key in variant else "" for key in ("bound-own", "bound-prose")),
        f"{written['perplexity']:.0f}" if written else "", f"{written['entropy']:.2f}" if written else "",
        f"{single[0]['exact'] / single[0]['holes']:.0%}" if single else "",
    ]  # fmt: skip
    if "tau-left" in variant:
        yield [f"{name}, from the left", *taus_of("tau-left"), *[""] * 5]


def nats(row: dict[str, Any] | None) -> str:
    if not row:
        return ""
    error = f" ± {row['error']:.2f}" if row["error"] else ""
    return f"{row['nats']:.2f}{error} ({row['low']:.2f} to {row['high']:.2f})"


def likelihood(name: str, variant: dict[str, Any]) -> list[str]:
    cells = [name, str(variant["curve"][-1]["blocks"])]
    for key in ("bound-own", "bound-prose"):
        cells += [nats(variant.get(key)), signed(variant.get(key, {}).get("over-absorbing"))]
    return cells + [nats(variant.get(key)) for key in ("bound-8", "markov-own", "markov-prose")]


def signed(row: dict[str, Any] | None, key: str = "nats") -> str:
    return f"{row[key]:+.2f} ({row['low']:+.2f} to {row['high']:+.2f})" if row else ""


def tau(row: dict[str, Any] | None) -> str:
    return f"{row['tau']:.2f} ({row['low']:.2f} to {row['high']:.2f})" if row else ""


def taus(name: str, variant: dict[str, Any]) -> Iterable[list[str]]:
    for key, label in (("tau", name), ("tau-left", f"{name}, from the left")):
        if key in variant:
            best = max(variant[key].values(), key=lambda row: float(row["tau"]))
            over = best.get("over-included")
            yield [label, *(tau(variant[key].get(str(n))) for n in PASSES), signed(over, "tau") if over else ""]


def speeds(name: str, rows: list[dict[str, Any]]) -> Iterable[list[str]]:
    def cell(row: dict[str, Any]) -> str:
        (low, high), (least, most) = row["tau-middle"], row["speedup-middle"]
        return f"{row['tau']:.2f} ({low:.2f} to {high:.2f}) / {row['speedup']:.2f} ({least:.2f} to {most:.2f})"

    cells = {(row["acceptance"], row["passes"]): cell(row) for row in rows}
    for n in SETTINGS:
        yield [name, str(n), *(cells.get((rule, n), "") for rule in RULES)]


def written(row: dict[str, Any] | None) -> str:
    if not row:
        return ""
    middle = f"({row['low']:.0f} to {row['high']:.0f})"
    return f"{row['perplexity']:.0f} {middle} / {row['entropy']:.2f} / {row['repetition']:.0%} / {row['length']:.0f}"


def qualities(name: str, variant: dict[str, Any]) -> Iterable[list[str]]:
    for order, called in SAMPLERS.items():
        if (key := f"quality-{order}") in variant:
            yield [f"{name}, {called}" if called else name, *(written(variant[key].get(str(n))) for n in STEPS)]


def fillings(name: str, variant: dict[str, Any]) -> Iterable[list[str]]:
    for order in ("ancestral", "confidence"):
        if (key := f"infilling-{order}") in variant:
            rows = {row["hole"]: row for row in variant[key]}
            called = SAMPLERS[order]
            cells = (filling(rows[hole]) if hole in rows else "" for hole in holes(8))
            yield [f"{name}, {called}" if called else name, *cells]


def filling(row: dict[str, Any]) -> str:
    low, high = wilson(row["exact"], row["holes"])
    exact = f"{100 * row['exact'] / row['holes']:.0f} ({100 * low:.0f} to {100 * high:.0f})"
    return f"{exact} / {signed(row, 'above')}"
