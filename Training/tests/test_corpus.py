from __future__ import annotations

import argparse
import random
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch

from speculate_training.checkpoint import Checkpoint
from speculate_training.corpus import Corpus, collate, cut_loop, endless, epoch_batches
from speculate_training.evaluate import Tally
from speculate_training.objective import sample_anchors
from speculate_training.respond import answers, follow_up, for_verifier, main


def test_loops_are_cut_to_two_rounds() -> None:
    start = list(range(100, 110))
    assert cut_loop(start + [1, 2, 3] * 9) == start + [1, 2, 3] * 2
    assert cut_loop(start + [7] * 30) == start + [7] * 2
    assert cut_loop(start) == start
    assert cut_loop(start + [1, 2, 3, 1, 2, 3]) == start + [1, 2, 3, 1, 2, 3]


def test_a_corpus_survives_its_file(corpus: Corpus, tmp_path: Path) -> None:
    corpus.save(tmp_path / "corpus.npz")
    again = Corpus.load(tmp_path / "corpus.npz")
    assert again.tokens.dtype == np.uint16 and np.array_equal(again.tokens, corpus.tokens)
    assert np.array_equal(again.offsets, corpus.offsets) and again.tags == corpus.tags
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.npz"]


def test_the_draft_vocabulary_is_what_answers_use_most(corpus: Corpus) -> None:
    chosen, covered = corpus.draft_vocabulary(20, [59])
    assert len(chosen) == 20 and 59 in chosen and chosen == sorted(chosen)
    counts = np.zeros(60)
    for index in range(len(corpus)):
        for token in corpus.sequence(index)[corpus.prompts[index] :]:
            counts[token] += 1
    assert min(counts[c] for c in chosen if c != 59) >= max(counts[c] for c in range(60) if c not in chosen)
    assert abs(covered - counts[chosen].sum() / counts.sum()) < 1e-12


def test_an_epoch_holds_every_sequence_once_and_batches_repeat_from_anywhere(corpus: Corpus) -> None:
    everything = np.arange(len(corpus))
    batches = epoch_batches(corpus, everything, 60, 3)
    assert sorted(index for batch in batches for index in batch) == everything.tolist()
    stream = endless(corpus, everything, 60, 3, 0)
    first = [next(stream) for _ in range(3 * len(batches))]
    for start in (1, len(batches), 2 * len(batches) + 1):
        later = endless(corpus, everything, 60, 3, start)
        assert [next(later) for _ in range(4)] == first[start : start + 4]


def test_anchors_lie_where_an_answer_can_follow(corpus: Corpus) -> None:
    batch = collate(corpus, [0, 1, 2])
    anchors = sample_anchors(batch, 9, torch.Generator().manual_seed(1))
    for row, prompt, length in zip(anchors.tolist(), batch.prompts.tolist(), batch.lengths.tolist(), strict=True):
        assert len(set(row)) == min(9, length - prompt)
        assert all(prompt - 1 <= anchor <= length - 2 for anchor in row)


def test_anchors_are_drawn_in_proportion_to_their_weights(corpus: Corpus) -> None:
    batch = collate(corpus, range(6))
    weights = torch.full(batch.tokens.shape, 0.25)
    heavy = batch.prompts  # The second position of every answer.
    weights.scatter_(1, heavy.unsqueeze(-1), 1.0)
    generator = torch.Generator().manual_seed(3)
    draws = 4000
    hits = torch.zeros(6)
    for _ in range(draws):
        hits += (sample_anchors(batch, 1, generator, weights)[:, 0] == heavy).float()
    expected = 1 / (1 + 0.25 * ((batch.lengths - batch.prompts) - 1))
    spread = (expected * (1 - expected) / draws).sqrt()
    assert bool(((hits / draws - expected).abs() < 4 * spread).all())


def test_rounds_are_counted_as_the_engine_plays_them() -> None:
    tally = Tally(3)
    # Drafts made after 0, 1, .. answer tokens of six have so many leading tokens right:
    tally.add([2, 0, 1, 3, 1, 0])
    # Depth 3: 2 right + 1, then from token 3: only two may follow and both are right, + 1: two rounds for six tokens.
    assert tally.tokens[3] == 6 and tally.rounds[3] == 2
    # Depth 1: (1 + 1), from 2: (1 + 1), from 4: (1 + 1).
    assert tally.tokens[1] == 6 and tally.rounds[1] == 3
    assert tally.reached.tolist() == [2, 2, 1] and tally.accepted.tolist() == [2, 2, 0]
    assert tally.report()["tau"] == [2.0, 3.0, 3.0]


def test_a_model_without_a_chat_template_continues_every_prompt(checkpoint: Checkpoint, tmp_path: Path) -> None:
    rows = [{"prompt": "Why?", "category": "chat"}, {"prompt": "Once", "raw": True}]
    assert for_verifier(checkpoint, rows) == [{**rows[0], "raw": True}, rows[1]]
    writer = gguf.GGUFWriter(tmp_path / "chat.gguf", "llama")
    writer.add_chat_template("{{ messages }}")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert for_verifier(Checkpoint(tmp_path / "chat.gguf"), rows) == rows


def test_a_conversation_goes_on_behind_its_answer(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "chat.gguf", "llama")
    writer.add_chat_template("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    checkpoint, rng = Checkpoint(tmp_path / "chat.gguf"), random.Random(1)
    second = follow_up(checkpoint, {"prompt": "Why?", "category": "chat"}, {"text": " So. "}, rng)
    assert second["raw"] and second["category"] == "chat" and second["turns"][:2] == ["Why?", "So."]
    assert second["prompt"] == f"<user>Why?<assistant>So.<user>{second['turns'][2]}<assistant>"
    third = follow_up(checkpoint, second, {"text": "Yes."}, rng)
    assert third["prompt"].startswith(second["prompt"] + "Yes.<user>") and len(third["turns"]) == 5


def test_what_respond_cannot_do_is_refused(tmp_path: Path) -> None:
    args = argparse.Namespace(seconds=0, engine="nowhere", turns=0, out=tmp_path, verifier="v.gguf")
    with pytest.raises(SystemExit, match="--turns is 0, expected at least 1"):
        main(args)
    with pytest.raises(SystemExit, match="--engine is nowhere, which is no program"):
        next(answers(args, "answers", [], 0.0, 1))
