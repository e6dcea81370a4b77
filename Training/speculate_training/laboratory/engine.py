"""What the exported networks bring in the engine: τ and speed-up of rounds by `speculate bench`."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from ..resampling import middle, ratios

#: Denoising passes, of blocks of eight.
SETTINGS = {1: "diffusion:8", 2: "diffusion:8x2", 4: "diffusion:8x4", 8: "diffusion:8x8"}
#: How drafts are judged: greedily, and by three rules at temperature 1.
RULES = ("greedy", "match", "rejection", "block")


def bench(engine: str, verifier: str, network: Path, prompts: Path, count: int = 8) -> list[dict[str, Any]]:
    """A row for each rule and number of passes: τ and speed-up over plain decoding, all of `count` prompts from all
    over the file together."""
    if not shutil.which(engine):
        raise SystemExit(f"the engine's speed needs --engine, the speculate program; '{engine}' is none")
    lines = [line for line in prompts.read_text().split("\n") if line]  # Prompts may hold other ends of lines.
    chosen = np.linspace(0, len(lines) - 1, min(count, len(lines))).astype(int)
    with tempfile.TemporaryDirectory() as folder:
        few, output = Path(folder) / "prompts.jsonl", Path(folder) / "bench.json"
        few.write_text("".join(lines[number] + "\n" for number in chosen))
        command = [engine, "bench", "--model", verifier, "--drafter", str(network), "--prompts", str(few), "--quiet"]
        command += ["--settings", *SETTINGS.values(), "--temperatures", "0", "1", "--acceptance", *RULES[1:]]
        command += ["--max-tokens", "24", "--repeats", "1", "--output", str(output)]
        finished = subprocess.run(command, check=False, capture_output=True, text=True)
        if finished.returncode:
            raise SystemExit(
                f"{engine} bench ended with {finished.returncode} for {network}: {finished.stderr.strip()}"
            )
        return rows(json.loads(output.read_text())["series"])


def rows(series: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """τ and speed-up of every setting, against the plain one of the same temperature and rule, each with its middle
    95 % when prompts are drawn again."""
    passes = {setting: n for n, setting in SETTINGS.items()}
    plain = {(one["temperature"], one["acceptance"]): paces(one) for one in series if one["setting"] == "plain"}
    found = []
    for one in series:
        if one["setting"] not in passes:
            continue
        rule = (one["temperature"], one["acceptance"])
        played = np.array([[outcome["tokens"], outcome["rounds"]] for outcome in one["outcomes"]], dtype=float)
        ours, other = paces(one), plain[rule]
        line = {"temperature": rule[0], "acceptance": rule[1], "passes": passes[one["setting"]]}
        line |= {"tau": quotient(played), "tau-middle": middle(ratios(played, 2000))}
        line |= {"speedup": quotient(ours) / quotient(other)}
        found.append(line | {"speedup-middle": middle(ratios(ours, 2000) / ratios(other, 2000))})
    return found


def quotient(sums: np.ndarray) -> float:
    """The sum of the first column over that of the second, of sums [prompts, 2]."""
    return float(sums[:, 0].sum() / sums[:, 1].sum())


def paces(one: dict[str, Any]) -> np.ndarray:
    """Tokens and seconds [prompts, 2]."""
    outcomes = one["outcomes"]
    return np.array([[o["tokens"], o["tokens"] / median(o["speeds"])] for o in outcomes], dtype=float)
