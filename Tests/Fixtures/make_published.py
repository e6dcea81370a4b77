"""Makes tiny drafters as llama.cpp's converter writes published ones, and what they draft by `reference.py`.

    .venv/bin/python Tests/Fixtures/make_published.py [NAME ...]

TARGETS are their verifiers. NAME.json holds a text that the drafter's verifier wrote, and the drafts after each token of it,
with the lead that each drafted token's logit has over the next one: rounding may decide those without one.
`peer_drafts.py` adds llama.cpp's drafts.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from published_targets import HERE, LEAD, MASK, PROMPT, TARGETS, VOCABULARY, Target, draw, layer, lead, write
from reference import block, eagle, select, walk


def make(name: str, target: Target, propose: Callable[[int], list[tuple[np.ndarray, np.ndarray]]]) -> None:
    """`propose` returns what each token of a draft after the text's token at an index is chosen from, and the logits."""
    drafts, leads = [], []
    for anchor in range(PROMPT, len(target.text)):
        steps = propose(anchor)
        drafts.append([int(tokens[logits.argmax()]) for tokens, logits in steps])
        leads.append([round(lead(logits), 3) for _, logits in steps])
    verifier = next(name for name, other in TARGETS.items() if other is target)
    golden = {"verifier": verifier, "tokens": target.text, "prompt": PROMPT, "drafts": drafts, "leads": leads}
    (HERE / f"{name}.json").write_text(json.dumps(golden) + "\n")
    different = np.mean([len(set(draft)) / len(draft) for draft in drafts])
    clear = np.mean([value > LEAD for row in leads for value in row])
    print(f"{name}: {len(drafts)} drafts, {different:.0%} of their tokens different, {clear:.0%} clear")


# ------------------------------------------------------------------------------------------------ DFlash


def dflash(
    name: str, target: Target, *, layers: list[int], count: int, keys: dict[str, Any] | None = None,
    shape: dict[str, Any] | None = None, more_sizes: dict[str, tuple[int, ...]] | None = None,
    d2t: np.ndarray | None = None,
) -> None:  # fmt: skip
    """Embedding and head are the verifier's; the anchor's slot predicts nothing unless the keys say so."""
    width, keys = target.shape.hidden, keys or {}
    own = replace(target.shape, layers=2, rope_base=1e6, interleaved=False, **(shape or {}))
    sizes = {"fc.weight": (width, len(layers) * width), "enc.output_norm.weight": (width,), "output_norm.weight": (width,)}
    for index in range(own.layers):
        sizes |= layer(f"blk.{index}", own, head_norms=True)
    weights = draw(np.random.default_rng(3), sizes | (more_sizes or {}), 0.3)
    for tensor in weights:
        # What slots read of each other and of the text tells them apart.
        if tensor.endswith(("attn_v.weight", "attn_output.weight", "attn_q_norm.weight")):
            weights[tensor] = (3 * weights[tensor]).astype(np.float16).astype(np.float64)
    read, text = target.features(layers), target.text

    def propose(anchor: int) -> list[tuple[np.ndarray, np.ndarray]]:
        slots = [text[anchor]] + [MASK] * (count - 1)
        hidden, logits = block(weights, target.weights, read[:anchor], slots, own)
        drafted = np.arange(VOCABULARY) if d2t is None else d2t
        if "markov_w1.weight" in weights:
            return [(drafted, row) for row in walk(weights, logits, text[anchor], drafted)]
        first = 0 if keys.get("sample_from_anchor") else 1
        if "selector_hidden.weight" not in weights:
            return [(drafted, row) for row in logits[first:]]
        settings = keys["selector_top_k"], keys.get("logit_scale", 1.0), keys.get("final_logit_softcapping", 0.0)
        return select(weights, hidden[first:], logits[first:], text[anchor], drafted, *settings)

    make(name, target, propose)
    more = {"block_size": count, "target_layers": layers} | keys
    write(name, "dflash", own, weights, more, target.pre, mask=MASK, merges=["Ġ t", "h e"], d2t=d2t)


