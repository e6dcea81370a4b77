"""What clients of other servers send, and what they expect back."""

from __future__ import annotations

import json
import re
import struct
import subprocess

import pytest
from conftest import MODEL, NAME, PROGRAM, ROOT, Server

TEXT = {"prompt": "The capital of France is", "max_tokens": 8, "temperature": 0}
CHAT = {"messages": [{"role": "user", "content": "Name a fruit."}], "max_tokens": 8, "temperature": 0}
# Each with a value that changes nothing, and one that would.
NEUTRAL = {
    "top_k": (-1, -2), "best_of": (1, 2), "min_tokens": (0, 3), "ignore_eos": (False, True), "length_penalty": (1, 2),
    "use_beam_search": (False, True), "skip_special_tokens": (True, False), "tool_choice": ("none", "auto"),
    "typical_p": (1.0, 0.5), "mirostat": (0, 2), "cache_prompt": (True, None), "reasoning_effort": ("low", None),
    "verbosity": ("high", None), "n_predict": (8, -5), "repeat_penalty": (1.0, 0), "echo": (False, "yes"),
    "n_keep": (0, 4), "priority": (0, 1), "repeat_last_n": (64, "all"), "add_special_tokens": (True, "yes"),
    "chat_template_kwargs": ({}, {"enable_thinking": True}), "return_tokens_as_token_ids": (False, True),
    "response_format": ({"type": "text"}, "text"), "add_generation_prompt": (True, False),
    "continue_final_message": (False, True),
}  # fmt: skip


def ask(server: Server, body: dict, path: str = "/v1/completions", *headers: str) -> dict:
    status, answer = server.post(path, json.dumps(body).encode(), *headers)
    assert status == 200, answer
    return answer


@pytest.mark.parametrize("name", NEUTRAL)
def test_what_changes_nothing_is_accepted_and_what_would_is_named(server, name):
    plain, (neutral, other) = ask(server, TEXT), NEUTRAL[name]
    assert ask(server, TEXT | {name: neutral})["choices"] == plain["choices"]
    if other is not None:
        status, answer = server.post("/v1/completions", json.dumps(TEXT | {name: other}).encode())
        param = {"repeat_penalty": "repetition_penalty"}.get(name, name)
        assert status == 400 and answer["error"]["param"] == param and "expected" in answer["error"]["message"]
    if name != "echo":
        assert ask(server, CHAT | {name: neutral}, "/v1/chat/completions")["choices"]


def refused(server: Server, path: str, body: dict) -> dict:
    status, answer = server.post(path, json.dumps(body).encode())
    assert status == 400, answer
    return answer["error"]


def test_a_window_of_penalties_is_refused_where_there_is_one(server):
    for penalty in [{"repeat_penalty": 1.1}, {"presence_penalty": 0.5}, {"frequency_penalty": 0.5}]:
        error = refused(server, "/v1/completions", TEXT | penalty | {"repeat_last_n": 64})
        assert error["param"] == "repeat_last_n" and "beside a penalty" in error["message"]
    assert ask(server, TEXT | {"repeat_penalty": 1, "repeat_last_n": -1})["choices"] == ask(server, TEXT)["choices"]


@pytest.mark.parametrize(("path", "body"), [("/v1/completions", TEXT), ("/v1/chat/completions", CHAT)])
def test_formats_other_than_text_are_refused_by_name(server, path, body):
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    error = refused(server, path, body | {"response_format": schema})
    assert error["param"] == "response_format" and "'json_schema' is not supported" in error["message"]


def test_what_the_assistant_did_not_say_is_empty(server):
    def tokens(*assistant: dict) -> list[int]:
        turns = [{"role": "user", "content": "Hi"}, *assistant, {"role": "user", "content": "Hello?"}]
        return ask(server, {"messages": turns}, "/tokenize")["tokens"]

    empty = tokens({"role": "assistant", "content": ""})
    assert tokens({"role": "assistant", "content": None}) == tokens({"role": "assistant", "refusal": None}) == empty
    calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    for turn, param in [
        ({"role": "assistant", "content": None, "tool_calls": calls}, "messages[0].tool_calls"),
        ({"role": "user", "content": None}, "messages[0].content"),
    ]:
        assert refused(server, "/v1/chat/completions", {"messages": [turn]})["param"] == param


def test_the_model_may_be_left_out(server):
    answer = ask(server, TEXT)
    assert answer["model"] == NAME
    assert answer["choices"] == ask(server, TEXT | {"model": NAME})["choices"]


def test_more_tokens_than_there_is_room_for_fill_the_context():
    server = Server("--threads", "1", "--context", "64")
    try:
        for most in [-1, 100, 10**12]:
            body = {"prompt": "Count: 1, 2, 3,", "max_tokens": most, "logit_bias": {"0": -1000, "2": -1000}}
            usage = ask(server, body)["usage"]
            assert usage["total_tokens"] == 64
    finally:
        assert server.stop() == 0


