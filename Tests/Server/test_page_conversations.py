"""Conversations on the page, in a real browser: kept, listed, edited, open in two tabs."""

from __future__ import annotations

import json
import re

from chat_page import ENDED, LONG, begin, endless, picture, send, settings, stored
from conftest import NAME
from playwright.sync_api import expect


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
    # An edit that is refused changes nothing either, and its text is still there.
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
    # The title follows the first message, unless the user named the conversation.
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
    # When both tabs continue one conversation at the same time, it becomes two.
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
    # What is deleted in one tab disappears from the other.
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
    # It is still being written, and its controls are in its conversation.
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
    # Deleting the conversation ends the answer.
    endless(page)
    page.click("#new")
    begin(page, LONG)
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator("#list li.on [aria-label^=Delete]").click()
    server.until("vllm:num_requests_running", 0)
    expect(page.locator("#list li")).to_have_count(2)
    assert len(stored(page)) == 2
