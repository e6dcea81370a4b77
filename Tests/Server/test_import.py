"""A Hugging Face folder as GGUF: what `speculate import` makes of tiny ones, beside what llama.cpp's converter does."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import time
from pathlib import Path

import import_folders
import pytest
from conftest import PROGRAM
from gguf import GGUFReader
from import_folders import CASES, build

FIXTURES = Path(__file__).resolve().parents[1] / "Fixtures"
GOLDEN = json.loads((FIXTURES / "import.json").read_text())
TYPES = ["f32", "f16", "bf16", "q8_0", "q4_1"]
FILE_TYPES = {"f32": 0, "f16": 1, "q4_1": 3, "q8_0": 7, "bf16": 32}
# What the converter makes out of the folder's name and a text that has two parts: nothing depends on it.
LEFT_OUT = {"general.size_label", "general.basename", "general.finetune", "general.version", "tokenizer.ggml.add_sep_token"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("folders")
    return {name: build(name, place) for name in CASES}


def run(*arguments: str | Path, status: int = 0) -> tuple[str, str]:
    process = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=120)
    assert process.returncode == status, (process.returncode, process.stderr)
    return process.stdout, process.stderr


def imported(folder: Path, output: Path, type: str = "f32") -> GGUFReader:
    assert run("import", folder, "--type", type, "--output", output, "--quiet") == (f"{output}\n", "")
    return GGUFReader(output)


def metadata(reader: GGUFReader) -> dict:
    fields = {key: field for key, field in reader.fields.items() if not key.startswith("GGUF.")}
    return {key: ["/".join(kind.name for kind in field.types), field.contents()] for key, field in fields.items()}


def tensors(reader: GGUFReader) -> dict:
    return {
        tensor.name: [tensor.tensor_type.name, list(map(int, tensor.shape)), hashlib.sha256(tensor.data.tobytes()).hexdigest()]
        for tensor in reader.tensors
    }


def check_answer(model: Path, truth: dict) -> None:
    """The likeliest continuation is the library's, and the prompt has as many tokens."""
    output, _ = run("complete", "-m", model, "--temperature", "0", "-n", str(len(truth["answer"])), "--keep-loops", "--token-ids", "--json", truth["prompt"])
    report = json.loads(output)
    assert (report["tokens"], report["statistics"]["prompt_tokens"]) == (truth["answer"], len(truth["ids"]))


# ------------------------------------------------------------------------------------------------ what is made


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("type", TYPES)
def test_the_file_is_that_of_the_converter(folders, tmp_path, name, type):
    reader = imported(folders[name], tmp_path / "model.gguf", type)
    golden, found = GOLDEN[name], metadata(reader)
    assert found.pop("general.file_type") == ["UINT32", FILE_TYPES[type]]
    assert found == {key: value for key, value in golden["metadata"].items() if key not in LEFT_OUT}
    expected, made = golden["tensors"][type], tensors(reader)
    if golden["factors"]:
        # Two libraries' powers differ in the last bit.
        assert made.pop("rope_freqs.weight")[:2] == expected["rope_freqs.weight"][:2]
        factors = next(tensor for tensor in reader.tensors if tensor.name == "rope_freqs.weight").data.tolist()
        assert factors == pytest.approx(golden["factors"], rel=1e-6) and 1 < sum(factors) / len(factors) < 8
    assert made == {name: value for name, value in expected.items() if name != "rope_freqs.weight"}


@pytest.mark.parametrize("name", CASES)
def test_the_engine_continues_texts_as_the_library_does(folders, tmp_path, name):
    imported(folders[name], tmp_path / "model.gguf")
    check_answer(tmp_path / "model.gguf", GOLDEN[name]["truth"])


def test_inspect_reads_the_file_and_the_name_says_what_it_is(folders, tmp_path):
    process = subprocess.run([PROGRAM, "import", folders["tiny-llama"]], cwd=tmp_path, capture_output=True, text=True)
    assert process.stdout == "tiny-llama-Q8_0.gguf\n" and "writing tiny-llama-Q8_0.gguf, " in process.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["tiny-llama-Q8_0.gguf"]
    text = run("inspect", tmp_path / "tiny-llama-Q8_0.gguf")[0]
    assert 'architecture llama, "Tiny Llama"' in text and "pre-tokenizer llama-bpe, 272 tokens" in text


def test_without_tokenizer_model_merges_stand_for_scores(folders, tmp_path):
    for name, file in [("tiny-gemma3", "g.gguf"), ("Untied-Llama-v2", "l.gguf")]:
        folder = build(name, tmp_path)
        (folder / "tokenizer.model").unlink()
        found, golden = metadata(imported(folder, tmp_path / file)), GOLDEN[name]
        keys = ["tokens", "bos_token_id", "add_bos_token"]
        assert all(found[f"tokenizer.ggml.{key}"] == golden["metadata"][f"tokenizer.ggml.{key}"] for key in keys)
        check_answer(tmp_path / file, golden["truth"])


