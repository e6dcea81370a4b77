"""The trunk under every process, and its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType

from speculate_training import drafter_file
from speculate_training.checkpoint import Checkpoint, CheckpointError
from speculate_training.drafter import Drafter
from speculate_training.laboratory import file
from speculate_training.laboratory.network import AUTOREGRESSIVE, PROCESSES, TOLD, Network, adopt, features
from speculate_training.laboratory.processes import neighbours, process_of
from speculate_training.verifier import Verifier

OWN = ("state_here", "state_own", "time", "score_mass")


def scene(network: Network) -> tuple[Any, ...]:
    """A text's fused states, two anchors, their tokens, and blocks of noise."""
    torch.manual_seed(2)
    context = network.inject(torch.randn(1, 20, 2, network.config.hidden))
    anchors, first = torch.tensor([[6, 15]]), torch.tensor([[11, 30]])
    noise = torch.Generator().manual_seed(3)
    if network.process == AUTOREGRESSIVE:
        return context, anchors, first, torch.randint(0, 40, (1, 2, 4), generator=noise)
    return context, anchors, first, process_of(network).prior((1, 2, 4), noise)


def stirred(drafter: Drafter, process: str) -> Network:
    """A network whose own matrices are not zero."""
    network = adopt(drafter, process)
    torch.manual_seed(4)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name in OWN:
                parameter.copy_(torch.randn_like(parameter) * 0.2)
    return network


