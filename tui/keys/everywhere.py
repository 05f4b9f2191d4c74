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
    Key(
        "app.leave",
        "ctrl+q",
        "quit",
        EVERYWHERE,
        "Leave; runs go on.",
        shown=False,
        display="^q",
        priority=True,  # also where a dialog is open, which has none of the app's keys
    ),
    Key(
        "app.jump",
        "ctrl+o",
        "jump",
        EVERYWHERE,
        "A letter on every pane and field: press it to go there.",
        shown=False,
    ),
    Key(
        "app.resize(-1, 0)",
        "ctrl+left",
        "edge left",
        EVERYWHERE,
        "Move a pane's edge to the left.",
        False,
        False,
    ),
    Key(
        "app.resize(1, 0)",
        "ctrl+right",
        "edge right",
        EVERYWHERE,
        "Move a pane's edge to the right.",
        False,
        False,
    ),
    Key(
        "app.resize(0, -1)",
        "ctrl+up",
        "edge up",
        EVERYWHERE,
        "Move a pane's edge up.",
        False,
        False,
    ),
    Key(
        "app.resize(0, 1)",
        "ctrl+down",
        "edge down",
        EVERYWHERE,
        "Move a pane's edge down.",
        False,
        False,
    ),
    Key(
        "app.reset_panes", "ctrl+r", "usual sizes", EVERYWHERE, "Panes in their usual sizes.", False
    ),
    Key(
        "app.suspend_process",
        "ctrl+z",
        "suspend",
        EVERYWHERE,
        "Back to the shell; fg brings the screen again.",
        shown=False,
    ),
)
