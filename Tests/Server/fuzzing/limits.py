"""The limits that the server under test is started with, and how far it may exceed them."""

from __future__ import annotations

NAME = "SmolLM2-135M-Instruct.Q4_1"  # Whatever the model, so that the corpus also fits the tests' server.
TIME_LIMIT, BODY_LIMIT = 3, 200_000
GRACE = 2.0  # Seconds that an answer may take beyond the limits.
