"""What the program says of model files: LongRoPE's two contexts, texts that would steer a terminal, chat formats."""

from __future__ import annotations

import subprocess
from pathlib import Path

from conftest import PROGRAM

FIXTURES = Path(__file__).resolve().parents[1] / "Fixtures"
PHI = FIXTURES / "tiny-phi3.gguf"


def run(*arguments: str | Path, status: int = 0) -> tuple[str, str]:
    process = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert process.returncode == status, (process.returncode, process.stderr)
    return process.stdout, process.stderr


def test_a_prompt_beyond_the_short_texts_says_how_to_have_longer_ones():
    complete = ["complete", "-m", PHI, "--temperature", "0", "-n", "2", "x" * 40]
    assert "expected fewer than the context of 32; --context takes up to 512" in run(*complete, status=64)[1]
    run(*complete, "--context", "512")
    log = run("complete", "-m", PHI, "x" * 5000, status=64)[1]
    assert "expected at most" in log and "; --context takes up to 512" in log
    assert "expected fewer than the context of 40; --context takes up to 512" in run(*complete, "--context", "40", status=64)[1]
    assert "context length is 513, expected 2 to 512, the model's own" in run(*complete, "--context", "513", status=64)[1]


def test_inspect_says_what_the_context_is():
    assert "context\n  32 tokens by default, rotated as short texts are\n" in run("inspect", PHI)[0]
    assert "\ncontext\n" not in run("inspect", FIXTURES / "tiny-qwen3.gguf")[0]


def test_a_files_texts_do_not_steer_the_terminal(tmp_path):
    data = (FIXTURES / "tiny-qwen3.gguf").read_bytes()
    place = data.index(b"tiny-qwen3", data.index(b"general.name"))
    file = tmp_path / "m.gguf"
    file.write_bytes(data[:place] + b"\x1b[31mred\x07".ljust(10, b"!") + data[place + 10 :])
    output = run("inspect", file)[0]
    assert "\\u{1b}[31mred\\u{7}" in output and "\x1b" not in output and "\x07" not in output
    file.write_bytes(data.replace(b"general.architecture", b"general.architectur\x1b", 1))
    log = run("complete", "-m", file, "x", status=65)[1]
    assert "\x1b" not in log
    start = data.index(b"qwen3", data.index(b"general.architecture"))
    file.write_bytes(data[:start] + b"\x1b[2J\x08" + data[start + 5 :])
    log = run("complete", "-m", file, "x", status=65)[1]
    assert "'general.architecture' is '\\u{1b}[2J\\u{8}', expected one of" in log and "\x1b" not in log


def test_a_model_in_place_of_a_drafter_is_named_with_one_pair_of_quotes():
    log = run("complete", "-m", FIXTURES / "tiny-qwen3.gguf", "--drafter", PHI, "x", status=65)[1]
    assert "metadata key 'general.architecture' is 'phi3', expected" in log


def test_a_format_is_advised_only_where_the_vocabulary_has_it():
    log = run("complete", "--instruct", "-m", FIXTURES / "tiny-qwen3.gguf", "x", status=65)[1]
    assert "no chat template; its vocabulary has no format's control tokens: give it text to continue" in log and "--chat-format" not in log
