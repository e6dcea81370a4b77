"""DFlash 2's parts, and the anchor's own state, against the plain reference that the engine is tested with."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import FIXTURES, drafter_config
from gguf import GGMLQuantizationType
from test_training import arguments

from speculate_training import train
from speculate_training.checkpoint import Checkpoint, CheckpointError
from speculate_training.corpus import Corpus, collate
from speculate_training.drafter import Drafter
from speculate_training.drafter_file import load, write
from speculate_training.drafting import choose, draft_blocks
from speculate_training.evaluate import drafts
from speculate_training.initialization import open_gate
from speculate_training.losses import pace_weights
from speculate_training.run import Run
from speculate_training.verifier import Verifier

sys.path.insert(0, str(FIXTURES))
import reference


def make(verifier: Verifier, **own: object) -> Drafter:
    torch.manual_seed(1)
    values = {"draft_vocabulary": 40, "layers": 2, "block": 4, "window": 99, "mask_token": 7} | own
    drafter = Drafter(drafter_config(verifier, **values), torch.arange(5, 45), verifier.embedding, torch.float32)
    with torch.no_grad():
        for parameter in drafter.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return drafter


def as_reference(drafter: Drafter) -> tuple[dict[str, np.ndarray], reference.Shape]:
    c = drafter.config
    weights = {}
    for name, parameter in drafter.named_parameters():
        key = name if name.endswith("conv_base") else f"{name}.weight"
        weights[key.replace("enc_output_norm", "enc.output_norm")] = parameter.detach().double().numpy()
    with torch.no_grad():
        weights["token_embd.weight"] = drafter.embed(torch.arange(c.vocabulary)).double().numpy()
    shape = reference.Shape(
        c.hidden, c.feed_forward, c.layers, c.heads, c.kv_heads, c.head_dimension, c.epsilon, c.rope_base
    )
    return weights, shape


@pytest.mark.parametrize("groups", [0, 16])
def test_a_block_is_the_references(verifier: Verifier, groups: int) -> None:
    drafter = make(verifier, groups=groups)
    weights, shape = as_reference(drafter)
    torch.manual_seed(2)
    taps, slots = torch.randn(1, 12, 2, drafter.config.hidden), [11, 30, 7, 7]
    expected, _ = reference.block(weights, weights, taps[0, :9].flatten(1).double().numpy(), slots, shape)
    with torch.no_grad():
        found = drafter(torch.tensor([[slots]]), torch.tensor([[9]]), drafter.inject(taps))[0, 0]
    assert np.abs(found.numpy() - expected).max() < 1e-4


def test_a_selector_chooses_as_the_reference_does(verifier: Verifier) -> None:
    drafter = make(verifier, candidates=6)
    weights, _ = as_reference(drafter)
    weights["selector_predecessor.weight"] = weights["markov_w1.weight"]
    weights["selector_successor.weight"] = weights["markov_w2.weight"]
    torch.manual_seed(3)
    context = drafter.inject(torch.randn(1, 12, 2, drafter.config.hidden))
    draft = draft_blocks(drafter, context, torch.tensor([[9]]), torch.tensor([[11]]), 4)
    hidden = draft.hidden[0, 0].double().numpy()
    logits = hidden @ weights["output.weight"].T
    steps = reference.select(weights, hidden, logits, 11, drafter.d2t.numpy(), 6, 1.0, 0.0)
    assert [int(tokens[scores.argmax()]) for tokens, scores in steps] == draft.tokens[0, 0].tolist()


def test_convolutions_and_the_anchors_state_change_nothing_at_first(corpus: Corpus, tmp_path: Path) -> None:
    corpus.save(tmp_path / "corpus.npz")
    train.main(arguments(tmp_path / "first", tmp_path / "corpus.npz"))
    begin = ["--weights", str(tmp_path / "first" / "checkpoint.pt")]
    runs = [
        Run(arguments(tmp_path / f"run{len(more)}", tmp_path / "corpus.npz", *begin, *more))
        for more in ([], ["--groups", "16", "--early", "1"])
    ]
    taps = torch.randn(1, 12, 2, runs[0].config.hidden)
    slots, anchors = torch.randint(0, 200, (1, 2, 4)), torch.tensor([[3, 9]])
    with torch.no_grad():
        outputs = [run.drafter(slots, anchors, run.drafter.inject(taps)) for run in runs]
    assert torch.equal(*outputs)
    more = ["--groups", "16", "--early", "1", "--candidates", "9", "--pace", "--stages", "B:0.5,C:0.5"]
    train.main(arguments(tmp_path / "all", tmp_path / "corpus.npz", *begin, *more))
    first, after = (torch.load(tmp_path / n / "checkpoint.pt", weights_only=True)["drafter"] for n in ("first", "all"))
    for name in ("blk.0.attn_conv_proj", "blk.1.ffn_conv_proj", "early"):
        assert bool(after[name].any()), name
    with pytest.raises(SystemExit, match="--groups"):
        Run(arguments(tmp_path / "less", tmp_path / "corpus.npz", "--weights", str(tmp_path / "all" / "checkpoint.pt")))


def test_the_anchors_slot_sees_the_first_state_at_the_anchor_and_nothing_later(verifier: Verifier) -> None:
    drafter = make(verifier, early=1)
    torch.manual_seed(4)
    taps, slots, anchors = torch.randn(1, 12, 2, drafter.config.hidden), torch.full((1, 1, 4), 7), torch.tensor([[6]])
    with torch.no_grad():
        before = drafter(slots, anchors, drafter.inject(taps))
        for position, tap in ((6, 0), (6, 1), (7, 0)):
            changed = taps.clone()
            changed[:, position, tap] += 1
            moved = not torch.equal(drafter(slots, anchors, drafter.inject(changed)), before)
            assert moved == ((position, tap) == (6, 0))


def test_a_selector_begins_as_the_markov_head(verifier: Verifier, corpus: Corpus) -> None:
    """Where final states have a part in common, as trained ones do."""
    drafter = make(verifier, candidates=6)
    with torch.no_grad():
        drafter.layers[-1].ffn_down.mul_(0.02)
        for table in (drafter.draft_embd, drafter.embd_proj, drafter.mask_embd):
            table.mul_(0.02)
        drafter.embd_proj_bias.add_(3)
        drafter.draft_embd.add_(3)
        drafter.mask_embd.add_(3)
    tokens = torch.randint(0, 250, (16, 40), generator=torch.Generator().manual_seed(5))
    open_gate(drafter, verifier, [tokens])
    with torch.no_grad():
        context = drafter.inject(verifier.forward(tokens[:4], (0, 1)).taps)
        slots, anchors = torch.full((4, 1, 4), 7), torch.full((4, 1), 22)
        hidden = drafter(slots, anchors, context)
        previous = torch.full(slots.shape, 11)
        gated = drafter.previous(previous, hidden)
        plain = drafter.markov_w1[11]
        apart = float((gated - plain).square().mean() / plain.square().mean())
    assert apart < 0.05


def test_paced_slots_weigh_what_they_add_to_the_expected_length() -> None:
    acceptance = torch.tensor([[0.9, 0.5, 0.8], [0.1, 1.0, 0.3]])
    logarithms = acceptance.log().requires_grad_(True)
    length = logarithms.exp().cumprod(-1).sum()
    (gradient,) = torch.autograd.grad(length, logarithms)
    torch.testing.assert_close(pace_weights(acceptance), gradient)


def test_the_taps_scale_is_folded_into_all_that_reads_them(verifier: Verifier) -> None:
    drafter = make(verifier, early=2)
    scale = torch.linspace(0.5, 30, len(drafter.tap_scale))
    torch.manual_seed(8)
    taps, slots, anchors = torch.randn(1, 12, 2, drafter.config.hidden), torch.full((1, 1, 4), 7), torch.tensor([[6]])
    with torch.no_grad():
        before = drafter(slots, anchors, drafter.inject(taps))
        drafter.unfold(scale)
        torch.testing.assert_close(drafter(slots, anchors, drafter.inject(taps)), before, rtol=1e-3, atol=1e-4)
        drafter.fold()
        torch.testing.assert_close(drafter(slots, anchors, drafter.inject(taps)), before, rtol=1e-3, atol=1e-4)


def test_a_file_has_the_parts_and_what_no_reader_runs_is_refused(
    checkpoint: Checkpoint, verifier: Verifier, tmp_path: Path
) -> None:
    drafter, path, f32 = make(verifier, groups=16, candidates=6), tmp_path / "d.gguf", GGMLQuantizationType.F32
    write(path, drafter, checkpoint, f32, f32, {})
    again = load(path, verifier, checkpoint)
    assert again.config == drafter.config
    for (name, before), after in zip(drafter.named_parameters(), again.parameters(), strict=True):
        assert torch.equal(before, after), name
    names = set(Checkpoint(path).tensors)
    assert {"selector_predecessor.weight", "selector_successor.weight", "selector_hidden.weight"} <= names
    assert {"blk.0.attn_conv_base", "blk.1.ffn_conv_proj.weight"} <= names and "markov_w1.weight" not in names
    with pytest.raises(CheckpointError, match="llama.cpp"):
        write(path, drafter, checkpoint, f32, f32, {}, extras=False)
    with pytest.raises(CheckpointError, match="--early"):
        write(path, make(verifier, early=1), checkpoint, f32, f32, {})


def test_what_the_pass_before_guessed_changes_nothing_at_first(corpus: Corpus, tmp_path: Path) -> None:
    corpus.save(tmp_path / "corpus.npz")
    train.main(arguments(tmp_path / "plain", tmp_path / "corpus.npz", "--steps", "4"))
    extended = arguments(
        tmp_path / "more", tmp_path / "corpus.npz", "--weights", str(tmp_path / "plain/checkpoint.pt"), "--guess", "3"
    )
    drafter = Run(extended).drafter
    context = drafter.inject(torch.randn(1, 12, 2, drafter.config.hidden))
    anchors, first = torch.tensor([[9]]), torch.tensor([[11]])
    once = draft_blocks(drafter, context, anchors, first, 4)
    assert torch.equal(draft_blocks(drafter, context, anchors, first, 4, (0, 0)).hidden, once.hidden)
    train.main(extended)
    assert bool((torch.load(tmp_path / "more/checkpoint.pt", weights_only=True)["drafter"]["guess_proj"] != 0).any())


def test_a_masked_slot_is_told_the_mean_of_the_likeliest_tokens(verifier: Verifier) -> None:
    drafter = make(verifier, guess=2)
    context = drafter.inject(torch.randn(1, 12, 2, drafter.config.hidden))
    anchors, slots = torch.tensor([[9]]), torch.tensor([[[11, 7, 30, 7]]])
    logits = torch.randn(1, 1, 4, 40)
    told = drafter.expected(logits)
    for slot in range(4):
        best = sorted(range(40), key=lambda token: -float(logits[0, 0, slot, token]))[:2]
        odds = logits[0, 0, slot, best].exp()
        mean = (odds.unsqueeze(-1) * drafter.draft_embd[best]).sum(0) / odds.sum()
        assert torch.allclose(told[0, 0, slot], mean, atol=1e-5)
    with torch.no_grad():
        plain = drafter(slots, anchors, context)
        assert not torch.allclose(drafter(slots, anchors, context, told), plain, atol=1e-3)
        alike = drafter(slots, anchors, context, told[:, :, :1].expand(-1, -1, 4, -1))
        drafter.mask_embd.add_(drafter.guess_proj @ told[0, 0, 0])
        assert torch.allclose(drafter(slots, anchors, context), alike, atol=1e-4)


def test_revising_passes_hide_again_what_is_no_longer_certain() -> None:
    revealed = torch.tensor([[True, True, False, False]])
    confidence = torch.tensor([[0.1, 0.9, 0.8, 0.2]])
    assert choose(revealed, confidence, 2, "revise", None).tolist() == [[False, True, True, False]]
    assert choose(revealed, confidence, 3, "confidence", None).tolist() == [[True, True, True, False]]


def test_blocks_are_replayed_from_where_rounds_begin(corpus: Corpus, tmp_path: Path) -> None:
    corpus.save(tmp_path / "corpus.npz")
    train.main(arguments(tmp_path / "plain", tmp_path / "corpus.npz", "--steps", "4"))
    weights = ("--weights", str(tmp_path / "plain/checkpoint.pt"))
    run = Run(arguments(tmp_path / "again", tmp_path / "corpus.npz", *weights, "--replay"))
    drafter, block = run.drafter, run.config.block
    for index in range(0, len(corpus), 5):
        batch = collate(corpus, [index])
        draft, text, _ = drafts(run.verifier, drafter, batch, ())
        answer = int(batch.lengths[0] - batch.prompts[0])
        expected, at = set(), 0
        while at < answer:
            expected.add(int(batch.prompts[0]) - 1 + at)
            room = min(block, answer - at - 1)
            same = (draft.tokens[0, at, :room] == text[0, at, 1 : room + 1]).int().cumprod(0)
            at += int(same.sum()) + 1
        span = run.missed[corpus.offsets[index] : corpus.offsets[index + 1]]
        assert set(span.nonzero().flatten().tolist()) == expected
    with pytest.raises(SystemExit, match="--replay.*--weights"):
        Run(arguments(tmp_path / "alone", tmp_path / "corpus.npz", "--replay"))
