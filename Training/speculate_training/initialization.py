"""The drafter's weights before training, derived from the verifier."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .attention import attend_causally, linear, rms_norm
from .drafter import Drafter, Layer
from .verifier import Verifier


@torch.no_grad()
def start_from(drafter: Drafter, verifier: Verifier, sample: list[Tensor]) -> None:
    """Sets the weights to what can be known without training; `sample` holds token rows [S, T].

    The trunk ends in the verifier's last layers, with the keys and values that they have there. The first layer makes
    the best linear guess (ridge regression) of the hidden state that those layers read at the anchor in the verifier: a
    vector for the anchor's token, plus a map of the fused state of the token before, which all its heads attend to.
    """
    c, w = drafter.config, verifier.weights
    sources = range(verifier.config.layers - c.layers + 1, verifier.config.layers)
    for layer, source in zip(drafter.layers[1:], sources, strict=True):
        for name, parameter in layer.named_parameters():
            weight = w.get(f"blk.{source}.{name}.weight")
            if weight is None:
                continue
            if name in ("attn_k", "attn_v") and weight.shape != parameter.shape:
                # Every query head gets its own copy of the key-value head that its group shares.
                group = c.heads // verifier.config.kv_heads
                weight = weight.unflatten(0, (-1, c.head_dimension)).repeat_interleave(group, 0).flatten(0, 1)
            parameter.copy_(weight)
        if verifier.config.architecture == "gemma3":
            as_llama(layer, verifier, source, sample[0])
    drafter.output_norm.copy_(w["output_norm.weight"])
    drafter.enc_output_norm.copy_(w[f"blk.{c.taps[-1]}.attn_norm.weight"])
    drafter.tap_scale.copy_(drafter.tap_sizes(verifier, sample[0]))
    last = drafter.tap_scale[-c.hidden :]
    drafter.fc.mul_(0.05)
    drafter.fc[:, -c.hidden :] += torch.diag(last / last.median())

    target = sources[0] if len(sources) else verifier.config.layers
    alone = torch.stack([torch.zeros_like(drafter.d2t), drafter.d2t], 1)
    total = 4 * torch.cat([verifier.forward(rows, (target,)).taps[:, 1, 0].float() for rows in alone.split(512)])
    count = torch.full((c.draft_vocabulary, 1), 4.0, device=total.device)
    kept = []
    for tokens in sample:
        past = verifier.forward(tokens, (*c.taps, target) if target not in c.taps else c.taps)
        states = past.taps[:, :, -1].float()
        fused = drafter.fuse(past.taps[:, :, : len(c.taps)]).float()
        which = drafter.t2d[tokens[:, 2:]].flatten()
        rows = which >= 0
        which, state = which[rows], states[:, 2:].flatten(0, 1)[rows]
        total.index_add_(0, which, state)
        count.index_add_(0, which, torch.ones(len(which), 1, device=total.device))
        kept.append((which, fused[:, 1:-1].flatten(0, 1)[rows], state))
    table = total / count
    which, before, state = (torch.cat(parts) for parts in zip(*kept, strict=True))
    solution = ridge(torch.cat([table[which], before], 1), state)
    drafter.draft_embd.copy_(table @ solution[: c.hidden] + solution[-1])
    projection = ridge(verifier.embedding[drafter.d2t].float(), drafter.draft_embd)
    drafter.embd_proj.copy_(projection[:-1].t())
    drafter.embd_proj_bias.copy_(projection[-1])
    drafter.mask_embd.copy_(drafter.draft_embd.mean(0))
    if c.kv_heads == c.heads:
        look_back(drafter, drafter.layers[0], solution[c.hidden : -1].t(), before)

    states = verifier.forward(sample[0], tuple(sources)).taps[:, 2:].float() if len(sources) else state
    for index, (layer, source) in enumerate(zip(drafter.layers[1:], sources, strict=True)):
        normed = rms_norm(states[:, :, index], w[f"blk.{source}.attn_norm.weight"], c.epsilon, verifier.dtype)
        for name, norm in (("q", layer.attn_q_norm), ("k", layer.attn_k_norm)):
            if f"blk.{source}.attn_{name}_norm.weight" in w:
                continue
            heads = linear(normed, w[f"blk.{source}.attn_{name}.weight"]).float().unflatten(-1, (-1, len(norm)))
            norm.fill_(float(heads.square().mean(-1).sqrt().mean()))


def as_llama(layer: Layer, verifier: Verifier, source: int, tokens: Tensor) -> None:
    """Makes the weights of a layer of Gemma 3 do in a layer without norms after its branches, and with SiLU, about what
    they do there: a norm becomes the division by what it mostly divides by, and gelu(x) is about silu(1.702 x) / 1.702
    (Hendrycks & Gimpel 2016)."""
    c = verifier.config
    turns = verifier.rotations(torch.arange(tokens.shape[1], device=tokens.device))
    x = verifier.forward(tokens, (source,)).taps[:, :, 0].float()
    attended = attend_causally(*verifier.heads(source, x, turns), c.window if c.local[source] else None)
    after = {"post_attention_norm": layer.attn_output, "post_ffw_norm": layer.ffn_down}
    for norm, matrix in after.items():
        first = norm == "post_attention_norm"
        branch = verifier.attention_output(source, attended) if first else verifier.feed_forward(source, x)
        size = branch[:, 1:].float().square().mean(-1).sqrt().median()  # The first token is an outlier.
        matrix.mul_((verifier.weights[f"blk.{source}.{norm}.weight"] / size).unsqueeze(-1))
        x = verifier.add(source, x, branch, norm)
    layer.ffn_gate.mul_(1.702)
    layer.ffn_down.div_(1.702)


def look_back(drafter: Drafter, layer: Layer, change: Tensor, fused: Tensor) -> None:
    """Makes every head of a layer attend to the previous position alone and add `change` · (fused state there); the
    layer's feed-forward part adds next to nothing at first.

    Queries and keys are constant vectors except for the rotation, whose fastest pairs tell one position from the next.
    They are constant because they are normalised: they are multiples of one vector, by a number whose sign is reliable.
    """
    c = drafter.config
    if c.kv_heads != c.heads:
        raise ValueError("a first layer that looks back needs a key-value head for every query head")
    half = c.head_dimension // 2
    speeds = c.rope_base ** (-torch.arange(half, dtype=torch.float32, device=fused.device) / half)
    size = torch.where(speeds > 0.2, 1.0, 0.02)
    ahead = torch.cat([size * speeds.cos(), size * speeds.sin()])  # Rotated by one position, as the query is.
    for weight, direction, vector in (
        (layer.attn_q, drafter.draft_embd.mean(0), torch.cat([size, torch.zeros_like(size)])),
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


@torch.no_grad()
def open_gate(drafter: Drafter, verifier: Verifier, sample: list[Tensor]) -> None:
    """Makes a selector of a Markov head: its gate is as nearly 1 as a linear map of the final states can be."""
    c, states = drafter.config, []
    for tokens in sample:
        context = drafter.inject(verifier.forward(tokens, c.taps).taps)
        anchors = torch.arange(1, tokens.shape[1] - c.block, 5, device=tokens.device).expand(len(tokens), -1)
        slots = torch.full((*anchors.shape, c.block), c.mask_token, device=tokens.device)
        slots[..., 0] = tokens.gather(1, anchors)
        states.append(drafter(slots, anchors, context).flatten(0, 2).float())
    x = torch.cat(states).double()
    square = x.t() @ x
    square.diagonal().add_(1e-3 * square.diagonal().mean())
    drafter.selector_hidden.copy_(torch.linalg.solve(square, x.sum(0)).float().expand(c.rank, -1))


def ridge(inputs: Tensor, outputs: Tensor, strength: float = 0.01) -> Tensor:
    """The weights [inputs + 1, outputs] of a ridge regression, the intercept last."""
    scale = inputs.std(0) + 1e-3
    x = F.pad((inputs / scale).double(), (0, 1), value=1.0)
    square = x.t() @ x
    square.diagonal().add_(strength * len(x))
    solution = torch.linalg.solve(square, x.t() @ outputs.double()).float()
    return torch.cat([solution[:-1] / scale.unsqueeze(1), solution[-1:]])
