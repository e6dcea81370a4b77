"""Speculate and every speculative mode of llama.cpp on the same file, prompts, tokens and threads, in one run.

    make peers-speculative
    make peers-text MODEL=FILE.gguf     # without a drafter, prompts as they are

Each prompt goes to every program in turn, greedily, several times over: llama.cpp plain, with its n-gram modes, and with
`draft-dspark` from an export of our drafter (`export --llama-cpp`); ours plain, with the same drafter at the same depth,
and adaptive. Without a drafter, what both draft from the text alone. Chat prompts are written out in the model's format, so that all read the same text. A speed is tokens a
second after the first token, the median over the repeats; τ is tokens per round over all prompts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean, median

from peers import prepare

ROOT = Path(__file__).resolve().parent.parent
SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
NGRAM_MODES = ["ngram-simple", "ngram-map-k", "ngram-map-k4v", "ngram-cache"]
Answer = tuple[int, int, int, float]  # tokens, drafted, accepted, tokens per second


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(port: int, path: str, body: dict[str, object] | None = None) -> dict[str, object]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.load(answer)


@contextlib.contextmanager
def llama(args: argparse.Namespace, *options: str | Path) -> Iterator[Callable[[str], Answer]]:
    """A running llama-server."""
    port = free_port()
    command = [
        args.tools / "llama-server", "-m", args.model, "-t", args.threads, "--port", port, "-c", 2048, "-np", 1,
        "--no-webui", *options,
    ]  # fmt: skip
    environment = os.environ | {"LD_LIBRARY_PATH": str(args.tools)}
    quiet = subprocess.DEVNULL
    server = subprocess.Popen([str(part) for part in command], env=environment, stdout=quiet, stderr=quiet)

    def complete(prompt: str) -> Answer:
        body = {"prompt": prompt, "n_predict": args.tokens, "temperature": 0, "cache_prompt": False}
        timings = ask(port, "/completion", body)["timings"]
        accepted = timings.get("draft_n_accepted", 0)
        return timings["predicted_n"], timings.get("draft_n", 0), accepted, timings["predicted_per_second"]

    try:
        for _ in range(600):
            with contextlib.suppress(OSError):
                if ask(port, "/health").get("status") == "ok":
                    break
            if server.poll() is not None:
                raise SystemExit(f"llama-server {' '.join(map(str, options))} ended with {server.returncode}")
            time.sleep(0.1)
        yield complete
    finally:
        server.terminate()
        server.wait()


def ours(args: argparse.Namespace, *options: str | Path) -> Callable[[str], Answer]:
    def complete(prompt: str) -> Answer:
        command = [
            ROOT / ".build/release/speculate", "complete", prompt, "--special", "--model", args.model, "--max-tokens",
            args.tokens, "--threads", args.threads, "--json", "--keep-loops", *options,
        ]  # fmt: skip
        output = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout
        s = json.loads(output)["statistics"]
        return s["completion_tokens"], s["drafted"], s["accepted"], s["tokens_per_second"]

    return complete


def chat(row: dict[str, str], is_raw: bool) -> str:
    if is_raw or row["category"] == "continuation":
        return row["prompt"]
    turns = f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{row['prompt']}<|im_end|>\n"
    return turns + "<|im_start|>assistant\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--drafter", type=Path)
    parser.add_argument("--llama-drafter", type=Path, help="made with 'export --llama-cpp'")
    parser.add_argument("--raw", action="store_true", help="prompts as they are, for a model that is no chat model")
    parser.add_argument("--tools", type=Path, required=True, help="folder of llama.cpp's programs")
    parser.add_argument("--depth", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    prepare(args.tools)
    rows = [json.loads(line) for line in (ROOT / "Tests/Fixtures/prompts.jsonl").read_text().splitlines()]
    prompts = [chat(row, args.raw) for row in rows[:: max(1, len(rows) // args.count)]]
    depth = str(args.depth)
    with contextlib.ExitStack() as servers:
        programs = {"llama.cpp plain": servers.enter_context(llama(args))}
        for mode in NGRAM_MODES:
            programs[f"llama.cpp {mode}"] = servers.enter_context(llama(args, "--spec-type", mode))
        if args.llama_drafter:
            flags = ["-md", args.llama_drafter, "--spec-type", "draft-dspark", "--spec-draft-n-max", depth]
            programs["llama.cpp draft-dspark"] = servers.enter_context(llama(args, *flags))
        programs["speculate plain"] = ours(args, "--depth", "0")
        if args.drafter:
            programs["speculate drafter"] = ours(args, "--drafter", args.drafter, "--depth", depth)
        programs["speculate adaptive"] = ours(args, *(["--drafter", args.drafter] if args.drafter else []))
        answers: dict[str, list[list[Answer]]] = {name: [] for name in programs}
        for prompt in prompts:
            for name in programs:
                answers[name].append([])
            for _ in range(args.repeats):
                for name, complete in programs.items():
                    answers[name][-1].append(complete(prompt))
    base = mean(median(a[3] for a in repeats) for repeats in answers["llama.cpp plain"])
    table = []
    for name, of_prompts in answers.items():
        tokens, accepted = (sum(repeats[0][part] for repeats in of_prompts) for part in (0, 2))
        speed = mean(median(answer[3] for answer in repeats) for repeats in of_prompts)
        table.append({"program": name, "tau": tokens / (tokens - accepted), "tokens_per_second": speed})
        print(f"{name:24} τ {tokens / (tokens - accepted):5.3f}  {speed:6.0f} tokens/s  {speed / base:5.2f} ×")
    if args.output:
        args.output.write_text(json.dumps({"depth": args.depth, "prompts": len(prompts), "table": table}, indent=1) + "\n")


if __name__ == "__main__":
    main()