def tiny_dflash(name: str, target: Target) -> None:
    dflash(name, target, layers=[1, 3], count=16)


def tiny_dflash_keys(name: str, target: Target) -> None:
    """What keys can change: scales, the activation, a window in one layer of two."""
    shape = {"embedding_scale": 3.0, "attention_scale": 0.4, "value_scale": 0.707, "gelu": True, "windows": (64, None)}
    keys = {
        "embedding_scale": 3.0, "attention.scale": 0.4, "attention.value_scale": 0.707,
        "hidden_activation": "gelu_pytorch_tanh", "attention.sliding_window": 64,
        "attention.sliding_window_pattern": [True, False], "rope.dimension_sections": [16, 0, 0, 0],
        "rope.dimension_count": 32,
    }  # fmt: skip
    dflash(name, target, layers=[1, 2, 3], count=8, keys=keys, shape=shape)


def tiny_dflash2(name: str, target: Target) -> None:
    """A selector over a few candidates, and convolutions of two taps around each branch."""
    width = target.shape.hidden
    rank = 32
    # llama.cpp lays a slot's scores, one for each pair of candidates, into its width.
    candidates = 6 if width >= 6 * 7 else 5
    keys = {
        "conv_kernel_size": 2, "conv_group_size": 16, "selector_rank": rank, "selector_top_k": candidates,
        "logit_scale": 32 / width, "final_logit_softcapping": 5.0,
    }  # fmt: skip
    sizes: dict[str, tuple[int, ...]] = {
        "selector_predecessor.weight": (VOCABULARY, rank), "selector_successor.weight": (VOCABULARY, rank),
        "selector_hidden.weight": (rank, width),
    }  # fmt: skip
    dflash(name, target, layers=[1, 3], count=8, keys=keys, more_sizes=sizes | convolutions(width))


