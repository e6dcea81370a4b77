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
ENDED = "Done|Ended"
LONG = "Write the numbers from 1 to 2000, one a line."


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


def send(page: Page, text: str, status: str = ENDED) -> None:
    page.fill("#prompt", text)
    page.press("#prompt", "Enter")
    expect(page.locator("#status")).to_have_text(re.compile(status), timeout=60_000)


def begin(page: Page, text: str) -> None:
    """Asks something, and returns while it is being answered."""
    page.fill("#prompt", text)
    page.press("#prompt", "Enter")
    expect(page.locator("#rate")).not_to_have_text("–", timeout=30_000)


def endless(page: Page) -> None:
    """Answers take long from now on."""
    settings(page, temperature="0", max_tokens="6000")
    page.click("#settings")
    page.uncheck("#loops")
    page.click("#close")


def stored(page: Page) -> list[dict]:
    """The conversations that the browser keeps."""
    names = "Object.keys(localStorage).filter(name => name.startsWith('speculate.chat.'))"
    return [json.loads(value) for value in page.evaluate(f"{names}.map(name => localStorage[name])")]


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
    assert [turn["content"] for turn in stored(page)[0]["turns"]] == ["Name three fruits.", answer]
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
    # The system prompt of now is not the answer's.
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
    # Figures are those of their answer.
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
    # A comparison that is stopped leaves nothing behind.
    page.route("**/v1/chat/completions", lambda route: None)
    page.click("text=Compare with plain decoding")
    page.click("#stop")
    expect(page.locator("#go")).to_be_visible()
    assert "plain" not in page.locator(".figures").inner_text()
    server.until("vllm:num_requests_running", 0)


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


def test_a_message_is_edited_without_loss(page):
    settings(page, temperature="0", max_tokens="5")
    send(page, "One")
    send(page, "Two")
    before = stored(page)
    edit = page.locator("textarea[aria-label='Edit the message']")
    page.locator("button[aria-label='Edit the message']").first.click()
    assert edit.input_value() == "One"
    edit.fill("Three")
    picture(page, "edit-1280")
    assert stored(page) == before
    page.click("text=Cancel")
    expect(page.locator(".turn.user .body")).to_have_text(["One", "Two"])
    # Refused, it changes nothing either, and what was written is still there.
    page.locator("button[aria-label='Edit the message']").first.click()
    settings(page, speculation="nonsense")
    edit.fill("Three")
    page.click("button:text-is('Save')")
    expect(page.locator("#status.error")).to_contain_text("speculation is 'nonsense'")
    expect(page.locator(".turn")).to_have_count(4)
    assert edit.input_value() == "Three"
    assert [turn["content"] for turn in stored(page)[0]["turns"]] == [turn["content"] for turn in before[0]["turns"]]
    settings(page, speculation="")
    page.click("#again")
    expect(page.locator("#status")).to_have_text(re.compile(ENDED), timeout=60_000)
    expect(page.locator(".turn.user .body")).to_have_text(["Three"])
    expect(page.locator(".turn")).to_have_count(2)
    # The title says what is there, unless it was given.
    expect(page.locator("#title")).to_have_text("Three")
    expect(page.locator("#list li")).to_contain_text(["Three"])
    page.once("dialog", lambda dialog: dialog.accept("Numbers"))
    page.click("[aria-label='Rename Three']")
    page.click("button[aria-label='Edit the message']")
    edit.fill("Four")
    edit.press("Enter")
    expect(page.locator(".turn.user .body")).to_have_text(["Four"])
    expect(page.locator("#title")).to_have_text("Numbers")
    expect(page.locator("#status")).to_have_text(re.compile(ENDED), timeout=60_000)
    page.click("#new")
    expect(page.locator("#title")).to_have_text("New chat")
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.locator("#list li")).to_have_count(2)
    page.click("#new")
    expect(page.locator("#list li")).to_have_count(2)


