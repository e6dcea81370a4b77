"""The verifier's states of a whole corpus, kept in files: the engine records them while it answers, or the first epoch
writes them; later ones and later runs read them. A pass of the verifier costs far more than one of the drafter."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
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
    """About (taps + 1) · hidden · 2 bytes per token of the corpus, in two files whose names say what they belong to."""

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

    def record(self, index: int, rows: np.ndarray, log_totals: list[float]) -> None:
        """Keeps what the engine said of sequence `index` when it wrote it: rows [.., taps + 1, hidden], the residual
        streams entering the tapped layers and the last layer's output, as the bits of bfloat16 numbers, and each
        answer token's total. The last token, which no pass has read, has no state and no distribution."""
        begin, end = (int(self.corpus.offsets[i]) for i in (index, index + 1))
        answer = begin + int(self.corpus.prompts[index]) - 1
        rows, log_totals = rows[: end - begin], log_totals[: end - answer]
        states = torch.from_numpy(rows.view(np.int16)).view(torch.bfloat16).to(self.verifier.dtype)
        kept = self.states[begin : begin + len(rows)]
        kept[:, :-1] = states[:, :-1]
        kept[:, -1] = self.verifier.normalise(states[:, -1])
        self.totals[begin:end] = float("inf")  # Nobody asks for the distributions within a prompt.
        self.totals[answer : answer + len(log_totals)] = torch.tensor(log_totals)

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
