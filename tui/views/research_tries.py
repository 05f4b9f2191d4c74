"""The tries of a research campaign: the best so far over all of them, a line for each. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.records.research import TryProposal, TryVerdict
from tui.views import cells
from tui.views.entries import Entry, Segment, clipped, entry, sentence
from tui.views.loops_reader import LoopView
from tui.views.plain import fit, plain
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

MANY = 100
"""With more tries than this, only those that were kept have their interval drawn."""


@dataclass(frozen=True, slots=True)
class Tried:
    """Try ``number``, 0 is the baseline; a record for each step that is done."""

    number: int
    plan: TryProposal | None = None
    verdict: TryVerdict | None = None
    problem: str = ""

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
        )
        for one in view.iterations
    ]


def best_chart(tries: Sequence[Tried], cursor: int | None) -> tuple[Row, list[Curve], Options]:
    """The best so far as a step line in the metric's own direction, every try with its interval,
    and the noise of one measurement around the baseline."""
    title: Row = [("best so far", "strong")]
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
    floor = max(values) if kept and kept[-1] < kept[0] else min(values)
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


def try_entries(tries: Sequence[Tried], width: int) -> list[Entry]:
    """One line a try, the newest first: sign, number, description, verdict, metric, difference to
    the best before, and the probability that it is better. Its key is the iteration."""
    if not tries:
        return sentence("No try yet: the baseline is measured first.", width)
    room = max(8, width - 42)
    head = "  " + "#".rjust(4) + "  " + fit("description", room) + fit("verdict", 11)
    rows = [entry((head + "metric".rjust(8) + "Δ best".rjust(9) + "P".rjust(6), "muted"))]
    for one in reversed(tries):
        sign, role = SIGNS[one.what]
        verdict = one.verdict
        delta = verdict.difference[0] if verdict is not None and verdict.difference else None
        chance = verdict.probability if verdict is not None else None
        better = chance is not None and chance > 0.5
        words = one.plan.hypothesis if one.plan is not None else one.problem or "no plan yet"
        segments: list[Segment] = [
            (f"{sign} ", role),
            (("base" if one.number == 0 else str(one.number)).rjust(4) + "  ", "muted"),
            (fit(plain(words, clip=400), room), "plain"),
            (fit(one.what, 11), role),
            (cells.number(one.score).rjust(8), "strong" if one.score is not None else "muted"),
            (cells.difference(delta, share=False).rjust(9), "good" if better else "muted"),
            (("–" if chance is None else f"{chance:.0%}").rjust(6), "muted"),
        ]
        rows.append(Entry(clipped(segments, width), key=str(one.number + 1)))
    return rows
