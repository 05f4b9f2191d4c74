"""The letter and the colour of each run of a comparison. Pure.

A run keeps both while the comparison is open, also when others are added or removed; the letter
stands wherever its colour does, so that no colour has to be told apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from tui.views.plain import plain

COLOURS = 12
"""Roles ``run0`` to ``run11`` of drawn lines; more runs than that begin again."""

DRAWN = 12
"""Runs whose curves are drawn; the tables hold them all."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How a run is told apart: a short text and a role of ``tui.widgets.ink``."""

    letter: str
    role: str


@dataclass(slots=True)
class Marks:
    """Gives marks out in the order in which runs are first asked for."""

    _given: dict[str, Mark] = field(default_factory=dict)

    def of(self, run_id: str) -> Mark:
        mark = self._given.get(run_id)
        if mark is None:
            number = len(self._given)
            mark = self._given[run_id] = Mark(letter_of(number), f"run{number % COLOURS}")
        return mark


def letter_of(number: int) -> str:
    """A to Z, then AA, AB and so on."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(65 + rest) + text
    return text


def short_names(run_ids: Iterable[str]) -> dict[str, str]:
    """Names that tell these runs apart in few characters: the day without its year, where there
    is one, and not even the day where it is the same in all."""
    ids = list(run_ids)
    days = {_day(one) for one in ids}
    found = {}
    for one in ids:
        day = _day(one)
        name = one if day is None else one[11:]
        if day is not None and len(days) > 1:
            name = f"{day[5:]} {name}"
        found[one] = plain(name, clip=200)
    return found if len(set(found.values())) == len(set(ids)) else {one: plain(one) for one in ids}


def _day(run_id: str) -> str | None:
    head = run_id[:10]
    if run_id[10:11] != "-" or len(run_id) < 12:
        return None
    try:
        datetime.fromisoformat(head)
    except ValueError:
        return None
    return head
