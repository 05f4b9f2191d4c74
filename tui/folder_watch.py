"""Tells when something in a folder was saved: at once where the system says so.

watchfiles asks the system (inotify, FSEvents). On a network file system that says nothing
`WATCHFILES_FORCE_POLLING=1` makes it look by itself; whoever uses this looks now and then anyway.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from importlib import import_module
from pathlib import Path

BURST_MS = 200
"""Saves that follow each other this closely are told as one."""

STEP_MS = 60
"""How long it is quiet before a save is told."""


class CannotWatch(Exception):
    """The system gives no word of changes; the text says why."""


async def saves(folder: Path, ignored: Callable[[str], bool]) -> AsyncIterator[None]:
    """One item for each save in ``folder`` (not in folders within) until it is cancelled.

    ``ignored`` is asked with a file's name. CannotWatch when the folder is gone or the system
    has no watch left to give.
    """
    # Not on the event loop: importing it takes tens of milliseconds.
    watchfiles = await asyncio.to_thread(import_module, "watchfiles")

    def counts(change: object, path: str) -> bool:
        return not ignored(Path(path).name)

    try:
        async for _ in watchfiles.awatch(
            folder,
            watch_filter=counts,
            debounce=BURST_MS,
            step=STEP_MS,
            recursive=False,
        ):
            yield None
    except OSError as error:
        raise CannotWatch(error.strerror or str(error)) from error
    except RuntimeError as error:  # how the watcher itself says that it broke
        raise CannotWatch(str(error)) from error
