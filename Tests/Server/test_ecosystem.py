"""Programs that people already have, unchanged: LangChain, LiteLLM, and EleutherAI's evaluation harness."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import NAME, Server
from langchain_openai import ChatOpenAI

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # It fetches prices as it is imported else.
import litellm  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydantic")  # LiteLLM's own.


def test_langchain(server):
    model = ChatOpenAI(base_url=server.url + "/v1", api_key="none", model=NAME, temperature=0, max_tokens=20, max_retries=0)
    answer = model.invoke([("system", "You answer briefly."), ("user", "Name a fruit.")])
    assert answer.content and answer.usage_metadata["output_tokens"] <= 20
    assert answer.response_metadata["finish_reason"] in ("stop", "length")
    chunks = [chunk.content for chunk in model.stream([("system", "You answer briefly."), ("user", "Name a fruit.")])]
    assert "".join(chunks) == answer.content and len(chunks) > 1


def test_litellm(server):
    settings = {
        "model": f"openai/{NAME}", "api_base": server.url + "/v1", "api_key": "none", "temperature": 0, "max_tokens": 20,
        "messages": [{"role": "user", "content": "Name a fruit."}], "num_retries": 0,
    }  # fmt: skip
    answer = litellm.completion(**settings)
    assert answer.choices[0].message.content and answer.usage.completion_tokens <= 20
    chunks = [chunk.choices[0].delta.content or "" for chunk in litellm.completion(**settings, stream=True)]
    assert "".join(chunks) == answer.choices[0].message.content
    with pytest.raises(litellm.BadRequestError, match="temperature is 2000"):
        litellm.completion(**(settings | {"temperature": 2000}))


TASK = """
task: capitals
dataset_path: json
dataset_kwargs:
  data_files:
    test: {data}
test_split: test
output_type: multiple_choice
doc_to_text: "The capital of {{{{country}}}} is"
doc_to_choice: "{{{{cities}}}}"
doc_to_target: 0
metric_list:
  - metric: acc
"""
CAPITALS = [("France", "Paris"), ("Italy", "Rome"), ("Japan", "Tokyo"), ("Spain", "Madrid"), ("Egypt", "Cairo"), ("Russia", "Moscow")]


def test_evaluation_harness(server, tmp_path):
    """A task of six questions, told by the likelihood of each answer."""
    cities = [city for _, city in CAPITALS]
    rows = [
        {"country": country, "cities": [city, *(other for other in cities if other != city)]} for country, city in CAPITALS
    ]
    data = tmp_path / "capitals.json"
    data.write_text("\n".join(json.dumps(row) for row in rows))
    (tmp_path / "capitals.yaml").write_text(TASK.format(data=data))
    arguments = f"base_url={server.url}/v1/completions,model={NAME},tokenizer_backend=remote,num_concurrent=2"
    done = subprocess.run(
        [
            Path(sys.executable).with_name("lm_eval"), "--model", "local-completions", "--model_args", arguments,
            "--tasks", "capitals", "--include_path", tmp_path, "--output_path", tmp_path / "out", "--log_samples",
        ],
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(tmp_path / "cache"), "HF_HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    results = json.loads(next((tmp_path / "out").rglob("results*.json")).read_text())
    assert results["results"]["capitals"]["acc,none"] >= 5 / 6
    # The likelihoods are those that the server gives to the words themselves.
    samples = [json.loads(line) for line in next((tmp_path / "out").rglob("samples*.jsonl")).read_text().splitlines()]
    sample = next(sample for sample in samples if sample["doc"]["country"] == "France")
    told = float(sample["filtered_resps"][0][0])
    body = {"prompt": "The capital of France is Paris", "max_tokens": 0, "echo": True, "logprobs": 1}
    status, answer = server.post("/v1/completions", json.dumps(body).encode())
    assert status == 200
    logprobs = answer["choices"][0]["logprobs"]
    assert logprobs["tokens"][-1] == " Paris" and math.isclose(told, logprobs["token_logprobs"][-1], rel_tol=1e-4)
