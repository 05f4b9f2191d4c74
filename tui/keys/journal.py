"""The keys of Journal."""

from __future__ import annotations

from tui.keys.key import Key

KEYS = (
    Key("open", "enter", "open", "journal", "Open the run; of a loop, its newest.", palette=False),
    Key("search", "slash", "search", "journal", "Search the text of every entry.", display="/"),
    Key("choose_target", "t", "target", "journal", "Only the entries of one target, or all."),
    Key("notes", "e", "notes", "journal", "Edit your notes to the entry in your editor."),
    Key("write", "w", "write", "journal", "Write JOURNAL.md; notes stay as they are."),
    Key("chart", "c", "chart", "journal", "Show or hide the course of the target."),
    Key("room('report')", "r", "report", "journal", "Read the report of the run."),
    Key("links", "l", "links", "journal", "Open a link of the entry: logs, records, rows."),
    Key("pane(1)", "tab", "pane", "journal", "To the other pane: list, entry.", False, False),
    Key("pane(-1)", "shift+tab", "pane back", "journal", "To the other pane.", False, False),
    Key("refresh", "f5", "read again", "journal", "Read every run again.", False, display="F5"),
)
