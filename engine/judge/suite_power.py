"""Is the primary suite large enough for what the run asks of it? For right-or-wrong scores."""

from __future__ import annotations

from engine.judge.comparison import is_share
from engine.judge.gate import SLACK
from engine.judge.measured import BASELINE, CANDIDATE, Measured
from engine.judge.power import Reach, flips_if_unrelated, reach_of
from engine.judge.scored import right_or_wrong
from engine.records.evaluation import Direction
from engine.records.run import EvalConfig

USUAL_FLIPS = 0.3
"""The share of answers that are thought to flip where nothing was measured yet."""


def suite_power(measured: Measured) -> Reach | None:
    """What the primary suite can tell, by the flips that were measured on it.

    Without rows the flips are those of two scores that have nothing to do with each other. None
    where a score is missing or is no share of right answers.
    """
    before, after = measured.evals.get(BASELINE), measured.evals.get(CANDIDATE)
    pair = measured.against_baseline()
    n = measured.count(CANDIDATE)
    if before is None or after is None or pair is None or pair.mismatch or not n:
        return None
    rows = measured.rows.get(CANDIDATE)
    if not (is_share(before) and is_share(after)):
        return None
    if rows and not right_or_wrong([row.score for row in rows]):
        return None
    flips = pair.flips
    share = sum(flips) / n if flips else flips_if_unrelated(before.score, after.score)
    return _reach(measured.config.eval, n, share or 1 / n, before.score)


def planned_power(config: EvalConfig, n: int, baseline: float | None = None) -> Reach | None:
    """What a suite of ``n`` rows can tell before anything was measured on it.

    ``baseline`` is the base model's score on it where an earlier run knows it, a share. None where
    the bound is no share either, or there are no rows.
    """
    bound = config.threshold.primary_min
    if n < 1 or bound is None or not 0 <= bound <= 1:
        return None
    if baseline is not None and not 0 <= baseline <= 1:
        return None
    share = USUAL_FLIPS if baseline is None else flips_if_unrelated(baseline, bound)
    return _reach(config, n, share or 1 / n, baseline)


def _reach(config: EvalConfig, n: int, flips: float, baseline: float | None) -> Reach:
    bound = config.threshold.primary_min
    asked = None if baseline is None or bound is None else _asked(bound, baseline, config)
    sure = config.threshold.confidence
    alpha = 0.05 if sure is None else round(1 - sure, 12)
    # A confidence under a half would make the power smaller than chance; there is none such.
    return reach_of(n, min(1.0, flips), asked, alpha=min(alpha, 0.5))


def _asked(bound: float, baseline: float, config: EvalConfig) -> float | None:
    """The gain that lies between the baseline and the bound; None where it is reached already."""
    direction: Direction = config.direction
    gain = bound - baseline if direction == "higher" else baseline - bound
    return gain if SLACK < gain <= 1 else None
