"""What a process writes by itself: block after block from held-out prompts, drawn from the process alone, without the
Markov head. The verifier reads every block, both to judge it and to give the next one its states."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..corpus import Corpus, collate
from ..resampling import middle, ratios
from ..verifier import Verifier, VerifierPass
from .absorbing import Absorbing
from .gaussian import Gaussian
from .network import AUTOREGRESSIVE, Denoiser, Network
from .process import draw
from .processes import process_of
from .samplers import ancestral, confident, first_hitting
from .score_entropy import ScoreAbsorbing, ScoreUniform

#: How blocks are drawn, and what tables call it.
SAMPLERS = {
    "ancestral": "",  # The process's own steps: Tweedie's, DDPM's.
    "confidence": "by confidence",  # MaskGIT, linear
    "cosine": "by confidence, cosine",
    "mask-predict": "Mask-Predict",
    "first-hitting": "first hitting",
    "euler": "Euler",
    "ddim": "DDIM",
    "clamped": "clamped",
}

#: Draws blocks [S, B] of draft tokens, given what the network says of states [S, B] at times [S].
Sampler = Callable[[Callable[[Tensor, Tensor], Tensor], int, torch.Generator], Tensor]


@dataclass(frozen=True)
class Prompts:
    tokens: Tensor  # [S, T]
    lengths: Tensor  # [S]
    past: VerifierPass
    end: int  # The token that ends a text.

    @staticmethod
    def read(verifier: Verifier, corpus: Corpus, taps: tuple[int, ...], end: int) -> Prompts:
        batch = collate(corpus, range(len(corpus))).to(verifier.device)
        tokens = batch.tokens[:, : int(batch.prompts.max())]
        return Prompts(tokens, batch.prompts, verifier.forward(tokens, taps), end)


def sampler_of(network: Network, steps: int, order: str) -> Sampler:
    """`order` is one of `SAMPLERS`."""
    if network.process == AUTOREGRESSIVE:
        return left_to_right(network)
    process = process_of(network)
    if order == "euler" and isinstance(process, ScoreAbsorbing | ScoreUniform):
        process.euler = True
    if order in ("ddim", "clamped") and isinstance(process, Gaussian):
        process.deterministic, process.clamped = order == "ddim", order == "clamped"

    def sample(see: Callable[[Tensor, Tensor], Tensor], count: int, generator: torch.Generator) -> Tensor:
        shape = (count, network.config.block)
        if isinstance(process, Absorbing) and order == "first-hitting":
            return first_hitting(process, see, shape, generator)[0]
        if isinstance(process, Absorbing) and order in ("confidence", "cosine", "mask-predict"):
            schedule: Literal["linear", "cosine"] = "cosine" if order == "cosine" else "linear"
            return confident(process, see, shape, steps, schedule, generator, again=order == "mask-predict")
        return ancestral(process, see, shape, steps, generator)

    return sample


def left_to_right(network: Network) -> Sampler:
    def sample(see: Callable[[Tensor, Tensor], Tensor], count: int, generator: torch.Generator) -> Tensor:
        z = torch.zeros(count, network.config.block, dtype=torch.long, device=generator.device)
        for slot in range(z.shape[1]):
            logits = see(z, torch.ones(count, device=z.device))[:, slot]
            z[:, slot] = draw(logits.softmax(-1), generator)
        return z

    return sample


@torch.no_grad()
def write(
    network: Network, verifier: Verifier, prompts: Prompts, sample: Sampler, blocks: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Tokens [S, blocks · B] of the verifier's vocabulary, and the verifier's −log p of each."""
    B, S = network.config.block, len(prompts.tokens)
    device = prompts.tokens.device
    generator = torch.Generator(device).manual_seed(seed)
    past = prompts.past.with_room(blocks * B)
    rows = torch.arange(S, device=device)
    first = prompts.tokens[rows, prompts.lengths - 1]
    written, surprise = [], []
    for number in range(blocks):
        anchors = (prompts.lengths - 1 + number * B).unsqueeze(-1)
        denoise = network.denoiser(first.unsqueeze(-1), anchors, network.inject(past.taps))

        def see(z: Tensor, t: Tensor, denoise: Denoiser = denoise) -> Tensor:
            return network.unary(denoise(z.unsqueeze(1), t.unsqueeze(1))[:, 0])

        tokens = network.d2t[sample(see, S, generator)]
        verifier.extend(tokens, anchors[:, 0] + 1, past)
        hidden = past.hidden[rows.unsqueeze(-1), anchors + torch.arange(B, device=device)]
        logits = verifier.logits(hidden).float()
        surprise.append(F.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="none").reshape(S, B))
        written.append(tokens)
        first = tokens[:, -1]
    return torch.cat(written, 1), torch.cat(surprise, 1)


def judge(tokens: list[list[int]], surprise: list[list[float]], draws: int = 2000) -> dict[str, Any]:
    """Of texts and the verifier's −log p of their tokens: perplexity with its middle 95 % when prompts are drawn again,
    and what shows a degenerate text: a text's entropy of tokens, in nats, and its share of 4-grams that repeat."""
    sums = np.array([[sum(row), len(row)] for row in surprise])
    low, high = middle(np.exp(ratios(sums, draws)))
    grams = [[tuple(row[i : i + 4]) for i in range(len(row) - 3)] for row in tokens]
    repeated = sum(len(row) - len(set(row)) for row in grams) / max(sum(len(row) for row in grams), 1)
    return {
        "perplexity": math.exp(sums[:, 0].sum() / sums[:, 1].sum()),
        "low": low,
        "high": high,
        "entropy": sum(entropy(row) for row in tokens) / len(tokens),
        "repetition": repeated,
        "length": float(sums[:, 1].mean()),
    }


def entropy(tokens: list[int]) -> float:
    """Of a text's tokens as they are distributed in it, in nats: at most the logarithm of their number."""
    counts = np.array(list(Counter(tokens).values())) / len(tokens)
    return float(-(counts * np.log(counts)).sum())


def until(end: int, tokens: Tensor, surprise: Tensor) -> tuple[list[list[int]], list[list[float]]]:
    """Both up to the token that ends a text, inclusive."""
    texts, costs = [], []
    for row, cost in zip(tokens.tolist(), surprise.tolist(), strict=True):
        stop = row.index(end) + 1 if end in row else len(row)
        texts.append(row[:stop])
        costs.append(cost[:stop])
    return texts, costs


def reference(verifier: Verifier, corpus: Corpus) -> dict[str, Any]:
    """`judge` of the verifier's own answers."""
    texts, costs = [], []
    for index in range(len(corpus)):
        row = torch.from_numpy(corpus.sequence(index).astype(np.int64)).to(verifier.device)
        prompt = int(corpus.prompts[index])
        answer = row[prompt:]
        hidden = verifier.forward(row.unsqueeze(0), (0,)).hidden[0, prompt - 1 : -1]
        texts.append(answer.tolist())
        costs.append(F.cross_entropy(verifier.logits(hidden).float(), answer, reduction="none").tolist())
    return judge(texts, costs)


def quality(
    network: Network, verifier: Verifier, prompts: Prompts, steps: int, blocks: int, order: str = "ancestral"
) -> dict[str, Any]:
    tokens, surprise = write(network, verifier, prompts, sampler_of(network, steps, order), blocks, 1)
    return judge(*until(prompts.end, tokens, surprise))
