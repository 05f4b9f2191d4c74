"""Optuna as the loops use it: told all tries anew each time, in their order and with a seed, so a
loop that goes on after a kill proposes what it would have proposed. No model is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.loops.patches import Bounds

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study


@dataclass(frozen=True, slots=True)
class Tried:
    """A try: all settings of the space as they were, and its score, None where it crashed."""

    settings: Mapping[str, Any]
    score: float | None


def study_of(
    space: Mapping[str, Bounds],
    tries: Sequence[Tried],
    *,
    seed: int,
    higher_is_better: bool,
) -> Study:
    """A study that knows the tries. One that crashed counts as the worst there was; one with
    settings that the space has no room for is left out."""
    import optuna
    from optuna.trial import create_trial

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    distributions = {name: distribution(one) for name, one in space.items() if not one.many}
    study = optuna.create_study(
        direction="maximize" if higher_is_better else "minimize",
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=3),
    )
    scores = [one.score for one in tries if one.score is not None]
    worst = (min(scores) if higher_is_better else max(scores)) if scores else 0.0
    for one in tries:
        values = {name: one.settings.get(name) for name in distributions}
        score = worst if one.score is None else one.score
        try:
            study.add_trial(create_trial(params=values, distributions=distributions, value=score))
        except (TypeError, ValueError):
            continue  # it was tried with settings that the space has no room for any more
    return study


def ask(study: Study, space: Mapping[str, Bounds]) -> dict[str, Any]:
    """What the study wants to try next; another answer each time it is asked."""
    asked = study.ask({name: distribution(one) for name, one in space.items() if not one.many})
    return {name: rounded(space[name], value) for name, value in asked.params.items()}


def distribution(bounds: Bounds) -> BaseDistribution:
    """A setting's bounds as Optuna has them."""
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


def rounded(bounds: Bounds, value: Any) -> Any:
    """Three figures are enough for a setting, and can be read."""
    if isinstance(value, float):
        return min(bounds.high, max(bounds.low, float(f"{value:.3g}")))
    return value


def shown(value: Any) -> str:
    """A setting as it is said."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
