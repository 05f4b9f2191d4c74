"""The keys of a line that is completed as one types: the filter of Runs, the tags of a run."""

from __future__ import annotations

from tui.keys.key import Key

KEYS = (
    Key("accept", "tab", "take", "filter", "Take what is offered.", palette=False),
    Key(
        "choose(-1)",
        "up",
        "choose",
        "filter",
        "Choose; in an empty line, the last ones.",
        palette=False,
        display="↑↓",
    ),
    Key(
        "choose(1)", "down", "next", "filter", "Choose the next one that is offered.", False, False
    ),
)
