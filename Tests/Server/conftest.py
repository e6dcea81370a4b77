"""Servers to test: the built program with the real model, on real sockets."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from hub_place import Place
from hub_server import Hub
from playwright.sync_api import Browser, expect, sync_playwright

pytest.register_assert_rewrite("chat_page", "exchanges")

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("SPECULATE", ROOT / ".build/debug/speculate"))
MODEL = subprocess.run([ROOT / "Models/fetch.sh"], capture_output=True, text=True, check=True).stdout.strip()
NAME = Path(MODEL).stem
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Server:
    """A running `speculate serve`."""

    def __init__(self, *flags: str, wait: bool = True) -> None:
        command = [str(PROGRAM), "serve", "--model", MODEL, "--port", "0", *flags]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        self.log: list[str] = []
        # A tiny model is loaded before there is a port.
        while not (found := re.search(r"listening on http://([^:]+):(\d+)", line := self.process.stderr.readline())):
            self.log.append(line)
            assert line, self.log
        self.port = int(found[2])
        threading.Thread(target=self._read, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.port}"
        if wait:
            self.wait()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.log.extend(self.process.stderr)

    def wait(self) -> None:
        for _ in range(600):
            if self.get("/health")[0] == 200:
                return
            time.sleep(0.05)
        raise AssertionError(f"not loaded: {self.log}")

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=30) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, name: str) -> float:
        """The sum of a metric's series."""
        lines = [line for line in self.get("/metrics")[1].splitlines() if re.match(rf"{re.escape(name)}[ {{]", line)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def until(self, name: str, value: float) -> None:
        """Waits for a metric to have a value."""
        for _ in range(400):
            if self.metric(name) == value:
                return
            time.sleep(0.05)
        raise AssertionError(f"{name} is {self.metric(name)}, expected {value}")

    def client(self, **more: object) -> openai.OpenAI:
        settings: dict = {"base_url": self.url + "/v1", "api_key": "none", "max_retries": 0, "timeout": 120} | more
        return openai.OpenAI(**settings)

    def raw(self, data: bytes, *, timeout: float = 20) -> bytes:
        """Sends bytes as they are; returns what comes until the server closes or has answered."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            connection.sendall(data)
            connection.settimeout(timeout)
            answer = b""
            while True:
                head, end, body = answer.partition(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
                if end and length and len(body) >= int(length[1]):
                    return answer
                part = connection.recv(65536)
                if not part:
                    return answer
                answer += part

    def post(self, path: str, body: bytes, *headers: str) -> tuple[int, dict]:
        """One POST; the status and the JSON answered."""
        lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers]
        if not any(header.lower().startswith("content-type") for header in headers):
            lines.append("Content-Type: application/json")
        answer = self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        head, _, text = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(text)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    server = Server("--threads", "2", "--max-body", "200000")
    yield server
    assert server.process.poll() is None, "the server is gone"
    assert server.stop() == 0


@pytest.fixture
def client(server: Server) -> openai.OpenAI:
    return server.client()


@pytest.fixture(scope="module")
def browser():
    assert CHROMIUM, "no Chromium found: 'setup.sh tests' installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def opened(server: Server, browser: Browser, width: int = 1280, height: int = 800, **more):
    """The page in a new window; its errors are collected in `problems`."""
    context = browser.new_context(viewport={"width": width, "height": height}, **more)
    page = context.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on(
        "console",
        lambda message: (
            message.type == "error" and "status of 4" not in message.text and page.problems.append(message.text)
        ),
    )
    page.goto(server.url)
    expect(page.locator("#model")).to_contain_text(NAME)
    return page


@pytest.fixture
def page(server: Server, browser: Browser):
    page = opened(server, browser)
    yield page
    page.context.close()
    assert page.problems == []


@pytest.fixture
def hub():
    hub = Hub()
    yield hub
    hub.close()


@pytest.fixture
def place(hub: Hub, tmp_path: Path) -> Place:
    return Place(PROGRAM, hub, tmp_path)
