from __future__ import annotations

import os

# Compiling takes longer than the tests do. `make test` runs those marked "compiled" a second time with 0 here.
os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType

from speculate_training.checkpoint import Checkpoint
from speculate_training.corpus import Corpus
from speculate_training.drafter import Drafter, DrafterConfig
from speculate_training.drafter_file import write
from speculate_training.laboratory.likelihood import Text
from speculate_training.laboratory.network import Network, adopt
from speculate_training.laboratory.source import Source
from speculate_training.verifier import Verifier

FIXTURES = Path(__file__).parents[2] / "Tests" / "Fixtures"


@pytest.fixture(scope="session")
def checkpoint() -> Checkpoint:
    return Checkpoint(FIXTURES / "tiny-qwen3.gguf")


@pytest.fixture(scope="session")
def verifier(checkpoint: Checkpoint) -> Verifier:
    return Verifier(checkpoint, torch.device("cpu"), torch.float32)


def drafter_config(verifier: Verifier, **own: Any) -> DrafterConfig:
    """A tiny drafter's, of the verifier's shapes but for what is given."""
    v = verifier.config
    values: dict[str, Any] = {
        "hidden": v.hidden, "feed_forward": v.feed_forward, "heads": v.heads, "kv_heads": v.kv_heads,
        "head_dimension": v.head_dimension, "vocabulary": v.vocabulary, "epsilon": v.epsilon,
        "rope_base": v.rope_base, "context": v.context, "taps": (0, 1), "rank": 32,
    }  # fmt: skip
    return DrafterConfig(**{**values, **own})


@pytest.fixture
def drafter(verifier: Verifier) -> Drafter:
    torch.manual_seed(1)
    config = drafter_config(verifier, draft_vocabulary=40, layers=2, block=4, window=9, mask_token=7)
    drafter = Drafter(config, torch.arange(5, 45), verifier.embedding, torch.float32)
    with torch.no_grad():
        for parameter in drafter.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return drafter


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    rng = np.random.default_rng(1)
    items = []
    for index in range(24):
        prompt, answer = rng.integers(3, 8), rng.integers(9, 20)
        tokens = rng.integers(0, 60, prompt + answer).tolist()
        items.append((tokens[:prompt], tokens[prompt:], f"kind{index % 2}"))
    return Corpus.build(items, 260)


@pytest.fixture
def source(drafter: Drafter, checkpoint: Checkpoint, corpus: Corpus, tmp_path: Path) -> Source:
    corpus.save(tmp_path / "corpus.npz")
    f32 = GGMLQuantizationType.F32
    write(tmp_path / "drafter.gguf", drafter, checkpoint, f32, f32, {})
    verifier = str(FIXTURES / "tiny-qwen3.gguf")
    return Source(verifier, tmp_path / "corpus.npz", tmp_path / "drafter.gguf", None, "cpu", tokens=200)


@pytest.fixture
def easy() -> Corpus:
    """A text of few tokens, so that all of it can be drafted."""
    rng = np.random.default_rng(2)
    return Corpus.build((([7, 8], (5 + rng.integers(0, 12, 30)).tolist(), "easy") for _ in range(16)), 260)


@pytest.fixture
def text(source: Source, easy: Corpus) -> Text:
    return Text.read(source, easy, 3)


def network_of(source: Source, process: str) -> Network:
    return adopt(source.begin("drafter"), process)
