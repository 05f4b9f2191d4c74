"""The keys of Artifacts."""

from __future__ import annotations

from tui.keys.key import Key

_STATES = (
    "release-ready-weights",
    "release-ready-metadata",
    "candidate-current-best",
    "report-only",
    "blocked",
    "parked",
)

KEYS = (
    Key("open", "enter", "read", "artifacts", "Read the page; of a finding, open its line.", True,
        False),
    Key("search", "slash", "filter", "artifacts", "Only artifacts that hold a text.", display="/"),
    Key("findings", "f", "findings", "artifacts", "What is wrong, or the page again."),
    Key("edit", "e", "edit", "artifacts", "Open the artifact's file in your editor."),
    Key("check", "c,f5", "check", "artifacts", "Hold every artifact against its records again.",
        display="c"),
    Key("new_of_run", "n", "new", "artifacts", "Make a public artifact of a decided run."),
    Key("preview", "b", "browser", "artifacts", "Show the site in the browser; again ends it."),
    Key("publish", "p", "publish", "artifacts", "Write the site into a directory."),
    Key("change_state", "s", "state", "artifacts", "Move it into a state that may follow."),
    Key("open_run", "o", "run", "artifacts", "Open a run of the artifact."),
    Key("new_form", "N", "empty form", "artifacts", "Write an empty artifact to fill in.", False),
    Key("copy_path", "y", "copy path", "artifacts", "Copy the path of the artifact's file.", False),
    *(
        Key(f"show_state({at})", str(at), state, "artifacts", f"Show or hide {state}.", False)
        for at, state in enumerate(_STATES, start=1)
    ),
    Key("pane(1)", "tab", "pane", "artifacts", "To the other pane: list, page.", False, False),
    Key("pane(-1)", "shift+tab", "pane back", "artifacts", "To the other pane.", False, False),
)  # fmt: skip
