from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

from conftest import FIXTURES

SCRIPT = Path(__file__).parents[1] / "gpu.sh"


def test_the_whole_goes_from_prompts_to_an_evaluated_file(tmp_path: Path) -> None:
    """At a tiny size, with a random verifier."""
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(json.dumps({"prompt": f"the {'very ' * (i % 5)}end {i}"}) + "\n" for i in range(24)))
    shapes = ["--taps", "0,1", "--vocabulary", "48", "--block", "4", "--window", "16", "--rank", "32", "--threads", "1"]
    shapes += ["--seconds", "6"]
    command = [str(SCRIPT), str(FIXTURES / "tiny-qwen3.gguf"), str(prompts), str(prompts), str(tmp_path / "work")]
    # Compiling would take minutes.
    environment = os.environ | {
        "SIZE": "tiny", "PYTHON": sys.executable, "MINUTES": "3", "TORCHDYNAMO_DISABLE": "1",
    }  # fmt: skip
    subprocess.run([*command, *shapes], check=True, env=environment, capture_output=True, cwd=SCRIPT.parent)
    report = json.loads((tmp_path / "work" / "evaluation" / "comparison.json").read_text())
    assert [line["passes"] for line in report] == ["1", "2", "4"] and all(line["tau"] >= 1 for line in report)
    rows = list(csv.DictReader((tmp_path / "work" / "run" / "train.csv").open()))
    assert float(rows[-1]["seconds"]) >= 6 and rows[-1]["stage"] == "B"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    command = [str(SCRIPT), str(FIXTURES / "tiny-qwen3.gguf"), str(tmp_path / "none.jsonl"), str(SCRIPT), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 66 and "none.jsonl" in done.stderr
