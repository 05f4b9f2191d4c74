"""Doing something from a screen and saying how it went: a sentence, never a traceback."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from textual.types import NoActiveAppError
from textual.widget import Widget
from textual.worker import get_current_worker

from tui.standing import in_front
from tui.views.plain import plain

if TYPE_CHECKING:
    from textual.screen import Screen

Answer = TypeVar("Answer")

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


def hand_over(widget: Widget, callback: Callable[..., object], *values: object) -> None:
    """From a worker's thread: call ``callback`` in the app's own with what was found.

    It is let go where nobody waits for it any more: a newer worker took the place of this one
    (which goes on to its end in its thread), or the widget is taken away. That is asked in the
    app's thread, where both come about: asked before, the answer could be old once it is used.
    What was done, in place of found, is always told: see `attempt`.
    """
    worker = get_current_worker()

    def call() -> object:
        wanted = widget.is_running and not worker.is_cancelled
        return callback(*values) if wanted else None

    # A widget that was taken away has no app any more.
    with suppress(NoActiveAppError):
        widget.app.call_from_thread(call)


def at_work(widget: Widget, *groups: str) -> bool:
    """Whether a worker of this widget, of one of these groups, is under way."""
    return any(
        one.node is widget and one.group in groups and one.is_running for one in widget.workers
    )


def still_at(widget: Widget, words: str, *groups: str) -> bool:
    """As `at_work`; where it is, ``words`` tell who presses once more what is still being done."""
    busy = at_work(widget, *groups)
    if busy:
        say(widget, words)
    return busy


def ask(
    screen: Screen[Any], question: Screen[Answer], answered: Callable[[Answer | None], None]
) -> bool:
    """Put a question that a thread was needed for before its screen; whether that was done. Not
    where something else is in front by now: what is typed there would be the answer."""
    there = in_front(screen)
    if there:
        screen.app.push_screen(question, answered)
    return there
