"""The tries of a research campaign: the best so far over all of them, a line for each. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.records.research import (
    Measurement,
    TryProposal,
    TryRuns,
    TryVerdict,
    TryWish,
    Violation,
)
from tui.views.loops_reader import Iteration, LoopView
from tui.widgets.picture import Curve, Options, Row

What = Literal["keep", "discard", "crash", "refused", "open", "unreadable"]

SIGNS: dict[What, tuple[str, str]] = {
    "keep": ("●", "good"),
    "discard": ("○", "muted"),
    "crash": ("✘", "bad"),
    "refused": ("⊘", "warn"),
    "open": ("▶", "accent"),
    "unreadable": ("?", "bad"),
}
"""A verdict's sign and role; the sign stands in the chart and in the table."""

NO_RUN = "none"
"""What stands in the records in place of a run, of a try that was refused."""

MANY = 100
"""With more tries than this, only those that were kept have their interval drawn."""


@dataclass(frozen=True, slots=True)
class Tried:
    """Try ``number``, 0 is the baseline; a record for each step that is done."""

    number: int
    plan: TryProposal | None = None
    verdict: TryVerdict | None = None
    problem: str = ""
    runs: TryRuns | None = None
    commit: str | None = None
    """The commit on the campaign's branch, of a try that was kept; else that of the try itself."""
    run: str | None = None
    """Its first run, from the moment that it is there."""

    @property
    def name(self) -> str:
        """As people name it: "the baseline", "try 3"."""
        return "the baseline" if self.number == 0 else f"try {self.number}"

    @property
    def words(self) -> str:
        """The line that describes it, as it was written: whoever draws it makes it harmless."""
        return self.plan.hypothesis if self.plan is not None else self.problem or "no plan yet"

    @property
    def wish(self) -> TryWish | None:
        """What a person wanted, where this is no new try."""
        return self.plan.wish if self.plan is not None else None

    @property
    def measurements(self) -> list[Measurement]:
        """Every execution of it; empty while it is measured."""
        return self.runs.measurements if self.runs is not None else []

    @property
    def seconds(self) -> float | None:
        """How long one execution took, on average; None where it is not recorded."""
        known = [one.seconds for one in self.measurements if one.seconds is not None]
        return math.fsum(known) / len(known) if known else None

    @property
    def memory_gb(self) -> float | None:
        """The most that an execution took, in units of 2**30 bytes."""
        return max((one.memory_gb for one in self.measurements if one.memory_gb), default=None)

    @property
    def cause(self) -> str | None:
        """Why it has no number, or which rule it broke."""
        if self.verdict is not None and self.verdict.cause:
            return self.verdict.cause
        if self.plan is not None and self.plan.violations:
            return self.plan.violations[0].rule
        return next((one.cause for one in self.measurements if one.cause), None)

    @property
    def violations(self) -> list[Violation]:
        """The rules that it broke, before it ran and after."""
        found = list(self.plan.violations) if self.plan is not None else []
        return found + [broke for one in self.measurements for broke in one.violations]

    @property
    def what(self) -> What:
        """What became of it, as a key of SIGNS."""
        if self.problem:
            return "unreadable"
        if self.plan is not None and self.plan.violations:
            return "refused"
        return self.verdict.status.value if self.verdict is not None else "open"

    @property
    def score(self) -> float | None:
        """The mean of the primary metric; None where there is no finite one."""
        value = self.verdict.score if self.verdict is not None else None
        return value if value is not None and math.isfinite(value) else None


def tries_of(view: LoopView) -> list[Tried]:
    """The iterations of a campaign as its tries, the baseline first."""
    return [
        Tried(
            one.number - 1,
            one.plan if isinstance(one.plan, TryProposal) else None,
            one.verdict if isinstance(one.verdict, TryVerdict) else None,
            one.problems[0] if one.problems else "",
            one.tried,
            (one.commit.commit if one.commit is not None else None) or _commit(one),
            one.run if one.run != NO_RUN else None,
        )
        for one in view.iterations
    ]


def _commit(one: Iteration) -> str | None:
    halved = one.tried.commit if one.tried is not None else None
    return halved or (one.plan.commit if isinstance(one.plan, TryProposal) else None)


def best_chart(
    tries: Sequence[Tried], cursor: int | None, lower_is_better: bool | None = None
) -> tuple[Row, list[Curve], Options]:
    """The best so far as a step line in the metric's own direction, every try with its interval,
    and the noise of one measurement around the baseline. Without ``lower_is_better`` the direction
    is the one that the tries that were kept went."""
    title: Row = [("best so far", "strong")]
    if lower_is_better is not None:
        title.append((" ↓" if lower_is_better else " ↑", "muted"))
    counts = [one.what for one in tries]
    for what, (sign, role) in SIGNS.items():
        if count := counts.count(what):
            title.append((f"  {sign} {count} {what}", role))
    scored = [one for one in tries if one.score is not None]
    if not scored:
        words = "no try has a number yet" if tries else "the baseline comes first"
        return title, [], Options(empty=words)
    end = tries[-1].number + 0.5
    curves = _noise(tries, end)
    for one in scored:
        pair = one.verdict.interval if one.verdict is not None else None
        shown = one.what == "keep" or len(scored) <= MANY
        if shown and pair is not None and all(map(math.isfinite, pair)):
            curves.append(Curve([one.number, one.number], list(pair), SIGNS[one.what][1]))
    curves += _steps(tries, end)
    values = [one.score for one in scored if one.score is not None]
    kept = [one.score for one in scored if one.what == "keep" and one.score is not None]
    # What has no number must not stand where the best ones do.
    down = lower_is_better
    if down is None:
        down = bool(kept) and kept[-1] < kept[0]
    floor = max(values) if down else min(values)
    for what, (sign, role) in reversed(SIGNS.items()):  # those that were kept lie on top
        chosen = [one for one in tries if one.what == what]
        if chosen:
            ys = [floor if one.score is None else one.score for one in chosen]
            curves.append(Curve([float(one.number) for one in chosen], ys, role, "points", sign))
    marks = [] if cursor is None else [float(cursor)]
    return title, curves, Options(x_unit="tries", window=(-0.5, end), marks=marks)


def _noise(tries: Sequence[Tried], end: float) -> list[Curve]:
    first = tries[0]
    noise = first.verdict.noise if first.number == 0 and first.verdict is not None else None
    if first.score is None or not noise or not math.isfinite(noise):
        return []
    return [
        Curve([-0.5, end], [first.score + side, first.score + side], "muted")
        for side in (-noise, noise)
    ]


def _steps(tries: Sequence[Tried], end: float) -> list[Curve]:
    xs: list[float] = []
    ys: list[float] = []
    for one in tries:
        if one.what != "keep" or one.score is None:
            continue
        if ys:
            xs.append(float(one.number))
            ys.append(ys[-1])
        xs.append(float(one.number))
        ys.append(one.score)
    return [Curve([*xs, end], [*ys, ys[-1]], "smooth")] if xs else []
