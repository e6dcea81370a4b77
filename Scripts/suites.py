#!/usr/bin/env python3
"""Reads what 'swift test' says, and says one line per suite, all about what fails, and how much is left."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path


def main() -> int:
    whole = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    log = whole.open("w") if whole else None
    # How long the last run took tells how long this one may.
    memory = whole.with_suffix(".seconds") if whole else None
    last = float(memory.read_text()) if memory and memory.exists() else None
    start = time.monotonic()
    begun: set[str] = set()
    ended = 0
    failed: list[str] = []
    tail: list[str] = []
    summary = ""
    for line in sys.stdin:
        if log:
            log.write(line)
        line = line.rstrip("\n")
        tail = [*tail[-200:], line]
        if found := re.match(r"\S+ Suite (\w+) started", line):
            begun.add(found[1])
        elif found := re.match(r"(\S+) Suite (\w+) (passed|failed)", line):
            ended += 1
            seconds = time.monotonic() - start
            left = f"{len(begun) - ended} of {len(begun)} suites to go" if len(begun) > ended else "all done"
            if last and len(begun) > ended:
                left += f", some {max(last - seconds, 0):.0f} s"
            print(f"{found[1]} {found[2]:24} after {seconds:4.0f} s, {left}", flush=True)
        elif "recorded an issue" in line or re.match(r"\S+ Test .* failed", line):
            failed.append(line)
            print(line, flush=True)
        elif failed and (line.startswith("↳") or line.startswith("  ")):
            print(line, flush=True)
        elif found := re.match(r"\S+ Test run with .*", line):
            summary = found[0]
        elif re.search(r"error:|Fatal error|unexpected signal|Exited with", line):
            print(line, flush=True)
    if memory and summary:
        memory.write_text(f"{time.monotonic() - start}\n")
    print(summary or "\n".join(["The tests did not end. The last lines were:", *tail[-40:]]), flush=True)
    return 0 if summary and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