def test_the_text_of_a_model_that_sees_is_imported(tmp_path):
    folder = build("tiny-gemma3", tmp_path)
    config = json.loads((folder / "config.json").read_text())
    ids = {key: config.pop(key) for key in list(config) if key.endswith("_token_id")}
    whole = ids | {"architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "text_config": config, "vision_config": {}}
    (folder / "config.json").write_text(json.dumps(whole))
    weights = {f"language_model.{key}": ("BF16", shape, import_folders.stored(key, shape, "BF16")) for key, shape in import_folders.shapes(config).items()}
    weights["vision_tower.vision_model.embeddings.patch_embedding.weight"] = ("F32", [1, 1, 2, 2], bytes(16))
    import_folders.write(folder, weights)
    assert run("import", folder, "--type", "bf16", "-o", tmp_path / "m.gguf")[1].startswith("1 tensors for images are left out\n")
    assert tensors(GGUFReader(tmp_path / "m.gguf")) == GOLDEN["tiny-gemma3"]["tensors"]["bf16"]


def test_newer_spellings_of_the_rope_mean_the_same(tmp_path):
    config = CASES["tiny-llama"][0]
    folder = build("tiny-llama", tmp_path, rope_theta=None, rope_scaling=None, rope_parameters=config["rope_scaling"] | {"rope_theta": 500000.0})
    golden = GOLDEN["tiny-llama"]["metadata"]
    assert metadata(imported(folder, tmp_path / "l.gguf"))["llama.rope.freq_base"] == golden["llama.rope.freq_base"]
    both = {"full_attention": {"rope_type": "default", "rope_theta": 1e6}, "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}
    layers = ["sliding_attention"] * 5 + ["full_attention", "sliding_attention"]
    folder = build("tiny-gemma3", tmp_path, rope_theta=None, rope_local_base_freq=None, sliding_window_pattern=None, rope_parameters=both, layer_types=layers)
    found = metadata(imported(folder, tmp_path / "g.gguf"))
    assert found.items() >= {key: value for key, value in GOLDEN["tiny-gemma3"]["metadata"].items() if "rope" in key}.items()
    assert "gemma3.attention.sliding_window_pattern" not in found


@pytest.mark.parametrize("kind", GOLDEN["defaults"])
def test_what_a_configuration_leaves_out_is_what_the_class_says(tmp_path, kind):
    golden, name = GOLDEN["defaults"][kind], import_folders.SPARSE[kind]
    keys = ["rope_theta", "rope_scaling", "max_position_embeddings", "rms_norm_eps", "rope_local_base_freq", "sliding_window_pattern"]
    changes = dict.fromkeys(keys, ...) | {"architectures": [kind], "sliding_window": None if kind == "MistralForCausalLM" else ...}
    if golden["tie_word_embeddings"] == CASES[name][0]["tie_word_embeddings"]:
        changes["tie_word_embeddings"] = ...
    reader = imported(build(name, tmp_path, **changes), tmp_path / "m.gguf", "q8_0")
    found = {key.split(".", 1)[1]: value for key, (_, value) in metadata(reader).items()}
    assert (found["rope.freq_base"], found["context_length"]) == (golden["rope_theta"], golden["max_position_embeddings"])
    assert found["attention.layer_norm_rms_epsilon"] == pytest.approx(golden["rms_norm_eps"])
    assert (found.get("rope.freq_base_swa"), found.get("attention.sliding_window")) == (golden["local_theta"], golden["sliding_window"])


def test_a_tied_head_that_is_there_all_the_same_has_to_be_the_embedding(tmp_path):
    folder = build("tiny-llama", tmp_path)
    config = json.loads((folder / "config.json").read_text())
    weights = {key: ("BF16", shape, import_folders.stored(key, shape, "BF16")) for key, shape in import_folders.shapes(config).items()}
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    import_folders.write(folder, weights)
    assert tensors(imported(folder, tmp_path / "m.gguf", "bf16")).keys() == GOLDEN["tiny-llama"]["tensors"]["bf16"].keys()
    kind, shape, content = weights["lm_head.weight"]
    weights["lm_head.weight"] = (kind, shape, content[:-1] + b"\x01")
    import_folders.write(folder, weights)
    log = run("import", folder, "-o", tmp_path / "n.gguf", status=65)[1]
    assert "tensor 'lm_head.weight' differs from the embedding" in log


# ------------------------------------------------------------------------------------------------ the file


def test_an_existing_file_is_kept_unless_forced(folders, tmp_path):
    output = tmp_path / "m.gguf"
    output.write_text("mine")
    assert f"{output} exists; --force replaces it" in run("import", folders["tiny-qwen3"], "-o", output, status=64)[1]
    assert output.read_text() == "mine"
    run("import", folders["tiny-qwen3"], "-o", output, "--force")
    assert tensors(GGUFReader(output)) == GOLDEN["tiny-qwen3"]["tensors"]["q8_0"]
    assert "No such file or directory" in run("import", folders["tiny-qwen3"], "-o", tmp_path / "no" / "m.gguf", status=66)[1]
    assert "is not a regular file" in run("import", folders["tiny-qwen3"], "-o", "/dev/null", "--force", status=1)[1]


def large(tmp_path: Path) -> Path:
    """A folder whose embedding has a gibibyte of zeros that takes no place on the disk."""
    rows, hidden = 1 << 17, 4096
    folder = build("tiny-qwen3", tmp_path, tie_word_embeddings=True, vocab_size=rows, hidden_size=hidden, num_hidden_layers=1, intermediate_size=32, num_attention_heads=2)
    config = json.loads((folder / "config.json").read_text())
    header, end = {}, 0
    for name, shape in import_folders.shapes(config).items():
        start, end = end, end + 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    for file in folder.glob("model*"):
        file.unlink()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)
    return folder


def test_memory_does_not_grow_with_the_model_and_an_interrupt_leaves_nothing(tmp_path):
    folder = large(tmp_path)
    command = [str(PROGRAM), "import", str(folder), "--type", "q8_0", "-o", str(tmp_path / "m.gguf"), "-q"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for _ in range(1200):
        parts = list(tmp_path.glob("*.part"))
        if parts and parts[0].stat().st_size > 100_000_000:
            break
        time.sleep(0.05)
    # Of a gibibyte, a tenth is written.
    peak = next(int(line.split()[1]) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130 and process.stderr.read() == "interrupted; nothing is written\n"
    assert peak < 150_000
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
