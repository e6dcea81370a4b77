"""Answers on the page, in a real browser: how they end, and what happens when they are refused or fail."""

from __future__ import annotations

import re

from chat_page import ENDED, LONG, begin, endless, picture, send, settings
from playwright.sync_api import expect


def test_stop_retry_and_new_lines(server, page):
    endless(page)
    begin(page, LONG)
    page.click("#stop")
    expect(page.locator("#status")).to_have_text("Stopped.")
    server.until("vllm:num_requests_running", 0)
    assert page.locator(".turn.assistant .body").inner_text()
    settings(page, max_tokens="5")
    page.click("[aria-label='Answer again']")
    expect(page.locator("#status")).to_have_text("Ended at the maximum of 5 tokens.", timeout=60_000)
    first = page.locator(".turn.assistant .body").inner_text()
    page.click("[aria-label='Answer again']")
    expect(page.locator("#status")).to_have_text(re.compile(ENDED), timeout=60_000)
    assert page.locator(".turn.assistant .body").inner_text() == first  # Greedy.
    page.fill("#prompt", "one")
    page.press("#prompt", "Shift+Enter")
    assert page.locator("#prompt").input_value() == "one\n"
    expect(page.locator(".turn")).to_have_count(2)


def test_why_an_answer_ended_is_told(page):
    settings(page, temperature="0", max_tokens="7")
    send(page, "Write three sentences about the sea.")
    expect(page.locator("#status")).to_have_text("Ended at the maximum of 7 tokens.")
    for tokens, prompt, more, words in [
        (9, 20, {"max_tokens": 60, "end_loops": True}, "Ended because it repeated itself."),
        (9, 8183, {"max_tokens": 60, "end_loops": True}, "Ended because the context is full."),
        (9, 20, {"max_tokens": 60, "end_loops": False}, "Ended at a limit of the server."),
    ]:
        result = {"reason": "length", "tokens": tokens, "promptTokens": prompt}
        assert page.evaluate("([result, asked]) => ending(result, asked)", [result, more]) == words


def test_what_is_refused_is_shown_and_nothing_is_lost(page):
    settings(page, temperature="0", max_tokens="5")
    send(page, "Hello")
    long = "word " * 9000
    page.fill("#prompt", long)
    page.press("#prompt", "Enter")
    expect(page.locator("#status.error")).to_contain_text("expected fewer than the context")
    # The conversation is unchanged and can continue.
    expect(page.locator(".turn.user .body")).to_have_text(["Hello"])
    assert page.locator("#prompt").input_value() == long
    picture(page, "refused-1280")
    page.reload()
    assert page.locator("#prompt").input_value() == long
    send(page, "How are you?")
    expect(page.locator(".turn.user .body")).to_have_text(["Hello", "How are you?"])
    settings(page, speculation="nonsense")
    page.fill("#prompt", "Hi")
    page.press("#prompt", "Enter")
    expect(page.locator("#status.error")).to_contain_text("speculation is 'nonsense'")
    # An answer that cannot be repeated stays too.
    answers = page.locator(".turn.assistant .body").all_inner_texts()
    page.click("[aria-label='Answer again']")
    expect(page.locator("#status.error")).to_contain_text("speculation is 'nonsense'")
    assert page.locator(".turn.assistant .body").all_inner_texts() == answers
    settings(page, speculation="")
    page.click("#again")
    expect(page.locator("#status")).to_have_text(re.compile(ENDED), timeout=60_000)
    assert page.locator("#prompt").input_value() == "Hi"


def test_the_oldest_messages_are_left_out_when_the_context_is_full(page):
    settings(page, temperature="0", max_tokens="5")
    page.evaluate("""() => {
        for (const text of ["zero " + "word ".repeat(8150), "one", "two"])
            current.turns.push({role: "user", content: text}, {role: "assistant", content: "Yes."});
        save(current);
        draw();
    }""")
    requests = []
    page.on("request", lambda request: "completions" in request.url and requests.append(request.post_data_json))
    send(page, "How are you?", "maximum of 5 tokens")
    assert requests[0]["messages"][0]["content"] == "one" and len(requests[0]["messages"]) == 5
    expect(page.locator(".left-out")).to_contain_text("The context is full")
    expect(page.locator(".figures").last).to_contain_text("the oldest messages left out")
    expect(page.locator(".turn:has(.left-out) .body")).to_have_text("one")
    expect(page.locator(".turn")).to_have_count(8)
    page.reload()
    expect(page.locator(".left-out")).to_be_visible()
    picture(page, "left-out-1280")
    page.click("text=Compare with plain decoding")
    expect(page.locator("#status")).to_have_text("The same text, byte for byte.", timeout=60_000)


def test_what_failed_can_be_tried_again(page):
    settings(page, temperature="0", max_tokens="5")
    busy = {"error": {"message": "the server is busy"}}
    page.route("**/v1/chat/completions", lambda route: route.fulfill(status=429, json=busy))
    page.fill("#prompt", "Hello")
    page.press("#prompt", "Enter")
    expect(page.locator("#status.error")).to_have_text("the server is busy")
    assert page.locator("#prompt").input_value() == "Hello"
    page.unroute("**/v1/chat/completions")
    page.click("#again")
    expect(page.locator("#status")).to_have_text(re.compile(ENDED), timeout=60_000)
    expect(page.locator("#again")).to_be_hidden()
    assert page.locator("#prompt").input_value() == ""
    # Stopped before the answer began.
    page.route("**/v1/chat/completions", lambda route: None)
    page.fill("#prompt", "And now?")
    page.press("#prompt", "Enter")
    page.fill("#prompt", "Later")
    page.click("#stop")
    expect(page.locator("#status")).to_have_text("Stopped before the answer began.")
    assert page.locator("#prompt").input_value() == "And now?\n\nLater"
    expect(page.locator(".turn")).to_have_count(2)
    # A question is still there after a reload while it waits for its answer.
    page.fill("#prompt", "And now?")
    page.press("#prompt", "Enter")
    expect(page.locator("#stop")).to_be_visible()
    page.reload()
    page.unroute("**/v1/chat/completions")
    if page.locator("#prompt").input_value():
        page.press("#prompt", "Enter")
    else:
        page.click("[aria-label='Answer this message']")
    expect(page.locator("#status")).to_have_text(re.compile(ENDED), timeout=60_000)
    expect(page.locator(".turn.user .body")).to_have_text(["Hello", "And now?"])
