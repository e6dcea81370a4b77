"""What a person does on the chat page."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from playwright.sync_api import Page, expect

# The folder for screenshots, for a person to look at.
PICTURES = os.environ.get("PAGE_PICTURES")
ENDED = "Done|Ended"
LONG = "Write the numbers from 1 to 2000, one a line."


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def settings(page: Page, **values: str) -> None:
    page.click("#settings")
    for name, value in values.items():
        page.fill(f"#{name}", value)
    page.click("#close")


def send(page: Page, text: str, status: str = ENDED) -> None:
    """Asks something and waits until the answer has ended."""
    page.fill("#prompt", text)
    page.press("#prompt", "Enter")
    expect(page.locator("#status")).to_have_text(re.compile(status), timeout=60_000)


def begin(page: Page, text: str) -> None:
    """Asks something; returns while the answer is being written."""
    page.fill("#prompt", text)
    page.press("#prompt", "Enter")
    expect(page.locator("#rate")).not_to_have_text("–", timeout=30_000)


def endless(page: Page) -> None:
    """Makes all later answers long."""
    settings(page, temperature="0", max_tokens="6000")
    page.click("#settings")
    page.uncheck("#loops")
    page.click("#close")


def stored(page: Page) -> list[dict]:
    """The conversations that the browser has stored."""
    names = "Object.keys(localStorage).filter(name => name.startsWith('speculate.chat.'))"
    return [json.loads(value) for value in page.evaluate(f"{names}.map(name => localStorage[name])")]
