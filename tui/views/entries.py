"""Lines of a list whose lines may be chosen. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.cells import cell_len

from tui.views.plain import fit
from tui.views.table_layout import wrapped

Segment = tuple[str, str]
"""A text and its role, see ``tui.widgets.ink``."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line; ``key`` is what choosing it means, None where it cannot be chosen."""

    row: tuple[Segment, ...]
    key: str | None = None


def entry(*segments: Segment, key: str | None = None) -> Entry:
    return Entry(tuple(segments), key)


def sentence(text: str, width: int, role: str = "muted", indent: str = "") -> list[Entry]:
    """A text over as many lines as it needs."""
    room = max(8, width - cell_len(indent))
    return [entry((indent + line, role)) for line in wrapped(text, room)]


def clipped(segments: Iterable[Segment], width: int) -> tuple[Segment, ...]:
    """Segments cut at ``width`` cells, the last one with an ellipsis."""
    found: list[Segment] = []
    for text, role in segments:
        size = cell_len(text)
        if size > width:
            if width > 0:
                found.append((fit(text, width), role))
            break
        found.append((text, role))
        width -= size
    return tuple(found)
