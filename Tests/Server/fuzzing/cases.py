"""All kinds of cases, and the choice among them."""

from __future__ import annotations

import random

from .bodies import json_case
from .client import Case
from .connections import ending_case, pipeline_case, protocol_case, scrambled_case
from .framing import chunked_case, length_case
from .heads import header_case, method_case, path_case

KINDS = [
    method_case, path_case, header_case, length_case, chunked_case, pipeline_case, ending_case, protocol_case,
    scrambled_case,
]  # fmt: skip


def some_case(rng: random.Random) -> Case:
    return json_case(rng) if rng.random() < 0.6 else rng.choice(KINDS)(rng)
