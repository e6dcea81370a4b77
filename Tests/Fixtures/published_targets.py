"""The verifiers of published kinds of drafters in `make_published.py`, and how their tiny files are written."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from reference import Shape, Weights, verify

HERE = Path(__file__).parent
VOCABULARY, MASK, END = 260, 257, 259
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


def layer(
    name: str, shape: Shape, inputs: int = 1, head_norms: bool = False, biases: bool = False
) -> dict[str, tuple[int, ...]]:
    d, q, kv = shape.hidden, shape.heads * shape.head, shape.kv_heads * shape.head
    sizes: dict[str, tuple[int, ...]] = {
        "attn_norm": (d,), "attn_q": (q, inputs * d), "attn_k": (kv, inputs * d), "attn_v": (kv, inputs * d),
        "attn_output": (d, q), "ffn_norm": (d,), "ffn_gate": (shape.feed_forward, d),
        "ffn_up": (shape.feed_forward, d), "ffn_down": (d, shape.feed_forward),
    }  # fmt: skip
    if head_norms:
        sizes |= {"attn_q_norm": (shape.head,), "attn_k_norm": (shape.head,)}
    named = {f"{name}.{part}.weight": size for part, size in sizes.items()}
    if biases:
        named |= {f"{name}.attn_{part}.bias": (size,) for part, size in (("q", q), ("k", kv), ("v", kv))}
    return named


def write(
    name: str, architecture: str, shape: Shape, weights: Weights, keys: dict[str, Any], pre: str, mask: int | None = None,
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
    writer.add_tokenizer_pre(pre)
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


@dataclass
class Target:
    """A verifier: what `write` makes, its weights and a text that it wrote among it."""

    architecture: str
    shape: Shape
    pre: str
    tied: bool = False
    biases: bool = False
    head_norms: bool = False
    # Those before it give no text that is clear.
    seed: int = 0
    weights: Weights = field(default_factory=dict)
    # A prompt, and the likeliest tokens after it.
    text: list[int] = field(default_factory=list)

    def write(self, name: str) -> None:
        width, shape = self.shape.hidden, self.shape
        sizes: dict[str, tuple[int, ...]] = {"token_embd.weight": (VOCABULARY, width)}
        if not self.tied:
            sizes["output.weight"] = (VOCABULARY, width)
        sizes["output_norm.weight"] = (width,)
        for index in range(shape.layers):
            sizes |= layer(f"blk.{index}", shape, head_norms=self.head_norms, biases=self.biases)
        for seed in range(self.seed, 1000):
            self.weights = draw(np.random.default_rng(seed), sizes, 0.3)
            self.text = [(index * 37 + 11) % 250 for index in range(PROMPT)]
            for _ in range(ANSWER):
                logits = verify(self.weights, self.text, shape)[0][-1]
                # The text is to be everybody's, and to go on.
                if lead(logits) < LEAD or logits.argmax() >= 257:
                    break
                self.text.append(int(logits.argmax()))
            if len(self.text) == PROMPT + ANSWER and len(set(self.text[PROMPT:])) > ANSWER / 2:
                keys = {"rope.dimension_count": shape.head}
                return write(name, self.architecture, shape, self.weights, keys, self.pre)
        raise ValueError(f"{name}: no text is clear enough")

    def features(self, layers: list[int]) -> np.ndarray:
        inputs = verify(self.weights, self.text, self.shape)[1]
        return np.concatenate([inputs[layer] for layer in layers], -1)


QWEN = Shape(hidden=32, feed_forward=32, layers=4, heads=2, kv_heads=1, head=16, epsilon=1e-6, rope_base=1e6)
TARGETS = {
    "tiny-target": Target(
        "llama", Shape(hidden=64, feed_forward=96, layers=4, heads=4, kv_heads=2, head=32, interleaved=True), "llama-bpe",
        seed=16,
    ),
    "tiny-qwen2-target": Target("qwen2", QWEN, "qwen2", tied=True, biases=True, seed=509),
    "tiny-qwen3-target": Target("qwen3", replace(QWEN, heads=4, kv_heads=2), "qwen2", head_norms=True, seed=222),
}  # fmt: skip
