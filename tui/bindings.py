"""Every key of the app, in one table: footer, help, palette and the README are made from it.

A row cannot be in one of them and missing in another. Rows of one screen stand in the order in
which the footer shows them. The rows themselves are in ``tui.keys``, one module a screen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual.binding import Binding

from tui.keys import (
    artifacts,
    compare,
    decide,
    everywhere,
    examples,
    filter,
    journal,
    live,
    log,
    loops,
    new_run,
    report,
    research,
    runs,
    serve,
    validate,
)
from tui.keys.key import EVERYWHERE, Key

__all__ = ["EVERYWHERE", "KEYS", "PANES", "Key", "bindings_for", "caption_in", "keys_of"]

KEYS: tuple[Key, ...] = (
    *runs.KEYS,
    *filter.KEYS,
    *decide.KEYS,
    *validate.KEYS,
    *report.KEYS,
    *new_run.KEYS,
    *live.KEYS,
    *log.KEYS,
    *compare.KEYS,
    *examples.KEYS,
    *loops.KEYS,
    *research.KEYS,
    *serve.KEYS,
    *journal.KEYS,
    *artifacts.KEYS,
    *everywhere.KEYS,
)

PANES: dict[str, tuple[str, ...]] = {"log": ("live", "serve"), "filter": ("runs",)}
"""Panes with keys of their own, and the screens that they are on: their keys work while the pane
has the focus, and stand in those screens' help."""


def keys_of(screen: str, table: Sequence[Key] = KEYS) -> Iterator[Key]:
    """The keys that work on a screen: its panes', its own, then those that work everywhere.

    ``table`` is the one in which the user's own keys stand, where there are some.
    """
    panes = {pane for pane, places in PANES.items() if screen in places}
    yield from (key for key in table if key.screen in panes)
    yield from (key for key in table if key.screen == screen)
    yield from (key for key in table if key.screen == EVERYWHERE)


def caption_in(app: object, name: str) -> str:
    """The key of an action as people write it, for sentences: with the user's own keys."""
    table: Sequence[Key] = getattr(app, "key_table", KEYS)
    return next(key.caption for key in table if key.id == name)


def bindings_for(screen: str) -> list[Binding | tuple[str, str] | tuple[str, str, str]]:
    """What a screen, a pane or (for EVERYWHERE) the app has as its ``BINDINGS``."""
    return [
        Binding(
            key.keys,
            key.action,
            key.label,
            show=key.shown,
            key_display=key.caption,
            tooltip=key.help,
            priority=key.priority,
            id=key.id,
        )
        for key in KEYS
        if key.screen == screen
    ]
