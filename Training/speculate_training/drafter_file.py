"""A trained drafter as a file: a training checkpoint (.pt) or GGUF in llama.cpp's `dflash` architecture."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFValueType

from .checkpoint import Checkpoint, CheckpointError, fingerprint
from .drafter import Drafter, DrafterConfig
from .drafting import SCHEDULES
from .formats import format_of, is_matrix
from .verifier import Verifier

#: Parameters that a file keeps under another name than the module's.
_NAMES = {
    "conf_proj_bias": "conf_proj.bias",
    "enc_output_norm": "enc.output_norm.weight",
    "draft_embd": "speculate.draft_embd.weight",
    "embd_proj": "speculate.embd_proj.weight",
    "embd_proj_bias": "speculate.embd_proj.bias",
    "mask_embd": "speculate.mask_embd.weight",
    # Of the laboratory's processes:
    "state_here": "speculate.state_here.weight",
    "state_own": "speculate.state_own.weight",
    "time": "speculate.time.weight",
    "rounding": "speculate.rounding.weight",
    "score_mass": "speculate.score_mass.weight",
}


#: What a selector's tables are called, which are a Markov head's but for the gate.
_SELECTOR = {"markov_w1": "selector_predecessor.weight", "markov_w2": "selector_successor.weight"}


def tensor_name(parameter: str, config: DrafterConfig) -> str:
    """`blk.0.attn_q` → `blk.0.attn_q.weight`."""
    if config.candidates and parameter in _SELECTOR:
        return _SELECTOR[parameter]
    if parameter.endswith("_conv_base"):
        return parameter
    return _NAMES.get(parameter, f"{parameter}.weight")


def load(path: Path, verifier: Verifier, checkpoint: Checkpoint) -> Drafter:
    """The drafter of a file, with float weights, ready for its verifier.

    Raises `CheckpointError` when the file was made for another verifier.
    """
    drafter = read(path, verifier, checkpoint)
    drafter.fold()
    return drafter.eval()


def read(path: Path, verifier: Verifier, checkpoint: Checkpoint) -> Drafter:
    """As `load`, to be trained further: a checkpoint's taps keep their scale."""
    if path.suffix == ".pt":
        state = torch.load(path, map_location="cpu", weights_only=True)
        config, d2t, made_for = DrafterConfig.from_dict(state["config"]), state["d2t"], state["fingerprint"]
    else:
        file = Checkpoint(path)
        config, d2t, made_for = read_config(file), file.tensor("d2t").long().tolist(), file.value(FINGERPRINT)
        if (process := file.value(PROCESS, "absorbing")) != "absorbing":
            raise CheckpointError(f"{path}: {PROCESS} is '{process}', expected 'absorbing' outside the laboratory")
    if made_for != fingerprint(checkpoint):
        raise CheckpointError(f"{path}: made for a verifier with fingerprint {made_for}, not {fingerprint(checkpoint)}")
    drafter = Drafter(config, torch.tensor(d2t), verifier.embedding.cpu(), verifier.dtype)
    if path.suffix == ".pt":
        drafter.load_state_dict(state["average"] | {"tap_scale": state["drafter"]["tap_scale"]})
    else:
        fill(drafter, file)
    return drafter.to(verifier.device)


def fill(drafter: Drafter, file: Checkpoint) -> None:
    """Takes the parameters from a file made of such a drafter."""
    named = drafter.named_parameters()
    parameters = {name: file.tensor(tensor_name(name, drafter.config)).reshape(p.shape) for name, p in named}
    drafter.load_state_dict(parameters | {"tap_scale": drafter.tap_scale})


FINGERPRINT = "speculate.verifier.fingerprint"
PROCESS = "speculate.process"


def read_config(file: Checkpoint) -> DrafterConfig:
    d = "dflash."
    heads = int(file.value(d + "attention.head_count"))
    candidates = int(file.value(d + "selector_top_k", 0))
    rank = file.tensors[_SELECTOR["markov_w1"] if candidates else "markov_w1.weight"].shape[0]
    return DrafterConfig(
        hidden=int(file.value(d + "embedding_length")),
        feed_forward=int(file.value(d + "feed_forward_length")),
        heads=heads,
        kv_heads=int(file.value(d + "attention.head_count_kv")),
        head_dimension=int(file.value(d + "attention.key_length")),
        vocabulary=len(file.value("tokenizer.ggml.tokens")),
        draft_vocabulary=int(file.tensors["d2t"].shape[0]),
        epsilon=float(file.value(d + "attention.layer_norm_rms_epsilon")),
        rope_base=float(file.value(d + "rope.freq_base")),
        context=int(file.value(d + "context_length")),
        layers=int(file.value(d + "block_count")),
        taps=tuple(int(tap) for tap in file.value(d + "target_layers")),
        block=int(file.value(d + "block_size")),
        window=int(file.value(d + "attention.sliding_window")),
        rank=int(rank),
        mask_token=int(file.value("tokenizer.ggml.mask_token_id")),
        groups=int(file.value(d + "conv_group_size", 0)),
        candidates=candidates,
    )


