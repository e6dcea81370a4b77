from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from conftest import FIXTURES, drafter_config

from speculate_training.attention import linear, rms_norm, swiglu
from speculate_training.checkpoint import Checkpoint
from speculate_training.corpus import Corpus, collate
from speculate_training.drafter import Drafter, visible
from speculate_training.drafting import draft_blocks
from speculate_training.generate import answer
from speculate_training.initialization import as_llama, start_from
from speculate_training.verifier import Verifier


def tiny(name: str) -> Verifier:
    return Verifier(Checkpoint(FIXTURES / f"{name}.gguf"), torch.device("cpu"), torch.float32)


@pytest.mark.parametrize("name", ["tiny-qwen3", "tiny-qwen2", "tiny-gemma3"])
def test_the_verifier_is_the_one_that_the_engine_is_tested_against(name: str) -> None:
    verifier = tiny(name)
    vocabulary = verifier.config.vocabulary
    golden = np.fromfile(FIXTURES / f"{name}.logits", "<f4").reshape(-1, vocabulary)
    tokens = torch.tensor([[(index * 37 + 11) % (vocabulary - 2) for index in range(len(golden))]])
    logits = verifier.logits(verifier.forward(tokens, (0,)).hidden)[0]
    assert np.abs(logits.numpy() - golden).max() < 1e-3


@pytest.mark.parametrize(("name", "window"), [("tiny-qwen3", 0), ("tiny-gemma3", 6), ("tiny-gemma3", 3)])
def test_blocks_in_the_place_of_text_see_what_text_would_see(name: str, window: int) -> None:
    verifier = tiny(name)
    verifier.config = dataclasses.replace(verifier.config, window=window)
    torch.manual_seed(0)
    tokens, blocks = torch.randint(0, 260, (2, 20)), torch.randint(0, 260, (2, 3, 4))
    anchors = torch.tensor([[0, 5, 16], [3, 9, 12]])
    hidden = verifier.forward_blocks(blocks, anchors, verifier.forward(tokens, (0,)))
    for s in range(2):
        for a in range(3):
            anchor = int(anchors[s, a])
            changed = torch.cat([tokens[s, :anchor], blocks[s, a]])[None]
            expected = verifier.forward(changed, (0,)).hidden[0, anchor:]
            assert torch.allclose(hidden[s, a], expected, atol=1e-4)


def test_generation_is_token_by_token_argmax(verifier: Verifier) -> None:
    prompts = [[5, 6, 7], [100, 3, 8, 9, 200], [1]]
    answers = answer(verifier, prompts, 6, 0.0, 259, torch.Generator())
    for prompt, found in zip(prompts, answers, strict=True):
        tokens = list(prompt)
        for token in found:
            logits = verifier.logits(verifier.forward(torch.tensor([tokens]), (0,)).hidden[0, -1])
            assert token == int(logits.argmax())
            tokens.append(token)


def outputs(drafter: Drafter, taps: torch.Tensor, slots: torch.Tensor, anchors: torch.Tensor) -> torch.Tensor:
    return drafter(slots, anchors, drafter.inject(taps)).detach()


def test_nothing_leaks_from_the_anchor_on_or_from_other_blocks(drafter: Drafter) -> None:
    torch.manual_seed(2)
    taps = torch.randn(1, 20, 2, drafter.config.hidden)
    slots, anchors = torch.randint(0, 260, (1, 3, 4)), torch.tensor([[0, 6, 15]])
    before = outputs(drafter, taps, slots, anchors)
    for block, anchor in enumerate(anchors[0].tolist()):
        changed = taps.clone()
        changed[:, anchor:] = torch.randn_like(changed[:, anchor:]) * 100
        after = outputs(drafter, changed, slots, anchors)
        assert torch.equal(after[0, block], before[0, block])
        others = slots.clone()
        others[0, [i for i in range(3) if i != block]] = 3
        assert torch.allclose(outputs(drafter, taps, others, anchors)[0, block], before[0, block], atol=1e-6)


def test_everything_before_the_anchor_and_in_the_window_matters(drafter: Drafter) -> None:
    torch.manual_seed(3)
    drafter.layers = drafter.layers[:1]  # In a second layer, slots hear of it from one another.
    taps = torch.randn(1, 20, 2, drafter.config.hidden)
    slots, anchors = torch.randint(0, 260, (1, 1, 4)), torch.tensor([[15]])
    before = outputs(drafter, taps, slots, anchors)
    for position in range(20):
        changed = taps.clone()
        changed[:, position] += 1
        moved = (outputs(drafter, changed, slots, anchors) != before).any(-1)[0, 0].tolist()
        # Slot i stands at 15 + i and sees fewer than 9 positions back.
        assert moved == [position < 15 and 15 + i - position < 9 for i in range(4)]


