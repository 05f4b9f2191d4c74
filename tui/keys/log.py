"""The keys of the log pane: they work while it has the focus."""

from __future__ import annotations

from tui.keys.key import Key

KEYS: tuple[Key, ...] = ()
