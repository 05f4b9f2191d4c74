"""What two published scores say of each other: numbers with counts of rows, and no rows to pair."""

from __future__ import annotations

from dataclasses import dataclass

from engine.judge.estimate import Estimate
from engine.judge.noise import Finding, tell
from engine.judge.stats import mcnemar, unpaired_difference
from engine.records.evaluation import Direction

SHARE = "share"
_TOLERANCE = 5.1e-4
"""Of a share with three decimals, as most are published."""


@dataclass(frozen=True, slots=True)
class Published:
    """A score as somebody published it. ``unit`` "share" is in [0, 1]; ``n`` counts its rows, None
    where nobody says."""

    value: float
    unit: str | None = None
    n: int | None = None

    @property
    def right(self) -> int | None:
        """How many rows a share stands for; None where it is that of no whole number of them."""
        return successes(self.value, self.n) if self.unit == SHARE else None


def successes(value: float, n: int | None) -> int | None:
    """How many of ``n`` rows a share stands for, which may be rounded; None where no whole number
    of them, or more than one, would be written so."""
    if not n or not 0 <= value <= 1:
        return None
    digit = 10.0 ** -len(repr(float(value)).partition(".")[2])
    one_alone = n * digit <= 1
    count = round(value * n)
    near = max(_TOLERANCE, 0.51 * digit) if one_alone else _TOLERANCE
    return count if abs(count / n - value) <= near else None


def difference(ours: Published, theirs: Published) -> Estimate:
    """Ours minus theirs. Two shares of known counts have Newcombe's interval, 95 %, for rows that
    are not paired; anything else has none."""
    value = ours.value - theirs.value
    counts = [one.n for one in (ours, theirs) if one.n is not None]
    n = min(counts) if len(counts) == 2 else 0
    right, right_theirs = ours.right, theirs.right
    if right is None or right_theirs is None or ours.n is None or theirs.n is None:
        return Estimate(value, None, None, n, "none")
    _, low, high = unpaired_difference((right_theirs, theirs.n), (right, ours.n))
    return Estimate(value, low, high, n, "Newcombe, unpaired")


def told(
    ours: Published, theirs: Published, p: float | None = None, direction: Direction = "higher"
) -> Finding:
    """Whether ours is better, worse, within the noise, or nothing can be told. ``p`` is that of a
    paired test of the same rows, where there was one."""
    found = difference(ours, theirs)
    if found.n == 0:
        unknown = Estimate(
            None, None, None, 0, "none", caution="nobody says of how many rows both are"
        )
        return tell(unknown, None, direction=direction)
    return tell(found, p, direction=direction, points=ours.unit == SHARE)


def least_p(ours: Published, theirs: Published) -> float | None:
    """The smallest p that a paired test of two shares can have: as if every row in which they
    differ spoke for the one that is ahead. None where the counts of rows are not known or differ.
    """
    right, right_theirs = ours.right, theirs.right
    if right is None or right_theirs is None or ours.n != theirs.n:
        return None
    return mcnemar(abs(right - right_theirs), 0)
