"""The keys of Live."""

from __future__ import annotations

from tui.keys.key import Key

KEYS = (
    Key("cancel", "C", "cancel", "live", "Stop the run; a training stage saves a checkpoint."),
    Key("resume", "R", "resume", "live", "Go on with a run that was stopped."),
    Key("room('decide')", "d", "decide", "live", "Judge the evidence and decide."),
    Key("room('validate')", "v", "validate", "live", "Check the files of the run."),
    Key("room('report')", "r", "report", "live", "Read the report of the run."),
    Key("room('serve')", "S", "serve", "live", "Ask base and candidate side by side.", False),
    Key("compare", "c", "compare", "live", "Beside its parent, or the best other of its target."),
    Key("room('examples')", "e", "examples", "live", "Every scored example of the run."),
    Key("log", "l", "log", "live", "Give the whole screen to the log, and back."),
    Key("enlarge", "z", "enlarge", "live", "Give the whole screen to one chart, and back."),
    Key("grid", "m", "grid", "live", "A chart of every metric side by side, and back."),
    Key("crosshair", "i", "values", "live", "A crosshair that tells values; ← and → move it."),
    Key("axis", "x", "x axis", "live", "Draw over steps, tokens, working time or time of day."),
    Key("scale", "g", "log y", "live", "A logarithmic or linear chart."),
    Key("smoothing", "s", "smooth", "live", "Less or more smoothing, or none."),
    Key(
        "pane(1)",
        "tab",
        "panes",
        "live",
        "Go to the next pane: examples, log, signs; in the grid, the next chart.",
        display="⇥",
        palette=False,
    ),
    Key("pane(-1)", "shift+tab", "pane back", "live", "Go to the pane before.", shown=False),
    Key(
        "filter_charts",
        "slash",
        "filter",
        "live",
        "In the grid: charts whose name matches.",
        display="/",
    ),
    Key("turn(1)", "pagedown", "next page", "live", "In the grid: more charts.", False, False),
    Key("turn(-1)", "pageup", "page back", "live", "In the grid: charts before.", False, False),
    Key("search", "slash", "search", "live", "Outside the grid: search the log.", display="/"),
    Key(
        "zoom(1)",
        "plus,equals_sign",
        "zoom in",
        "live",
        "Fewer steps, drawn larger; also the wheel, or shift and drag.",
        False,
        display="+",
    ),
    Key("zoom(-1)", "minus", "zoom out", "live", "More steps, drawn smaller.", False, display="-"),
    Key(
        "pan(-1)", "left", "earlier", "live", "Earlier steps; also by dragging.", False, False, "←"
    ),
    Key("pan(1)", "right", "later", "live", "Later steps; also by dragging.", False, False, "→"),
    Key("pan(-4)", "shift+left", "far back", "live", "A whole view earlier.", False, False, "⇧←"),
    Key("pan(4)", "shift+right", "far on", "live", "A whole view later.", False, False, "⇧→"),
    Key("zoom(0)", "0", "whole", "live", "The whole course again; also a double click.", False),
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
