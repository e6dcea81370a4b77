"""Every measure of a network, against what it should be by hand or by the verifier itself."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import network_of

from speculate_training.corpus import Corpus, collate
from speculate_training.evaluate import matches
from speculate_training.laboratory import engine, quality
from speculate_training.laboratory.drafting import Answers, leading, sure, tau
from speculate_training.laboratory.fit import power_law
from speculate_training.laboratory.infilling import fill, holes, infilling, wilson
from speculate_training.laboratory.likelihood import Text, bound, one_pass, summary
from speculate_training.laboratory.network import AUTOREGRESSIVE, PROCESSES
from speculate_training.laboratory.source import Source
from speculate_training.laboratory.texts import spread
from speculate_training.verifier import Verifier

EVERY = (*PROCESSES, AUTOREGRESSIVE)


@pytest.mark.parametrize("process", EVERY)
def test_bounds_are_finite_and_an_autoregressive_one_exact(source: Source, text: Text, process: str) -> None:
    network = network_of(source, process)
    found = bound(network, text, 2)
    assert 0 < found["nats"] < math.inf and found["low"] <= found["nats"] <= found["high"]
    assert found["blocks"] == sum(int(part.whole.sum()) for part in text.lots) == len(text.groups)
    if process == AUTOREGRESSIVE:
        total = 0.0
        for part in text.lots:
            for slot in range(4):
                z = part.x0.clone()
                z[..., slot:] = 0  # Nothing from here on is known.
                context = network.inject(part.lesson.past.taps)
                with torch.no_grad():
                    hidden = network.denoise(z, torch.ones(part.whole.shape), part.first, part.anchors, context)
                    log_p = network.unary(hidden)[:, :, slot].log_softmax(-1)
                total -= float(log_p.gather(-1, part.x0[..., slot : slot + 1]).squeeze(-1)[part.whole].sum())
        assert found["nats"] == pytest.approx(total / found["blocks"] / 4, rel=1e-4)


def test_one_step_of_absorbing_is_one_pass(source: Source, text: Text) -> None:
    """With one step everything is masked, and the bound is the likelihood itself."""
    network = network_of(source, "absorbing")
    assert bound(network, text, 2, steps=1)["nats"] == pytest.approx(one_pass(network, text, False)["nats"], rel=1e-5)
    assert one_pass(network, text, True)["nats"] != pytest.approx(one_pass(network, text, False)["nats"], rel=1e-5)


def test_a_summary_by_hand() -> None:
    found = summary(np.array([1.0, 3.0, 2.0]), np.array([0, 0, 7]))
    assert found["nats"] == 2 and found["blocks"] == 3 and found["perplexity"] == pytest.approx(math.exp(2))
    assert found["low"] == found["high"] == 2  # Both texts have the same mean.


@pytest.mark.parametrize("process", EVERY)
def test_drafts_are_played(source: Source, easy: Corpus, process: str) -> None:
    network = network_of(source, process)
    answers = Answers.read(source.verifier, easy, network.config.taps, 100)
    rows = list(leading(network, answers, 0, 2))
    assert [len(row) for row in rows] == [30] * len(answers.batches[0])
    assert (
        all(0 <= count <= 4 for row in rows for count in row) and rows[0][-1] == 0
    )  # After the last nothing is right.


def test_one_absorbing_pass_is_the_drafters_own(source: Source, easy: Corpus) -> None:
    network = network_of(source, "absorbing")
    answers = Answers.read(source.verifier, easy, network.config.taps, 100)
    expected = list(matches(source.verifier, network, collate(easy, answers.batches[0]), ()))
    assert list(leading(network, answers, 0, 1)) == expected


def test_from_the_left_is_as_the_engine_drafts(source: Source, easy: Corpus) -> None:
    network = network_of(source, "absorbing")
    answers = Answers.read(source.verifier, easy, network.config.taps, 100)
    expected = list(matches(source.verifier, network, collate(easy, answers.batches[0]), (2,)))
    assert list(leading(network, answers, 0, 2, left=True)) == expected
    assert any(count > 0 for row in expected for count in row)


def test_the_engines_report_by_hand(tmp_path: Path) -> None:
    def one(setting: str, tokens: int, rounds: int, speeds: list[float]) -> dict[str, Any]:
        outcome = {"tokens": tokens, "rounds": rounds, "speeds": speeds}
        return {"setting": setting, "temperature": 0, "acceptance": "greedy", "outcomes": [outcome, outcome]}

    series = [
        one("plain", 10, 10, [50.0, 100.0, 200.0]),
        one("diffusion:8x2", 10, 4, [150.0]),
        one("lookup", 1, 1, [1.0]),
    ]
    row = {"temperature": 0, "acceptance": "greedy", "passes": 2, "tau": 2.5, "speedup": 1.5}
    assert engine.rows(series) == [row | {"tau-middle": (2.5, 2.5), "speedup-middle": (1.5, 1.5)}]
    program, prompts = tmp_path / "program", tmp_path / "prompts.jsonl"
    prompts.write_text("{}\n" * 30)
    program.write_text("#!/bin/sh\necho no such process >&2\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(SystemExit, match="bench ended with 3 for .*x.gguf: no such process"):
        engine.bench(str(program), "v.gguf", tmp_path / "x.gguf", prompts)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["program", "prompts.jsonl"]
    with pytest.raises(SystemExit, match="needs --engine, the speculate program; 'nowhere' is none"):
        engine.bench("nowhere", "v.gguf", tmp_path / "x.gguf", prompts)


def test_the_engine_is_asked_for_prompts_from_all_over_and_every_rule(tmp_path: Path) -> None:
    program, prompts, asked = tmp_path / "program", tmp_path / "prompts.jsonl", tmp_path / "asked"
    # One end of line within a string, which is not JSON Lines' own.
    prompts.write_text("".join(f'{{"prompt": "{n}\u2028"}}\n' for n in range(99)))
    program.write_text(f'#!/bin/sh\necho "$@" > {asked}\ncat "$7" > {asked}.prompts\nexit 3\n')
    program.chmod(0o755)
    with pytest.raises(SystemExit):
        engine.bench(str(program), "v.gguf", tmp_path / "x.gguf", prompts)
    lines = asked.with_suffix(".prompts").read_text().split("\n")[:-1]
    assert lines == [f'{{"prompt": "{n}\u2028"}}' for n in (0, 14, 28, 42, 56, 70, 84, 98)]
    words = asked.read_text()
    assert "--settings diffusion:8 diffusion:8x2 diffusion:8x4 diffusion:8x8" in words
    assert "--temperatures 0 1 --acceptance match rejection block" in words


def test_tau_by_hand() -> None:
    found = tau(np.array([[6.0, 2.0], [3.0, 1.0]]))
    assert (found["tau"], found["low"], found["high"], found["rounds"]) == (3, 3, 3, 3)


def test_a_sure_choice_keeps_the_sum() -> None:
    logits = torch.tensor([[0.0, 2.0, 1.0]])
    torch.testing.assert_close(sure(logits).logsumexp(-1), logits.logsumexp(-1))
    assert sure(logits).softmax(-1).tolist() == [[0.0, 1.0, 0.0]]


@pytest.mark.parametrize("process", EVERY)
def test_what_is_written_costs_what_the_verifier_says(
    source: Source, verifier: Verifier, corpus: Corpus, process: str
) -> None:
    network = network_of(source, process)
    prompts = quality.Prompts.read(verifier, spread(corpus, 5, 1), network.config.taps, 259)
    sample = quality.sampler_of(network, 2, "ancestral")
    tokens, surprise = quality.write(network, verifier, prompts, sample, 2, 1)
    assert tokens.shape == (5, 8) and len(tokens.unique()) > 4
    for row in range(5):
        length = int(prompts.lengths[row])
        text = torch.cat([prompts.tokens[row, :length], tokens[row]])[None]
        logits = verifier.logits(verifier.forward(text, (0,)).hidden[0, length - 1 : -1])
        expected = -logits.float().log_softmax(-1).gather(1, tokens[row].unsqueeze(-1)).squeeze(-1)
        torch.testing.assert_close(surprise[row], expected, rtol=1e-4, atol=1e-4)


def test_the_verifier_extends_a_pass_as_if_it_had_read_all_at_once(verifier: Verifier) -> None:
    torch.manual_seed(0)
    tokens = torch.randint(0, 260, (3, 14))
    past = verifier.forward(tokens[:, :6], (0, 1)).with_room(8)
    verifier.extend(tokens[:, 6:10], torch.full((3,), 6), past)
    verifier.extend(tokens[:, 10:], torch.full((3,), 10), past)
    whole = verifier.forward(tokens, (0, 1))
    torch.testing.assert_close(past.taps, whole.taps, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(past.hidden, whole.hidden, rtol=1e-4, atol=1e-4)


def test_degenerate_texts_show(source: Source) -> None:
    found = quality.judge([[5] * 12, list(range(12))], [[0.0] * 12, [math.log(4)] * 12])
    assert found["perplexity"] == pytest.approx(2) and found["entropy"] == pytest.approx(math.log(12) / 2)
    assert found["repetition"] == pytest.approx(8 / 18)
    texts, costs = quality.until(9, torch.tensor([[1, 9, 3], [4, 5, 6]]), torch.ones(2, 3))
    assert texts == [[1, 9], [4, 5, 6]] and [len(row) for row in costs] == [2, 3]


@pytest.mark.parametrize("order", ["confidence", "ancestral"])
def test_only_the_hole_is_filled(source: Source, text: Text, order: str) -> None:
    network, part = network_of(source, "absorbing"), text.lots[0]
    filled, x0 = fill(network, part, holes(4)["2"], order), part.x0[part.whole]
    assert torch.equal(filled[:, [0, 3]], x0[:, [0, 3]]) and bool((filled[:, 1:3] != x0[:, 1:3]).any())


@pytest.mark.parametrize("process", EVERY)
def test_infilling_is_judged(source: Source, text: Text, process: str) -> None:
    lines = infilling(network_of(source, process), source.verifier, text, "ancestral")
    assert [line["hole"] for line in lines] == ["1", "2", "3", "4", "every other"]
    assert all(0 <= line["exact"] <= line["holes"] and line["low"] <= line["above"] <= line["high"] for line in lines)
    assert lines[0]["holes"] == sum(int(part.whole.sum()) for part in text.lots)


def test_intervals_of_shares() -> None:
    low, high = wilson(0, 10)  # By Wilson's formula: z²/(n + z²).
    assert low == pytest.approx(0) and high == pytest.approx(3.8416 / 13.8416)
    assert wilson(5, 10) == (pytest.approx(0.2366, abs=1e-4), pytest.approx(0.7634, abs=1e-4))


def test_a_power_law_is_found() -> None:
    blocks = [1000.0, 2000.0, 4000.0, 8000.0]
    law = power_law(blocks, [1 + 0.05 * n**0.3 for n in blocks])
    assert (law.scale, law.exponent) == (pytest.approx(0.05), pytest.approx(0.3)) and law.error < 1e-9
    assert law.tau(3000) == pytest.approx(1 + 0.05 * 3000**0.3)
    assert power_law(blocks, [1.5, 1.7, 1.7, 2.2]).error > 0.01
    with pytest.raises(ValueError, match="above 1"):
        power_law(blocks, [1.0, 1.1, 1.2, 1.3])
