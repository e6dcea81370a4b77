"""The page in a real browser, by what a person does."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from conftest import NAME, Server
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Where pictures of the page go, for a person to look at.
PICTURES = os.environ.get("PAGE_PICTURES")


@pytest.fixture(scope="module")
def browser():
    assert CHROMIUM, "no Chromium found: 'setup.sh tests' installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def opened(server: Server, browser: Browser, width: int = 1280, height: int = 800, **more):
    context = browser.new_context(viewport={"width": width, "height": height}, **more)
    page = context.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on(
        "console",
        lambda message: (
            message.type == "error" and "status of 4" not in message.text and page.problems.append(message.text)
        ),
    )
    page.goto(server.url)
    expect(page.locator("#model")).to_contain_text(NAME)
    return page


@pytest.fixture
def page(server: Server, browser: Browser):
    page = opened(server, browser)
    yield page
    page.context.close()
    assert page.problems == []


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def settings(page: Page, **values: str) -> None:
    page.click("#settings")
    for name, value in values.items():
        page.fill(f"#{name}", value)
    page.click("#close")


def send(page: Page, text: str, status: str = "Done|token limit") -> None:
    page.fill("#prompt", text)
    page.press("#prompt", "Enter")
    expect(page.locator("#status")).to_have_text(re.compile(status), timeout=60_000)


def number(text: str) -> float:
    return float(text.replace(",", ""))


def test_a_conversation_is_streamed_counted_and_kept(server, client, page):
    settings(page, temperature="0", max_tokens="60")
    send(page, "Name three fruits.")
    first = client.chat.completions.create(
        model=NAME, messages=[{"role": "user", "content": "Name three fruits."}], temperature=0, max_tokens=60,
        extra_body={"end_loops": True},
    )  # fmt: skip
    answer = first.choices[0].message.content
    stored = json.loads(page.evaluate("localStorage.getItem('speculate.chats')"))
    assert [turn["content"] for turn in stored[0]["turns"]] == ["Name three fruits.", answer]
    figures = page.locator(".turn.assistant .figures").inner_text()
    assert figures.startswith(f"{first.usage.completion_tokens} tokens") and "τ" in figures
    assert number(page.locator("#rate").inner_text()) > 1 and number(page.locator("#tau").inner_text()) >= 1
    send(page, "Which of them is red?")
    expect(page.locator(".turn")).to_have_count(4)
    picture(page, "conversation-1280")
    page.reload()
    expect(page.locator(".turn")).to_have_count(4)
    expect(page.locator("#list li.on")).to_contain_text("Name three fruits.")
    assert page.locator("#temperature").input_value() == "0"


def test_conversations_are_listed_renamed_exported_and_deleted(page):
    settings(page, temperature="0", max_tokens="5")
    send(page, "One")
    page.click("#new")
    expect(page.locator(".turn")).to_have_count(0)
    send(page, "Two")
    expect(page.locator("#list li")).to_have_count(2)
    page.once("dialog", lambda dialog: dialog.accept("Second"))
    page.click("[aria-label='Rename Two']")
    expect(page.locator("#list li.on")).to_contain_text("Second")
    page.click("#list .open:has-text('One')")
    expect(page.locator(".turn.user .body")).to_have_text("One")
    page.click("#settings")
    page.fill("#system", "Be brief.")
    with page.expect_download() as download:
        page.click("#export")
    exported = json.loads(download.value.path().read_text())["messages"]
    assert [message["role"] for message in exported] == ["system", "user", "assistant"]
    page.press("body", "Escape")
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("[aria-label='Delete One']")
    expect(page.locator("#list li")).to_have_count(1)
    expect(page.locator(".turn.user .body")).to_have_text("Two")


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
    # The other way to read it is the same text.
    page.uncheck("#colour")
    words = re.sub(r"\W+", "", page.locator(".turn.assistant .body").inner_text())
    assert words == re.sub(r"\W+", "", text)


def test_plain_decoding_is_measured_beside(page):
    settings(page, max_tokens="60")
    send(page, "Count from one to ten.")
    expect(page.locator("#ratio-box")).to_be_hidden()
    page.click("text=Compare with plain decoding")
    expect(page.locator("#status")).to_have_text("The same text, byte for byte.", timeout=60_000)
    assert re.search(r"[\d.]+ times plain decoding \([\d,]+ tokens/s\), the same text", page.locator(".figures").inner_text())
    expect(page.locator("#ratio-box")).to_be_visible()


def test_stop_edit_and_retry(server, page):
    settings(page, temperature="0", max_tokens="6000")
    page.click("#settings")
    page.uncheck("#loops")
    page.click("#close")
    page.fill("#prompt", "Write the numbers from 1 to 2000, one a line.")
    page.press("#prompt", "Enter")
    expect(page.locator("#rate")).not_to_have_text("–", timeout=30_000)
    page.click("#stop")
    expect(page.locator("#status")).to_have_text("Stopped.")
    server.until("vllm:num_requests_running", 0)
    assert page.locator(".turn.assistant .body").inner_text()
    page.click("[aria-label='Edit the message']")
    assert page.locator("#prompt").input_value().startswith("Write the numbers")
    expect(page.locator(".turn")).to_have_count(0)
    settings(page, max_tokens="5")
    send(page, "Say hello.")
    first = page.locator(".turn.assistant .body").inner_text()
    page.click("[aria-label='Answer again']")
    expect(page.locator("#status")).to_have_text(re.compile("Done|token limit"), timeout=60_000)
    assert page.locator(".turn.assistant .body").inner_text() == first  # Greedy.
    page.fill("#prompt", "one")
    page.press("#prompt", "Shift+Enter")
    assert page.locator("#prompt").input_value() == "one\n"
    expect(page.locator(".turn")).to_have_count(2)


def test_what_is_refused_is_shown_and_nothing_is_lost(page):
    page.fill("#prompt", "word " * 9000)
    page.press("#prompt", "Enter")
    expect(page.locator("#status.error")).to_contain_text("expected fewer than the context")
    expect(page.locator(".turn.user")).to_have_count(1)
    settings(page, speculation="nonsense")
    page.click("[aria-label='Edit the message']")
    page.fill("#prompt", "Hi")
    page.press("#prompt", "Enter")
    expect(page.locator("#status.error")).to_contain_text("speculation is 'nonsense'")


def test_markdown_is_shown_and_text_is_never_markup(page):
    source = """# Head
