"""The start page in a real browser."""

from __future__ import annotations

import re
import shutil

import pytest
from conftest import NAME, Server
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser():
    assert CHROMIUM, "no Chromium found: 'setup.sh tests' installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(server: Server, browser: Browser):
    page = browser.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda message: (
            message.type == "error" and "status of 400" not in message.text and problems.append(message.text)
        ),
    )
    page.goto(server.url)
    yield page
    page.close()
    assert problems == []


def number(page: Page, place: str) -> float:
    return float(page.locator(place).inner_text().replace(",", ""))


def test_a_completion_is_streamed_coloured_and_counted(server, client, page):
    expect(page.locator("#model")).to_have_text(NAME)
    page.fill("#prompt", "Write three sentences about the sea.")
    page.fill("#tokens", "80")
    before = server.metric("vllm:spec_decode_num_accepted_tokens_total")
    page.click("#go")
    expect(page.locator("#status")).to_have_text(re.compile("Done|most tokens"), timeout=60_000)
    accepted = server.metric("vllm:spec_decode_num_accepted_tokens_total") - before
    answer = client.chat.completions.create(
        model=NAME,
        messages=[{"role": "user", "content": "Write three sentences about the sea."}],
        temperature=0,
        max_tokens=80,
    )
    assert page.locator("#answer").text_content() == answer.choices[0].message.content
    assert number(page, "#count") == answer.usage.completion_tokens
    drafted = page.locator("#answer .drafted").count()
    assert 0 < drafted <= accepted  # Of this very answer: what is drafted for another one may differ.
    assert number(page, "#tau") > 1 and number(page, "#rate") > 1 and number(page, "#first") >= 0


def test_figures_are_live_and_stop_stops(server, page):
    page.select_option("#mode", "text")
    page.fill("#prompt", "1, 2, 3, 4, 5, 6,")
    page.fill("#tokens", "6000")
    page.click("#go")
    expect(page.locator("#rate")).not_to_have_text("–", timeout=30_000)
    # Not wait_for_function: what it polls is evaluated in the page, whose policy forbids that.
    first = page.locator("#count").inner_text()
    expect(page.locator("#count")).not_to_have_text(first)
    assert number(page, "#count") > float(first.replace(",", ""))
    page.click("#stop")
    expect(page.locator("#status")).to_have_text("Stopped.")
    server.until("vllm:num_requests_running", 0)


def test_what_is_refused_is_shown(page):
    page.fill("#tokens", "8000")
    page.fill("#prompt", "word " * 5000)
    page.click("#go")
    expect(page.locator("#status.error")).to_contain_text("exceed the context")


def test_text_is_never_markup(page):
    page.select_option("#mode", "text")
    page.fill("#prompt", "Repeat: <b>x</b> <img src=y onerror=alert(1)> <b>x</b> <img src=y onerror=alert(1)> <b>x</b>")
    page.fill("#tokens", "30")
    page.click("#go")
    expect(page.locator("#status")).to_have_text(re.compile("Done|most tokens"), timeout=60_000)
    assert page.locator("#answer").text_content().count("<") > 0
    assert page.locator("#answer b, #answer img").count() == 0


def test_a_key_is_asked_for(browser, tmp_path):
    (tmp_path / "keys").write_text("secret")
    server = Server("--threads", "1", "--api-key-file", str(tmp_path / "keys"))
    try:
        page = browser.new_page()
        page.goto(server.url)
        expect(page.locator("#status.error")).to_contain_text("no API key")
        page.fill("#key", "secret")
        page.fill("#tokens", "5")
        page.click("#go")
        expect(page.locator("#status")).to_have_text(re.compile("Done|most tokens"), timeout=60_000)
        page.close()
    finally:
        assert server.stop() == 0
