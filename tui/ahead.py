"""What is done once after the first paint, so that the screen need not stop for it later."""

from __future__ import annotations

import gc
from importlib import import_module
from threading import Lock, Thread

AHEAD = ("tui.screens.live",)
"""Modules that most people need within seconds."""

_once = Lock()


def load_ahead() -> None:
    """Import AHEAD in a thread, the first time that this is called in a process."""
    if _once.acquire(blocking=False):
        Thread(target=_load, daemon=True, name="load ahead").start()


def _load() -> None:
    for name in AHEAD:
        import_module(name)
    # What was loaded stays, so the garbage collector need not look at it again: a full collection
    # of all that Textual loads stops the screen for 45 ms, and happens every few seconds while
    # events come.
    gc.freeze()
    gc.enable()
