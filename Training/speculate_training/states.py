"""The verifier's states of a whole corpus, kept in files: the first epoch writes them, later ones and later runs read
them. A pass of the verifier costs far more than an update of the drafter on the next token alone."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from .corpus import Corpus
from .verifier import Verifier


@dataclass(frozen=True)
class Remembered:
    """What a batch's pass said: taps [S, T, taps, hidden], final states [S, T, hidden], and the logarithm [S, T] of
    the sum that turns logits to probabilities."""

    taps: Tensor
    hidden: Tensor
    totals: Tensor


class StateCache:
    """About (taps + 1) · hidden · 2 bytes a token of the corpus, in two files whose names say what they belong to."""

    def __init__(self, folder: Path, corpus: Corpus, taps: tuple[int, ...], verifier: Verifier, name: str) -> None:
        """`name` tells verifiers apart, its fingerprint."""
        self.corpus, self.taps, self.verifier = corpus, taps, verifier
        tokens, width = int(corpus.offsets[-1]), verifier.config.hidden
        stem = f"{name}-{zlib.crc32(corpus.tokens.tobytes()):08x}-{'-'.join(map(str, taps))}"
        folder.mkdir(parents=True, exist_ok=True)
        size = tokens * (len(taps) + 1) * width
        states = torch.from_file(str(folder / f"{stem}.states"), shared=True, size=size, dtype=verifier.dtype)
        self.states = states.view(tokens, len(taps) + 1, width)
        # Zero where a sequence has not been seen yet, as new files are.
        self.totals = torch.from_file(str(folder / f"{stem}.totals"), shared=True, size=tokens, dtype=torch.float32)

    def batch(self, indices: list[int], tokens: Tensor) -> Remembered:
        """tokens [S, T], those of the sequences `indices`."""
        spans = [slice(int(self.corpus.offsets[i]), int(self.corpus.offsets[i + 1])) for i in indices]
        if any(float(self.totals[span.start]) == 0 for span in spans):
            past = self.verifier.forward(tokens.to(self.verifier.device), self.taps)
            totals = torch.stack([log_totals(self.verifier, row) for row in past.hidden])
            states = torch.cat([past.taps, past.hidden.unsqueeze(2)], 2).cpu()
            for row, span in enumerate(spans):
                self.states[span] = states[row, : span.stop - span.start]
                self.totals[span] = totals[row, : span.stop - span.start].cpu()
        device = self.verifier.device
        states = torch.nn.utils.rnn.pad_sequence([self.states[span] for span in spans], batch_first=True).to(device)
        totals = torch.nn.utils.rnn.pad_sequence([self.totals[span] for span in spans], batch_first=True).to(device)
        return Remembered(states[:, :, :-1], states[:, :, -1], totals)


def log_totals(verifier: Verifier, hidden: Tensor, rows: int = 256) -> Tensor:
    """[T, hidden] → [T]."""
    return torch.cat([verifier.logits(chunk).float().logsumexp(-1) for chunk in hidden.split(rows)])
