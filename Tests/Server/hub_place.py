"""A user's folder, and the program run in it against a hub of the tests."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

from hub_server import Hub

FIXTURES = Path(__file__).resolve().parents[1] / "Fixtures"
#: A model that runs, small enough to send a hundred times.
TINY = (FIXTURES / "tiny-qwen3.gguf").read_bytes()
#: The same in three files.
PARTS = {path.name: path.read_bytes() for path in FIXTURES.glob("tiny-qwen3-0000?-of-00003.gguf")}
TOKEN = "hf_ThisIsTheSecretTokenOfTheTests"


def noise(size: int, seed: int = 1) -> bytes:
    """Bytes that stand for a model where none is run."""
    return random.Random(seed).randbytes(size)


class Place:
    def __init__(self, program: Path, hub: Hub, home: Path) -> None:
        self.program = program
        self.home = home
        self.models = home / "cache/speculate/models"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "SPECULATE_", "XDG_"))}
        self.environment = kept | {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "HF_ENDPOINT": hub.url}

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment | environment,
        )

    def run(self, *arguments: str, status: int = 0, **environment: str) -> tuple[str, str]:
        """What is written to standard output and to standard error."""
        process = self.start(*arguments, **environment)
        output, log = process.communicate(timeout=120)
        assert process.returncode == status, (process.returncode, output, log)
        assert TOKEN not in output + log
        return output, log

    def pull(self, *arguments: str, **more) -> str:
        """What is logged."""
        return self.run("pull", *arguments, **more)[1]

    def path(self, name: str) -> Path:
        return self.models / name

    def files(self) -> list[str]:
        """All files of models, with the folders that they are in."""
        return sorted(str(path.relative_to(self.models)) for path in self.models.rglob("*") if path.is_file())
