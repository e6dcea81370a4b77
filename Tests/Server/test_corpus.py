"""Requests that were once findings of `fuzz.py`: each file of `corpus` holds the bytes that were sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzzing.oracle import replay

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.bin"))


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_what_was_once_a_finding_is_answered_as_it_should_be(server, path):
    assert replay(server.port, path.read_bytes()) == []
    assert server.get("/health")[0] == 200
