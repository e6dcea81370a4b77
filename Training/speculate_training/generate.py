"""Batched generation in PyTorch, for machines where a GPU is faster than the engine."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from .checkpoint import Checkpoint
from .tokenizer import load_tokenizer, render_chat
from .verifier import Verifier


def generate(
    verifier_path: str, source: Path, result: Path, max_tokens: int, temperature: float, seed: int,
    device: torch.device, budget: int = 0, seconds: float = 0,
) -> None:  # fmt: skip
    """Completes the prompts of `source`, JSON lines as the engine's `batch` takes them, and writes the lines that it
    would write: `id`, `text`, `tokens`, `prompt_ids`, `finish_reason`. `budget` bounds the tokens of a batch; 0: what
    `most_tokens` says. With `seconds`, no batch begins later than that, and the prompts left get no answer."""
    began = time.monotonic()
    checkpoint = Checkpoint(verifier_path)
    tokenizer = load_tokenizer(checkpoint)
    verifier = Verifier(checkpoint, device, torch.bfloat16 if device.type == "cuda" else torch.float32)
    end = int(checkpoint.value("tokenizer.ggml.eos_token_id"))
    rows: list[dict[str, Any]] = [json.loads(line) for line in source.read_text().splitlines()]
    asked = [row["prompt"] if row.get("raw") else render_chat(checkpoint, row["prompt"]) for row in rows]
    for row, encoded in zip(rows, tokenizer.encode_batch(asked, add_special_tokens=False), strict=True):
        row["prompt_ids"] = encoded.ids[-verifier.config.context // 2 :]
    generator = torch.Generator(device).manual_seed(seed)
    beside = result.with_suffix(".tmp")
    with beside.open("w") as file:
        groups = list(batches(rows, max_tokens, budget or most_tokens(verifier)))
        random.Random(seed).shuffle(groups)  # Those that time leaves out shall not be the longest.
        for batch in tqdm(groups):
            if seconds and time.monotonic() - began > seconds:
                break
            prompts = [row["prompt_ids"] for row in batch]
            for row, tokens in zip(
                batch, answer(verifier, prompts, max_tokens, temperature, end, generator), strict=True
            ):
                line = {
                    "id": row["id"],
                    "text": tokenizer.decode(tokens),
                    "tokens": tokens,
                    "prompt_ids": row["prompt_ids"],
                    "finish_reason": "end_of_text" if tokens[-1] == end else "length",
                }
                file.write(json.dumps(line) + "\n")
    os.replace(beside, result)


def most_tokens(verifier: Verifier) -> int:
    """Tokens of a batch: many on a GPU, where a step of few rows takes as long as one of thousands, if their keys and
    values fit a quarter of its memory."""
    if verifier.device.type != "cuda":
        return 1 << 16
    c = verifier.config
    free, _ = torch.cuda.mem_get_info(verifier.device)
    return min(1 << 19, free // (4 * 2 * c.layers * c.kv_heads * c.head_dimension * verifier.dtype.itemsize))


def batches(rows: list[dict[str, Any]], max_tokens: int, budget: int) -> Iterator[list[dict[str, Any]]]:
    """Prompts of like length together."""
    batch: list[dict[str, Any]] = []
    for row in sorted(rows, key=lambda row: len(row["prompt_ids"])):
        if batch and (len(batch) + 1) * (len(row["prompt_ids"]) + max_tokens) > budget:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


@torch.no_grad()
def answer(
    verifier: Verifier, prompts: list[list[int]], max_tokens: int, temperature: float, end: int,
    generator: torch.Generator,
) -> list[list[int]]:  # fmt: skip
    """Token by token, all prompts of the batch at once."""
    device = verifier.device
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
    tokens = torch.nn.utils.rnn.pad_sequence([torch.tensor(prompt) for prompt in prompts], batch_first=True).to(device)
    past = verifier.forward(tokens, (0,))
    keys, values = ([grown(x, max_tokens) for x in part] for part in (past.keys, past.values))
    past = past.with_cache(keys, values)
    hidden = past.hidden[torch.arange(len(prompts), device=device), lengths - 1]
    answers: list[Tensor] = []
    ended = torch.zeros(len(prompts), dtype=torch.bool, device=device)
    for index in range(max_tokens):
        logits = verifier.logits(hidden).float()
        if temperature > 0:
            chosen = torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator).squeeze(-1)
        else:
            chosen = logits.argmax(-1)
        answers.append(chosen)
        ended |= chosen == end
        # Asked now and then: on a GPU the answer would have to be waited for.
        if index + 1 == max_tokens or index % 8 == 7 and bool(ended.all()):
            break
        anchors = (lengths + index).unsqueeze(-1)
        hidden = verifier.forward_blocks(chosen[:, None, None], anchors, past, store=True)[:, 0, 0]
    columns = torch.stack(answers, 1).tolist()
    return [row[: row.index(end) + 1] if end in row else row for row in columns]


def grown(x: Tensor, room: int) -> Tensor:
    """x [S, T, kv, d] with room for more tokens, a head's together: every step reads them as they lie, uncopied."""
    return F.pad(x, (0, 0, 0, 0, 0, room)).transpose(1, 2).contiguous().transpose(1, 2)
