"""Fuzzes the HTTP service with JSON bodies and with bytes that are hardly HTTP.

    python Tests/Server/fuzz.py --program .build/release/speculate --model Tests/Fixtures/tiny-llama3.gguf \\
        --flags "--chat-format llama-3" --minutes 10

Starts `speculate serve` with small limits and sends generated requests over several connections. It is a finding if
the server dies, leaves /health unanswered for 2 s or grows by 1 GB, and if an answer is malformed HTTP, comes 2 s later
than the limits allow, or has a status or a body that it should not have (`fuzzing/oracle.py` has every rule). The bytes
of findings are saved and a summary is printed; the exit status is 1 if there is a finding. The same seed and number of
jobs generate the same requests. What was once a finding belongs in `Tests/Server/corpus`, which `test_corpus.py`
replays. Needs only the standard library.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from fuzzing.run import Run

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=str(ROOT / ".build/release/speculate"))
    parser.add_argument("--model", required=True)
    parser.add_argument("--flags", default="", help="more flags of the server, such as '--chat-format llama-3'")
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--requests", type=int, default=0, help="end after so many")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--findings", type=Path, default=Path(tempfile.gettempdir()) / "speculate-findings")
    sys.exit(Run(parser.parse_args()).run())


if __name__ == "__main__":
    main()
