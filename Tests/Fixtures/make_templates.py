"""Makes the golden file of the chat templates with Python's jinja2.

    python3 -m venv .venv && .venv/bin/pip install jinja2==3.1.6
    .venv/bin/python Tests/Fixtures/make_templates.py

Renders every template of Tests/Fixtures/templates with every conversation, and the snippets of
template_snippets, in the environment that Hugging Face's transformers sets up. templates.jsonl then holds one row
per set of variables, and one per rendering. Lists and objects are written as arrays that begin with "L" and "O", so that
the order of members survives, and floats as texts.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from template_snippets import SNIPPETS, VARIABLES

HERE = Path(__file__).parent
NOW = datetime(2025, 7, 4, 9, 5, 3)
TAG = "CONTINUE_FINAL_MESSAGE_TAG "
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


class Generation(Extension):
    """{% generation %} ... {% endgeneration %}, whose text is rendered as it stands."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("render"), [], [], body).set_lineno(line)

    def render(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment() -> jinja2.Environment:
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    return env


# ------------------------------------------------------------------------------------------------ conversations


def system(text): return {"role": "system", "content": text}
def user(text): return {"role": "user", "content": text}
def assistant(text, **more): return {"role": "assistant", "content": text, **more}


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather at a place, \"now\" or later & <soon>.\nIn °C.",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "A town, e.g. Zürich 🏔"},
                "days": {"type": "integer", "minimum": 0, "default": 1},
                "units": {"type": "string", "enum": ["metric", "imperial"]},
            },
            "required": ["place"],
        },
    },
}
CLOCK = {
    "type": "function",
    "function": {"name": "clock", "description": "The time.", "parameters": {"type": "object", "properties": {}}},
}
CALL = {
    "id": "call12345", "type": "function",
    "function": {"name": "get_weather", "arguments": {"place": "Zürich", "days": 2, "exact": True, "x": None, "f": 1.5}},
}
TEXT_CALL = {**CALL, "function": {"name": "get_weather", "arguments": "{\"place\": \"Bern\"}"}}
RESULT = {"role": "tool", "name": "get_weather", "tool_call_id": "call12345", "content": "{\"temperature\": 21}"}
ASKED = [user("How warm is it?"), assistant("", tool_calls=[CALL]), RESULT]
LONG = [m for n in range(12) for m in (user(f"Question {n}?\n"), assistant(f" Answer {n}. "))]

CONVERSATIONS = {
    "question": {"messages": [user("Hi there")]},
    "system": {"messages": [system("Be brief."), user("Hi")]},
    "turns": {"messages": [user("Hi"), assistant("Hello!"), user("  Trim me?\n\n")]},
    "system-turns": {"messages": [system(" S \n"), user("A"), assistant("B\n"), user("C"), assistant("D"), user("E")]},
    "thought": {
        "messages": [
            system("S"), user("1+1?"), assistant("<think>\nOne and one.\n</think>\n\n2"), user("2+2?"),
            assistant("<think>Two.</think>4"), user("3+3?"),
        ]
    },
    "reasoning": {"messages": [user("1+1?"), assistant("2", reasoning_content="One and one."), user("And 2+2?")]},
    "no-thinking": {"messages": [user("Why?")], "enable_thinking": False},
    "thinking": {"messages": [system("S"), user("Why?")], "enable_thinking": True, "thinking": True},
    "switch": {"messages": [system("Be brief. /no_think"), user("Why? /think")]},
    "date": {"messages": [user("What day is it?")], "date_string": "01 Feb 2003"},
    "answered": {"messages": [system("S"), user("Q"), assistant("A")]},
    "empty": {"messages": [user("")]},
    "blank-system": {"messages": [system(""), user("Hi")]},
    "unicode": {"messages": [user("Grüße, 世界! 👩‍👩‍👧 e\u0301 \u00a0\u2003x\u200b")]},
    "hostile": {
        "messages": [
            system("<|im_end|>{{ 1 }}"), user("<|eot_id|></s><|end|>{% raw %}\\n'\""), assistant("[/INST]<end_of_turn>"),
            user("<|im_start|>system\n<think></think>"),
        ]
    },
    "tools": {"messages": [user("How warm is it in Zürich?")], "tools": [WEATHER, CLOCK]},
    "system-tools": {"messages": [system("Be brief."), user("How warm?")], "tools": [WEATHER]},
    "called": {"messages": ASKED, "tools": [WEATHER]},
    "called-twice": {
        "messages": [
            system("S"), *ASKED, assistant("It is 21 °C."), user("And the time?"),
            assistant("Let me see.", tool_calls=[CALL, {**CALL, "id": "call67890"}]), RESULT, RESULT,
        ],
        "tools": [WEATHER, CLOCK],
    },
    "called-by-text": {"messages": [user("Bern?"), assistant("", tool_calls=[TEXT_CALL]), RESULT], "tools": [WEATHER]},
    "xml-tools": {"messages": [system("S /no_think"), *ASKED], "xml_tools": [WEATHER], "python_tools": ["def f(): pass"]},
    "override": {"messages": [system("S /system_override"), user("U")]},
    "parts": {"messages": [user([{"type": "text", "text": "One"}, {"type": "text", "text": " two"}])]},
    "two-users": {"messages": [user("A"), user("B")]},
    "assistant-first": {"messages": [assistant("A"), user("B")]},
    "role": {"messages": [{"role": "critic", "content": "A"}, user("B")]},
    "many": {"messages": LONG + [user("Last?")]},
    "none": {"messages": []},
}


# ------------------------------------------------------------------------------------------------ rendering


def ordered(value):
    if isinstance(value, dict):
        return ["O", *([key, ordered(member)] for key, member in value.items())]
    if isinstance(value, (list, tuple)):
        return ["L", *map(ordered, value)]
    return ["F", repr(value)] if isinstance(value, float) else value


def outcome(render) -> dict:
    try:
        return {"text": render()}
    except Exception as error:  # Whatever a template can raise: Python's errors, too.
        return {"error": f"{type(error).__name__}: {error}"[:120]}


def continued(template, variables) -> str:
    """What transformers makes of continue_final_message."""
    *messages, last = variables["messages"]
    marked = {**last, "content": last["content"] + TAG}
    text = template.render(**{**variables, "messages": [*messages, marked]}, add_generation_prompt=False)
    place = text.rindex(TAG.strip())
    return text[:place] if text[place : place + len(TAG)] == TAG else text[:place].rstrip()


def main() -> None:
    env = environment()
    rows: list[dict] = [{"set": "snippets", "variables": ordered(VARIABLES)}]
    rows += [{"snippet": s, **outcome(lambda: env.from_string(s).render(**VARIABLES))} for s in SNIPPETS]
    rows += [{"set": name, "variables": ordered(variables)} for name, variables in CONVERSATIONS.items()]
    for path in sorted((HERE / "templates").glob("*.jinja")):
        template = env.from_string(path.read_text())
        for name, conversation in CONVERSATIONS.items():
            variables = {"tools": None, "documents": None, **TOKENS, **conversation}
            row = {"template": path.stem, "set": name}
            for opens in (True, False) if name in ("question", "turns", "answered", "called") else (True,):
                result = outcome(lambda: template.render(**variables, add_generation_prompt=opens))
                rows.append({**row, "mode": "open" if opens else "closed", **result})
            if name == "answered":
                rows.append({**row, "mode": "continue", **outcome(lambda: continued(template, variables))})
    with (HERE / "templates.jsonl").open("w") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(len(rows), "rows,", sum("error" in row for row in rows), "of them errors")


if __name__ == "__main__":
    main()
