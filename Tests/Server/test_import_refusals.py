"""What `speculate import` cannot convert is refused by name, and leaves no file."""

from __future__ import annotations

import json
import random
import struct
import subprocess
from pathlib import Path

import import_folders
import pytest
from conftest import PROGRAM
from import_folders import build


def refusal(folder: Path, status: int = 65, *flags: str) -> str:
    output = folder.parent / "m.gguf"
    process = subprocess.run([PROGRAM, "import", folder, "-q", "-o", output, *flags], capture_output=True, text=True, timeout=60)
    assert process.returncode == status, (process.returncode, process.stdout, process.stderr)
    assert process.stdout == "" and process.stderr.startswith("speculate: error: ") and process.stderr.count("\n") == 1
    assert [path for path in folder.parent.iterdir() if path.name.startswith("m.gguf")] == []
    return process.stderr


# ------------------------------------------------------------------------------------------------ configuration

CONFIGS = [
    ("tiny-llama", {"architectures": ["MambaForCausalLM"]}, "config.json: 'architectures' is MambaForCausalLM, expected one of LlamaForCausalLM"),
    ("tiny-llama", {"architectures": None}, "'architectures' is missing"),
    ("tiny-llama", {"hidden_size": "64"}, "config.json: 'hidden_size' is '64', expected an integer"),
    ("tiny-llama", {"hidden_size": None}, "'hidden_size' is null"),
    ("tiny-llama", {"num_hidden_layers": 10**12}, "'num_hidden_layers' is 1000000000000, expected an integer from 1 to 4096"),
    ("tiny-llama", {"num_hidden_layers": 3}, "tensor 'model.layers.2.input_layernorm.weight' is missing, expected it of shape [64]"),
    ("tiny-llama", {"num_hidden_layers": 1}, "tensor 'model.layers.1.self_attn.q_proj.weight' has no place in 'llama'"),
    ("tiny-llama", {"num_key_value_heads": 3}, "'num_key_value_heads' is 3, expected a divisor of the 4 attention heads"),
    ("tiny-llama", {"intermediate_size": 95}, "mlp.gate_proj.weight' has shape [96, 64], expected [95, 64]"),
    ("tiny-llama", {"hidden_act": "gelu"}, "'hidden_act' is 'gelu', expected 'silu'"),
    ("tiny-llama", {"rope_scaling": {"rope_type": "yarn", "factor": 4}}, "rope_scaling: 'rope_type' is 'yarn', expected 'default' or 'linear' or 'llama3'"),
    ("tiny-llama", {"rope_scaling": {"rope_type": "llama3", "factor": 4}}, "'low_freq_factor' is missing"),
    ("tiny-qwen3", {"rope_scaling": {"rope_type": "llama3", "factor": 4}}, "is 'llama3', expected 'default' or 'linear' for 'qwen3'"),
    ("tiny-llama", {"rope_parameters": {"rope_type": "default"}}, "'rope_scaling' is an object of 5, expected none beside rope_parameters"),
    ("tiny-llama", {"quantization_config": {"quant_method": "fp8"}}, "'quantization_config' is an object of 1, expected none"),
    ("tiny-llama", {"rms_norm_eps": "NaN"}, "'rms_norm_eps' is 'NaN', expected a finite number"),
    ("tiny-llama", {"rope_theta": float("inf"), "rope_scaling": None}, "'rope_theta' is inf, expected a finite number"),
    ("tiny-llama", {"num_local_experts": 8}, "'num_local_experts' is 8, expected none"),
    ("tiny-llama", {"auto_map": {"AutoModelForCausalLM": "mine.Model"}}, "'AutoModelForCausalLM' is 'mine.Model', expected none"),
    ("tiny-llama", {"mlp_bias": True}, "tensor 'model.layers.0.mlp.gate_proj.bias' is missing"),
    ("tiny-llama", {"tie_word_embeddings": False}, "tensor 'lm_head.weight' is missing"),
    ("tiny-llama", {"architectures": ["MistralForCausalLM"], "sliding_window": 4096}, "'sliding_window' is 4096, expected null"),
    ("tiny-llama", {"architectures": ["MistralForCausalLM"]}, "'sliding_window' is missing, expected null"),
    ("tiny-llama", {"architectures": ["MistralForCausalLM"], "sliding_window": None, "num_key_value_heads": ...}, "'num_key_value_heads' is 8, expected a divisor of the 4 attention heads"),
    ("tiny-llama", {"architectures": ["SmolLM3ForCausalLM"], "rope_scaling": None, "num_key_value_heads": ...}, "self_attn.k_proj.weight' has shape [32, 64], expected [64, 64]"),
    ("tiny-qwen3", {"num_key_value_heads": ...}, "'num_key_value_heads' is 32, expected a divisor"),
    ("tiny-gemma3", {"sliding_window": None}, "'sliding_window' is null, expected an integer"),
    ("tiny-gemma3", {"sliding_window_pattern": ..., "_sliding_window_pattern": 3}, "'_sliding_window_pattern' is 3, expected 6"),
    ("tiny-gemma3", {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6}}, "'full_attention' is missing"),
    # What the engine does not run is not written either.
    ("tiny-llama", {"max_position_embeddings": 1}, "config.json: 'max_position_embeddings' is 1, expected 2 to"),
    ("tiny-gemma3", {"sliding_window": 16}, "config.json: 'sliding_window' is 16, expected at least"),
    ("tiny-qwen2-1.5b", {"use_sliding_window": True}, "'use_sliding_window' is true, expected false"),
    ("tiny-qwen3", {"layer_types": ["full_attention", "sliding_attention"]}, "'layer_types' is 'sliding_attention'"),
    ("tiny-gemma3", {"query_pre_attn_scalar": 168}, "'query_pre_attn_scalar' is 168.0, expected 32"),
    ("tiny-gemma3", {"final_logit_softcapping": 30.0}, "'final_logit_softcapping' is 30.0, expected none"),
    ("tiny-gemma3", {"use_bidirectional_attention": True}, "expected false: an encoder is no language model"),
    ("tiny-llama", {"vocab_size": 260}, "has the id 260, expected less than config.json's vocab_size, 260"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "changes", "message"), CONFIGS, ids=lambda value: next(iter(value)) if isinstance(value, dict) else "")
