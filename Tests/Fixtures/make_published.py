"""Makes tiny drafters as llama.cpp's converter writes published ones, and what they draft by `reference.py`.

    .venv/bin/python Tests/Fixtures/make_published.py [NAME ...]

tiny-target.gguf is the verifier of all of them. NAME.json holds a text that it wrote, and the drafts after each token of
it, with the lead that each drafted token's logit has over the next one: rounding may decide those without one.
`peer_drafts.py` adds llama.cpp's drafts.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from reference import Shape, Weights, block, eagle, select, verify, walk

HERE = Path(__file__).parent
VOCABULARY, MASK, END = 260, 257, 259
TARGET = Shape(hidden=64, feed_forward=96, layers=4, heads=4, kv_heads=2, head=32, interleaved=True)
PROMPT, ANSWER = 90, 24
# Keys and values are 16-bit floats, and so may be what llama.cpp multiplies with: a lead greater than this is clear.
LEAD = 0.05


def bytes_to_unicode() -> list[str]:
    """GPT-2's letters for bytes, in order of their code points."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return sorted([chr(b) for b in printable] + [chr(256 + i) for i in range(256 - len(printable))])


def draw(random: np.random.Generator, sizes: dict[str, tuple[int, ...]], width: float) -> Weights:
    weights = {}
    for name, size in sizes.items():
        values = random.uniform(0.5, 1.5, size) if "norm" in name else random.uniform(-width, width, size)
        weights[name] = values.astype(np.float16).astype(np.float64) if len(size) > 1 else values.astype(np.float32).astype(np.float64)
    return weights


def layer(name: str, shape: Shape, inputs: int = 1, head_norms: bool = False) -> dict[str, tuple[int, ...]]:
    d, q, kv = shape.hidden, shape.heads * shape.head, shape.kv_heads * shape.head
    sizes: dict[str, tuple[int, ...]] = {
        "attn_norm": (d,), "attn_q": (q, inputs * d), "attn_k": (kv, inputs * d), "attn_v": (kv, inputs * d),
        "attn_output": (d, q), "ffn_norm": (d,), "ffn_gate": (shape.feed_forward, d),
        "ffn_up": (shape.feed_forward, d), "ffn_down": (d, shape.feed_forward),
    }  # fmt: skip
    if head_norms:
        sizes |= {"attn_q_norm": (shape.head,), "attn_k_norm": (shape.head,)}
    return {f"{name}.{part}.weight": size for part, size in sizes.items()}


def write(
    name: str, architecture: str, shape: Shape, weights: Weights, keys: dict[str, Any], mask: int | None = None,
    merges: list[str] | None = None, d2t: np.ndarray | None = None,
) -> None:  # fmt: skip
    writer = gguf.GGUFWriter(HERE / f"{name}.gguf", architecture)
    writer.add_name(name)
    writer.add_block_count(shape.layers)
    writer.add_context_length(512)
    writer.add_embedding_length(shape.hidden)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head)
    writer.add_value_length(shape.head)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_rope_freq_base(shape.rope_base)
    for key, value in keys.items():
        add = {bool: writer.add_bool, int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}
        (writer.add_array if isinstance(value, list) else add[type(value)])(f"{architecture}.{key}", value)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(bytes_to_unicode() + ["Ġt", "<|mask|>", "<|end|>", "<|im_end|>"])
    writer.add_token_types([gguf.TokenType.NORMAL] * 257 + [gguf.TokenType.CONTROL] * 3)
    writer.add_token_merges(["Ġ t"] if merges is None else merges)
    writer.add_add_bos_token(False)
    writer.add_eos_token_id(END)
    if mask is not None:
        writer.add_mask_token_id(mask)
    for tensor, values in weights.items():
        writer.add_tensor(tensor, values.astype(np.float16 if values.ndim == 2 else np.float32))
    if d2t is not None:
        writer.add_tensor("d2t", d2t.astype(np.int64))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def lead(logits: np.ndarray) -> float:
    """How far the greatest logit is before the next one."""
    best = np.sort(logits)
    return float(best[-1] - best[-2])


# ------------------------------------------------------------------------------------------------ the verifier


