"""Makes the golden files of the tests with independent implementations.

    python3 -m venv .venv && .venv/bin/pip install -r Tests/Fixtures/requirements.txt
    .venv/bin/python Tests/Fixtures/make.py MODEL.gguf

Token ids come from the Hugging Face `tokenizers` library, logits from `transformers` in float32, and dequantised
blocks from `gguf`. MODEL.gguf is the default verifier, as `make model` fetches it.
"""

from __future__ import annotations

import json
import random
import struct
import sys
import unicodedata
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Q
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM

import make_families

HERE = Path(__file__).parent
LLAMA = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
POSITIONS = 2049  # Tokens of prose, of which all but the last predict one.
TOP = 64  # Log-probabilities stored a position.


# ------------------------------------------------------------------------------------------------ tokenizer


def tokenizer(vocabulary: list[str], merges: list[str], kind: str) -> Tokenizer:
    """The library's own byte-level BPE over the checkpoint's vocabulary, cut as model family `kind` cuts."""
    pairs = [tuple(merge.split(" ")) for merge in merges]
    ids = {token: index for index, token in enumerate(vocabulary)}
    tok = Tokenizer(models.BPE(vocab=ids, merges=pairs, ignore_merges=kind == "llama-bpe"))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=kind in ("gpt-2", "smollm"))
    before = {
        "gpt-2": [],
        "smollm": [pre_tokenizers.Digits(individual_digits=True)],
        "llama-bpe": [pre_tokenizers.Split(Regex(LLAMA), "isolated")],
        "qwen2": [pre_tokenizers.Split(Regex(LLAMA.replace(r"\p{N}{1,3}", r"\p{N}")), "isolated")],
    }[kind]
    tok.pre_tokenizer = pre_tokenizers.Sequence([*before, byte_level])
    tok.decoder = decoders.ByteLevel()
    return tok


def scalar(rng: random.Random) -> str:
    """A random assigned character: libraries know different Unicode versions, but all know these."""
    while True:
        plane = rng.choice([0x100, 0x800, 0x3000, 0x10000, 0x20000, 0x110000])
        character = chr(rng.randrange(plane))
        if unicodedata.category(character) not in ("Cn", "Cs"):
            return character


def strings(prose: str) -> list[str]:
    rng = random.Random(1)
    out: list[str] = [
        "", " ", "  ", "\n", "\r\n", "\t", "a", "'", "''", "'s", "'S", "'ſ", "don't", "DON'T", "we'Ll 've", "x'y",
        "3.14159", "1234567", "٣٤٥", "Ⅻ½²", " 12 345", "a1b2", "  1", "end  ", "end \n", " \n \n", "\n\n  x", "\u00a0x",
        "\u3000\u3000字", "日本語のテキスト", "漢字かな交じり文。", "العربية لغة", "עברית", "हिन्दी", "ไทย", "한국어", "👩‍👩‍👧‍👦",
        "🏳️‍🌈!", "é", "e\u0301", "a\u0300\u0301\u0302b", "\x00\x01\x04\x06\x7f", "!\x04=", "<|im_start|>", "\ufeffBOM", "\u200b",
        "def f(x):\n    return x + 1\n", "for (int i = 0; i < n; ++i) {\n\t\ta[i] = 0;\n}\n", "https://example.org/?q=1&r=2",
        "$\\frac{a}{b}$", "   leading", "trailing   ", "\t\ttabs\t", "a\u2028b\u2029c", "a\u0085b", "\x1c\x1d\x1e\x1f x",
    ]
    words = prose.split()
    symbols = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
    code = ["self", "return", "if", "else:", "0x1F", "->", "==", "!=", "    ", "\t", "\n", "//", "/*", "*/", "{", "}", "();", "i++"]
    spaces = [" ", "  ", "\n", "\n\n", "\t", "\r\n", "\r", "\u00a0", "\u2003", "\u3000", "\v", "\f", "\x85"]
    scripts = ["のはがをに漢字東京語", "العربيةمنفي", "한국어입니다", "приветмир", "ελληνικά", "ไทยภาษา", "हिन्दीमें", "עבריתשלום"]
    emoji = ["👍", "👍🏽", "👩‍💻", "🇫🇷", "🧑🏿‍🚀", "❤️", "☕", "🏴‍☠️", "1️⃣"]
    marks = ["\u0301", "\u0308", "\u20dd", "\u0e31", "\u093f", "\ufe0f", "\u200d"]
    while len(out) < 5200:
        kind = rng.randrange(10)
        n = rng.randrange(1, 16)
        if kind == 0:
            start = rng.randrange(len(words) - 30)
            text = " ".join(words[start : start + n * 2])
        elif kind == 1:
            text = "".join(rng.choice(code + words[:200]) + rng.choice(["", " "]) for _ in range(n))
        elif kind == 2:
            text = "".join(rng.choice(["", " ", ",", ".", "-"]) + str(rng.randrange(10 ** rng.randrange(1, 9))) for _ in range(n))
        elif kind == 3:
            text = "".join("".join(rng.choices(rng.choice(scripts), k=rng.randrange(1, 6))) + rng.choice(["", " ", "。"]) for _ in range(n))
        elif kind == 4:
            text = "".join(rng.choice(emoji + [" ", "ok"]) for _ in range(n))
        elif kind == 5:
            text = "".join(rng.choice(words)[:4] + rng.choice(marks) * rng.randrange(3) for _ in range(n))
        elif kind == 6:
            text = "".join(rng.choice(spaces) * rng.randrange(4) + rng.choice(["", "x", "Word", "7", "'", "."]) for _ in range(n))
        elif kind == 7:
            text = "".join(scalar(rng) for _ in range(n))
        elif kind == 8:
            text = bytes(rng.randrange(256) for _ in range(n * 2)).decode("latin-1")
        else:
            text = "".join(rng.choice([rng.choice(symbols), rng.choice(words), rng.choice(spaces), "'s", "'RE", "'ll"]) for _ in range(n))
        out.append(text)
    out += [" " * n for n in range(2, 70, 7)] + ["\n" * n for n in range(2, 40, 5)] + ["ab" * 300, "=" * 500, "é" * 200]
    return out


