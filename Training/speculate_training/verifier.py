"""The frozen verifier in PyTorch, from the same GGUF file that the engine runs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .attention import attend_blocks, attend_causally, geglu, linear, rms_norm, rotate, rotation, swiglu
from .checkpoint import Checkpoint, CheckpointError

ARCHITECTURES = ("llama", "qwen2", "qwen3", "gemma3")


@dataclass(frozen=True)
class VerifierConfig:
    architecture: str
    layers: int
    hidden: int
    feed_forward: int
    heads: int
    kv_heads: int
    head_dimension: int
    vocabulary: int
    context: int
    epsilon: float
    rope_base: float
    rope_factor: float  # Positions are divided by it, in layers that see everything.
    embedding_scale: float
    local: tuple[bool, ...]  # [layers] whether a layer attends to the window alone, with a rotation of its own
    window: int
    local_rope_base: float

    @staticmethod
    def read(checkpoint: Checkpoint) -> VerifierConfig:
        name = str(checkpoint.value("general.architecture"))
        if name not in ARCHITECTURES:
            raise CheckpointError(
                f"{checkpoint.path}: general.architecture is '{name}', expected one of {', '.join(ARCHITECTURES)}"
            )
        scaling = checkpoint.value(f"{name}.rope.scaling.type", "none")
        if "rope_freqs.weight" in checkpoint or scaling not in ("none", "linear"):
            raise CheckpointError(f"{checkpoint.path}: rotary embeddings are scaled, expected not at all or linearly")
        heads = int(checkpoint.value(f"{name}.attention.head_count"))
        hidden = int(checkpoint.value(f"{name}.embedding_length"))
        layers = int(checkpoint.value(f"{name}.block_count"))
        gemma = name == "gemma3"
        if gemma and layers == 62:
            raise CheckpointError(f"{checkpoint.path}: Gemma 3 27B, whose queries are scaled, is not supported")
        return VerifierConfig(
            architecture=name,
            layers=layers,
            hidden=hidden,
            feed_forward=int(checkpoint.value(f"{name}.feed_forward_length")),
            heads=heads,
            kv_heads=int(checkpoint.value(f"{name}.attention.head_count_kv", heads)),
            head_dimension=int(checkpoint.value(f"{name}.attention.key_length", hidden // heads)),
            vocabulary=int(checkpoint.tensors["token_embd.weight"].shape[1]),
            context=int(checkpoint.value(f"{name}.context_length")),
            epsilon=float(checkpoint.value(f"{name}.attention.layer_norm_rms_epsilon")),
            rope_base=float(checkpoint.value(f"{name}.rope.freq_base", 1e6 if gemma else 1e4)),
            rope_factor=float(checkpoint.value(f"{name}.rope.scaling.factor")) if scaling == "linear" else 1.0,
            embedding_scale=hidden**0.5 if gemma else 1.0,
            local=local_layers(checkpoint, name, layers) if gemma else (False,) * layers,
            window=int(checkpoint.value(f"{name}.attention.sliding_window")) if gemma else 0,
            local_rope_base=float(checkpoint.value(f"{name}.rope.freq_base_swa", 1e4)),
        )


def local_layers(checkpoint: Checkpoint, name: str, layers: int) -> tuple[bool, ...]:
    """Which layers see a window alone: what the file lists, else all but every sixth (or what number it says)."""
    pattern = checkpoint.value(f"{name}.attention.sliding_window_pattern", 6)
    if isinstance(pattern, int):
        return tuple((index + 1) % pattern != 0 for index in range(layers))
    return tuple(bool(local) for local in pattern[:layers])


@dataclass(frozen=True)
class VerifierPass:
    """What a pass over S sequences of T tokens leaves."""

    taps: Tensor  # [S, T, taps, hidden] the residual stream entering each tapped layer
    hidden: Tensor  # [S, T, hidden] after the final norm
    keys: list[Tensor]  # per layer [S, T, kv, d], rotated
    values: list[Tensor]  # per layer [S, T, kv, d]
    tapped: tuple[int, ...] = ()  # Which layers those are.

    def with_cache(self, keys: list[Tensor], values: list[Tensor]) -> VerifierPass:
        return VerifierPass(self.taps, self.hidden, keys, values, self.tapped)

    def with_room(self, tokens: int) -> VerifierPass:
        """Room for so many more tokens per sequence, for `extend`."""

        def longer(x: Tensor) -> Tensor:
            return torch.cat([x, x.new_zeros(len(x), tokens, *x.shape[2:])], 1)

        keys, values = ([longer(x) for x in part] for part in (self.keys, self.values))
        return VerifierPass(longer(self.taps), longer(self.hidden), keys, values, self.tapped)


class Verifier:
    """A frozen pre-norm transformer (llama, qwen2, qwen3 or gemma3)."""

    def __init__(self, checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype) -> None:
        self.config = VerifierConfig.read(checkpoint)
        self.device, self.dtype = device, dtype
        self.weights: dict[str, Tensor] = {}
        for name in checkpoint.tensors:
            weight = checkpoint.tensor(name)
            if self.config.architecture == "llama" and name.endswith(("attn_q.weight", "attn_k.weight")):
                weight = self._neox(weight)
            self.weights[name] = weight.to(device=device, dtype=dtype if weight.dim() == 2 else torch.float32)
        self.embedding = self.weights["token_embd.weight"]
        self.output = self.weights.get("output.weight", self.embedding)

    def _neox(self, weight: Tensor) -> Tensor:
        """Undoes the order in which llama files keep queries and keys (neighbouring pairs) for halves."""
        d = self.config.head_dimension
        return weight.reshape(-1, d // 2, 2, weight.shape[-1]).transpose(1, 2).reshape(weight.shape)

    def _project(self, index: int, part: str, x: Tensor, heads: int) -> Tensor:
        name = f"blk.{index}.attn_{part}"
        y = linear(x, self.weights[name + ".weight"])
        if (bias := self.weights.get(name + ".bias")) is not None:
            y = y + bias.to(y.dtype)
        y = y.unflatten(-1, (heads, self.config.head_dimension))
        if (norm := self.weights.get(name + "_norm.weight")) is not None:
            y = rms_norm(y, norm, self.config.epsilon, self.dtype)
        return y

    def embed(self, tokens: Tensor) -> Tensor:
        """[..] → [.., hidden], where the residual stream begins."""
        return self.embedding[tokens].float() * self.config.embedding_scale

    def rotations(self, positions: Tensor) -> dict[bool, tuple[Tensor, Tensor]]:
        """Cosines and sines [.., d / 2] for layers that see everything, and for those with a window."""
        c = self.config
        everywhere = rotation(positions / c.rope_factor, c.head_dimension, c.rope_base)
        near = rotation(positions, c.head_dimension, c.local_rope_base) if any(c.local) else everywhere
        return {False: everywhere, True: near}

    def heads(self, index: int, x: Tensor, turns: dict[bool, tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
        """Rotated queries [.., heads, d], rotated keys and values [.., kv, d]."""
        c, turn = self.config, turns[self.config.local[index]]
        normed = rms_norm(x, self.weights[f"blk.{index}.attn_norm.weight"], c.epsilon, self.dtype)
        q = rotate(self._project(index, "q", normed, c.heads), *turn)
        k = rotate(self._project(index, "k", normed, c.kv_heads), *turn)
        return q, k, self._project(index, "v", normed, c.kv_heads)

    def attention_output(self, index: int, attended: Tensor) -> Tensor:
        """The attention's branch [.., hidden] before a norm that may follow; attended [.., heads · d]."""
        return linear(attended, self.weights[f"blk.{index}.attn_output.weight"])

    def feed_forward(self, index: int, x: Tensor) -> Tensor:
        """The feed-forward branch [.., hidden] of x [.., hidden], before a norm that may follow."""
        w, name = self.weights, f"blk.{index}.ffn_"
        normed = rms_norm(x, w[name + "norm.weight"], self.config.epsilon, self.dtype)
        gate, up = linear(normed, w[name + "gate.weight"]), linear(normed, w[name + "up.weight"])
        gated = geglu(gate, up) if self.config.architecture == "gemma3" else swiglu(gate, up)
        return linear(gated, w[name + "down.weight"])

    def add(self, index: int, x: Tensor, branch: Tensor, norm: str) -> Tensor:
        """x and a branch, normed where the family does that."""
        if (weight := self.weights.get(f"blk.{index}.{norm}.weight")) is not None:
            branch = rms_norm(branch, weight, self.config.epsilon, torch.float32)
        return x + branch.float()

    def _finish(self, index: int, x: Tensor, attended: Tensor) -> Tensor:
        """A layer's output from its input and what it attended to."""
        x = self.add(index, x, self.attention_output(index, attended), "post_attention_norm")
        return self.add(index, x, self.feed_forward(index, x), "post_ffw_norm")

    @torch.no_grad()
    def forward(self, tokens: Tensor, taps: tuple[int, ...]) -> VerifierPass:
        """tokens [S, T], padded at the end with anything: causal, so that padding changes nothing before it.
        `taps` are layers whose input is wanted, `layers` itself standing for the last layer's output."""
        c = self.config
        turns = self.rotations(torch.arange(tokens.shape[1], device=self.device))
        x = self.embed(tokens)  # [S, T, hidden]
        tapped, keys, values = [], [], []
        for index in range(c.layers):
            if index in taps:
                tapped.append(x.to(self.dtype))
            q, k, v = self.heads(index, x, turns)
            keys.append(k)
            values.append(v)
            x = self._finish(index, x, attend_causally(q, k, v, c.window if c.local[index] else None))
        if c.layers in taps:
            tapped.append(x.to(self.dtype))
        return VerifierPass(torch.stack(tapped, 2), self.normalise(x), keys, values, tuple(sorted(taps)))

    @torch.no_grad()
    def forward_blocks(self, blocks: Tensor, anchors: Tensor, past: VerifierPass, store: bool = False) -> Tensor:
        """The final hidden states [S, A, L, hidden] of A blocks of L tokens per sequence, each block in the place of
        the sequence's tokens from its anchor on: the verifier's view of what a drafter wrote instead.
        `store` puts the blocks' keys and values into the pass's own, where they must fit."""
        return self._blocks(blocks, anchors, past, store)[0]

    def extend(self, tokens: Tensor, positions: Tensor, past: VerifierPass) -> None:
        """Reads tokens [S, L] that stand from positions [S] on, and puts all that a pass leaves into the pass's own
        tensors, where it must fit; `positions` follow what has been read. The pass must have been made with taps."""
        hidden, tapped = self._blocks(tokens.unsqueeze(1), positions.unsqueeze(1), past, True)
        rows = torch.arange(len(tokens), device=self.device).unsqueeze(-1)
        cells = positions.unsqueeze(-1) + torch.arange(tokens.shape[1], device=self.device)
        past.hidden[rows, cells] = hidden[:, 0]
        for index, states in enumerate(tapped):
            past.taps[rows, cells, index] = states[:, 0].to(past.taps.dtype)

    def _blocks(
        self, blocks: Tensor, anchors: Tensor, past: VerifierPass, store: bool
    ) -> tuple[Tensor, list[Tensor]]:  # fmt: skip
        """`forward_blocks`, and what enters each layer tapped in the pass [S, A, L, hidden]."""
        c = self.config
        S, A, L = blocks.shape
        T = past.keys[0].shape[1]
        positions = anchors.unsqueeze(-1) + torch.arange(L, device=self.device)  # [S, A, L]
        turns = self.rotations(positions)
        cells = torch.arange(T, device=self.device)
        before = (cells < anchors.unsqueeze(-1)).unsqueeze(2).expand(S, A, L, T)
        near = before & (positions.unsqueeze(-1) - cells < c.window)
        steps = torch.arange(L, device=self.device)
        causal = steps <= steps[:, None]
        close = causal & (steps[:, None] - steps < c.window)
        x = self.embed(blocks)
        tapped = []
        for index in range(c.layers):
            if index in past.tapped:
                tapped.append(x)
            q, k, v = self.heads(index, x, turns)
            sees, within = (near, close) if c.local[index] else (before, causal)
            attended = attend_blocks(q, k, v, past.keys[index], past.values[index], sees, within)
            if store:
                rows = torch.arange(S, device=self.device)[:, None, None]
                past.keys[index][rows, positions], past.values[index][rows, positions] = k, v
            x = self._finish(index, x, attended)
        if c.layers in past.tapped:
            tapped.append(x)
        return self.normalise(x), tapped

    def normalise(self, x: Tensor) -> Tensor:
        """The last layer's output → the final states, both [.., hidden]."""
        return rms_norm(x, self.weights["output_norm.weight"], self.config.epsilon, self.dtype)

    @torch.no_grad()
    def logits(self, hidden: Tensor) -> Tensor:
        """[.., hidden] → [.., vocabulary]."""
        return linear(hidden, self.output)


def working_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where products of it are fast, else float32."""
    if device.type == "cuda":
        is_fast = torch.cuda.is_bf16_supported()
    else:
        try:
            is_fast = torch.cpu._is_avx512_bf16_supported()
        except AttributeError:
            is_fast = False
    return torch.bfloat16 if is_fast else torch.float32
