"""The keys of New run."""

from __future__ import annotations

from tui.keys.key import Key

KEYS = (
    Key("start", "ctrl+s", "start", "new_run", "Make the run and start it.", priority=True),
    Key("models", "f2", "models", "new_run", "Choose a base model on this disk.", display="F2"),
    Key(
        "page(1)", "pagedown", "plan", "new_run", "The plan further down.", False, False, "⇟", True
    ),
    Key(
        "page(-1)", "pageup", "plan up", "new_run", "The plan further up.", False, False, "⇞", True
    ),
    Key("app.focus_next", "down", "next", "new_run", "The next setting.", False, False, None, True),
    Key(
        "app.focus_previous",
        "up",
        "before",
        "new_run",
        "The setting before.",
        False,
        False,
        None,
        True,
    ),
    Key("leave", "escape", "back", "new_run", "Back; nothing is written."),
)
