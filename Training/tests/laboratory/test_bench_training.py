"""Training, distillation and the whole command, on a tiny verifier."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import FIXTURES, drafter_config, network_of
from gguf import GGMLQuantizationType

from speculate_training import __main__, drafter_file
from speculate_training.checkpoint import Checkpoint
from speculate_training.corpus import Corpus
from speculate_training.drafter import Drafter
from speculate_training.laboratory.distillation import distillation, two_steps
from speculate_training.laboratory.likelihood import Text
from speculate_training.laboratory.network import AUTOREGRESSIVE, PROCESSES
from speculate_training.laboratory.process import TokenProcess
from speculate_training.laboratory.processes import process_of
from speculate_training.laboratory.source import Source
from speculate_training.laboratory.training import Course, Trainer, losses, noisy
from speculate_training.laboratory.variants import VARIANTS, cost, share
from speculate_training.verifier import Verifier

EVERY = (*PROCESSES, AUTOREGRESSIVE)


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


@pytest.mark.parametrize("kind", ["sdtt", "consistency"])
def test_a_student_learns_its_teachers_two_steps(source: Source, easy: Corpus, kind: Any) -> None:
    source.corpus = easy
    teacher, student = network_of(source, "absorbing"), network_of(source, "absorbing")
    with torch.no_grad():
        student.output.add_(0.2 * torch.randn(student.output.shape, generator=torch.Generator().manual_seed(9)))
    loss = distillation(student, teacher, kind, drafting=0)
    lot = source.lot(student, [0, 1, 2, 3], 48, torch.Generator().manual_seed(1))
    before = loss(lot, torch.Generator().manual_seed(2)).bound
    optimizer = torch.optim.Adam(student.parameters(), 1e-3)
    for step in range(20):
        optimizer.zero_grad()
        loss(lot, torch.Generator().manual_seed(step + 3)).total.backward()
        optimizer.step()
    assert loss(lot, torch.Generator().manual_seed(2)).bound < 0.9 * before
    assert all(parameter.grad is None for parameter in teacher.parameters())
    whole = distillation(student, teacher, kind)(lot, torch.Generator().manual_seed(2))
    assert float(whole.total.detach()) == pytest.approx(whole.bound + whole.head) and whole.head > 0


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
    names = "included,absorbing,gaussian,autoregressive,verifier-1,absorbing-longer,absorbing-sdtt"
    command = ["speculate-training", "laboratory", "--verifier", str(FIXTURES / "tiny-qwen3.gguf")]
    for key, value in {
        "corpus": tmp_path / "corpus.npz", "drafter": tmp_path / "drafter.gguf", "out": tmp_path / "out",
        "prompts": tmp_path / "prompts.jsonl", "prose": tmp_path / "prose.txt", "variants": names, "blocks": 60,
        "batch": 24, "max-tokens": 24, "cache": tmp_path / "states", "thorough": 0.5,
    }.items():  # fmt: skip
        command += [f"--{key}", str(value)]
    monkeypatch.setattr(sys, "argv", [*command, "--export"])
    __main__.main()
    found = json.loads((tmp_path / "out" / "laboratory.json").read_text())
    assert all(variant["seconds"]["tau"] >= 0 for variant in found["variants"].values())
    assert [len(variant["curve"]) for variant in found["variants"].values()] == [1, 5, 5, 5, 4, 5, 5]
    assert list(found["variants"]) == names.split(",") and "verifier-1" in found["fits"]
    absorbing = found["variants"]["absorbing"]
    assert list(absorbing["tau"]) == ["1", "2", "4", "8"] and "quality-confidence" in absorbing
    assert found["fits"]["verifier-1"]["points"] == 3
    for name in ("bound", "quality", "passes", "scaling"):
        assert (tmp_path / "out" / f"{name}.svg").read_text().count("<path") > 5
    assert (tmp_path / "out" / "gaussian.gguf").exists() and not (tmp_path / "out" / "autoregressive.gguf").exists()
    kept = [tmp_path / "out" / name for name in ("absorbing/checkpoint.pt", "held-out-0.answers.jsonl")]
    before = [path.stat().st_mtime_ns for path in kept]
    __main__.main()
    assert [path.stat().st_mtime_ns for path in kept] == before
    assert json.loads((tmp_path / "out" / "laboratory.json").read_text()) == found
    assert found["variants"]["gaussian"]["bound-own"]["over-absorbing"]["low"] > -9
    longer = found["variants"]["absorbing-longer"]
    assert longer["curve"][-1]["blocks"] > 0 and longer["curve"][-1]["bound"] != absorbing["curve"][-1]["bound"]
    included = found["variants"]["included"]
    assert "over-included" not in included["tau"]["1"] and "quality-ancestral" not in included
    for row in (absorbing["tau"]["2"], absorbing["tau-left"]["2"]):
        assert row["over-included"]["tau"] == pytest.approx(row["tau"] - included["tau"]["1"]["tau"])
        assert "played" not in row
    # What has been measured so far can be seen.
    (tmp_path / "out" / "gaussian" / "bound-prose.json").rename(tmp_path / "aside.json")
    monkeypatch.setattr(sys, "argv", [*command, "--collect"])
    __main__.main()
    assert "bound-prose" not in json.loads((tmp_path / "out" / "laboratory.json").read_text())["variants"]["gaussian"]
    # All that was, whatever is asked for; nothing is no result.
    monkeypatch.setattr(sys, "argv", [*command, "--collect", "--variants", "uniform"])
    __main__.main()
    assert list(json.loads((tmp_path / "out" / "laboratory.json").read_text())["variants"]) == names.split(",")
    monkeypatch.setattr(sys, "argv", [*command, "--collect", "--out", str(tmp_path / "states")])
    with pytest.raises(SystemExit, match="states: nothing has been measured there"):
        __main__.main()
    (tmp_path / "aside.json").rename(tmp_path / "out" / "gaussian" / "bound-prose.json")
    assert "over-absorbing" not in absorbing["bound-own"] and "quality-ddim" in found["variants"]["gaussian"]
    # A run that was stopped between a checkpoint and what it was asked there asks again.
    curve = tmp_path / "out" / "gaussian" / "curve.json"
    points = json.loads(curve.read_text())
    curve.write_text(json.dumps(points[:-1]))
    monkeypatch.setattr(sys, "argv", command)
    __main__.main()
    assert json.loads(curve.read_text()) == points
    text = (tmp_path / "out" / "TABLES.md").read_text()
    assert text.count("| absorbing, from the left |") == 2 and "| verifier-1 |" in text
    monkeypatch.setattr(sys, "argv", [*command, "--batch", "25"])
    with pytest.raises(SystemExit, match="out: its batch is 24, not 25; name another folder"):
        __main__.main()
    for option, value, message in (
        ("--batch", "0", "--batch is 0, expected at least 1"),
        ("--rate", "-1", "--rate is -1.0, expected a finite number above 0"),
        ("--thorough", "inf", "--thorough is inf, expected a finite number above 0"),
        ("--prose", str(tmp_path / "none.txt"), "none.txt: there is no such prose"),
    ):
        monkeypatch.setattr(sys, "argv", [*command, option, value])
        with pytest.raises(SystemExit, match=message):
            __main__.main()
    monkeypatch.setattr(sys, "argv", [*command, "--out", str(tmp_path / "new"), "--prose", str(tmp_path / "none.txt")])
    with pytest.raises(SystemExit):
        __main__.main()
    assert not (tmp_path / "new").exists()
    monkeypatch.setattr(sys, "argv", [*command, "--variants", "levenshtein"])
    with pytest.raises(SystemExit, match="--variants has levenshtein"):
        __main__.main()
    assert "| absorbing-sdtt |" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", [*command, "--share", "3/2"])
    with pytest.raises(SystemExit, match="--share is 3/2"):
        __main__.main()


def test_shares_are_all_variants_and_keep_students_with_their_teacher() -> None:
    names = [variant.name for variant in VARIANTS]
    assert len(set(names)) == len(names)
    parts = [share(VARIANTS, number, 2) for number in (1, 2)]
    assert sorted(variant.name for part in parts for variant in part) == sorted(names)
    for part in parts:
        assert {variant.teacher for variant in part if variant.teacher} <= {variant.name for variant in part}
    first, second = (sum(map(cost, part)) for part in parts)
    assert abs(first - second) <= min(map(cost, VARIANTS))  # Moving a variant over would not make them more alike.
