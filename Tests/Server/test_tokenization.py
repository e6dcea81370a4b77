"""Tokens and their text, at the paths that clients of other servers use."""

from __future__ import annotations

import json
import struct
from pathlib import Path

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


def text_entry(key: str, text: str) -> bytes:
    return entry(key, 8, struct.pack("<Q", len(text.encode())) + text.encode())


def write_model(path: Path, *entries: bytes) -> None:
    """A tiny model with more metadata, which goes before the file's own, with padding that keeps the tensors aligned."""
    more = b"".join(entries)
    room = -(len(more) + len(text_entry("fill", ""))) % 32
    more += text_entry("fill", " " * room)
    file = (ROOT / "Tests/Fixtures/tiny-llama3.gguf").read_bytes()
    head = file[:16] + struct.pack("<Q", struct.unpack_from("<Q", file, 16)[0] + len(entries) + 1)
    path.write_bytes(head + more + file[24:])


def test_the_begin_token_may_be_left_out(tmp_path):
    path = tmp_path / "begins.gguf"
    begin = entry("tokenizer.ggml.bos_token_id", 4, struct.pack("<I", 1))
    write_model(path, entry("tokenizer.ggml.add_bos_token", 7, b"\1"), begin)
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


TEMPLATE = """{% if messages[0].role == 'system' %}{{ raise_exception('no system ' + messages[0].content) }}{% endif %}
{{- messages | length }}{{ 'think' if enable_thinking else 'answer' }}{{ reasoning_effort }}{{ names | join('+') }}"""


def test_a_chat_template_gets_what_requests_say_and_its_refusals_reach_the_client(tmp_path):
    path = tmp_path / "template.gguf"
    write_model(path, text_entry("tokenizer.chat_template", TEMPLATE))
    chat = {"messages": [{"role": "user", "content": "Hi"}]}
    flags = ["--chat-template-kwargs", '{"names": ["c"]}']
    server = Server("--threads", "1", "--model", str(path), *flags)

    def prompt(more: dict) -> str:
        tokens = ask(server, chat | more, "/tokenize")["tokens"]
        return ask(server, {"tokens": tokens}, "/detokenize")["prompt"]

    try:
        assert prompt({}) == prompt({"chat_template_kwargs": {"enable_thinking": False}}) == "1answerc"
        assert prompt({"chat_template_kwargs": {"enable_thinking": True, "names": ["a", "b"]}}) == "1thinka+b"
        assert prompt({"reasoning_effort": "low"}) == "1answerlowc"
        assert prompt({"reasoning_effort": "low", "chat_template_kwargs": {"reasoning_effort": "x"}}) == "1answerxc"
        long = chat | {"max_tokens": 1, "chat_template_kwargs": {"names": ["x"] * 20}}
        count = ask(server, long, "/v1/chat/completions")["usage"]["prompt_tokens"]
        assert count == len(ask(server, chat | {"chat_template_kwargs": {"names": ["x"] * 20}}, "/tokenize")["tokens"])
        for value in [{"tools": []}, {"messages": []}, {"a": {"b": 1}}, [1], "x"]:
            for where in ["/v1/chat/completions", "/tokenize"]:
                error = error_of(server, chat | {"chat_template_kwargs": value}, where)
                assert error["param"] == "chat_template_kwargs" and "expected" in error["message"]
        refused = {"messages": [{"role": "system", "content": "S"}]}
        error = error_of(server, refused, "/v1/chat/completions")
        assert error["message"] == "the model's chat template refuses the conversation: 'no system S'"
        assert error["type"] == "invalid_request_error"
    finally:
        assert server.stop() == 0


def test_a_template_that_cannot_be_read_is_named_and_texts_do_without_it(tmp_path):
    path = tmp_path / "unreadable.gguf"
    write_model(path, text_entry("tokenizer.chat_template", "{% include 'x' %}"))
    server = Server("--threads", "1", "--model", str(path))
    try:
        error = error_of(server, {"messages": [{"role": "user", "content": "Hi"}]}, "/v1/chat/completions")
        assert "unknown statement 'include'" in error["message"] and "no format's control tokens" in error["message"]
        assert ask(server, {"prompt": "Hello", "max_tokens": 2})["usage"]["completion_tokens"] > 0
    finally:
        assert server.stop() == 0
