"""The whole pipeline on a tiny model."""

from __future__ import annotations

import argparse
import csv
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import FIXTURES
from gguf import GGMLQuantizationType

from speculate_training import train
from speculate_training.checkpoint import Checkpoint, CheckpointError, fingerprint
from speculate_training.corpus import Corpus, collate
from speculate_training.drafter import Drafter
from speculate_training.drafter_file import load, write
from speculate_training.drafting import draft_blocks
from speculate_training.evaluate import evaluate
from speculate_training.objective import prepare
from speculate_training.run import Run
from speculate_training.states import StateCache, log_totals
from speculate_training.verifier import Verifier


def arguments(out: Path, corpus: Path, *extra: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    base = f"--verifier {FIXTURES / 'tiny-qwen3.gguf'} --corpus {corpus} --out {out} --steps 12 --tokens 90"
    base += (
        " --taps 0,1 --layers 2 --block 4 --window 16 --rank 32 --vocabulary 48 --threads 1 --device cpu --updates 2"
    )
    return parser.parse_args([*base.split(), *extra])


@pytest.fixture
def corpus_file(corpus: Corpus, tmp_path: Path) -> Path:
    corpus.save(tmp_path / "corpus.npz")
    return tmp_path / "corpus.npz"


def test_stages_and_rate_may_go_by_the_clock(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second passes in every step; a run that is continued has the seconds that are left."""
    stages, rates, seconds = [], [], itertools.count()
    real_stage, real_rate = train.stage_of, train.learning_rate
    monkeypatch.setattr(train.time, "monotonic", lambda: float(next(seconds)))
    monkeypatch.setattr(train, "stage_of", lambda *a: stages.append(real_stage(*a)) or stages[-1])
    monkeypatch.setattr(train, "learning_rate", lambda *a: rates.append(real_rate(*a)) or rates[-1])
    more = ["--seconds", "8", "--stages", "N:0.5,B:0.5", "--steps", "80", "--lr", "1", "--fall", "0.5"]
    train.main(arguments(tmp_path / "whole", corpus_file, *more))
    assert stages == ["N"] * 4 + ["B"] * 4
    assert rates[4:] == pytest.approx([1.0, 0.75, 0.5, 0.25])
    stages.clear()
    train.main(arguments(tmp_path / "parts", corpus_file, *more, "--stop-after", "3"))
    train.main(arguments(tmp_path / "parts", corpus_file, *more))
    assert stages == ["N"] * 4 + ["B"] * 4
    whole, parts = (torch.load(tmp_path / name / "checkpoint.pt")["drafter"] for name in ("whole", "parts"))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


@pytest.mark.parametrize("wrong", [["--seconds", "nan"], ["--seconds", "-1"], ["--steps", "0", "--seconds", "1"]])
def test_a_time_that_none_can_pass_is_named(corpus_file: Path, tmp_path: Path, wrong: list[str]) -> None:
    with pytest.raises(SystemExit, match=f"{wrong[0]} is {wrong[1]}"):
        train.main(arguments(tmp_path / "out", corpus_file, *wrong))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_run_in_two_sittings_is_the_run_in_one(corpus_file: Path, tmp_path: Path, optimizer: str) -> None:
    stages = ["--stages", "N:0.2,A:0.2,B:0.2,C:0.4", "--optimizer", optimizer]
    train.main(arguments(tmp_path / "whole", corpus_file, *stages))
    train.main(arguments(tmp_path / "parts", corpus_file, *stages, "--stop-after", "7"))
    train.main(arguments(tmp_path / "parts", corpus_file, *stages))
    whole, parts = (torch.load(tmp_path / name / "checkpoint.pt", weights_only=True) for name in ("whole", "parts"))
    assert whole["step"] == parts["step"] == 12 and whole["blocks"] == parts["blocks"]
    for kind in ("drafter", "average"):
        for name, weight in whole[kind].items():
            assert torch.equal(weight, parts[kind][name]), name
    assert {path.name for path in (tmp_path / "parts").iterdir()} == {"checkpoint.pt", "train.csv", "curves.svg"}
    with (tmp_path / "parts" / "train.csv").open() as file:
        steps = [int(row["step"]) for row in csv.DictReader(file)]
    assert steps == [7, 12]


def test_remembered_states_are_the_verifiers(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sequences are seen in other batches, and by a later run, than they were first."""
    run = Run(arguments(tmp_path / "run", corpus_file, "--cache", str(tmp_path / "states")))
    assert run.states is not None
    for indices in ([0, 1, 2], [3, 4]):
        run.states.batch(indices, collate(run.corpus, indices).tokens)
    later = Run(arguments(tmp_path / "later", corpus_file, "--cache", str(tmp_path / "states")))
    assert later.states is not None
    batch = collate(run.corpus, [4, 0])
    direct = prepare(run.verifier, run.drafter, batch)
    monkeypatch.delattr(Verifier, "forward")  # Nothing is to be computed.
    remembered = prepare(run.verifier, run.drafter, batch, later.states.batch([4, 0], batch.tokens))
    inside = torch.arange(batch.tokens.shape[1]) < batch.lengths[:, None]
    assert torch.equal(remembered.past.taps[inside], direct.past.taps[inside])
    assert torch.equal(remembered.row, direct.row)
    torch.testing.assert_close(remembered.distributions, direct.distributions, rtol=1e-4, atol=1e-6)
    with pytest.raises(AttributeError):
        later.states.batch([5], collate(run.corpus, [5]).tokens)


def test_recorded_states_are_remembered_as_the_verifiers(corpus: Corpus, verifier: Verifier, tmp_path: Path) -> None:
    """Of an answer that continued after what the corpus has of it, and of one that ended with it."""
    layers = (0, 1, verifier.config.layers)
    cache = StateCache(tmp_path, corpus, layers[:-1], verifier, "tiny")
    for index, more in ((0, [3, 4, 5]), (1, [])):
        tokens = torch.tensor([corpus.sequence(index).tolist() + more])
        past = verifier.forward(tokens, layers)
        bits = past.taps[0, :-1].to(torch.bfloat16).view(torch.int16).numpy().view(np.uint16)
        totals = log_totals(verifier, past.hidden[0])[int(corpus.prompts[index]) - 1 : -1]
        cache.record(index, bits, totals.tolist())
    batch = collate(corpus, [0, 1])
    remembered, direct = cache.batch([0, 1], batch.tokens), verifier.forward(batch.tokens, layers[:-1])
    totals = torch.stack([log_totals(verifier, row) for row in direct.hidden])
    for row in range(2):
        begin, end = int(batch.prompts[row]) - 1, int(batch.lengths[row]) - 1
        torch.testing.assert_close(remembered.taps[row, :end], direct.taps[row, :end], rtol=0.01, atol=0.01)
        torch.testing.assert_close(remembered.hidden[row, :end], direct.hidden[row, :end], rtol=0.02, atol=0.02)
        torch.testing.assert_close(remembered.totals[row, begin:end], totals[row, begin:end])
        assert remembered.totals[row, :begin].isinf().all()


def test_a_run_can_begin_from_another_ones_weights(corpus_file: Path, tmp_path: Path) -> None:
    train.main(arguments(tmp_path / "first", corpus_file))
    first = torch.load(tmp_path / "first" / "checkpoint.pt", weights_only=True)
    checkpoint = str(tmp_path / "first" / "checkpoint.pt")
    run = Run(arguments(tmp_path / "second", corpus_file, "--weights", checkpoint))
    assert run.step == 0
    for name, weight in run.drafter.named_parameters():
        assert torch.equal(weight, first["average"][name]), name
    with pytest.raises(SystemExit, match="another configuration"):
        Run(arguments(tmp_path / "third", corpus_file, "--weights", checkpoint, "--rank", "64"))


def test_a_run_can_begin_from_a_drafters_file(corpus_file: Path, tmp_path: Path) -> None:
    train.main(arguments(tmp_path / "first", corpus_file))
    checkpoint = Checkpoint(FIXTURES / "tiny-qwen3.gguf")
    verifier = Verifier(checkpoint, torch.device("cpu"), torch.float32)
    drafter = load(tmp_path / "first" / "checkpoint.pt", verifier, checkpoint)
    path = tmp_path / "drafter.gguf"
    write(path, drafter, checkpoint, GGMLQuantizationType.F32, GGMLQuantizationType.F32, {})
    run = Run(arguments(tmp_path / "second", corpus_file, "--weights", str(path)))
    # A file does not know how large the tapped numbers are; they are measured again.
    assert run.drafter.tap_scale.unique().numel() > 1
    run.drafter.fold()
    for name, weight in run.drafter.named_parameters():
        torch.testing.assert_close(weight, dict(drafter.named_parameters())[name], rtol=1e-6, atol=0)
    train.main(arguments(tmp_path / "second", corpus_file, "--weights", str(path), "--stop-after", "1"))
    with pytest.raises(SystemExit, match="no such drafter"):
        Run(arguments(tmp_path / "third", corpus_file, "--weights", str(tmp_path / "missing.gguf")))


def test_another_corpus_is_learnt_with_the_draft_vocabulary_that_there_is(corpus_file: Path, tmp_path: Path) -> None:
    train.main(arguments(tmp_path / "first", corpus_file))
    first = torch.load(tmp_path / "first" / "checkpoint.pt", weights_only=True)
    other = Corpus.build([([1, 2], list(range(100, 140)), "x")] * 16, 260)
    other.save(tmp_path / "other.npz")
    more = ["--weights", str(tmp_path / "first" / "checkpoint.pt"), "--stop-after", "2"]
    train.main(arguments(tmp_path / "second", tmp_path / "other.npz", *more))
    second = torch.load(tmp_path / "second" / "checkpoint.pt", weights_only=True)
    assert second["d2t"] == first["d2t"] and second["step"] == 2
    run = Run(arguments(tmp_path / "second", tmp_path / "other.npz", *more))
    covered = sum(token in first["d2t"] for token in range(100, 140)) / 40
    assert run.coverage == pytest.approx(covered)


def test_a_checkpoint_of_another_shape_is_refused(corpus_file: Path, tmp_path: Path) -> None:
    train.main(arguments(tmp_path / "run", corpus_file, "--stop-after", "1"))
    with pytest.raises(SystemExit, match="another configuration"):
        train.main(arguments(tmp_path / "run", corpus_file, "--window", "8"))


def test_training_learns_a_text_by_heart(tmp_path: Path) -> None:
    text = [11, 29, 3, 41, 17, 5, 23, 8, 31, 2, 37, 13, 19, 7, 43, 47]
    corpus = Corpus.build([([1, 2], text, "x")] * 16, 260)
    corpus.save(tmp_path / "corpus.npz")
    args = arguments(tmp_path / "run", tmp_path / "corpus.npz", "--mix", "kl=0,ce=0,tv=0,lk=0", "--steps", "1")
    run = Run(args)
    # The verifier is random; what must be learnt here is its own distribution, whose likeliest tokens are the measure.
    batch_tokens = torch.tensor([[1, 2, *text]])
    hidden = run.verifier.forward(batch_tokens, run.config.taps).hidden
    likeliest = run.verifier.logits(hidden)[0, :, run.drafter.d2t].argmax(-1)
    args = arguments(tmp_path / "learn", tmp_path / "corpus.npz", "--mix", "kl=1,ce=1", "--steps", "60", "--lr", "0.01")
    train.main(args)
    state = torch.load(tmp_path / "learn" / "checkpoint.pt", weights_only=True)
    run.drafter.load_state_dict(state["drafter"])
    with torch.no_grad():
        context = run.drafter.inject(run.verifier.forward(batch_tokens, run.config.taps).taps)
        anchors = torch.arange(1, 13)[None]
        first = batch_tokens.gather(1, anchors)
        draft = draft_blocks(run.drafter, context, anchors, first, 1)
    right = run.drafter.t2d[draft.tokens[0, :, 0]] == likeliest[1:13]
    assert right.float().mean() > 0.9


@pytest.mark.parametrize("kind", [GGMLQuantizationType.F32, GGMLQuantizationType.Q8_0, GGMLQuantizationType.Q4_1])
def test_an_exported_drafter_comes_back(
    checkpoint: Checkpoint, verifier: Verifier, drafter: Drafter, tmp_path: Path, kind: GGMLQuantizationType
) -> None:
    path = tmp_path / "drafter.gguf"
    write(path, drafter, checkpoint, kind, kind, {"name": "x"})
    again = load(path, verifier, checkpoint)
    assert again.config == drafter.config and torch.equal(again.d2t, drafter.d2t)
    largest = {"F32": 0.0, "Q8_0": 0.02, "Q4_1": 0.15}[kind.name]
    for (name, before), after in zip(drafter.named_parameters(), again.parameters(), strict=True):
        assert (before - after).abs().max() <= largest * before.abs().max(), name
    assert [found.name for found in tmp_path.iterdir()] == ["drafter.gguf"]


def test_a_drafter_for_another_verifier_is_refused(checkpoint: Checkpoint, drafter: Drafter, tmp_path: Path) -> None:
    path = tmp_path / "drafter.gguf"
    write(path, drafter, checkpoint, GGMLQuantizationType.F32, GGMLQuantizationType.F32, {})
    other = Checkpoint(FIXTURES / "tiny-qwen2.gguf")
    assert fingerprint(other) != fingerprint(checkpoint)
    with pytest.raises(CheckpointError, match="fingerprint"):
        load(path, Verifier(other, torch.device("cpu"), torch.float32), other)


def test_a_perfect_drafter_is_counted_as_perfect(verifier: Verifier, drafter: Drafter) -> None:
    # Its own greedy drafts, taken as the text, are accepted whole in the first round.
    prompt = [9, 8, 7, 6]
    context = drafter.inject(verifier.forward(torch.tensor([prompt]), drafter.config.taps).taps)
    draft = draft_blocks(drafter, context, torch.tensor([[3]]), torch.tensor([[6]]), 4)
    corpus = Corpus.build([(prompt, draft.tokens[0, 0].tolist(), "t")], 260)
    tally = evaluate(verifier, drafter, corpus, ())["all"]
    assert tally.report()["tau"][3] == 4.0  # Three drafted tokens and the last one, which no draft may hold.
