"""Can every link of a ship be traced to a measurement? Verified is not the same as good.

A link breaks where the files contradict each other (the rules of ``checks`` say so) and where
nothing was noted that could be held against them: what was not recorded is not verified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine import checks
from engine.checks.contents import RunContents
from engine.checks.finding import Finding, Severity
from engine.judge.gates import BASELINE, CANDIDATE, Verdict
from engine.records.run import DecisionKind


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the chain. ``why`` is a sentence: what it was traced to, or where it breaks."""

    name: str
    ok: bool
    why: str


@dataclass(frozen=True, slots=True)
class Verified:
    """Every link, in the order in which a run makes them."""

    links: tuple[Link, ...]

    @property
    def ok(self) -> bool:
        """Whether every link holds."""
        return all(link.ok for link in self.links)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not verified, a sentence for each link that breaks."""
        return tuple(f"{link.name}: {link.why}" for link in self.links if not link.ok)

    @property
    def sentence(self) -> str:
        """The whole in one sentence."""
        held = sum(link.ok for link in self.links)
        if self.ok:
            return f"Verified: each of {held} links is traced to a measurement."
        return f"Not verified: {len(self.links) - held} of {len(self.links)} links are not traced."


LEAKAGE = "leakage"
"""The link that gold stands in no training row."""

Why = str | None
"""Why a link breaks, None where it holds."""


def verify(contents: RunContents, findings: Sequence[Finding] | None = None) -> Verified:
    """Follow every link of a run; no I/O. ``findings`` are those of ``checks.run``, where they are
    known already. The links of the decision and the report are there once there is a decision."""
    found = list(checks.run(contents) if findings is None else findings)
    links = [_link(contents, found, *row) for row in _LINKS]
    if contents.decision is not None:
        links += [_link(contents, found, *row) for row in _DECIDED]
    return Verified(tuple(links))


def _link(
    contents: RunContents,
    found: Iterable[Finding],
    name: str,
    rules: frozenset[str],
    absent: Callable[[RunContents], Why],
    holds: Callable[[RunContents], str],
) -> Link:
    broken = [one for one in found if one.rule in rules and one.severity is not Severity.INFO]
    if broken:
        more = f" And {len(broken) - 1} more." if len(broken) > 1 else ""
        return Link(name, False, f"{broken[0].message}{more}")
    why = absent(contents)
    return Link(name, why is None, holds(contents) if why is None else why)


# --- frozen ------------------------------------------------------------------------------


def _frozen(contents: RunContents) -> Why:
    if contents.frozen is None:
        return "Nothing shows which bounds, suites and plan were set before the scores were known."
    if contents.provenance is None or contents.provenance.frozen_sha256 is None:
        return "No hash of the first event was noted when the run started."
    return None


def _before(contents: RunContents) -> Why:
    """The bounds were frozen before the first score was known."""
    first = contents.events.first if contents.events else None
    moment = _time(first.get("t") if first else None)
    if moment is None:
        return "When the bounds were frozen is not recorded."
    for name, record in contents.evals.items():
        measured = _time(record.date)
        if measured is None:
            return f"When {name} was measured is not recorded."
        if measured < moment:
            return f"{name} was measured before the bounds were frozen."
    return None


# --- measured ----------------------------------------------------------------------------


def _needed(contents: RunContents) -> Why:
    for name in (BASELINE, CANDIDATE):
        if name not in contents.evals:
            return f"{name} is not there."
    return None


def _gold(contents: RunContents) -> Why:
    for name, record in contents.evals.items():
        if record.harness is not None:
            continue
        if record.suite_sha256 is None:
            return f"{name} does not say which version of {record.suite} it was measured on."
        if record.suite not in contents.suite_hashes:
            return f"The suite {record.suite} was not frozen."
    return _needed(contents)


def _gold_holds(contents: RunContents) -> str:
    gone = sorted(
        name
        for name, file in contents.suite_files.items()
        if (fact := contents.fact(file)) is None or not fact.exists
    )
    if gone:
        return f"Measured on the suites that were frozen; no longer there: {', '.join(gone)}."
    return "The suites' files are those that were frozen and measured."


def _written(contents: RunContents) -> Why:
    written = contents.events.written if contents.events else {}
    for name, record in contents.evals.items():
        if record.historical is not None:
            return f"{name} was not measured for this run: it is taken from {record.historical}."
        for file in (name, record.rows_file):
            if file is not None and written.get(file) is None:
                return f"No hash of {file} was noted when it was written."
    return _needed(contents)


def _rows(contents: RunContents) -> Why:
    for name, record in contents.evals.items():
        if name not in contents.rows or not contents.rows[name]:
            what = f" ({record.harness} scored it)" if record.harness else ""
            return f"{name} has no rows that its score could be traced to{what}."
        if record.rows_sha256 is None:
            return f"{name} has no hash of its rows."
    return _needed(contents)


def _some_rows(contents: RunContents) -> Why:
    return None if contents.rows else "There are no rows."


def _asked_holds(contents: RunContents) -> str:
    unseen = sorted(
        {
            record.suite
            for record in contents.evals.values()
            if (seen := contents.suites_seen.get(record.suite)) is None
            or seen[0] != record.suite_sha256
        }
    )
    if unseen:
        return f"Not compared with the suite's file, which is not at hand: {', '.join(unseen)}."
    return "Each row has the prompt and the expected answer of its suite."


def _again_holds(contents: RunContents) -> str:
    left = sorted({why for one in contents.rescored.values() if (why := one.why_not)})
    rows = sum(
        len(contents.rows[name]) for name, one in contents.rescored.items() if not one.why_not
    )
    said = f"{rows:,} answers were scored again, with the same scores."
    return said if not left else f"{said} Not scored again: {'; '.join(left)}."


def _ruler(contents: RunContents) -> Why:
    for name, record in contents.evals.items():
        if record.scorer is None and record.harness is None:
            return f"{name} does not say what scored it."
    return _needed(contents)


# --- the model and its data ---------------------------------------------------------------


def _model(contents: RunContents) -> Why:
    if contents.provenance is None or not contents.provenance.adapters:
        return "No hash of the adapter was noted when its training ended."
    return None


def _model_holds(contents: RunContents) -> str:
    adapters = contents.provenance.adapters if contents.provenance else {}
    here = [name for name in adapters if (fact := contents.fact(name)) and fact.exists]
    if len(here) < len(adapters):
        return "The adapter's hash was noted; its weights are not on this machine."
    return "The adapter is the one that the train stage left."


def _data(contents: RunContents) -> Why:
    dataset = contents.dataset
    if dataset is None or not dataset.sources:
        return "What the model was trained on is not recorded."
    for source in dataset.sources:
        if source.sha256 is None:
            return f"The source {source.path} has no hash."
    return None


def _leaks(contents: RunContents) -> Why:
    if contents.leaks.by is None:
        return f"Leakage was not searched: {contents.leaks.why}."
    return None


def _leaks_holds(contents: RunContents) -> str:
    record, rows = contents.leakage, sum(suite.rows for suite in contents.leaks.suites)
    if contents.leaks.by == "record" and record is not None:
        return (
            f"None of {rows:,} gold prompts stands in {record.training_rows:,} training rows, or "
            f"nearly so (from a likeness of {record.threshold:g} on)."
        )
    return f"None of {rows:,} gold prompts stands in the training rows, or nearly so."


# --- decided -------------------------------------------------------------------------------


def _decision(contents: RunContents) -> Why:
    decision = contents.decision
    moment = decision.decided if decision else None
    if decision is None or contents.deciding:
        return None
    if moment is None:
        return "When it was decided is not recorded."
    for name, record in contents.evals.items():
        measured = _time(record.date)
        if measured is not None and moment < measured:
            return f"It was decided before {name} was measured."
    return None


def _gates_hold(contents: RunContents) -> str:
    decision = contents.decision
    if decision is None or decision.decision != DecisionKind.SHIP:
        return "It was decided after the evidence was there."
    over = [gate.name for gate in contents.gates if gate.verdict is not Verdict.PASS]
    if over:
        return f"Decided on the evidence, over {', '.join(over)}, which decision.json names."
    return "Decided after the evidence was there; every gate passes."


def _report(contents: RunContents) -> Why:
    return None if contents.report is not None else "There is no report.md."


def _time(value: object) -> datetime | None:
    """A moment with a zone, or None: other tools write days, or words."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    return value if isinstance(value, datetime) and value.tzinfo is not None else None


