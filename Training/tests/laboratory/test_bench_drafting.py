"""Choices at temperature 0 with what slots' own states say, and the held-out text that measures are made on."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from conftest import network_of
from torch import Tensor

from speculate_training.attention import linear
from speculate_training.corpus import Corpus
from speculate_training.laboratory.drafting import draft
from speculate_training.laboratory.infilling import fill, holes
from speculate_training.laboratory.likelihood import Text, bound, difference
from speculate_training.laboratory.network import Network
from speculate_training.laboratory.processes import process_of
from speculate_training.laboratory.source import Source
from speculate_training.laboratory.texts import alternating, spread
from speculate_training.laboratory.training import DECAY, MIX, head_loss, losses
from speculate_training.losses import distance, position_weights


def stirred(source: Source, process: str) -> Network:
    """A network that hears of the block's states."""
    network, generator = network_of(source, process), torch.Generator().manual_seed(4)
    with torch.no_grad():
        for name in ("state_here", "state_own", "time"):
            if (matrix := getattr(network, name, None)) is not None:
                matrix.copy_(torch.randn(matrix.shape, generator=generator) * 0.3)
        network.markov_w2.copy_(torch.randn(network.markov_w2.shape, generator=generator) * 0.3)
    return network.eval()


def walk(network: Network, hidden: Tensor, evidence: Tensor, first: Tensor) -> list[int]:
    """The likeliest tokens from the left, of final states [B, hidden] and evidence [B, V]."""
    found, previous = [], first
    for slot in range(len(hidden)):
        state = hidden[slot][None]
        logits = network.logits(state, network.previous(previous[None], state))[0].float() + evidence[slot]
        found.append(int(logits.argmax()))
        previous = network.d2t[found[-1]]
    return found


@torch.no_grad()
def test_two_absorbing_passes_draft_as_often_as_the_tokens_revealed_between_say(source: Source, text: Text) -> None:
    """After the first pass each token that it walked over is revealed with probability ½: sixteen blocks are as
    likely."""
    network, part, copies = stirred(source, "absorbing"), text.lots[0], 1600
    context = network.inject(part.lesson.past.taps[:1])
    anchors, first = part.anchors[:1, :1], part.first[:1, :1]
    empty, one = torch.full((1, 1, 4), 40), torch.ones(1, 1)
    hidden = network.denoise(empty, one, first, anchors, context)[0, 0]
    best = torch.tensor([[walk(network, hidden, torch.zeros(4, 40), first[0, 0])]])
    expected: dict[tuple[int, ...], float] = {}
    for shown in itertools.product([False, True], repeat=4):
        z = torch.where(torch.tensor(shown), best, empty)
        hidden = network.denoise(z, one / 2, first, anchors, context)[0, 0]
        evidence = process_of(network).evidence(z[0, 0], torch.full((4,), 0.5))
        block = tuple(walk(network, hidden, evidence, first[0, 0]))
        expected[block] = expected.get(block, 0) + 1 / 16
    many = (anchors.expand(1, copies), first.expand(1, copies))
    drawn = draft(network, context, *many, 2, torch.Generator().manual_seed(1))[0].tolist()
    assert len(expected) > 2 and {tuple(block) for block in drawn} <= set(expected)
    for block, p in expected.items():
        share = sum(tuple(row) == block for row in drawn) / copies
        assert abs(share - p) < 4 * math.sqrt(p * (1 - p) / copies) + 1e-9


@torch.no_grad()
def test_two_gaussian_passes_by_hand(source: Source, text: Text) -> None:
    """DDIM from 1 to ½ toward the token that the first pass and the vector itself say."""
    network, part = stirred(source, "gaussian"), text.lots[0]
    context, process = network.inject(part.lesson.past.taps[:1]), process_of(network)
    anchors, first, one = part.anchors[:1, :3], part.first[:1, :3], torch.ones(1, 3)
    z = process.prior((1, 3, 4), torch.Generator().manual_seed(1))
    hidden = network.denoise(z, one, first, anchors, context)
    said = torch.tensor([[walk(network, hidden[0, i], torch.zeros(4, 40), first[0, i]) for i in range(3)]])
    rows = 3 * torch.nn.functional.normalize(network.rounding, dim=-1)
    z = (rows[said] + z) * math.sqrt(0.5)  # At time 1 there is no signal, so that a vector says nothing.
    hidden = network.denoise(z, one / 2, first, anchors, context)
    evidence = math.sqrt(0.5) / 0.5 * z @ rows.t()
    expected = [walk(network, hidden[0, i], evidence[0, i], first[0, i]) for i in range(3)]
    assert draft(network, context, anchors, first, 2, torch.Generator().manual_seed(1))[0].tolist() == expected


