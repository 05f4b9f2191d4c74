"""The plan of an iteration from a teacher: what it is told, and what is taken of what it says.

It sees the target's documents, its own notes, the settings it may change, what was tried and how
the dev suite fails; no row of dev or gold. Its patches go through the allow-list, its words are
looked through for held-out rows, and its numbers are bounded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.checks.contents import load
from engine.judge.gates import CANDIDATE
from engine.loops.asking import asking
from engine.loops.flywheel import said
from engine.loops.flywheel.failing import ways_to_fail
from engine.loops.flywheel.growing import MOST
from engine.loops.flywheel.proposing import refused_in, settings_now, space_of
from engine.loops.flywheel.writing import brief_of, text_of
from engine.loops.patches import ALLOWED, Bounds, check_patches
from engine.records.base import utc_now
from engine.records.loop import IterationData, IterationPlan, IterationRun, RefusedPatch
from engine.records.teaching import ExperimentPlan
from engine.target import Target
from engine.teaching.blocking import with_teacher
from engine.teaching.errors import TeachingError
from engine.teaching.gold import Gold
from engine.teaching.plans import PlanContext, propose_plan

if TYPE_CHECKING:
    from engine.loops.flywheel.flywheel import Flywheel

NOTES = 12_000
"""So many characters of the end of AGENT_CONTEXT.md are shown."""

NO_EFFECT = ("factory.data.rows",)
"""Settings that a flywheel sets itself: it trains on the rows that canonical has."""

EPOCHS = ("training.epochs_min", "training.epochs_max")
ITERS = "factory.train.iters"

NO_WORDS = "The teacher gave no hypothesis that can be shown."


def by_teacher(wheel: Flywheel, iteration: int, name: str) -> IterationPlan:
    """What the teacher ``name`` proposes. TeachingError where nothing came, or it cannot be
    asked."""
    target = wheel.target
    brief = brief_of(target)
    try:
        with asking(wheel.runner, name) as how:
            told = with_teacher(
                how.teacher,
                how.ledger,
                lambda teacher: propose_plan(teacher, brief, context_of(wheel, iteration, target)),
                workspace=how.workspace,
                target=target.path,
                budget=how.budget,
                check=how.check,
            )
    except TeachingError as error:
        raise TeachingError(said.sentence(str(error), brief.gold), error.code) from error
    for one in dict.fromkeys([*told.notes, *told.left_out]):
        wheel.runner.message("planner", said.sentence(one, brief.gold))
    plan, sentences = taken(told.value, iteration, name, space_of(target), brief.gold)
    for one in sentences:
        wheel.runner.message("planner", one, level="warning")
    return plan


# --- what it is told ---------------------------------------------------------------------


def context_of(wheel: Flywheel, iteration: int, target: Target) -> PlanContext:
    """Everything that a planner may know of the loop so far."""
    return PlanContext(
        settings=settings_lines(space_of(target), settings_now(target)),
        experiments=[_experiment(wheel, number) for number in range(1, iteration)],
        failures=_failures(wheel, iteration),
        notes=text_of(target, "AGENT_CONTEXT.md")[-NOTES:],
        plan=text_of(target, "PLAN.md"),
    )


def settings_lines(space: Mapping[str, Bounds] | None, now: Mapping[str, Any]) -> str:
    """The settings that a plan may change, one a line, with what they are and their bounds."""
    lines = []
    for name, bounds in (ALLOWED if space is None else space).items():
        if name in NO_EFFECT or (name in EPOCHS and ITERS in now):
            continue
        value = now.get(name)
        lines.append(f"{name}: {'not set' if value is None else value}; {_may_be(bounds)}")
    return "\n".join(lines) or "No setting may be changed: only the data."


def _may_be(bounds: Bounds) -> str:
    if bounds.choices:
        return f"{'any of' if bounds.many else 'one of'} {', '.join(bounds.choices)}"
    kind = "whole numbers " if bounds.whole else ""
    return f"{kind}{bounds.low:g} to {bounds.high:g}"


def _experiment(wheel: Flywheel, iteration: int) -> dict[str, Any]:
    plan = wheel.folder.done(iteration, IterationPlan)
    verdict = wheel.verdict(iteration)
    data = wheel.folder.done(iteration, IterationData)
    found = {
        "iteration": iteration,
        "by": plan.by if plan else None,
        "hypothesis": plan.hypothesis if plan else None,
        "patches": plan.settings if plan else None,
        "expected_improvement_pp": plan.expected_pp if plan else None,
        "score": verdict.score if verdict else None,
        "best_before": verdict.best_before if verdict else None,
        "outcome": verdict.outcome if verdict else None,
        "why": verdict.reason if verdict else None,
        "rows_added": data.added if data else None,
        "rows_about": data.focus if data else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _failures(wheel: Flywheel, iteration: int) -> list[dict[str, Any]]:
    """How the newest run that was judged fails."""
    for number in range(iteration - 1, 0, -1):
        run = wheel.folder.done(number, IterationRun)
        verdict = wheel.verdict(number)
        if run is not None and verdict is not None and verdict.outcome != "crashed":
            contents = load(wheel.folder.workspace.runs_dir / run.run_id)
            return ways_to_fail(contents.rows.get(CANDIDATE, []))
    return []


# --- what is taken -----------------------------------------------------------------------


def taken(
    plan: ExperimentPlan, iteration: int, by: str, space: Mapping[str, Bounds] | None, gold: Gold
) -> tuple[IterationPlan, list[str]]:
    """A teacher's plan as this loop takes it, and a sentence for each text that was changed."""
    now = check_patches(plan.config_patches, space)
    lasting = check_patches(plan.forge_yaml_patches, space)
    hypothesis, one = said.line("The hypothesis", plan.hypothesis, gold)
    rationale, two = said.paragraphs("The rationale", plan.rationale, gold)
    background, three = said.paragraphs("The background", plan.background_additions, gold)
    focus, four = said.line("The focus", plan.augment_focus, gold)
    refused = [
        RefusedPatch(
            name=said.value(item.name, gold),
            value=said.value(item.value, gold),
            reason=said.value(item.reason, gold, said.LINE),
        )
        for item in (*refused_in(now), *refused_in(lasting))
    ]
    count = plan.augment_n
    if count is not None and count > MOST:
        reason = f"an iteration adds at most {MOST:,} rows; that many are asked for"
        refused.append(RefusedPatch(name="augment_n", value=count, reason=reason))
        count = MOST
    record = IterationPlan(
        iteration=iteration,
        by=by,
        hypothesis=hypothesis or NO_WORDS,
        rationale=rationale,
        patches=now.taken,
        permanent=lasting.taken,
        refused=refused,
        background=background,
        augment_focus=focus,
        augment_n=count,
        expected_pp=_points(plan.expected_improvement_pp),
        made=utc_now(),
    )
    return record, [sentence for sentence in (one, two, three, four) if sentence]


def _points(value: float | None) -> float | None:
    """Percentage points that a score can move by."""
    return value if value is not None and math.isfinite(value) and abs(value) <= 100 else None
