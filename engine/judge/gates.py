"""Gates: a metric, a bound and a verdict, recomputed from scores and thresholds.

A ``passed`` flag that some tool wrote is never looked at. A verdict is pass, fail, or
undecided with the reason; what was not measured is never taken as 0, and what was measured for
another run (`EvalResult.historical`) decides nothing.

Which gates there are is the config's word, ``eval.threshold``; `engine.judge.gate.KINDS` has them
all, each with how it is written.
"""

from __future__ import annotations

from engine.judge.bounds import bounds
from engine.judge.breadth import breadth_drop
from engine.judge.comparison import score_interval
from engine.judge.gate import BEATS_BASELINE, BREADTH_DROP, PRIMARY_MIN, Gate, Verdict
from engine.judge.measured import BASELINE, CANDIDATE, Evals, Measured, Rows
from engine.judge.score_gates import beats_baseline, primary_min
from engine.records.run import RunConfig

__all__ = [
    "BASELINE",
    "BEATS_BASELINE",
    "BREADTH_DROP",
    "CANDIDATE",
    "PRIMARY_MIN",
    "Gate",
    "Verdict",
    "judge",
    "score_interval",
]


def judge(config: RunConfig, evals: Evals, rows: Rows | None = None) -> list[Gate]:
    """Every gate of a run, in the order in which they are shown."""
    measured = Measured(config, evals, rows or {})
    found = [primary_min(measured), beats_baseline(measured), breadth_drop(measured)]
    return [*(gate for gate in found if gate is not None), *bounds(measured)]
