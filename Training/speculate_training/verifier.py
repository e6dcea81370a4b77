"""The frozen verifier in PyTorch, from the same GGUF file that the engine runs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .attention import attend_blocks, attend_causally, linear, rms_norm, rotate, rotation, swiglu
from .checkpoint import Checkpoint, CheckpointError


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

    @staticmethod
    def read(checkpoint: Checkpoint) -> VerifierConfig:
        name = str(checkpoint.value("general.architecture"))
        if name not in ("llama", "qwen2", "qwen3"):
            raise CheckpointError(
                f"{checkpoint.path}: general.architecture is '{name}', expected llama, qwen2 or qwen3"
            )
        if "rope_freqs.weight" in checkpoint or checkpoint.value(f"{name}.rope.scaling.type", "none") != "none":
            raise CheckpointError(f"{checkpoint.path}: scaled rotary embeddings are not supported here")
        heads = int(checkpoint.value(f"{name}.attention.head_count"))
        hidden = int(checkpoint.value(f"{name}.embedding_length"))
        return VerifierConfig(
            architecture=name,
            layers=int(checkpoint.value(f"{name}.block_count")),
            hidden=hidden,
            feed_forward=int(checkpoint.value(f"{name}.feed_forward_length")),
            heads=heads,
            kv_heads=int(checkpoint.value(f"{name}.attention.head_count_kv", heads)),
            head_dimension=int(checkpoint.value(f"{name}.attention.key_length", hidden // heads)),
            vocabulary=int(checkpoint.tensors["token_embd.weight"].shape[1]),
            context=int(checkpoint.value(f"{name}.context_length")),
            epsilon=float(checkpoint.value(f"{name}.attention.layer_norm_rms_epsilon")),
            rope_base=float(checkpoint.value(f"{name}.rope.freq_base", 10000.0)),
        )


@dataclass(frozen=True)
class VerifierPass:
    """What a pass over S sequences of T tokens leaves."""

    taps: Tensor  # [S, T, taps, hidden] the residual stream entering each tapped layer
    hidden: Tensor  # [S, T, hidden] after the final norm
    keys: list[Tensor]  # per layer [S, T, kv, d], rotated
    values: list[Tensor]  # per layer [S, T, kv, d]

    def with_cache(self, keys: list[Tensor], values: list[Tensor]) -> VerifierPass:
        return VerifierPass(self.taps, self.hidden, keys, values)


class Verifier:
    """A frozen pre-norm transformer (llama, qwen2 or qwen3)."""

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

    def _feed_forward(self, index: int, x: Tensor) -> Tensor:
        c, w, name = self.config, self.weights, f"blk.{index}.ffn_"
        normed = rms_norm(x, w[name + "norm.weight"], c.epsilon, self.dtype)
        gated = swiglu(linear(normed, w[name + "gate.weight"]), linear(normed, w[name + "up.weight"]))
        return x + linear(gated, w[name + "down.weight"]).float()

    @torch.no_grad()
    def forward(self, tokens: Tensor, taps: tuple[int, ...]) -> VerifierPass:
        """tokens [S, T], padded at the end with anything: causal, so that padding changes nothing before it.
        `taps` are layers whose input is wanted, `layers` itself standing for the last layer's output."""
        c, w = self.config, self.weights
        positions = torch.arange(tokens.shape[1], device=self.device)
        cosine, sine = rotation(positions, c.head_dimension, c.rope_base)
        turn = (cosine, sine)
        x = self.embedding[tokens].float()  # [S, T, hidden]
        tapped, keys, values = [], [], []
        for index in range(c.layers):
            if index in taps:
                tapped.append(x.to(self.dtype))
            normed = rms_norm(x, w[f"blk.{index}.attn_norm.weight"], c.epsilon, self.dtype)
            q = rotate(self._project(index, "q", normed, c.heads), *turn)
            k = rotate(self._project(index, "k", normed, c.kv_heads), *turn)
            v = self._project(index, "v", normed, c.kv_heads)
            keys.append(k)
            values.append(v)
            attended = attend_causally(q, k, v)
            x = x + linear(attended, w[f"blk.{index}.attn_output.weight"]).float()
            x = self._feed_forward(index, x)
        if c.layers in taps:
            tapped.append(x.to(self.dtype))
        return VerifierPass(torch.stack(tapped, 2), self.normalise(x), keys, values)

    @torch.no_grad()
    def forward_blocks(self, blocks: Tensor, anchors: Tensor, past: VerifierPass, store: bool = False) -> Tensor:
        """The final hidden states [S, A, L, hidden] of A blocks of L tokens per sequence, each block in the place of
        the sequence's tokens from its anchor on: the verifier's view of what a drafter wrote instead.
        `store` puts the blocks' keys and values into the pass's own, where they must fit."""
        c, w = self.config, self.weights
        S, A, L = blocks.shape
        T = past.keys[0].shape[1]
        positions = anchors.unsqueeze(-1) + torch.arange(L, device=self.device)  # [S, A, L]
        cosine, sine = rotation(positions, c.head_dimension, c.rope_base)
        turn = (cosine, sine)
        sees = (torch.arange(T, device=self.device) < anchors.unsqueeze(-1)).unsqueeze(2).expand(S, A, L, T)
        causal = torch.ones(L, L, dtype=torch.bool, device=self.device).tril()
        x = self.embedding[blocks].float()
        for index in range(c.layers):
            normed = rms_norm(x, w[f"blk.{index}.attn_norm.weight"], c.epsilon, self.dtype)
            q = rotate(self._project(index, "q", normed, c.heads), *turn)
            k = rotate(self._project(index, "k", normed, c.kv_heads), *turn)
            v = self._project(index, "v", normed, c.kv_heads)
            attended = attend_blocks(q, k, v, past.keys[index], past.values[index], sees, causal)
            if store:
                rows = torch.arange(S, device=self.device)[:, None, None]
                past.keys[index][rows, positions], past.values[index][rows, positions] = k, v
            x = x + linear(attended, w[f"blk.{index}.attn_output.weight"]).float()
            x = self._feed_forward(index, x)
        return self.normalise(x)

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
