"""The planner that is built in: Optuna proposes settings, knowing every try before.

No model is asked. The study is told all tries anew each time, in their order and with a seed of the
iteration, so a loop that goes on after a kill proposes what it would have proposed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.loops.patches import Bounds

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study

AROUND = 3.0
"""Where a target does not say how far a setting may go: a third to three times of what it is."""

NOT_GIVEN = ("training.learning_rate",)
"""The settings that are varied where a target names none."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A try: all settings of the space as they were, and its score, None where it crashed."""

    settings: Mapping[str, Any]
    score: float | None


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
    study = _study(space, now, tries, seed, higher_is_better)
    asked = study.ask({name: _distribution(one) for name, one in space.items() if not one.many})
    found = {name: _rounded(space[name], value) for name, value in asked.params.items()}
    patches = {name: value for name, value in found.items() if value != now.get(name)}
    if not patches:
        return Proposal({}, "The settings stay; what changed is the data.")
    said = ", ".join(f"{name} {_shown(now.get(name))} → {_shown(v)}" for name, v in patches.items())
    return Proposal(patches, f"After {len(tries)} tries the sampler expects more of {said}.")


def _study(
    space: Mapping[str, Bounds],
    now: Mapping[str, Any],
    tries: Sequence[Tried],
    seed: int,
    higher_is_better: bool,
) -> Study:
    import optuna
    from optuna.trial import create_trial

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    distributions = {name: _distribution(one) for name, one in space.items() if not one.many}
    study = optuna.create_study(
        direction="maximize" if higher_is_better else "minimize",
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=3),
    )
    scores = [one.score for one in tries if one.score is not None]
    worst = (min(scores) if higher_is_better else max(scores)) if scores else 0.0
    for one in tries:
        values = {name: one.settings.get(name, now.get(name)) for name in distributions}
        score = worst if one.score is None else one.score
        try:
            study.add_trial(create_trial(params=values, distributions=distributions, value=score))
        except (TypeError, ValueError):
            continue  # it was tried with settings that the space has no room for any more
    return study


def _distribution(bounds: Bounds) -> BaseDistribution:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if bounds.choices:
        return CategoricalDistribution(bounds.choices)
    if bounds.whole:
        return IntDistribution(int(bounds.low), int(bounds.high), log=bounds.log)
    return FloatDistribution(bounds.low, bounds.high, log=bounds.log)


def _rounded(bounds: Bounds, value: Any) -> Any:
    """Three figures are enough for a setting, and can be read."""
    if isinstance(value, float):
        return min(bounds.high, max(bounds.low, float(f"{value:.3g}")))
    return value


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
