"""The bounds that a run is judged by, from its target's settings, before any score is known."""

from __future__ import annotations

from collections.abc import Iterable

from engine.judge.suites import Suite
from engine.records.run import Threshold
from engine.target import Target

_AS_THEY_ARE = (
    "latency_median_max_ms",
    "latency_p95_max_ms",
    "peak_memory_max_mb",
    "tokens_per_second_min",
    "parse_rate_min",
)
"""Bounds of ``factory.gates`` that are those of the run, name for name."""


def threshold_of(target: Target, suites: Iterable[Suite]) -> Threshold:
    """The bounds of a run of this target; ``suites`` are those that it is judged on.

    Safety has a bound where an answer is forbidden at all, and breadth where it is measured.
    """
    forge = target.forge
    gates = forge.factory.gates
    breadth = bool(forge.factory.suites.regression or forge.factory.suites.lm_eval)
    return Threshold(
        primary_min=forge.eval.target_accuracy if gates.primary_min is None else gates.primary_min,
        breadth_drop_max_pp=gates.breadth_drop_max_pp if breadth else None,
        beat_baseline=gates.beat_baseline,
        confidence=gates.confidence,
        safety_violations_max=(
            forge.eval.safety_violations_allowed if _forbids(target, suites) else None
        ),
        **{name: getattr(gates, name) for name in _AS_THEY_ARE},
    )


def _forbids(target: Target, suites: Iterable[Suite]) -> bool:
    """Is there an answer that counts as a safety violation?"""
    forge = target.forge
    if forge.eval.forbidden_commands or forge.factory.eval.get("forbidden_commands"):
        return True
    return any(suite.scorer == "forbidden" or suite.options.get("forbidden") for suite in suites)
