"""The keys of Runs."""

from __future__ import annotations

from tui.keys.key import Key

KEYS = (
    Key("open", "enter", "open", "runs", "Open the run, or the group.", palette=False),
    Key("room('new_run')", "n", "new", "runs", "Plan a new run."),
    Key("follow", "N", "new after", "runs", "Plan a run that follows this one.", shown=False),
    Key("room('decide')", "d", "decide", "runs", "Judge the run at the cursor."),
    Key("room('validate')", "v", "validate", "runs", "Check the files of the run."),
    Key("room('report')", "r", "report", "runs", "Read the report of the run."),
    Key("compare", "c", "compare", "runs", "Compare the marked runs, or one with its parent."),
    Key("filter", "slash", "filter", "runs", "List only runs that match.", display="/"),
    Key("mark", "space", "mark", "runs", "Mark the run at the cursor.", True, False, display="␣"),
    Key("room('examples')", "e", "examples", "runs", "See what the run answered.", shown=False),
    Key("tags", "t", "tags", "runs", "Tag the marked runs, or this one."),
    Key(
        "delete",
        "D,delete",
        "delete",
        "runs",
        "Move the chosen runs to the trash; asks.",
        True,
        True,
        "D",
    ),
    Key("undo", "u", "undo", "runs", "Bring back what was deleted, or the tags before.", False),
    Key("trash", "T", "trash", "runs", "What was deleted: restore it, or remove it.", False),
    Key("mark_all", "a", "mark all", "runs", "Mark all runs that are listed, or none.", False),
    Key("order", "o", "sort", "runs", "Sort by the next column.", shown=False),
    Key("order(True)", "O", "reverse", "runs", "Sort the other way round.", shown=False),
    Key("group", "b", "by target", "runs", "Put the runs of each target together.", shown=False),
    Key("columns", "w", "columns", "runs", "Choose columns, also of settings.", shown=False),
    Key("side(-1)", "left,h", "close", "runs", "Close the group; or columns.", False, False),
    Key("side(1)", "right,l", "open", "runs", "Open the group; or columns.", False, False),
    Key("shift(-1)", "less_than_sign", "columns", "runs", "Columns before.", False, False, "<"),
    Key("shift(1)", "greater_than_sign", "columns", "runs", "Columns after.", False, False, ">"),
    Key("room('serve')", "S", "serve", "runs", "Ask base and candidate side by side.", False),
    Key("room('loops')", "L", "loops", "runs", "Loops: flywheels and campaigns.", shown=False),
    Key("room('journal')", "J", "journal", "runs", "What was tried, and your notes.", shown=False),
    Key("cancel", "C", "cancel", "runs", "Stop a run; asks first."),
    Key("resume", "R", "resume", "runs", "Start a run, or go on with a stopped one.", shown=False),
    Key("refresh", "f5", "read again", "runs", "Read every run again.", shown=False),
    Key("clear", "escape", "all", "runs", "Take filter, then marks away.", False, False),
    Key("app.leave", "q", "quit", "runs", "Leave; runs go on."),
)
