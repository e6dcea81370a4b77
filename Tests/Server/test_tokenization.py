"""Tokens and their text, at the paths that clients of other servers use."""

from __future__ import annotations

import json
import struct

from conftest import ROOT, Server
from exchanges import CHAT, ask, error_of


def test_tokens_and_their_text(server):
    tokens = ask(server, {"prompt": "Hello, world <|im_end|>"}, "/tokenize")
    assert tokens["count"] == len(tokens["tokens"]) > 4 and tokens["max_model_len"] == 8192
    assert ask(server, {"content": "Hello, world <|im_end|>"}, "/tokenize")["tokens"] == tokens["tokens"]
    back = ask(server, {"tokens": tokens["tokens"]}, "/detokenize")
    assert back["prompt"] == back["content"] == "Hello, world <|im_end|>"
    chat = ask(server, {"messages": CHAT["messages"]}, "/tokenize")
    assert chat["count"] == ask(server, CHAT, "/v1/chat/completions")["usage"]["prompt_tokens"]
    # With the opening of an answer, and without.
    opening = ask(server, {"tokens": chat["tokens"]}, "/detokenize")["prompt"]
    closed = ask(server, {"messages": CHAT["messages"], "add_generation_prompt": False}, "/tokenize")["tokens"]
    assert chat["tokens"][: len(closed)] == closed
    assert ask(server, {"tokens": closed}, "/detokenize")["prompt"] == opening.removesuffix("<|im_start|>assistant\n")
    for path, body in [("/tokenize", {}), ("/tokenize", {"prompt": "a", "content": "b"}), ("/detokenize", {"tokens": [-1]})]:
        status, answer = server.post(path, json.dumps(body).encode())
        assert status == 400 and answer["error"]["message"]


def test_tokens_come_with_their_text(server):
    body = {"prompt": "Où? Say: \U0001f994 <|im_end|>", "parse_special": True}
    plain = ask(server, body, "/tokenize")
    pieces = ask(server, body | {"with_pieces": True}, "/tokenize")["tokens"]
    assert [piece["id"] for piece in pieces] == plain["tokens"] and "token_strs" not in plain
    parts = [p["piece"].encode() if isinstance(p["piece"], str) else bytes(p["piece"]) for p in pieces]
    assert b"".join(parts).decode() == body["prompt"]
    # No single token of this vocabulary is the whole emoji.
    assert any(isinstance(piece["piece"], list) for piece in pieces) and pieces[-1]["piece"] == "<|im_end|>"
    both = ask(server, body | {"with_pieces": True, "return_token_strs": True}, "/tokenize")
    assert both["tokens"] == pieces and len(both["token_strs"]) == both["count"]
    assert both["token_strs"][-1] == "<|im_end|>" and "ĠSay" in both["token_strs"]


def entry(key: str, kind: int, value: bytes) -> bytes:
    """One entry of a GGUF file's metadata."""
    return struct.pack("<Q", len(key)) + key.encode() + struct.pack("<I", kind) + value


def test_the_begin_token_may_be_left_out(tmp_path):
    # A model that begins its texts with a token: entries that say so go before the file's own metadata, with padding
    # that keeps the tensors aligned.
    more = entry("tokenizer.ggml.add_bos_token", 7, b"\1") + entry("tokenizer.ggml.bos_token_id", 4, struct.pack("<I", 1))
    room = -(len(more) + len(entry("fill", 8, bytes(8)))) % 32
    more += entry("fill", 8, struct.pack("<Q", room) + b" " * room)
    file = (ROOT / "Tests/Fixtures/tiny-llama3.gguf").read_bytes()
    head = file[:16] + struct.pack("<Q", struct.unpack_from("<Q", file, 16)[0] + 3)
    path = tmp_path / "begins.gguf"
    path.write_bytes(head + more + file[24:])
    server = Server("--threads", "1", "--model", str(path), "--chat-format", "llama-3")
    try:
        whole = ask(server, {"prompt": "Hello"}, "/tokenize")["tokens"]
        bare = ask(server, {"prompt": "Hello", "add_special_tokens": False}, "/tokenize")["tokens"]
        assert ask(server, {"content": "Hello", "add_special": False}, "/tokenize")["tokens"] == bare
        assert whole == [1, *bare]
        both = {"prompt": "Hello", "add_special": True, "add_special_tokens": False}
        assert error_of(server, both, "/tokenize")["param"] == "add_special"
    finally:
        assert server.stop() == 0
