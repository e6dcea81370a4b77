"""Makes GGUF files with random weights in the shapes of models that people run, to time what speed depends on.

    Benchmarks/.build/peer/bin/python Benchmarks/random_models.py --tools FOLDER --output FOLDER [--shapes …] [--types …]

Speed depends on shapes and tensor types, not on what the weights say. llama.cpp's own `llama-quantize` (in `--tools`)
chooses the types of a mix such as Q4_K_M. The vocabulary has the model's size, and hardly any but bytes as its real tokens.
"""

from __future__ import annotations

import argparse
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np


@dataclass
class Shape:
    architecture: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head: int
    feed_forward: int
    vocabulary: int
    rope_base: float
    context: int


SHAPES = {
    "llama-1b": Shape("llama", 16, 2048, 32, 8, 64, 8192, 128256, 5e5, 131072),
    "qwen3-0.6b": Shape("qwen3", 28, 1024, 16, 8, 128, 3072, 151936, 1e6, 40960),
    "qwen3-1.7b": Shape("qwen3", 28, 2048, 16, 8, 128, 6144, 151936, 1e6, 40960),
    "qwen3-4b": Shape("qwen3", 36, 2560, 32, 8, 128, 9728, 151936, 1e6, 40960),
}
TYPES = ["Q4_K_M", "Q4_0"]


def byte_alphabet() -> list[str]:
    """The 256 characters that stand for bytes in a byte-level vocabulary (Radford et al. 2019)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def tensors(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Every tensor's shape, rows first."""
    s = shape
    out: dict[str, tuple[int, ...]] = {"token_embd.weight": (s.vocabulary, s.hidden), "output_norm.weight": (s.hidden,)}
    for layer in range(s.layers):
        parts = {
            "attn_norm": (s.hidden,), "ffn_norm": (s.hidden,),
            "attn_q": (s.heads * s.head, s.hidden), "attn_k": (s.kv_heads * s.head, s.hidden),
            "attn_v": (s.kv_heads * s.head, s.hidden), "attn_output": (s.hidden, s.heads * s.head),
            "ffn_gate": (s.feed_forward, s.hidden), "ffn_up": (s.feed_forward, s.hidden),
            "ffn_down": (s.hidden, s.feed_forward),
        }  # fmt: skip
        if s.architecture == "qwen3":
            parts |= {"attn_q_norm": (s.head,), "attn_k_norm": (s.head,)}
        out |= {f"blk.{layer}.{name}.weight": size for name, size in parts.items()}
    return out


def write_random(name: str, shape: Shape, path: Path) -> None:
    """The model in 16-bit floats."""
    rng = np.random.default_rng(1)
    writer = gguf.GGUFWriter(path, shape.architecture)
    writer.add_name(name)
    writer.add_block_count(shape.layers)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.hidden)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head)
    writer.add_value_length(shape.head)
    writer.add_rope_dimension_count(shape.head)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2" if shape.architecture == "qwen3" else "llama-bpe")
    tokens = [*byte_alphabet(), "ab", *(f"<|{index}|>" for index in range(257, shape.vocabulary))]
    kinds = [gguf.TokenType.NORMAL] * 257 + [gguf.TokenType.CONTROL] * (shape.vocabulary - 257)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(["a b"])  # An empty list would not be written.
    writer.add_bos_token_id(shape.vocabulary - 2)
    writer.add_eos_token_id(shape.vocabulary - 1)
    writer.add_add_bos_token(False)
    sizes = tensors(shape)
    for tensor, size in sizes.items():
        kind = np.float16 if len(size) == 2 else np.float32
        writer.add_tensor_info(tensor, size, np.dtype(kind), int(np.prod(size)) * np.dtype(kind).itemsize)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for size in sizes.values():
        if len(size) == 1:
            values = np.ones(size, np.float32)
        else:
            values = (rng.standard_normal(size, np.float32) / np.float32(np.sqrt(size[1]))).astype(np.float16)
        writer.write_tensor_data(values)
    writer.close()


def make(name: str, kinds: list[str], tools: Path, folder: Path) -> dict[str, Path]:
    """The files of one shape, by type; what is there already is not made again."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {kind: folder / f"{name}.{kind}.gguf" for kind in kinds}
    missing = [kind for kind in kinds if not paths[kind].exists()]
    if not missing:
        return paths
    whole = folder / f"{name}.F16.part"
    write_random(name, SHAPES[name], whole)
    environment = os.environ | {"LD_LIBRARY_PATH": str(tools)}
    for kind in missing:
        part = paths[kind].with_suffix(".part")
        command = [tools / "llama-quantize", whole, part, kind]
        subprocess.run(command, check=True, capture_output=True, env=environment)
        part.rename(paths[kind])
    whole.unlink()
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", type=Path, required=True, help="folder of llama-quantize")
    parser.add_argument("--output", type=Path, required=True, help="folder of the files")
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=["llama-1b", "qwen3-0.6b"])
    parser.add_argument("--types", nargs="+", default=TYPES, help="as llama-quantize names them")
    options = parser.parse_args()
    for name in options.shapes:
        for path in make(name, options.types, options.tools, options.output).values():
            print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
