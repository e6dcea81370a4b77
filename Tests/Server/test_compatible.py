"""What clients of other servers send, and what they expect back."""

from __future__ import annotations

import json
import re

import pytest
from conftest import NAME, ROOT, Server
from exchanges import CHAT, TEXT, ask, error_of

# Fields, each with a value that changes nothing and one that would.
NEUTRAL = {
    "top_k": (-1, -2), "best_of": (1, 2), "min_tokens": (0, 3), "ignore_eos": (False, True), "length_penalty": (1, 2),
    "use_beam_search": (False, True), "skip_special_tokens": (True, False), "tool_choice": ("none", "auto"),
    "typical_p": (1.0, 0.5), "mirostat": (0, 2), "cache_prompt": (True, None), "reasoning_effort": ("low", None),
    "verbosity": ("high", None), "n_predict": (8, -5), "repeat_penalty": (1.0, 0), "echo": (False, "yes"),
    "n_keep": (0, 4), "priority": (0, 1), "repeat_last_n": (64, "all"), "add_special_tokens": (True, "yes"),
    "chat_template_kwargs": ({}, {"enable_thinking": True}), "return_tokens_as_token_ids": (False, "yes"),
    "response_format": ({"type": "text"}, "text"), "add_generation_prompt": (True, False),
    "continue_final_message": (False, True),
}  # fmt: skip


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


def test_a_window_of_penalties_is_refused_where_there_is_one(server):
    for penalty in [{"repeat_penalty": 1.1}, {"presence_penalty": 0.5}, {"frequency_penalty": 0.5}]:
        error = error_of(server, TEXT | penalty | {"repeat_last_n": 64})
        assert error["param"] == "repeat_last_n" and "beside a penalty" in error["message"]
    assert ask(server, TEXT | {"repeat_penalty": 1, "repeat_last_n": -1})["choices"] == ask(server, TEXT)["choices"]


@pytest.mark.parametrize(("path", "body"), [("/v1/completions", TEXT), ("/v1/chat/completions", CHAT)])
def test_formats_other_than_text_are_refused_by_name(server, path, body):
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    error = error_of(server, body | {"response_format": schema}, path)
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
        assert error_of(server, {"messages": [turn]}, "/v1/chat/completions")["param"] == param


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
    # A form is not JSON, and a request from another site's page says where it is from.
    assert server.post("/v1/completions", b"prompt=x", "Content-Type: application/x-www-form-urlencoded")[0] == 415
    assert server.post("/v1/completions", body, "Content-Type: text/plain", "Origin: http://a.example")[0] == 415
    form = "Content-Type: application/x-www-form-urlencoded"
    assert server.post("/v1/completions", body, form, "Origin: http://a.example")[0] == 415


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
        # What the request says takes precedence.
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
    # The fields with which vLLM's clients ask for it.
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
    assert error_of(server, body, path)["param"] == param


def test_tokens_of_log_probabilities_may_be_named_by_their_ids(server):
    named = {"return_tokens_as_token_ids": True}
    body = TEXT | {"echo": True, "logprobs": 3, "max_tokens": 3}
    told, plain = (ask(server, body | more)["choices"][0]["logprobs"] for more in (named, {}))
    ids = [int(name.removeprefix("token_id:")) for name in told["tokens"]]
    assert ask(server, {"prompt": TEXT["prompt"]}, "/tokenize")["tokens"] == ids[:-3]
    assert told["token_logprobs"] == plain["token_logprobs"] and told["text_offset"] == plain["text_offset"]
    for id, text, best in zip(ids, plain["tokens"], told["top_logprobs"], strict=True):
        assert ask(server, {"tokens": [id]}, "/detokenize")["prompt"] == text
        assert best is None or len(best) == 3 and all(name.startswith("token_id:") for name in best)
    chat = ask(server, CHAT | named | {"logprobs": True, "top_logprobs": 2}, "/v1/chat/completions")
    for token in chat["choices"][0]["logprobs"]["content"]:
        text = ask(server, {"tokens": [int(token["token"].removeprefix("token_id:"))]}, "/detokenize")["prompt"]
        assert text.encode() == bytes(token["bytes"]) and token["top_logprobs"][0]["token"] == token["token"]


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
    # A token has the same probability in a prompt as it had when it was generated.
    alone = ask(server, {"prompt": whole["text"], "max_tokens": 0, "echo": True, "logprobs": 2})
    assert alone["choices"][0]["logprobs"] == logprobs and alone["usage"]["completion_tokens"] == 0
    assert alone["choices"][0]["text"] == whole["text"]
    # Long prompts, cached or not, and a single token.
    long = "The sea is blue. " * 60
    first, second = (ask(server, {"prompt": long, "max_tokens": 0, "echo": True, "logprobs": 1}) for _ in range(2))
    assert first["choices"] == second["choices"]
    assert len(first["choices"][0]["logprobs"]["tokens"]) == first["usage"]["prompt_tokens"]
    one = ask(server, {"prompt": "a", "max_tokens": 0, "echo": True, "logprobs": 1})["choices"][0]
    assert one["text"] == "a" and one["logprobs"]["token_logprobs"] == [None]
    assert ask(server, {"prompt": "a", "max_tokens": 0, "echo": True})["choices"][0]["text"] == "a"
    # The probabilities of so many tokens would be held until the answer is sent.
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


def test_the_documents_name_every_path(server):
    paths = [path for path in json.loads(server.get("/openapi.json")[1])["paths"] if "{" not in path]
    service = (ROOT / "README.md").read_text().split("## Service")[1].split("\n## ")[0]
    assert [path for path in paths if f"`{path}`" not in service] == []


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
            # An accepted token follows an accepted one.
            assert not token["accepted"] or token["parent"] == -1 or one["drafted"][token["parent"]]["accepted"]
    text = "".join(choice["delta"].get("content") or "" for event in events for choice in event["choices"])
    said = "".join("".join(t["text"] for t in one["drafted"] if t["accepted"]) + one["own"] for one in rounds)
    assert said.startswith(text)
    if speculation == "none":
        assert not any(one["drafted"] for one in rounds)
    elif speculation != "lookup:8":  # It finds nothing here.
        assert accepted
