"""The laboratory's tables in Markdown, from laboratory.json."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .infilling import LENGTHS
from .measures import PASSES, STEPS


def tables(found: dict[str, Any]) -> str:
    variants, text = found["variants"], []
    text.append("## bounds\n\nNats per token (standard error of the drawing, middle 95 % over texts):\n")
    rows = [likelihood(name, variant) for name, variant in variants.items() if "bound-own" in variant]
    heads = ["", "blocks", "bound, own text", "bound, prose", "one pass, Markov: own", "prose"]
    text.append(table(heads, rows))
    shares = ", ".join(f"{name} {share:.0%}" for name, share in found["excluded"].items())
    text.append(f"Blocks left out, since a token cannot be drafted: {shares}.\n")
    text.append("## drafts\n\nτ of greedy rounds by passes (middle 95 % over prompts):\n")
    rows = [row for name, variant in variants.items() for row in taus(name, variant)]
    text.append(table(["", *map(str, PASSES)], rows))
    text.append(
        "## quality\n\nWritten text: the verifier's perplexity / entropy / repeated 4-grams, by steps per block of 8:\n"
    )
    rows = [row for name, variant in variants.items() for row in qualities(name, variant)]
    reference = found["reference"]
    rows.append(["the verifier's own answers", written(reference), *[""] * (len(STEPS) - 1)])
    text.append(table(["", *map(str, STEPS)], rows))
    text.append(
        "## infilling\n\nHoles filled exactly / the verifier's nats per token of the block, by length of the hole:\n"
    )
    rows = [row for name, variant in variants.items() for row in holes(name, variant)]
    text.append(table(["", *map(str, LENGTHS), "the text itself"], rows))
    text.append("## laws\n\nτ − 1 = a · blocks^b, from the verifier's weights:\n")
    rows = [
        [name, f"{law['scale']:.3g}", f"{law['exponent']:.3f} ± {law['error']:.3f}"]
        for name, law in found["fits"].items()
    ]
    text.append(table(["", "a", "b"], rows))
    raced = {name: variant["engine"] for name, variant in variants.items() if "engine" in variant}
    if raced:
        text.append("## engine\n\nτ / speed-up in the engine, greedy, then at 0.7 with rejection, by passes:\n")
        heads = [f"{rule}, {n}" for rule in ("greedy", "rejection") for n in PASSES]
        text.append(table(["", *heads], [speeds(name, rows) for name, rows in raced.items()]))
    seconds = sum(variant["curve"][-1]["seconds"] for variant in variants.values())
    measured = sum(sum(variant["seconds"].values()) for variant in variants.values())
    text.append(f"{seconds / 60:.0f} minutes of training and {measured / 60:.0f} of measuring, on one thread each.\n")
    return "\n".join(text)


def table(heads: list[str], rows: Iterable[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def nats(row: dict[str, Any]) -> str:
    error = f" ± {row['error']:.2f}" if row["error"] else ""
    return f"{row['nats']:.2f}{error} ({row['low']:.2f} to {row['high']:.2f})"


def likelihood(name: str, variant: dict[str, Any]) -> list[str]:
    keys = ("bound-own", "bound-prose", "markov-own", "markov-prose")
    return [name, str(variant["curve"][-1]["blocks"]), *(nats(variant[key]) if key in variant else "" for key in keys)]


def tau(row: dict[str, Any] | None) -> str:
    return f"{row['tau']:.2f} ({row['low']:.2f} to {row['high']:.2f})" if row else ""


def taus(name: str, variant: dict[str, Any]) -> Iterable[list[str]]:
    for key, label in (("tau", name), ("tau-left", f"{name}, from the left")):
        if key in variant:
            yield [label, *(tau(variant[key].get(str(n))) for n in PASSES)]


def speeds(name: str, rows: list[dict[str, Any]]) -> list[str]:
    by_setting = {(row["temperature"] > 0, row["passes"]): f"{row['tau']:.2f} / {row['speedup']:.2f}" for row in rows}
    return [name, *(by_setting.get((drawn, n), "") for drawn in (False, True) for n in PASSES)]


def written(row: dict[str, Any] | None) -> str:
    return f"{row['perplexity']:.0f} / {row['entropy']:.2f} / {row['repetition']:.0%}" if row else ""


def qualities(name: str, variant: dict[str, Any]) -> Iterable[list[str]]:
    for key, label in (("quality-ancestral", name), ("quality-confidence", f"{name}, by confidence")):
        if key in variant:
            yield [label, *(written(variant[key].get(str(n))) for n in STEPS)]


def holes(name: str, variant: dict[str, Any]) -> Iterable[list[str]]:
    for key, label in (("infilling-ancestral", name), ("infilling-confidence", f"{name}, by confidence")):
        if key in variant:
            by_length = {row["length"]: row for row in variant[key]}
            shown = (by_length.get(length) for length in LENGTHS)
            cells = [f"{row['exact']:.0%} / {row['nats']:.2f}" if row else "" for row in shown]
            yield [label, *cells, f"{variant[key][0]['text']:.2f}"]
