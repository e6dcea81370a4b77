"""Drafts and rounds on the page, in a real browser, and the comparison with plain decoding."""

from __future__ import annotations

import re

from chat_page import LONG, begin, endless, picture, send, settings
from conftest import opened
from playwright.sync_api import expect


def test_drafts_are_coloured_and_rounds_are_shown_one_by_one(server, page):
    settings(page, temperature="0", max_tokens="80")
    page.check("#colour")
    before = server.metric("vllm:spec_decode_num_accepted_tokens_total")
    send(page, "Write three sentences about the sea.")
    accepted = server.metric("vllm:spec_decode_num_accepted_tokens_total") - before
    assert 0 < page.locator(".body .drafted").count() <= accepted
    text = page.locator(".turn.assistant .tokens").text_content()
    page.click("text=Rounds")
    slider = page.locator(".player input")
    rounds = int(slider.get_attribute("max"))
    said = 0
    for place in range(1, rounds + 1):
        slider.evaluate("(slider, place) => { slider.value = place; slider.dispatchEvent(new Event('input')); }", place)
        assert page.locator(".chip.own").count() == 1
        said += page.locator(".chip.yes").count()
    assert 0 < said <= accepted
    assert page.locator(".player .row span").inner_text().startswith(f"Round {rounds} of {rounds}:")
    slider.evaluate("slider => { slider.value = 2; slider.dispatchEvent(new Event('input')); }")
    picture(page, "rounds-1280")
    page.click("text=▶ Play")
    expect(page.locator(".player .row span")).to_contain_text("Round 4 of", timeout=10_000)
    # Uncoloured, the text is the same.
    page.uncheck("#colour")
    words = re.sub(r"\W+", "", page.locator(".turn.assistant .body").inner_text())
    assert words == re.sub(r"\W+", "", text)


def test_the_open_rounds_stay_in_sight(server, browser):
    page = opened(server, browser, 1280, 420)
    settings(page, temperature="0", max_tokens="80")
    send(page, "Write three sentences about the sea.")
    page.click("text=Rounds")
    expect(page.locator(".player")).to_be_in_viewport(ratio=0.9)
    slider = page.locator(".player input")
    slider.evaluate("slider => { slider.value = 3; slider.dispatchEvent(new Event('input')); }")
    page.check("#colour")
    expect(page.locator(".player .row span")).to_contain_text("Round 3 of")
    page.click("text=Compare with plain decoding")
    expect(page.locator("#status")).to_have_text("The same text, byte for byte.", timeout=60_000)
    expect(page.locator(".player .row span")).to_contain_text("Round 3 of")
    page.click("text=Rounds")
    expect(page.locator(".player")).to_have_count(0)
    assert page.problems == []
    page.context.close()


def test_what_is_known_of_an_answer_is_there_after_a_reload(page):
    settings(page, temperature="0", max_tokens="60")
    page.check("#colour")
    send(page, "Write three sentences about the sea.")
    drafted = page.locator(".body .drafted").all_text_contents()
    assert drafted
    page.reload()
    assert page.locator(".body .drafted").all_text_contents() == drafted
    page.click("text=Rounds")
    expect(page.locator("#status")).to_contain_text("Rounds are not kept")
    # The current system prompt is not the one that the answer had.
    page.click("#settings")
    page.fill("#system", "Say nothing but yes.")
    page.click("#close")
    page.click("text=Compare with plain decoding")
    expect(page.locator("#status")).to_have_text("The same text, byte for byte.", timeout=60_000)


def test_plain_decoding_is_measured_beside(page):
    settings(page, max_tokens="60")
    send(page, "Count from one to ten.")
    expect(page.locator("#ratio-box")).to_be_hidden()
    page.click("text=Compare with plain decoding")
    expect(page.locator("#status")).to_have_text("The same text, byte for byte.", timeout=60_000)
    ratio = r"[\d.]+ times plain decoding \([\d,]+ tokens/s\), the same text"
    assert re.search(ratio, page.locator(".figures").inner_text())
    expect(page.locator("#ratio-box")).to_be_visible()
    # The figures belong to their answer.
    page.click("#new")
    expect(page.locator("#ratio-box")).to_be_hidden()
    expect(page.locator("#status")).to_have_text("")
    expect(page.locator("#rate")).to_have_text("–")
    send(page, "Hello")
    expect(page.locator("#ratio-box")).to_be_hidden()
    page.click("#list .open:has-text('Count')")
    expect(page.locator("#ratio-box")).to_be_visible()


def test_a_stopped_answer_is_compared_as_far_as_it_goes(server, page):
    endless(page)
    begin(page, LONG)
    expect(page.locator(".turn.assistant .body")).to_contain_text("4", timeout=30_000)
    page.click("#stop")
    expect(page.locator("#status")).to_have_text("Stopped.")
    expect(page.locator(".figures")).to_contain_text("stopped")
    page.click("text=Compare with plain decoding")
    expect(page.locator("#status")).to_contain_text("The same text up to where it stopped", timeout=60_000)
    expect(page.locator("#status.error")).to_have_count(0)
    assert "plain" not in page.locator(".figures").inner_text()
    # A stopped comparison leaves nothing behind.
    page.route("**/v1/chat/completions", lambda route: None)
    page.click("text=Compare with plain decoding")
    page.click("#stop")
    expect(page.locator("#go")).to_be_visible()
    assert "plain" not in page.locator(".figures").inner_text()
    server.until("vllm:num_requests_running", 0)
