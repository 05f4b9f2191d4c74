"""The keys of Serve. The prompt has the focus most of the time, so none of them is a letter."""

from __future__ import annotations

from tui.keys.key import Key

_CHOSEN = "Choose base or candidate: its log is shown, and keys for one side mean it."
_EXAMPLE = "Take an example of the target's suites as prompt; its scorer judges the answers."
_MODEL = "What the chosen side is: a model on disk, a server that runs, an endpoint."
_KEEP = "The chosen server stays when the app ends, or ends with it."
_LOG = "Give the screen to the server's log, and back."


def _moving(action: str, key: str, label: str, help: str, display: str | None = None) -> Key:
    """A key that moves about while the prompt has the focus."""
    return Key(action, key, label, "serve", help, False, False, display, True)


KEYS = (
    Key(
        "ask",
        "enter",
        "ask",
        "serve",
        "Send the prompt to both; in the list: start or stop.",
        priority=True,
    ),
    Key("servers", "f2", "start/stop", "serve", "Start both servers, or stop them.", display="F2"),
    Key("example", "f7", "examples", "serve", _EXAMPLE, display="F7", priority=True),
    Key("to_suite", "ctrl+s", "to suite", "serve", "Put the prompt into a suite.", priority=True),
    Key("other", "f6", "other side", "serve", _CHOSEN, display="F6", priority=True),
    Key("server", "f3", "this one", "serve", "Start or stop the chosen one.", display="F3"),
    Key("restart", "f4", "again", "serve", "Restart the chosen one.", False, display="F4"),
    Key("model", "f9", "model", "serve", _MODEL, display="F9"),
    Key("log", "f8", "log", "serve", _LOG, display="F8"),
    Key("keep", "ctrl+l", "leave running", "serve", _KEEP, priority=True),
    Key("copy", "ctrl+y", "copy", "serve", "Copy the chosen side's answer.", priority=True),
    Key("system", "ctrl+t", "system", "serve", "The system prompt: the target's, none or another."),
    Key("marks", "f12", "marks", "serve", "Mark what differs, or not.", False, display="F12"),
    _moving("newline", "ctrl+j", "new line", "A new line in the prompt."),
    _moving("history(-1)", "up", "before", "In the first line: the prompt before."),
    _moving("history(1)", "down", "after", "In the last line: the prompt after."),
    _moving("scroll(1)", "pagedown", "down", "Both answers further down.", "⇟"),
    _moving("scroll(-1)", "pageup", "up", "Both answers further up.", "⇞"),
)
