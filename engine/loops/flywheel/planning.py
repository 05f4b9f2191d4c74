"""The plan of an iteration: proposed, looked at by a person where one wants to, then made to last.

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
from engine.loops.flywheel.sampler import Tried, propose, usual_space
from engine.loops.folder import LoopFolder
from engine.loops.patches import Bounds, check_patches, narrowed
from engine.loops.runner import LoopFailed, LoopPaused
from engine.records.base import utc_now
from engine.records.loop import IterationPlan, RefusedPatch
from engine.target import Target

if TYPE_CHECKING:
    from engine.loops.flywheel.flywheel import Flywheel

DRAFT = "draft.json"

SETTINGS = "settings"
"""The planner that is built in."""


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


def make_permanent(wheel: Flywheel, plan: IterationPlan) -> None:
    """Write permanent patches into forge.yaml, and what was found out into BACKGROUND.md; twice
    does no harm."""
    if plan.permanent:
        set_values(wheel.path / "forge.yaml", plan.permanent)
    if plan.background:
        background_addition(
            wheel.path / "BACKGROUND.md", wheel.loop.loop_id, plan.iteration, plan.background
        )


def set_values(file: Path, values: Mapping[str, Any]) -> None:
    """Change settings in a forge.yaml, its comments kept. LoopFailed when it cannot be."""
    try:
        text = file.read_text("utf-8")
        new = with_values(text, values)
    except (OSError, UnicodeDecodeError, EditError) as error:
        raise LoopFailed(f"forge.yaml cannot be changed: {error}") from error
    if new != text:
        write_bytes_atomic(file, new.encode())


def space_of(target: Target) -> dict[str, Bounds] | None:
    """What ``factory.plan`` of the target lets a plan change; None: all of the allow-list."""
    given = target.forge.factory.plan
    if given is None:
        return None
    try:
        return narrowed(given)
    except ValueError as error:
        raise LoopFailed(f"forge.yaml: factory.plan: {error}.", "Mend it, then: resume.") from error


# --- proposals ---------------------------------------------------------------------------


def _proposed(wheel: Flywheel, iteration: int) -> IterationPlan:
    if wheel.loop.planner != SETTINGS:
        raise LoopFailed(
            f"The planner {wheel.loop.planner} is a teacher, and none can be asked here.",
            "Begin a loop with the built-in planner.",
        )
    target = wheel.target
    now = settings_now(target)
    allowed = space_of(target)
    space = usual_space(now) if allowed is None else allowed
    found = propose(
        space,
        now,
        [_tried(wheel, target, number) for number in range(1, iteration)],
        seed=wheel.loop.seed * 1_000_003 + iteration,
        higher_is_better=(target.primary.direction or "higher") == "higher",
    )
    checked = check_patches(found.patches, allowed)
    return IterationPlan(
        iteration=iteration,
        by=SETTINGS,
        hypothesis=found.hypothesis,
        patches=checked.taken,
        refused=[
            RefusedPatch(name=one.name, value=one.value, reason=one.reason)
            for one in checked.refused
        ],
        made=utc_now(),
    )


def _tried(wheel: Flywheel, target: Target, iteration: int) -> Tried:
    plan = wheel.folder.done(iteration, IterationPlan)
    verdict = wheel.verdict(iteration)
    patches = plan.patches if plan else {}
    return Tried(settings_now(target) | patches, verdict.score if verdict else None)


def settings_now(target: Target) -> dict[str, Any]:
    """The target's own values of all settings that a plan may change."""
    from engine.loops.patches import ALLOWED

    found: dict[str, Any] = {}
    tree = target.forge.model_dump(mode="python")
    for name in ALLOWED:
        node: Any = tree
        for key in name.split("."):
            node = node.get(key) if isinstance(node, dict) else None
        if node is not None:
            found[name] = node
    return found