def test_json_without_its_header_is_read_where_it_cannot_be_mistaken(server):
    body = json.dumps(TEXT).encode()
    for headers in [["Content-Type: application/x-www-form-urlencoded"], ["Content-Type:"]]:
        assert server.post("/v1/completions", body, *headers)[0] in (200, 415)
    request = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert server.raw(request + body).startswith(b"HTTP/1.1 200")
    # A form is none, and a page of another site shows where it is from.
    assert server.post("/v1/completions", b"prompt=x", "Content-Type: application/x-www-form-urlencoded")[0] == 415
    assert server.post("/v1/completions", body, "Content-Type: text/plain", "Origin: http://a.example")[0] == 415
    form = "Content-Type: application/x-www-form-urlencoded"
    assert server.post("/v1/completions", body, form, "Origin: http://a.example")[0] == 415


def test_tokens_and_their_text(server):
    tokens = ask(server, {"prompt": "Hello, world <|im_end|>"}, "/tokenize")
    assert tokens["count"] == len(tokens["tokens"]) > 4 and tokens["max_model_len"] == 8192
    assert ask(server, {"content": "Hello, world <|im_end|>"}, "/tokenize")["tokens"] == tokens["tokens"]
    back = ask(server, {"tokens": tokens["tokens"]}, "/detokenize")
    assert back["prompt"] == back["content"] == "Hello, world <|im_end|>"
    chat = ask(server, {"messages": CHAT["messages"]}, "/tokenize")
    assert chat["count"] == ask(server, CHAT, "/v1/chat/completions")["usage"]["prompt_tokens"]
    # What is open to be answered, and what is not.
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
    # No token of this vocabulary is all of the emoji.
    assert any(isinstance(piece["piece"], list) for piece in pieces) and pieces[-1]["piece"] == "<|im_end|>"
    both = ask(server, body | {"with_pieces": True, "return_token_strs": True}, "/tokenize")
    assert both["tokens"] == pieces and len(both["token_strs"]) == both["count"]
    assert both["token_strs"][-1] == "<|im_end|>" and "ĠSay" in both["token_strs"]


def entry(key: str, kind: int, value: bytes) -> bytes:
    """One of a GGUF file's metadata."""
    return struct.pack("<Q", len(key)) + key.encode() + struct.pack("<I", kind) + value


def test_the_begin_token_may_be_left_out(tmp_path):
    # A model that begins its texts with a token: what says so is put before the file's own metadata, and filled up so
    # that the tensors stay where alignment has them.
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
        assert refused(server, "/tokenize", both)["param"] == "add_special"
    finally:
        assert server.stop() == 0


def test_the_model_list_tells_the_context_and_the_defaults(server):
    model = json.loads(server.get("/v1/models")[1])["data"][0]
    assert model["max_model_len"] == 8192
    assert model["defaults"] == {"temperature": pytest.approx(0.2), "top_p": pytest.approx(0.9)}


def test_defaults_hold_where_a_request_says_nothing():
    server = Server("--threads", "1", "--temperature", "0", "--top-k", "5", "--max-tokens", "6")
    try:
        defaults = json.loads(server.get("/v1/models")[1])["data"][0]["defaults"]
        assert defaults == {"temperature": 0, "top_k": 5, "top_p": pytest.approx(0.9)}
        body = {"prompt": "The capital of France is"}
        answers = [ask(server, body) for _ in range(3)]
        assert len({answer["choices"][0]["text"] for answer in answers}) == 1
        assert answers[0]["usage"]["completion_tokens"] == 6
        assert ask(server, {"messages": CHAT["messages"]}, "/v1/chat/completions")["usage"]["completion_tokens"] <= 6
        # What the request says comes first.
        explicit = ask(server, body | {"temperature": 1, "top_k": 0, "top_p": 1, "seed": 3, "max_tokens": 9})
        assert explicit["usage"]["completion_tokens"] <= 9
    finally:
        assert server.stop() == 0


def test_an_answer_that_has_begun_is_continued(server):
    body = CHAT | {"messages": [*CHAT["messages"], {"role": "assistant", "content": "My favourite fruit is the"}]}
    answer = ask(server, body, "/v1/chat/completions")
    text = answer["choices"][0]["message"]["content"]
    assert text and not text.startswith("My favourite")
    raw = "<|im_start|>user\nName a fruit.<|im_end|>\n<|im_start|>assistant\nMy favourite fruit is the"
    counted = ask(server, {"messages": body["messages"]}, "/tokenize")["tokens"]
    tail = ask(server, {"tokens": counted}, "/detokenize")["prompt"]
    assert tail.endswith(raw)
    assert ask(server, TEXT | {"prompt": counted})["choices"][0]["text"] == text
    # As vLLM asks for it.
    fields = {"continue_final_message": True, "add_generation_prompt": False}
    same = ask(server, body | fields, "/v1/chat/completions")
    assert same["choices"][0]["message"]["content"] == text
    turns = {"messages": body["messages"]}
    assert ask(server, turns | fields, "/tokenize")["tokens"] == counted
    closed = ask(server, turns | {"add_generation_prompt": False}, "/tokenize")["tokens"]
    assert ask(server, {"tokens": closed}, "/detokenize")["prompt"] == tail + "<|im_end|>\n"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/tokenize"])