def target() -> tuple[Weights, list[int]]:
    """The verifier, and a text: a prompt and the likeliest tokens after it."""
    sizes = {"token_embd.weight": (VOCABULARY, 64), "output.weight": (VOCABULARY, 64), "output_norm.weight": (64,)}
    for index in range(TARGET.layers):
        sizes |= layer(f"blk.{index}", TARGET)
    for seed in range(100):
        weights = draw(np.random.default_rng(seed), sizes, 0.3)
        tokens = [(index * 37 + 11) % 250 for index in range(PROMPT)]
        for _ in range(ANSWER):
            logits = verify(weights, tokens, TARGET)[0][-1]
            # The text is to be everybody's, and to go on.
            if lead(logits) < LEAD or logits.argmax() >= 257:
                break
            tokens.append(int(logits.argmax()))
        if len(tokens) == PROMPT + ANSWER and len(set(tokens[PROMPT:])) > ANSWER / 2:
            return weights, tokens
    raise ValueError("no verifier's text is clear enough")


def features(weights: Weights, tokens: list[int], layers: list[int]) -> np.ndarray:
    inputs = verify(weights, tokens, TARGET)[1]
    return np.concatenate([inputs[layer] for layer in layers], -1)


def make(name: str, propose: Callable[[int], list[tuple[np.ndarray, np.ndarray]]], finish: Callable[[], None]) -> None:
    """`propose` returns what each token of a draft after the text's token at an index is chosen from, and the logits."""
    drafts, leads = [], []
    for anchor in range(PROMPT, len(TEXT)):
        steps = propose(anchor)
        drafts.append([int(tokens[logits.argmax()]) for tokens, logits in steps])
        leads.append([round(lead(logits), 3) for _, logits in steps])
    finish()
    golden = {"tokens": TEXT, "prompt": PROMPT, "drafts": drafts, "leads": leads}
    (HERE / f"{name}.json").write_text(json.dumps(golden) + "\n")
    different = np.mean([len(set(draft)) / len(draft) for draft in drafts])
    clear = np.mean([value > LEAD for row in leads for value in row])
    print(f"{name}: {len(drafts)} drafts, {different:.0%} of their tokens different, {clear:.0%} clear")


# ------------------------------------------------------------------------------------------------ DFlash


def dflash(
    name: str, *, layers: list[int], count: int, shape: Shape, keys: dict[str, Any],
    more_sizes: dict[str, tuple[int, ...]] | None = None, selector: int | None = None,
) -> None:  # fmt: skip
    """Embedding and head are the verifier's; the anchor's slot predicts nothing."""
    sizes = {"fc.weight": (64, len(layers) * 64), "enc.output_norm.weight": (64,), "output_norm.weight": (64,)}
    for index in range(shape.layers):
        sizes |= layer(f"blk.{index}", shape, head_norms=True)
    weights = draw(np.random.default_rng(3), sizes | (more_sizes or {}), 0.3)
    for tensor in weights:
        # What slots read of each other and of the text tells them apart.
        if tensor.endswith(("attn_v.weight", "attn_output.weight", "attn_q_norm.weight")):
            weights[tensor] = (3 * weights[tensor]).astype(np.float16).astype(np.float64)
    read = features(VERIFIER, TEXT, layers)
    more = {"block_size": count, "target_layers": layers} | keys

    def propose(anchor: int) -> list[tuple[np.ndarray, np.ndarray]]:
        hidden, logits = block(weights, VERIFIER, read[:anchor], [TEXT[anchor]] + [MASK] * (count - 1), shape)
        if "markov_w1.weight" in weights:
            return [(np.arange(VOCABULARY), row) for row in walk(weights, logits, TEXT[anchor])]
        if selector is None:
            return [(np.arange(VOCABULARY), row) for row in logits[1:]]
        return select(weights, hidden, logits, TEXT[anchor], selector, keys["logit_scale"], keys["final_logit_softcapping"])

    make(
        name, propose,
        lambda: write(name, "dflash", shape, weights, more, mask=MASK, merges=["Ġ t", "h e"]),
    )  # fmt: skip


def tiny_dflash(name: str) -> None:
    shape = Shape(hidden=64, feed_forward=96, layers=2, heads=4, kv_heads=2, head=32, rope_base=1e6)
    dflash(name, layers=[1, 3], count=16, shape=shape, keys={})


def tiny_dflash_keys(name: str) -> None:
    """What keys can change: scales, the activation, a window in one layer of two."""
    shape = Shape(
        hidden=64, feed_forward=96, layers=2, heads=4, kv_heads=2, head=32, rope_base=1e6, embedding_scale=3.0,
        attention_scale=0.4, value_scale=0.707, gelu=True, windows=(64, None),
    )  # fmt: skip
    keys = {
        "embedding_scale": 3.0, "attention.scale": 0.4, "attention.value_scale": 0.707,
        "hidden_activation": "gelu_pytorch_tanh", "attention.sliding_window": 64,
        "attention.sliding_window_pattern": [True, False], "rope.dimension_sections": [16, 0, 0, 0],
        "rope.dimension_count": 32,
    }  # fmt: skip
    dflash(name, layers=[1, 2, 3], count=8, shape=shape, keys=keys)


