"""The keys of Report."""

from __future__ import annotations

from tui.keys.key import Key

KEYS = (
    Key("raw", "m", "text", "report", "Rendered, or as it stands in the file."),
    Key("outline", "o", "outline", "report", "Show or hide the outline."),
    Key("export", "x", "export", "report", "Write a copy: Markdown, or one HTML page."),
    Key("card", "b", "card", "report", "Make the report card and open it in the browser."),
    Key("copy", "y", "copy", "report", "The section that is read, to the clipboard."),
    Key("copy_all", "Y", "copy all", "report", "The whole report, to the clipboard.", False),
    Key("links", "l", "links", "report", "Open a link of the report, or a file that it names."),
    Key(
        "section(1)",
        "right_square_bracket",
        "section",
        "report",
        "To the next section.",
        False,
        False,
        "]",
    ),
    Key(
        "section(-1)",
        "left_square_bracket",
        "section before",
        "report",
        "To the section before.",
        False,
        False,
        "[",
    ),
    Key("regenerate", "w", "write anew", "report", "Make the report from the records again."),
    Key("room('decide')", "d", "decide", "report", "Judge the evidence and decide."),
    Key("room('examples')", "e", "examples", "report", "The answers that the report counts."),
    Key("room('validate')", "v", "validate", "report", "Check the files of the run."),
)
