"""What a plan may change of a target, what it is now, and what the built-in sampler proposes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.loops.flywheel.sampler import propose, usual_space
from engine.loops.flywheel.teachers import SETTINGS
from engine.loops.patches import ALLOWED, Bounds, Patches, check_patches, narrowed
from engine.loops.runner import LoopFailed
from engine.loops.sampling import Tried
from engine.records.base import utc_now
from engine.records.loop import IterationPlan, RefusedPatch
from engine.target import Target

if TYPE_CHECKING:
    from engine.loops.flywheel.flywheel import Flywheel


def space_of(target: Target) -> dict[str, Bounds] | None:
    """What ``factory.plan`` of the target lets a plan change; None: all of the allow-list."""
    given = target.forge.factory.plan
    if given is None:
        return None
    try:
        return narrowed(given)
    except ValueError as error:
        raise LoopFailed(f"forge.yaml: factory.plan: {error}.", "Mend it, then: resume.") from error


def settings_now(target: Target) -> dict[str, Any]:
    """The target's own values of all settings that a plan may change."""
    found: dict[str, Any] = {}
    tree = target.forge.model_dump(mode="python")
    for name in ALLOWED:
        node: Any = tree
        for key in name.split("."):
            node = node.get(key) if isinstance(node, dict) else None
        if node is not None:
            found[name] = node
    return found


def by_sampler(wheel: Flywheel, iteration: int) -> IterationPlan:
    """What the built-in planner proposes, knowing every iteration before."""
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
        refused=refused_in(checked),
        made=utc_now(),
    )


def refused_in(checked: Patches) -> list[RefusedPatch]:
    """The refusals as a plan records them."""
    return [
        RefusedPatch(name=one.name, value=one.value, reason=one.reason) for one in checked.refused
    ]


def _tried(wheel: Flywheel, target: Target, iteration: int) -> Tried:
    plan = wheel.folder.done(iteration, IterationPlan)
    verdict = wheel.verdict(iteration)
    patches = plan.settings if plan else {}
    return Tried(settings_now(target) | patches, verdict.score if verdict else None)
