"""The paired permutation test: could the sign of each difference as well be the other one?

For graded scores what McNemar's test is for right and wrong ones; with differences of -1, 0 and 1
the two are the same. NumPy is imported inside.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.judge.clusters import group_sums
from engine.judge.estimate import check_finite, check_groups
from engine.judge.stats import mcnemar

EXACT_UP_TO = 18
"""With so many differences that are not 0, all 2**18 ways to sign them are looked at."""

RESAMPLES = 9_999
FEWEST_RESAMPLES = 999
MOST_SIGNS = 50_000_000
"""Signs drawn in all: a large set is signed less often (never under FEWEST_RESAMPLES)."""

_CHUNK = 4_000_000
_CLOSE = 1e-9
"""Sums that differ by less, as a share of all, are the same but for rounding."""


@dataclass(frozen=True, slots=True)
class Tested:
    """``p`` in (0, 1], two-sided; ``exact`` or by ``resamples`` random signings from ``seed``."""

    p: float
    exact: bool
    resamples: int | None = None
    seed: int | None = None

    @property
    def method(self) -> str:
        """The test in words, fit for a record."""
        if self.exact:
            return "paired permutation, exact"
        return f"paired permutation, {self.resamples} random signings, seed {self.seed}"


def sign_flips(
    differences: Sequence[float],
    groups: Sequence[str] | None = None,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Tested:
    """The two-sided p of "candidate and baseline are interchangeable", from paired differences.

    The share of signings of the differences whose sum lies as far from 0 as the one seen (R. A.
    Fisher, The Design of Experiments (1935) section 21). Where ``groups`` names a source for each
    difference, the differences of a source get one sign together. Exact for up to 18 that
    are not 0, and where all have one size; else p = (1 + hits) / (1 + resamples), which is never
    0 (B. Phipson and G. Smyth, 2010). No difference at all is no evidence: 1.
    """
    check_finite(differences, "difference")
    check_groups(len(differences), groups)
    if resamples < 1:
        raise ValueError(f"{resamples} resamples are too few")
    if groups is not None:
        differences = [total for total, _ in group_sums(differences, groups)]
    scale = math.fsum(abs(one) for one in differences)
    moved = [one for one in differences if abs(one) > _CLOSE * scale]
    if not moved:
        return Tested(1.0, exact=True)
    sizes = [abs(one) for one in moved]
    if max(sizes) - min(sizes) <= _CLOSE * scale:
        up = sum(one > 0 for one in moved)
        return Tested(mcnemar(up, len(moved) - up), exact=True)
    seen = abs(math.fsum(moved)) - _CLOSE * scale
    if len(moved) <= EXACT_UP_TO:
        return Tested(_every_signing(moved, seen), exact=True)
    count = min(resamples, max(FEWEST_RESAMPLES, MOST_SIGNS // len(moved)))
    hits = _random_signings(moved, seen, seed, count)
    return Tested((1 + hits) / (1 + count), exact=False, resamples=count, seed=seed)


def _every_signing(moved: Sequence[float], seen: float) -> float:
    import numpy as np

    sums = np.array([moved[0]])  # the other half are these with all signs turned
    for one in moved[1:]:
        sums = np.concatenate([sums + one, sums - one])
    return float((np.abs(sums) >= seen).mean())


def _random_signings(moved: Sequence[float], seen: float, seed: int, resamples: int) -> int:
    import numpy as np

    rng = np.random.default_rng(seed)
    sizes = np.array(moved)
    hits = 0
    chunk = max(1, _CHUNK // len(moved))
    for start in range(0, resamples, chunk):
        shape = (min(chunk, resamples - start), len(moved))
        ups = rng.integers(0, 2, size=shape, dtype=np.int8)
        hits += int((np.abs(ups @ (2 * sizes) - sizes.sum()) >= seen).sum())
    return hits
