"""The keys of Examples."""

from __future__ import annotations

from tui.keys.key import Key

_CLASSES = (
    ("wrong-command", "command", "wrong command"),
    ("wrong-argument", "argument", "wrong argument"),
    ("format-collapse", "format", "format collapse"),
    ("hallucinated-name", "name", "hallucinated name"),
    ("prose-around-answer", "prose", "prose around the answer"),
    ("reward-hacking", "hacking", "reward hacking"),
    ("incorrect-but-plausible", "plausible", "incorrect but plausible"),
)

KEYS = (
    Key("mark", "space", "mark", "examples", "Mark the example, or not any more.", display="␣"),
    Key("search", "slash", "search", "examples", "Search prompt, answers and id.", display="/"),
    Key(
        "view(1)",
        "right_square_bracket,right",
        "next view",
        "examples",
        "The next view: failing, broken, fixed, flipped, tagged, all.",
        display="]",
    ),
    Key(
        "view(-1)",
        "left_square_bracket,left",
        "view before",
        "examples",
        "The view before.",
        False,
        display="[",
    ),
    Key("slices", "s", "slice", "examples", "Choose a suite, a slice of it, or a class."),
    Key("accept", "y", "as offered", "examples", "Tag with the class that is offered (?)."),
    Key("note", "t", "note", "examples", "Write a line about the answer."),
    Key("undo", "u", "undo", "examples", "Take the last tag or note back."),
    Key("export", "x", "export", "examples", "Write the marked rows, or all listed, as JSONL."),
    Key("side", "b", "baseline", "examples", "Judge the baseline's answers, or the candidate's."),
    Key("text", "m", "text", "examples", "Compare JSON as text, or field by field."),
    Key("mark_all", "a", "mark all", "examples", "Mark all that are listed, or none.", False),
    Key("whole", "enter", "whole", "examples", "The example on the whole screen.", False),
    Key("step(1)", "J", "next", "examples", "The next example, from any pane.", False, False),
    Key("step(-1)", "K", "before", "examples", "The example before.", False, False),
    Key("pane(1)", "tab", "pane", "examples", "The other pane.", False, False),
    Key("pane(-1)", "shift+tab", "pane back", "examples", "The other pane.", False, False),
    *(
        Key(f"tag('{name}')", str(number), label, "examples", f"Tag as {title}; again: not.", False)
        for number, (name, label, title) in enumerate(_CLASSES, start=1)
    ),
    Key("room('decide')", "d", "decide", "examples", "Judge the evidence and decide.", False),
    Key("room('validate')", "v", "validate", "examples", "Check the files of the run.", False),
    Key("room('report')", "r", "report", "examples", "Read the report of the run.", False),
)
