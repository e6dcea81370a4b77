"""What the laboratory trains: every process, the autoregressive head beside them, and one thing changed at a time."""

from __future__ import annotations

import copy
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
    kind: Kind = "sdtt"  # and how.


VARIANTS = [
    *(Variant(process, process) for process in (*PROCESSES, AUTOREGRESSIVE)),
    Variant("absorbing-cosine", "absorbing", "cosine"),
    Variant("absorbing-geometric", "absorbing", "geometric"),
    *(Variant(f"verifier-{layers}", "absorbing", layers=layers) for layers in (1, 2, 3)),
    Variant("absorbing-sdtt", "absorbing", teacher="absorbing", kind="sdtt"),
    Variant("absorbing-consistency", "absorbing", teacher="absorbing", kind="consistency"),
    Variant("uniform-consistency", "uniform", teacher="uniform", kind="consistency"),
]
#: A measure of a network in training, for the curves: name → number.
Probe = Callable[[Network, Variant], dict[str, float]]


def untrained(source: Source, variant: Variant, start: str) -> Network:
    drafter = source.begin("verifier" if variant.layers else start, variant.layers)
    return adopt(drafter, variant.process, variant.schedule)


def trained(source: Source, variant: Variant, folder: Path, course: Course, start: str, probe: Probe) -> Network:
    """The variant's network, trained to the end in folder/NAME; the rest of it where it was interrupted. After every
    quarter `probe` is asked, and curve.json keeps what it says with the number of blocks."""
    own = folder / variant.name
    fall = 1e-9 if variant.layers else course.fall  # One rate throughout, so that every point ends a run of its own.
    course = Course(course.steps, course.blocks, course.rate, fall, course.rounded)
    if variant.teacher:
        by_name = {known.name: known for known in VARIANTS}
        teacher = trained(source, by_name[variant.teacher], folder, course, start, probe)
        network = copy.deepcopy(teacher)
        course = Course(max(1, course.steps // 2), course.blocks, course.rate / 3, course.fall, course.rounded)
        loss = distillation(network, teacher, variant.kind)
    else:
        network, loss = untrained(source, variant, start), None
    trainer = Trainer(network, own, course)
    curve: list[dict[str, Any]] = json.loads((own / "curve.json").read_text()) if trainer.step else []
    if not curve:
        curve = [{"blocks": 0, **probe(network, variant)}]
        write(own / "curve.json", curve)
    for blocks in trainer.run(source, loss):
        curve = [point for point in curve if point["blocks"] < blocks] + [{"blocks": blocks, **probe(network, variant)}]
        write(own / "curve.json", curve)
        print(f"{variant.name}: {blocks} blocks, {curve[-1]}", flush=True)
    return network


def write(path: Path, value: Any) -> None:
    """JSON, written beside and renamed."""
    beside = path.with_suffix(".tmp")
    beside.write_text(json.dumps(value, indent=1) + "\n")
    os.replace(beside, path)
