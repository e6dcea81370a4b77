"""Makes adaptation.json: losses and gradients of a tiny drafter's trained part by PyTorch's autograd, in float64.

    Training/.venv/bin/pip install -e Training
    Training/.venv/bin/python Tests/Fixtures/make_adaptation.py

Nothing here knows how the engine writes its gradients down: the network and the distances are stated forwards alone. Also a
few rows of weights as the gguf library writes them in Q4_0 (q4_0).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from gguf import GGMLQuantizationType, quantize
from torch import Tensor

HIDDEN, WIDE, DRAFTED, VOCABULARY, RANK, ROWS, KEPT, EPSILON = 32, 48, 24, 40, 8, 7, 5, 1e-5
MIX = {"kl": 0.5, "likeliest": 0.7, "acceptance": 0.3}
CANDIDATES, PAIRS, SCALE, SOFTCAP = 6, 8, 0.9, 4.0
UNIT = 4096  # Weights are multiples of 1 / UNIT, so that the engine's floats are these numbers.


def norm(x: Tensor, weight: Tensor) -> Tensor:
    return x * (x.square().mean(-1, keepdim=True) + EPSILON).rsqrt() * weight


def distance(p: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
    """p [rows, n], which sums to less than 1; q sums to 1. Losses and acceptances [rows]."""
    acceptance = torch.minimum(p, q).sum(-1)
    kl = (torch.special.xlogy(p, p) - p * q.log()).sum(-1)
    likeliest = -q.log().gather(-1, p.argmax(-1, keepdim=True)).squeeze(-1)
    has_any = (p.sum(-1) > 0).double()
    return MIX["kl"] * kl + MIX["likeliest"] * likeliest * has_any - MIX["acceptance"] * acceptance.clamp_min(1e-4).log(), acceptance


def case(name: str, generator: torch.Generator, gelu: bool, markov: bool, selector: bool, plain: bool) -> dict[str, Any]:
    def draw(*shape: int, scale: float) -> Tensor:
        return ((torch.randn(*shape, generator=generator).double() * scale * UNIT).round() / UNIT).requires_grad_()

    weights = {"norm": draw(HIDDEN, scale=1.0), "output": draw(DRAFTED, HIDDEN, scale=0.3)}
    if plain:
        weights |= {"ffn_norm": draw(HIDDEN, scale=1.0), "gate": draw(WIDE, HIDDEN, scale=0.3)}
        weights |= {"up": draw(WIDE, HIDDEN, scale=0.3), "down": draw(HIDDEN, WIDE, scale=0.3)}
    if markov:
        weights |= {"markov_w1": draw(VOCABULARY, RANK, scale=0.5), "markov_w2": draw(DRAFTED, RANK, scale=0.5)}
    if selector:
        weights |= {"predecessor": draw(VOCABULARY, PAIRS, scale=0.7), "successor": draw(VOCABULARY, PAIRS, scale=0.7)}
        weights |= {"pair_gate": draw(PAIRS, HIDDEN, scale=0.2)}
    inputs = draw(ROWS, HIDDEN, scale=1.5).detach()
    draft_tokens = torch.randperm(VOCABULARY, generator=generator)[:DRAFTED].sort().values
    previous = torch.randint(0, VOCABULARY, (ROWS,), generator=generator)
    previous[1] = previous[0]  # Gradients of a table's row add up.
    row_weights = torch.tensor([1.0, 0.75, 0.5625, 1.0, 0.75, 0.5625, 0.25]).double()
    # The likeliest tokens of each row, descending; of the last row none can be drafted.
    tokens = torch.stack([torch.randperm(DRAFTED, generator=generator)[:KEPT] for _ in range(ROWS)])
    kept = (torch.rand(ROWS, KEPT, generator=generator).double() * 4).softmax(-1).sort(-1, descending=True).values * 0.9
    kept = (kept * UNIT).round() / UNIT
    p = torch.zeros(ROWS, DRAFTED).double().scatter(1, tokens, kept)
    p[-1] = 0
    tokens[-1] = -1
    kept[-1] = 0

    x = inputs
    if plain:
        normed = norm(x, weights["ffn_norm"])
        gate = normed @ weights["gate"].T
        gated = (F.gelu(gate, approximate="tanh") if gelu else F.silu(gate)) * (normed @ weights["up"].T)
        x = x + gated @ weights["down"].T
    final = norm(x, weights["norm"])
    logits = final @ weights["output"].T
    if markov:
        logits = logits + weights["markov_w1"][previous] @ weights["markov_w2"].T
    losses, acceptances = distance(p, logits.softmax(-1))
    likeliest = logits.argmax(-1)
    if selector:
        chosen = logits.topk(CANDIDATES).indices
        unary = SOFTCAP * torch.tanh(SCALE * logits.gather(1, chosen) / SOFTCAP)
        condition = weights["predecessor"][previous] * (final @ weights["pair_gate"].T)
        scores = unary + (weights["successor"][draft_tokens[chosen]] * condition.unsqueeze(1)).sum(-1)
        more, acceptances = distance(p.gather(1, chosen), scores.softmax(-1))
        losses = losses + more
        likeliest = chosen.gather(1, scores.argmax(-1, keepdim=True)).squeeze(-1)
    loss = (losses * row_weights).sum()
    loss.backward()

    def units(values: Tensor) -> list[int]:
        return [round(value * UNIT) for value in values.detach().flatten().tolist()]

    def numbers(values: Tensor) -> list[float]:
        return [float(f"{value:.7g}") for value in values.flatten().tolist()]

    return {
        "name": name, "gelu": gelu, "weights": {key: units(value) for key, value in weights.items()},
        "gradients": {key: numbers(value.grad) for key, value in weights.items() if value.grad is not None},
        "inputs": units(inputs), "draftTokens": draft_tokens.tolist(), "previous": previous.tolist(),
        "rowWeights": units(row_weights), "tokens": tokens.flatten().tolist(), "probabilities": units(kept),
        "loss": float(loss.detach()), "acceptance": float((acceptances * row_weights).sum().detach()),
        "likeliest": draft_tokens[likeliest].tolist(),
    }  # fmt: skip


def main() -> None:
    generator = torch.Generator().manual_seed(11)
    golden = {
        "hidden": HIDDEN, "wide": WIDE, "drafted": DRAFTED, "vocabulary": VOCABULARY, "rank": RANK, "kept": KEPT,
        "epsilon": EPSILON, "candidates": CANDIDATES, "pairs": PAIRS, "logitScale": SCALE, "softcap": SOFTCAP, "unit": UNIT,
        "cases": [
            case("Markov head", generator, gelu=False, markov=True, selector=False, plain=True),
            case("GELU", generator, gelu=True, markov=True, selector=False, plain=True),
            case("selector", generator, gelu=False, markov=False, selector=True, plain=False),
            case("neither", generator, gelu=False, markov=False, selector=False, plain=True),
        ],
    }  # fmt: skip
    rows = torch.randn(3, 64, generator=generator).numpy().astype(np.float32)
    rows[1] *= 1e-3
    rows[2, :32] = 0
    golden["floats"] = [float(f"{value:.9g}") for value in rows.flatten()]
    golden["q4_0"] = quantize(rows, GGMLQuantizationType.Q4_0).flatten().tolist()
    (Path(__file__).parent / "adaptation.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