Some *soft* and **loud** `code` [link](https://example.com) [bad](javascript:alert(1))
- one
- two
  more

1. first
2. second

> said
```python
print("<b>x</b>")
```
| a | b |
|---|---|
| 1 | <img src=y onerror=alert(1)> |

<script>alert(1)</script> <img src=x onerror=alert(2)>"""
    page.evaluate("source => { const box = document.createElement('div'); box.id = 'made'; box.append(markdown(source)); document.body.append(box); }", source)
    made = page.locator("#made")
    for tag, count in {"h3": 1, "em": 1, "strong": 1, "ul li": 2, "ol li": 2, "blockquote": 1, "pre code": 1, "td": 2, "a": 1}.items():
        assert made.locator(tag).count() == count, tag
    assert made.locator("img, script, b").count() == 0
    assert made.locator("a").get_attribute("href") == "https://example.com"
    assert "javascript:alert(1)" in made.inner_text() and "<script>alert(1)</script>" in made.inner_text()
    assert made.locator("pre code").text_content() == 'print("<b>x</b>")'
    # Whatever comes half, it is shown.
    for end in range(len(source)):
        page.evaluate("text => { markdown(text); }", source[:end])
    for text in ["```", "| a |\n|", "* ", "**", "`", "1.", "> ", "[x](", "_a", "|\n|-|"]:
        page.evaluate("text => { markdown(text); }", text)


def test_names_for_those_who_do_not_see(page):
    for control in page.locator("button:visible, input:visible, textarea:visible").all():
        name = control.evaluate("e => e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.[0]?.textContent.trim() || ''")
        assert name, control.evaluate("e => e.outerHTML")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") in ("BUTTON", "TEXTAREA", "INPUT", "DIV")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone(server, browser, scheme):
    page = opened(server, browser, 390, 780, has_touch=True, color_scheme=scheme)
    try:
        settings(page, temperature="0", max_tokens="60")
        page.fill("#prompt", "Name three fruits.")
        page.click("#go")
        expect(page.locator("#status")).to_have_text(re.compile("Done|token limit"), timeout=60_000)
        box = page.locator("#prompt").bounding_box()
        assert box["y"] + box["height"] > 700 and box["width"] > 250  # At the bottom.
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        expect(page.locator("#side")).not_to_be_in_viewport()
        picture(page, f"phone-{scheme}-390")
        page.click("#menu")
        expect(page.locator("#side")).to_be_in_viewport()
        picture(page, f"phone-{scheme}-menu-390")
        page.click("#new")
        expect(page.locator("#side")).not_to_be_in_viewport()
        page.click("#settings")
        picture(page, f"phone-{scheme}-settings-390")
        assert page.problems == []
    finally:
        page.context.close()


def test_a_key_is_asked_for_and_remembered(browser, tmp_path):
    (tmp_path / "keys").write_text("secret")
    server = Server("--threads", "1", "--api-key-file", str(tmp_path / "keys"))
    try:
        page = browser.new_page()
        page.goto(server.url)
        expect(page.locator("#status.error")).to_contain_text("no API key")
        page.click("#settings")
        page.fill("#key", "secret")
        page.check("#remember")
        page.fill("#max_tokens", "5")
        page.click("#close")
        send(page, "Hi")
        page.reload()
        expect(page.locator("#model")).to_contain_text(NAME)
        page.close()
    finally:
        assert server.stop() == 0
