"""The keys that work on every screen."""

from __future__ import annotations

from tui.keys.key import EVERYWHERE, Key

KEYS = (
    Key("app.back", "escape", "back", EVERYWHERE, "Back to the screen before.", display="esc"),
    Key("app.help", "question_mark,f1", "help", EVERYWHERE, "What the keys do.", display="?"),
    Key(
        "app.command_palette",
        "ctrl+p",
        "palette",
        EVERYWHERE,
        "Find any action by its name.",
        shown=False,
        palette=False,
        display="^p",
    ),
    Key("app.leave", "ctrl+q", "quit", EVERYWHERE, "Leave; runs go on.", shown=False, display="^q"),
)
