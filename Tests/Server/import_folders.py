"""Folders as the Hugging Face libraries keep a model: tiny, with weights that depend on their names alone.

`Tests/Fixtures/make_import.py` hands the same folders to llama.cpp's converter.
"""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

TEMPLATE = "{% for message in messages %}{{ '<|im_start|>' + message['role'] }}{% endfor %}"
SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
WORDS = ["th", "the", "in", "er", "an", "and", "on", "he", "ing", "of"]
SPACE = "\u2581"

# ------------------------------------------------------------------------------------------------ weights


# The upper halves of BF16 numbers: a sign, and sizes from 2⁻⁹ to 2⁻³.
UPPER = bytes(byte & 0x80 | 59 + byte % 3 for byte in range(256))


def stored(name: str, shape: list[int], dtype: str) -> bytes:
    """The tensor's weights: BF16 values, which F16 and F32 hold too."""
    count = 1
    for size in shape:
        count *= size
    noise = hashlib.shake_256(name.encode()).digest(2 * count)
    words = bytearray(4 * count)
    words[2::4], words[3::4] = noise[:count], noise[count:].translate(UPPER)
    if dtype == "F32":
        return bytes(words)
    if dtype == "F16":
        return struct.pack(f"<{count}e", *struct.unpack(f"<{count}f", words))
    bits = bytearray(2 * count)
    bits[0::2], bits[1::2] = words[2::4], words[3::4]
    return bytes(bits)


def safetensors(tensors: dict[str, tuple[str, list[int], bytes]]) -> bytes:
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def shapes(config: dict) -> dict[str, list[int]]:
    """The tensors of the library's class."""
    hidden, inner, kind = config["hidden_size"], config["intermediate_size"], config["model_type"]
    head = config.get("head_dim") or hidden // config["num_attention_heads"]
    queries, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    found = {"model.embed_tokens.weight": [config["vocab_size"], hidden]}
    for layer in range(config["num_hidden_layers"]):
        inside = {
            "self_attn.q_proj": [queries, hidden], "self_attn.k_proj": [keys, hidden], "self_attn.v_proj": [keys, hidden],
            "self_attn.o_proj": [hidden, queries], "mlp.gate_proj": [inner, hidden], "mlp.up_proj": [inner, hidden],
            "mlp.down_proj": [hidden, inner], "input_layernorm": [hidden], "post_attention_layernorm": [hidden],
        }  # fmt: skip
        if kind in ("qwen3", "gemma3_text"):
            inside |= {"self_attn.q_norm": [head], "self_attn.k_norm": [head]}
        if kind == "gemma3_text":
            inside |= {"pre_feedforward_layernorm": [hidden], "post_feedforward_layernorm": [hidden]}
        for name, shape in inside.items():
            found[f"model.layers.{layer}.{name}.weight"] = shape
            biased = kind == "qwen2" and name[-6:-5] in "qkv" and "attn" in name
            if biased and "o_proj" not in name or config.get("attention_bias") and "_proj" in name and "attn" in name:
                found[f"model.layers.{layer}.{name}.bias"] = shape[:1]
    found["model.norm.weight"] = [hidden]
    if not config["tie_word_embeddings"]:
        found["lm_head.weight"] = [config["vocab_size"], hidden]
    return found


# ------------------------------------------------------------------------------------------------ tokenizers


