"""The plan of an iteration: proposed, looked at by a person where one wants to, and, once its run
was judged, made to last.

A proposal is written to ``draft.json`` first. A loop whose plans are approved waits there; a person
may change the draft (it goes through the same allow-list) and approve it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.folder import read_record, write_bytes_atomic, write_json_atomic
from engine.forge_edit import EditError, with_values
from engine.loops.flywheel.project_files import background_addition
from engine.loops.flywheel.proposing import by_sampler, space_of
from engine.loops.flywheel.teacher_plan import by_teacher
from engine.loops.flywheel.teachers import SETTINGS
from engine.loops.flywheel.writing import text_of
from engine.loops.folder import LoopFolder
from engine.loops.patches import check_patches
from engine.loops.runner import LoopFailed, LoopPaused
from engine.records.loop import IterationPlan, RefusedPatch
from engine.target import Target, TargetError
from engine.teaching.errors import TeachingError

if TYPE_CHECKING:
    from engine.loops.flywheel.flywheel import Flywheel

DRAFT = "draft.json"


class PlanError(ValueError):
    """A plan cannot be taken as it is; the sentence says why."""


def drafted(wheel: Flywheel, iteration: int) -> IterationPlan:
    """The plan of an iteration; LoopPaused while it waits for a person."""
    plan = read_draft(wheel.folder, iteration)
    if plan is None:
        plan = _proposed(wheel, iteration)
        write_draft(wheel.folder, plan)
        wheel.runner.say("plan", hypothesis=plan.hypothesis, patches=plan.patches)
        for one in plan.refused:
            wheel.runner.message("refused", f"{one.name}: {one.reason}.", level="warning")
    if wheel.loop.approve and not plan.approved:
        raise LoopPaused(f"The plan of iteration {iteration} waits to be approved.")
    return plan


def read_draft(folder: LoopFolder, iteration: int) -> IterationPlan | None:
    """The draft of an iteration's plan; None where there is none. FolderError when it is wrong."""
    path = folder.iteration(iteration) / DRAFT
    return read_record(path, IterationPlan) if path.exists() else None


def write_draft(folder: LoopFolder, plan: IterationPlan) -> None:
    path = folder.iteration(plan.iteration) / DRAFT
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json_atomic(path, plan)


def changed(folder: LoopFolder, target: Target, iteration: int, **words: Any) -> IterationPlan:
    """The draft as a person changed it: patches go through the same door as a planner's.

    PlanError for a patch that no plan may have, or a plan that has been run.
    """
    plan = read_draft(folder, iteration)
    if plan is None or folder.done(iteration, IterationPlan) is not None:
        raise PlanError(f"Iteration {iteration} has no plan that could still be changed.")
    for key in ("patches", "permanent"):
        if key in words:
            checked = check_patches(words[key], space_of(target))
            if checked.refused:
                raise PlanError(" ".join(one.sentence for one in checked.refused))
            words[key] = checked.taken
    edited = plan.edited or any(getattr(plan, key) != value for key, value in words.items())
    plan = plan.model_copy(update={**words, "edited": edited})
    write_draft(folder, plan)
    return plan


def write_background(wheel: Flywheel, plan: IterationPlan) -> None:
    """Write what was found out into BACKGROUND.md, once: not where it stands there already."""
    if plan.background and plan.background not in text_of(wheel.target, "BACKGROUND.md"):
        background_addition(
            wheel.path / "BACKGROUND.md", wheel.loop.loop_id, plan.iteration, plan.background
        )


def make_permanent(wheel: Flywheel, plan: IterationPlan) -> None:
    """Write permanent patches into forge.yaml; twice does no harm.

    Only once their run was judged: settings that crash would crash every iteration after this one.
    """
    if plan.permanent:
        set_values(wheel.path / "forge.yaml", plan.permanent)


def set_values(file: Path, values: Mapping[str, Any]) -> None:
    """Change settings in a forge.yaml, its comments kept. LoopFailed when it cannot be."""
    try:
        text = file.read_text("utf-8")
        new = with_values(text, values)
    except (OSError, UnicodeDecodeError, EditError) as error:
        raise LoopFailed(f"forge.yaml cannot be changed: {error}") from error
    if new != text:
        write_bytes_atomic(file, new.encode())


# --- proposals ---------------------------------------------------------------------------


def _proposed(wheel: Flywheel, iteration: int) -> IterationPlan:
    """The loop's planner, and the built-in one where a teacher cannot be asked or says nothing that
    can be used: that is no reason to end a night."""
    name = wheel.loop.planner
    if name == SETTINGS:
        return by_sampler(wheel, iteration)
    try:
        plan = by_teacher(wheel, iteration, name)
    except TeachingError as error:
        text = f"{error} The built-in planner plans iteration {iteration}."
        wheel.runner.message("planner", text, level="warning")
        return by_sampler(wheel, iteration).model_copy(update={"rationale": text})
    return _possible(wheel, plan)


def _possible(wheel: Flywheel, plan: IterationPlan) -> IterationPlan:
    """The plan, without its patches where no run can be made of them."""
    asked = plan.settings
    if not asked or (why := _why_no_run(wheel, plan, asked)) is None:
        return plan
    if _why_no_run(wheel, plan, {}) is not None:
        return plan  # the target itself is broken, and its run will say so
    refused = [RefusedPatch(name=name, value=value, reason=why) for name, value in asked.items()]
    update = {"patches": {}, "permanent": {}, "refused": [*plan.refused, *refused]}
    return plan.model_copy(update=update)


def _why_no_run(wheel: Flywheel, plan: IterationPlan, values: Mapping[str, Any]) -> str | None:
    try:
        wheel.drafted(plan, values)
    except TargetError as error:
        return f"no run can be made with it: {error}".rstrip(".")
    return None
