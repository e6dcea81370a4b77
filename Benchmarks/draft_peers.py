"""τ of one drafter in llama.cpp's `draft-dspark` and in this engine: the same prompts, tokens and weights.

    python Benchmarks/draft_peers.py MODEL.gguf --drafter DRAFTER.gguf --llama-drafter EXPORT.gguf --tools FOLDER

Both decode greedily. The prompts are of Tests/Fixtures/prompts.jsonl; each goes to both as the same text, without a chat
template, so that both read the same tokens. τ is tokens a round, over all prompts.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

from peers import prepare

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(port: int, path: str, body: dict[str, object] | None = None) -> dict[str, object]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.load(answer)


def llama(args: argparse.Namespace, prompts: list[str]) -> tuple[int, int, int]:
    """Tokens, drafted and accepted tokens of llama.cpp's server."""
    port = free_port()
    command = [
        args.tools / "llama-server", "-m", args.model, "-md", args.llama_drafter, "--spec-type", "draft-dspark",
        "--spec-draft-n-max", args.depth, "-t", args.threads, "--port", port, "-c", 2048, "-np", 1, "--no-webui",
    ]  # fmt: skip
    environment = os.environ | {"LD_LIBRARY_PATH": str(args.tools)}
    server = subprocess.Popen(
        [str(part) for part in command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(600):
            try:
                if ask(port, "/health").get("status") == "ok":
                    break
            except OSError:
                if server.poll() is not None:
                    raise SystemExit(f"llama-server ended with {server.returncode}") from None
                time.sleep(0.1)
        tokens = drafted = accepted = 0
        for prompt in prompts:
            body = {"prompt": prompt, "n_predict": args.tokens, "temperature": 0, "cache_prompt": False}
            timings = ask(port, "/completion", body)["timings"]
            tokens += timings["predicted_n"]
            drafted += timings.get("draft_n", 0)
            accepted += timings.get("draft_n_accepted", 0)
        return tokens, drafted, accepted
    finally:
        server.terminate()
        server.wait()


def ours(args: argparse.Namespace, prompts: list[str]) -> tuple[int, int, int]:
    tokens = drafted = accepted = 0
    for prompt in prompts:
        command = [
            ROOT / ".build/release/speculate", "complete", prompt, "--model", args.model, "--drafter", args.drafter,
            "--depth", args.depth, "--max-tokens", args.tokens, "--threads", args.threads, "--json",
        ]  # fmt: skip
        output = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout
        statistics = json.loads(output)["statistics"]
        tokens += statistics["completion_tokens"]
        drafted += statistics["drafted"]
        accepted += statistics["accepted"]
    return tokens, drafted, accepted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--drafter", type=Path, required=True)
    parser.add_argument("--llama-drafter", type=Path, required=True, help="made with 'export --llama-cpp'")
    parser.add_argument("--tools", type=Path, required=True, help="folder of llama.cpp's programs")
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    prepare(args.tools)
    rows = [json.loads(line) for line in (ROOT / "Tests/Fixtures/prompts.jsonl").read_text().splitlines()]
    prompts = [row["prompt"] for row in rows[: args.count]]
    for name, run in (("llama.cpp", llama), ("speculate", ours)):
        tokens, drafted, accepted = run(args, prompts)
        print(f"{name:10} {tokens} tokens, {drafted} drafted, {accepted} accepted, τ {tokens / (tokens - accepted):.3f}")


if __name__ == "__main__":
    main()
