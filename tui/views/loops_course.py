"""A loop's iterations: the best so far over all of them, and a line for each. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from engine import numbers
from tui.views import cells
from tui.views.entries import Entry, Segment, clipped, entry, sentence
from tui.views.loops_reader import Iteration, LoopView
from tui.views.plain import fit, plain
from tui.widgets.picture import Curve, Options, Row

SIGNS: dict[str, tuple[str, str]] = {
    "kept": ("●", "good"),
    "dropped": ("○", "muted"),
    "crashed": ("✘", "bad"),
    "running": ("▶", "accent"),
    "waits": ("◌", "warn"),
    "open": ("‖", "warn"),
    "unreadable": ("?", "bad"),
}
"""An outcome's sign and role; the sign stands in the chart and in the list."""

GOLD = ("◆", "point")

MANY = 100
"""With more iterations than this, only those that were kept have their interval drawn, and those
that were dropped are dots."""

WHAT_A_FLYWHEEL_IS = (
    "A flywheel improves a target by itself: plan, train, judge on the dev suite, keep what is "
    "better by more than noise, add rows for what failed, and again. Gold is opened once, at its "
    "end."
)


def outcome_of(view: LoopView, one: Iteration) -> str:
    """What became of an iteration, as a key of SIGNS."""
    if one.problems and one.verdict is None:
        return "unreadable"
    if one.verdict is not None:
        return one.verdict.outcome
    if one is view.waiting:
        return "waits"
    last = view.now is not None and view.now.number == one.number
    return "running" if last and view.state == "running" else "open"


# --- the chart ------------------------------------------------------------------------


def course_chart(view: LoopView, cursor: int | None) -> tuple[Row, list[Curve], Options]:
    """The best so far as a step line, every iteration with its interval, gold apart at the end."""
    outcomes = {one.number: outcome_of(view, one) for one in view.iterations}
    title: Row = [("best so far", "strong")]
    best = view.status.best_score if view.status else None
    if best is not None:
        title.append((f"  {cells.number(best)}", "accent"))
    gold = view.status.gold_score if view.status else None
    if gold is not None and math.isfinite(gold):
        title.append((f"  {GOLD[0]} gold {cells.number(gold)}", "warn"))
    title += _legend(view, outcomes)
    scored = [one for one in view.iterations if _score(one) is not None]
    start = _start(view)
    if not scored and start is None:
        words = "no iteration has a score yet" if view.iterations else "no iteration yet"
        return title, [], Options(empty=words)
    last = view.iterations[-1].number
    curves = [*_intervals(scored, outcomes), *_steps(view, start, last)]
    low = min((y for curve in curves for y in curve.y), default=0.0)
    for outcome in reversed(SIGNS):  # those that were kept lie on top
        curves += _points(view, outcomes, outcome, low)
    end = float(last)
    if gold is not None and math.isfinite(gold):
        end = last + max(1.0, last / 20)
        if view.gold is not None:
            curves.append(Curve([end, end], list(view.gold), GOLD[1]))
        curves.append(Curve([end], [gold], GOLD[1], "points", GOLD[0]))
    return (
        title,
        curves,
        Options(
            x_unit="iterations",
            window=(0.0 if start is not None else 0.5, end + 0.5),
            marks=[] if cursor is None else [float(cursor)],
        ),
    )


def _score(one: Iteration) -> float | None:
    score = one.verdict.score if one.verdict is not None else None
    return score if score is not None and math.isfinite(score) else None


def _start(view: LoopView) -> float | None:
    """What the model before training scores: what the first verdict was held against."""
    for one in view.iterations:
        if one.verdict is not None and one.verdict.best_before is not None:
            value = one.verdict.best_before
            return value if math.isfinite(value) else None
    return None


def _legend(view: LoopView, outcomes: Mapping[int, str]) -> Row:
    found: Row = []
    values = list(outcomes.values())
    for outcome, (sign, role) in SIGNS.items():
        if count := values.count(outcome):
            found.append((f"  {_sign(view, outcome, sign)} {count} {outcome}", role))
    return found


def _sign(view: LoopView, outcome: str, sign: str) -> str:
    """The sign in the chart: of many, those that were dropped leave the line in sight."""
    return "·" if outcome == "dropped" and len(view.iterations) > MANY else sign


def _intervals(scored: list[Iteration], outcomes: Mapping[int, str]) -> list[Curve]:
    found = []
    for one in scored:
        pair = one.measured.interval if one.measured is not None else None
        kept = outcomes[one.number] == "kept"
        if pair is None or (not kept and len(scored) > MANY):
            continue
        found.append(Curve([one.number, one.number], list(pair), "good" if kept else "muted"))
    return found


