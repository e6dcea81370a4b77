"""A server under test: started, watched and stopped."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from pathlib import Path

from .client import Case, connect, converse
from .limits import BODY_LIMIT, NAME, TIME_LIMIT
from .messages import get


class Target:
    """A server under test."""

    def __init__(self, program: str, model: str, flags: list[str]) -> None:
        command = [
            program, "serve", "--model", model, "--model-name", NAME, "--port", "0", "--threads", "1", "--parallel",
            "8", "--queue", "160", "--context", "512", "--max-body", str(BODY_LIMIT), "--time-limit", str(TIME_LIMIT),
            "--max-connections", "64", "--prefix-memory", "16", "--drain-time", "1", *flags,
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE)
        self.log: list[str] = []
        self.port = 0
        assert self.process.stderr is not None
        while not self.port:
            line = self.process.stderr.readline().decode(errors="replace")
            found = re.search(r"listening on http://[^:]+:(\d+)", line)
            if not line:
                raise SystemExit(f"the server does not start: {''.join(self.log)}")
            self.log.append(line)
            self.port = int(found[1]) if found else 0
        threading.Thread(target=self._read, daemon=True).start()
        while self.get(b"/health")[0] != 200:
            time.sleep(0.05)
        self.memory = self.resident()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log = [*self.log[-200:], line.decode(errors="replace")]

    def get(self, path: bytes) -> tuple[int, bytes]:
        with connect(self.port) as connection:
            outcome = converse(connection, Case("watch", [get(path)]))
        if not outcome.answers:
            raise OSError(f"no answer to {path!r}")
        return outcome.answers[0].status, outcome.answers[0].body

    def in_flight(self) -> float:
        text = self.get(b"/metrics")[1].decode()
        return sum(
            map(float, re.findall(r"^vllm:num_requests_(?:running|waiting)(?:\{.*\})? (\S+)", text, re.MULTILINE))
        )

    def resident(self) -> int:
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        return int(found[1]) * 1024 if found else 0

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> int | None:
        """Ends the server; returns its exit status, None if it does not heed the signal."""
        if self.is_alive:
            self.process.terminate()
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None
