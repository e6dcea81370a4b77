"""What the laboratory trains: every process, the autoregressive head beside them, and one thing changed at a time."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .distillation import Kind, distillation
from .network import AUTOREGRESSIVE, PROCESSES, Network, adopt
from .source import Source
from .training import Course, Trainer


@dataclass(frozen=True)
class Variant:
    name: str
    process: str
    schedule: str = "linear"
    layers: int = 0  # Of a trunk that begins from the verifier's weights; 0: begins as all do.
    teacher: str = ""  # The variant that it is distilled from,
    kind: Kind | None = None  # and how; None: it learns on as before, which distilled ones are compared with.
    budget: float = 1.0  # Of the others' training.


VARIANTS = [
    Variant("included", "absorbing", budget=0),
    *(Variant(process, process) for process in (*PROCESSES, AUTOREGRESSIVE)),
    Variant("absorbing-cosine", "absorbing", "cosine"),
    Variant("absorbing-geometric", "absorbing", "geometric"),
    *(Variant(f"verifier-{layers}", "absorbing", layers=layers, budget=0.5) for layers in (1, 2, 3)),
    Variant("absorbing-longer", "absorbing", teacher="absorbing", budget=0.5),
    Variant("absorbing-sdtt", "absorbing", teacher="absorbing", kind="sdtt", budget=0.5),
    Variant("absorbing-consistency", "absorbing", teacher="absorbing", kind="consistency", budget=0.5),
]
#: When networks that show how τ grows with training are asked: each time after twice as many steps.
DOUBLINGS = tuple(2.0**-k for k in range(6, -1, -1))
#: A measure of a network in training, for the curves: name → number.
Probe = Callable[[Network, Variant], dict[str, float]]


def untrained(source: Source, variant: Variant, start: str) -> Network:
    drafter = source.begin("verifier" if variant.layers else start, variant.layers)
    return adopt(drafter, variant.process, variant.schedule)


def trained(source: Source, variant: Variant, folder: Path, course: Course, start: str, probe: Probe) -> Network:
    """The variant's network, trained to the end in folder/NAME; the rest of it where it was interrupted. At
    every point of the course `probe` is asked, and curve.json keeps what it says with the number of blocks."""
    own = folder / variant.name
    # From far away a higher rate, throughout, so that every point of the curve stands for a run that ends there.
    fall, rate = (1e-9, 3 * course.rate) if variant.layers else (course.fall, course.rate)
    steps = max(4, round(course.steps * variant.budget))
    loss = None
    if variant.teacher:
        by_name = {known.name: known for known in VARIANTS}
        teacher = trained(source, by_name[variant.teacher], folder, course, start, probe)
        network = copy.deepcopy(teacher)
        loss = distillation(network, teacher, variant.kind) if variant.kind else None
    else:
        network = untrained(source, variant, start)
    course = dataclasses.replace(course, steps=steps, rate=rate, fall=fall)
    if variant.layers:
        course = dataclasses.replace(course, points=DOUBLINGS)
    path = own / "curve.json"
    curve: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []

    def point(blocks: int, seconds: float) -> None:
        curve[:] = [known for known in curve if known["blocks"] < blocks]
        curve.append({"blocks": blocks, "seconds": seconds, **probe(network, variant)})
        write(path, curve)
        print(f"{variant.name}: {blocks} blocks, {curve[-1]}", flush=True)

    own.mkdir(parents=True, exist_ok=True)
    if not curve:
        point(0, 0.0)
    if not variant.budget:
        return network
    trainer = Trainer(network, own, course)
    # Stopped between a point's checkpoint and its line of the curve.
    if trainer.at_point and curve[-1]["blocks"] < trainer.blocks:
        point(trainer.blocks, trainer.seconds)
    for blocks in trainer.run(source, loss):
        point(blocks, trainer.seconds)
    return network


def cost(variant: Variant) -> float:
    """About how many minutes a core takes for the small laboratory's training and for measuring."""
    measuring = {"absorbing": 4.5, "token-distance": 6.0, AUTOREGRESSIVE: 0.7, "included": 1.5}
    others = 3.2 if variant.name == variant.process else 0.5 if variant.layers else 2.4 if variant.kind else 1.5
    return 1.4 * variant.budget + measuring.get(variant.name, others)


def share(variants: list[Variant], number: int, count: int) -> list[Variant]:
    """The part `number` (from 1) of `count` that take about as long; what is distilled stays with its teacher."""
    groups: dict[str, list[Variant]] = {}
    for variant in variants:
        groups.setdefault(variant.teacher or variant.name, []).append(variant)
    parts: list[list[Variant]] = [[] for _ in range(count)]
    for group in sorted(groups.values(), key=lambda group: -sum(map(cost, group))):
        min(parts, key=lambda part: sum(map(cost, part))).extend(group)
    return parts[number - 1]


def write(path: Path, value: Any) -> None:
    """As JSON."""
    replace(path, json.dumps(value, indent=1) + "\n")


def replace(path: Path, text: str) -> None:
    """Written beside and renamed; another process may write the same file."""
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    beside.write_text(text)
    os.replace(beside, path)
