"""The held-out texts that all networks are measured on."""

from __future__ import annotations

import argparse
import fcntl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..checkpoint import Checkpoint
from ..corpus import Corpus, cut_loop
from ..respond import answers, finished, for_verifier, read_prompts
from ..tokenizer import load_tokenizer

PIECE = 256  # Tokens of prose read at once.
#: A prompt's ids, the answer's, and its temperature.
Answered = tuple[list[int], list[int], str]


@dataclass(frozen=True)
class Texts:
    greedy: Corpus  # The verifier's greedy answers, which rounds are played on.
    own: Corpus  # The verifier's text as in training: every other answer greedy, the others at temperature 0.7.
    prose: Corpus

    @staticmethod
    def read(args: argparse.Namespace, checkpoint: Checkpoint) -> Texts:
        """The verifier answers the prompts, once: its answers stay in the folder."""
        vocabulary = len(checkpoint.value("tokenizer.ggml.tokens"))
        rows = for_verifier(checkpoint, read_prompts(args.prompts)[: args.count])
        if len(rows) < 2:
            raise SystemExit(f"{args.prompts} has {len(rows)} prompts, expected at least 2")
        found: dict[float, dict[int, Answered]] = {}
        with (args.out / "held-out.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # Another share waits, and finds the answers there.
            for temperature, part in ((0.0, rows), (0.7, rows[1::2])):
                name = f"held-out-{temperature:g}"
                kept = args.out / f"{name}.answers.jsonl"
                # The engine continues its file; PyTorch's is whole, and settings.json says what it belongs to.
                is_whole = kept.exists() and not args.engine
                given = finished(kept) if is_whole else answers(args, name, part, temperature, args.seed)
                found[temperature] = {
                    int(answer["id"]): (answer["prompt_ids"], cut_loop(answer["tokens"]), f"{temperature:g}")
                    for answer in given
                    if len(answer["tokens"]) >= 10
                }
        greedy = Corpus.build((found[0.0][number] for number in sorted(found[0.0])), vocabulary)
        # Each prompt once: those with odd numbers were answered at 0.7, and are half of them.
        own = Corpus.build(alternating(found[0.0], found[0.7], len(rows)), vocabulary)
        return Texts(greedy, own, prose(args.prose, checkpoint, vocabulary))


def alternating(greedy: dict[int, Answered], drawn: dict[int, Answered], count: int) -> Iterator[Answered]:
    """The answers to `count` prompts: of those with even numbers the greedy ones, of the others the drawn, whose
    numbers run over these prompts alone. Answers that are missing are left out."""
    for number in range(count):
        answers, place = (drawn, number // 2) if number % 2 else (greedy, number)
        if place in answers:
            yield answers[place]


def prose(path: Path, checkpoint: Checkpoint, vocabulary: int) -> Corpus:
    """A text in pieces, each begun by its first token."""
    if not path.exists():
        raise SystemExit(f"{path}: there is no such text")
    ids = load_tokenizer(checkpoint).encode(path.read_text(), add_special_tokens=False).ids
    pieces = [ids[start : start + PIECE] for start in range(0, len(ids), PIECE)]
    return Corpus.build(((piece[:1], piece[1:], "prose") for piece in pieces if len(piece) > 16), vocabulary)


def spread(corpus: Corpus, count: int, tokens: int) -> Corpus:
    """`count` sequences from all over the corpus, which may be sorted, their answers cut to so many tokens."""
    chosen = np.linspace(0, len(corpus) - 1, min(count, len(corpus))).astype(int)
    rows = [(corpus.sequence(i).tolist(), int(corpus.prompts[i]), corpus.tags[i]) for i in chosen]
    size = int(corpus.tokens.max()) + 1
    return Corpus.build(((row[:prompt], row[prompt : prompt + tokens], tag) for row, prompt, tag in rows), size)