def test_tabs_lose_nothing_of_each_other(server, page):
    settings(page, temperature="0", max_tokens="5")
    other = page.context.new_page()
    other.goto(server.url)
    expect(other.locator("#model")).to_contain_text(NAME)
    send(page, "First")
    expect(other.locator("#list li")).to_have_count(2)
    send(other, "Second")
    expect(page.locator("#list li")).to_have_count(2)
    send(page, "Third")
    other.click("#list .open:has-text('First')")
    expect(other.locator(".turn.user .body")).to_have_text(["First", "Third"])
    # Both go on with one conversation at the same time: there are two then.
    endless(page)
    begin(page, LONG)
    expect(other.locator(".turn.user")).to_have_count(3)
    send(other, "Fifth")
    page.click("#stop")
    expect(page.locator("#status")).to_have_text("Stopped.")
    asked = sorted([turn["content"] for turn in chat["turns"] if turn["role"] == "user"] for chat in stored(page))
    assert ["Second"] in asked and len(asked) == 3
    assert {"First", "Second", "Third", LONG, "Fifth"} == {text for texts in asked for text in texts}
    for one in (page, other):
        expect(one.locator("#list li")).to_have_count(3)
    # What is deleted here is gone there.
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("[aria-label='Delete Second']")
    expect(other.locator("#list li")).to_have_count(2)
    other.close()


def test_conversations_of_older_pages_are_there(page):
    page.evaluate("""() => {
        const answer = {role: "assistant", content: "Hello", figures: {tokens: 2, rate: 9, tau: 1}};
        const turns = [{role: "user", content: "Good morning"}, answer];
        const chats = [{name: "Good morning", turns}, {name: "Mine", turns}, {name: "", turns: []}];
        localStorage.setItem("speculate.chats", JSON.stringify(chats));
    }""")
    page.reload()
    expect(page.locator("#list li .open")).to_have_text(["Good morning", "Mine"])
    page.reload()
    expect(page.locator("#list li")).to_have_count(2)
    assert sorted(chat["name"] for chat in stored(page)) == ["", "Mine"]


def test_an_answer_goes_on_in_its_own_conversation(server, page):
    endless(page)
    begin(page, LONG)
    page.click("#new")
    expect(page.locator("#stop")).to_be_hidden()
    expect(page.locator("#list .open:has-text('Write')")).to_contain_text("…")
    settings(page, max_tokens="5")
    send(page, "Hello")
    # It is written on, and its controls are where it is.
    page.click("#list .open:has-text('Write')")
    length = len(page.locator(".turn.assistant .body").inner_text())
    grown = "length => document.querySelector('.turn.assistant .body').innerText.length > length + 20"
    page.wait_for_function(grown, arg=length)
    page.click("#stop")
    expect(page.locator("#status")).to_have_text("Stopped.")
    expect(page.locator(".turn.user .body")).to_have_text([LONG])
    page.click("#list .open:has-text('Hello')")
    expect(page.locator(".turn")).to_have_count(2)
    expect(page.locator("#status")).to_have_text(re.compile(ENDED))
    # Deleted, it ends.
    endless(page)
    page.click("#new")
    begin(page, LONG)
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator("#list li.on [aria-label^=Delete]").click()
    server.until("vllm:num_requests_running", 0)
    expect(page.locator("#list li")).to_have_count(2)
    assert len(stored(page)) == 2


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
    # The conversation is as it was and can go on.
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
    # So does an answer that cannot be had again.
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
    # Stopped before the answer begins.
    page.route("**/v1/chat/completions", lambda route: None)
    page.fill("#prompt", "And now?")
    page.press("#prompt", "Enter")
    page.fill("#prompt", "Later")
    page.click("#stop")
    expect(page.locator("#status")).to_have_text("Stopped before the answer began.")
    assert page.locator("#prompt").input_value() == "And now?\n\nLater"
    expect(page.locator(".turn")).to_have_count(2)
    # Left while it waits for its answer, a question is still there.
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


def test_a_setting_that_cannot_be_is_told(page):
    page.click("#settings")
    for name, value, words in [
        ("temperature", "9", "Enter a number from 0 to 2."),
        ("top_p", "-1", "Enter a number from 0 to 1."),
        ("top_k", "1.5", "Enter a whole number, 0 or more."),
        ("max_tokens", "0", "Enter a whole number, 1 or more."),
    ]:
        page.fill(f"#{name}", value)
        page.press(f"#{name}", "Tab")
        expect(page.locator(f"#{name}-wrong")).to_have_text(words)
        if name == "top_k":
            picture(page, "wrong-1280")
        assert page.evaluate("name => localStorage.getItem('speculate.setting.' + name)", name) is None
        page.press("body", "Escape")
        page.fill("#prompt", "Hello")
        page.press("#prompt", "Enter")
        expect(page.locator(f"#{name}")).to_be_focused()
        expect(page.locator(".turn")).to_have_count(0)
        assert page.locator("#prompt").input_value() == "Hello"
        page.fill(f"#{name}", "1")
        page.press(f"#{name}", "Tab")
        expect(page.locator(".wrong")).to_have_count(0)
    page.fill("#temperature", "0.75")
    page.fill("#max_tokens", "5")
    page.press("body", "Escape")
    send(page, "Hello")


