"""The keys of Validate."""

from __future__ import annotations

from tui.keys.key import Key

KEYS = (
    Key("open", "o", "open", "validate", "Open the file at the place.", display="⏎"),
    Key("edit", "e", "edit", "validate", "Open the file in your editor."),
    Key("fix", "f", "fix", "validate", "See the fixes that need no judgement, and make them."),
    Key("filter", "slash", "filter", "validate", "Only files and findings that hold a text."),
    Key("refresh", "f5", "check again", "validate", "Check every file again.", display="F5"),
    Key("room('decide')", "d", "decide", "validate", "Judge the evidence and decide."),
    Key("room('report')", "r", "report", "validate", "Read the report of the run."),
)
