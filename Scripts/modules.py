#!/usr/bin/env python3
"""Prints which of the package's modules depends on which: `python3 Scripts/modules.py`, one line per module."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def modules(root: Path = ROOT) -> dict[str, list[str]]:
    """The package's own modules that are not tests, each with those that it depends on."""
    # A build folder of its own: the package's may be in use.
    with tempfile.TemporaryDirectory() as scratch:
        command = ["swift", "package", "--package-path", str(root), "--scratch-path", scratch, "describe", "--type", "json"]
        description = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    kinds = {target["name"]: target["type"] for target in description["targets"]}
    own = {name for name, kind in kinds.items() if kind != "test"}
    return {
        target["name"]: sorted(set(target.get("target_dependencies", [])) & own)
        for target in description["targets"]
        if target["name"] in own
    }


def main() -> int:
    graph = modules()
    width = max(map(len, graph))
    for name, dependencies in sorted(graph.items(), key=lambda item: (len(item[1]), item[0])):
        print(f"{name:{width}}  ← {', '.join(dependencies) or 'nothing'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
