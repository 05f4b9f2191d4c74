"""The keys of Loops."""

from __future__ import annotations

from tui.keys.key import Key

_OPEN = "Open the run at the cursor in Live; of a campaign, its own screen."
_EDIT = "Change the plan that waits: hypothesis and settings, within their bounds."
_SKIP = "Skip training in the next iteration and judge the best again; once more takes it back."

KEYS = (
    Key("open", "enter", "open", "loops", _OPEN, palette=False),
    Key("approve", "a", "approve", "loops", "Approve the plan that waits, and go on."),
    Key("edit_plan", "E", "edit plan", "loops", _EDIT),
    Key("gold", "g", "gold", "loops", "Decide the run that was judged on gold."),
    Key("flywheel", "f", "flywheel", "loops", "Start a flywheel on a target: a form asks."),
    Key("pause", "p", "pause", "loops", "Pause after this step; once more takes it back."),
    Key("stop", "s", "stop", "loops", "Stop after this iteration; once more takes it back."),
    Key("cancel", "C", "cancel", "loops", "Stop the loop now; asks first."),
    Key("resume", "R", "resume", "loops", "Go on with a loop that stands still."),
    Key("skip", "x", "skip training", "loops", _SKIP),
    Key(
        "compare",
        "c",
        "compare",
        "loops",
        "Compare the marked ones, or this with its parent; in a loop, with the best.",
    ),
    Key("room('examples')", "e", "examples", "loops", "Examples of the run at the cursor."),
    Key(
        "pane(1)",
        "tab",
        "panes",
        "loops",
        "Go to the next pane: iterations, plan, facts.",
        display="⇥",
        palette=False,
    ),
    Key("pane(-1)", "shift+tab", "pane back", "loops", "Go to the pane before.", shown=False),
    Key("choose_target", "t", "places", "loops", "Choose among loops and targets."),
    Key("target(-1)", "left_square_bracket", "before", "loops", "The loop or target before."),
    Key("target(1)", "right_square_bracket", "next", "loops", "The next loop or target."),
    Key("follow", "n", "new after", "loops", "Plan a run that follows the one at the cursor."),
    Key("mark", "space", "mark", "loops", "Mark the one at the cursor.", display="␣"),
    Key("room('decide')", "d", "decide", "loops", "Judge the run at the cursor."),
    Key("room('report')", "r", "report", "loops", "Read the report of the run."),
    Key("room('validate')", "v", "validate", "loops", "Check the files of the run."),
    Key("refresh", "f5", "read again", "loops", "Read every run again.", shown=False, display="F5"),
)
