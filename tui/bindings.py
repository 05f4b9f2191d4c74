"""Every key of the app, in one table.

A row feeds the footer of its screen, the help screen and the command palette, so that a key
cannot be in one of them and missing in another. Rows of one screen stand in the order in which
the footer shows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from textual.binding import Binding

EVERYWHERE = "*"


@dataclass(frozen=True, slots=True)
class Key:
    """One action of one screen.

    ``action`` is a Textual action of the screen or, with ``app.``, of the app; ``keys`` is one key
    or several with commas; ``label`` the word in the footer; ``screen`` the screen's name or
    EVERYWHERE; ``help`` one sentence. ``shown`` puts it into the footer; ``palette`` into the
    command palette, where keys that only move about have no place.
    """

    action: str
    keys: str
    label: str
    screen: str
    help: str
    shown: bool = True
    palette: bool = True
    display: str | None = None
    priority: bool = False

    @property
    def caption(self) -> str:
        """The key as people write it."""
        if self.display is not None:
            return self.display
        return " ".join(_caption(key) for key in self.keys.split(","))


KEYS: tuple[Key, ...] = (
    # --- Runs -------------------------------------------------------------------
    Key("open", "enter", "open", "runs", "Open the run at the cursor.", palette=False),
    Key("room('new_run')", "n", "new", "runs", "Plan a new run."),
    Key("follow", "N", "new after", "runs", "Plan a run that follows this one.", shown=False),
    Key("room('decide')", "d", "decide", "runs", "Judge the run at the cursor."),
    Key("room('validate')", "v", "validate", "runs", "Check the files of the run."),
    Key("room('report')", "r", "report", "runs", "Read the report of the run."),
    Key("cancel", "c", "cancel", "runs", "Stop a run; asks first."),
    Key("resume", "R", "resume", "runs", "Start a run, or go on with a stopped one.", shown=False),
    Key("filter", "slash", "filter", "runs", "List only runs that match.", display="/"),
    Key("order", "o", "sort", "runs", "Sort by the next column.", shown=False),
    Key("order(True)", "O", "reverse", "runs", "Sort the other way round.", shown=False),
    Key("mark", "space", "mark", "runs", "Mark the run at the cursor.", False, display="␣"),
    Key("refresh", "f5", "read again", "runs", "Read every run again.", shown=False),
    Key("clear", "escape", "all", "runs", "Take the filter away.", False, False),
    Key("app.leave", "q", "quit", "runs", "Leave; runs go on."),
    # --- Decide -----------------------------------------------------------------
    Key("choose('ship')", "s", "ship", "decide", "The candidate is good enough to be used."),
    Key("choose('reject')", "x", "reject", "decide", "It is not, and this way ends here."),
    Key("choose('retry-data')", "a", "data", "decide", "Try again with other data."),
    Key("choose('retry-training')", "t", "training", "decide", "Try again with other settings."),
    Key("choose('retry-eval')", "e", "eval", "decide", "The evaluation is what is wrong."),
    Key("choose('park')", "p", "park", "decide", "Not now; say what it waits for."),
    Key("write", "ctrl+s", "record", "decide", "See the record, then write it.", priority=True),
    Key("leave", "escape", "back", "decide", "Out of a field, then back.", palette=False),
    Key("room('validate')", "v", "validate", "decide", "Check the files of the run."),
    Key("room('report')", "r", "report", "decide", "Read the report of the run."),
    # --- Validate ---------------------------------------------------------------
    Key("open", "o", "open", "validate", "Open the file at the place.", display="⏎"),
    Key("edit", "e", "edit", "validate", "Open the file in your editor."),
    Key("refresh", "f5", "check again", "validate", "Check every file again.", display="F5"),
    Key("room('decide')", "d", "decide", "validate", "Judge the evidence and decide."),
    Key("room('report')", "r", "report", "validate", "Read the report of the run."),
    # --- Report -----------------------------------------------------------------
    Key("raw", "m", "text", "report", "Rendered, or as it stands in the file."),
    Key("outline", "o", "outline", "report", "Show or hide the outline."),
    Key("regenerate", "w", "write anew", "report", "Make the report from the records again."),
    Key("room('decide')", "d", "decide", "report", "Judge the evidence and decide."),
    Key("room('validate')", "v", "validate", "report", "Check the files of the run."),
    # --- New run ----------------------------------------------------------------
    Key("start", "ctrl+s", "start", "new_run", "Make the run and start it.", priority=True),
    Key("models", "f2", "models", "new_run", "Choose a base model on this disk.", display="F2"),
    Key(
        "page(1)", "pagedown", "plan", "new_run", "The plan further down.", False, False, "⇟", True
    ),
    Key(
        "page(-1)", "pageup", "plan up", "new_run", "The plan further up.", False, False, "⇞", True
    ),
    Key("app.focus_next", "down", "next", "new_run", "The next setting.", False, False, None, True),
    Key(
        "app.focus_previous",
        "up",
        "before",
        "new_run",
        "The setting before.",
        False,
        False,
        None,
        True,
    ),
    Key("leave", "escape", "back", "new_run", "Back; nothing is written."),
    # --- Live -------------------------------------------------------------------
    Key("cancel", "c", "cancel", "live", "Stop the run; a training stage saves a checkpoint."),
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
    # --- Everywhere -------------------------------------------------------------
    Key("app.back", "escape", "back", EVERYWHERE, "Back to the screen before.", display="esc"),
    Key("app.help", "question_mark,f1", "help", EVERYWHERE, "What the keys do.", display="?"),
    Key(
        "app.command_palette",
        "ctrl+p",
        "palette",
        EVERYWHERE,
        "Find any action by its name.",
        shown=False,
        palette=False,
        display="^p",
    ),
    Key("app.leave", "ctrl+q", "quit", EVERYWHERE, "Leave; runs go on.", shown=False, display="^q"),
)

_NAMES = {
    "slash": "/",
    "question_mark": "?",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "escape": "esc",
    "enter": "⏎",
    "space": "␣",
    "tab": "⇥",
    "shift+tab": "⇧⇥",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
}


def _caption(key: str) -> str:
    if key.startswith("ctrl+"):
        return "^" + _caption(key.removeprefix("ctrl+"))
    return _NAMES.get(key, key)


def keys_of(screen: str) -> Iterator[Key]:
    """The keys that work on a screen: its own, then those that work everywhere."""
    yield from (key for key in KEYS if key.screen == screen)
    yield from (key for key in KEYS if key.screen == EVERYWHERE)


def bindings_for(screen: str) -> list[Binding | tuple[str, str] | tuple[str, str, str]]:
    """What a screen (or, for EVERYWHERE, the app) has as its ``BINDINGS``."""
    return [
        Binding(
            key.keys,
            key.action,
            key.label,
            show=key.shown,
            key_display=key.caption,
            tooltip=key.help,
            priority=key.priority,
        )
        for key in KEYS
        if key.screen == screen
    ]