def alphabet() -> list[str]:
    """GPT-2's spelling of the bytes, in the order of its vocabularies."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(256 - len(printable))]


def added(id: int, text: str, special: bool) -> dict:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": id, "content": text, **flags, "special": special}


def byte_level(kind: str) -> tuple[dict, dict]:
    """tokenizer.json and tokenizer_config.json."""
    vocab, merges = {text: id for id, text in enumerate(alphabet())}, []
    for word in WORDS:
        merges.append([word[:-1], word[-1]] if word[:-1] in vocab else [word[0], word[1:]])
        vocab[word] = len(vocab)
    begin, end, tool = len(vocab), len(vocab) + 1, len(vocab) + 2
    llama = kind == "llama"
    names = ["<|begin_of_text|>", "<|eot_id|>"] if llama else ["<|endoftext|>", "<|im_end|>"]
    tokens = [added(begin, names[0], True), added(end, names[1], True), added(tool, "<tool_call>", False)]
    split = {"type": "Split", "pattern": {"Regex": SPLIT % ("{1,3}" if llama else "")}, "behavior": "Isolated", "invert": False}
    bytes_ = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    ends = [{"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}]
    if llama:
        part = {"Sequence": {"id": "A", "type_id": 0}}
        first = {"SpecialToken": {"id": names[0], "type_id": 0}}
        special = {names[0]: {"id": names[0], "ids": [begin], "tokens": [names[0]]}}
        pair = [first, part, first, {"Sequence": {"id": "B", "type_id": 1}}]
        ends.append({"type": "TemplateProcessing", "single": [first, part], "pair": pair, "special_tokens": special})
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": tokens,
        "normalizer": None if llama else {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, bytes_]},
        "post_processor": {"type": "Sequence", "processors": ends} if llama else ends[0],
        "decoder": bytes_ | {"use_regex": True},
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
            "fuse_unk": False, "byte_fallback": False, "ignore_merges": llama, "vocab": vocab, "merges": merges,
        },
    }  # fmt: skip
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": names[1], "chat_template": TEMPLATE}
    settings |= {"bos_token": names[0]} if llama else {"bos_token": None, "pad_token": names[0], "add_bos_token": False}
    return tokenizer, settings


def field(number: int, kind: int, content: bytes) -> bytes:
    """A field of a protocol buffer."""
    return bytes([number << 3 | kind]) + content


def chunk(number: int, content: bytes) -> bytes:
    size, head = len(content), b""
    while size > 127:
        head, size = head + bytes([size & 127 | 128]), size >> 7
    return field(number, 2, head + bytes([size]) + content)


def spaces(prefix: bool) -> str:
    """A token that is matched before anything else: of spaces where no text gets one before its first word."""
    return "<sep>" if prefix else SPACE * 2


def pieces(prefix: bool) -> list[tuple[str, float, int]]:
    """Gemma's way: control tokens, bytes, what merges make in its order, characters."""
    found = [("<pad>", 0.0, 3), ("<eos>", 0.0, 3), ("<bos>", 0.0, 3), ("<unk>", 0.0, 2), ("<mask>", 0.0, 4)]
    found += [("<start_of_turn>", 0.0, 4), ("<end_of_turn>", 0.0, 4), ("\n\n", 0.0, 4), (spaces(prefix), 0.0, 4)]
    found += [(f"<0x{byte:02X}>", 0.0, 6) for byte in range(256)]
    merged = [SPACE + "t", *WORDS, SPACE + "the", "é\u0301t"]
    found += [(text, -float(rank), 1) for rank, text in enumerate(merged)]
    letters = [SPACE, *"abcdefghijklmnopqrstuvwxyzABC.,!?é\u0301"]
    return found + [(text, -1000.0 - index, 1) for index, text in enumerate(letters)]


def sentence_piece(*, dummy: bool, rule: int = 2) -> bytes:
    """tokenizer.model."""
    model = b""
    for text, score, kind in pieces(dummy):
        content = chunk(1, text.encode()) + field(2, 5, struct.pack("<f", score))
        model += chunk(1, content + (field(3, 0, bytes([kind])) if kind != 1 else b""))
    # The kind of model, and that it has tokens for single bytes (field 35).
    model += chunk(2, field(3, 0, bytes([rule])) + b"\x98\x02\x01")
    spaces = field(3, 0, bytes([dummy])) + field(4, 0, b"\x00") + field(5, 0, b"\x01")
    return model + chunk(3, chunk(1, b"identity") + spaces)


