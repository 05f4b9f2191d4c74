"""What a run would cost, in words. No Textual in here."""

from __future__ import annotations

from datetime import datetime

from engine import numbers
from engine.costs.estimate import Range
from engine.costs.forecast import Estimate, LengthSource, Outlook
from engine.costs.verdict import Verdict, pace_in_words, verdict, verdict_in_words
from tui.views.cells import Cell, Tone
from tui.views.plain import plain

Line = list[Cell]

_SOURCES: dict[LengthSource, str] = {
    "run": "as in an earlier run of this target",
    "counted": "counted by the model's tokenizer",
    "characters": "about, by their characters",
    "limit": "not known, so taken to be as long as the limit",
}

_TELLING_S = 10.0
"""A difference of less tells nothing: starting and loading take as long."""


def seconds_in_words(seconds: float) -> str:
    """A time as one would say it: 45 s, 3 min 20 s, 2 h 10 min, 3 d 4 h."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    for big, small, name, part in ((60, 1, "min", "s"), (3600, 60, "h", "min")):
        if whole < 60 * big or name == "h":
            if whole >= 86_400:
                break
            rest = whole % big // small
            if small == 1 and whole >= 600:
                rest = 0  # from ten minutes on, seconds say nothing
            return f"{whole // big} {name}" + (f" {rest} {part}" if rest else "")
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def bytes_in_words(value: float) -> str:
    """Bytes in the unit that memory is sold in: 0.16 GB, 1.9 GB, 64 GB."""
    size = value / 2**30
    digits = 0 if size >= 9.95 else 1 if size >= 0.95 else 2
    return f"{size:.{digits}f} GB"


def estimate_lines(outlook: Outlook | None, measuring: str = "") -> list[Line]:
    """The estimate, what it rests on, and what is in doubt. ``measuring`` is what a benchmark that
    runs now says of itself."""
    lines: list[Line] = []
    if outlook is None:
        lines.append([Cell("estimating …", "muted")])
    elif outlook.wish is None:
        text = "The plan trains with a command of its own: nothing is known of its cost."
        lines.append([Cell(text, "muted")])
    else:
        lines += _context(outlook) + _memory(outlook)
        if outlook.benchmark is None:
            lines.append(_unmeasured(outlook))
        lines += _known(outlook)
        if outlook.limits_problem:
            text = f"{outlook.limits_problem} The usual limits are used."
            lines.append([Cell("⚠ ", "warn"), Cell(plain(text), "warn")])
    if measuring:
        lines.append([Cell("◌ ", "accent"), Cell(f"measuring: {plain(measuring, clip=120)}")])
    return lines


def _context(outlook: Outlook) -> list[Line]:
    """A warning where rows are longer than what the model was made for."""
    context = outlook.model.context if outlook.model else None
    if context is None or outlook.lengths.longest <= context:
        return []
    text = f"Rows of {outlook.lengths.longest:,.0f} tokens: the model was made for {context:,}."
    return [[Cell("⚠ ", "warn"), Cell(text, "warn")]]


def _known(outlook: Outlook) -> list[Line]:
    lines: list[Line] = []
    for estimate in (outlook.benchmark, outlook.runs):
        if estimate is not None:
            lines.append(_estimate_line(estimate, outlook, first=estimate is outlook.best))
    best = outlook.best
    if best is None:
        return lines
    if best.cost.step is not None:
        lines.append(_pace_line(best.cost.step, outlook))
    if best.cost.seconds is not None:
        lines.append(_total_line(best.cost.seconds, outlook))
    if _disagree(outlook):
        text = "They disagree: a machine that did something else meanwhile? F3 measures again."
        lines.append([Cell("⚠ ", "warn"), Cell(text)])
    if best.cost.beyond:
        doubt = "; ".join(best.cost.beyond)
        lines.append([Cell("⚠ ", "warn"), Cell(f"Less sure: {doubt}.")])
    rows = outlook.lengths
    lines.append(
        [
            Cell(
                f"rows of {rows.mean:,.0f} tokens on average, {rows.longest:,.0f} at most: "
                f"{_SOURCES[rows.source]}",
                "muted",
            )
        ]
    )
    return lines


def _disagree(outlook: Outlook) -> bool:
    """Whether the benchmark and earlier runs of this machine are far apart."""
    if outlook.benchmark is None or outlook.runs is None or not outlook.runs.here:
        return False
    one, other = outlook.benchmark.cost.seconds, outlook.runs.cost.seconds
    if one is None or other is None:
        return False
    apart = max(one.low - other.high, other.low - one.high)
    return apart > 0 and abs(one.likely - other.likely) > _TELLING_S


def _estimate_line(estimate: Estimate, outlook: Outlook, *, first: bool) -> Line:
    seconds, peak = estimate.cost.seconds, estimate.cost.peak
    parts = []
    if seconds is not None:
        parts.append(f"about {seconds_in_words(seconds.likely)} of training")
    if peak is not None:
        limit = f" of {bytes_in_words(outlook.limit_bytes)}" if first else ""
        parts.append(f"peak {bytes_in_words(peak.likely)}{limit}")
    told = ", ".join(parts) or "nothing that could be estimated"
    source = f", {_source(estimate)}"
    return [Cell(told, "strong" if first else "plain"), Cell(source, "muted")]


def _source(estimate: Estimate) -> str:
    if not estimate.runs:
        return f"from the benchmark of {_day(estimate.date)}"
    runs = "one earlier run" if estimate.runs == 1 else f"{estimate.runs} earlier runs"
    where = "" if estimate.here else ", on another machine"
    return f"from {runs} of this model{where}"


def _day(date: datetime | None) -> str:
    return "an unknown day" if date is None else str(date.date())


def _total_line(training: Range, outlook: Outlook) -> Line:
    """Training's range, and the whole run where the other stages were done here before."""
    low, high = seconds_in_words(training.low), seconds_in_words(training.high)
    text = low if low == high else f"{low} to {high}"
    if outlook.may_stop_early:
        text += ", or less: it may stop early"
    if outlook.others is None:
        return [Cell(f"training {text}; the other stages come on top, never done here", "muted")]
    whole = training.plus(outlook.others)
    return [
        Cell(f"the whole run about {seconds_in_words(whole.likely)}"),
        Cell(f"  (training {text})", "muted"),
    ]


