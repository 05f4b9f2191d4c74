"""Doing something from a screen and saying how it went: a sentence, never a traceback."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from textual.widget import Widget

from tui.views.plain import plain

Severity = Literal["information", "warning", "error"]


def say(widget: Widget, text: str, severity: Severity = "information") -> None:
    """Show a sentence for a while. Its text is never read as markup."""
    timeout = 10 if severity == "error" else 5
    widget.notify(plain(text, clip=800), severity=severity, timeout=timeout, markup=False)


_WAYS_OUT = {
    errno.ENOSPC: "Make room on that disk, then do it again.",
    errno.EDQUOT: "Make room on that disk, then do it again.",
    errno.EROFS: "That disk cannot be written to; once it can, do it again.",
    errno.EACCES: "Look who may write and read there, then do it again.",
    errno.EPERM: "Look who may write and read there, then do it again.",
    errno.EMFILE: "Close other programs, or raise ulimit -n, then do it again.",
}


def sentence_of(error: OSError) -> str:
    """What the system refused, where, and what one can do; a temporary file is its folder."""
    text = error.strerror or type(error).__name__
    if isinstance(error.filename, str) and error.filename:
        path = Path(error.filename)
        text += f": {path.parent if path.name.startswith('.') else path}"
    way = _WAYS_OUT.get(error.errno or 0)
    return f"{text}. {way}" if way else text


def attempt(widget: Widget, action: Callable[[], object], done: str) -> bool:
    """Run ``action`` (in a worker thread), say ``done`` or what went wrong; whether it went well.

    What the engine raises on purpose has a sentence for a message. Anything else is a mistake of
    ours: it is said as well, with its type, instead of ending the app and whatever else it shows.
    """
    try:
        action()
    except Exception as error:  # noqa: BLE001 - the border between engine and screen
        text = str(error) or type(error).__name__
        if isinstance(error, OSError) and error.strerror:
            text = sentence_of(error)
        widget.app.call_from_thread(say, widget, text, "error")
        return False
    if done:
        widget.app.call_from_thread(say, widget, done)
    return True