def test_gaussian_steps_at_temperature_zero_heed_the_vector(
    source: Source, text: Text, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of four passes the second's choice is the likeliest by u and evidence together; here u and the Markov head say
    nothing."""
    network, part = network_of(source, "gaussian"), text.lots[0]
    with torch.no_grad():
        network.output.zero_()
        network.markov_w2.zero_()
    process, chosen = process_of(network), []
    step = type(process).step

    def spy(self: object, logits: Tensor, x_t: Tensor, *rest: object) -> Tensor:
        chosen.append((logits.argmax(-1), (x_t @ process.rows.t()).argmax(-1)))
        return step(self, logits, x_t, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(type(process), "step", spy)
    context = network.inject(part.lesson.past.taps)
    draft(network, context, part.anchors, part.first, 4, torch.Generator().manual_seed(1))
    assert len(chosen) == 3 and len(chosen[1][1].unique()) > 1
    for ours, nearest in chosen[1:]:
        assert torch.equal(ours, nearest)


@pytest.mark.parametrize("process", ["uniform", "score-uniform", "gaussian"])
def test_infilling_heeds_the_states(source: Source, text: Text, process: str) -> None:
    """Where the network says nothing the states decide, which begin at random."""
    network, part = network_of(source, process), text.lots[0]
    with torch.no_grad():
        network.output.zero_()
    filled = fill(network, part, holes(4)["2"], "ancestral")
    assert len(filled[:, 1:3].unique()) > 10


def test_holes_by_hand() -> None:
    assert holes(4) == {"1": [1], "2": [1, 2], "3": [0, 1, 2], "4": [0, 1, 2, 3], "every other": [0, 2]}


@pytest.mark.parametrize("process", ["absorbing", "uniform", "token-distance", "score-absorbing", "gaussian"])
@torch.no_grad()
def test_what_is_learnt_is_the_bound(source: Source, easy: Corpus, process: str) -> None:
    """Both in the mean, but for the times that are not drawn: the first 0.03 of their roots."""
    source.corpus = easy
    network, ends = stirred(source, process), 0.0
    if process == "gaussian":  # Tokens that are hard to tell apart, so that rounding costs.
        network.rounding.copy_(1 + 0.03 * network.rounding)
    lot = source.lot(network, [0, 1, 2, 3], 48, torch.Generator().manual_seed(7))
    found = torch.tensor([losses(network, lot, torch.Generator().manual_seed(n)).bound for n in range(80)])
    whole = bound(network, Text([lot], 0.0), 40)
    if process == "gaussian":
        ends = float(process_of(network).ends(lot.x0[lot.whole], torch.Generator().manual_seed(1)).mean())
        assert ends > 0.1
    error = math.hypot(float(found.std()) / math.sqrt(len(found)), whole["error"])
    assert error < 0.05 * whole["nats"]
    assert abs(0.97 * (float(found.mean()) - ends) + ends - whole["nats"]) < 4 * error + 0.005 * whole["nats"]


@pytest.mark.parametrize("process", ["uniform", "token-distance", "score-uniform", "gaussian"])
def test_the_head_learns_with_what_the_last_pass_adds(source: Source, process: str) -> None:
    network = stirred(source, process)
    lot = source.lot(network, [0, 1], 6, torch.Generator().manual_seed(7))
    generator, times = torch.Generator().manual_seed(3), torch.full(lot.whole.shape, 0.4)
    z = process_of(network).noise(lot.x0, times.unsqueeze(-1), generator)
    hidden = network.denoise(z, times, lot.first, lot.anchors, network.inject(lot.lesson.past.taps))
    found = head_loss(network, lot, hidden, z, times)
    chosen = lot.whole.unsqueeze(-1).expand(lot.x0.shape)
    pairs = linear(network.previous(lot.blocks.tokens[..., :-1], hidden), network.markov_w2)
    logits = linear(hidden, network.output).float() + pairs.float()
    said = process_of(network).last(logits, z, times.unsqueeze(-1))[chosen]
    p = lot.blocks.distributions[lot.blocks.which.reshape(chosen.shape)[chosen]].float()
    weight = position_weights(lot.x0.shape[-1], DECAY).expand(lot.x0.shape)[chosen]
    loss, _, _ = distance(p, said, MIX)
    torch.testing.assert_close(found, (loss * weight).sum() / weight.sum())


def test_measures_read_texts_from_all_over() -> None:
    corpus = Corpus.build((([1], [n, n, n], f"kind{n // 10}") for n in range(40)), 50)
    found = spread(corpus, 5, 2)
    assert [int(found.sequence(i)[1]) for i in range(5)] == [0, 9, 19, 29, 39]
    assert all(len(found.sequence(i)) == 3 for i in range(5)) and len(spread(corpus, 99, 2)) == 40


def test_answers_alternate_by_prompt_even_where_some_are_missing() -> None:
    greedy = {n: ([n], [0], "0") for n in (0, 1, 3, 4)}  # The second was too short.
    drawn = {n: ([2 * n + 1], [0], "0.7") for n in (1, 2)}
    assert [(prompt[0], tag) for prompt, _, tag in alternating(greedy, drawn, 6)] == [
        (0, "0"), (3, "0.7"), (4, "0"), (5, "0.7"),
    ]  # fmt: skip


def test_a_difference_of_the_same_texts_by_hand() -> None:
    ours, theirs = ({"texts": [[a, 2], [b, 1]]} for a, b in ((6.0, 4.0), (4.0, 3.0)))
    assert difference(ours, theirs) == {"nats": 1, "low": 1, "high": 1}
    with pytest.raises(ValueError, match="other blocks"):
        difference(ours, {"texts": [[1.0, 2], [1.0, 2]]})