def _said(text: str) -> Callable[[RunContents], str]:
    return lambda contents: text


_Row = tuple[str, frozenset[str], Callable[[RunContents], Why], Callable[[RunContents], str]]

_LINKS: tuple[_Row, ...] = (
    (
        "frozen",
        frozenset(
            {
                "frozen-missing",
                "frozen-changed",
                "threshold-changed",
                "plan-changed",
                "primary-changed",
            }
        ),
        _frozen,
        _said("Bounds, suites and plan are those of the first event."),
    ),
    (
        "frozen first",
        frozenset({"events-gap"}),
        _before,
        _said("The bounds were set before anything was measured."),
    ),
    ("gold", frozenset({"suite-changed", "suite-primary"}), _gold, _gold_holds),
    (
        "as measured",
        frozenset({"record-changed"}),
        _written,
        _said("Records and rows are byte for byte as they were written."),
    ),
    (
        "score from rows",
        frozenset({"rows-missing", "rows-hash", "rows-score", "rows-shape"}),
        _rows,
        _said("Each score is the mean of its rows."),
    ),
    ("rows of the suite", frozenset({"rows-suite"}), _some_rows, _asked_holds),
    ("scored again", frozenset({"rows-rescored"}), _some_rows, _again_holds),
    (
        "one ruler",
        frozenset({"ruler-mismatch", "ruler-changed", "suite-mismatch"}),
        _ruler,
        _said("Baseline and candidate had the same suite, scorer and options."),
    ),
    (
        "model",
        frozenset({"adapter-changed", "artifact-base-model"}),
        _model,
        _model_holds,
    ),
    (
        "data",
        frozenset({"data-hash", "data-changed", "data-missing", "data-source"}),
        _data,
        _said("Every source of the training rows has the hash that was noted."),
    ),
    (
        LEAKAGE,
        frozenset({"gold-leak", "leakage-stale", "leakage-unknown"}),
        _leaks,
        _leaks_holds,
    ),
)
"""Name, the rules that break the link, why it was never made, what it was traced to."""

_DECIDED: tuple[_Row, ...] = (
    (
        "decision",
        frozenset({"ship-gate", "superseded-decision", "evidence-missing"}),
        _decision,
        _gates_hold,
    ),
    (
        "report",
        frozenset({"report-numbers", "report-stale", "report-missing", "card-edited"}),
        _report,
        _said("report.md says what the records say."),
    ),
)
