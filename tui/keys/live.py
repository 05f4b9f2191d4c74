"""The keys of Live."""

from __future__ import annotations

from tui.keys.key import Key

KEYS = (
    Key("cancel", "C", "cancel", "live", "Stop the run; a training stage saves a checkpoint."),
    Key("resume", "R", "resume", "live", "Go on with a run that was stopped."),
    Key("room('decide')", "d", "decide", "live", "Judge the evidence and decide."),
    Key("room('validate')", "v", "validate", "live", "Check the files of the run."),
    Key("room('report')", "r", "report", "live", "Read the report of the run."),
    Key("log", "l", "log", "live", "Give the whole screen to the log, and back."),
    Key("axis", "x", "x axis", "live", "Draw over steps, tokens or time."),
    Key("scale", "g", "log y", "live", "Logarithmic or linear loss."),
    Key("smoothing", "s", "smooth", "live", "Less or more smoothing, or none."),
    Key(
        "pane(1)",
        "tab",
        "panes",
        "live",
        "Go to the next pane: examples, log, signs.",
        display="⇥",
        palette=False,
    ),
    Key("pane(-1)", "shift+tab", "pane back", "live", "Go to the pane before.", shown=False),
    Key("search", "slash", "search", "live", "Search the log.", shown=False, display="/"),
    Key("match(1)", "n", "next", "live", "Next match in the log.", shown=False),
    Key("match(-1)", "N", "previous", "live", "Previous match in the log.", shown=False),
    Key("follow", "f,end", "follow", "live", "Follow the end of the log again.", shown=False),
    Key(
        "zoom(1)",
        "plus,equals_sign",
        "zoom in",
        "live",
        "Fewer steps, drawn larger.",
        False,
        display="+",
    ),
    Key("zoom(-1)", "minus", "zoom out", "live", "More steps, drawn smaller.", False, display="-"),
    Key(
        "pan(-1)", "left", "earlier", "live", "Move the chart to earlier steps.", False, False, "←"
    ),
    Key("pan(1)", "right", "later", "live", "Move the chart to later steps.", False, False, "→"),
    Key("zoom(0)", "0", "whole", "live", "The whole course again.", False),
    Key(
        "chart_stage(-1)",
        "left_square_bracket",
        "stage before",
        "live",
        "Draw the stage before.",
        False,
        display="[",
    ),
    Key(
        "chart_stage(1)",
        "right_square_bracket",
        "stage after",
        "live",
        "Draw the stage after.",
        False,
        display="]",
    ),
)
