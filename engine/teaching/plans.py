"""Asks a teacher what to try next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from engine.records.teaching import ExperimentPlan
from engine.teaching.reading import Misfit
from engine.teaching.tasks import Brief, lines_of, shortened
from engine.teaching.teacher import Teacher, Told
from engine.teaching.templates import fill

SHOWN_EXPERIMENTS = 30
SHOWN_FAILURES = 40
_LONGEST = 20_000
"""Characters of one text of a plan; longer ones are cut there."""


@dataclass(frozen=True, slots=True)
class PlanContext:
    """What a planner is told: the settings it may change (with value and bounds, one a line), the
    experiments so far (newest last), failures of the dev split, never of gold, and its own notes.
    """

    settings: str
    experiments: Sequence[Mapping[str, Any]] = ()
    failures: Sequence[Mapping[str, Any]] = ()
    notes: str = ""
    plan: str = ""


async def propose_plan(
    teacher: Teacher, brief: Brief, context: PlanContext
) -> Told[ExperimentPlan]:
    """A plan. What of it is none (a number that is a sentence) is left out, and said.

    TeachingError where none came, or a gold row stands in the failures.
    """
    brief.gold.refuse("failures", [_as_row(one) for one in context.failures])
    texts, notes = brief.texts(
        notes=("AGENT_CONTEXT.md", context.notes), plan=("PLAN.md", context.plan)
    )
    prompt = fill(
        "plan",
        {
            **texts,
            "settings": context.settings,
            "experiments": shortened(lines_of(context.experiments[-SHOWN_EXPERIMENTS:])),
            "failures": shortened(lines_of(context.failures[:SHOWN_FAILURES])),
        },
    )
    told = await teacher.ask(prompt, read_plan, purpose="plan")
    plan, left_out = told.value
    return told.holding(plan, left_out=left_out, notes=notes)


def read_plan(value: Any) -> tuple[ExperimentPlan, tuple[str, ...]]:
    """A plan out of a JSON value, and a sentence for each of its keys that is left out because it
    is not what such a key holds. Misfit where there is no hypothesis."""
    if not isinstance(value, dict):
        raise Misfit("a plan is one object")
    kept = {key: _cut(one) for key, one in value.items() if key in ExperimentPlan.model_fields}
    left_out: list[str] = []
    while True:
        try:
            return ExperimentPlan.model_validate(kept), tuple(left_out)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            key = str(first["loc"][0])
            if key == "hypothesis":
                raise Misfit(f"hypothesis: {first['msg']}") from error
            del kept[key]
            left_out.append(f"{key} of the plan is left out: {first['msg']}.")


def _cut(value: Any) -> Any:
    return value[:_LONGEST] if isinstance(value, str) else value


def _as_row(failure: Mapping[str, Any]) -> Mapping[str, Any]:
    """A failure in the form that a prompt is read from."""
    if "messages" in failure or "prompt" in failure or "question" in failure:
        return failure
    return {"prompt": failure.get("input", "")}
