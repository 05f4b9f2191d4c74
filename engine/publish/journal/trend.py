"""The course of a target: its primary score over the steps, with intervals, beside the baseline.

Pure. The screen draws it as a chart, the page as a picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.numbers import score
from engine.publish.journal.step import Step

MARKS = 60
"""How many steps a picture shows: the newest."""


@dataclass(frozen=True, slots=True)
class Trend:
    """``points`` are the steps with a score, oldest first; ``baseline`` the newest one's, None
    where it was not measured; ``goal`` the bound that the newest one has to reach."""

    points: tuple[Step, ...]
    baseline: float | None
    goal: float | None
    lower: bool
    left_out: int = 0

    @property
    def shares(self) -> bool:
        """Whether all that is shown lies between 0 and 1, as accuracies do."""
        return all(0 <= value <= 1 for value in self._values)

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest value that is shown; 0 to 1 for shares."""
        if self.shares:
            return 0.0, 1.0
        return min(self._values), max(self._values)

    @property
    def sentence(self) -> str:
        """What the picture shows, for whoever does not see it."""
        values = [one.after for one in self.points if one.after is not None]
        if not values:
            return "No step has a score."
        best = min(values) if self.lower else max(values)
        words = (
            f"{len(values)} step{'' if len(values) == 1 else 's'}, oldest first: from "
            f"{score(values[0])} to {score(values[-1])}, best {score(best)}"
        )
        base = "not recorded" if self.baseline is None else score(self.baseline)
        return f"{words}; baseline {base}. {'Lower' if self.lower else 'Higher'} is better."

    @property
    def _values(self) -> list[float]:
        shown = [(one.after, one.low, one.high) for one in self.points]
        values = [value for three in shown for value in three]
        values += [self.baseline, self.goal]
        return [value for value in values if value is not None and math.isfinite(value)]


def trend_of(steps: Sequence[Step], marks: int = MARKS) -> Trend:
    """The trend of one target's steps, oldest first."""
    scored = [one for one in steps if one.after is not None and math.isfinite(one.after)]
    shown = scored[-marks:]
    newest = shown[-1] if shown else None
    bases = [one.before for one in shown if one.before is not None]
    return Trend(
        tuple(shown),
        bases[-1] if bases else None,
        newest.goal if newest else None,
        newest.lower if newest else False,
        len(scored) - len(shown),
    )
