"""Which examples of a run are listed, in which order, and how many there are of each kind.

Plain values: the rows come from ``engine.answers.scored_rows``, and nothing here reads a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.answers.rows_files import Side
from engine.answers.scored_examples import Example, Row
from engine.answers.scored_rows import RowIndex
from engine.answers.trace_review import RowKey
from engine.records.trace_review import TITLES, Review
from tui.views.cells import Cell, how_many
from tui.views.choice_item import Item
from tui.views.plain import fit, middle, plain

VIEWS: dict[str, str] = {
    "failing": "wrong answers",
    "broken": "right before, wrong now",
    "fixed": "wrong before, right now",
    "flipped": "another verdict than before",
    "tagged": "with a failure class or a note",
    "all": "every example",
}
"""The views in their order, and what each lists."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What one wants to see. ``side`` is whose answers are judged, ``failure_class`` the class that
    they were given, ``matches`` the examples that a search found (None without a search)."""

    view: str = "failing"
    side: Side = "candidate"
    suite: str | None = None
    slice: str | None = None
    failure_class: str | None = None
    matches: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """The examples that are listed, by their index, and the number of each view's."""

    shown: Sequence[int] = ()
    counts: tuple[tuple[str, int], ...] = ()


class Facet(NamedTuple):
    """A suite, or a slice of it, with how many of its answers are wrong."""

    suite: str
    slice: str | None
    wrong: int
    n: int


def shown_row(example: Example, side: Side) -> Row:
    """The row that stands for an example: that side's, else the one that there is."""
    row = example.row(side) or example.candidate or example.baseline
    assert row is not None, "an example has a row"
    return row


def other_row(example: Example, row: Row) -> Row | None:
    """The row of the other side, where there is one."""
    return example.baseline if row == example.candidate else example.candidate


def listing(index: RowIndex, choice: Choice, reviews: Mapping[RowKey, Review]) -> Listing:
    """The examples of a choice, wrong answers first, else in the order of their files. ``reviews``
    come by eval record and row."""
    records = [file.record for file in index.files]
    counts = dict.fromkeys(VIEWS, 0)
    wrong: list[int] = []
    right: list[int] = []
    for position, fact in enumerate(index.examples.facts(choice.side)):
        if choice.suite is not None and fact.suite != choice.suite:
            continue
        if choice.slice is not None and fact.slice != choice.slice:
            continue
        if choice.matches is not None and position not in choice.matches:
            continue
        review = reviews.get(RowKey(records[fact.file], fact.id)) if reviews else None
        if choice.failure_class is not None and (
            review is None or review.failure_class != choice.failure_class
        ):
            continue
        views = ["all"] if fact.correct else ["all", "failing"]
        if fact.flip is not None:
            views += [fact.flip, "flipped"]
        if review is not None:
            views.append("tagged")
        for view in views:
            counts[view] += 1
        if choice.view in views:
            (right if fact.correct else wrong).append(position)
    return Listing(wrong + right, tuple(counts.items()))


def facets(index: RowIndex, side: Side) -> list[Facet]:
    """Every suite, each followed by its slices, those with the most wrong answers first."""
    numbers: dict[tuple[str, str | None], list[int]] = {}
    for fact in index.examples.facts(side):
        for place in {None, fact.slice}:
            found = numbers.setdefault((fact.suite, place), [0, 0])
            found[0] += not fact.correct
            found[1] += 1
    order: list[Facet] = []
    for suite in dict.fromkeys(suite for suite, _ in numbers):
        whole = [Facet(suite, None, *numbers[suite, None])]
        parts = [Facet(s, p, *n) for (s, p), n in numbers.items() if s == suite and p is not None]
        order += whole + sorted(parts, key=lambda one: (-one.wrong, one.slice))
    return order


def class_counts(reviews: Iterable[Review]) -> dict[str, int]:
    """How many reviews have each class, those that are known first and in their order."""
    counts: dict[str, int] = dict.fromkeys(TITLES, 0)
    for one in reviews:
        if one.failure_class is not None:
            counts[one.failure_class] = counts.get(one.failure_class, 0) + 1
    return {name: count for name, count in counts.items() if count}


# --- in words ------------------------------------------------------------------------------


def view_items(chosen: str, made: Listing) -> list[Item]:
    """The views with how many examples each has."""
    counts = dict(made.counts)
    return [
        Item(
            name,
            name,
            count=f"{counts[name]:,}" if name in counts else "·",
            state="chosen" if name == chosen else "",
        )
        for name in VIEWS
    ]


def summary(index: RowIndex, made: Listing, marked: int) -> str:
    """How things stand, for the top line."""
    counts = dict(made.counts)
    whole = len(index.examples)
    if not whole:
        return "no rows"
    listed = counts.get("all", 0)
    share = how_many(whole, "example")
    if listed != whole:
        share = f"{listed:,} of {share}"
    last = f"● {marked:,} marked" if marked else f"{counts.get('tagged', 0):,} tagged"
    return f"{share} · {counts.get('failing', 0):,} wrong · {last}"


def nothing_listed(index: RowIndex, choice: Choice, needle: str) -> str:
    """What stands in an empty list."""
    if not index.examples:
        return "This run has no scored rows yet: its evaluation stages write them."
    if needle:
        return f"Nothing in this view holds “{needle}”. esc takes the search away."
    what = VIEWS[choice.view]
    place = " here" if choice.suite or choice.failure_class else ""
    return f"No example{place} under {choice.view} ({what}). ] goes to the next view."


def class_cells(name: str, count: int) -> list[Cell]:
    """A failure class as a line of the list to choose from."""
    title = plain(TITLES.get(name, name), clip=60)
    return [
        Cell("▸ ", "accent"),
        Cell(fit(middle(title, 30), 30)),
        Cell(f" {count:>8,} tagged", "muted"),
    ]


def facet_cells(facet: Facet) -> list[Cell]:
    """A suite or a slice as a line of the list to choose from."""
    name = plain(facet.suite if facet.slice is None else facet.slice, clip=200)
    name = fit(middle(name, 32), 32) if facet.slice is None else "  " + fit(middle(name, 30), 30)
    sign = Cell(f" ✘ {facet.wrong:>6,}", "bad") if facet.wrong else Cell(f" ✔ {'all':>6}", "good")
    return [
        Cell(name, "strong" if facet.slice is None else "plain"),
        sign,
        Cell(f" of {facet.n:,}", "muted"),
    ]
