from __future__ import annotations

import numpy as np
import pytest
import torch

from speculate_training.compare import interval, misses, plan, play
from speculate_training.corpus import Corpus, collate
from speculate_training.drafter import Drafter
from speculate_training.verifier import Verifier


def test_rounds_are_played_to_the_end() -> None:
    # Two of the draft are right, the verifier adds one; then nothing is right; the last token needs no draft.
    assert play([2, 0, 0, 0, 3], 4) == (5, 3)


def test_plans_are_numbers_of_passes_or_orders_with_counts() -> None:
    assert plan("4") == ((1, 2, 4), "left") and plan("confidence:1+7") == ((1, 7), "confidence")
    for wrong in ("3", "up:2", "left:", "left:x"):
        with pytest.raises(SystemExit, match=wrong):
            plan(wrong)


def test_an_interval_holds_the_difference_and_is_that_of_pairs() -> None:
    rng = np.random.default_rng(1)
    rounds = rng.integers(20, 60, 90).astype(float)
    first = np.stack([rounds * rng.uniform(1, 4, 90), rounds], 1)
    assert interval(first, first) == (0.0, 0.0)
    low, high = interval(first, first * [1.1, 1])
    difference = 0.1 * first[:, 0].sum() / first[:, 1].sum()
    assert low < difference < high and high - low < 0.2 * difference  # Prompts differ far more than drafters do.


def test_misses_count_every_round_that_ends_early(verifier: Verifier, drafter: Drafter, corpus: Corpus) -> None:
    torch.manual_seed(7)
    batches = [[0, 1, 2], list(range(3, 24))]
    pasts = [verifier.forward(collate(corpus, indices).tokens, drafter.config.taps) for indices in batches]
    report = misses(verifier, drafter, corpus, batches, pasts)
    assert len(report) == drafter.config.block and report[0]["reached"] > 0
    for line, later in zip(report, report[1:], strict=False):
        assert later["reached"] <= line["reached"] - line["ended"]
        assert line["top 2"] <= line["top 4"] <= line["top 16"] <= 1 - line["not drafted"] + 1e-9
