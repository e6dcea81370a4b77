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
    """What `--taps` says of a verifier with so many layers; where it is empty, five spread evenly."""
    taps = tuple(int(tap) for tap in text.split(",") if tap) or tuple(round(1 + i * (layers - 2) / 4) for i in range(5))
    if any(not 0 <= tap < layers for tap in taps) or list(taps) != sorted(set(taps)):
        raise SystemExit(f"--taps is {text}, expected rising layers from 0 to {layers - 1}")
    return taps


class Layer(nn.Module):
    """One pre-norm layer. Names are those of the GGUF file's tensors."""

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
    """Keys and values of a sequence's fused hidden states, per layer [S, T, kv, d]."""

    keys: list[Tensor]
    values: list[Tensor]


class Drafter(nn.Module):
    embedding: Tensor  # [vocabulary, hidden] the verifier's, frozen
    d2t: Tensor  # [draft vocabulary] the verifier's id of each drafted token
    t2d: Tensor  # [vocabulary] and back; −1 where a token cannot be drafted
    tap_scale: Tensor  # [taps · hidden] what a tapped number is divided by, so that all learn at the same pace

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

    @torch.no_grad()
    def start_from(self, verifier: Verifier, sample: list[Tensor]) -> None:
        """Begins as what can be known without training, from `sample`, token rows [S, T].

        The verifier's last layers stand at the end of the trunk, with the keys and values that they have in the
        verifier. Before them, the first layer makes the best linear guess (ridge regression) of the state that the
        verifier would give them at the anchor: a vector for the anchor's token, plus a map of the fused state of the
        token before, which all its heads look at.
        """
        c, w = self.config, verifier.weights
        sources = range(verifier.config.layers - c.layers + 1, verifier.config.layers)
        for layer, source in zip(self.layers[1:], sources, strict=True):
            for name, parameter in layer.named_parameters():
                weight = w.get(f"blk.{source}.{name}.weight")
                if weight is None:
                    continue
                if name in ("attn_k", "attn_v") and weight.shape != parameter.shape:
                    # A key-value head for every query head: copies of the one that they shared.
                    group = c.heads // verifier.config.kv_heads
                    weight = weight.unflatten(0, (-1, c.head_dimension)).repeat_interleave(group, 0).flatten(0, 1)
                parameter.copy_(weight)
        self.output_norm.copy_(w["output_norm.weight"])
        self.enc_output_norm.copy_(w[f"blk.{c.taps[-1]}.attn_norm.weight"])
        self.tap_scale.copy_(self.tap_sizes(verifier, sample[0]))
        last = self.tap_scale[-c.hidden :]
        self.fc.mul_(0.05)
        self.fc[:, -c.hidden :] += torch.diag(last / last.median())

        target = sources[0] if len(sources) else verifier.config.layers
        alone = torch.stack([torch.zeros_like(self.d2t), self.d2t], 1)
        total = 4 * torch.cat([verifier.forward(rows, (target,)).taps[:, 1, 0].float() for rows in alone.split(512)])
        count = torch.full((c.draft_vocabulary, 1), 4.0, device=total.device)
        kept = []
        for tokens in sample:
            past = verifier.forward(tokens, (*c.taps, target) if target not in c.taps else c.taps)
            states = past.taps[:, :, -1].float()
            fused = self.fuse(past.taps[:, :, : len(c.taps)]).float()
            which = self.t2d[tokens[:, 2:]].flatten()
            rows = which >= 0
            which, state = which[rows], states[:, 2:].flatten(0, 1)[rows]
            total.index_add_(0, which, state)
            count.index_add_(0, which, torch.ones(len(which), 1, device=total.device))
            kept.append((which, fused[:, 1:-1].flatten(0, 1)[rows], state))
        table = total / count
        which, before, state = (torch.cat(parts) for parts in zip(*kept, strict=True))
        solution = ridge(torch.cat([table[which], before], 1), state)
        self.draft_embd.copy_(table @ solution[: c.hidden] + solution[-1])
        projection = ridge(verifier.embedding[self.d2t].float(), self.draft_embd)
        self.embd_proj.copy_(projection[:-1].t())
        self.embd_proj_bias.copy_(projection[-1])
        self.mask_embd.copy_(self.draft_embd.mean(0))
        if c.kv_heads == c.heads:
            self.look_back(self.layers[0], solution[c.hidden : -1].t(), before)

        states = verifier.forward(sample[0], tuple(sources)).taps[:, 2:].float() if len(sources) else state
        for index, (layer, source) in enumerate(zip(self.layers[1:], sources, strict=True)):
            normed = rms_norm(states[:, :, index], w[f"blk.{source}.attn_norm.weight"], c.epsilon, verifier.dtype)
            for name, norm in (("q", layer.attn_q_norm), ("k", layer.attn_k_norm)):
                heads = linear(normed, w[f"blk.{source}.attn_{name}.weight"]).float().unflatten(-1, (-1, len(norm)))
                norm.fill_(float(heads.square().mean(-1).sqrt().mean()))

    def look_back(self, layer: Layer, change: Tensor, fused: Tensor) -> None:
        """Makes every head of a layer look at the position before its own and nowhere else, and add
        `change` · (fused state there); its feed-forward part adds nothing at first.

        Queries and keys are constant vectors, but for the rotation, whose fastest turning pairs tell one position from
        the next. They are constant because they are normed: one number of reliable sign makes them.
        """
        c = self.config
        if c.kv_heads != c.heads:
            raise ValueError("a first layer that looks back needs a key-value head for every query head")
        half = c.head_dimension // 2
        speeds = c.rope_base ** (-torch.arange(half, dtype=torch.float32, device=fused.device) / half)
        size = torch.where(speeds > 0.2, 1.0, 0.02)
        ahead = torch.cat([size * speeds.cos(), size * speeds.sin()])  # Turned by one position, the query's.
        for weight, direction, vector in (
            (layer.attn_q, self.draft_embd.mean(0), torch.cat([size, torch.zeros_like(size)])),
            (layer.attn_k, fused.mean(0), ahead),
        ):
            weight.copy_(torch.outer(vector.repeat(c.heads), direction / direction.norm()))
            weight.add_(torch.randn_like(weight) * 1e-3)
        strength = 1.6
        layer.attn_q_norm.fill_(strength)
        layer.attn_k_norm.fill_(strength)
        left, values, right = torch.linalg.svd(change)
        rank = min(len(layer.attn_v), c.hidden)
        layer.attn_v[:rank] = right[:rank]
        layer.attn_output.zero_()
        layer.attn_output[:, :rank] = left[:, :rank] * values[:rank]
        layer.ffn_down.mul_(0.02)

    def tap_sizes(self, verifier: Verifier, tokens: Tensor) -> Tensor:
        """The root mean square [taps · hidden] of each tapped number over tokens [S, T]."""
        taps = verifier.forward(tokens, self.config.taps).taps[:, 1:]  # The first token is an outlier.
        return taps.flatten(2).float().square().mean((0, 1)).sqrt().clamp_min(1e-3)

    @torch.no_grad()
    def unfold(self, scale: Tensor) -> None:
        """Undoes `fold`, for training."""
        self.fc.mul_(scale / self.tap_scale)
        self.tap_scale.copy_(scale)

    def fold(self) -> None:
        """Takes the taps' scale into the matrix that follows, as files have it."""
        with torch.no_grad():
            self.fc.div_(self.tap_scale)
            self.tap_scale.fill_(1)

    def embed(self, tokens: Tensor) -> Tensor:
        """[..] → [.., hidden]. Tokens that can be drafted and MASK have vectors of their own; the others a linear map
        of the verifier's embedding."""
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
        """taps [S, T, taps, hidden] → keys and values of every layer."""
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
        """slots [S, A, L], each row an anchor token and then tokens or MASK; anchors [S, A] their positions.
        A slot sees the fused states of the tokens before its anchor, within the window, and its whole block.
        Returns final normalised states [S, A, L, hidden]."""
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
        """The Markov head's view [.., rank] of the token before the predicted one."""
        return F.embedding(tokens, self.markov_w1).to(self.dtype)

    def logits(self, hidden: Tensor, previous: Tensor) -> Tensor:
        """Draft logits [.., draft vocabulary] given final states and `previous` of the tokens before."""
        return linear(hidden, self.output) + linear(previous, self.markov_w2)

    def confidence(self, hidden: Tensor, previous: Tensor) -> Tensor:
        """The logit [..] of the expected acceptance of the predicted token, if all before it are accepted."""
        features = torch.cat([hidden, previous], dim=-1).float()
        return F.linear(features, self.conf_proj, self.conf_proj_bias).squeeze(-1)


def ridge(inputs: Tensor, outputs: Tensor, strength: float = 0.01) -> Tensor:
    """Ridge regression with an intercept: [inputs + 1, outputs], the intercept last."""
    scale = inputs.std(0) + 1e-3
    x = F.pad((inputs / scale).double(), (0, 1), value=1.0)
    square = x.t() @ x
    square.diagonal().add_(strength * len(x))
    solution = torch.linalg.solve(square, x.t() @ outputs.double()).float()
    return torch.cat([solution[:-1] / scale.unsqueeze(1), solution[-1:]])


def visible(anchors: Tensor, positions: Tensor, length: int, window: int) -> Tensor:
    """[S, A, L, T]: true where a slot may look at a token of the sequence: strictly before its anchor (the states of
    the anchor and of what follows do not exist yet when the draft is made) and fewer than `window` positions back."""
    cells = torch.arange(length, device=anchors.device)
    before = cells < anchors[..., None, None]
    near = positions.unsqueeze(-1) - cells < window
    return before & near
