"""A screen in front of another that answers it: once, whatever is pressed how often."""

from __future__ import annotations

from asyncio import sleep
from typing import TypeVar

from textual import events, on
from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen

from tui.standing import KeepsApp, in_front

Answer = TypeVar("Answer")


class Dialog(KeepsApp, ModalScreen[Answer]):
    """The first answer counts. Textual takes away whatever screen is in front with every further
    one: a button that is pressed while its key is on the way would close the screen behind."""

    _given: tuple[Answer | None] | None = None

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Answer and go away; behind another one (the question on leaving) once that went."""
        if self._given is not None:
            return AwaitComplete(sleep(0))
        self._given = (result,)
        return self._go()

    def _go(self) -> AwaitComplete:
        if self._given is None or not in_front(self):
            return AwaitComplete(sleep(0))
        return super().dismiss(self._given[0])

    @on(events.ScreenResume)
    def _in_front_again(self) -> None:
        if self._given is not None:
            self._go()