def convolutions(width: int) -> dict[str, tuple[int, ...]]:
    sizes: dict[str, tuple[int, ...]] = {}
    for index in range(2):
        for part in ("attn", "ffn"):
            convolution = f"blk.{index}.{part}_conv"
            sizes |= {f"{convolution}_base": (2, 2, width), f"{convolution}_proj.weight": (4 * width // 16, width)}
    return sizes


def tiny_dspark(name: str, target: Target) -> None:
    """A Markov head and a confidence head; the anchor's slot drafts the first token."""
    width = target.shape.hidden
    rank = 32
    sizes: dict[str, tuple[int, ...]] = {
        "markov_w1.weight": (VOCABULARY, rank), "markov_w2.weight": (VOCABULARY, rank),
        "conf_proj.weight": (1, width + rank), "conf_proj.bias": (1,),
    }  # fmt: skip
    keys = {"sample_from_anchor": True, "has_confidence_head": True}
    dflash(name, target, layers=[2], count=7, keys=keys, more_sizes=sizes)


def tiny_dspark_selector(name: str, target: Target) -> None:
    """What our own trainer can write and llama.cpp cannot read: a selector that begins at the anchor's slot, without
    convolutions, and of tokens that can be drafted alone."""
    width = target.shape.hidden
    drafted = np.sort(np.random.default_rng(7).permutation(257)[:160])
    sizes: dict[str, tuple[int, ...]] = {
        "selector_predecessor.weight": (VOCABULARY, 32), "selector_successor.weight": (160, 32),
        "selector_hidden.weight": (32, width), "output.weight": (160, width),
        "conf_proj.weight": (1, width + 32), "conf_proj.bias": (1,),
    }  # fmt: skip
    keys = {"sample_from_anchor": True, "has_confidence_head": True, "selector_rank": 32, "selector_top_k": 6}
    dflash(name, target, layers=[2], count=7, keys=keys, more_sizes=sizes, d2t=drafted)


def tiny_dspark_conv(name: str, target: Target) -> None:
    """Convolutions beside a Markov head."""
    width = target.shape.hidden
    sizes: dict[str, tuple[int, ...]] = {"markov_w1.weight": (VOCABULARY, 32), "markov_w2.weight": (VOCABULARY, 32)}
    keys = {"sample_from_anchor": True, "conv_kernel_size": 2, "conv_group_size": 16}
    dflash(name, target, layers=[2], count=7, keys=keys, more_sizes=sizes | convolutions(width))


# ------------------------------------------------------------------------------------------------ EAGLE-3


def tiny_eagle3(name: str, target: Target, own: bool = False, seed: int = 5) -> None:
    """`own`: a head of its own for some tokens, an embedding, norms before the fusion and the residual."""
    width = target.shape.hidden
    shape = replace(target.shape, layers=1, rope_base=10000.0, interleaved=True)
    layers, random = [1, 2, 3], np.random.default_rng(seed)
    sizes = {"fc.weight": (width, 3 * width), "output_norm.weight": (width,), "blk.0.attn_norm_2.weight": (width,)}
    sizes |= layer("blk.0", shape, inputs=2)
    drafted = np.arange(VOCABULARY)
    if own:
        drafted = np.sort(random.permutation(257)[:160])
        sizes |= {
            "output.weight": (160, width), "token_embd.weight": (VOCABULARY, width),
            "enc.output_norm.weight": (3 * width,),
        }  # fmt: skip
    weights = draw(random, sizes, 0.3)
    read, text = target.features(layers), target.text
    keys = {
        "target_layers": layers, "target_hidden_size": width, "norm_before_residual": own, "norm_before_fc": own,
        "vocab_size": VOCABULARY, "rope.dimension_count": shape.head,
    }  # fmt: skip

    def propose(anchor: int) -> list[tuple[np.ndarray, np.ndarray]]:
        steps = eagle(weights, target.weights, read[:anchor], text[: anchor + 1], 6, shape, drafted, own, own)
        return [(drafted, logits) for logits in steps]

    make(name, target, propose)
    d2t = drafted if own else None
    write(name, "eagle3", shape, weights, keys, target.pre, merges=["Ġ t", "h e"], d2t=d2t)


def tiny_eagle3_own(name: str, target: Target) -> None:
    tiny_eagle3(name, target, own=True)


# A verifier's drafters.
KINDS: dict[str, dict[str, Callable[[str, Target], None]]] = {
    "tiny-target": {
        "tiny-dflash": tiny_dflash, "tiny-dflash-keys": tiny_dflash_keys, "tiny-dflash2": tiny_dflash2,
        "tiny-dspark": tiny_dspark, "tiny-eagle3": tiny_eagle3, "tiny-eagle3-own": tiny_eagle3_own,
        "tiny-dspark-selector": tiny_dspark_selector, "tiny-dspark-conv": tiny_dspark_conv,
    },
    "tiny-qwen2-target": {
        "tiny-qwen2-dflash": tiny_dflash, "tiny-qwen2-dflash2": tiny_dflash2, "tiny-qwen2-dspark": tiny_dspark,
        # Whose drafts repeat themselves less.
        "tiny-qwen2-eagle3": lambda name, target: tiny_eagle3(name, target, seed=8),
    },
    "tiny-qwen3-target": {
        "tiny-qwen3-dflash": tiny_dflash, "tiny-qwen3-dflash2": tiny_dflash2, "tiny-qwen3-dspark": tiny_dspark,
        "tiny-qwen3-eagle3": tiny_eagle3_own,
    },
}  # fmt: skip

if __name__ == "__main__":
    for verifier, target in TARGETS.items():
        chosen = {name: kind for name, kind in KINDS[verifier].items() if name in (sys.argv[1:] or KINDS[verifier])}
        if chosen:
            target.write(verifier)
        for name, kind in chosen.items():
            kind(name, target)
