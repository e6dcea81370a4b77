"""What this engine and llama.cpp say of the next token, through their services."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from serve_load import ROOT, free_port

PROGRAM = ROOT / ".build/release/speculate"

KEPT = 20  # As many of the likeliest tokens as our service tells.
COMPARED = 10  # Of the truth's likeliest. An engine that has one of them not among its own 20 is off by at least the rest.
Logprobs = dict[int, float]


class RefusalError(Exception):
    """A model that a program does not load, with what it says."""


def ask(port: int, path: str, body: dict[str, object]) -> dict:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.load(answer)


@contextlib.contextmanager
def serving(command: list[object], environment: dict[str, str] | None = None) -> Iterator[int]:
    """A running service's port."""
    port = free_port()
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        words = [*map(str, command), "--port", str(port)]
        process = subprocess.Popen(words, env=os.environ | (environment or {}), stdout=log, stderr=log)
        try:
            while True:
                if process.poll() is not None:
                    log.seek(0)
                    raise RefusalError(complaint(log.read().splitlines(), process.returncode))
                with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                    break
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()
            process.wait()


def complaint(lines: list[str], status: int) -> str:
    """The first line that says what is wrong."""
    wrong = [line for line in lines if "error" in line.lower() or "assert" in line.lower()]
    return wrong[0].strip() if wrong else f"ended with {status}"


class Engine:
    """A running service. `steered` is a bias that makes one ordinary token certain, which does not change the
    log-probabilities that are told: of a token that ends a text, or begins a character, a service may tell nothing."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.steered = {str(self.tokenize("a")[-1]): 1000}

    def tokenize(self, text: str) -> list[int]:
        raise NotImplementedError

    def next_token(self, tokens: list[int]) -> Logprobs:
        """The log-probabilities of the likeliest tokens after these."""
        raise NotImplementedError

    def complete(self, tokens: list[int], count: int) -> list[int]:
        """The likeliest tokens one after the other, without one that ends the text."""
        raise NotImplementedError


class Llama(Engine):
    """llama-server."""

    @staticmethod
    @contextlib.contextmanager
    def serving(tools: Path, model: Path, *options: object) -> Iterator[Llama]:
        command = [tools / "llama-server", "-m", model, "-np", 1, "--no-webui", *options]
        with serving(command, {"LD_LIBRARY_PATH": str(tools)}) as port:
            yield Llama(port)

    def tokenize(self, text: str) -> list[int]:
        return ask(self.port, "/tokenize", {"content": text, "add_special": True, "parse_special": False})["tokens"]

    def next_token(self, tokens: list[int]) -> Logprobs:
        body = {"prompt": tokens, "n_predict": 1, "temperature": 0, "n_probs": KEPT, "logit_bias": self.steered}
        place = ask(self.port, "/completion", body)["completion_probabilities"][0]
        return {top["id"]: top["logprob"] for top in place["top_logprobs"]}

    def complete(self, tokens: list[int], count: int) -> list[int]:
        body = {"prompt": tokens, "n_predict": count, "temperature": 0, "return_tokens": True}
        answer = ask(self.port, "/completion", body)
        return answer["tokens"][:-1] if answer["stop_type"] == "eos" else answer["tokens"]


class Ours(Engine):
    """`speculate serve`, plain."""

    @staticmethod
    @contextlib.contextmanager
    def serving(program: Path, model: Path, *options: object) -> Iterator[Ours]:
        with serving([program, "serve", "--model", model, *options]) as port:
            yield Ours(port)

    def tokenize(self, text: str) -> list[int]:
        return ask(self.port, "/tokenize", {"prompt": text})["tokens"]

    def next_token(self, tokens: list[int]) -> Logprobs:
        place = self.tell(tokens, 1, logprobs=KEPT, logit_bias=self.steered)["top_logprobs"][0]
        return {number(name): logprob for name, logprob in place.items()}

    def complete(self, tokens: list[int], count: int) -> list[int]:
        return [number(name) for name in self.tell(tokens, count, logprobs=0)["tokens"]]

    def tell(self, tokens: list[int], count: int, **more: object) -> dict:
        body = {"prompt": tokens, "max_tokens": count, "temperature": 0, "speculation": "none"}
        body |= {"return_tokens_as_token_ids": True} | more
        return ask(self.port, "/v1/completions", body)["choices"][0]["logprobs"]


def number(name: str) -> int:
    return int(name.removeprefix("token_id:"))


def likeliest(logprobs: Logprobs) -> int:
    return max(logprobs, key=lambda token: logprobs[token])


def lead(truth: Logprobs, token: int) -> float:
    """By how much the truth's likeliest token leads another one."""
    best = max(truth.values())
    return best - truth.get(token, min(truth.values()))


def distances(told: Logprobs, truth: Logprobs) -> list[float]:
    """Of the log-probabilities of the truth's likeliest tokens."""
    compared = sorted(truth, key=lambda token: -truth[token])[:COMPARED]
    return [abs(told.get(token, min(told.values())) - truth[token]) for token in compared]
