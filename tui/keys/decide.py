"""The keys of Decide."""

from __future__ import annotations

from tui.keys.key import Key

KEYS = (
    Key("choose('ship')", "s", "ship", "decide", "The candidate is good enough to be used."),
    Key("choose('reject')", "x", "reject", "decide", "It is not, and this way ends here."),
    Key("choose('retry-data')", "d", "data", "decide", "Try again with other data."),
    Key("choose('retry-training')", "t", "training", "decide", "Try again with other settings."),
    Key("choose('retry-eval')", "e", "eval", "decide", "The evaluation is what is wrong."),
    Key("choose('park')", "p", "park", "decide", "Not now; say what it waits for."),
    Key("write", "ctrl+s", "record", "decide", "See the record, then write it.", priority=True),
    Key("take_back", "u", "take back", "decide", "Take back the decision written here just now."),
    Key("new_view", "N", "new view", "decide", "Decide anew; the record names the one before."),
    Key("leave", "escape", "back", "decide", "Out of a field, then back.", palette=False),
    # Before all others: what is typed right after it belongs to the next field.
    Key("app.focus_next", "tab", "next", "decide", "The next field.", False, False, None, True),
    Key(
        "app.focus_previous",
        "shift+tab",
        "before",
        "decide",
        "The field before.",
        False,
        False,
        None,
        True,
    ),
    Key("flips", "f", "flips", "decide", "The examples that were fixed and broken."),
    Key("room('validate')", "v", "validate", "decide", "Check the files of the run."),
    Key("room('report')", "r", "report", "decide", "Read the report of the run."),
    Key("artifact", "a", "public", "decide", "Make a public artifact, once decided.", False),
    Key("package", "P", "package", "decide", "Make the package of the shipped run.", False),
    Key("room('serve')", "S", "serve", "decide", "Ask base and candidate side by side.", False),
)