@pytest.mark.parametrize("process", PROCESSES)
@torch.no_grad()
def test_every_process_begins_as_the_one_pass_drafter(drafter: Drafter, process: str) -> None:
    network = adopt(drafter, process)
    context, anchors, first, z = scene(network)
    slots = torch.full((1, 2, 4), drafter.config.mask_token)
    slots[..., 0] = first
    found = network.denoise(z, torch.ones(1, 2), first, anchors, context)
    torch.testing.assert_close(found, drafter(slots, anchors, context), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("process", ["uniform", "token-distance", "score-uniform", "gaussian"])
@torch.no_grad()
def test_a_slot_hears_of_all_states_and_the_time(drafter: Drafter, process: str) -> None:
    network = stirred(drafter, process)
    context, anchors, first, z = scene(network)
    before = network.denoise(z, torch.ones(1, 2), first, anchors, context)
    assert not torch.allclose(network.denoise(z, torch.full((1, 2), 0.5), first, anchors, context), before)
    for position in range(4):
        changed = z.clone()
        changed[0, 0, position] = (z[0, 0, position] + 1) % 40
        after = network.denoise(changed, torch.ones(1, 2), first, anchors, context)
        heard = bool((after[0, 0] != before[0, 0]).any(-1).all())
        assert heard == (position < 3 or process in TOLD)  # The others are not told what slots predict.
        torch.testing.assert_close(after[0, 1], before[0, 1])


@torch.no_grad()
def test_what_a_score_of_a_slot_says_does_not_depend_on_the_state_it_predicts_in_the_first_layer(
    drafter: Drafter,
) -> None:
    """State i + 1 is added to slot i + 1 alone, so that without attention slot i does not know it."""
    network = stirred(drafter, "score-uniform")
    for layer in network.layers:
        layer.attn_output.zero_()
    context, anchors, first, z = scene(network)
    before = network.denoise(z, torch.ones(1, 2), first, anchors, context)
    changed = z.clone()
    changed[0, 0, 1] = (z[0, 0, 1] + 1) % 40
    moved = (network.denoise(changed, torch.ones(1, 2), first, anchors, context) != before).any(-1)
    assert moved[0].tolist() == [[False, False, True, False], [False] * 4]


@torch.no_grad()
def test_absorbing_slots_hold_what_is_revealed(drafter: Drafter) -> None:
    network = adopt(drafter, "absorbing")
    context, anchors, first, _ = scene(network)
    z = torch.tensor([[[3, 40, 7, 40], [40, 40, 2, 9]]])
    mask, d2t = drafter.config.mask_token, drafter.d2t
    slots = torch.tensor([[[11, int(d2t[3]), mask, int(d2t[7])], [30, mask, mask, int(d2t[2])]]])
    found = network.denoise(z, torch.rand(1, 2), first, anchors, context)
    assert torch.equal(found, drafter(slots, anchors, context))


@torch.no_grad()
def test_the_autoregressive_head_does_not_look_ahead(drafter: Drafter) -> None:
    network = adopt(drafter, AUTOREGRESSIVE)
    context, anchors, first, z = scene(network)
    before = network.denoise(z, torch.ones(1, 2), first, anchors, context)
    for position in range(4):
        changed = z.clone()
        changed[..., position] = (z[..., position] + 1) % 40
        moved = (network.denoise(changed, torch.ones(1, 2), first, anchors, context) != before).any(-1)
        assert moved[0, 0].tolist() == [slot > position for slot in range(4)]


def test_the_times_features_by_hand() -> None:
    found = features(torch.tensor([0.0, 0.5]))
    assert found[0].tolist() == [1.0] * 16 + [0.0] * 16
    cosines, sines = [0.0, -1.0, 0.0, 1.0] * 4, [1.0, 0.0, -1.0, 0.0] * 4
    torch.testing.assert_close(found[1], torch.tensor(cosines + sines), rtol=0, atol=1e-5)


@pytest.mark.parametrize("process", PROCESSES)
@torch.no_grad()
def test_a_file_read_back_gives_the_same_numbers(
    drafter: Drafter, verifier: Verifier, checkpoint: Checkpoint, tmp_path: Path, process: str
) -> None:
    network, path, f32 = stirred(drafter, process), tmp_path / "network.gguf", GGMLQuantizationType.F32
    network.schedule = "cosine"
    network.fold()
    for name, parameter in network.named_parameters():
        if name in ("state_here", "state_own"):
            # What eight bits hold: whole steps of a 127th of each 32 numbers' largest.
            steps = torch.randint(-127, 128, parameter.shape, generator=torch.Generator().manual_seed(5)).float()
            steps.reshape(-1, 32)[:, 0] = 127
            parameter.copy_(steps / 1024)
    graph = neighbours(network.embedding[network.d2t]) if process == "token-distance" else None
    file.save(path, network, checkpoint, graph, f32, f32)
    again = file.load(path, verifier, checkpoint)
    assert (again.process, again.schedule) == (process, "cosine")
    context, anchors, first, z = scene(network)
    times = torch.tensor([[0.3, 0.9]])
    expected = network.denoise(z, times, first, anchors, context)
    found = again.denoise(z, times, first, anchors, context)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(again.unary(found), network.unary(expected))
    written = Checkpoint(path)
    if graph is not None:
        assert written.tensor("speculate.neighbours").long().tolist() == graph.tolist()
    if process == "gaussian":
        lengths = again.rounding.square().sum(-1)
        torch.testing.assert_close(lengths, torch.full_like(lengths, 9.0))


def test_what_a_file_cannot_be_is_refused(
    drafter: Drafter, verifier: Verifier, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    f32 = GGMLQuantizationType.F32
    with pytest.raises(ValueError, match="no process 'levenshtein'"):
        adopt(drafter, "levenshtein")
    with pytest.raises(CheckpointError, match="no reader runs the autoregressive head"):
        file.save(tmp_path / "a.gguf", adopt(drafter, AUTOREGRESSIVE), checkpoint, None, f32, f32)
    with pytest.raises(CheckpointError, match="neighbours belong to the token-distance process"):
        file.save(tmp_path / "b.gguf", adopt(drafter, "token-distance"), checkpoint, None, f32, f32)
    file.save(tmp_path / "c.gguf", adopt(drafter, "uniform"), checkpoint, None, f32, f32)
    with pytest.raises(CheckpointError, match="speculate.process is 'uniform'"):
        drafter_file.load(tmp_path / "c.gguf", verifier, checkpoint)
    file.save(tmp_path / "d.gguf", adopt(drafter, "absorbing"), checkpoint, None, f32, f32)
    assert drafter_file.load(tmp_path / "d.gguf", verifier, checkpoint).config == drafter.config
    assert np.asarray(Checkpoint(tmp_path / "d.gguf").tensor("d2t")).tolist() == drafter.d2t.tolist()
