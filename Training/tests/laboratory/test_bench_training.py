"""Training, distillation and every measure, on a tiny verifier."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import FIXTURES, drafter_config
from gguf import GGMLQuantizationType

from speculate_training import __main__, drafter_file
from speculate_training.checkpoint import Checkpoint
from speculate_training.corpus import Corpus
from speculate_training.drafter import Drafter
from speculate_training.laboratory import quality
from speculate_training.laboratory.distillation import distillation, two_steps
from speculate_training.laboratory.drafting import Answers, leading, sure, tau
from speculate_training.laboratory.fit import power_law
from speculate_training.laboratory.infilling import fill, infilling, middle
from speculate_training.laboratory.likelihood import Text, bound, one_pass, summary
from speculate_training.laboratory.network import AUTOREGRESSIVE, PROCESSES, Network, adopt
from speculate_training.laboratory.process import TokenProcess
from speculate_training.laboratory.processes import process_of
from speculate_training.laboratory.source import Source
from speculate_training.laboratory.training import Course, Trainer, losses, noisy
from speculate_training.laboratory.variants import VARIANTS
from speculate_training.verifier import Verifier

EVERY = (*PROCESSES, AUTOREGRESSIVE)


@pytest.fixture
def source(drafter: Drafter, checkpoint: Checkpoint, corpus: Corpus, tmp_path: Path) -> Source:
    corpus.save(tmp_path / "corpus.npz")
    f32 = GGMLQuantizationType.F32
    drafter_file.write(tmp_path / "drafter.gguf", drafter, checkpoint, f32, f32, {})
    verifier = str(FIXTURES / "tiny-qwen3.gguf")
    return Source(verifier, tmp_path / "corpus.npz", tmp_path / "drafter.gguf", None, "cpu", tokens=200)


@pytest.fixture
def easy() -> Corpus:
    """A text of few tokens, so that all of it can be drafted."""
    rng = np.random.default_rng(2)
    return Corpus.build((([7, 8], (5 + rng.integers(0, 12, 30)).tolist(), "easy") for _ in range(16)), 260)


@pytest.fixture
def text(source: Source, easy: Corpus) -> Text:
    return Text.read(source, easy, 3)


def network_of(source: Source, process: str) -> Network:
    return adopt(source.begin("drafter"), process)


def test_all_processes_learn_from_the_same_blocks(source: Source, easy: Corpus) -> None:
    source.corpus = easy
    indices = next(iter(source.batches(3)))
    seen = []
    for process in ("absorbing", "gaussian"):
        generator = torch.Generator().manual_seed(5)
        lot = source.lot(network_of(source, process), indices, 24, generator)
        seen.append((lot.anchors, lot.x0, noisy(network_of(source, process), lot, generator)[1]))
    for ours, theirs in zip(*seen, strict=True):
        assert torch.equal(ours, theirs)
    assert bool((seen[0][1] > 0).any())


def test_a_block_with_a_token_that_cannot_be_drafted_is_not_whole(source: Source) -> None:
    indices = next(iter(source.batches(0)))
    lot = source.lot(network_of(source, "absorbing"), indices, 24, torch.Generator().manual_seed(1))
    tokens = lot.blocks.tokens[..., 1:]
    expected = ((tokens >= 5) & (tokens < 45) & lot.blocks.valid).all(-1)
    assert torch.equal(lot.whole, expected) and bool(expected.any()) and not bool(expected.all())


@pytest.mark.parametrize("process", EVERY)
def test_a_network_learns_its_bound_and_its_head(source: Source, easy: Corpus, tmp_path: Path, process: str) -> None:
    source.corpus = easy
    network = network_of(source, process)
    lot = source.lot(network, [0, 1, 2, 3], 48, torch.Generator().manual_seed(7))
    before = losses(network, lot, torch.Generator().manual_seed(8))
    trainer = Trainer(network, tmp_path / process, Course(steps=24, blocks=48, rate=3e-3, rounded=False))
    assert len(list(trainer.run(source))) == 4
    after = losses(network, lot, torch.Generator().manual_seed(8))
    assert after.bound < before.bound and after.head < before.head
    assert trainer.blocks > 24 * 20


def test_an_interrupted_run_ends_with_the_same_weights(source: Source, tmp_path: Path) -> None:
    course = Course(steps=8, blocks=24)
    whole = network_of(source, "uniform")
    assert len(list(Trainer(whole, tmp_path / "a", course).run(source))) == 4
    parts = network_of(source, "uniform")
    next(iter(Trainer(parts, tmp_path / "b", course).run(source)))
    again = network_of(source, "uniform")
    trainer = Trainer(again, tmp_path / "b", course)
    assert trainer.step == 2
    list(trainer.run(source))
    for (name, ours), theirs in zip(again.named_parameters(), whole.parameters(), strict=True):
        assert torch.equal(ours, theirs), name
    with pytest.raises(SystemExit, match="name another folder"):
        Trainer(network_of(source, "gaussian"), tmp_path / "b", course)


def test_the_gaussian_head_is_taught_what_its_slot_sees(source: Source, easy: Corpus) -> None:
    from speculate_training.laboratory.training import head_target

    source.corpus = easy
    network = network_of(source, "gaussian")
    lot = source.lot(network, [0, 1], 8, torch.Generator().manual_seed(1))
    process = process_of(network)
    t = torch.full(lot.whole.shape, 0.02)
    z = process.noise(lot.x0, t.unsqueeze(-1), torch.Generator().manual_seed(2))
    rows = torch.arange(lot.x0.numel())
    target, which = head_target(network, lot, rows, z, t)
    right = target[which].gather(1, lot.x0.flatten().unsqueeze(-1))[
        lot.whole.unsqueeze(-1).expand(lot.x0.shape).flatten()
    ]
    assert float(right.min()) > 0.9  # There is next to no noise.


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
    from speculate_training.corpus import collate
    from speculate_training.evaluate import matches

    network = network_of(source, "absorbing")
    answers = Answers.read(source.verifier, easy, network.config.taps, 100)
    expected = list(matches(source.verifier, network, collate(easy, answers.batches[0]), ()))
    assert list(leading(network, answers, 0, 1)) == expected


def test_tau_by_hand() -> None:
    found = tau(np.array([[6.0, 2.0], [3.0, 1.0]]))
    assert (found["tau"], found["low"], found["high"], found["rounds"]) == (3, 3, 3, 3)


def test_a_sure_choice_keeps_the_sum() -> None:
    logits = torch.tensor([[0.0, 2.0, 1.0]])
    torch.testing.assert_close(sure(logits).logsumexp(-1), logits.logsumexp(-1))
    assert sure(logits).softmax(-1).tolist() == [[0.0, 1.0, 0.0]]


@pytest.mark.parametrize("kind", ["sdtt", "consistency"])
def test_a_student_learns_its_teachers_two_steps(source: Source, easy: Corpus, kind: Any) -> None:
    source.corpus = easy
    teacher, student = network_of(source, "absorbing"), network_of(source, "absorbing")
    with torch.no_grad():
        student.output.add_(0.2 * torch.randn(student.output.shape, generator=torch.Generator().manual_seed(9)))
    loss = distillation(student, teacher, kind)
    lot = source.lot(student, [0, 1, 2, 3], 48, torch.Generator().manual_seed(1))
    before = float(loss(lot, torch.Generator().manual_seed(2)).total.detach())
    optimizer = torch.optim.Adam(student.parameters(), 1e-3)
    for step in range(20):
        optimizer.zero_grad()
        loss(lot, torch.Generator().manual_seed(step + 3)).total.backward()
        optimizer.step()
    assert float(loss(lot, torch.Generator().manual_seed(2)).total.detach()) < 0.9 * before
    assert all(parameter.grad is None for parameter in teacher.parameters())


@pytest.mark.parametrize("kind", ["sdtt", "consistency"])
def test_a_teachers_two_steps_are_distributions(source: Source, text: Text, kind: Any) -> None:
    network, part = network_of(source, "absorbing"), text.lots[0]
    process = process_of(network)
    assert isinstance(process, TokenProcess)
    generator = torch.Generator().manual_seed(1)
    start = torch.full(part.whole.shape, 0.75)
    z = process.noise(part.x0, start.unsqueeze(-1), generator)
    target = two_steps(network, process, part, z, start, kind, generator)
    torch.testing.assert_close(target.sum(-1), torch.ones(target.shape[:-1]))
    if kind == "consistency":  # What was revealed before stays.
        known = z[part.whole] != process.vocabulary
        own = target.gather(-1, z[part.whole].unsqueeze(-1)).squeeze(-1)
        assert bool(known.any()) and torch.allclose(own[known], torch.ones(()))


def test_distillation_that_does_not_fit_is_refused(source: Source) -> None:
    with pytest.raises(SystemExit, match="sdtt does not fit the uniform process"):
        distillation(network_of(source, "uniform"), network_of(source, "uniform"), "sdtt")
    with pytest.raises(SystemExit, match="consistency does not fit the gaussian process"):
        distillation(network_of(source, "gaussian"), network_of(source, "gaussian"), "consistency")


@pytest.mark.parametrize("process", EVERY)
def test_what_is_written_costs_what_the_verifier_says(
    source: Source, verifier: Verifier, corpus: Corpus, process: str
) -> None:
    network = network_of(source, process)
    prompts = quality.Prompts.read(verifier, corpus, network.config.taps, 5, 259)
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
    filled, x0 = fill(network, part, middle(4, 2), order), part.x0[part.whole]
    assert torch.equal(filled[:, [0, 3]], x0[:, [0, 3]]) and bool((filled[:, 1:3] != x0[:, 1:3]).any())


@pytest.mark.parametrize("process", EVERY)
def test_infilling_is_judged(source: Source, text: Text, process: str) -> None:
    lines = infilling(network_of(source, process), source.verifier, text.lots[0], "ancestral")
    assert [line["length"] for line in lines] == [1, 2, 4] and all(0 <= line["exact"] <= 1 for line in lines)
    blocks = text.lots[0].blocks.tokens[text.lots[0].whole]
    assert lines[0]["holes"] == len(blocks) and lines[0]["text"] > 0


def test_a_power_law_is_found() -> None:
    blocks = [1000.0, 2000.0, 4000.0, 8000.0]
    law = power_law(blocks, [1 + 0.05 * n**0.3 for n in blocks])
    assert (law.scale, law.exponent) == (pytest.approx(0.05), pytest.approx(0.3)) and law.error < 1e-9
    assert law.tau(3000) == pytest.approx(1 + 0.05 * 3000**0.3)
    assert power_law(blocks, [1.5, 1.7, 1.7, 2.2]).error > 0.01
    with pytest.raises(ValueError, match="above 1"):
        power_law(blocks, [1.0, 1.1, 1.2, 1.3])


def test_the_command_does_everything_and_continues(
    source: Source, verifier: Verifier, checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """With a drafter that has nearly all tokens, so that prose has whole blocks."""
    shape = {"draft_vocabulary": 240, "layers": 2, "block": 4, "window": 99, "mask_token": 7}
    torch.manual_seed(1)
    wide = Drafter(drafter_config(verifier, **shape), torch.arange(8, 248), verifier.embedding, torch.float32)
    f32 = GGMLQuantizationType.F32
    drafter_file.write(tmp_path / "drafter.gguf", wide, checkpoint, f32, f32, {})
    (tmp_path / "prompts.jsonl").write_text(
        "".join(json.dumps({"prompt": f"ab{i} c", "raw": True}) + "\n" for i in range(8))
    )
    (tmp_path / "prose.txt").write_text("to be or not to be, " * 40)
    names = "absorbing,gaussian,autoregressive,verifier-1,absorbing-sdtt"
    command = ["speculate-training", "laboratory", "--verifier", str(FIXTURES / "tiny-qwen3.gguf")]
    for key, value in {
        "corpus": tmp_path / "corpus.npz", "drafter": tmp_path / "drafter.gguf", "out": tmp_path / "out",
        "prompts": tmp_path / "prompts.jsonl", "prose": tmp_path / "prose.txt", "variants": names, "blocks": 60,
        "batch": 24, "max-tokens": 24, "cache": tmp_path / "states",
    }.items():  # fmt: skip
        command += [f"--{key}", str(value)]
    monkeypatch.setattr(sys, "argv", [*command, "--export"])
    __main__.main()
    found = json.loads((tmp_path / "out" / "laboratory.json").read_text())
    assert list(found["variants"]) == names.split(",") and "verifier-1" in found["fits"]
    absorbing = found["variants"]["absorbing"]
    assert list(absorbing["tau"]) == ["1", "2", "4", "8"] and "quality-confidence" in absorbing
    for name in ("bound", "quality", "passes"):
        assert (tmp_path / "out" / f"{name}.svg").read_text().count("<path") > 5
    assert (tmp_path / "out" / "gaussian.gguf").exists() and not (tmp_path / "out" / "autoregressive.gguf").exists()
    before = (tmp_path / "out" / "absorbing" / "checkpoint.pt").stat().st_mtime_ns
    __main__.main()
    assert (tmp_path / "out" / "absorbing" / "checkpoint.pt").stat().st_mtime_ns == before
    assert json.loads((tmp_path / "out" / "laboratory.json").read_text()) == found
    monkeypatch.setattr(sys, "argv", [*command, "--variants", "levenshtein"])
    with pytest.raises(SystemExit, match="--variants has levenshtein"):
        __main__.main()
    assert "bound, own text" in capsys.readouterr().out


def test_variants_have_names_and_teachers() -> None:
    names = [variant.name for variant in VARIANTS]
    assert len(set(names)) == len(names)
    assert {variant.teacher for variant in VARIANTS if variant.teacher} <= set(names)