def _steps(view: LoopView, start: float | None, last: int) -> list[Curve]:
    """The best so far: level between iterations, rising at those that were kept."""
    xs: list[float] = []
    ys: list[float] = []
    if start is not None:
        xs, ys = [0.0], [start]
    for one in view.iterations:
        score = _score(one)
        if one.verdict is None or one.verdict.outcome != "kept" or score is None:
            continue
        if ys:
            xs.append(float(one.number))
            ys.append(ys[-1])
        xs.append(float(one.number))
        ys.append(score)
    if not xs:
        return []
    return [Curve([*xs, last + 0.5], [*ys, ys[-1]], "smooth")]


def _points(view: LoopView, outcomes: Mapping[int, str], outcome: str, low: float) -> list[Curve]:
    """The signs of one outcome; an iteration without a score stands at the bottom."""
    sign, role = SIGNS[outcome]
    chosen = [one for one in view.iterations if outcomes[one.number] == outcome]
    if not chosen:
        return []
    places = [low if (score := _score(one)) is None else score for one in chosen]
    return [
        Curve(
            [float(one.number) for one in chosen],
            places,
            role,
            "points",
            _sign(view, outcome, sign),
        )
    ]


# --- the list ----------------------------------------------------------------------------


def iteration_entries(
    view: LoopView, width: int, marked: Collection[int] = (), *, roomy: bool = False
) -> list[Entry]:
    """One line an iteration, the newest first: sign, number, hypothesis, score, gain, rows added.

    With ``roomy`` a second line says why it ended as it did.
    """
    if not view.iterations:
        return sentence(WHAT_A_FLYWHEEL_IS, width)
    number = max(2, len(str(view.iterations[-1].number)))
    score, gain = 7, 8
    interval = 15 if width >= 96 else 0
    rows = 7 if width >= 60 else 0
    outcome = 12
    fixed = 4 + number + 2 + score + interval + gain + rows + outcome
    room = max(8, width - fixed - 2)
    head = "    " + "#".rjust(number) + "  " + fit("hypothesis", room) + "  "
    head += fit("outcome", outcome) + "dev".rjust(score) + fit("  interval", interval)
    head += "Δ best".rjust(gain) + ("rows".rjust(rows) if rows else "")
    found = [entry((head, "muted"))]
    for one in reversed(view.iterations):
        what = outcome_of(view, one)
        sign, role = SIGNS[what]
        plan, verdict = one.plan, one.verdict
        best = view.status is not None and view.status.best_run is not None
        is_best = best and one.run == (view.status.best_run if view.status else None)
        words = plain(plan.hypothesis, clip=400) if plan else "no plan yet"
        value = _score(one)
        delta = verdict.difference[0] if verdict is not None and verdict.difference else None
        segments: list[Segment] = [
            ("● " if one.number in marked else "  ", "accent"),
            (f"{sign} ", role),
            (str(one.number).rjust(number) + "  ", "muted"),
            (fit(words, room) + "  ", "plain" if plan else "muted"),
            (fit(f"{what}{' ★' if is_best else ''}", outcome), role),
            (cells.number(value).rjust(score), "strong" if value is not None else "muted"),
        ]
        if interval:
            segments.append((fit(f"  {_interval(one)}", interval), "muted"))
        segments.append((cells.difference(delta, share=_share(one)).rjust(gain), _gain(delta)))
        if rows:
            added = f"+{one.data.added:,}" if one.data is not None else numbers.ABSENT
            segments.append((added.rjust(rows), "muted"))
        found.append(Entry(clipped(segments, width), key=str(one.number)))
        if roomy:
            lead = " " * (4 + number + 2)
            found.append(Entry(clipped([(lead + _why(view, one), "muted")], width)))
    return found


def _share(one: Iteration) -> bool:
    verdict = one.verdict
    return verdict is None or cells.is_share(verdict.score, verdict.best_before)


def _gain(delta: float | None) -> str:
    return "muted" if not delta else "good" if delta > 0 else "bad"


def _interval(one: Iteration) -> str:
    pair = one.measured.interval if one.measured is not None else None
    return "" if pair is None else f"{cells.number(pair[0])}–{cells.number(pair[1])}"


def _why(view: LoopView, one: Iteration) -> str:
    if one.problems:
        return plain(one.problems[0], clip=300)
    if one.verdict is not None:
        return plain(one.verdict.reason, clip=300)
    what = outcome_of(view, one)
    return {
        "waits": "its plan waits to be approved",
        "running": "it runs",
        "open": "it goes on when the loop does",
    }.get(what, "")
