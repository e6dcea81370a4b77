"""The block diffusion drafter: DFlash's trunk with DSpark's Markov and confidence heads.

A block is [anchor, MASK × (B − 1)]. Slot i holds the token at position i of the block, or MASK, and predicts the one at
position i + 1, so that a block of B slots drafts B tokens and the anchor's slot is an ordinary next-token prediction.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attention import attend_blocks, linear, rms_norm, rotate, rotation, swiglu
from .verifier import Verifier


@dataclass(frozen=True)
class DrafterConfig:
    hidden: int
    feed_forward: int
    heads: int
    kv_heads: int
    head_dimension: int
    vocabulary: int
    draft_vocabulary: int
    epsilon: float
    rope_base: float
    context: int
    layers: int = 2
    taps: tuple[int, ...] = (2, 9, 16, 23, 29)
    block: int = 8
    window: int = 512
    rank: int = 64
    mask_token: int = 16

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> DrafterConfig:
        return DrafterConfig(**{**values, "taps": tuple(values["taps"])})


def read_taps(text: str, layers: int) -> tuple[int, ...]:
    """The layers that `--taps` names, for a verifier with `layers` layers; if it is empty, five spread evenly."""
    taps = tuple(int(tap) for tap in text.split(",") if tap) or tuple(round(1 + i * (layers - 2) / 4) for i in range(5))
    if any(not 0 <= tap < layers for tap in taps) or list(taps) != sorted(set(taps)):
        raise SystemExit(f"--taps is {text}, expected rising layers from 0 to {layers - 1}")
    return taps


class Layer(nn.Module):
    """One pre-norm layer; its parameters have the names of the GGUF file's tensors."""

    def __init__(self, c: DrafterConfig) -> None:
        super().__init__()
        width, kv = c.heads * c.head_dimension, c.kv_heads * c.head_dimension
        self.attn_norm = nn.Parameter(torch.ones(c.hidden))
        self.attn_q = matrix(width, c.hidden)
        self.attn_k = matrix(kv, c.hidden)
        self.attn_v = matrix(kv, c.hidden)
        self.attn_output = matrix(c.hidden, width)
        self.attn_q_norm = nn.Parameter(torch.ones(c.head_dimension))
        self.attn_k_norm = nn.Parameter(torch.ones(c.head_dimension))
        self.ffn_norm = nn.Parameter(torch.ones(c.hidden))
        self.ffn_gate = matrix(c.feed_forward, c.hidden)
        self.ffn_up = matrix(c.feed_forward, c.hidden)
        self.ffn_down = matrix(c.hidden, c.feed_forward)


def matrix(outputs: int, inputs: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(outputs, inputs) * inputs**-0.5)


@dataclass(frozen=True)
class Injected:
    """The keys and values of a sequence's fused hidden states, [S, T, kv, d] for each layer."""

    keys: list[Tensor]
    values: list[Tensor]


