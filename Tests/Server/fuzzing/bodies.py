"""JSON bodies: valid ones, and mutations of them."""

from __future__ import annotations

import random

from .client import Case
from .limits import NAME
from .messages import post, scramble
from .values import Make, Odd, Pairs, numbers, odd, one_of, size, text, tree, write

IDS = [0, 1, 2, 31, 255, 256, 383, 511, 512, 49151, 49152, 128255, 2**31 - 1, 2**31, -1, -(2**31), 2**63, 1.5, None]
BIAS_IDS = """
    0 1 2 17 256 49151 49152 -1 -0 +1 01 1.0 1e1 2147483647 2147483648 -2147483648 １ a
""".split() + [" 1", "", "\0"]  # fmt: skip
OTHER_NAMES = """
    tools functions tool_choice audio Model max-tokens grammar guided_json ignore_eos __proto__ prompt_logprobs
    response_format messages prompt
""".split() + ["", "\0", "a" * 5000, "\ud800", "n "]  # fmt: skip
IGNORED = """
    user metadata store service_tier safety_identifier prompt_cache_key prompt_cache_retention prediction
    parallel_tool_calls
""".split()


def biases(rng: random.Random) -> Pairs:
    values = [-100, 100, 0, -100.0, 1e-45, 99.99]
    if rng.random() < 0.1:
        values += [101, Odd(b"1e400"), None]  # type: ignore[list-item]
    count = rng.choice([1, 1, 2, 3, 10, 300])
    ids = [rng.choice(BIAS_IDS) if rng.random() < 0.2 else str(rng.randrange(500)) for _ in range(count)]
    return Pairs([token, rng.choice(values)] for token in ids)


def stops(rng: random.Random) -> object:
    unit = rng.choice(["a", " ", "\n", "<|im_end|>", ".", text(rng) or "b"])
    if rng.random() < 0.3:
        return unit * rng.choice([1, 10, 1000])
    count = rng.choice([0, 1, 2, 4, 5, 16]) if rng.random() < 0.9 else rng.choice([17, 100])
    return [unit * rng.choice([1, 2, 50, rng.choice([1000, 9000])]) for _ in range(count)]


def token_ids(rng: random.Random) -> list[object]:
    if rng.random() < 0.7:
        return [rng.randrange(256) for _ in range(rng.choice([1, 2, 30, 300]))]
    return [rng.choice(IDS)] * rng.choice([1, 2, 511, 512, 513, size(rng)])


def prompt(rng: random.Random) -> object:
    kind = rng.random()
    if kind < 0.6:
        return "The quick brown fox" if kind < 0.3 else text(rng)
    if kind < 0.8:
        return token_ids(rng)
    some = text if kind < 0.9 else token_ids
    return [some(rng) for _ in range(rng.choice([0, 1, 3, 128, 129]) if rng.random() < 0.3 else 2)]


def message(rng: random.Random) -> object:
    content: object = "Hello" if rng.random() < 0.5 else text(rng)
    if rng.random() < 0.25:
        content = [{"type": "text", "text": text(rng)} for _ in range(rng.randrange(4))]
    roles = ["system", "user", "assistant", "developer"] if rng.random() < 0.97 else ["tool", "", "\0", "SYSTEM"]
    return {"role": rng.choice(roles), "content": content} | ({"name": text(rng)} if rng.random() < 0.1 else {})


def stream_options(rng: random.Random) -> object:
    names = ["include_usage", "include_pieces", "include_rounds", "include_obfuscation"]
    return {name: rng.random() < 0.7 for name in names if rng.random() < 0.6}


FIELDS: dict[str, Make] = {
    "stream": one_of(True, True, True, False),
    "stream_options": stream_options,
    "logit_bias": biases,
    "seed": one_of(0, 1, -1, 2**63 - 1, -(2**63), 1234567),
    "stop": stops,
    "n": one_of(1, 2, 2, 2, 3, 3, 128, 129),
    "temperature": numbers(0, 2),
    "top_p": numbers(0, 1),
    "top_k": one_of(0, 1, 5, 49152, 2**31 - 1),
    "min_p": numbers(0, 1),
    "presence_penalty": numbers(-2, 2),
    "frequency_penalty": numbers(-2, 2),
    "repetition_penalty": numbers(0.01, 100),
    "repeat_penalty": numbers(0.01, 100),
    "speculation": one_of(
        "adaptive", "none", "lookup:8", "lookup:63", "diffusion:4", "tree:6", "tree:64", "lookup:0", "x"
    ),
    "end_loops": one_of(True, False),
    "n_predict": one_of(-1, 0, 3, 2**63 - 1),
    "min_tokens": one_of(0, 1),
    "tool_choice": one_of("none", "auto"),
}
TEXT_FIELDS: dict[str, Make] = {
    "logprobs": one_of(0, 1, 5, 20, 21),
    "best_of": one_of(1, 2),
    "suffix": one_of("", "", "x"),
    "echo": one_of(False, True, True),
}
CHAT_FIELDS: dict[str, Make] = {
    "logprobs": one_of(True, True, False),
    "top_logprobs": one_of(0, 1, 20, 21),
    "max_completion_tokens": one_of(1, 2, 20),
    "response_format": one_of({"type": "text"}, {"type": "text"}, {"type": "json_object"}),
    "modalities": one_of(["text"], ["text"], ["audio"], []),
}
DIFFUSION_FIELDS: dict[str, Make] = {
    "steps": one_of(1, 2, 4, 8, 64, 65, 0),
    "order": one_of("left", "confidence", "random", "up"),
    "schedule": one_of("linear", "cosine", "x"),
    "remask": one_of(True, True, False),
    "sampler": one_of("ancestral", "euler", "ddim", "clamped", "x"),
    "temperature": numbers(0, 2),
    "seed": one_of(0, 1, 2**64 - 1, 2**64, -1),
}


