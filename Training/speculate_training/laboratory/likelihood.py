"""What a network says of held-out text: the bound on its perplexity, exact where the head is autoregressive, of the
same blocks for all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..corpus import Corpus, collate, epoch_batches
from ..objective import prepare, sample_anchors
from ..resampling import middle, ratios
from .bounds import estimate
from .network import AUTOREGRESSIVE, Network
from .processes import process_of
from .source import Lot, Source, lot, whole_places


@dataclass(frozen=True)
class Text:
    """Blocks of a held-out text. `excluded`: the share left out for a token that cannot be drafted."""

    lots: list[Lot]
    excluded: float

    @property
    def groups(self) -> np.ndarray:
        """[blocks] which sequence each whole block is of."""
        found, first = [], 0
        for part in self.lots:
            rows = torch.arange(len(part.whole), device=part.whole.device).unsqueeze(-1).expand(part.whole.shape)
            found.append(rows[part.whole].cpu().numpy() + first)
            first += len(part.whole)
        return np.concatenate(found)

    @staticmethod
    def read(source: Source, corpus: Corpus, each: int, seed: int = 1) -> Text:
        """`each` blocks of every sequence, of answers or of prose, at random places."""
        drafter = source.begin("drafter")
        generator = torch.Generator().manual_seed(seed)
        lots, inside, whole = [], 0, 0
        for indices in epoch_batches(corpus, np.arange(len(corpus)), source.tokens, 0):
            batch = collate(corpus, indices)
            weights = whole_places(drafter, batch)
            cells = torch.arange(weights.shape[1])
            first, last = batch.prompts.unsqueeze(-1) - 1, batch.lengths.unsqueeze(-1) - 1 - drafter.config.block
            places = (cells >= first) & (cells <= last)
            inside += int(places.sum())
            whole += int((weights[places] == 1).sum())
            anchors = sample_anchors(batch, each, generator, weights).to(source.device)
            with torch.no_grad():
                found = lot(drafter, prepare(source.verifier, drafter, batch), anchors)
            if bool(found.whole.any()):
                lots.append(found)
        if not lots:
            raise SystemExit("the held-out text has no block whose tokens can all be drafted")
        return Text(lots, 1 - whole / inside)


def blocks_of(z: Tensor, t: Tensor, part: Lot, blank: int) -> tuple[Tensor, Tensor]:
    """Whole blocks' states z [N, ..] and times t [N] where the batch has them, [S, A, ..] and [S, A]."""
    wide = torch.full((*part.whole.shape, *z.shape[1:]), blank, dtype=z.dtype, device=z.device)
    times = torch.ones(part.whole.shape, dtype=t.dtype, device=t.device)
    wide[part.whole], times[part.whole] = z, t
    return wide, times


def closure(network: Network, part: Lot) -> Any:
    """The network as samplers and bounds know it, of all the whole blocks of a batch at once."""
    context = network.inject(part.lesson.past.taps)

    def see(z: Tensor, t: Tensor) -> Tensor:
        wide, times = blocks_of(z, t, part, 0)
        hidden = network.denoise(wide, times, part.first, part.anchors, context)
        return network.unary(hidden[part.whole])

    return see


@torch.no_grad()
def exact(network: Network, part: Lot, markov: bool, seed: int = 0) -> Tensor:
    """−log p [N] a token, of whole blocks: of the autoregressive head, or of what one pass says from noise alone, drawn
    with the seed, with the Markov head's bias."""
    context = network.inject(part.lesson.past.taps)
    device = part.anchors.device
    z = part.x0
    if network.process != AUTOREGRESSIVE:
        z = process_of(network).prior(tuple(part.x0.shape), torch.Generator(device).manual_seed(seed))
    hidden = network.denoise(z, torch.ones(part.whole.shape, device=device), part.first, part.anchors, context)
    hidden, x0 = hidden[part.whole], part.x0[part.whole]
    logits = network.unary(hidden)
    if markov:
        logits = network.logits(hidden, network.previous(part.blocks.tokens[..., :-1][part.whole], hidden)).float()
    return F.cross_entropy(logits.flatten(0, 1), x0.flatten(), reduction="none").reshape(x0.shape).mean(-1).double()


def summary(blocks: np.ndarray, groups: np.ndarray, error: float = 0.0, draws: int = 2000) -> dict[str, Any]:
    """Nats per token and perplexity, with the middle 95 % when texts are drawn again. `error`: the standard error of
    the mean from the draws of times and noise; `texts`: each text's sum and its number of blocks."""
    _, which = np.unique(groups, return_inverse=True)
    sums = np.stack([np.bincount(which, blocks), np.bincount(which)], 1)
    low, high = middle(ratios(sums, draws))
    mean = float(blocks.mean())
    found = {"nats": mean, "error": error, "low": low, "high": high, "blocks": len(blocks)}
    return found | {"perplexity": math.exp(min(mean, 700.0)), "texts": sums.round(6).tolist()}


def difference(ours: dict[str, Any], theirs: dict[str, Any], draws: int = 2000) -> dict[str, float]:
    """Nats per token by which one summary is above another of the same blocks, with the middle 95 % when texts are
    drawn again, the same for both."""
    sums, other = np.array(ours["texts"]), np.array(theirs["texts"])
    if not np.array_equal(sums[:, 1], other[:, 1]):
        raise ValueError("the two were measured on other blocks")
    apart = np.stack([sums[:, 0] - other[:, 0], sums[:, 1]], 1)
    low, high = middle(ratios(apart, draws))
    return {"nats": float(apart[:, 0].sum() / apart[:, 1].sum()), "low": low, "high": high}


def bound(network: Network, text: Text, repeats: int, steps: int | None = None) -> dict[str, Any]:
    """The bound on −log p per token of the text's whole blocks: in continuous time, or of a sampler with `steps` steps.
    Times and noise are drawn with the same seeds for every network."""
    values, spread, count = [], 0.0, 0
    for number, part in enumerate(text.lots):
        if network.process == AUTOREGRESSIVE:
            values.append(exact(network, part, False).cpu().numpy())
            continue
        x0 = part.x0[part.whole]
        generator = torch.Generator(x0.device).manual_seed(number)
        found = estimate(process_of(network), closure(network, part), x0, repeats, generator, steps, len(x0))
        values.append(found.blocks.double().cpu().numpy())
        spread += (found.error * len(x0)) ** 2
        count += len(x0)
    return summary(np.concatenate(values), text.groups, math.sqrt(spread) / max(count, 1))


def one_pass(network: Network, text: Text, markov: bool) -> dict[str, Any]:
    """−log p per token that one pass gives: its tokens independent, or chained by the Markov head. Exactly, where noise
    is always MASK; else the mean over noise."""
    draws = 1 if network.reveals else 4
    values = [
        np.concatenate([exact(network, part, markov, seed).cpu().numpy() for part in text.lots])
        for seed in range(draws)
    ]
    means = np.array([blocks.mean() for blocks in values])
    return summary(np.mean(values, 0), text.groups, float(means.std(ddof=1) / draws**0.5) if draws > 1 else 0.0)
