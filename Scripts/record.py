#!/usr/bin/env python3
"""Records the program answering a prompt without and with drafts, and draws both as one picture that moves.

    python3 Scripts/record.py --out Benchmarks/Results/plots/demo.svg

The text comes in the picture as it came in the run, at a tenth of its speed: a reader could not follow it else. Green is
what was drafted and accepted.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import time
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROMPT = "Write a Python function that reverses a string, and explain it."
COLUMNS, LINE, SIZE, SLOWER = 52, 19, 13.5, 10
WIDTH = 7.85 * SIZE / 13  # Of a character.

Part = tuple[float, str, bool]


def run(program: Path, prompt: str, tokens: int, *flags: str) -> tuple[list[Part], float]:
    """What came when, in seconds from the first part on, whether it was drafted; tokens per second."""
    command = [program, "complete", prompt, "--instruct", "--color", "-n", str(tokens), *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        parts: list[Part] = []
        pending, start = b"", 0.0
        while piece := os.read(process.stdout.fileno(), 65536):
            now = time.perf_counter()
            start = start or now
            pending += piece
            text = pending.decode(errors="ignore")
            pending = pending[len(text.encode()) :]
            for green, plain in re.findall(r"\x1b\[32m(.*?)\x1b\[0m|([^\x1b]+)", text, re.DOTALL):
                parts.append((now - start, green or plain, bool(green)))
        report = process.stderr.read().decode()
    speed = re.search(r"([\d.]+) tokens/s", report)
    assert process.returncode == 0 and speed, report
    return parts, float(speed[1])


def lay_out(parts: list[Part]) -> list[tuple[float, int, int, str, bool]]:
    """Pieces with their line and column, wrapped between words."""
    text = "".join(part for _, part, _ in parts)
    places: list[tuple[int, int] | None] = []
    line = column = 0
    for index, character in enumerate(text):
        if character == "\n":
            places.append(None)
            line, column = line + 1, 0
            continue
        word = re.match(r"\S*", text[index:])[0]  # type: ignore[index]
        begins = index == 0 or text[index - 1].isspace()
        if character == " " and column >= COLUMNS:
            places.append(None)
            continue
        if column >= COLUMNS or (begins and column and len(word) <= COLUMNS < column + len(word)):
            line, column = line + 1, 0
        places.append((line, column))
        column += 1
    pieces, index = [], 0
    for when, part, drafted in parts:
        begin = index
        for end in range(index + 1, index + len(part) + 1):
            if end < index + len(part) and places[end] and places[begin] and places[end][0] == places[begin][0]:
                continue
            if places[begin]:
                pieces.append((when, *places[begin], text[begin:end], drafted))
            begin = end
        index += len(part)
    return pieces


def pane(x: int, title: str, parts: list[Part], speed: float, total: float) -> tuple[list[str], int]:
    pieces = lay_out(parts)
    end = parts[-1][0]
    out = [f'<text x="{x}" y="44" class="head">{escape(title)}</text>']
    for when, line, column, text, drafted in pieces:
        if not text.strip():
            continue
        kind = ' class="drafted"' if drafted else ""
        begin, y = when * SLOWER / total, 74 + line * LINE
        # One clock for both panes; all goes at the end, and begins anew.
        out.append(
            f'<text x="{x + column * WIDTH:.1f}" y="{y}"{kind} textLength="{len(text) * WIDTH:.1f}" '
            f'opacity="1">{escape(text)}<animate attributeName="opacity" values="0;0;1;1" '
            f'keyTimes="0;{begin:.5f};{min(begin + 1e-5, 1):.5f};1" dur="{total:.2f}s" repeatCount="indefinite"/></text>'
        )
    height = 74 + (max(line for _, line, *_ in pieces) + 1) * LINE
    out.append(
        f'<text x="{x}" y="{height + 14}" class="speed">{speed:.0f} tokens/s (shown at a tenth of it)'
        f'<animate attributeName="opacity" values="0;0;1;1" keyTimes="0;{end * SLOWER / total:.5f};'
        f'{min(end * SLOWER / total + 1e-5, 1):.5f};1" dur="{total:.2f}s" repeatCount="indefinite"/></text>'
    )
    return out, height + 34


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / ".build/release/speculate")
    parser.add_argument("--prompt", default=PROMPT)
    parser.add_argument("--tokens", type=int, default=120)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    runs = {"plain": [], "drafts": []}
    for _ in range(5):
        runs["plain"].append(run(args.program, args.prompt, args.tokens, "--drafter", "none"))
        runs["drafts"].append(run(args.program, args.prompt, args.tokens))
    # The run of median speed of each.
    plain, drafts = (sorted(each, key=lambda run: run[1])[2] for each in runs.values())
    texts = ["".join(part for _, part, _ in parts) for parts, _ in (plain, drafts)]
    assert texts[0] == texts[1], "the texts differ"
    total = max(parts[-1][0] for parts, _ in (plain, drafts)) * SLOWER + 3
    gap = 24
    second = int(2 * gap + COLUMNS * WIDTH)
    left, height = pane(gap, "Plain decoding: one token per pass", plain[0], plain[1], total)
    title = f"Speculate: {drafts[1] / plain[1]:.1f} times as fast, the same text"
    right, _ = pane(second, title, drafts[0], drafts[1], total)
    width = int(second + COLUMNS * WIDTH + gap)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{escape(args.prompt)}, answered without and with drafts">',
        "<style>text { font: %spx ui-monospace, Menlo, Consolas, monospace; fill: #d6dde4; white-space: pre }" % SIZE,
        ".head, .speed { fill: #8f9ba7 } .speed { font-weight: bold } .drafted { fill: #56d27f }</style>",
        f'<rect width="{width}" height="{height}" rx="10" fill="#14181c"/>',
        f'<text x="{gap}" y="22" class="head">$ speculate --instruct "{escape(args.prompt)}" -n {args.tokens}</text>',
        *left, *right, "</svg>",
    ]  # fmt: skip
    args.out.parent.mkdir(parents=True, exist_ok=True)
    temporary = args.out.with_suffix(".tmp")
    temporary.write_text("\n".join(lines) + "\n")
    os.replace(temporary, args.out)
    print(f"{args.out}: {plain[1]:.0f} and {drafts[1]:.0f} tokens/s")


if __name__ == "__main__":
    main()
