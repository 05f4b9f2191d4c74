"""A run folder's contents → the model of its report card. Derived, never typed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from engine.checks.contents import RunContents
from engine.checks.fingerprint import fingerprint
from engine.judge.breadth import regression_files
from engine.judge.estimate import Estimate
from engine.judge.states import value_of
from engine.publish import missing, sureness
from engine.publish.attempts import Attempts
from engine.publish.card.curves import Curves
from engine.publish.card.flips import flips
from engine.publish.card.origin import data_facts, files, provenance_facts
from engine.publish.card.words import verdict
from engine.publish.markdown import clip
from engine.publish.numbers import NOT_RECORDED
from engine.publish.performance import costs, samples
from engine.publish.slices import slices
from engine.publish.standing import Standing, standings
from engine.records.evaluation import EvalResult
from engine.records.report_card import (
    CardAttempt,
    CardGate,
    CardMissing,
    CardNote,
    CardNumber,
    CardRow,
    CardSuite,
    CardVerdict,
    ReportCard,
)

LONGEST = 1_000
"""Characters kept of one text."""


MOST = 60
"""Suites, slices, missing things and notes: of each at most so many."""

_T = TypeVar("_T")


def build_card(contents: RunContents, attempts: Attempts, curves: Curves) -> ReportCard:
    """The card of a run. Works on any folder: what is missing is said to be."""
    left_out: list[str] = []

    def first(found: Iterable[_T], what: str) -> list[_T]:
        every = list(found)
        if len(every) > MOST:
            left_out.append(f"{len(every) - MOST:,} more {what} are not shown here.")
        return every[:MOST]

    suites = standings(contents)
    config = contents.config
    shown = first(suites, "suites")
    return ReportCard(
        run_id=contents.run_id,
        target=_text(config.target) if config else None,
        goal=_text(config.owner_goal) if config else None,
        base_model=_text(config.base_model.id) if config else None,
        method=_text(config.candidate.method) if config else None,
        verdict=_bounded(verdict(contents, suites)),
        suites=[_suite(contents, one) for one in shown],
        gates=[*_gates(contents)],
        missing=first(_missing(contents, suites), "things that are missing"),
        notes=first(_notes(contents, suites), "notes"),
        curves=curves.curves,
        curve_note=curves.note or None,
        flips=[*flips(shown)],
        slices=first(_slices(contents), "kinds of question"),
        performance=[
            CardRow(name=one.name, cells=[one.baseline, one.candidate, one.delta])
            for one in costs(contents)
        ],
        performance_notes=[_text(one) for one in samples(contents)],
        attempts=[*_attempts(attempts)],
        attempts_note=(
            f"{attempts.left_out:,} older attempts are not shown." if attempts.left_out else None
        ),
        data=[*data_facts(contents)],
        files=first(files(contents), "files"),
        provenance=first(provenance_facts(contents), "facts of the provenance"),
        left_out=left_out,
        made_from=fingerprint(contents),
    )


def _missing(contents: RunContents, suites: Sequence[Standing]) -> Iterator[CardMissing]:
    for one in missing.missing(contents, suites):
        yield CardMissing(what=_text(one.what), why=_text(one.why))


def _notes(contents: RunContents, suites: Sequence[Standing]) -> Iterator[CardNote]:
    for one in sureness.notes(contents, suites):
        yield CardNote(topic=_text(one.topic), text=_text(one.text), tone=one.tone)


def _text(text: str) -> str:
    return clip(text, LONGEST)


def _bounded(found: CardVerdict) -> CardVerdict:
    """The verdict with every text of a person cut to its bounded length."""
    return found.model_copy(
        update={
            "routed": _text(found.routed) if found.routed else None,
            "reason": _text(found.reason) if found.reason else None,
            "next_action": _text(found.next_action) if found.next_action else None,
            "sentences": [_text(one) for one in found.sentences],
            "unverified": [_text(one) for one in found.unverified],
        }
    )


# --- scores ---------------------------------------------------------------------------------------


def _suite(contents: RunContents, one: Standing) -> CardSuite:
    record = one.record
    return CardSuite(
        suite=_text(one.suite),
        role=one.role,
        metric=_text(record.metric) if record and record.metric else None,
        share=one.share,
        direction=one.direction,
        before=_score(one.before, one.before_score),
        after=_score(one.after, one.after_score),
        difference=_difference(one),
        told=one.told.told.value if one.told else None,
        sentence=one.told.sentence if one.told else None,
        bound=_bound(contents, one),
    )


def _bound(contents: RunContents, one: Standing) -> float | None:
    """Which score has to be reached: the primary bound; of the only regression suite the score
    before, less what may be lost. Of several only the mean is bounded."""
    if one.gate is None:
        return None
    if one.role == "primary":
        return one.gate.bound
    if one.before is None or len(regression_files([*contents.evals])) != 1:
        return None
    room = one.gate.bound / 100
    return one.before.score - room if one.direction == "higher" else one.before.score + room


def _score(record: EvalResult | None, found: Estimate | None) -> CardNumber:
    value = value_of(record, "score")
    if found is None:
        return CardNumber(state=value.state.value, why=value.why)
    return _number(found, value.state.value, value.why)


def _difference(one: Standing) -> CardNumber:
    if one.difference is None:
        why = one.mismatch or "One of the two scores is not recorded."
        return CardNumber(state="missing", why=_text(why))
    return _number(one.difference, "derived", None)


def _number(found: Estimate, state: str, why: str | None) -> CardNumber:
    return CardNumber(
        value=found.value,
        low=found.low,
        high=found.high,
        n=found.n or None,
        method=found.method if found.interval is not None else None,
        confidence=found.confidence if found.interval is not None else None,
        state=state,
        why=why or found.caution,
    )


def _gates(contents: RunContents) -> Iterator[CardGate]:
    for gate in contents.gates:
        yield CardGate(
            name=gate.title,
            bound=gate.bound_text,
            value=gate.value_text,
            interval=gate.interval_text,
            verdict=str(gate.verdict),
            reason=_text(gate.reason),
        )


def _slices(contents: RunContents) -> Iterator[CardRow]:
    for one in slices(contents):
        n = NOT_RECORDED if one.n is None else f"{one.n:,}"
        change = None if one.before is None or one.after is None else one.after - one.before
        cells = [n, _percent(one.before), _percent(one.after), _points(change)]
        yield CardRow(name=_text(one.name) or "no name", cells=cells)


def _percent(score: float | None) -> str:
    """A score: per cent where it is a share."""
    if score is None:
        return NOT_RECORDED
    return f"{100 * score:.1f} %" if 0 <= score <= 1 else f"{score:.3f}"


def _points(change: float | None) -> str:
    if change is None:
        return NOT_RECORDED
    text = f"{100 * change:+.1f} pp" if -1 <= change <= 1 else f"{change:+.3f}"
    return text.replace("-", "−")


# --- attempts -------------------------------------------------------------------------------------


def _attempts(found: Attempts) -> Iterator[CardAttempt]:
    for one in found.runs:
        yield CardAttempt(
            run_id=_text(one.run_id),
            method=_text(one.what),
            result=one.result,
            decision=one.outcome + (", routed" if one.routed else ""),
            reason=_text(one.reason),
            confidence=_text(one.confidence),
            lesson=_text(one.lesson),
            this=one.this,
        )