def diffusion_body(rng: random.Random) -> dict[str, object]:
    """A body for /v1/diffuse that is valid, or nearly."""
    body: dict[str, object] = {"max_tokens": rng.choice([1, 7, 8, 9, 40, 0])}
    if rng.random() < 0.5:
        body["messages"] = [message(rng) for _ in range(rng.choice([1, 2]))]
    if rng.random() < 0.5 or "messages" not in body:
        body["prompt"] = "The quick brown fox" if rng.random() < 0.7 else prompt(rng)
    for name in rng.sample(list(DIFFUSION_FIELDS), rng.choice([0, 1, 2, 3])):
        body[name] = DIFFUSION_FIELDS[name](rng)
    return body


def valid_body(rng: random.Random, is_chat: bool) -> dict[str, object]:
    """A body that is valid, or nearly."""
    body: dict[str, object] = {"model": NAME}
    if is_chat:
        body["messages"] = [message(rng) for _ in range(rng.choice([1, 1, 1, 2, 5, 60]))]
    else:
        body["prompt"] = prompt(rng)
    body["max_tokens"] = rng.choice([1, 2, 5, 16, 16, 40, 40, 300, 400, 510, -1, 0])
    fields = FIELDS | (CHAT_FIELDS if is_chat else TEXT_FIELDS)
    for name in rng.sample(list(fields), rng.choice([0, 1, 2, 3, 6])):
        body[name] = fields[name](rng)
    if rng.random() < 0.1:
        body[rng.choice(IGNORED)] = odd(rng)
    return body


def places(value: object) -> list[tuple[list, int]]:
    """The places in a value where something can be replaced, each a list and an index."""
    found: list[tuple[list, int]] = []
    if isinstance(value, list):
        for index, part in list(enumerate(value))[:50]:
            if not isinstance(value, Pairs):
                found.append((value, index))
            found += places(part)
    return found


def mutate(body: Pairs, rng: random.Random) -> None:
    """Changes one thing in a body."""
    kind = rng.random()
    holder, index = rng.choice(places(body) or [([None], 0)])
    if kind < 0.15 and body:
        body.insert(rng.randrange(len(body) + 1), [rng.choice(body)[0], odd(rng)])  # A key appears twice.
    elif kind < 0.22:
        body.append([rng.choice(OTHER_NAMES), odd(rng)])
    elif kind < 0.25 and body:
        del body[rng.randrange(len(body))]
    elif kind < 0.5:
        name = rng.choice([*FIELDS, *TEXT_FIELDS, *CHAT_FIELDS, *DIFFUSION_FIELDS, "max_tokens"])
        body[:] = [*(pair for pair in body if pair[0] != name), [name, odd(rng)]]
    elif kind < 0.85:
        holder[index] = odd(rng)
    elif kind < 0.92:
        holder[index] = [holder[index]] * rng.choice([1, 2, 100])
    else:
        other, place = rng.choice(places(body) or [([None], 0)])
        holder[index] = other[place] if not isinstance(other[place], list) else odd(rng)


def json_case(rng: random.Random) -> Case:
    is_chat = rng.random() < 0.5
    diffuses = rng.random() < 0.1
    body = tree(diffusion_body(rng) if diffuses else valid_body(rng, is_chat))
    assert isinstance(body, Pairs)
    for _ in range(rng.choice([0, 0, 1, 1, 1, 2, 5])):
        mutate(body, rng)
    data = write(body, rng)
    if rng.random() < 0.08:
        data = scramble(data, rng)
    elif rng.random() < 0.02:
        data = write(odd(rng), rng)
    if rng.random() < 0.06:
        names = ["prompt", "content", "messages", "parse_special", "model", "add_special"]
        some: dict[str, object] = {"tokens": token_ids(rng)} if rng.random() < 0.4 else {"prompt": text(rng)}
        some |= {rng.choice(names): odd(rng) for _ in range(rng.randrange(2))}
        place = b"/detokenize" if "tokens" in some else b"/tokenize"
        return Case("json tokens", [post(write(tree(some), rng), place)], is_plain=True)
    if diffuses:
        return Case("json diffusion", [post(data, b"/v1/diffuse")], is_plain=True)
    path = b"/v1/chat/completions" if is_chat else b"/v1/completions"
    return Case("json chat" if is_chat else "json text", [post(data, path)], is_plain=True)
