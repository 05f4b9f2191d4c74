"""Opens a workspace at another machine: its address → a copy that is kept up to date."""

from __future__ import annotations

from engine import identity
from engine.remote import mirrors
from engine.remote.address import parse
from engine.remote.line import Line

OPEN_S = 40.0
"""So long the first look may take before the copy of before is shown as it is."""

COMMANDS = frozenset(
    {"list", "show", "watch", "compare", "decide", "cancel", "resume", "run", "tag", "validate"}
)
"""The commands that work on a workspace at another machine."""


class CannotOpen(Exception):
    """There is nothing to show; the text says why."""


def open_copy(text: str) -> Line:
    """Begin to copy the workspace at an address, and wait until there is something to show.

    AddressError for what is no address, CannotOpen where the machine or the workspace is not
    reached and nothing of it was copied before.
    """
    line = Line(parse(text))
    try:
        line.start()
    except OSError as error:
        raise CannotOpen(
            f"The copy cannot be kept in {line.copy.path}: {error.strerror or error}."
        ) from error
    root = line.copy.path
    identity.believe(lambda: mirrors.told_alive(root))
    line.ready.wait(OPEN_S)
    if line.problem is not None:
        line.stop()
        raise CannotOpen(f"{line.copy.address}: {line.problem}")
    return line
