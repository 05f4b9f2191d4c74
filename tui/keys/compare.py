"""The keys of Compare."""

from __future__ import annotations

from tui.keys.key import Key

KEYS = (
    Key("open", "enter", "open", "compare", "Open the run or the example at the cursor.", False),
    Key(
        "pane(1)",
        "tab",
        "panes",
        "compare",
        "Go to the next pane: curves, scores, settings, examples, family.",
        palette=False,
    ),
    Key("look(-1)", "left_square_bracket", "before", "compare", "Look at the run before."),
    Key("look(1)", "right_square_bracket", "next run", "compare", "Look at the next run."),
    Key("reference", "b", "reference", "compare", "Hold all runs against the next one instead."),
    Key("metric(1)", "m", "metric", "compare", "Draw the next metric."),
    Key("metric(-1)", "M", "metric before", "compare", "Draw the metric before.", shown=False),
    Key("axis", "x", "x axis", "compare", "Align the curves by step, tokens or time."),
    Key("scale", "g", "log y", "compare", "Logarithmic or linear curves."),
    Key("smoothing", "s", "smooth", "compare", "Less or more smoothing, or none."),
    Key("examples", "e", "examples", "compare", "Examples of the run that is looked at."),
    Key("live", "l", "live", "compare", "Open the run that is looked at in Live."),
    Key(
        "mark",
        "space",
        "take in",
        "compare",
        "Take the run at the cursor of the family in, or leave it out.",
        display="␣",
    ),
    Key("remove", "X", "leave out", "compare", "Leave out the run that is looked at.", shown=False),
    Key("pane(-1)", "shift+tab", "pane back", "compare", "Go to the pane before.", shown=False),
    Key("room('decide')", "d", "decide", "compare", "Judge the run that is looked at."),
    Key("room('report')", "r", "report", "compare", "Read its report."),
    Key("room('validate')", "v", "validate", "compare", "Check its files."),
    Key(
        "zoom(1)",
        "plus,equals_sign",
        "zoom in",
        "compare",
        "Fewer steps, drawn larger.",
        False,
        display="+",
    ),
    Key(
        "zoom(-1)", "minus", "zoom out", "compare", "More steps, drawn smaller.", False, display="-"
    ),
    Key("pan(-1)", "left", "earlier", "compare", "Move to earlier steps.", False, False, "←"),
    Key("pan(1)", "right", "later", "compare", "Move to later steps.", False, False, "→"),
    Key("zoom(0)", "0", "whole", "compare", "The whole course again.", False),
)
