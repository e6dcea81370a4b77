"""What the verifier and the drafter share: norms, rotations, and attention of blocks to a sequence."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

Function = TypeVar("Function", bound=Callable[..., object])


def fused(function: Function) -> Function:
    """Compiles a chain of elementwise steps into one pass over memory, where there is a C++ compiler to do so."""
    if not (shutil.which("g++") or shutil.which("clang++")):
        return function
    torch._dynamo.config.recompile_limit = 32  # With and without gradients, of one row or of many, in several types.
    return torch.compile(function, dynamic=True)  # type: ignore[return-value]


def rms_norm(x: Tensor, weight: Tensor, epsilon: float, dtype: torch.dtype) -> Tensor:
    """Root-mean-square norm over the last axis (Zhang & Sennrich 2019), computed in float32."""
    return _rms_norm(x.reshape(-1, x.shape[-1]), weight, epsilon, dtype).reshape(x.shape)


@fused
def _rms_norm(x: Tensor, weight: Tensor, epsilon: float, dtype: torch.dtype) -> Tensor:
    x = x.float()
    return (x * torch.rsqrt(x.square().mean(-1, keepdim=True) + epsilon) * weight).to(dtype)


def linear(x: Tensor, weight: Tensor) -> Tensor:
    """x [.., inputs] · weightᵀ [inputs, outputs] in x's type, whatever type the weight is kept in."""
    return F.linear(x, weight.to(x.dtype))


def rotation(positions: Tensor, dimension: int, base: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines [.., dimension / 2] of rotary embeddings (Su et al. 2021)."""
    exponents = torch.arange(0, dimension, 2, device=positions.device, dtype=torch.float64) / dimension
    angles = positions.double().unsqueeze(-1) * base**-exponents
    return angles.cos().float(), angles.sin().float()


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotates pairs (i, i + d/2) of the last axis, the NeoX order; x [.., heads, d], cosine and sine [.., d/2]."""
    half = cosine.shape[-1]
    angles = [part.expand(*x.shape[:-2], half).reshape(-1, 1, half) for part in (cosine, sine)]
    return _rotate(x.reshape(-1, *x.shape[-2:]), *angles).reshape(x.shape)


@fused
def _rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    first, second = x.float().chunk(2, dim=-1)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=-1).to(x.dtype)


def swiglu(gate: Tensor, up: Tensor) -> Tensor:
    """silu(gate) · up (Shazeer 2020)."""
    width = gate.shape[-1]
    return _swiglu(gate.reshape(-1, width), up.reshape(-1, width)).reshape(gate.shape)


@fused
def _swiglu(gate: Tensor, up: Tensor) -> Tensor:
    return (F.silu(gate.float()) * up.float()).to(gate.dtype)


def geglu(gate: Tensor, up: Tensor) -> Tensor:
    """gelu(gate) · up, gelu by its approximation with tanh (Hendrycks & Gimpel 2016)."""
    width = gate.shape[-1]
    return _geglu(gate.reshape(-1, width), up.reshape(-1, width)).reshape(gate.shape)


@fused
def _geglu(gate: Tensor, up: Tensor) -> Tensor:
    return (F.gelu(gate.float(), approximate="tanh") * up.float()).to(gate.dtype)


@fused
def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Softmax over the last axis of what the mask lets through."""
    return scores.float().masked_fill(~mask, float("-inf")).softmax(-1).to(scores.dtype)


@fused
def joint_softmax(outer: Tensor, inner: Tensor, sees: Tensor, within: Tensor) -> tuple[Tensor, Tensor]:
    """One softmax over the last axes of both together, of what their masks let through."""
    lowest = torch.finfo(torch.float32).min
    a, b = outer.float().masked_fill(~sees, lowest), inner.float().masked_fill(~within, lowest)
    top = torch.maximum(a.amax(-1, keepdim=True), b.amax(-1, keepdim=True)).detach()
    a, b = (a - top).exp(), (b - top).exp()
    total = a.sum(-1, keepdim=True) + b.sum(-1, keepdim=True)
    return (a / total).to(outer.dtype), (b / total).to(inner.dtype)


def attend_causally(query: Tensor, key: Tensor, value: Tensor, window: int | None = None) -> Tensor:
    """query [S, T, heads, d], key and value [S, T, kv, d] → [S, T, heads · d]; each sees what is not after it, and
    fewer than `window` positions back."""
    S, T, heads, d = query.shape
    kv = key.shape[2]
    q = (query * d**-0.5).unflatten(2, (kv, heads // kv)).permute(0, 2, 3, 1, 4).reshape(S * kv, -1, d)
    k, v = (x.transpose(1, 2).reshape(S * kv, T, d) for x in (key, value))
    scores = torch.bmm(q, k.transpose(1, 2)).unflatten(1, (heads // kv, T))  # [S · kv, group, T, T]
    mask = torch.ones(T, T, dtype=torch.bool, device=query.device).tril()
    if window is not None:
        mask = mask.triu(1 - window)
    out = torch.bmm(masked_softmax(scores, mask).flatten(1, 2), v)  # [S · kv, group · T, d]
    return out.reshape(S, kv, heads // kv, T, d).permute(0, 3, 1, 2, 4).reshape(S, T, heads * d)


def attend_blocks(
    query: Tensor, block_key: Tensor, block_value: Tensor, key: Tensor, value: Tensor, sees: Tensor, within: Tensor
) -> Tensor:
    """Attention of many blocks to one shared sequence and to themselves, without a row for each block's keys.

    - query [S, A, L, heads, d], block_key and block_value [S, A, L, kv, d]: A blocks of L slots in each of S sequences.
    - key, value [S, T, kv, d]: the sequence.
    - sees [S, A, L, T]: true where a slot may look at a token of the sequence.
    - within [L, L]: true where a slot may look at another of its block.

    Returns [S, A, L, heads · d]. A slot must see at least one key.
    """
    S, A, L, heads, d = query.shape
    T, kv = key.shape[1], key.shape[2]
    group = heads // kv
    scale = d**-0.5
    # [S, kv, A, L, group, d]: heads of one group share their keys, so they are rows of one product.
    q = (query * scale).reshape(S, A, L, kv, group, d).permute(0, 3, 1, 2, 4, 5)
    outer = q.reshape(S, kv, A * L * group, d) @ key.permute(0, 2, 3, 1)  # [S, kv, A·L·group, T]
    outer = outer.reshape(S, kv, A, L, group, T)
    inner = q.reshape(S, kv, A, L * group, d) @ block_key.permute(0, 3, 1, 4, 2)  # [S, kv, A, L·group, L]
    inner = inner.reshape(S, kv, A, L, group, L)
    outer, inner = joint_softmax(outer, inner, sees[:, None, :, :, None, :], within[:, None, :])
    result = outer.reshape(S, kv, A * L * group, T) @ value.permute(0, 2, 1, 3)
    result = result.reshape(S, kv, A, L, group, d)
    own = inner.reshape(S, kv, A, L * group, L) @ block_value.permute(0, 3, 1, 2, 4)
    result = result + own.reshape(S, kv, A, L, group, d)
    return result.permute(0, 2, 3, 1, 4, 5).reshape(S, A, L, heads * d)
