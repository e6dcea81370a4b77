"""Snippets of the template language, each for one rule of it."""

from . import filters, methods, numbers, statements, tests, values

VARIABLES = {
    "s": "Hello, World", "t": "  a b\tc \n", "u": "Grüße ẞß ǆ 世界 👍", "e": "", "n": 7, "m": -7, "z": 0, "f": 2.5,
    "yes": True, "no": False, "nil": None, "l": [3, 1, 2], "w": ["b", "A", "c", "a"], "nested": [[1, 2], [3], []],
    "d": {"b": 2, "a": 1, "C": 3}, "items_": {"items": "x", "get": 1, "keys": 2}, "words": "one two  three two",
    "people": [
        {"name": "Ann", "age": 31, "tags": ["x", "y"], "home": {"town": "Ulm"}},
        {"name": "bob", "age": 25, "tags": [], "home": {"town": "Aix"}},
        {"name": "Cid", "age": 31, "tags": ["z"], "home": {}},
    ],
    "q": "it's \"quoted\" \\ \x07 <b>&</b>", "lines": "one\ntwo\n\nthree\n", "mixed": [1, "1", 1.0, True, None, [1], {"k": 1}],
}

_EXPRESSIONS = [
    expression.replace("\\\\", "\\")
    for part in (values, methods, filters, tests, numbers)
    for expression in part.EXPRESSIONS.strip("\n").split("\n")
]

SNIPPETS = ["{{ " + expression + " }}" for expression in _EXPRESSIONS] + statements.STATEMENTS