@pytest.mark.parametrize(
    ("is_begun", "opens", "continues", "param"),
    [
        (False, None, True, "continue_final_message"), (False, False, True, "continue_final_message"),
        (True, True, True, "add_generation_prompt"), (True, True, None, "add_generation_prompt"),
        (True, None, False, "continue_final_message"), (True, True, False, "continue_final_message"),
    ],
)  # fmt: skip
def test_contradictions_about_the_last_message_are_named(server, path, is_begun, opens, continues, param):
    turns = [*CHAT["messages"], *([{"role": "assistant", "content": "A"}] if is_begun else [])]
    body = {"messages": turns, "add_generation_prompt": opens, "continue_final_message": continues}
    assert refused(server, path, body)["param"] == param


def test_a_prompt_is_echoed_with_its_probabilities(server):
    whole = ask(server, TEXT | {"echo": True, "logprobs": 2, "max_tokens": 3})["choices"][0]
    plain = ask(server, TEXT | {"logprobs": 2, "max_tokens": 3})["choices"][0]
    assert whole["text"] == TEXT["prompt"] + plain["text"]
    logprobs = whole["logprobs"]
    assert "".join(logprobs["tokens"]) == whole["text"] and logprobs["token_logprobs"][0] is None
    assert len(logprobs["tokens"]) == len(logprobs["token_logprobs"]) == len(logprobs["top_logprobs"])
    for offset, token in zip(logprobs["text_offset"], logprobs["tokens"], strict=True):
        assert whole["text"][offset:].startswith(token)
    answer = len(plain["logprobs"]["tokens"])
    assert logprobs["token_logprobs"][-answer:] == plain["logprobs"]["token_logprobs"]
    # What a token had as part of a prompt is what it had when it was said.
    alone = ask(server, {"prompt": whole["text"], "max_tokens": 0, "echo": True, "logprobs": 2})
    assert alone["choices"][0]["logprobs"] == logprobs and alone["usage"]["completion_tokens"] == 0
    assert alone["choices"][0]["text"] == whole["text"]
    # Long prompts, whatever was computed before, and one token.
    long = "The sea is blue. " * 60
    first, second = (ask(server, {"prompt": long, "max_tokens": 0, "echo": True, "logprobs": 1}) for _ in range(2))
    assert first["choices"] == second["choices"]
    assert len(first["choices"][0]["logprobs"]["tokens"]) == first["usage"]["prompt_tokens"]
    one = ask(server, {"prompt": "a", "max_tokens": 0, "echo": True, "logprobs": 1})["choices"][0]
    assert one["text"] == "a" and one["logprobs"]["token_logprobs"] == [None]
    assert ask(server, {"prompt": "a", "max_tokens": 0, "echo": True})["choices"][0]["text"] == "a"
    # What is told of so many tokens is kept until it is sent.
    for more in [{"n": 9}, {"prompt": ["a"] * 9}, {"logprobs": 6}]:
        status, refusal = server.post("/v1/completions", json.dumps({"prompt": "a", "echo": True, "logprobs": 1} | more).encode())
        assert status == 400 and "with echo" in refusal["error"]["message"]
    status, refusal = server.post("/v1/completions", json.dumps(TEXT | {"max_tokens": 0}).encode())
    assert status == 400 and "max_tokens is 0" in refusal["error"]["message"]


def test_an_answer_that_goes_round_in_circles_ends_where_asked(server):
    body = {"prompt": "la la la la la la la la", "max_tokens": 200, "temperature": 0}
    cut = ask(server, body | {"end_loops": True})["choices"][0]
    whole = ask(server, body)["choices"][0]
    assert whole["text"].startswith(cut["text"]) and len(cut["text"]) < len(whole["text"])