def make_tokenizer(reader: gguf.GGUFReader, prose: str) -> None:
    vocabulary = reader.get_field("tokenizer.ggml.tokens").contents()
    merges = reader.get_field("tokenizer.ggml.merges").contents()
    kinds = ["smollm", "gpt-2", "llama-bpe", "qwen2"]
    tokenizers = {kind: tokenizer(vocabulary, merges, kind) for kind in kinds}
    with (HERE / "tokenizer.jsonl").open("w") as file:
        for text in strings(prose):
            ids = {kind: tokenizers[kind].encode(text).ids for kind in kinds}
            row: dict[str, object] = {"text": text, "smollm": ids["smollm"]}
            row |= {kind: ids[kind] for kind in kinds[1:] if ids[kind] != ids["smollm"]}
            file.write(json.dumps(row, separators=(",", ":")) + "\n")


# ------------------------------------------------------------------------------------------------ verifier


def rounded(x: torch.Tensor) -> torch.Tensor:
    """Activations as the engine rounds them for its products: 8 bits, one scale for each 32."""
    groups = x.reshape(-1, 32)
    scale = groups.abs().amax(-1, keepdim=True) / 127
    return torch.where(scale > 0, (groups / scale).round() * scale, groups).reshape(x.shape)


def make_verifier(path: Path, prose: str, reader: gguf.GGUFReader) -> None:
    """The model's distribution on prose, twice: in floats throughout, and with products' inputs rounded to 8 bits.

    int32 count, top; then per position int32 token and for each distribution float32 log-probability of the next token
    and top × (int32, float32).
    """
    vocabulary = reader.get_field("tokenizer.ggml.tokens").contents()
    merges = reader.get_field("tokenizer.ggml.merges").contents()
    ids = tokenizer(vocabulary, merges, "smollm").encode(prose).ids[:POSITIONS]
    assert len(ids) == POSITIONS
    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    distributions = []
    with torch.no_grad():
        distributions.append(torch.log_softmax(model(torch.tensor([ids])).logits[0].double(), dim=-1))
        for module in model.modules():
            if isinstance(module, torch.nn.Linear):
                module.register_forward_pre_hook(lambda _, inputs: (rounded(inputs[0]),))
        distributions.append(torch.log_softmax(model(torch.tensor([ids])).logits[0].double(), dim=-1))
    best = [distribution.topk(TOP, dim=-1) for distribution in distributions]
    with (HERE / "verifier.bin").open("wb") as file:
        file.write(struct.pack("<ii", POSITIONS, TOP))
        for position, token in enumerate(ids):
            file.write(struct.pack("<i", token))
            for distribution, likeliest in zip(distributions, best, strict=True):
                following = distribution[position, ids[position + 1]].item() if position + 1 < POSITIONS else 0.0
                file.write(struct.pack("<f", following))
                file.write(likeliest.indices[position].numpy().astype("<i4").tobytes())
                file.write(likeliest.values[position].numpy().astype("<f4").tobytes())


# ------------------------------------------------------------------------------------------------ blocks


def make_quants() -> None:
    """Per type: int32 type, byte count and weight count; random blocks; what `gguf` makes of them, as float32."""
    rng = np.random.default_rng(1)
    with (HERE / "blocks.bin").open("wb") as file:
        kinds = [Q.F16, Q.BF16, Q.Q4_0, Q.Q4_1, Q.Q5_0, Q.Q5_1, Q.Q8_0, Q.Q4_K, Q.Q5_K, Q.Q6_K]
        for kind in kinds + [Q.Q2_K, Q.Q3_K, Q.IQ4_NL, Q.IQ4_XS]:
            size, bytes_ = gguf.GGML_QUANT_SIZES[kind]
            blocks = 512 // size * 3
            raw = rng.integers(0, 256, (blocks, bytes_), dtype=np.uint8)
            half = lambda: (rng.random(blocks) * 0.1).astype("<f2").view(np.uint8).reshape(blocks, 2)  # noqa: E731
            if kind in (Q.F16, Q.BF16):
                raw = rng.normal(size=(blocks, 1)).astype("<f4")
                raw = raw.astype("<f2").view(np.uint8) if kind == Q.F16 else raw.view(np.uint8)[:, 2:]
                raw = np.ascontiguousarray(raw)
            else:
                scale = {Q.Q2_K: 80, Q.Q3_K: 108, Q.Q6_K: 208}.get(kind, 0)
                raw[:, scale : scale + 2] = half()
                if kind in (Q.Q4_1, Q.Q5_1, Q.Q2_K, Q.Q4_K, Q.Q5_K):
                    raw[:, scale + 2 : scale + 4] = half()
            values = gguf.dequantize(raw.reshape(3, -1), kind).astype("<f4")
            file.write(struct.pack("<iii", kind.value, raw.size, values.size) + raw.tobytes() + values.tobytes())


if __name__ == "__main__":
    model_path = Path(sys.argv[1])
    gguf_reader = gguf.GGUFReader(model_path)
    fixture_prose = (HERE / "prose.txt").read_text()
    make_tokenizer(gguf_reader, fixture_prose)
    make_verifier(model_path, fixture_prose, gguf_reader)
    make_families.make()
    make_quants()