_TONES: dict[Verdict, tuple[str, Tone]] = {
    "proceed": ("✔ ", "good"),
    "usable": ("", "plain"),
    "slow": ("⚠ ", "warn"),
    "choose a smaller model": ("✘ ", "bad"),
}


def _pace_line(step: Range, outlook: Outlook) -> Line:
    """Seconds of an iteration, and what they are called."""
    sign, tone = _TONES[verdict(step.likely, outlook.limits)]
    words = verdict_in_words(step, outlook.limits)
    return [Cell(f"{sign}{words}", tone), Cell(f": {pace_in_words(step.likely)} an iteration")]


def _memory(outlook: Outlook) -> list[Line]:
    """A warning where memory may not do."""
    if not (outlook.too_large or outlook.tight):
        return []
    sign = Cell("✘ ", "bad") if outlook.too_large else Cell("⚠ ", "warn")
    return [[sign, Cell(memory_words(outlook), "bad" if outlook.too_large else "warn")]]


def memory_words(outlook: Outlook) -> str:
    """The sentence that a machine is saved by, before anything starts."""
    limit, free = bytes_in_words(outlook.limit_bytes), bytes_in_words(outlook.free_bytes)
    peak = outlook.best.cost.peak if outlook.best else None
    advice = "A smaller batch, shorter rows, fewer layers or grad checkpoint take less."
    if peak is None:
        need = bytes_in_words(outlook.weights_bytes or 0)
        text = f"The weights alone are {need}; {limit} are there. Choose a smaller model."
    elif outlook.too_large:
        text = (
            f"Too large for this machine: about {bytes_in_words(peak.likely)} at its peak, and "
            f"{limit} are there. {advice}"
        )
    elif peak.high > outlook.limit_bytes:
        text = f"May run out of memory: up to {bytes_in_words(peak.high)} of {limit}. {advice}"
    else:
        text = (
            f"Only {free} are free now, and it takes about {bytes_in_words(peak.likely)}: "
            "close other programs, or it swaps and crawls."
        )
    return text


def _unmeasured(outlook: Outlook) -> Line:
    """That there is no benchmark, and how there is one."""
    if outlook.model is None:
        text = "No benchmark yet: the base model is not on this disk before a run."
        return [Cell(text, "muted")]
    seconds = outlook.wish.seconds if outlook.wish else 0
    weights = numbers.size(outlook.weights_bytes)
    return [
        Cell(f"No benchmark of this model here (weights {weights}): ", "muted"),
        Cell("F3", "accent"),
        Cell(f" measures it in about {seconds:.0f} s", "muted"),
    ]


def short(outlook: Outlook | None) -> str:
    """The estimate in a few words, for the line at the top; "" where there is none."""
    best = outlook.best if outlook else None
    if outlook is None or best is None:
        return ""
    parts = []
    if best.cost.seconds is not None:
        whole = best.cost.seconds
        if outlook.others is not None:
            whole = whole.plus(outlook.others)
        parts.append(f"about {seconds_in_words(whole.likely)}")
    if best.cost.step is not None:
        called = verdict(best.cost.step.likely, outlook.limits)
        if called in ("slow", "choose a smaller model"):
            parts.append(f"{_TONES[called][0]}{called}")
    if best.cost.peak is not None:
        sign = "✘ " if outlook.too_large else "⚠ " if outlook.tight else ""
        parts.append(f"{sign}peak {bytes_in_words(best.cost.peak.likely)}")
    return " · ".join(parts)