def test_a_configuration_that_is_not_converted(tmp_path, name, changes, message):
    assert message in refusal(build(name, tmp_path, **changes))


SHAPES = [
    ("tiny-llama", {"head_dim": 24}, "config.json: 'head_dim' is 24, expected a multiple of 16"),
    ("tiny-llama", {"head_dim": 16, "num_attention_heads": 3, "num_key_value_heads": 1}, "'num_attention_heads' is 3, expected heads of 16"),
    ("tiny-llama", {"hidden_size": 80}, "config.json: 'hidden_size' is 80, expected a multiple of 32"),
    ("tiny-qwen3", {"intermediate_size": 100}, "config.json: 'intermediate_size' is 100, expected a multiple of 32"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "changes", "message"), SHAPES)
def test_shapes_that_the_engine_does_not_run(tmp_path, name, changes, message):
    folder = build(name, tmp_path, **changes)
    config = json.loads((folder / "config.json").read_text())
    import_folders.write(folder, {key: ("BF16", shape, import_folders.stored(key, shape, "BF16")) for key, shape in import_folders.shapes(config).items()})
    (folder / "model.safetensors.index.json").unlink(missing_ok=True)
    assert message in refusal(folder)


def test_advice_that_the_engine_does_not_take(tmp_path):
    folder = build("tiny-llama", tmp_path)
    (folder / "generation_config.json").write_text('{"top_p": 2}')
    assert "generation_config.json: metadata keys 'general.sampling.*' do not serve: top_p" in refusal(folder)


# ------------------------------------------------------------------------------------------------ tokenizers


def changed(folder: Path, path: list, value: object, file: str = "tokenizer.json") -> Path:
    content = json.loads((folder / file).read_text())
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    (folder / file).write_text(json.dumps(content))
    return folder


TOKENIZERS = [
    (["pre_tokenizer", "pretokenizers", 0, "pattern", "Regex"], r"\w+|\W+", r"tokenizer.json: pre_tokenizer: cuts a text by '\w+|\W+', then 'bytes', which is not known; expected that of gpt-2, smollm"),
    (["pre_tokenizer", "pretokenizers", 0, "behavior"], "Contiguous", "behavior: 'Contiguous'"),
    (["pre_tokenizer"], None, "'pre_tokenizer' is null"),
    (["model", "ignore_merges"], True, "with 'ignore_merges', which is not known"),
    (["model", "type"], "WordPiece", "its model is 'WordPiece', expected 'BPE'"),
    (["normalizer"], {"type": "Lowercase"}, "tokenizer.json: normalizer: 'type' is 'Lowercase', expected 'NFC', or no normalizer"),
    (["added_tokens", 0, "lstrip"], True, "entry 0: 'lstrip' is true, expected false: a GGUF file cannot say so of '<|endoftext|>'"),
    (["added_tokens", 0, "id"], 5, "have the same id, 5"),
    (["added_tokens", 0, "id"], -1, "'id' is -1, expected an integer from 0"),
    (["post_processor"], {"type": "RobertaProcessing"}, "post_processor: 'type' is 'RobertaProcessing'"),
    (["post_processor"], {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "<|im_end|>"}}]}, "expected at most a token that begins a text, and nothing after it"),
    (["model", "merges"], [["a"]], "'merges' is a list of 1, expected pairs of texts"),
    (["model", "merges"], [["Ġ", "qq"]], "its tokenizer is none that this engine reads"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "message"), TOKENIZERS)
