"""Every key of the table is pressed by a test: one that is added needs one too."""

from __future__ import annotations

import ast
from pathlib import Path

from tui.bindings import KEYS

TESTS = Path(__file__).parents[1]
FILES = sorted([*TESTS.glob("tui/test_*.py"), *TESTS.glob("e2e/test_*.py")])


def pressed() -> set[str]:
    """The texts that tests hand to ``press``, also inside conditions and tables of keys."""
    found: set[str] = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "press":
                words = (one for part in node.args for one in ast.walk(part))
                found |= {one.value for one in words if isinstance(one, ast.Constant)}
    return found


def test_every_key_is_pressed_by_a_test() -> None:
    known = pressed()
    unpressed = {
        f"{key.screen}: {key.keys}" for key in KEYS if not known & set(key.keys.split(","))
    }
    assert unpressed == set()