def test_within_a_block_every_slot_sees_every_slot(drafter: Drafter) -> None:
    torch.manual_seed(4)
    taps, anchors = torch.randn(1, 8, 2, drafter.config.hidden), torch.tensor([[5]])
    slots = torch.randint(0, 200, (1, 1, 4))
    before = outputs(drafter, taps, slots, anchors)
    for slot in range(4):
        changed = slots.clone()
        changed[0, 0, slot] += 1
        assert (outputs(drafter, taps, changed, anchors) != before).any(-1).all()


def test_visible_by_hand() -> None:
    sees = visible(torch.tensor([[2]]), torch.tensor([[[2, 3]]]), 4, 2)
    assert sees.tolist() == [[[[False, True, False, False], [False, False, False, False]]]]


def test_drafting_in_passes_keeps_what_it_revealed(drafter: Drafter) -> None:
    torch.manual_seed(5)
    context = drafter.inject(torch.randn(2, 12, 2, drafter.config.hidden))
    anchors, first = torch.tensor([[4, 9], [1, 11]]), torch.randint(0, 260, (2, 2))
    one = draft_blocks(drafter, context, anchors, first, 4)
    assert not one.revealed.any()
    two = draft_blocks(drafter, context, anchors, first, 4, (2,))
    assert torch.equal(two.tokens[..., :2], one.tokens[..., :2])
    assert two.revealed.tolist() == [[[True, True, False, False]] * 2] * 2
    three = draft_blocks(drafter, context, anchors, first, 4, (1, 3), "confidence")
    assert (three.revealed.sum(-1) == 3).all()
    # The Markov head's walk: each token is the likeliest given the one before.
    hidden = one.hidden
    previous = first
    for slot in range(4):
        logits = drafter.logits(hidden[:, :, slot], drafter.previous(previous, hidden[:, :, slot]))
        previous = drafter.d2t[logits.argmax(-1)]
        assert torch.equal(previous, one.tokens[..., slot])


def test_a_drafter_begins_better_than_chance(verifier: Verifier, corpus: Corpus) -> None:
    """Untrained, the fused state of the token before and the anchor's own vector already say something of the state
    that the verifier has at the anchor: the first layer looks one position back and nowhere else."""
    v = verifier.config
    torch.manual_seed(1)
    config = drafter_config(
        verifier, kv_heads=v.heads, rope_base=1e5, draft_vocabulary=60, layers=1, block=2, window=99, mask_token=259
    )
    drafter = Drafter(config, torch.arange(60), verifier.embedding, torch.float32)
    sample = [collate(corpus, range(24)).tokens]
    start_from(drafter, verifier, sample)
    taps = verifier.forward(sample[0], config.taps).taps
    slots, anchors = sample[0][:, 8:9, None], torch.full((24, 1), 8)
    before = outputs(drafter, taps, slots, anchors)
    moves = []
    for position in range(8):
        changed = taps.clone()
        changed[:, position] = taps[:, 0]
        moves.append(float((outputs(drafter, changed, slots, anchors) - before).square().mean()))
    assert moves[7] > 5 * max(moves[:7])


def test_a_layer_of_gemma_3_is_about_one_without_its_norms() -> None:
    """Its weights are made to fit the drafter's layers, which have no norms after their branches, and SiLU. The tiny
    model's random branches differ in size from row to row as a trained one's do not."""
    verifier = tiny("tiny-gemma3")
    v = verifier.config
    torch.manual_seed(6)
    config = drafter_config(verifier, draft_vocabulary=60, layers=1, block=2, window=99, mask_token=259)
    layer = Drafter(config, torch.arange(60), verifier.embedding, torch.float32).layers[0]
    source, tokens = v.layers - 1, torch.randint(0, 258, (4, 40))
    for name in ("attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down"):
        getattr(layer, name).data.copy_(verifier.weights[f"blk.{source}.{name}.weight"])
    with torch.no_grad():
        as_llama(layer, verifier, source, tokens)
        x = verifier.forward(tokens, (source,)).taps[:, :, 0].float()
        expected = verifier.add(source, x, verifier.feed_forward(source, x), "post_ffw_norm") - x
        normed = rms_norm(x, layer.ffn_norm, v.epsilon, torch.float32)
        found = linear(swiglu(linear(normed, layer.ffn_gate), linear(normed, layer.ffn_up)), layer.ffn_down)
    alike = torch.nn.functional.cosine_similarity(found, expected, dim=-1)
    assert alike.median() > 0.98
    assert 0.7 < float(found.norm(dim=-1).median() / expected.norm(dim=-1).median()) < 1.4
