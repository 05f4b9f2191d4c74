"""What an entry adds to a target's course: one row of the cumulative table, one point of its chart.

The numbers are those of the report: `engine.publish.standing` and `engine.publish.slices`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.checks.contents import RunContents
from engine.judge.gates import PRIMARY_MIN
from engine.publish.journal.listing import Listed
from engine.publish.slices import slices
from engine.publish.standing import Standing

Pair = tuple[float | None, float | None]
"""A score before and after; None is "not recorded"."""


@dataclass(frozen=True, slots=True)
class Step:
    """``low`` and ``high`` are the 95 % interval of ``after``, in its unit, None without one.

    ``categories`` are the slices of the primary suite and the regression suites, by their names.
    ``ruler`` tells baselines apart: another base model or suite is another baseline.
    """

    name: str
    target: str
    decision: str
    dataset: str | None = None
    adapter: str | None = None
    before: float | None = None
    after: float | None = None
    low: float | None = None
    high: float | None = None
    historical: tuple[bool, bool] = (False, False)
    categories: Mapping[str, Pair] = field(default_factory=dict)
    base: str | None = None
    ruler: tuple[str | None, str | None] = (None, None)
    goal: float | None = None
    """The bound that the score has to reach."""
    lower: bool = False
    note: str = ""


def step_of_run(
    entry: Listed, contents: RunContents | None, suites: Sequence[Standing], note: str = ""
) -> Step:
    """``entry`` names the step: a run, or the loop whose best run ``contents`` are."""
    if contents is None:
        why = note or "its folder cannot be read"
        return Step(entry.name, entry.target, entry.decision, lower=entry.lower, note=why)
    config, primary = contents.config, suites[0]
    interval = primary.after_score.interval if primary.after_score else None
    found: dict[str, Pair] = {one.name: (one.before, one.after) for one in slices(contents)}
    for one in suites[1:]:
        if one.record is not None:
            name = one.suite if one.suite not in found else f"{one.suite} (regression)"
            found[name] = (_score(one, 0), _score(one, 1))
    base = config.base_model.id if config else None
    ruler = primary.before.suite_sha256 or primary.before.suite if primary.before else None
    bound = next((one.bound for one in contents.gates if one.name == PRIMARY_MIN), None)
    return Step(
        entry.name,
        entry.target,
        entry.decision,
        contents.dataset.dataset_id if contents.dataset else None,
        _adapter(contents),
        _score(primary, 0),
        _score(primary, 1),
        interval[0] if interval else None,
        interval[1] if interval else None,
        (_historical(primary, 0), _historical(primary, 1)),
        found,
        base,
        (base, ruler),
        bound,
        primary.direction == "lower",
        note or _note(contents),
    )


def step_of_loop(entry: Listed, note: str = "") -> Step:
    """A loop whose best run has no evaluation of its own: its metric is the loop's."""
    return Step(
        entry.name,
        entry.target,
        entry.decision,
        before=entry.before,
        after=entry.after,
        lower=entry.lower,
        ruler=(entry.key, None),
        note=note,
    )


def _score(one: Standing, side: int) -> float | None:
    record = (one.before, one.after)[side]
    return None if record is None else record.score


def _historical(one: Standing, side: int) -> bool:
    record = (one.before, one.after)[side]
    return record is not None and bool(record.historical)


def _adapter(contents: RunContents) -> str | None:
    if contents.artifact is not None:
        return contents.artifact.artifact_id
    return contents.config.candidate.method if contents.config else None


def _note(contents: RunContents) -> str:
    """Why it ended so: the lesson, the reason, or the error."""
    decision, status = contents.decision, contents.status
    if decision is not None:
        return decision.lesson or decision.failure_reason or decision.reason
    if status is not None and status.last_error is not None:
        return status.last_error.message
    return ""
