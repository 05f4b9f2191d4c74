"""The tables of keys in README.md and docs/keys.md, from the app's own table.

python scripts/key_tables.py
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tui.bindings import EVERYWHERE, KEYS, PANES  # noqa: E402
from tui.screens.help import title_of  # noqa: E402

README = ROOT / "README.md"
PAGE = ROOT / "docs" / "keys.md"

INTRODUCTION = """\
# Keys

Every action, its key, and the name by which a workspace's `factory.toml` gives it another:

    [keys]
    "live.axis" = "X"
    "runs.mark" = "space,m"

Keys are named as Textual names them: `ctrl+t`, `f9`, `slash`, `space`. A key that two actions of a
screen would have is refused with a sentence, and the default stays. A pane's keys come before its
screen's, and a screen's before those that work everywhere. Made by `python scripts/key_tables.py`.
"""


def screens() -> list[str]:
    """Screens and panes in the order of the table, each pane after its screen."""
    found = list(dict.fromkeys(key.screen for key in KEYS if key.screen not in PANES))
    found.remove(EVERYWHERE)
    for pane, places in PANES.items():
        found.insert(found.index(places[0]) + 1, pane)
    return [*found, EVERYWHERE]


def _title(screen: str) -> str:
    if screen == EVERYWHERE:
        return "Everywhere"
    if screen in PANES:
        return f"{' and '.join(map(title_of, PANES[screen]))}, {screen} pane"
    return title_of(screen)


def keys_table() -> str:
    """The keys that the footer shows, one row a screen, as Markdown."""
    lines = ["| screen | keys |", "|---|---|"]
    for screen in screens():
        keys = [
            f"`{key.caption}` {key.label}" for key in KEYS if key.screen == screen and key.shown
        ]
        if keys:
            lines.append(f"| {_title(screen)} | {' · '.join(keys)} |")
    return "\n".join(lines)


def keys_page() -> str:
    """All of docs/keys.md."""
    parts = [INTRODUCTION]
    for screen in screens():
        rows = [
            f"| `{_escaped(key.caption)}` | {key.help} | `{key.id}` |"
            for key in KEYS
            if key.screen == screen
        ]
        if rows:
            head = f"## {_title(screen)}\n\n| key | what it does | name |\n|---|---|---|\n"
            parts.append(head + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    text = README.read_text("utf-8")
    pattern = re.compile(r"(<!-- keys -->\n).*?(<!-- /keys -->)", re.DOTALL)
    README.write_text(pattern.sub(lambda m: f"{m[1]}{keys_table()}\n{m[2]}", text), "utf-8")
    PAGE.write_text(keys_page(), "utf-8")


if __name__ == "__main__":
    main()
