"""The failure classes as choices: which one was given, which one the evidence suggests."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from engine.answers.trace_export import Chosen
from engine.judge.failure_class import Suggestion, suggest
from engine.records.trace_review import TITLES, Review
from tui.views.cells import Cell
from tui.views.choice_item import Item
from tui.views.examples_page import Page
from tui.views.plain import plain


def suggestion_for(page: Page, names: Mapping[str, Collection[str]]) -> Suggestion | None:
    """The class that the evidence suggests for the shown answer; ``names`` are those that each
    suite expects."""
    shown = page.shown
    return suggest(
        shown.text.expected,
        shown.text.got,
        shown.text.error,
        shown.correct,
        names.get(page.suite, ()),
    )


def suggested(chosen: Chosen, names: Mapping[str, Collection[str]]) -> str | None:
    """The class that the evidence suggests for a wrong answer, or None."""
    text = chosen.text
    if chosen.correct:
        return None
    known = names.get(chosen.file.suite, ())
    found = suggest(text.expected, text.got, text.error, False, known)
    return found.failure_class if found is not None else None


def class_items(
    review: Review | None,
    offered: Suggestion | None,
    counts: Mapping[str, int],
    stale: bool,
) -> list[Item]:
    """The seven classes with their keys. A review of another answer (``stale``) chooses none."""
    given = review.failure_class if review is not None and not stale else None
    items = []
    for number, (name, title) in enumerate(TITLES.items(), start=1):
        state = "chosen" if name == given else ""
        if given is None and offered is not None and offered.failure_class == name:
            state = "offered"
        count = f"{counts[name]:,}" if counts.get(name) else ""
        items.append(Item(name, title, str(number), count, state))
    return items


def class_note(review: Review | None, offered: Suggestion | None, stale: bool) -> list[Cell]:
    """The line beneath the classes: who tagged and wrote what, or why a class is offered."""
    if stale and review is not None:
        what = TITLES.get(review.failure_class or "", review.failure_class or "a note")
        return [
            Cell(f"⚠ was reviewed ({plain(what, clip=60)}), ", "warn"),
            Cell("but the answer was measured again since: look at it once more", "muted"),
        ]
    if review is not None and (review.failure_class is not None or review.note):
        who = f" by {plain(review.by, clip=40)}" if review.by else ""
        when = f" {review.at:%Y-%m-%d %H:%M}" if review.at is not None else ""
        known = review.failure_class is None or review.failure_class in TITLES
        other = "" if known else f" as {plain(review.failure_class, clip=60)}"
        cells = [Cell(f"▸ reviewed{other}{who}{when}", "muted")]
        if review.note:
            cells.append(Cell(f"  ✎ {plain(review.note)}"))
        return cells
    if offered is not None:
        return [
            Cell("? ", "warn"),
            Cell(f"{TITLES[offered.failure_class]}: {plain(offered.why, clip=200)}"),
            Cell("  y takes it", "muted"),
        ]
    return [Cell("not reviewed", "muted")]
