"""Lets the verifier answer prompts, and prompts that it makes up itself, and stores the text as token ids."""

from __future__ import annotations

import argparse
import json
import lzma
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from .checkpoint import Checkpoint, fingerprint
from .corpus import Corpus, cut_loop
from .drafter import read_taps
from .generate import generate
from .states import StateCache
from .tokenizer import render_chat
from .verifier import Verifier, VerifierConfig, working_dtype


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--verifier", required=True, help="the verifier's GGUF file")
    parser.add_argument("--prompts", type=Path, required=True, help="JSON lines with 'prompt', maybe 'raw', 'category'")
    parser.add_argument("--out", type=Path, required=True, help="folder; corpus.npz is the result")
    parser.add_argument("--engine", default="", help="the speculate program; without it PyTorch generates")
    parser.add_argument("--count", type=int, default=20000, help="prompts answered, half greedily and half at 0.7")
    parser.add_argument("--own", type=int, default=4000, help="prompts that the verifier makes up")
    parser.add_argument("--turns", type=int, default=1, help="of a conversation, each answered")
    parser.add_argument("--max-tokens", type=int, default=160, help="of an answer")
    parser.add_argument("--longest", type=int, default=1500, help="characters of a prompt; longer ones are left out")
    parser.add_argument("--temperatures", default="0,0.7", help="answers are split evenly over these")
    parser.add_argument("--cache", type=Path, help="folder where the engine records its states, for 'train --cache'")
    parser.add_argument("--taps", default="", help="with --cache: layers whose input is recorded, as for 'train'")
    parser.add_argument("--seconds", type=float, default=0, help="time for all answers, in PyTorch; 0: without end")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")


def read_prompts(path: Path) -> list[dict[str, Any]]:
    """JSON lines, plain or .xz."""
    with lzma.open(path, "rt") if path.suffix == ".xz" else path.open() as file:
        rows = []
        for number, line in enumerate(file, 1):
            try:
                row = json.loads(line)
                row["prompt"] = str(row["prompt"])
            except (ValueError, KeyError, TypeError) as error:
                raise SystemExit(f"{path}, line {number}: expected a JSON object with a 'prompt'") from error
            rows.append(row)
    return rows


