"""The Trace Review section of a report: which kinds of failure a person found, and how often."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.checks.contents import RunContents
from engine.judge.review_count import ReviewCount, count_reviews
from engine.publish.markdown import clip, escape, table
from engine.records.trace_review import TITLES, Review

HEADING = "## Trace Review"

SHOWN_NOTES = 20
"""How many notes a report has."""

_NOTE = 300


def render(contents: RunContents) -> list[str]:
    """The section; no line of it where nothing was reviewed."""
    found = contents.trace_review
    if found is None or not found.reviews:
        return []
    counted = count_reviews(found.reviews, contents.rows)
    suites = list(dict.fromkeys(_column(contents, one) for one in counted.current))
    names = [*TITLES, *sorted(counted.classes() - set(TITLES))]
    rows = []
    for name in names:
        here = [one for one in counted.current if one.failure_class == name]
        if here:
            per = [str(sum(_column(contents, one) == suite for one in here)) for suite in suites]
            rows.append([escape(TITLES.get(name, name)), str(len(here)), *per])
    lines = [HEADING, ""]
    if rows:
        header = ["Failure class", "Answers", *(escape(suite) for suite in suites)]
        lines += table(header, rows, numbers=len(header) - 1)
    else:
        lines += ["No answer has a failure class."]
    lines += ["", *_counts(counted)]
    notes = [one for one in counted.current if one.note]
    if notes:
        lines += ["", *_notes(contents, notes)]
    return lines


def _column(contents: RunContents, review: Review) -> str:
    """The suite, and which side of it was read where that is not the candidate's."""
    record = contents.evals.get(review.record)
    suite = record.suite if record is not None else review.suite
    return f"{suite}, baseline" if "baseline" in review.record else suite


def _counts(counted: ReviewCount) -> Iterable[str]:
    tagged = sum(one.failure_class is not None for one in counted.current)
    yield f"{tagged} answers have a failure class, given by a person who read them."
    if counted.gone:
        yield (
            f"{counted.gone} more are of answers that were measured again since, or are not there "
            "any more; they are not counted."
        )


def _notes(contents: RunContents, notes: Sequence[Review]) -> Iterable[str]:
    for one in notes[:SHOWN_NOTES]:
        what = TITLES.get(one.failure_class or "", one.failure_class or "no class")
        place = f"{escape(_column(contents, one))}, example {escape(clip(one.row_id, 60))}"
        yield f"- {place} ({escape(what)}): {escape(clip(one.note or '', _NOTE))}"
    if len(notes) > SHOWN_NOTES:
        yield f"- and {len(notes) - SHOWN_NOTES} more notes in trace-review.json"
