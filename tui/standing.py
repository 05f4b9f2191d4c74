"""Where a screen stands among the others: in front, seen behind a dialog, or left already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.types import NoActiveAppError

if TYPE_CHECKING:
    from textual.app import App
    from textual.screen import Screen


def in_front(screen: Screen[Any]) -> bool:
    """Whether keys go to this screen."""
    return screen.app.screen_stack[-1:] == [screen]


def is_seen(screen: Screen[Any]) -> bool:
    """Whether anybody sees this screen: it is in front, or only dialogs that leave it visible are.
    Textual's ``is_current`` holds for the one behind whatever is in front."""
    stack = screen.app.screen_stack
    if screen not in stack:
        return False
    return all(one.styles.background.a < 1 for one in stack[stack.index(screen) + 1 :])


class KeepsApp:
    """For screens, before their Textual class: the app is known also once the screen was left.

    Textual finds none then, and a thread that is at work for the screen could neither end what it
    does nor say how it went.
    """

    if not TYPE_CHECKING:
        _kept_app: App[Any] | None = None

        @property
        def app(self) -> App[Any]:
            try:
                self._kept_app = super().app
            except NoActiveAppError:
                if self._kept_app is None:
                    raise
            return self._kept_app
