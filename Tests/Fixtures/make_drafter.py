"""Makes the golden files of the drafter's tests with the PyTorch implementation that trains it.

    Training/.venv/bin/pip install -e Training
    Training/.venv/bin/python Tests/Fixtures/make_drafter.py [MODEL.gguf DRAFTER.gguf]

Always: tiny-drafter.gguf, a drafter of random weights for tiny-qwen3.gguf, and tiny-drafter.json, its drafts. With a
verifier and its trained drafter: drafter.json, what PyTorch drafts in float32 on a text that the verifier wrote.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from gguf import GGMLQuantizationType
from torch import Tensor

from speculate_training.checkpoint import Checkpoint
from speculate_training.drafter import Drafter, DrafterConfig
from speculate_training.drafter_file import load, write
from speculate_training.drafting import SCHEDULES, draft_blocks
from speculate_training.verifier import Verifier

HERE = Path(__file__).parent


def verifier_of(path: Path) -> tuple[Checkpoint, Verifier]:
    checkpoint = Checkpoint(path)
    return checkpoint, Verifier(checkpoint, torch.device("cpu"), torch.float32)


def numbers(values: Tensor) -> list[float]:
    return [float(f"{value:.8g}") for value in values.flatten().tolist()]


def drafts(drafter: Drafter, taps: Tensor, tokens: Tensor, anchors: list[int], with_logits: bool) -> list[dict[str, Any]]:
    """What the drafter drafts at each anchor, for each number of passes and each order that does not need chance."""
    context = drafter.inject(taps)
    at = torch.tensor([anchors])
    first = tokens.gather(1, at)
    cases = []
    for passes, schedule in SCHEDULES.items():
        for order in ("left", "confidence") if passes > 1 else ("left",):
            draft = draft_blocks(drafter, context, at, first, drafter.config.block, schedule, order)
            previous = torch.cat([first.unsqueeze(-1), draft.tokens[..., :-1]], -1)
            logits = drafter.logits(draft.hidden, drafter.previous(previous, draft.hidden))
            for index, anchor in enumerate(anchors):
                case = {
                    "anchor": anchor,
                    "passes": passes,
                    "order": order,
                    "tokens": draft.tokens[0, index].tolist(),
                    "revealed": draft.revealed[0, index].tolist(),
                    "confidences": numbers(draft.confidence[0, index].sigmoid()),
                }
                if with_logits:
                    case["logits"] = numbers(logits[0, index])
                cases.append(case)
    return cases


@torch.no_grad()
def make_tiny() -> None:
    checkpoint, verifier = verifier_of(HERE / "tiny-qwen3.gguf")
    v = verifier.config
    torch.manual_seed(3)
    d2t = torch.randperm(v.vocabulary)[:48].sort().values
    config = DrafterConfig(
        hidden=v.hidden, feed_forward=v.feed_forward, heads=v.heads, kv_heads=v.kv_heads,
        head_dimension=v.head_dimension, vocabulary=v.vocabulary, draft_vocabulary=len(d2t), epsilon=v.epsilon,
        rope_base=v.rope_base, context=v.context, layers=2, taps=tuple(range(1, v.layers)), block=8, window=20, rank=32,
        mask_token=1,
    )  # fmt: skip
    drafter = Drafter(config, d2t, verifier.embedding, torch.float32)
    for parameter in drafter.parameters():
        # Random enough that every part matters to every draft.
        parameter.copy_(parameter + 0.2 * torch.randn_like(parameter))
    write(
        HERE / "tiny-drafter.gguf", drafter, checkpoint, GGMLQuantizationType.F32, GGMLQuantizationType.F32,
        {"name": "tiny drafter"},
    )  # fmt: skip
    tokens = torch.randint(0, v.vocabulary, (1, 60))
    taps = verifier.forward(tokens, config.taps).taps
    golden = {
        "tokens": tokens[0].tolist(),
        "states": numbers(taps),
        "cases": drafts(drafter, taps, tokens, [0, 1, 7, 19, 20, 21, 45, 59], with_logits=True),
    }
    (HERE / "tiny-drafter.json").write_text(json.dumps(golden) + "\n")


@torch.no_grad()
def make_real(model: Path, path: Path) -> None:
    checkpoint, verifier = verifier_of(model)
    drafter = load(path, verifier, checkpoint)
    rows = [json.loads(line) for line in (HERE / "prompts.jsonl").read_text().splitlines()]
    from speculate_training.generate import answer
    from speculate_training.tokenizer import load_tokenizer, render_chat

    tokenizer = load_tokenizer(checkpoint)
    end = int(checkpoint.value("tokenizer.ggml.eos_token_id"))
    texts = []
    for row in [row for row in rows if not row.get("raw") and len(row["prompt"]) < 400][:8]:
        prompt = tokenizer.encode(render_chat(checkpoint, row["prompt"]), add_special_tokens=False).ids
        reply = answer(verifier, [prompt], 48, 0.0, end, torch.Generator())[0]
        tokens = torch.tensor([prompt + reply])
        anchors = list(range(len(prompt) - 1, tokens.shape[1] - 1, 4))
        taps = verifier.forward(tokens, drafter.config.taps).taps
        texts.append({"tokens": tokens[0].tolist(), "cases": drafts(drafter, taps, tokens, anchors, with_logits=False)})
    (HERE / "drafter.json").write_text(json.dumps(texts) + "\n")


if __name__ == "__main__":
    make_tiny()
    if len(sys.argv) == 3:
        make_real(Path(sys.argv[1]), Path(sys.argv[2]))
