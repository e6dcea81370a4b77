"""A GGUF file: its numbers as float tensors, its settings, and what ties a drafter to it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, dequantize


class CheckpointError(Exception):
    """A file that is not what its reader needs. The message names the file, the key and what was expected."""


class Checkpoint:
    """Reads a GGUF v3 file. Tensors come as float32 (indices as integers), rows outermost, as PyTorch has them."""

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        try:
            self.reader = GGUFReader(self.path)
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise CheckpointError(f"{path}: not a GGUF file that can be read: {error}") from error
        self.tensors = {tensor.name: tensor for tensor in self.reader.tensors}

    def value(self, key: str, default: Any = None) -> Any:
        """A key's value; without a default the key must be there."""
        field = self.reader.fields.get(key)
        if field is None:
            if default is not None:
                return default
            raise CheckpointError(f"{self.path}: has no key '{key}'")
        return field.contents()

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def tensor(self, name: str) -> torch.Tensor:
        if name not in self.tensors:
            raise CheckpointError(f"{self.path}: has no tensor '{name}'")
        tensor = self.tensors[name]
        is_index = tensor.tensor_type in (GGMLQuantizationType.I64, GGMLQuantizationType.I32)
        numbers = np.asarray(tensor.data if is_index else dequantize(tensor.data, tensor.tensor_type))
        shape = [int(size) for size in reversed(tensor.shape)]
        return torch.from_numpy(numbers.reshape(shape).astype(numbers.dtype, copy=True))

    def tokenizer_fields(self) -> dict[str, tuple[Any, GGUFValueType, GGUFValueType | None]]:
        """All keys under `tokenizer.`, for copying into a drafter's file."""
        fields = {}
        for key, field in self.reader.fields.items():
            if key.startswith("tokenizer."):
                inner = field.types[1] if len(field.types) > 1 else None
                fields[key] = (field.contents(), field.types[0], inner)
        return fields


def fnv1a(data: bytes, start: int = 0xCBF29CE484222325) -> int:
    """The 64-bit FNV-1a hash."""
    value = start
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def fingerprint(checkpoint: Checkpoint) -> str:
    """Names a verifier's weights, the same for every quantisation of them: a hash of all norm weights, which files
    keep as 32-bit floats. Order: final norm, then each layer's attention and feed-forward norm."""
    layers = int(checkpoint.value(f"{checkpoint.value('general.architecture')}.block_count"))
    names = ["output_norm.weight"]
    for index in range(layers):
        names += [f"blk.{index}.attn_norm.weight", f"blk.{index}.ffn_norm.weight"]
    value = fnv1a(b"")
    for name in names:
        numbers = checkpoint.tensor(name).flatten().tolist()
        value = fnv1a(struct.pack(f"<{len(numbers)}f", *numbers), value)
    return f"{value:016x}"
