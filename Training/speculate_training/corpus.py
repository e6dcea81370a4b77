"""The verifier's own text, as token ids."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor


def cut_loop(tokens: list[int], longest: int = 48, repeats: int = 3) -> list[int]:
    """A text that ends in a loop says nothing new: where its end repeats one piece of at most `longest` tokens at
    least `repeats` times, all but the first two are cut."""
    for period in range(1, longest + 1):
        count = 0
        while count < len(tokens) - period and tokens[-1 - count] == tokens[-1 - count - period]:
            count += 1
        if count >= period * (repeats - 1) and count + period >= 12:
            return tokens[: len(tokens) - count + period]
    return tokens


@dataclass
class Corpus:
    """Sequences of prompt and answer, end to end."""

    tokens: np.ndarray  # uint16 or uint32
    offsets: np.ndarray  # [sequences + 1] int64
    prompts: np.ndarray  # [sequences] int32: tokens of the prompt
    tags: list[str]  # [sequences] a category, for reports

    def __len__(self) -> int:
        return len(self.prompts)

    def sequence(self, index: int) -> np.ndarray:
        return self.tokens[self.offsets[index] : self.offsets[index + 1]]

    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)

    def answer_tokens(self) -> int:
        return int(self.lengths().sum() - self.prompts.sum())

    def save(self, path: Path) -> None:
        """Written beside and renamed, so that a reader never meets half a file."""
        beside = path.with_suffix(".tmp.npz")
        np.savez(
            beside, tokens=self.tokens, offsets=self.offsets, prompts=self.prompts, tags=np.array(json.dumps(self.tags))
        )
        os.replace(beside, path)

    @staticmethod
    def load(path: Path) -> Corpus:
        with np.load(path) as file:
            return Corpus(file["tokens"], file["offsets"], file["prompts"], json.loads(str(file["tags"])))

    @staticmethod
    def build(items: Iterable[tuple[list[int], list[int], str]], vocabulary: int) -> Corpus:
        """From (prompt, answer, tag)."""
        kind = np.uint16 if vocabulary <= 1 << 16 else np.uint32
        flat: list[np.ndarray] = []
        prompts, tags = [], []
        for prompt, answer, tag in items:
            flat.append(np.array(prompt + answer, dtype=kind))
            prompts.append(len(prompt))
            tags.append(tag)
        offsets = np.cumsum([0] + [len(sequence) for sequence in flat])
        tokens = np.concatenate(flat) if flat else np.zeros(0, kind)
        return Corpus(tokens, offsets.astype(np.int64), np.array(prompts, np.int32), tags)

    @cached_property
    def answer_counts(self) -> np.ndarray:
        """How often each token stands in an answer, up to the greatest token."""
        begins = np.repeat(self.offsets[:-1] + self.prompts, self.lengths())  # Of each token's answer.
        answers = self.tokens[np.arange(len(self.tokens)) >= begins]
        return np.bincount(answers, minlength=int(self.tokens.max()) + 1)

    def coverage(self, tokens: list[int]) -> float:
        """The share of the answers that these tokens make up."""
        counts = self.answer_counts
        return float(counts[[token for token in tokens if token < len(counts)]].sum() / max(counts.sum(), 1))

    def draft_vocabulary(self, size: int, always: Iterable[int]) -> tuple[list[int], float]:
        """The tokens that answers use most, in rising order, `always` among them; and the share that they cover."""
        counts = self.answer_counts
        chosen = set(always)
        for token in np.argsort(-counts, kind="stable"):
            if len(chosen) == size:
                break
            chosen.add(int(token))
        return sorted(chosen), self.coverage(sorted(chosen))


@dataclass(frozen=True)
class Batch:
    tokens: Tensor  # [S, T], zeros after a sequence's end
    lengths: Tensor  # [S]
    prompts: Tensor  # [S]

    @property
    def shortest_answer(self) -> int:
        return int((self.lengths - self.prompts).min())

    def to(self, device: torch.device) -> Batch:
        return Batch(self.tokens.to(device), self.lengths.to(device), self.prompts.to(device))


def collate(corpus: Corpus, indices: Iterable[int]) -> Batch:
    sequences = [torch.from_numpy(corpus.sequence(i).astype(np.int64)) for i in indices]
    tokens = torch.nn.utils.rnn.pad_sequence(sequences, batch_first=True)
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    return Batch(tokens, lengths, torch.from_numpy(corpus.prompts[list(indices)].astype(np.int64)))


def epoch_batches(corpus: Corpus, indices: np.ndarray, budget: int, seed: int) -> list[list[int]]:
    """One epoch's batches of about `budget` tokens, sequences of like length together, in an order that `seed` alone
    decides."""
    rng = np.random.default_rng(seed)
    lengths = corpus.lengths()
    order = rng.permutation(indices)
    batches: list[list[int]] = []
    for start in range(0, len(order), 1024):
        pool = sorted(order[start : start + 1024], key=lambda i: (int(lengths[i]), int(i)))
        batch: list[int] = []
        for index in pool:
            if batch and int(lengths[index]) * (len(batch) + 1) > budget:
                batches.append(batch)
                batch = []
            batch.append(int(index))
        batches.append(batch)
    rng.shuffle(batches)
    return batches


def endless(corpus: Corpus, indices: np.ndarray, budget: int, seed: int, start: int) -> Iterator[list[int]]:
    """Batches from number `start` on, epoch after epoch: the same for the same seed, wherever one starts."""
    epoch, skip = 0, start
    while True:
        batches = epoch_batches(corpus, indices, budget, seed * 1_000_003 + epoch)
        if skip >= len(batches):
            skip -= len(batches)
        else:
            yield from batches[skip:]
            skip = 0
        epoch += 1
