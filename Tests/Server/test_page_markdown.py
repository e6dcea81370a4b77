"""Markdown on the page, in a real browser."""

from __future__ import annotations


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
    # Deeply nested and very long texts.
    stairs = "\n".join("  " * depth + "- x" for depth in range(400))
    for text in [">" * 5000, "- " * 5000, stairs, "- x\n\n" * 3000]:
        page.evaluate("text => { markdown(text); }", text)
    # Text that is still incomplete is shown.
    for end in range(len(source)):
        page.evaluate("text => { markdown(text); }", source[:end])
    for text in ["```", "| a |\n|", "* ", "**", "`", "1.", "> ", "[x](", "_a", "|\n|-|"]:
        page.evaluate("text => { markdown(text); }", text)
