"""The keys of Loops."""

from __future__ import annotations

from tui.keys.key import Key

KEYS = (
    Key("open", "enter", "open", "loops", "Open the try at the cursor in Live.", palette=False),
    Key("follow", "n", "new after", "loops", "Plan a run that follows the try at the cursor."),
    Key(
        "compare", "c", "compare", "loops", "Compare the marked tries, or this one with its parent."
    ),
    Key("mark", "space", "mark", "loops", "Mark the try at the cursor.", display="␣"),
    Key("target(-1)", "left_square_bracket", "before", "loops", "The tries of the target before."),
    Key("target(1)", "right_square_bracket", "next target", "loops", "The next target's tries."),
    Key("choose_target", "t", "targets", "loops", "Choose among the targets."),
    Key("room('examples')", "e", "examples", "loops", "Examples of the try at the cursor."),
    Key("room('decide')", "d", "decide", "loops", "Judge the try at the cursor."),
    Key("room('report')", "r", "report", "loops", "Read the report of the try."),
    Key("room('validate')", "v", "validate", "loops", "Check the files of the try."),
    Key("refresh", "f5", "read again", "loops", "Read every run again.", shown=False, display="F5"),
)
