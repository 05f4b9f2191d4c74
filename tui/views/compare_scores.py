"""Scores of several runs with their intervals, one block a suite, and what the runs cost. Pure.

A score is a point on a line from the low to the high end of its interval, all runs of a suite on
one scale; the reference's score goes through all of them as a thin line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine import numbers
from engine.comparing.comparison import Clash, Compared, Standing, SuiteTable
from engine.comparing.course import Course
from engine.comparing.difference import P_BOUND, Difference
from engine.comparing.scored import SuiteScore
from tui.views import cells
from tui.views.compare_marks import Mark
from tui.views.entries import Entry, Segment, entry, sentence
from tui.views.plain import fit, middle, plain
from tui.widgets.scale import compact, duration

WORDS: dict[str, tuple[str, str]] = {
    "better": ("✔ better", "good"),
    "worse": ("✘ worse", "bad"),
    "equal": ("= no row differs", "muted"),
    "within the noise": ("≈ within the noise", "warn"),
    "not the same rows": ("? not the same rows", "muted"),
    "not comparable": ("! not comparable", "warn"),
    "not recorded": ("· not recorded", "muted"),
    "reference": ("· ◆ has no score", "muted"),
}
"""A difference in words, each with a sign and a role."""

_WORD = max(len(text) for text, _ in WORDS.values())


@dataclass(frozen=True, slots=True)
class Named:
    """How a run is called in a table: its mark and a short name."""

    run_id: str
    mark: Mark
    name: str


def score_entries(
    compared: Compared,
    names: Mapping[str, Named],
    courses: Mapping[str, Course],
    looked_at: str | None,
    width: int,
) -> list[Entry]:
    """All the numbers: what cannot be compared in words first, suite by suite, then the costs."""
    found: list[Entry] = []
    for clash in compared.clashes:
        found += sentence(clash_words(clash, names), width, "warn")
    for run in compared.runs:
        if run.summary.decision == "ship" and run.summary.routed:
            named, where = names[run.run_id], plain(run.summary.routed, clip=300)
            found += sentence(
                f"{named.mark.letter} {named.name}: ship routed, {where}", width, "warn"
            )
    if found:
        found.append(entry())
    for table in compared.suites:
        found += _suite(table, compared.reference, names, looked_at, width)
        found.append(entry())
    if not compared.suites:
        found += sentence("No run has a score yet: nothing was evaluated.", width)
        found.append(entry())
    found += _costs(compared, names, courses, looked_at, width)
    pairs = len(compared.runs) - 1
    if compared.suites:
        rule = f"better, worse: p < {P_BOUND:g} of the exact paired test on the same rows"
        more = f"; {pairs} pairs, each judged by itself" if pairs > 1 else ""
        found += [entry(), *sentence(f"{rule}{more}. Intervals are of 95 %.", width)]
    return found


def clash_words(clash: Clash, names: Mapping[str, Named]) -> str:
    """Why scores cannot be compared, as a sentence."""
    groups = ", ".join(
        f"{plain(value[:7] if clash.what == 'examples' else value, clip=60)} in "
        + " ".join(names[run].mark.letter for run in runs if run in names)
        for value, runs in clash.groups
    )
    suite = plain(clash.suite, clip=80)
    what = {
        "suite": f"! The runs have other primary suites ({groups}):",
        "examples": f"! The examples of {suite} are not the same ({groups}):",
        "scorer": f"! {suite} was scored by other scorers ({groups}):",
        "direction": f"! On {suite} higher is better in some and lower in others ({groups}):",
    }[clash.what]
    return f"{what} their scores cannot be compared."


# --- a suite --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Widths:
    name: int
    plot: int
    word: int
    counts: int


def _widths(width: int, longest: int) -> _Widths:
    """Columns for a width: sign, letter, name, score, plot, difference, word, counts."""
    fixed = 2 + 3 + 6 + 1 + 9 + 1
    name = max(10, min(longest, width // 5, 30))
    word = _WORD if width >= 64 else 2
    rest = width - fixed - name - word
    counts = 36 if rest >= 36 + 24 else 20 if rest >= 20 + 20 else 0
    plot = max(0, min(rest - counts - 1, 48))
    return _Widths(name, plot if plot >= 6 else 0, word, counts)


def _suite(
    table: SuiteTable,
    reference: str,
    names: Mapping[str, Named],
    looked_at: str | None,
    width: int,
) -> list[Entry]:
    known = table.known
    longest = max((len(one.name) for one in names.values()), default=8)
    widths = _widths(width, longest)
    scores = [one.score for one in table.standings if one.score is not None]
    # On the scale of the runs: what the base model scores is often far below all of them.
    span = _span(scores)
    target = next(
        (one.score.score for one in table.standings if one.run_id == reference and one.score), None
    )
    head: list[Segment] = [(plain(table.suite, clip=60), "strong")]
    about = [
        table.role,
        known.metric or "",
        cells.how_many(known.n, "row") if known.n else "",
        known.scorer,
    ]
    if known.direction == "lower":
        about.append("lower is better")
    head.append(("  " + " · ".join(plain(one, clip=40) for one in about if one), "muted"))
    rows = [entry(*head)]
    if widths.plot and span is not None:
        rows.append(_scale_row(span, widths))
    for one in table.standings:
        rows.append(_standing(one, names[one.run_id], span, target, looked_at, widths))
    if table.base is not None and table.base.score is not None:
        rows.append(_base(table.base, span, target, widths))
    return rows + _not_measured(table, reference, names, width)


def _not_measured(
    table: SuiteTable, reference: str, names: Mapping[str, Named], width: int
) -> list[Entry]:
    """Which scores were taken from an earlier measurement, and what of the differences then."""
    found: list[Entry] = []
    for one in table.standings:
        if one.score is None or one.score.historical is None:
            continue
        where = plain(one.score.historical, clip=200)
        also = "so are all differences" if one.run_id == reference else "so is its difference"
        text = f"! {names[one.run_id].mark.letter}: the score is historical ({where}); {also}."
        found += sentence(text, width, "warn")
    if table.base is not None and table.base.historical is not None:
        where = plain(table.base.historical, clip=200)
        found += sentence(f"! base model: the score is historical ({where}).", width, "warn")
    return found


def _span(scores: Sequence[SuiteScore]) -> tuple[float, float] | None:
    """The scale of the plot: from the lowest to the highest end of any interval."""
    ends = [
        end
        for one in scores
        for end in (*(one.interval or ()), *((one.score,) if one.score is not None else ()))
    ]
    if not ends:
        return None
    low, high = min(ends), max(ends)
    return (low, high) if high - low > 1e-12 else (low - 0.05, high + 0.05)


def _scale_row(span: tuple[float, float], widths: _Widths) -> Entry:
    left, right = cells.number(span[0]), cells.number(span[1])
    middle_line = "─" * max(0, widths.plot - len(left) - len(right) - 2)
    lead = " " * (2 + 3 + widths.name + 6 + 1)
    return entry((lead, "muted"), (f"{left} {middle_line} {right}", "faint"))


def _standing(
    one: Standing,
    named: Named,
    span: tuple[float, float] | None,
    target: float | None,
    looked_at: str | None,
    widths: _Widths,
) -> Entry:
    is_reference = one.against is None
    seen = one.run_id == looked_at
    segments: list[Segment] = [
        ("◆ " if is_reference else "› " if seen else "  ", "accent"),
        (fit(named.mark.letter, 3), named.mark.role),
        (fit(middle(named.name, widths.name), widths.name), "strong" if seen else "plain"),
        (fit(_score_text(one.score), 6, align="right") + " ", "plain"),
    ]
    segments += _plot(one.score, span, target, widths.plot, named.mark.role)
    if one.against is None:
        segments.append((f" {'reference':>9}", "muted"))
        if widths.counts and one.score is not None and one.score.interval is not None:
            segments.append(
                (f" {' ' * widths.word}  {_interval_text(one.score.interval)}", "muted")
            )
    else:
        segments += _difference(one.against, one.score, widths)
    return entry(*segments, key=one.run_id)


def _base(
    base: SuiteScore, span: tuple[float, float] | None, target: float | None, widths: _Widths
) -> Entry:
    segments: list[Segment] = [
        ("  ", "muted"),
        (fit("", 3), "muted"),
        (fit("base model", widths.name), "muted"),
        (fit(_score_text(base), 6, align="right") + " ", "muted"),
    ]
    segments += _plot(base, span, target, widths.plot, "muted")
    return entry(*segments)


def _score_text(score: SuiteScore | None) -> str:
    return cells.ABSENT if score is None else cells.number(score.score)


def _interval_text(interval: tuple[float, float]) -> str:
    return f"{cells.number(interval[0])} to {cells.number(interval[1])}"


def _difference(found: Difference, score: SuiteScore | None, widths: _Widths) -> list[Segment]:
    share = score is None or score.share
    lacking = found.word == "not recorded" and score is not None
    word, role = WORDS["reference" if lacking else found.word]
    text = cells.difference(found.delta, share=share) if found.delta is not None else ""
    segments: list[Segment] = [
        (f" {text:>9}", "plain"),
        (" " + fit(word if widths.word > 2 else word[:1], widths.word), role),
    ]
    if widths.counts:
        parts = []
        if found.interval is not None:
            low, high = (cells.difference(end, share=share) for end in found.interval)
            parts.append(f"{low} to {high}")
        if found.p is not None and widths.counts >= 36:
            p = f"p = {found.p:.2g}" if found.p >= 0.0001 else "p < 0.0001"
            parts.append(p)
        segments.append(("  " + fit("  ".join(parts), widths.counts - 2), "muted"))
    return segments


def _plot(
    score: SuiteScore | None,
    span: tuple[float, float] | None,
    target: float | None,
    width: int,
    role: str,
) -> list[Segment]:
    """The score and its interval on the scale, in exactly ``width`` cells."""
    if not width:
        return []
    signs: list[Segment] = [(" ", "faint")] * width
    if span is None:
        return [(" " * width, "faint")]

    def at(value: float) -> int:
        place = (value - span[0]) / (span[1] - span[0])
        return round(min(1.0, max(0.0, place)) * (width - 1))

    if score is not None and score.score is not None:
        if not span[0] <= score.score <= span[1]:
            signs[at(score.score)] = ("◂" if score.score < span[0] else "▸", role)
            return signs
        if score.interval is not None:
            low, high = at(score.interval[0]), at(score.interval[1])
            for index in range(low, high + 1):
                signs[index] = ("─", role)
            if high > low:
                signs[low], signs[high] = ("├", role), ("┤", role)
        if target is not None and signs[at(target)][0] == " ":
            signs[at(target)] = ("┊", "faint")
        signs[at(score.score)] = ("●", role)
    elif target is not None:
        signs[at(target)] = ("┊", "faint")
    return signs


# --- costs ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Cost:
    title: str
    text: Callable[[float], str]
    ask: Callable[[Compared, str, Course], float | None]


def _peak(compared: Compared, run_id: str, _course: Course) -> float | None:
    run = compared.run(run_id)
    return None if run is None or run.summary.peak_bytes is None else run.summary.peak_bytes


def _train_s(compared: Compared, run_id: str, course: Course) -> float | None:
    run = compared.run(run_id)
    if course.train_s is not None:
        return course.train_s
    return None if run is None else run.train_s


def _tok_s(compared: Compared, run_id: str, course: Course) -> float | None:
    return course.tok_s


def _eval_tok_s(compared: Compared, run_id: str, _course: Course) -> float | None:
    run = compared.run(run_id)
    return None if run is None or run.primary is None else run.primary.tokens_per_second


_COSTS = (
    _Cost("loss", compact, lambda _all, _run, course: course.loss),
    _Cost("val. loss", compact, lambda _all, _run, course: course.val_loss),
    _Cost("train time", duration, _train_s),
    _Cost("tok/s", compact, _tok_s),
    _Cost("peak", numbers.size, _peak),
    _Cost("eval tok/s", compact, _eval_tok_s),
)
"""In the order in which they are left out where there is no room: the last first."""


def _costs(
    compared: Compared,
    names: Mapping[str, Named],
    courses: Mapping[str, Course],
    looked_at: str | None,
    width: int,
) -> list[Entry]:
    """Losses, speed, memory and time, one row a run, with the ratio to the reference's."""
    longest = max((len(one.name) for one in names.values()), default=8)
    name = max(10, min(longest, width // 4, 30))
    room = width - 5 - name
    ratios = room >= 16 * (len(_COSTS) - 1)
    size = 16 if ratios else 11
    shown = _COSTS[: max(1, room // size)]
    head = "  " + fit("", 3) + fit("", name)
    rows = [
        entry(("training and cost", "strong"), ("  × against the reference", "muted"))
        if ratios
        else entry(("training and cost", "strong")),
        entry((head, "muted"), *((_right(cost.title, size, ratios), "muted") for cost in shown)),
    ]
    against = courses.get(compared.reference, Course())
    for run in compared.runs:
        named, course = names[run.run_id], courses.get(run.run_id, Course())
        is_reference = run.run_id == compared.reference
        seen = run.run_id == looked_at
        segments: list[Segment] = [
            ("◆ " if is_reference else "› " if seen else "  ", "accent"),
            (fit(named.mark.letter, 3), named.mark.role),
            (fit(middle(named.name, name), name), "strong" if seen else "plain"),
        ]
        for cost in shown:
            value = cost.ask(compared, run.run_id, course)
            text = cells.ABSENT if value is None else cost.text(value)
            segments.append(
                (
                    fit(text, 10 if ratios else 11, align="right"),
                    "muted" if value is None else "plain",
                )
            )
            if ratios:
                other = cost.ask(compared, compared.reference, against)
                shown_ratio = (
                    f"×{value / other:.2f}"
                    if value is not None and other and not is_reference
                    else ""
                )
                segments.append((fit(f" {shown_ratio}", 6), "muted"))
        rows.append(entry(*segments, key=run.run_id))
    return rows


def _right(text: str, size: int, ratios: bool) -> str:
    return fit(text, 10, align="right") + " " * 6 if ratios else fit(text, size, align="right")
