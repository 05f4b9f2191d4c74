"""The Evidence / Exactness section of a report: what was measured, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from engine.checks.contents import RunContents
from engine.checks.fingerprint import MADE_FROM, fingerprint
from engine.judge.gates import BASELINE, CANDIDATE
from engine.judge.states import value_of
from engine.publish.how_scored import how_scored
from engine.publish.markdown import escape, paragraph, table
from engine.publish.missing import missing
from engine.publish.numbers import NOT_RECORDED
from engine.publish.standing import Standing
from engine.publish.verification import verified
from engine.records.evaluation import EvalResult


def render(contents: RunContents, suites: Sequence[Standing]) -> list[str]:
    """Each eval record with its state, what the decision names, what is not there."""
    lines = ["## Evidence / Exactness", ""]
    names = sorted({BASELINE, CANDIDATE, *contents.evals, *_named_evals(contents)})
    rows = [_row(contents, name) for name in names]
    lines += table(["Record", "State", "Suite", "Examples", "Measured"], rows)
    decision = contents.decision
    if decision is not None and decision.failure_reason:
        sure = decision.failure_reason_confidence
        lines += ["", f"The failure reason is {sure or 'of unrecorded certainty'}."]
    if decision is not None and decision.evidence_sources:
        lines += ["", "Evidence that the decision names:", ""]
        lines += [f"- {_said(entry)}" for entry in decision.evidence_sources]
    lines += [
        "",
        "Scores are measured; deltas, intervals (95 %) and verdicts are derived from them here.",
        f"{MADE_FROM}{fingerprint(contents)}.",
    ]
    notes = [
        f"- {escape(name)}: {_said(note)}"
        for name, record in sorted(contents.evals.items())
        for note in (*_notes(record), *filter(None, [how_scored(record)]))
    ]
    lines += ["", *notes] if notes else []
    found = verified(contents)
    lines += ["", "### Verified", "", escape(found.sentence)]
    lines += ["", *(f"- {_said(reason)}" for reason in found.reasons)] if found.reasons else []
    absent = missing(contents, suites)
    if absent:
        lines += ["", "### Missing", ""]
        lines += [f"- {escape(one.what)}: {_said(one.why)}" for one in absent]
    return lines


def _said(text: str | None) -> str:
    return paragraph(text) if text and text.strip() else NOT_RECORDED


def _named_evals(contents: RunContents) -> list[str]:
    return [name for name in contents.documents if name.startswith("eval-")]


def _notes(record: EvalResult) -> list[str]:
    notes = [record.notes] if isinstance(record.notes, str) else record.notes or []
    return [note for note in notes if note.strip()]


def _row(contents: RunContents, name: str) -> list[str]:
    record = contents.evals.get(name)
    if record is None:
        state = "cannot be read" if name in contents.names else "missing"
        return [escape(name), state, NOT_RECORDED, NOT_RECORDED, NOT_RECORDED]
    suite = escape(record.suite)
    if record.suite_sha256:
        suite += f", sha256 {record.suite_sha256[:12]}"
    examples = NOT_RECORDED if record.n is None else str(record.n)
    state = value_of(record, "score").state.value
    if contents.rows.get(name):
        state += ", with rows"
    if record.historical:
        state += f": {escape(record.historical)}"
    return [escape(name), state, suite, examples, _moment(record.date)]


def _moment(date: datetime | str) -> str:
    """A time in UTC to the minute; a day, or whatever another tool wrote, as it stands."""
    moment = date
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment) if "T" in moment else moment
        except ValueError:
            return escape(str(date))
    if isinstance(moment, str):
        return escape(moment)
    try:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:  # before year 1 or after 9999
        return escape(str(date))
    return f"{moment:%Y-%m-%d %H:%M} UTC"