def write(
    path: Path, drafter: Drafter, verifier: Checkpoint, body: GGMLQuantizationType, embedding: GGMLQuantizationType,
    about: dict[str, str], extras: bool = True, texts: dict[str, str] | None = None,
    indices: dict[str, np.ndarray] | None = None,
) -> None:  # fmt: skip
    """Writes beside and renames. `body` and `embedding` are the formats of the matrices (see `format_of`); `about`
    are `general.` texts. `extras`: the keys and tensors under `speculate.` that only our engine reads; without them the
    file has the whole embedding instead, for llama.cpp. `texts` and `indices` are further keys and tensors.

    Raises `CheckpointError` where the file's reader could not run the drafter.
    """
    c = drafter.config
    if c.early:
        raise CheckpointError(f"{path}: made with --early, and the engine does not run the verifier before a draft")
    if c.guess:
        raise CheckpointError(f"{path}: made with --guess, and the engine's passes do not tell each other guesses")
    if not extras and (c.groups or c.candidates):
        raise CheckpointError(f"{path}: llama.cpp has no convolutions or selector for blocks that begin at the anchor")
    beside = path.with_suffix(".tmp")
    writer = gguf.GGUFWriter(str(beside), "dflash")
    for key, text in ({f"general.{key}": text for key, text in about.items()} | (texts or {})).items():
        writer.add_string(key, text)
    writer.add_file_type(int(gguf.LlamaFileType.GUESSED))
    numbers = {
        "block_count": c.layers, "context_length": c.context, "embedding_length": c.hidden,
        "feed_forward_length": c.feed_forward, "attention.head_count": c.heads, "attention.head_count_kv": c.kv_heads,
        "attention.key_length": c.head_dimension, "attention.value_length": c.head_dimension,
        "rope.dimension_count": c.head_dimension, "block_size": c.block, "attention.sliding_window": c.window,
        "vocab_size": c.vocabulary,
    }  # fmt: skip
    if c.groups:
        numbers |= {"conv_kernel_size": 2, "conv_group_size": c.groups}
    if c.candidates:
        numbers |= {"selector_rank": c.rank, "selector_top_k": c.candidates}
    for key, value in numbers.items():
        writer.add_uint32(f"dflash.{key}", value)
    writer.add_array("dflash.attention.sliding_window_pattern", [True] * c.layers)
    writer.add_float32("dflash.attention.layer_norm_rms_epsilon", c.epsilon)
    writer.add_float32("dflash.rope.freq_base", c.rope_base)
    writer.add_array("dflash.target_layers", list(c.taps))
    writer.add_bool("dflash.sample_from_anchor", True)
    writer.add_bool("dflash.has_confidence_head", True)
    if extras:
        writer.add_string(FINGERPRINT, fingerprint(verifier))
        for passes, schedule in SCHEDULES.items():
            if schedule:
                writer.add_array(f"speculate.schedule.{passes}", list(schedule))
    for key, (value, kind, inner) in verifier.tokenizer_fields().items():
        add_field(writer, key, value, kind, inner)
    writer.add_uint32("tokenizer.ggml.mask_token_id", c.mask_token)
    writer.add_tensor("d2t", drafter.d2t.cpu().numpy().astype(np.int64))
    for name, values in (indices or {}).items():
        writer.add_tensor(name, values)
    for name, parameter in drafter.named_parameters():
        if not extras and tensor_name(name, c).startswith("speculate."):
            continue
        values = parameter.detach().float().cpu().numpy()
        type_ = format_of(name, body, embedding) if is_matrix(name, parameter) else GGMLQuantizationType.F32
        writer.add_tensor(tensor_name(name, c), gguf.quantize(values, type_), raw_dtype=type_)
    if not extras:
        with torch.no_grad():
            table = drafter.embed(torch.arange(c.vocabulary, device=drafter.d2t.device)).float().cpu().numpy()
        type_ = GGMLQuantizationType.Q8_0
        writer.add_tensor("token_embd.weight", gguf.quantize(table, type_), raw_dtype=type_)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(beside, path)


def add_field(writer: gguf.GGUFWriter, key: str, value: Any, kind: GGUFValueType, inner: GGUFValueType | None) -> None:
    if kind == GGUFValueType.ARRAY:
        writer.add_key_value(key, value, kind, sub_type=inner)
    else:
        writer.add_key_value(key, value, kind)
