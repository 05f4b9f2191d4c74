"""The keys of Report."""

from __future__ import annotations

from tui.keys.key import Key

KEYS = (
    Key("raw", "m", "text", "report", "Rendered, or as it stands in the file."),
    Key("outline", "o", "outline", "report", "Show or hide the outline."),
    Key("regenerate", "w", "write anew", "report", "Make the report from the records again."),
    Key("room('decide')", "d", "decide", "report", "Judge the evidence and decide."),
    Key("room('validate')", "v", "validate", "report", "Check the files of the run."),
)