def test_a_tokenizer_that_is_not_converted(tmp_path, path, value, message):
    assert message in refusal(changed(build("tiny-qwen3", tmp_path), path, value))


def test_a_text_that_begins_with_another_token(tmp_path):
    path = ["post_processor", "processors", 1, "single", 0, "SpecialToken", "id"]
    folder = changed(build("tiny-llama", tmp_path), path, "<|eot_id|>")
    assert "begins texts with '<|eot_id|>', expected the token that begins a text (bos_token)" in refusal(folder)


def test_a_token_of_spaces_that_no_merge_makes(tmp_path):
    folder = build("tiny-gemma3", tmp_path)
    merges = json.loads((folder / "tokenizer.json").read_text())["model"]["merges"]
    log = refusal(changed(folder, ["model", "merges"], [pair for pair in merges if pair != ["\u2581", "\u2581"]]))
    assert "tokenizer.json: the added token '\u2581\u2581' is made by no merge" in log
    (folder / "tokenizer.model").unlink()
    prepend = {"type": "Prepend", "prepend": "\u2581"}
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    log = refusal(changed(folder, ["normalizer"], {"type": "Sequence", "normalizers": [prepend, replace]}))
    assert "the added token '\u2581\u2581' is of spaces, expected none" in log


def test_a_sentence_piece_model_that_is_not_converted(tmp_path):
    folder = build("tiny-gemma3", tmp_path)
    model = folder / "tokenizer.model"
    whole = model.read_bytes()
    model.write_bytes(import_folders.sentence_piece(dummy=False, rule=1))
    assert "tokenizer.model: is no model of byte pairs" in refusal(folder)
    model.write_bytes(whole[:-3])
    assert "tokenizer.model: is truncated" in refusal(folder)
    model.write_bytes(b"IQ== 0\nIg== 1\n")
    assert "tokenizer.model: is " in refusal(folder)


# ------------------------------------------------------------------------------------------------ safetensors


def header(folder: Path) -> tuple[dict, bytes]:
    content = (folder / "model.safetensors").read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def put(folder: Path, tensors: dict | bytes, data: bytes) -> Path:
    text = tensors if isinstance(tensors, bytes) else json.dumps(tensors).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    return folder


NORM = "model.norm.weight"
ENTRIES = [
    ({"dtype": "F8_E4M3"}, "model.safetensors: tensor 'model.norm.weight': 'dtype' is 'F8_E4M3', expected F32, F16 or BF16"),
    ({"dtype": None}, "'dtype' is null"),
    ({"shape": [1 << 40, 1 << 40]}, "has more weights than can be counted"),
    ({"shape": [-64]}, "has a dimension of -64, expected at least 1"),
    ({"shape": [32]}, "has 128 bytes, expected 64 for BF16 [32]"),
    ({"data_offsets": [0, 128]}, "tensors overlap"),
    ({"data_offsets": [128, 0]}, "'data_offsets' is a list of 2, expected two offsets in order"),
    ({"data_offsets": [1 << 62, (1 << 62) + 128]}, "it is truncated"),
    ({"data_offsets": None}, "'data_offsets' is null, expected two offsets in order"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), ENTRIES)
def test_a_tensor_that_is_not_what_it_says(tmp_path, changes, message):
    folder = build("tiny-llama", tmp_path)
    tensors, data = header(folder)
    tensors[NORM] |= changes
    assert message in refusal(put(folder, tensors, data))


