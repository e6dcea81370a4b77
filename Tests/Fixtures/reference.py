"""Transformers and published kinds of drafters, written in numpy as plainly as possible: what the engine is compared with.

Everything is computed in float64 from the weights that a file holds. Shapes: x [rows, width]; weights [outputs, inputs].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Weights = dict[str, np.ndarray]


@dataclass
class Shape:
    hidden: int
    feed_forward: int
    layers: int
    heads: int
    kv_heads: int
    head: int
    epsilon: float = 1e-5
    rope_base: float = 10000.0
    interleaved: bool = False
    embedding_scale: float = 1.0
    attention_scale: float | None = None
    value_scale: float = 1.0
    gelu: bool = False
    # [layers] positions that a layer sees back; None for all.
    windows: tuple[int | None, ...] = ()


def norm(x: np.ndarray, weight: np.ndarray, epsilon: float) -> np.ndarray:
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * weight


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def rope(x: np.ndarray, positions: np.ndarray, shape: Shape) -> np.ndarray:
    """x [rows, heads, head]"""
    half = shape.head // 2
    angle = positions[:, None] * shape.rope_base ** (-2 * np.arange(half) / shape.head)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    out = np.empty_like(x)
    first, second = (np.s_[..., 0::2], np.s_[..., 1::2]) if shape.interleaved else (np.s_[..., :half], np.s_[..., half:])
    out[first] = x[first] * cos - x[second] * sin
    out[second] = x[second] * cos + x[first] * sin
    return out


def gate(x: np.ndarray, shape: Shape) -> np.ndarray:
    if shape.gelu:
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return x / (1 + np.exp(-x))


def project(w: Weights, name: str, x: np.ndarray) -> np.ndarray:
    return x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", 0)


def keys(w: Weights, name: str, x: np.ndarray, positions: np.ndarray, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    k = project(w, f"{name}.attn_k", x).reshape(len(x), shape.kv_heads, shape.head)
    if f"{name}.attn_k_norm.weight" in w:
        k = norm(k, w[f"{name}.attn_k_norm.weight"], shape.epsilon)
    v = project(w, f"{name}.attn_v", x).reshape(len(x), shape.kv_heads, shape.head)
    return rope(k, positions, shape), v


def queries(w: Weights, name: str, x: np.ndarray, positions: np.ndarray, shape: Shape) -> np.ndarray:
    q = project(w, f"{name}.attn_q", x).reshape(len(x), shape.heads, shape.head)
    if f"{name}.attn_q_norm.weight" in w:
        q = norm(q, w[f"{name}.attn_q_norm.weight"], shape.epsilon)
    return rope(q, positions, shape)


def attend(q: np.ndarray, k: np.ndarray, v: np.ndarray, sees: np.ndarray, shape: Shape) -> np.ndarray:
    """q [rows, heads, head], k and v [cells, kv heads, head], sees [rows, cells] → [rows, heads · head]"""
    group = shape.heads // shape.kv_heads
    k, v = k.repeat(group, 1), v.repeat(group, 1)
    scale = shape.attention_scale or shape.head**-0.5
    scores = np.einsum("rhd,chd->hrc", q, k) * scale
    weights = softmax(np.where(sees[None], scores, -np.inf))
    return np.einsum("hrc,chd->rhd", weights, v).reshape(len(q), -1)


def feed(w: Weights, name: str, x: np.ndarray, shape: Shape) -> np.ndarray:
    gated = gate(x @ w[f"{name}.ffn_gate.weight"].T, shape) * (x @ w[f"{name}.ffn_up.weight"].T)
    return gated @ w[f"{name}.ffn_down.weight"].T


def verify(w: Weights, tokens: list[int], shape: Shape) -> tuple[np.ndarray, list[np.ndarray]]:
    """The verifier's logits [rows, vocabulary], and what enters each layer, and leaves the last, [rows, hidden] each."""
    x = w["token_embd.weight"][tokens]
    positions = np.arange(len(tokens))
    sees = positions[None] <= positions[:, None]
    inputs = []
    for layer in range(shape.layers):
        inputs.append(x)
        name = f"blk.{layer}"
        h = norm(x, w[f"{name}.attn_norm.weight"], shape.epsilon)
        k, v = keys(w, name, h, positions, shape)
        x = x + attend(queries(w, name, h, positions, shape), k, v, sees, shape) @ w[f"{name}.attn_output.weight"].T
        x = x + feed(w, name, norm(x, w[f"{name}.ffn_norm.weight"], shape.epsilon), shape)
    inputs.append(x)
    output = w.get("output.weight", w["token_embd.weight"])
    return norm(x, w["output_norm.weight"], shape.epsilon) @ output.T, inputs


