"""One action of the app: its key, its words, and how the key is written for people."""

from __future__ import annotations

import re
from dataclasses import dataclass

EVERYWHERE = "*"


@dataclass(frozen=True, slots=True)
class Key:
    """One action of one screen, or of a pane with keys of its own.

    ``action`` is a Textual action of the screen or pane or, with ``app.``, of the app; ``keys`` is
    one key or several with commas; ``label`` the word in the footer; ``screen`` the screen's name,
    the pane's (see ``PANES`` in ``tui.bindings``), or EVERYWHERE; ``help`` one sentence. ``shown``
    puts it into the footer; ``palette`` into the command palette, where keys that only move about
    have no place.
    """

    action: str
    keys: str
    label: str
    screen: str
    help: str
    shown: bool = True
    palette: bool = True
    display: str | None = None
    priority: bool = False

    @property
    def id(self) -> str:
        """The name under which ``factory.toml`` gives the action another key.

        ``live.axis``, ``runs.room-decide``, ``everywhere.help``: screen and action, in words.
        """
        action = re.sub(r"[^a-z0-9_]+", "-", self.action.removeprefix("app.").lower()).strip("-")
        if "(-" in self.action:
            action = action.replace("-", "-minus-", 1)
        return f"{'everywhere' if self.screen == EVERYWHERE else self.screen}.{action}"

    @property
    def caption(self) -> str:
        """The key as people write it."""
        if self.display is not None:
            return self.display
        return caption_of(self.keys)


_NAMES = {
    "slash": "/",
    "question_mark": "?",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "escape": "esc",
    "enter": "⏎",
    "space": "␣",
    "tab": "⇥",
    "shift+tab": "⇧⇥",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
}


def caption_of(keys: str) -> str:
    """Keys as people write them: ``ctrl+p`` is ``^p``, ``f,end`` is ``f end``."""
    return " ".join(_caption(key) for key in keys.split(","))


def _caption(key: str) -> str:
    if key.startswith("ctrl+"):
        return "^" + _caption(key.removeprefix("ctrl+"))
    return _NAMES.get(key, key)
