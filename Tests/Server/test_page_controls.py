"""The page's controls, in a real browser: settings, drawers, the keyboard, a phone, the API key."""

from __future__ import annotations

import re

import pytest
from chat_page import ENDED, picture, send, settings
from conftest import NAME, Server, opened
from playwright.sync_api import Page, expect


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


def test_names_for_those_who_do_not_see(page):
    for control in page.locator("button:visible, input:visible, textarea:visible").all():
        name = control.evaluate("e => e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.[0]?.textContent.trim() || ''")
        assert name, control.evaluate("e => e.outerHTML")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") in ("BUTTON", "TEXTAREA", "INPUT", "DIV")


def fingers(page: Page) -> None:
    """Everything that can be touched is large enough for a finger."""
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