@pytest.mark.parametrize("width", [1280, 390])
def test_drawers_hold_the_focus(server, browser, width):
    page = opened(server, browser, width, 780)
    for drawer, opener in [("drawer", "settings"), ("side", "menu")]:
        if opener == "menu" and width > 720:
            continue
        page.focus(f"#{opener}")
        page.press(f"#{opener}", "Enter")
        expect(page.locator(f"#{drawer}")).to_have_attribute("role", "dialog")
        expect(page.locator(f"#{opener}")).to_have_attribute("aria-expanded", "true")
        for key in ["Tab"] * 30 + ["Shift+Tab"] * 30:
            assert page.evaluate("id => document.getElementById(id).contains(document.activeElement)", drawer)
            page.keyboard.press(key)
        page.keyboard.press("Escape")
        expect(page.locator(f"#{drawer}")).not_to_be_in_viewport()
        expect(page.locator(f"#{opener}")).to_be_focused()
    assert page.problems == []
    page.context.close()


def test_markdown_is_shown_and_text_is_never_markup(page):
    source = """# Head
Some *soft* and **loud** `code` [link](https://example.com) [bad](javascript:alert(1))
- one
- two
  more
  - inner

    - inmost
  1. counted
- three
  ```
  a

    b
  ```

1. first
   - below

2. second

---

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
    counts = {
        "h3": 1, "em": 1, "strong": 1, "blockquote": 1, "pre code": 2, "td": 2, "a": 1, "hr": 1,
        "ul li": 7, "ol li": 4, ":scope > ul > li": 3, ":scope > ol > li": 2,
        "ul ul ul li": 1, "ul ol li": 1, "ol ul li": 1,
    }  # fmt: skip
    for tag, count in counts.items():
        assert made.locator(tag).count() == count, tag
    assert made.locator("img, script, b").count() == 0
    assert made.locator("a").get_attribute("href") == "https://example.com"
    assert "javascript:alert(1)" in made.inner_text() and "<script>alert(1)</script>" in made.inner_text()
    assert made.locator("pre code").all_text_contents() == ["a\n\n  b", 'print("<b>x</b>")']
    assert "---" not in made.inner_text()
    # However deep it is, and however long.
    stairs = "\n".join("  " * depth + "- x" for depth in range(400))
    for text in [">" * 5000, "- " * 5000, stairs, "- x\n\n" * 3000]:
        page.evaluate("text => { markdown(text); }", text)
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


def fingers(page: Page) -> None:
    """All that can be touched is large enough for it."""
    controls = "button:visible, .switch:visible, input:visible:not([type=checkbox]), textarea:visible"
    for control in page.locator(controls).all():
        box = control.bounding_box()
        assert box["width"] >= 40 and box["height"] >= 40, (control.evaluate("e => e.outerHTML"), box)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone(server, browser, scheme):
    page = opened(server, browser, 390, 780, has_touch=True, color_scheme=scheme)
    try:
        settings(page, temperature="0", max_tokens="60")
        page.fill("#prompt", "Name three fruits.")
        page.click("#go")
        expect(page.locator("#status")).to_have_text(re.compile(ENDED), timeout=60_000)
        box = page.locator("#prompt").bounding_box()
        assert box["y"] + box["height"] > 700 and box["width"] > 250  # At the bottom.
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        expect(page.locator("#side")).not_to_be_in_viewport()
        page.click("text=Rounds")
        fingers(page)
        picture(page, f"phone-{scheme}-390")
        page.click("#menu")
        expect(page.locator("#side")).to_be_in_viewport()
        fingers(page)
        picture(page, f"phone-{scheme}-menu-390")
        page.click("#new")
        expect(page.locator("#side")).not_to_be_in_viewport()
        page.click("#settings")
        fingers(page)
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
        page.fill("#prompt", "Hi")
        page.press("#prompt", "Enter")
        expect(page.locator("#status.error")).to_contain_text("no API key")
        expect(page.locator("#again")).to_be_visible()
        page.click("#settings")
        page.fill("#key", "secret")
        page.check("#remember")
        page.fill("#max_tokens", "5")
        page.click("#close")
        page.click("#again")
        expect(page.locator("#status")).to_have_text(re.compile(ENDED), timeout=60_000)
        expect(page.locator(".turn.user .body")).to_have_text(["Hi"])
        page.reload()
        expect(page.locator("#model")).to_contain_text(NAME)
        page.close()
    finally:
        assert server.stop() == 0
