"""Two replicas behind a real nginx, with the configuration that is shipped."""

from __future__ import annotations

import concurrent.futures
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import openai
import pytest
from conftest import NAME, ROOT, Server

NGINX = next(
    path
    for path in [shutil.which("nginx"), "/usr/sbin/nginx", ROOT / ".build/nginx/usr/sbin/nginx"]
    if path and Path(path).exists()
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def balanced(tmp_path):
    replicas = [Server("--threads", "1", "--parallel", "2", "--queue", "0") for _ in range(2)]
    port = free_port()
    text = (ROOT / "Deploy/nginx.conf").read_text()
    for old, new in [("8081", replicas[0].port), ("8082", replicas[1].port), ("127.0.0.1:8080", f"127.0.0.1:{port}")]:
        text = text.replace(str(old), str(new))
    (tmp_path / "nginx.conf").write_text(text)
    nginx = subprocess.Popen([NGINX, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")])
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0, timeout=60)
    for _ in range(100):
        try:
            client.models.list()
            break
        except openai.APIError:
            time.sleep(0.05)
    yield client, replicas
    nginx.terminate()
    assert nginx.wait(10) == 0
    for replica in replicas:
        replica.stop()


def ask(client: openai.OpenAI, seed: int, **more) -> str:
    chunks = client.completions.create(
        **(
            {"model": NAME, "prompt": "The sea", "max_tokens": 120, "temperature": 0.8, "seed": seed, "stream": True}
            | more
        )
    )
    return "".join(chunk.choices[0].text for chunk in chunks)


def test_both_replicas_answer_and_one_may_go(balanced):
    client, replicas = balanced
    alone = [ask(client, seed) for seed in range(4)]
    # Each replica takes two at once and lets none wait: four find a place only with both.
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        for _ in range(3):
            assert list(threads.map(lambda seed: ask(client, seed), range(4))) == alone
    assert all(replica.metric("vllm:generation_tokens_total") > 0 for replica in replicas)
    # One is told to go in the middle of its answers: nobody notices.
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        answers = [threads.submit(ask, client, seed, max_tokens=200) for seed in range(2)]
        time.sleep(0.1)
        assert replicas[0].stop() == 0
        assert all(answer.result() for answer in answers)
    for _ in range(3):
        assert [ask(client, seed) for seed in range(2)] == alone[:2]


def test_a_client_of_nginx_that_hangs_up_ends_its_completion(balanced):
    client, replicas = balanced
    stream = client.completions.create(
        model=NAME, prompt="1, 2,", max_tokens=6000, temperature=0, logit_bias={"0": -100, "2": -100}, stream=True
    )
    next(iter(stream))
    running = [replica for replica in replicas if replica.metric("vllm:num_requests_running") == 1]
    assert len(running) == 1
    stream.close()
    running[0].until("vllm:num_requests_running", 0)


def test_the_files_for_running_it_say_what_the_program_knows():
    flags = subprocess.run([ROOT / ".build/debug/speculate", "serve", "--help"], capture_output=True, text=True).stdout
    for name in ["Dockerfile", "speculate.service", "kubernetes.yaml"]:
        for flag in re.findall(
            r"--(?:host|port|model|threads|api-key-file|drain-time)\b", (ROOT / "Deploy" / name).read_text()
        ):
            assert flag in flags, (name, flag)