def sentence_json(*, prefix: bool) -> tuple[dict, dict]:
    """The same as tokenizer.json, and tokenizer_config.json."""
    vocab = {text: id for id, (text, _, _) in enumerate(pieces(prefix))}
    merges = []
    for text, score, kind in pieces(prefix):
        cuts = [[text[:cut], text[cut:]] for cut in range(1, len(text))] if kind == 1 else []
        merges += [pair for pair in cuts if all(vocab.get(half, -1) > 264 for half in pair)]
    # As in Gemma, two spaces are a token by a merge as well.
    merges += [] if prefix else [[SPACE, SPACE]]
    controls = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
    tokens = [added(vocab[text], text, True) for text in controls]
    tokens += [added(vocab[text], text, False) for text in ("<mask>", "\n\n", spaces(prefix))]
    tokens.sort(key=lambda token: token["id"])
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
    first, part = {"SpecialToken": {"id": "<bos>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}
    special = {"<bos>": {"id": "<bos>", "ids": [vocab["<bos>"]], "tokens": ["<bos>"]}}
    pair = [first, part, first, {"Sequence": {"id": "B", "type_id": 1}}]
    normalizers = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": SPACE}, replace]}
    decoders = [replace | {"pattern": {"String": SPACE}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": tokens,
        "normalizer": normalizers if prefix else replace, "pre_tokenizer": None,
        "post_processor": {"type": "TemplateProcessing", "single": [first, part], "pair": pair, "special_tokens": special},
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": {
            "type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False, "vocab": vocab,
            "merges": merges,
        },
    }  # fmt: skip
    decoder = {str(token["id"]): {key: value for key, value in token.items() if key != "id"} for token in tokens}
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<bos>", "eos_token": added(0, "<eos>", True) | {"__type": "AddedToken"},
        "unk_token": "<unk>", "pad_token": "<pad>", "add_bos_token": True, "add_eos_token": False,
        "added_tokens_decoder": decoder, "chat_template": [{"name": "default", "template": TEMPLATE}],
    }  # fmt: skip
    return tokenizer, settings


# ------------------------------------------------------------------------------------------------ folders

SIZES = {
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 500000.0,
    "tie_word_embeddings": True, "attention_bias": False,
}  # fmt: skip
LLAMA = SIZES | {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "head_dim": 16, "hidden_act": "silu", "mlp_bias": False}
LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64, "rope_type": "llama3"}
GEMMA = {
    "architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", "head_dim": 32, "num_hidden_layers": 7,
    "hidden_activation": "gelu_pytorch_tanh", "query_pre_attn_scalar": 32, "sliding_window": 64, "rope_theta": 1000000.0,
    "rope_local_base_freq": 10000.0, "rms_norm_eps": 1e-6, "sliding_window_pattern": 6,
}  # fmt: skip
# The configuration, the tokenizer, how weights are stored, and in how many files.
CASES = {
    "tiny-llama": (LLAMA | {"rope_scaling": LLAMA3}, "byte-llama", "BF16", 1),
    # Wide enough for the super-blocks of Q6_K; its feed-forward is no multiple of them.
    "Untied-Llama-v2": (
        LLAMA | {"tie_word_embeddings": False, "hidden_size": 256, "head_dim": 64, "attention_bias": True}, "spm", "F32", 3),
    "tiny-qwen2-1.5b": (
        SIZES | {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_act": "silu", "use_sliding_window": False,
        "rope_scaling": {"type": "linear", "factor": 2.0}}, "byte-qwen", "F16", 1),
    "tiny-qwen3": (
        SIZES | {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_act": "silu", "head_dim": 32,
        "tie_word_embeddings": False}, "byte-qwen", "BF16", 2),
    "tiny-gemma3": (SIZES | GEMMA, "spm-gemma", "BF16", 1),
}  # fmt: skip
# The case that is tried as a class whose configuration leaves out what it can.
SPARSE = {
    "LlamaForCausalLM": "Untied-Llama-v2", "MistralForCausalLM": "Untied-Llama-v2", "SmolLM3ForCausalLM": "tiny-llama",
    "Qwen2ForCausalLM": "tiny-qwen2-1.5b", "Qwen3ForCausalLM": "tiny-qwen3", "Gemma3ForCausalLM": "tiny-gemma3",
}  # fmt: skip


def build(name: str, folder: Path, **changes: object) -> Path:
    """The folder `name` below `folder`; `changes` are of its config.json, not of its tensors: ... leaves a key out."""
    config, tokenizer, dtype, parts = CASES[name]
    place = folder / name
    place.mkdir(parents=True)
    if tokenizer.startswith("byte"):
        files = byte_level(tokenizer[5:])
        ids = {"bos_token_id": 266, "eos_token_id": [267, 266]}
    else:
        files = sentence_json(prefix=tokenizer == "spm")
        (place / "tokenizer.model").write_bytes(sentence_piece(dummy=tokenizer == "spm"))
        ids = {"bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0}
    for file, content in zip(("tokenizer.json", "tokenizer_config.json"), files):
        (place / file).write_text(json.dumps(content, ensure_ascii=False))
    # Three rows more than there are tokens.
    count = len(files[0]["model"]["vocab"]) + (3 if tokenizer.startswith("byte") else 0) + 3
    config = config | ids | {"vocab_size": count, "torch_dtype": "bfloat16"}
    written = {key: value for key, value in (config | changes).items() if value is not ...}
    (place / "config.json").write_text(json.dumps(written))
    (place / "generation_config.json").write_text(json.dumps({"temperature": 0.7, "top_k": 20, "top_p": 0.8, "repetition_penalty": 1.05}))
    tensors = {key: (dtype, shape, stored(key, shape, dtype)) for key, shape in shapes(config).items()}
    write(place, tensors, parts)
    return place


def write(place: Path, tensors: dict, parts: int = 1) -> None:
    if parts == 1:
        (place / "model.safetensors").write_bytes(safetensors(tensors))
        return
    weights, names = {}, list(tensors)
    for part in range(parts):
        file = f"model-{part + 1:05}-of-{parts:05}.safetensors"
        mine = names[part::parts]
        (place / file).write_bytes(safetensors({key: tensors[key] for key in mine}))
        weights |= dict.fromkeys(mine, file)
    (place / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weights}))