class Drafter(nn.Module):
    embedding: Tensor  # [vocabulary, hidden] the verifier's, frozen
    d2t: Tensor  # [draft vocabulary] the verifier's id of each draft token
    t2d: Tensor  # [vocabulary] the inverse; −1 where a token cannot be drafted
    tap_scale: Tensor  # [taps · hidden] divides the tapped numbers, so that all of them learn at the same pace

    def __init__(self, config: DrafterConfig, d2t: Tensor, embedding: Tensor, dtype: torch.dtype) -> None:
        super().__init__()
        self.config, self.dtype = config, dtype
        c = config
        self.draft_embd = nn.Parameter(embedding[d2t].float().clone())
        self.embd_proj = nn.Parameter(torch.eye(c.hidden))
        self.embd_proj_bias = nn.Parameter(torch.zeros(c.hidden))
        self.mask_embd = nn.Parameter(torch.randn(c.hidden) * embedding.float().std())
        self.fc = matrix(c.hidden, len(c.taps) * c.hidden)
        self.enc_output_norm = nn.Parameter(torch.ones(c.hidden))
        self.layers = [Layer(c) for _ in range(c.layers)]
        self.blk = nn.ModuleList(self.layers)  # So that parameters have the file's names.
        self.output_norm = nn.Parameter(torch.ones(c.hidden))
        self.output = nn.Parameter(embedding[d2t].float().clone())
        self.markov_w1 = nn.Parameter(torch.randn(c.vocabulary, c.rank) * 0.1)
        self.markov_w2 = nn.Parameter(torch.zeros(c.draft_vocabulary, c.rank))
        self.conf_proj = nn.Parameter(torch.zeros(1, c.hidden + c.rank))
        self.conf_proj_bias = nn.Parameter(torch.zeros(1))
        t2d = torch.full((c.vocabulary,), -1, dtype=torch.long)
        t2d[d2t] = torch.arange(len(d2t))
        self.register_buffer("d2t", d2t.clone(), persistent=False)
        self.register_buffer("t2d", t2d, persistent=False)
        self.register_buffer("tap_scale", torch.ones(len(c.taps) * c.hidden))
        self.register_buffer("embedding", embedding.detach().to(dtype), persistent=False)

    def tap_sizes(self, verifier: Verifier, tokens: Tensor) -> Tensor:
        """The root mean square [taps · hidden] of every tapped number over tokens [S, T]."""
        taps = verifier.forward(tokens, self.config.taps).taps[:, 1:]  # The first token is an outlier.
        return taps.flatten(2).float().square().mean((0, 1)).sqrt().clamp_min(1e-3)

    @torch.no_grad()
    def unfold(self, scale: Tensor) -> None:
        """Undoes `fold`, for training."""
        self.fc.mul_(scale / self.tap_scale)
        self.tap_scale.copy_(scale)

    def fold(self) -> None:
        """Folds the taps' scale into the next matrix, as in GGUF files."""
        with torch.no_grad():
            self.fc.div_(self.tap_scale)
            self.tap_scale.fill_(1)

    def embed(self, tokens: Tensor) -> Tensor:
        """[..] → [.., hidden]. Draft tokens and MASK have vectors of their own; other tokens get a linear map of the
        verifier's embedding."""
        drafted = self.t2d[tokens]
        mapped = linear(self.embedding[tokens], self.embd_proj).float() + self.embd_proj_bias
        own = F.embedding(drafted.clamp_min(0), self.draft_embd)
        embedded = torch.where((drafted >= 0).unsqueeze(-1), own, mapped)
        return torch.where((tokens == self.config.mask_token).unsqueeze(-1), self.mask_embd, embedded)

    def fuse(self, taps: Tensor) -> Tensor:
        """taps [S, T, taps, hidden] → [S, T, hidden]."""
        # A few numbers of a residual stream are a hundred times as large as the others.
        scaled = (taps.flatten(2).float() / self.tap_scale).to(self.dtype)
        fused = linear(scaled, self.fc)
        return rms_norm(fused, self.enc_output_norm, self.config.epsilon, self.dtype)

    def inject(self, taps: Tensor) -> Injected:
        """taps [S, T, taps, hidden] → the keys and values for every layer."""
        c = self.config
        fused = self.fuse(taps)
        positions = torch.arange(fused.shape[1], device=fused.device)
        cosine, sine = rotation(positions, c.head_dimension, c.rope_base)
        keys, values = [], []
        for layer in self.layers:
            key = linear(fused, layer.attn_k).unflatten(-1, (c.kv_heads, c.head_dimension))
            key = rms_norm(key, layer.attn_k_norm, c.epsilon, self.dtype)
            keys.append(rotate(key, cosine, sine))
            values.append(linear(fused, layer.attn_v).unflatten(-1, (c.kv_heads, c.head_dimension)))
        return Injected(keys, values)

    def forward(self, slots: Tensor, anchors: Tensor, context: Injected) -> Tensor:
        """Returns the final normalised states [S, A, L, hidden].

        slots [S, A, L]: each row an anchor token, then tokens or MASK; anchors [S, A]: their positions. A slot sees its
        whole block and, within the window, the fused states of the tokens before its anchor."""
        c = self.config
        S, A, L = slots.shape
        T = context.keys[0].shape[1]
        positions = anchors.unsqueeze(-1) + torch.arange(L, device=slots.device)  # [S, A, L]
        cosine, sine = rotation(positions, c.head_dimension, c.rope_base)
        turn = (cosine, sine)
        sees = visible(anchors, positions, T, c.window)
        within = torch.ones(L, L, dtype=torch.bool, device=slots.device)
        x = self.embed(slots)  # [S, A, L, hidden]
        for index, layer in enumerate(self.layers):
            normed = rms_norm(x, layer.attn_norm, c.epsilon, self.dtype)
            q = linear(normed, layer.attn_q).unflatten(-1, (c.heads, c.head_dimension))
            k = linear(normed, layer.attn_k).unflatten(-1, (c.kv_heads, c.head_dimension))
            v = linear(normed, layer.attn_v).unflatten(-1, (c.kv_heads, c.head_dimension))
            q = rotate(rms_norm(q, layer.attn_q_norm, c.epsilon, self.dtype), *turn)
            k = rotate(rms_norm(k, layer.attn_k_norm, c.epsilon, self.dtype), *turn)
            attended = attend_blocks(q, k, v, context.keys[index], context.values[index], sees, within)
            x = x + linear(attended, layer.attn_output).float()
            normed = rms_norm(x, layer.ffn_norm, c.epsilon, self.dtype)
            gated = swiglu(linear(normed, layer.ffn_gate), linear(normed, layer.ffn_up))
            x = x + linear(gated, layer.ffn_down).float()
        return rms_norm(x, self.output_norm, c.epsilon, self.dtype)

    def previous(self, tokens: Tensor) -> Tensor:
        """The Markov head's vector [.., rank] for the token before the predicted one."""
        return F.embedding(tokens, self.markov_w1).to(self.dtype)

    def logits(self, hidden: Tensor, previous: Tensor) -> Tensor:
        """Draft logits [.., draft vocabulary] from the final states and `previous` of the tokens before."""
        return linear(hidden, self.output) + linear(previous, self.markov_w2)

    def confidence(self, hidden: Tensor, previous: Tensor) -> Tensor:
        """The logit [..] of the predicted token's expected acceptance, given that all before it are accepted."""
        features = torch.cat([hidden, previous], dim=-1).float()
        return F.linear(features, self.conf_proj, self.conf_proj_bias).squeeze(-1)


def visible(anchors: Tensor, positions: Tensor, length: int, window: int) -> Tensor:
    """[S, A, L, T]: true where a slot sees a token of the sequence: one strictly before its anchor (at drafting time
    there are no hidden states from the anchor on) and fewer than `window` positions back."""
    cells = torch.arange(length, device=anchors.device)
    before = cells < anchors[..., None, None]
    near = positions.unsqueeze(-1) - cells < window
    return before & near