def for_verifier(checkpoint: Checkpoint, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The prompts, none of them a user's turn where the verifier has no chat template: a base model."""
    if "tokenizer.chat_template" in checkpoint.reader.fields:
        return rows
    print("the verifier has no chat template; it continues every prompt as it stands", file=sys.stderr)
    return [{**row, "raw": True} for row in rows]


def answers(
    args: argparse.Namespace, name: str, prompts: list[dict[str, Any]], temperature: float, seed: int,
    layers: tuple[int, ...] = (), seconds: float = 0,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Answers the prompts; the engine's own file remembers what is done when it is interrupted. It records the states
    that enter the given layers in NAME.states."""
    source, result = args.out / f"{name}.prompts.jsonl", args.out / f"{name}.answers.jsonl"
    beside = source.with_suffix(".tmp")
    beside.write_text("".join(json.dumps({**row, "id": str(i)}) + "\n" for i, row in enumerate(prompts)))
    os.replace(beside, source)
    states = args.out / f"{name}.states"
    if args.engine:
        if not shutil.which(args.engine):
            raise SystemExit(f"--engine is {args.engine}, which is no program; 'make build' makes it")
        command = [args.engine, "batch", "--model", args.verifier, "--prompts", source, "--output", result]
        command += ["--token-ids", "--prompt-ids", "--special", "--keep-loops", "--max-tokens", args.max_tokens]
        command += ["--temperature", temperature, "--seed", seed, "--parallel", 24]
        if layers:
            command += ["--states", states, "--states-entering", *layers]
        ended = subprocess.run([str(part) for part in command], check=False)
        if ended.returncode:
            raise SystemExit(f"{args.engine} batch ended with {ended.returncode}")
    else:
        device = torch.device(args.device)
        generate(args.verifier, source, result, args.max_tokens, temperature, seed, device, seconds=seconds)
    yield from finished(result)


def finished(result: Path) -> Iterator[dict[str, Any]]:
    """The answers of a file that came to their end."""
    with result.open() as file:
        for line in file:
            answer = json.loads(line)
            if "tokens" in answer and answer["finish_reason"] != "cancelled":
                yield answer


def own_prompts(args: argparse.Namespace, checkpoint: Checkpoint) -> list[dict[str, Any]]:
    """What the verifier writes as a user's turn when a turn is opened for it, each once."""
    opening = "<|im_start|>user\n"
    if "<|im_start|>" not in checkpoint.value("tokenizer.ggml.tokens"):
        print("the verifier has no ChatML turns; it makes up no prompts", file=sys.stderr)
        return []
    asked = [{"prompt": opening, "raw": True}] * args.own
    seen: dict[str, None] = {}
    for answer in answers(args, "own", asked, 1.0, args.seed + 100):
        text = answer["text"].strip()
        if answer["finish_reason"] == "end_of_text" and 8 <= len(text) <= args.longest:
            seen.setdefault(text)
    return [{"prompt": text, "category": "own"} for text in seen]


#: What users say next, whatever it is about.
FOLLOW_UPS = (
    "Can you give me an example?",
    "Explain that in simpler words.",
    "Why?",
    "Make it shorter, please.",
    "Please go on.",
    "What are the disadvantages?",
    "Write it as a list.",
    "Are you sure? Check it again.",
    "What else should I know about this?",
    "Thanks! And how would I do that in practice?",
    "Rewrite it in a more formal style.",
    "Summarize what you said in one sentence.",
)


def follow_up(
    checkpoint: Checkpoint, row: dict[str, Any], answer: dict[str, Any], rng: random.Random
) -> dict[str, Any]:
    """A prompt's conversation with its answer and the user's next turn, as a prompt that is completed as it stands."""
    turns = [*row.get("turns", [row["prompt"]]), answer["text"].strip(), rng.choice(FOLLOW_UPS)]
    return {**row, "prompt": render_chat(checkpoint, *turns), "turns": turns, "raw": True}


def conversations(
    args: argparse.Namespace, checkpoint: Checkpoint, name: str, prompts: list[dict[str, Any]], temperature: float,
    seed: int, turns: int, layers: tuple[int, ...] = (), seconds: float = 0,
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:  # fmt: skip
    """Answers the prompts, then those answers' follow-ups, and so on, as `answers`: of each the name that its turn's
    files have, the prompt and the answer. An answer that was cut off, or continues a text, is not followed up."""
    rng = random.Random(seed)
    for turn in range(turns):
        files, later = f"{name}-turn-{turn + 1}" if turn else name, []
        for answer in answers(args, files, prompts, temperature, seed, layers, seconds / turns):
            row = prompts[int(answer["id"])]
            if ("turns" in row or not row.get("raw")) and answer["finish_reason"] == "end_of_text":
                later.append(follow_up(checkpoint, row, answer, rng))
            yield files, row, answer
        prompts = later


def main(args: argparse.Namespace) -> None:
    if args.seconds and args.engine:
        raise SystemExit("--seconds is for answers in PyTorch, without --engine")
    if args.turns < 1:
        raise SystemExit(f"--turns is {args.turns}, expected at least 1")
    args.out.mkdir(parents=True, exist_ok=True)
    checkpoint = Checkpoint(args.verifier)
    rows = [row for row in read_prompts(args.prompts) if len(row["prompt"]) <= args.longest]
    rng = random.Random(args.seed)
    rng.shuffle(rows)
    rows = for_verifier(checkpoint, rows[: args.count])
    if args.own:
        rows += own_prompts(args, checkpoint)
        rng.shuffle(rows)
    layers = recorded_layers(args, checkpoint) if args.cache else ()
    temperatures = [float(part) for part in args.temperatures.split(",")]
    items: list[tuple[list[int], list[int], str]] = []
    recorded: list[tuple[Path, int, list[float]]] = []
    for number, temperature in enumerate(temperatures):
        part, seconds = rows[number :: len(temperatures)], args.seconds / len(temperatures)
        found = conversations(
            args, checkpoint, f"answers-{number}", part, temperature, args.seed + number, args.turns, layers, seconds
        )
        for name, row, answer in tqdm(found, total=len(part)):
            tokens = cut_loop(answer["tokens"])
            if len(tokens) >= 4:
                items.append((answer["prompt_ids"], tokens, f"{row.get('category', '')}@{temperature:g}"))
                if layers:
                    recorded.append((args.out / f"{name}.states", answer["states"], answer["log_totals"]))
    if not items:
        raise SystemExit(f"{args.prompts}: no prompt got an answer of four tokens or more, expected some")
    corpus = Corpus.build(items, len(checkpoint.value("tokenizer.ggml.tokens")))
    if layers:
        remember(args, checkpoint, corpus, layers, recorded)
    corpus.save(args.out / "corpus.npz")
    for path in {path for path, _, _ in recorded}:
        path.unlink()
    for size in (4096, 8192, 16384):
        print(f"{size} draft tokens cover {corpus.draft_vocabulary(size, [])[1]:.2%}")
    print(f"{len(corpus)} sequences, {corpus.answer_tokens()} answer tokens in {args.out / 'corpus.npz'}")


def recorded_layers(args: argparse.Namespace, checkpoint: Checkpoint) -> tuple[int, ...]:
    """The tapped layers, and one more that stands for the last one's output."""
    if not args.engine:
        raise SystemExit("--cache asks for --engine: the engine records its states")
    config = VerifierConfig.read(checkpoint)
    return (*read_taps(args.taps, config.layers), config.layers)


def remember(
    args: argparse.Namespace, checkpoint: Checkpoint, corpus: Corpus, layers: tuple[int, ...],
    recorded: list[tuple[Path, int, list[float]]],
) -> None:  # fmt: skip
    """Takes what the engine recorded, of each sequence a file and its first row there, into the cache of training."""
    device = torch.device("cpu")
    verifier = Verifier(checkpoint, device, working_dtype(device))
    cache = StateCache(args.cache, corpus, layers[:-1], verifier, fingerprint(checkpoint))
    shape = (-1, len(layers), verifier.config.hidden)
    paths = {path for path, _, _ in recorded}
    if missing := [path for path in paths if not path.exists()]:
        raise SystemExit(f"{missing[0]}: its states are in {args.cache} already; delete {args.out} to answer anew")
    files = {path: np.memmap(path, np.uint16, "r").reshape(shape) for path in paths}
    for index, (path, row, totals) in enumerate(recorded):
        length = int(corpus.lengths()[index])
        cache.record(index, np.array(files[path][row : row + length - 1]), totals)
