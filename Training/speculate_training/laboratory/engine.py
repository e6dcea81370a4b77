"""What the exported networks bring in the engine: τ and speed-up of rounds by `speculate bench`."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from statistics import median
from typing import Any

#: Denoising passes, of blocks of eight.
SETTINGS = {1: "diffusion:8", 2: "diffusion:8x2"}
#: How drafts are judged: greedily, and by the exact rules at temperature 1.
RULES = ("greedy", "rejection", "block")


def bench(engine: str, verifier: str, network: Path, prompts: Path, count: int = 20) -> list[dict[str, Any]]:
    """A row for each rule and number of passes: τ and speed-up over plain decoding, all of `count` prompts from all
    over the file together."""
    if not shutil.which(engine):
        raise SystemExit(f"the engine's speed needs --engine, the speculate program; '{engine}' is none")
    few, output = network.with_suffix(".prompts.jsonl"), network.with_suffix(".bench.json")
    lines = [line for line in prompts.read_text().split("\n") if line]  # Prompts may hold other ends of lines.
    few.write_text("".join(line + "\n" for line in lines[:: max(1, len(lines) // count)][:count]))
    command = [engine, "bench", "--model", verifier, "--drafter", str(network), "--prompts", str(few), "--quiet"]
    command += ["--settings", *SETTINGS.values(), "--temperatures", "0", "1", "--acceptance", *RULES[1:]]
    command += ["--max-tokens", "32", "--repeats", "1", "--output", str(output)]
    try:
        finished = subprocess.run(command, check=False, capture_output=True, text=True)
        if finished.returncode:
            raise SystemExit(
                f"{engine} bench ended with {finished.returncode} for {network}: {finished.stderr.strip()}"
            )
        return rows(json.loads(output.read_text())["series"])
    finally:
        few.unlink()
        output.unlink(missing_ok=True)


def rows(series: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """τ and speed-up of every setting, against the plain one of the same temperature and rule."""
    passes = {setting: n for n, setting in SETTINGS.items()}
    plain = {(one["temperature"], one["acceptance"]): pace(one) for one in series if one["setting"] == "plain"}
    found = []
    for one in series:
        if one["setting"] not in passes:
            continue
        rule = (one["temperature"], one["acceptance"])
        tokens, rounds = (sum(outcome[key] for outcome in one["outcomes"]) for key in ("tokens", "rounds"))
        line = {"temperature": rule[0], "acceptance": rule[1], "passes": passes[one["setting"]]}
        found.append(line | {"tau": tokens / max(rounds, 1), "speedup": pace(one) / plain[rule]})
    return found


def pace(one: dict[str, Any]) -> float:
    """Tokens per second of all prompts together."""
    seconds = sum(outcome["tokens"] / median(outcome["speeds"]) for outcome in one["outcomes"])
    return float(sum(outcome["tokens"] for outcome in one["outcomes"]) / seconds)
