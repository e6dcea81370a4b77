"""Texts that the drafter writes by diffusion alone: the route, and its view on the page."""

from __future__ import annotations

import json
import urllib.request

from conftest import NAME, Server
from playwright.sync_api import expect

BODY = {"messages": [{"role": "user", "content": "What is the capital of France?"}], "max_tokens": 20, "seed": 5}


def events(server: Server, body: dict) -> list[dict]:
    request = urllib.request.Request(
        server.url + "/v1/diffuse", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        parts = response.read().decode().split("\n\n")
    assert parts[-2:] == ["data: [DONE]", ""]
    return [json.loads(part.removeprefix("data: ")) for part in parts[:-2]]


def test_every_pass_is_an_event(server):
    *steps, end = events(server, BODY | {"steps": 4, "model": NAME})
    assert end["process"] == "absorbing" and end["finish_reason"] in ("stop", "length")
    assert end["usage"]["passes"] == len(steps) and end["usage"]["blocks"] == len({s["block"] for s in steps})
    assert end["usage"]["completion_tokens"] <= 20
    for step in steps:
        assert all(0 <= token["certainty"] <= 1.001 for token in step["tokens"])
        assert ("text" in step) == (step["pass"] == step["passes"] - 1)
        assert "text" not in step or all(token["settled"] for token in step["tokens"])
    assert steps[0]["passes"] == 4 and not any(token["settled"] for token in steps[0]["tokens"])
    assert events(server, BODY | {"steps": 4, "stream": True}) == [*steps, end]
    assert end["seed"] == 5
    drawn = {name: value for name, value in BODY.items() if name != "seed"} | {"temperature": 1}
    *_, last = once = events(server, drawn)
    assert events(server, drawn | {"seed": last["seed"]}) == once


def test_what_is_wrong_is_named(server):
    for field, value in [
        ("steps", 0), ("steps", 65), ("max_tokens", 0), ("order", "up"), ("schedule", 1), ("temperature", -1),
        ("seed", -1), ("prompt", "both"), ("messages", []), ("stream", False), ("remask", "yes"),
        ("sampler", "euler"), ("sampler", "best"),
    ]:  # fmt: skip
        status, answer = server.post("/v1/diffuse", json.dumps(BODY | {field: value}).encode())
        assert status == 400 and answer["error"]["message"], field
    assert "expected 'left' or 'confidence' or 'random'" in server.post(
        "/v1/diffuse", json.dumps(BODY | {"order": "up"}).encode()
    )[1]["error"]["message"]
    assert server.post("/v1/diffuse", b"[]")[1]["error"]["message"] == "the body is not an object"
    status, answer = server.post("/v1/diffuse", json.dumps(BODY | {"remask": True, "order": "left"}).encode())
    assert status == 400 and answer["error"]["param"] == "remask"
    assert server.post("/v1/diffuse", json.dumps(BODY | {"model": "other"}).encode())[0] == 404
    long = {"prompt": "word " * 9000}
    status, answer = server.post("/v1/diffuse", json.dumps(long).encode())
    assert status == 400 and answer["error"]["code"] == "context_length_exceeded"
    assert server.get("/v1/diffuse")[0] == 405


def test_without_a_drafter_it_is_refused():
    server = Server("--drafter", "lookup")
    status, answer = server.post("/v1/diffuse", json.dumps(BODY).encode())
    assert status == 400 and answer["error"]["code"] == "no_diffusion_drafter"
    assert server.stop() == 0


def test_what_ends_before_its_first_pass_is_refused():
    server = Server("--time-limit", "1", "--threads", "1", "--drain-time", "5")
    status, answer = server.post("/v1/diffuse", json.dumps({"prompt": "word " * 7000}).encode())
    assert status == 503 and answer["error"]["code"] == "overloaded"
    assert "did not begin within" in answer["error"]["message"]
    small = {"prompt": "word", "max_tokens": 8, "steps": 1}
    head = f"POST /v1/diffuse HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(json.dumps(small))}"
    assert server.raw(f"{head}\r\n\r\n{json.dumps(small)}".encode()).startswith(b"HTTP/1.1 200")
    assert server.stop() == 0


def test_the_page_shows_it(page):
    page.click("#diffuse")
    page.fill("#diffusion-pause", "0")
    page.fill("#diffusion-tokens", "24")
    page.fill("#diffusion-seed", "5")
    page.fill("#diffusion-temperature", "1")
    texts = []
    for order, schedule, sampler in [("random", "cosine", ""), ("random", "cosine", ""), ("", "", "ancestral")]:
        page.select_option("#diffusion-order", order)
        page.select_option("#diffusion-schedule", schedule)
        page.select_option("#diffusion-sampler", sampler)
        page.click("#diffusion-go")
        expect(page.locator("#diffusion-status")).to_contain_text("absorbing diffusion", timeout=60_000)
        texts.append(page.inner_text("#diffusion-text").strip())
    assert len(texts[0]) > 10 and texts[0] == texts[1] != texts[2]
    page.select_option("#diffusion-order", "random")
    page.click("#diffusion-go")
    expect(page.locator("#diffusion-status")).to_contain_text("order is random, expected none where sampler")
    page.click("#diffusion-close")
    expect(page.locator("#diffusion")).to_be_hidden()
