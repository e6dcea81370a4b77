"""What all processes learn from: the same batches and the same blocks, step by step."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..checkpoint import Checkpoint, fingerprint
from ..corpus import Batch, Corpus, collate, endless
from ..drafter import Drafter
from ..drafter_file import read
from ..initialization import start_from
from ..objective import Blocks, Lesson, prepare, sample_anchors, text_blocks
from ..states import StateCache
from ..verifier import Verifier, working_dtype


@dataclass(frozen=True)
class Lot:
    """A step's blocks. Those with a token that cannot be drafted, or that end after the text, are not whole."""

    lesson: Lesson
    blocks: Blocks
    anchors: Tensor  # [S, A]
    first: Tensor  # [S, A] the anchors' tokens
    x0: Tensor  # [S, A, B] draft tokens; 0 where a block is not whole
    whole: Tensor  # [S, A]


def lot(drafter: Drafter, lesson: Lesson, anchors: Tensor) -> Lot:
    blocks = text_blocks(lesson, anchors, drafter.config.block)
    x0 = drafter.t2d[blocks.tokens[..., 1:]]
    whole = (blocks.valid & (x0 >= 0)).all(-1)
    return Lot(lesson, blocks, anchors, blocks.tokens[..., 0], x0 * whole.unsqueeze(-1), whole)


class Source:
    def __init__(
        self, verifier: str, corpus: Path, drafter: Path, cache: Path | None, device: str, tokens: int = 1792
    ) -> None:
        """`tokens` of text a step; the verifier's states are read from or written to the folder `cache`."""
        if not corpus.exists():
            raise SystemExit(f"{corpus}: there is no such corpus; 'respond' makes one")
        if not drafter.exists():
            raise SystemExit(f"{drafter}: there is no such drafter")
        self.checkpoint = Checkpoint(verifier)
        self.device = torch.device(device)
        self.verifier = Verifier(self.checkpoint, self.device, working_dtype(self.device))
        self.corpus, self.drafter, self.tokens = Corpus.load(corpus), drafter, tokens
        self.states: StateCache | None = None
        if cache:
            taps = self.begin("drafter").config.taps
            self.states = StateCache(cache, self.corpus, taps, self.verifier, fingerprint(self.checkpoint))

    def batches(self, start: int) -> Iterator[list[int]]:
        """Sequences of step `start`, and of those after it."""
        return endless(self.corpus, np.arange(len(self.corpus)), self.tokens, 1, start)

    def begin(self, start: str, layers: int = 0) -> Drafter:
        """The drafter that all begin as: the file's, or one of its shape and vocabulary whose weights are derived from
        the verifier's alone, with as many layers as are asked for."""
        file = read(self.drafter, self.verifier, self.checkpoint)
        if start == "drafter":
            if layers not in (0, file.config.layers):
                raise SystemExit(f"{self.drafter} has {file.config.layers} layers, not {layers}; --start verifier")
            sample = collate(self.corpus, next(iter(self.batches(0)))).tokens
            file.unfold(file.tap_sizes(self.verifier, sample.to(self.device)))
            return file
        config = dataclasses.replace(file.config, layers=layers or file.config.layers)
        torch.manual_seed(0)
        drafter = Drafter(config, file.d2t.cpu(), self.verifier.embedding.cpu(), self.verifier.dtype).to(self.device)
        chosen = itertools.islice(self.batches(0), 12)
        start_from(drafter, self.verifier, [collate(self.corpus, part).tokens.to(self.device) for part in chosen])
        return drafter

    def lesson(self, drafter: Drafter, indices: list[int]) -> Lesson:
        batch = collate(self.corpus, indices)
        remembered = self.states.batch(indices, batch.tokens) if self.states else None
        return prepare(self.verifier, drafter, batch, remembered)

    def lot(self, drafter: Drafter, indices: list[int], count: int, generator: torch.Generator) -> Lot:
        """About `count` blocks at random places of the batch's answers; where there are enough, whole ones."""
        batch = collate(self.corpus, indices)
        each = min(-(-count // len(indices)), int((batch.lengths - batch.prompts).max()))
        anchors = sample_anchors(batch, each, generator, whole_places(drafter, batch)).to(self.device)
        return lot(drafter, self.lesson(drafter, indices), anchors)


def whole_places(drafter: Drafter, batch: Batch) -> Tensor:
    """Weights [S, T] of anchors: next to nothing where one of the tokens that follow cannot be drafted."""
    B = drafter.config.block
    can = drafter.t2d.cpu()[batch.tokens] >= 0
    can &= torch.arange(can.shape[1]) < batch.lengths.unsqueeze(-1)
    follow = F.pad(can[:, 1:], (0, B)).unfold(1, B, 1)[:, : can.shape[1]].all(-1)
    return torch.where(follow, 1.0, 1e-6)
