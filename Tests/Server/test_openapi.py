"""The server against its own description, by property-based tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from conftest import Server


def test_schemathesis(tmp_path):
    # A small context keeps answers short where no length is asked for.
    server = Server("--threads", "2", "--context", "48")
    program = Path(sys.executable).with_name("schemathesis")
    try:
        done = subprocess.run(
            [
                program, "run", f"{server.url}/openapi.json", "--max-examples", "25", "--seed", "1", "--no-color",
                "--generation-database", "none", "--request-timeout", "60", "--continue-on-failure",
                # A schema cannot say that prompt and answer fit the context, or that a token is one of the vocabulary's.
                "--exclude-checks", "positive_data_acceptance",
            ],
            capture_output=True, text=True, timeout=900, cwd=tmp_path, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        # Not all of it was refused.
        assert server.metric("vllm:request_success_total") > 50
    finally:
        assert server.stop() == 0
