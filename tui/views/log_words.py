"""What the log pane says of itself in its title, shortest first where room is short."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.cells import cell_len

from tui.log.find import Pattern, Wanted
from tui.views.plain import fit, plain


@dataclass(frozen=True, slots=True)
class Place:
    """Where one is in a log. Shares are 0 to 1, None where nothing is under way."""

    following: bool = True
    reading: float | None = None
    rows: int = 0
    pattern: Pattern | None = None
    matches: int = 0
    match: int = 0
    searched: float | None = None
    stopped: bool = False
    filter: Pattern | None = None
    filtered: float | None = None
    wanted: Wanted = field(default_factory=Wanted)
    chosen: bool = False
    column: int = 0
    marks: bool = False


def title(place: Place, width: int) -> str:
    """``log ─ 3 of 120 /nan/ · & loss · stderr · f follows``, as much as fits, the first first."""
    parts = [part for part in _parts(place) if part]
    while parts and cell_len(_joined(parts)) > width:
        parts.pop()
    return _joined(parts)


def _joined(parts: list[str]) -> str:
    return "log ─ " + " · ".join(parts) if parts else "log"


def _parts(place: Place) -> list[str]:
    wanted = place.wanted
    return [
        _matches(place),
        "" if place.following else "f follows again",
        _filter(place),
        f"{wanted.stream} only" if wanted.stream else "",
        f"stage {plain(wanted.stage, clip=60)}" if wanted.stage else "",
        f"reading {place.reading:.0%}" if place.reading is not None else "",
        "choosing, y copies" if place.chosen else "",
        f"from column {place.column + 1}" if place.column else "",
        "! is stderr" if place.marks and wanted.stream is None else "",
    ]


def _matches(place: Place) -> str:
    if place.pattern is None:
        return ""
    count = f"{place.match:,} of {place.matches:,}" if place.match else f"{place.matches:,} found"
    if not place.matches:
        count = "not found"
    if place.searched is not None:
        count = f"{place.matches:,} so far, {place.searched:.0%} searched, esc stops"
    elif place.stopped:
        count += ", search stopped"
    text = " as text" if place.pattern.literal and not _is_plain(place.pattern) else ""
    return f"{count} /{fit(plain(place.pattern.given, clip=60), 24).rstrip()}/{text}"


def _is_plain(pattern: Pattern) -> bool:
    return not any(char in "\\^$.|?*+()[]{}" for char in pattern.given)


def _filter(place: Place) -> str:
    if place.filter is None:
        return ""
    given = fit(plain(place.filter.given, clip=60), 24).rstrip()
    busy = f", {place.filtered:.0%} read" if place.filtered is not None else ""
    return f"& {given}: {place.rows:,} lines{busy}"
