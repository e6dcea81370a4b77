"""How much faster a request is that resembles an earlier one.

    python3 Benchmarks/resembling.py [--model FILE] [--count 12] [-- OTHER FLAGS OF speculate bench]

Each held-out prompt is asked, then in four ways that resemble it, with no drafter but text, or with `-- --drafter FILE`.
`speculate bench` times all of them against plain decoding, and reports each way apart.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SPECULATE = HERE.parent / ".build/release/speculate"


def ways(prompt: str, answer: str) -> dict[str, str]:
    """What people do after a first answer."""
    return {
        "the same again": prompt,
        "a word more": f"{prompt} Thank you.",
        "edited": f"Please help me with this. {prompt}",
        "quoting": f"{prompt}\n\nYour answer was:\n\n{answer}\n\nWrite it again and correct its mistakes.",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="the verifier's GGUF file; default: speculate's own")
    parser.add_argument("--count", type=int, default=12, help="prompts")
    parser.add_argument("--max-tokens", type=int, default=128, help="of an answer")
    parser.add_argument("bench", nargs="*", help="flags of speculate bench")
    arguments = parser.parse_args()
    model = ["--model", arguments.model] if arguments.model else []
    rows = [json.loads(line) for line in (HERE / "held-out.jsonl").open()]
    turns = [row for row in rows if not row.get("raw") and len(row["prompt"]) < 800]
    step = max(len(turns) // arguments.count, 1)
    turns = turns[::step][: arguments.count]
    with tempfile.TemporaryDirectory() as folder:
        first, answers = Path(folder, "first.jsonl"), Path(folder, "answers.jsonl")
        first.write_text("".join(json.dumps({"prompt": row["prompt"]}) + "\n" for row in turns))
        length = ["--max-tokens", str(arguments.max_tokens)]
        subprocess.run(
            [SPECULATE, "batch", "--prompts", first, "--output", answers, "--quiet", *length, *model], check=True
        )
        texts = {row["index"]: row["text"] for row in map(json.loads, answers.open())}
        prompts = Path(folder, "prompts.jsonl")
        with prompts.open("w") as file:
            for index, row in enumerate(turns):
                file.write(json.dumps({"prompt": row["prompt"], "category": "first"}) + "\n")
                for name, prompt in ways(row["prompt"], texts[index]).items():
                    file.write(json.dumps({"prompt": prompt, "category": name}) + "\n")
        flags = arguments.bench or ["--drafter", "lookup"]
        sys.exit(subprocess.run([SPECULATE, "bench", "--prompts", prompts, *length, *model, *flags]).returncode)


if __name__ == "__main__":
    main()
