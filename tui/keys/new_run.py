"""The keys of New run."""

from __future__ import annotations

from tui.keys.key import Key

KEYS = (
    Key("start", "ctrl+s", "start", "new_run", "Make the run, start it, watch.", priority=True),
    Key("queue", "f4", "queue", "new_run", "Make the run and plan the next one.", display="F4"),
    Key("models", "f2", "models", "new_run", "Choose a base model on this disk.", display="F2"),
    Key(
        "measure", "f3", "measure", "new_run", "Measure the model here; again stops.", display="F3"
    ),
    Key("filter", "slash", "find", "new_run", "Show only settings that match.", display="/"),
    Key("find", "ctrl+f", "find", "new_run", "As /, while text is typed.", False, priority=True),
    Key("copy", "ctrl+y", "copy", "new_run", "Copy the command line.", False, priority=True),
    Key("reset", "ctrl+r", "reset", "new_run", "Every field as at first, and back.", False),
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
