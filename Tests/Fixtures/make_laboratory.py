"""Makes tiny drafters of the laboratory's diffusion processes, and what its PyTorch network says with them.

    Training/.venv/bin/pip install -e Training
    Training/.venv/bin/python Tests/Fixtures/make_laboratory.py

For each process but the absorbing one: tiny-PROCESS.gguf, a drafter of random weights for tiny-qwen3.gguf, and in
laboratory.json its unary logits at blocks of random states, where the last pass's walk to the right ends and another
pass's does, and where a Gaussian step leads from there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from gguf import GGMLQuantizationType
from speculate_training.checkpoint import Checkpoint
from speculate_training.drafter import DrafterConfig
from speculate_training.laboratory.drafting import sure, walk
from speculate_training.laboratory.file import load, save
from speculate_training.laboratory.gaussian import Gaussian
from speculate_training.laboratory.network import PROCESSES, Network
from speculate_training.laboratory.process import Process
from speculate_training.laboratory.schedules import SCHEDULES
from speculate_training.laboratory.score_entropy import ScoreAbsorbing, ScoreUniform
from speculate_training.laboratory.token_distance import TokenDistance, link
from speculate_training.laboratory.uniform import Uniform
from speculate_training.verifier import Verifier
from torch import Tensor

HERE = Path(__file__).parent
DRAFTED, BLOCK = 40, 6


def numbers(values: Tensor) -> list[float]:
    return [float(f"{value:.7g}") for value in values.flatten().tolist()]


def process_of(network: Network, neighbours: Tensor) -> Process:
    schedule = SCHEDULES[network.schedule]
    match network.process:
        case "uniform": return Uniform(DRAFTED, schedule)
        case "score-uniform": return ScoreUniform(DRAFTED, schedule)
        case "score-absorbing": return ScoreAbsorbing(DRAFTED, schedule)
        case "token-distance": return TokenDistance(neighbours, schedule)
        case _: return Gaussian(network.rounding, schedule)  # fmt: skip


@torch.no_grad()
def main() -> None:
    checkpoint = Checkpoint(HERE / "tiny-qwen3.gguf")
    verifier = Verifier(checkpoint, torch.device("cpu"), torch.float32)
    v = verifier.config
    torch.manual_seed(11)
    d2t = torch.randperm(v.vocabulary)[:DRAFTED].sort().values
    config = DrafterConfig(
        hidden=v.hidden, feed_forward=64, heads=v.heads, kv_heads=v.kv_heads, head_dimension=v.head_dimension,
        vocabulary=v.vocabulary, draft_vocabulary=DRAFTED, epsilon=v.epsilon, rope_base=v.rope_base, context=v.context,
        layers=1, taps=tuple(range(1, v.layers)), block=BLOCK, window=64, rank=32, mask_token=1,
    )  # fmt: skip
    tokens = torch.randint(0, v.vocabulary, (1, 24))
    taps = verifier.forward(tokens, config.taps).taps
    golden: dict[str, Any] = {"tokens": tokens[0].tolist(), "states": numbers(taps), "processes": {}}
    schedules = dict(zip(PROCESSES[1:], ["linear", "geometric", "cosine", "log-linear", "cosine"], strict=True))
    neighbours = link(verifier.embedding[d2t], 4)
    for name, schedule in schedules.items():
        network = Network(config, d2t, verifier.embedding, torch.float32, name, schedule)
        for parameter in network.parameters():
            parameter.copy_(parameter + 0.2 * torch.randn_like(parameter))
        lists = neighbours if name == "token-distance" else None
        path = HERE / f"tiny-{name}.gguf"
        save(path, network, checkpoint, lists, GGMLQuantizationType.F32, GGMLQuantizationType.F32)
        network = load(path, verifier, checkpoint)  # Some matrices are rounded in a file.
        golden["processes"][name] = [
            case(network, process_of(network, neighbours), taps, tokens, anchor, t)
            for anchor, t in ((3, 1.0), (9, 0.75), (23, 0.25))
        ]
    (HERE / "laboratory.json").write_text(json.dumps(golden) + "\n")


def case(network: Network, process: Process, taps: Tensor, tokens: Tensor, anchor: int, t: float) -> dict[str, Any]:
    at, time, exact = torch.tensor([[anchor]]), torch.tensor([[t]]), torch.tensor([[t]], dtype=torch.float64)
    first = tokens.gather(1, at)
    if network.process == "gaussian":
        z = torch.randn(1, 1, BLOCK, process.width)
    else:
        z = torch.randint(0, DRAFTED, (1, 1, BLOCK))
        if network.reveals:
            z[..., ::2] = DRAFTED
    hidden = network.denoise(z, time, first, at, network.inject(taps))
    previous, drawn, last = first, [], []
    for slot in range(BLOCK):
        state = hidden[:, :, slot]
        logits = process.last(network.logits(state, network.previous(previous, state)).float(), z[:, :, slot], exact)
        known = network.reveals and int(z[0, 0, slot]) < DRAFTED
        chosen = z[:, :, slot] if known else logits.argmax(-1)
        previous = network.d2t[chosen]
        drawn.append(int(previous))
        last.append(None if known else numbers(logits))
    result: dict[str, Any] = {"anchor": anchor, "time": t, "logits": numbers(network.unary(hidden)), "drawn": drawn}
    result["z" if z.dtype == torch.long else "points"] = z.flatten().tolist()
    result["last"] = last
    # Of a pass with another after it, as `drafting.draft` has it.
    heeds = network.reveals or network.process == "gaussian"
    early = walk(network, hidden, first, process.last if heeds else None, z, exact)
    result["early"] = network.d2t[early].flatten().tolist()
    if isinstance(process, Gaussian):
        process.deterministic = True
        now = time.unsqueeze(-1)
        result["moved"] = numbers(process.step(sure(network.unary(hidden), early), z, now - 1 / 8, now, None))
    if network.process == "score-absorbing":
        result["mass"] = numbers(network.unary(hidden).logsumexp(-1))
    return result


if __name__ == "__main__":
    main()
