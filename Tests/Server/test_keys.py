"""What the clients of one API key cannot learn about another's, and cannot take from them."""

from __future__ import annotations

import random
import socket
import string
import threading

import openai
import pytest
from conftest import NAME, Server
from exchanges import LONG, SHORT, request


@pytest.fixture(scope="module")
def keyed(tmp_path_factory):
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text("alice\nbob\n")
    server = Server("--threads", "2", "--parallel", "4", "--queue", "8", "--api-key-file", str(keys))
    yield server
    assert server.stop() == 0


def test_no_key_learns_what_another_said(keyed):
    rng = random.Random(3)
    secret = "The code is " + " ".join("".join(rng.choices(string.ascii_lowercase, k=5)) for _ in range(60))

    def cached(key: str, salt: str | None = None) -> int:
        answer = keyed.client(api_key=key).completions.create(
            model=NAME, prompt=secret, max_tokens=1, temperature=0, extra_body={"cache_salt": salt} if salt else None
        )
        return answer.usage.prompt_tokens_details.cached_tokens

    assert cached("alice") == 0
    assert cached("alice") > 100
    assert cached("bob") == 0
    assert cached("bob") > 100
    assert cached("alice", "a room of her own") == 0
    assert cached("alice", "a room of her own") > 100
    assert cached("alice", "another") == 0


def test_requests_in_progress_share_nothing_across_keys(keyed):
    secret = "Once there was " + " ".join(str(n * 7919) for n in range(300))
    answers: dict[str, int] = {}

    def ask(key: str) -> None:
        body = {"model": NAME, "prompt": secret, "max_tokens": 30, "temperature": 0}
        answer = keyed.client(api_key=key).completions.create(**body)
        answers[key] = answer.usage.prompt_tokens_details.cached_tokens

    threads = [threading.Thread(target=ask, args=(key,)) for key in ["alice", "bob"]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {"alice": 0, "bob": 0}


def test_one_key_cannot_take_all_places(keyed):
    connections = [socket.create_connection(("127.0.0.1", keyed.port), timeout=60) for _ in range(7)]
    body = request(LONG | {"max_tokens": 3000}).replace(b"\r\n\r\n", b"\r\nAuthorization: Bearer alice\r\n\r\n", 1)
    for connection in connections[:6]:
        connection.sendall(body)
    keyed.until("vllm:num_requests_running", 4)
    keyed.until("vllm:num_requests_waiting", 2)
    connections[6].sendall(body)
    assert connections[6].recv(65536).startswith(b"HTTP/1.1 429")
    with pytest.raises(openai.RateLimitError, match="6 completions of this client are in progress or waiting and 1 more asked for"):
        keyed.client(api_key="alice").completions.create(**SHORT)
    # All slots are alice's, but bob need not wait for any of them to end.
    assert keyed.client(api_key="bob").completions.create(**SHORT).usage.completion_tokens == 4
    keyed.until("vllm:num_requests_running", 4)
    for connection in connections:
        connection.close()
    keyed.until("vllm:num_requests_running", 0)
    keyed.until("vllm:num_requests_waiting", 0)
