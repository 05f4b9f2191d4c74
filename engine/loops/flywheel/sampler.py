"""The planner that is built in: Optuna proposes settings, knowing every try before.

No model is asked. How the study is told of them: engine/loops/sampling.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.loops.patches import Bounds
from engine.loops.sampling import Tried, ask, shown, study_of

AROUND = 3.0
"""Where a target does not say how far a setting may go: a third to three times of what it is."""

NOT_GIVEN = ("training.learning_rate",)
"""The settings that are varied where a target names none."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """``patches`` are what differs from the target's own settings; ``hypothesis`` says it."""

    patches: dict[str, Any]
    hypothesis: str


def usual_space(now: Mapping[str, Any]) -> dict[str, Bounds]:
    """The space of a target that names none: the learning rate, around what it is."""
    space: dict[str, Bounds] = {}
    for name in NOT_GIVEN:
        value = now.get(name)
        if isinstance(value, int | float) and value > 0:
            space[name] = Bounds(value / AROUND, value * AROUND, log=True)
    return space


def propose(
    space: Mapping[str, Bounds],
    now: Mapping[str, Any],
    tries: Sequence[Tried],
    *,
    seed: int,
    higher_is_better: bool = True,
) -> Proposal:
    """What to try next. Before any try: the settings as they stand.

    ``now`` are the target's own values of the space's settings. A try that crashed counts as the
    worst there was. Where nothing may vary, the settings stay and only the data changes.
    """
    if not space or not tries:
        why = "The settings as they stand" + (" are the first to measure." if not tries else ".")
        if tries:
            why = "The settings stay; what changed is the data."
        return Proposal({}, why)
    whole = [Tried({**now, **one.settings}, one.score) for one in tries]
    found = ask(study_of(space, whole, seed=seed, higher_is_better=higher_is_better), space)
    patches = {name: value for name, value in found.items() if value != now.get(name)}
    if not patches:
        return Proposal({}, "The settings stay; what changed is the data.")
    said = ", ".join(f"{name} {shown(now.get(name))} → {shown(v)}" for name, v in patches.items())
    return Proposal(patches, f"After {len(tries)} tries the sampler expects more of {said}.")