def tiny_dflash2(name: str) -> None:
    """A selector over six candidates, and convolutions of two taps around each branch."""
    shape = Shape(hidden=64, feed_forward=96, layers=2, heads=4, kv_heads=2, head=32, rope_base=1e6)
    keys = {
        "conv_kernel_size": 2, "conv_group_size": 16, "selector_rank": 32, "selector_top_k": 6, "logit_scale": 0.5,
        "final_logit_softcapping": 5.0,
    }  # fmt: skip
    sizes: dict[str, tuple[int, ...]] = {
        "selector_predecessor.weight": (VOCABULARY, 32), "selector_successor.weight": (VOCABULARY, 32),
        "selector_hidden.weight": (32, 64),
    }  # fmt: skip
    for index in range(shape.layers):
        for part in ("attn", "ffn"):
            sizes |= {f"blk.{index}.{part}_conv_base": (2, 2, 64), f"blk.{index}.{part}_conv_proj.weight": (16, 64)}
    dflash(name, layers=[1, 3], count=8, shape=shape, keys=keys, more_sizes=sizes, selector=6)


def tiny_dspark(name: str) -> None:
    """A Markov head and a confidence head; the anchor's slot drafts the first token."""
    shape = Shape(hidden=64, feed_forward=96, layers=2, heads=4, kv_heads=2, head=32, rope_base=1e6)
    sizes: dict[str, tuple[int, ...]] = {
        "markov_w1.weight": (VOCABULARY, 32), "markov_w2.weight": (VOCABULARY, 32), "conf_proj.weight": (1, 96),
        "conf_proj.bias": (1,),
    }  # fmt: skip
    keys = {"sample_from_anchor": True, "has_confidence_head": True}
    dflash(name, layers=[2], count=7, shape=shape, keys=keys, more_sizes=sizes)


# ------------------------------------------------------------------------------------------------ EAGLE-3


def eagle3(name: str, *, own: bool) -> None:
    """`own`: a head of its own for some tokens, an embedding, norms before the fusion and the residual."""
    shape = Shape(hidden=64, feed_forward=96, layers=1, heads=4, kv_heads=2, head=32, interleaved=True)
    layers, random = [1, 2, 3], np.random.default_rng(5)
    sizes = {"fc.weight": (64, 192), "output_norm.weight": (64,), "blk.0.attn_norm_2.weight": (64,)}
    sizes |= layer("blk.0", shape, inputs=2)
    drafted = np.arange(VOCABULARY)
    if own:
        drafted = np.sort(random.permutation(257)[:160])
        sizes |= {"output.weight": (160, 64), "token_embd.weight": (VOCABULARY, 64), "enc.output_norm.weight": (192,)}
    weights = draw(random, sizes, 0.3)
    read = features(VERIFIER, TEXT, layers)
    keys = {
        "target_layers": layers, "target_hidden_size": 64, "norm_before_residual": own, "norm_before_fc": own,
        "vocab_size": VOCABULARY, "rope.dimension_count": 32,
    }  # fmt: skip

    def propose(anchor: int) -> list[tuple[np.ndarray, np.ndarray]]:
        steps = eagle(weights, VERIFIER, read[:anchor], TEXT[: anchor + 1], 6, shape, drafted, own, own)
        return [(drafted, logits) for logits in steps]

    d2t = drafted if own else None
    make(name, propose, lambda: write(name, "eagle3", shape, weights, keys, merges=["Ġ t", "h e"], d2t=d2t))


KINDS = {
    "tiny-dflash": tiny_dflash, "tiny-dflash-keys": tiny_dflash_keys, "tiny-dflash2": tiny_dflash2,
    "tiny-dspark": tiny_dspark,
    "tiny-eagle3": lambda name: eagle3(name, own=False), "tiny-eagle3-own": lambda name: eagle3(name, own=True),
}  # fmt: skip

if __name__ == "__main__":
    VERIFIER, TEXT = target()
    write("tiny-target", "llama", TARGET, VERIFIER, {"rope.dimension_count": 32})
    for name in sys.argv[1:] or KINDS:
        KINDS[name](name)
