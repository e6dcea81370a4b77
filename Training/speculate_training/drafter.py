"""The block diffusion drafter: DFlash's trunk with DSpark's Markov and confidence heads, and if wanted DFlash 2's
convolutions, and its selector in place of the Markov head.

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
from .convolution import convolution, convolution_weights, convolve
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
    groups: int = 0  # Channels that share what a slot adds to a convolution's weights; 0: no convolutions.
    candidates: int = 0  # Tokens of a slot that the selector scores; 0: a Markov head, which scores all of them.
    guess: int = 0  # How many likeliest tokens of the pass before a masked slot is told; 0: none.
    early: int = 0  # Which tapped state the anchor's slot sees at the anchor itself, from 1; 0: none.

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
        if c.groups:
            self.attn_conv_base, self.attn_conv_proj = convolution(c.hidden, c.groups)
            self.ffn_conv_base, self.ffn_conv_proj = convolution(c.hidden, c.groups)


def matrix(outputs: int, inputs: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(outputs, inputs) * inputs**-0.5)


@dataclass(frozen=True)
class Injected:
    """The keys and values of a sequence's fused hidden states, [S, T, kv, d] for each layer."""

    keys: list[Tensor]
    values: list[Tensor]
    early: Tensor | None = None  # [S, T, hidden] what the slot of an anchor there is given

    def detached(self) -> Injected:
        early = None if self.early is None else self.early.detach()
        return Injected([key.detach() for key in self.keys], [value.detach() for value in self.values], early)


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
        if c.candidates:
            self.selector_hidden = nn.Parameter(torch.randn(c.rank, c.hidden) * 0.01)
        if c.guess:
            self.guess_proj = nn.Parameter(torch.zeros(c.hidden, c.hidden))
        if c.early:
            self.early = nn.Parameter(torch.zeros(c.hidden, c.hidden))
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
        for matrix, own in self.reading_taps(scale / self.tap_scale):
            matrix.mul_(own)
        self.tap_scale.copy_(scale)

    def fold(self) -> None:
        """Folds the taps' scale into the next matrix, as in GGUF files."""
        with torch.no_grad():
            for matrix, own in self.reading_taps(self.tap_scale):
                matrix.div_(own)
            self.tap_scale.fill_(1)

    def reading_taps(self, scale: Tensor) -> list[tuple[nn.Parameter, Tensor]]:
        """The matrices that read tapped numbers, and the part of their scale [taps · hidden] that they read."""
        read = [(self.fc, scale)]
        if tap := self.config.early:
            read.append((self.early, scale.unflatten(0, (-1, self.config.hidden))[tap - 1]))
        return read

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
        if not c.early:
            return Injected(keys, values)
        scale = self.tap_scale.unflatten(0, (-1, c.hidden))[c.early - 1]
        early = linear((taps[:, :, c.early - 1].float() / scale).to(self.dtype), self.early)
        # Of the size of what it is added to, lest it learn a hundred times more slowly.
        return Injected(keys, values, early * self.draft_embd.detach().square().mean().sqrt().to(self.dtype))

    def expected(self, logits: Tensor) -> Tensor:
        """The mean vector [.., hidden] of the `guess` likeliest tokens of logits [.., draft vocabulary]."""
        best, tokens = logits.topk(self.config.guess, -1)
        return (best.softmax(-1).unsqueeze(-1) * F.embedding(tokens, self.draft_embd.detach())).sum(-2)

    def forward(self, slots: Tensor, anchors: Tensor, context: Injected, guess: Tensor | None = None) -> Tensor:
        """Returns the final normalised states [S, A, L, hidden].

        slots [S, A, L]: each row an anchor token, then tokens or MASK; anchors [S, A]: their positions. A slot sees its
        whole block and, within the window, the fused states of the tokens before its anchor. `guess` [S, A, L, hidden]:
        what the pass before expected each slot to predict, of which the next slot is told if it is masked
        (self-conditioning, Chen et al. 2022)."""
        L = slots.shape[-1]
        within = torch.ones(L, L, dtype=torch.bool, device=slots.device)
        x = self.embed(slots)
        if guess is not None:
            told = linear(guess[..., :-1, :].to(self.dtype), self.guess_proj).float()
            masked = (slots[..., 1:] == self.config.mask_token).unsqueeze(-1)
            x = x + F.pad(told * masked, (0, 0, 1, 0))
        return self.trunk(x, anchors, context, within)

    def trunk(self, x: Tensor, anchors: Tensor, context: Injected, within: Tensor) -> Tensor:
        """`forward` from what the slots hold, x [S, A, L, hidden]; within [L, L]: which slots see which."""
        c = self.config
        L = x.shape[2]
        T = context.keys[0].shape[1]
        positions = anchors.unsqueeze(-1) + torch.arange(L, device=x.device)  # [S, A, L]
        cosine, sine = rotation(positions, c.head_dimension, c.rope_base)
        turn = (cosine, sine)
        sees = visible(anchors, positions, T, c.window)
        if context.early is not None:
            given = context.early.gather(1, anchors.unsqueeze(-1).expand(-1, -1, c.hidden)).float()
            x = torch.cat([x[..., :1, :] + given.unsqueeze(2), x[..., 1:, :]], 2)
        for index, layer in enumerate(self.layers):
            normed = rms_norm(x, layer.attn_norm, c.epsilon, self.dtype)
            if c.groups:
                around = convolution_weights(normed, layer.attn_conv_base, layer.attn_conv_proj, c.groups)
                normed = convolve(normed, around[0])
            q = linear(normed, layer.attn_q).unflatten(-1, (c.heads, c.head_dimension))
            k = linear(normed, layer.attn_k).unflatten(-1, (c.kv_heads, c.head_dimension))
            v = linear(normed, layer.attn_v).unflatten(-1, (c.kv_heads, c.head_dimension))
            q = rotate(rms_norm(q, layer.attn_q_norm, c.epsilon, self.dtype), *turn)
            k = rotate(rms_norm(k, layer.attn_k_norm, c.epsilon, self.dtype), *turn)
            attended = attend_blocks(q, k, v, context.keys[index], context.values[index], sees, within)
            branch = linear(attended, layer.attn_output)
            x = x + (convolve(branch, around[1]) if c.groups else branch).float()
            normed = rms_norm(x, layer.ffn_norm, c.epsilon, self.dtype)
            if c.groups:
                around = convolution_weights(normed, layer.ffn_conv_base, layer.ffn_conv_proj, c.groups)
                normed = convolve(normed, around[0])
            gated = swiglu(linear(normed, layer.ffn_gate), linear(normed, layer.ffn_up))
            branch = linear(gated, layer.ffn_down)
            x = x + (convolve(branch, around[1]) if c.groups else branch).float()
        return rms_norm(x, self.output_norm, c.epsilon, self.dtype)

    def previous(self, tokens: Tensor, hidden: Tensor) -> Tensor:
        """The vector [.., rank] for the token before the predicted one, which the selector gates with the slot's final
        state [.., hidden]."""
        vector = F.embedding(tokens, self.markov_w1).to(self.dtype)
        return vector * linear(hidden, self.selector_hidden) if self.config.candidates else vector

    def logits(self, hidden: Tensor, previous: Tensor) -> Tensor:
        """Draft logits [.., draft vocabulary] from the final states and `previous` of the tokens before. A selector
        scores a slot's likeliest tokens alone; training scores all of them, so that every one of them learns."""
        unary = linear(hidden, self.output)
        pairs = linear(previous, self.markov_w2)
        count = self.config.candidates
        if not count or count >= unary.shape[-1]:
            return unary + pairs
        chosen = unary.topk(count, -1).indices
        return torch.full_like(unary, float("-inf")).scatter(-1, chosen, (unary + pairs).gather(-1, chosen))

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
