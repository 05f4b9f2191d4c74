"""Keys one after another: what one does is done before the next is looked at.

Textual hands a key to the widget that has the focus and looks for the key's action when it has come
back up from there. Keys that come faster than that, typed or sent, meet the focus of before: of a
hurried ``/drone`` the filter would hold nothing, and d, r, o, n and e would be pressed in the list.
"""

from __future__ import annotations

from collections import deque
from pathlib import PurePath

from textual import events
from textual.app import App
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

MOVES = frozenset(["up", "down", "left", "right", "pageup", "pagedown", "home", "end"])
"""Keys that move a cursor: held down they come fast, and nothing has to wait for what they do."""

LOOK_EVERY_S = 0.05
"""How often it is looked whether the way that a key went is still there."""

PATIENCE_S = 2.0
"""A key waits no longer for the one before: a screen that hangs must still hear."""

MOST_ROUNDS = 5
"""So many changes of focus or screen are waited for after one key."""

Place = tuple[Screen[object], Widget | None]


class Passed(Message):
    """Goes the way of a key, behind it: once it is back, so is all that was sent before it."""

    def __init__(self, turn: int, rounds: int) -> None:
        super().__init__()
        self.turn = turn
        self.rounds = rounds


class KeysInTurnApp(App[None]):
    """An app in which keys and pasted text that come early wait for the key before them.

    A key has been done with when a `Passed` went round twice and found focus and screen as it left
    them: the first round comes back behind the key and starts its action, the second behind what
    that sent (a line that was entered, a run that was opened).
    """

    def __init__(self, css_path: list[str | PurePath]) -> None:
        super().__init__(css_path=css_path)
        self._early: deque[events.Event] = deque()
        self._turn = 0
        self._under_way = False
        self._place: Place | None = None
        self._looking: Timer | None = None
        self._looks_left = 0

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        elif self._under_way:
            self._early.append(event)
            self._look_soon()
        else:
            await self._hand_on(event)

    @property
    def _is_ending(self) -> bool:
        return not self.screen_stack

    async def _hand_on(self, event: events.Event) -> None:
        if self._is_ending:
            return
        await super().on_event(event)
        if not self._is_ending and not (isinstance(event, events.Key) and event.key in MOVES):
            self._under_way = True
            self._turn += 1
            self._send_round(0)

    def _send_round(self, rounds: int) -> None:
        self._place = (self.screen, self.focused)
        (self.focused or self.screen).post_message(Passed(self._turn, rounds))

    async def on_passed(self, message: Passed) -> None:
        if message.turn != self._turn or not self._under_way or self._is_ending:
            return
        unmoved = self._place == (self.screen, self.focused)
        if message.rounds and (unmoved or message.rounds == MOST_ROUNDS):
            await self._go_on()
        else:
            self._send_round(message.rounds + 1)

    async def _go_on(self) -> None:
        """The key is done with: hand on those that came early, up to one that is waited for."""
        self._under_way = False
        if self._looking is not None:
            self._looking.stop()
            self._looking = None
        while self._early and not self._under_way:
            await self._hand_on(self._early.popleft())
        if self._early:
            self._look_soon()

    def _look_soon(self) -> None:
        if self._looking is None:
            self._looks_left = round(PATIENCE_S / LOOK_EVERY_S)
            self._looking = self.set_interval(LOOK_EVERY_S, self._look)

    async def _look(self) -> None:
        """Go another way where a screen closed and took what was going round with it."""
        if self._is_ending:
            return
        assert self._place is not None
        screen, widget = self._place
        self._looks_left -= 1
        if self._looks_left <= 0:
            await self._go_on()
        elif not (widget or screen).is_attached:
            self._turn += 1
            self._send_round(1)
