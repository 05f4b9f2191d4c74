"""The review of answers: its classes are known, its rows are there, its report is up to date."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.checks.contents import RunContents
from engine.checks.finding import Finding, error, warning
from engine.judge.review_count import count_reviews, standings
from engine.records.trace_review import TITLES

FILE = "trace-review.json"


def answers(contents: RunContents) -> Iterator[Finding]:
    """Each review is of an answer that is there and has a class that is known."""
    found = contents.trace_review
    if found is None:
        return
    seen: set[tuple[str, str]] = set()
    stands = standings(found.reviews, contents.rows)
    for index, (one, how) in enumerate(zip(found.reviews, stands, strict=True)):
        pointer = f"/reviews/{index}"
        place = f"example {one.row_id} of {one.record}"
        if one.failure_class is not None and one.failure_class not in TITLES:
            yield error(
                "review-class",
                FILE,
                f"{pointer}/failure_class",
                f"{one.failure_class!r} is no failure class ({place}).",
                f"Use one of {', '.join(TITLES)}.",
            )
        if (one.record, one.row_id) in seen:
            yield warning(
                "review-twice",
                FILE,
                pointer,
                f"There are two reviews of {place}; the last one counts.",
                "Keep the one that is meant.",
            )
        seen.add((one.record, one.row_id))
        if how == "gone":
            yield error(
                "review-row",
                FILE,
                f"{pointer}/row_id",
                f"There is no {place}: the review speaks of an answer that is not there.",
                "Remove the review, or restore the rows that it was made on.",
            )
        elif how == "unknown":
            yield warning(
                "review-row",
                FILE,
                f"{pointer}/record",
                f"{one.record} has no rows that could be read, so nothing shows what the review "
                f"of {place} is about.",
                "Restore the rows, or measure again.",
            )
        elif how == "changed":
            yield warning(
                "review-answer",
                FILE,
                f"{pointer}/answer_sha256",
                f"The answer to {place} was measured again since it was reviewed; the review is "
                "not counted.",
                "Look at the answer again: factory-tui, Examples.",
            )


_SECTION = re.compile(r"^## Trace Review\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_COUNT = re.compile(r"^\| ([^|]+) \| (\d+) \|", re.MULTILINE)


def counted(contents: RunContents) -> Iterator[Finding]:
    """A report of ours counts the classes as they stand in the review."""
    report = contents.report
    if report is None or not report.startswith("# ") or FILE not in contents.names:
        return
    found = contents.trace_review
    if found is None:
        return
    wanted = {
        TITLES[name]: number
        for name, number in count_reviews(found.reviews, contents.rows).per_class().items()
        if name in TITLES
    }
    section = _SECTION.search(report)
    shown = {}
    for title, number in _COUNT.findall(section[1] if section else ""):
        if title in TITLES.values():
            shown[title] = int(number)
    if shown != wanted and (contents.ours or section is not None):
        yield warning(
            "report-review",
            "report.md",
            "",
            "report.md does not count the failure classes as trace-review.json has them.",
            f"Make the report anew: factory-tui report {contents.run_id}",
        )
