"""The report says what the records say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.checks.contents import RunContents
from engine.checks.finding import Finding, error, warning
from engine.checks.fingerprint import MADE_FROM, card_digest, fingerprint, settled
from engine.checks.report_table import MetricRow, Shown, read_eval_tables
from engine.judge.breadth import regression_files
from engine.judge.gates import BASELINE, CANDIDATE
from engine.records.evaluation import EvalResult
from engine.records.report_card import ReportCard

Pair = tuple[str, str]

CARD, PAGE = "report-card.json", "report-card.html"


def numbers(contents: RunContents) -> Iterator[Finding]:
    """Each score of the report's eval table is the one in the JSON."""
    if contents.report is None:
        return
    for row in read_eval_tables(contents.report):
        pair = _pair_of(contents, row)
        if pair is None:
            continue
        for file, shown in zip(pair, (row.baseline, row.candidate), strict=True):
            yield from _compare(contents, row, file, shown)


_DECIDED = re.compile(r"^## Decision\s+(?:\*\*([a-z-]+)\*\*|(Not decided yet))", re.MULTILINE)
_MADE_FROM = re.compile(f"^{re.escape(MADE_FROM)}([0-9a-f]{{64}})", re.MULTILINE)


def stale(contents: RunContents) -> Iterator[Finding]:
    """The decision that a report of ours names is the one in decision.json."""
    match = _DECIDED.search(contents.report or "")
    decision = contents.decision
    if match is None or decision is None or match[1] == decision.decision:
        return
    yield warning(
        "report-stale",
        "report.md",
        "",
        f"report.md says {match[1] or 'that nothing is decided'}; decision.json says "
        f"{decision.decision}.",
        f"Make the report anew: factory-tui report {contents.run_id}",
    )


def older(contents: RunContents) -> Iterator[Finding]:
    """A report of ours was made from the records as they are now."""
    made = _MADE_FROM.search(contents.report or "")
    if made is None or not settled(contents) or made[1] == fingerprint(contents):
        return
    yield warning(
        "report-older",
        "report.md",
        "",
        "A record of the run changed since report.md was made from it.",
        f"Make the report anew: factory-tui report {contents.run_id}",
    )


def card(contents: RunContents) -> Iterator[Finding]:
    """The report card is what was made from the records as they are now, and so is its page."""
    found = contents.record(CARD, ReportCard)
    if found is None:
        return
    anew = f"Make the card anew: factory-tui card {contents.run_id}"
    if settled(contents) and found.made_from != fingerprint(contents):
        for file in (CARD, PAGE) if contents.page_sha256 is not None else (CARD,):
            said = f"A record of the run changed since {file} was made from it."
            yield warning("card-stale", file, "", said, anew)
    if found.card_sha256 is not None and found.card_sha256 != card_digest(found):
        said = "report-card.json was changed after it was made: it is not what the records say."
        yield error("card-edited", CARD, "", said, anew)
    page = contents.page_sha256
    if page is not None and found.page_sha256 is not None and page != found.page_sha256:
        said = "report-card.html is not the page that was made from report-card.json."
        yield error("card-edited", PAGE, "", said, anew)


def _compare(
    contents: RunContents, row: MetricRow, file: str, shown: Shown | None
) -> Iterator[Finding]:
    record = contents.evals.get(file)
    if shown is None or (record is None and file in contents.names):
        return
    if record is None:
        said = f"{file} is not there"
    elif shown.means(record.score):
        return
    else:
        said = f"{file} says {record.score:g}"
    yield error(
        "report-numbers",
        "report.md",
        "",
        f"Line {row.line} of report.md says {shown.value:g} for {row.metric}; {said}.",
        f"Make the report anew: factory-tui report {contents.run_id}",
        line=row.line,
    )


def _pair_of(contents: RunContents, row: MetricRow) -> Pair | None:
    """The records that a row is about, or None where it is about something else."""
    label = row.metric.casefold()
    pairs: list[Pair] = [(BASELINE, CANDIDATE), *regression_files([*contents.evals])]
    best: tuple[int, Pair] | None = None
    for pair in pairs:
        for record in _records(contents, pair):
            suite = record.suite.casefold()
            if suite in label and (best is None or len(suite) > best[0]):
                best = len(suite), pair
    if best is not None:
        return best[1]
    if contents.config is not None and contents.config.eval.primary.casefold() in label:
        return pairs[0]
    if label.startswith("primary") or label in ("score", "accuracy"):
        return pairs[0]
    if len(pairs) == 2 and label.startswith(("breadth", "regression")):
        return pairs[1]
    return None


def _records(contents: RunContents, pair: Pair) -> list[EvalResult]:
    return [contents.evals[file] for file in pair if file in contents.evals]
