"""The orders of the list of runs: by any column, what was not recorded last. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.catalogue.run_facts import setting
from tui.views.run_columns import SETTING
from tui.views.runs_view import RunRow

Key = Callable[[RunRow], Any]

SORTS: dict[str, tuple[Key, bool]] = {
    "newest": (lambda row: row.summary.created, True),
    "run": (lambda row: row.run_id, False),
    "target": (lambda row: row.summary.target or None, False),
    "model": (lambda row: row.summary.base_model, False),
    "primary": (lambda row: row.summary.primary_candidate, True),
    "delta": (lambda row: row.summary.primary_delta, True),
    "breadth": (lambda row: row.summary.breadth_delta_pp, True),
    "tok/s": (lambda row: row.summary.train_tok_s or row.summary.eval_tok_s, True),
    "peak": (lambda row: row.summary.peak_bytes, True),
    "decision": (
        lambda row: row.summary.decision or ("◆" if row.summary.awaits_decision else None),
        False,
    ),
    "tags": (lambda row: " ".join(row.summary.tags).casefold() or None, False),
    "phase": (lambda row: row.summary.phase, False),
    "seed": (lambda row: row.summary.seed, False),
    "n": (lambda row: row.summary.n, True),
    "duration": (lambda row: row.summary.duration_s, True),
    "parent": (lambda row: row.summary.parent_run_id, False),
}
"""The orders: name to its key and whether the highest comes first. ``set.NAME`` comes on top."""


@dataclass(frozen=True, slots=True)
class Order:
    """How the list is sorted. A name that is no order counts as the newest first."""

    name: str = "newest"
    reverse: bool = False

    def next(self, names: Sequence[str] = tuple(SORTS)) -> Order:
        """The following one of ``names``, not reversed."""
        at = names.index(self.name) + 1 if self.name in names else 0
        return Order(names[at % len(names)]) if names else Order()

    @property
    def descending(self) -> bool:
        """Whether the highest value stands first."""
        return order_key(self.name)[1] is not self.reverse

    @property
    def label(self) -> str:
        return f"{self.name} {'▾' if self.descending else '▴'}"


def order_key(name: str) -> tuple[Key, bool]:
    """What an order compares, and whether the highest comes first."""
    if name.startswith(SETTING):
        wanted = name.removeprefix(SETTING)
        return lambda row: _comparable(setting(row.summary, wanted)), True
    return SORTS.get(name, SORTS["newest"])


def _comparable(value: float | str | None) -> tuple[int, float, str] | None:
    """A setting that is a number in one run and a text in another has an order as well."""
    if value is None:
        return None
    return (1, 0.0, value) if isinstance(value, str) else (0, float(value), "")


def arrange(rows: Iterable[RunRow], order: Order) -> list[RunRow]:
    """The rows in that order; what was not recorded stands last in either direction."""
    key = order_key(order.name)[0]
    known: list[RunRow] = []
    missing: list[RunRow] = []
    for row in rows:
        (missing if key(row) is None else known).append(row)
    return sorted(known, key=key, reverse=order.descending) + missing
