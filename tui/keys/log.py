"""The keys of the log pane: they work while it has the focus."""

from __future__ import annotations

from tui.keys.key import Key

KEYS = (
    Key(
        "search", "slash", "search", "log", "Look for a regular expression or a text.", display="/"
    ),
    Key("match(1)", "n", "next", "log", "The next match, further down."),
    Key("match(-1)", "N", "previous", "log", "The match before, further up."),
    Key(
        "filter",
        "ampersand",
        "filter",
        "log",
        "Only lines that match; ! in front turns it round.",
        display="&",
    ),
    Key("stream", "o", "streams", "log", "Both streams, stdout alone, stderr alone."),
    Key("stage", "t", "stage", "log", "Lines of one stage after the other, or of all."),
    Key("follow", "f,end,G", "follow", "log", "Follow the end of the log again.", display="f"),
    Key("top", "home", "top", "log", "The first line of the log.", False),
    Key("mark", "space", "choose", "log", "Begin or end a choice of several lines.", False),
    Key("copy", "y", "copy", "log", "Copy the line, or the chosen lines."),
    Key("page", "p", "pager", "log", "Open the log in $PAGER, at this line."),
    Key("edit", "E", "editor", "log", "Open the log in $EDITOR, at this line."),
)