def test_pages_of_other_origins_ask_where_the_operator_lets_them():
    server = Server("--threads", "1", "--cors", "https://chat.example", "--log-level", "info")
    try:
        ask_first = (
            b"OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: x\r\nOrigin: https://chat.example\r\n"
            b"Access-Control-Request-Method: POST\r\n"
            b"Access-Control-Request-Headers: content-type,authorization, X-Stainless-Lang,not a name\r\n"
            b"Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        answer = server.raw(ask_first).lower()
        assert answer.startswith(b"http/1.1 204") and b"access-control-allow-origin: https://chat.example" in answer
        assert b"access-control-allow-headers: content-type, authorization, x-stainless-lang\r\n" in answer
        assert b"access-control-allow-methods: get, post" in answer and b"vary: origin" in answer
        refusal = server.raw(ask_first.replace(b"https://chat.", b"https://other.")).lower()
        assert refusal.startswith(b"http/1.1 405") and b"access-control" not in refusal and b"vary: origin" in refusal
        body = json.dumps(CHAT).encode()
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nOrigin: https://chat.example\r\nContent-Type: application/json\r\n"
        answer = server.raw(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"access-control-allow-origin: https://chat.example" in answer.lower()
    finally:
        assert server.stop() == 0
    log = "".join(server.log)
    assert re.search(r"info.*POST /v1/chat/completions 200, \d+ tokens, τ \d[.\d]*, \d+ ms", log), log


@pytest.mark.parametrize(
    ("flag", "origin"),
    [
        ("*", "null"), ("http://localhost:3000", "http://localhost:3000"),
        ("HTTPS://Chat.Example:443", "https://chat.example"), ("http://[::1]:8000", "http://[::1]:8000"), ("chrome-extension://abc", "chrome-extension://abc"),
    ],
)  # fmt: skip
def test_an_origin_is_known_as_browsers_write_it(flag, origin):
    server = Server("--threads", "1", "--cors", flag, wait=False)
    try:
        answer = server.raw(b"GET /v1/models HTTP/1.1\r\nHost: x\r\nOrigin: %s\r\n\r\n" % origin.encode()).decode()
        assert f"access-control-allow-origin: {'*' if flag == '*' else origin}\r\n" in answer.lower()
    finally:
        server.stop()


@pytest.mark.parametrize(
    "flag",
    [
        "", "example.com", "http://a.com/", "http://a.com/path", "http://a.com:", "http://a.com:0",
        "http://a.com:99999", "http://", "http://*.a.com", "http://a.com,http://b.com", "http://user@a.com",
        "http://[::1", "null", "http://ä.com",
    ],
)  # fmt: skip
def test_an_origin_that_no_page_has_is_refused_at_the_start(flag):
    command = [PROGRAM, "serve", "--model", MODEL, "--port", "0", "--cors", flag]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 64 and f"--cors is '{flag}', expected '*' or scheme://host[:port]" in done.stderr


def test_the_documents_name_every_path(server):
    paths = [path for path in json.loads(server.get("/openapi.json")[1])["paths"] if "{" not in path]
    service = (ROOT / "README.md").read_text().split("## Service")[1].split("\n## ")[0]
    assert [path for path in paths if f"`{path}`" not in service] == []


def test_without_being_let_they_do_not(server):
    body = json.dumps(TEXT).encode()
    head = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nOrigin: https://chat.example\r\nContent-Type: application/json\r\n"
    answer = server.raw(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert b"access-control" not in answer.lower()


@pytest.mark.parametrize("speculation", ["adaptive", "lookup:8", "tree:6", "none"])
def test_a_stream_tells_its_rounds(server, speculation):
    body = CHAT | {
        "messages": [{"role": "user", "content": "Count from one to ten."}], "max_tokens": 40, "speculation": speculation,
        "stream": True, "stream_options": {"include_rounds": True, "include_usage": True},
    }  # fmt: skip
    data = json.dumps(body).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
    answer = server.raw(head + b"Content-Length: %d\r\n\r\n" % len(data) + data).decode()
    events = [json.loads(line[6:]) for line in re.findall(r"data: \{.*", answer)]
    rounds = [one for event in events for choice in event["choices"] for one in choice.get("rounds", [])]
    usage = events[-1]["usage"]
    assert len(rounds) == events[-1]["speculation"]["rounds"]
    accepted = [token for one in rounds for token in one["drafted"] if token["accepted"]]
    assert usage["completion_tokens_details"]["accepted_prediction_tokens"] in (len(accepted), len(accepted) - 1)
    for one in rounds:
        for place, token in enumerate(one["drafted"]):
            assert -1 <= token["parent"] < place
            # What is accepted follows what is accepted.
            assert not token["accepted"] or token["parent"] == -1 or one["drafted"][token["parent"]]["accepted"]
    text = "".join(choice["delta"].get("content") or "" for event in events for choice in event["choices"])
    said = "".join("".join(t["text"] for t in one["drafted"] if t["accepted"]) + one["own"] for one in rounds)
    assert said.startswith(text)
    if speculation == "none":
        assert not any(one["drafted"] for one in rounds)
    elif speculation != "lookup:8":  # Which finds nothing here.
        assert accepted