def convolve(w: Weights, name: str, x: np.ndarray, coefficients: np.ndarray, side: int) -> np.ndarray:
    """Each row reads itself and those before it, with weights that it chooses: x [slots, hidden], coefficients [slots, 2,
    taps, groups], base [2, taps, hidden]."""
    base = w[f"{name}_base"]
    taps, hidden = base.shape[1:]
    out = np.zeros_like(x)
    for tap in range(taps):
        weight = base[side, tap] + coefficients[:, side, tap].repeat(hidden // coefficients.shape[-1], -1)
        out[tap:] += weight[tap:] * x[: len(x) - tap]
    return out


def coefficients(w: Weights, name: str, x: np.ndarray) -> np.ndarray:
    taps = w[f"{name}_base"].shape[1]
    return (x @ w[f"{name}_proj.weight"].T).reshape(len(x), 2, taps, -1)


def block(
    w: Weights, target: Weights, features: np.ndarray, slots: list[int], shape: Shape
) -> tuple[np.ndarray, np.ndarray]:
    """A DFlash block after `features` [tokens, taps · hidden]: its last hidden states, and their logits over the target's
    tokens, [slots, ...]."""
    count = len(features)
    fused = norm(features @ w["fc.weight"].T, w["enc.output_norm.weight"], shape.epsilon)
    before, here = np.arange(count), count + np.arange(len(slots))
    positions = np.concatenate([before, here])
    x = w.get("token_embd.weight", target["token_embd.weight"])[slots] * shape.embedding_scale
    for layer in range(shape.layers):
        name = f"blk.{layer}"
        window = (shape.windows[layer] if shape.windows else None) or 1 << 30
        sees = here[:, None] - positions[None] < window
        h = norm(x, w[f"{name}.attn_norm.weight"], shape.epsilon)
        mixes = f"{name}.attn_conv_base" in w
        if mixes:
            around = coefficients(w, f"{name}.attn_conv", h)
            h = convolve(w, f"{name}.attn_conv", h, around, 0)
        (k0, v0), (k1, v1) = keys(w, name, fused, before, shape), keys(w, name, h, here, shape)
        attended = attend(
            queries(w, name, h, here, shape), np.concatenate([k0, k1]), np.concatenate([v0, v1]), sees, shape
        )
        attended = shape.value_scale * (attended @ w[f"{name}.attn_output.weight"].T)
        x = x + (convolve(w, f"{name}.attn_conv", attended, around, 1) if mixes else attended)
        h = norm(x, w[f"{name}.ffn_norm.weight"], shape.epsilon)
        if mixes:
            around = coefficients(w, f"{name}.ffn_conv", h)
            h = convolve(w, f"{name}.ffn_conv", h, around, 0)
        fed = feed(w, name, h, shape)
        x = x + (convolve(w, f"{name}.ffn_conv", fed, around, 1) if mixes else fed)
    hidden = norm(x, w["output_norm.weight"], shape.epsilon)
    return hidden, hidden @ head(w, target).T


def head(w: Weights, target: Weights) -> np.ndarray:
    for name, place in (("output.weight", w), ("token_embd.weight", w), ("output.weight", target)):
        if name in place:
            return place[name]
    return target["token_embd.weight"]


def walk(w: Weights, logits: np.ndarray, anchor: int, drafted: np.ndarray) -> list[np.ndarray]:
    """DSpark's walk over a block's slots: each one's logits, of the tokens that can be drafted, with the bias of the
    likeliest token before it."""
    steps = []
    for row in logits:
        steps.append(row + w["markov_w2.weight"] @ w["markov_w1.weight"][anchor])
        anchor = int(drafted[steps[-1].argmax()])
    return steps


def select(
    w: Weights, hidden: np.ndarray, logits: np.ndarray, anchor: int, drafted: np.ndarray, count: int, scale: float,
    softcap: float,
) -> list[tuple[np.ndarray, np.ndarray]]:  # fmt: skip
    """DFlash 2's walk over slots: each one's candidates, and their scores after the likeliest token before them. The
    successors are those of all tokens or of those that can be drafted."""
    steps = []
    for row, state in zip(logits, hidden, strict=True):
        candidates = np.sort(np.argsort(row)[-count:])
        unary = scale * row[candidates]
        if softcap:
            unary = softcap * np.tanh(unary / softcap)
        condition = w["selector_predecessor.weight"][anchor] * (w["selector_hidden.weight"] @ state)
        is_reduced = len(w["selector_successor.weight"]) == len(drafted)
        rows = candidates if is_reduced else drafted[candidates]
        scores = unary + w["selector_successor.weight"][rows] @ condition
        steps.append((drafted[candidates], scores))
        anchor = int(drafted[candidates[scores.argmax()]])
    return steps


def eagle(
    w: Weights, target: Weights, features: np.ndarray, tokens: list[int], count: int, shape: Shape, drafted: np.ndarray,
    norm_before_residual: bool, norm_before_fc: bool,
) -> list[np.ndarray]:  # fmt: skip
    """EAGLE-3's chain after `tokens`, from `features` [tokens - 1, taps · hidden] of all but the last: the logits of each
    drafted token over the tokens `drafted` that can be. Row i is (token i + 1, g i)."""
    if norm_before_fc:
        features = norm(features, w["enc.output_norm.weight"], shape.epsilon)
    g = list(features @ w["fc.weight"].T)
    after = list(tokens[1:])
    embedding = w.get("token_embd.weight", target["token_embd.weight"])
    output = w.get("output.weight", target.get("output.weight", target["token_embd.weight"]))
    steps: list[np.ndarray] = []
    while True:
        states, positions = np.array(g), np.arange(len(g))
        normed = norm(states, w["blk.0.attn_norm_2.weight"], shape.epsilon)
        h = np.concatenate([norm(embedding[after], w["blk.0.attn_norm.weight"], shape.epsilon), normed], -1)
        k, v = keys(w, "blk.0", h, positions, shape)
        sees = positions[None] <= positions[:, None]
        attended = attend(queries(w, "blk.0", h, positions, shape), k, v, sees, shape)
        x = (normed if norm_before_residual else states) + attended @ w["blk.0.attn_output.weight"].T
        x = x + feed(w, "blk.0", norm(x, w["blk.0.ffn_norm.weight"], shape.epsilon), shape)
        steps.append(norm(x[-1], w["output_norm.weight"], shape.epsilon) @ output.T)
        if len(steps) == count:
            return steps
        after.append(int(drafted[steps[-1].argmax()]))
        g.append(x[-1])
