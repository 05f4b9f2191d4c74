"""The keys of Runs."""

from __future__ import annotations

from tui.keys.key import Key

KEYS = (
    Key("open", "enter", "open", "runs", "Open the run at the cursor.", palette=False),
    Key("room('new_run')", "n", "new", "runs", "Plan a new run."),
    Key("follow", "N", "new after", "runs", "Plan a run that follows this one.", shown=False),
    Key("room('decide')", "d", "decide", "runs", "Judge the run at the cursor."),
    Key("room('validate')", "v", "validate", "runs", "Check the files of the run."),
    Key("room('report')", "r", "report", "runs", "Read the report of the run."),
    Key("cancel", "C", "cancel", "runs", "Stop a run; asks first."),
    Key("resume", "R", "resume", "runs", "Start a run, or go on with a stopped one.", shown=False),
    Key("filter", "slash", "filter", "runs", "List only runs that match.", display="/"),
    Key("order", "o", "sort", "runs", "Sort by the next column.", shown=False),
    Key("order(True)", "O", "reverse", "runs", "Sort the other way round.", shown=False),
    Key("mark", "space", "mark", "runs", "Mark the run at the cursor.", False, display="␣"),
    Key("refresh", "f5", "read again", "runs", "Read every run again.", shown=False),
    Key("clear", "escape", "all", "runs", "Take the filter away.", False, False),
    Key("app.leave", "q", "quit", "runs", "Leave; runs go on."),
)