def test_a_file_of_tensors_that_is_damaged(tmp_path):
    folder = build("tiny-llama", tmp_path)
    tensors, data = header(folder)
    assert "has 4 bytes after its last tensor" in refusal(put(folder, tensors, data + b"more"))
    assert "it is truncated" in refusal(put(folder, tensors, data[:-1]))
    twice = json.dumps(tensors).replace("model.layers.1.input_layernorm", "model.layers.0.input_layernorm").encode()
    assert "the key 'model.layers.0.input_layernorm.weight' is there twice" in refusal(put(folder, twice, data))
    assert "nests more than 64 deep" in refusal(put(folder, b"[" * 100_000, data))
    assert "(header): is not JSON: byte 123 at offset 1, expected a key" in refusal(put(folder, b"{{}", data))
    file = folder / "model.safetensors"
    for size in (1 << 63, 1 << 40, 10**6):
        file.write_bytes(struct.pack("<Q", size) + b"{}")
        assert f"its header claims {size} bytes, expected at most 2" in refusal(folder)
    file.write_bytes(b"short")
    assert "has 5 bytes, expected a header" in refusal(folder)


def test_weights_that_no_format_holds(tmp_path):
    folder = build("tiny-llama", tmp_path)
    tensors, data = header(folder)
    start = tensors["model.layers.1.mlp.up_proj.weight"]["data_offsets"][0] + 40
    for bits, types in [(0x7FC0, ["q8_0", "q4_1", "f16", "bf16", "f32"]), (0x7F80, ["q8_0", "f32"]), (0x7F00, ["q8_0", "q4_1", "f16"])]:
        put(folder, tensors, data[:start] + struct.pack("<H", bits) + data[start + 2 :])
        for type in types:
            message = f"tensor 'model.layers.1.mlp.up_proj.weight' has a weight that is no number or too large for {type.upper()}"
            assert message in refusal(folder, 65, "--type", type)


def test_an_index_that_does_not_fit_its_files(tmp_path):
    folder = build("tiny-qwen3", tmp_path)
    file = folder / "model.safetensors.index.json"
    index = json.loads(file.read_text())

    def with_map(**changes) -> str:
        file.write_text(json.dumps({"weight_map": {key: value for key, value in (index["weight_map"] | changes).items() if value != ""}}))
        return refusal(folder)

    second = "model-00002-of-00002.safetensors"
    assert "is in '../../secret.safetensors', expected a safetensors file of the folder" in with_map(**{NORM: "../../secret.safetensors"})
    assert f"{second}: has no tensor 'other'" in with_map(other=second)
    missing = next(key for key, value in index["weight_map"].items() if value == second)
    assert f"does not list tensor '{missing}' of {second}" in with_map(**{missing: ""})
    (folder / "model.safetensors").write_bytes(b"")
    assert "remove the one that does not belong there" in with_map()
    (folder / "model.safetensors").unlink()
    (folder / second).unlink()
    file.write_text(json.dumps(index))
    assert f"{second}: No such file or directory" in refusal(folder, 66)
    file.unlink()
    (folder / "pytorch_model.bin").write_bytes(b"x")
    assert "has neither model.safetensors nor model.safetensors.index.json; pytorch_model.bin is not read" in refusal(folder, 66)


def test_no_folder(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "config.json: No such file or directory" in refusal(tmp_path / "empty", 66)
    assert "nowhere: No such file or directory" in refusal(tmp_path / "nowhere", 66)
    (tmp_path / "file").write_text("x")
    assert "file: is a file, expected a folder with config.json" in refusal(tmp_path / "file", 64)


def test_damaged_folders_neither_crash_nor_hang(tmp_path):
    """Bytes of the files that are read, changed at random: an import that succeeds, or a refusal."""
    chance = random.Random(1)
    for round, name in enumerate(["tiny-llama", "tiny-gemma3"] * 20):
        folder = build_once(tmp_path, name)
        file = folder / chance.choice(["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors", "tokenizer.model"])
        if not file.exists():
            continue
        whole = file.read_bytes()
        content = bytearray(whole)
        for _ in range(chance.choice([1, 3])):
            place = chance.randrange(min(len(content), 3000))
            content[place : place + chance.choice([0, 1, 1, 9])] = chance.choice([b"", b"\xff", b"9", b"-", b'"', b"{", bytes(8)])
        file.write_bytes(content)
        command = [PROGRAM, "import", folder, "-q", "--force", "-o", tmp_path / "m.gguf"]
        process = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert process.returncode in (0, 64, 65, 66), (round, file.name, process.returncode, process.stderr)
        file.write_bytes(whole)


def build_once(tmp_path: Path, name: str) -> Path:
    return tmp_path / name if (tmp_path / name).exists() else build(name, tmp_path)
