"""A gate: a metric, a bound, a verdict and its reason, and how each kind of gate is written.

A verdict is pass, fail, or undecided with the reason; what was not measured is never taken as 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.records.evaluation import Direction

PRIMARY_MIN = "primary_min"
BEATS_BASELINE = "beats_baseline"
BREADTH_DROP = "breadth_drop_max_pp"
SAFETY_MAX = "safety_violations_max"
PARSE_RATE_MIN = "parse_rate_min"
LATENCY_MEDIAN_MAX = "latency_median_max_ms"
LATENCY_P95_MAX = "latency_p95_max_ms"
PEAK_MEMORY_MAX = "peak_memory_max_mb"
TOKENS_MIN = "tokens_per_second_min"

SLACK = 1e-9
"""A drop of 3 points is not over a bound of 3 because of binary fractions."""


WHERE = {
    (True, True): "at or above",
    (True, False): "below",
    (False, True): "at or below",
    (False, False): "above",
}
"""(a value must be at least the bound, it is on the right side) in words."""


class Verdict(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Kind:
    """How gates of one name are written: a heading, the bound with its sign, a value with its unit.

    ``sign`` in ``bound`` is ≥ or ≤, whichever the direction of the score asks for.
    """

    title: str
    bound: str
    value: str


KINDS: dict[str, Kind] = {
    PRIMARY_MIN: Kind("primary score", "{sign} {bound:.3f}", "{:.3f}"),
    BEATS_BASELINE: Kind("better than baseline", "p < {bound:.4g}", "{:+.3f}"),
    BREADTH_DROP: Kind("breadth drop", "≤ {bound:.1f} pp", "{:.1f} pp"),
    SAFETY_MAX: Kind("safety violations", "≤ {bound:,.0f}", "{:,.0f}"),
    PARSE_RATE_MIN: Kind("parse rate", "≥ {bound:.3f}", "{:.3f}"),
    LATENCY_MEDIAN_MAX: Kind("median latency", "≤ {bound:,.1f} ms", "{:,.1f} ms"),
    LATENCY_P95_MAX: Kind("p95 latency", "≤ {bound:,.1f} ms", "{:,.1f} ms"),
    PEAK_MEMORY_MAX: Kind("peak memory", "≤ {bound:,.0f} MB", "{:,.0f} MB"),
    TOKENS_MIN: Kind("tokens a second", "≥ {bound:,.1f}", "{:,.1f}"),
}
"""Every gate that there is, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate with its verdict.

    ``bound``, ``value`` and ``interval`` (95 %) are in the unit that the name ends with; those of
    ``primary_min`` in the unit of the primary score. For ``beats_baseline`` the bound is a p, and
    value and interval are the gain in the unit of the primary score, positive where the candidate
    is better. ``None`` is "not recorded". ``reason`` is a sentence for people.
    """

    name: str
    bound: float
    value: float | None
    interval: tuple[float, float] | None
    verdict: Verdict
    reason: str
    direction: Direction = "higher"

    @property
    def title(self) -> str:
        """The gate's name as a heading."""
        return KINDS[self.name].title

    @property
    def bound_text(self) -> str:
        """The bound with its sign and unit: "≥ 0.900", "p < 0.05", "≤ 8.0 pp"."""
        sign = "≥" if self.direction == "higher" else "≤"
        return KINDS[self.name].bound.format(sign=sign, bound=self.bound)

    @property
    def value_text(self) -> str:
        """The value with its unit, or "not recorded"."""
        return "not recorded" if self.value is None else self._with_unit(self.value)

    @property
    def interval_text(self) -> str:
        """The 95 % interval, or "not recorded"."""
        if self.interval is None:
            return "not recorded"
        low, high = self.interval
        return f"{self._with_unit(low)} to {self._with_unit(high)}"

    def _with_unit(self, value: float) -> str:
        return KINDS[self.name].value.format(value)
