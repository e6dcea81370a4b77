"""A file with rotations for short and for long texts: short ones unless asked, and messages that say so."""

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
    assert "expected fewer than the context of 40; --context takes up to 512" in run(*complete, "--context", "40", status=64)[1]
    assert "context length is 513, expected 2 to 512, the model's own" in run(*complete, "--context", "513", status=64)[1]


def test_inspect_says_what_the_context_is():
    assert "context\n  32 tokens by default, rotated as short texts are\n" in run("inspect", PHI)[0]
    assert "\ncontext\n" not in run("inspect", FIXTURES / "tiny-qwen3.gguf")[0]


def test_a_model_in_place_of_a_drafter_is_named_with_one_pair_of_quotes():
    log = run("complete", "-m", FIXTURES / "tiny-qwen3.gguf", "--drafter", PHI, "x", status=65)[1]
    assert "metadata key 'general.architecture' is 'phi3', expected" in log
