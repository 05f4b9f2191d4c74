"""The try at the cursor: its verdict, each repetition with its run, its crash, its diff. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.records.research import Measurement
from tui.views import cells
from tui.views.entries import Entry, Segment, clipped, entry, sentence
from tui.views.plain import fit, plain
from tui.views.research_head import planned
from tui.views.research_reader import CampaignView, Change
from tui.views.research_tries import SIGNS, Tried

RUN = "run:"
"""What the key of a line begins with that opens a run."""

MAX_LINES = 4_000
"""Lines of a diff that are laid out."""

TRACE = 20
"""Lines of a crash that are shown, its last ones."""

CAUSES = {
    "oom": "it ran out of memory",
    "time-limit": "it ran past the hard limit of time",
    "no-metric": "it ended well, and no line matches the pattern of the metric",
    "metric-twice": "it printed the metric more than once, with other values",
    "exit": "it ended with an error",
    "signal": "it was ended by a signal",
    "nan": "its metric is no finite number",
    "disk": "it wrote more than its share of the disk",
    "rule": "it broke a rule while it ran",
}
"""What the cause of a crash means."""


def pane_entries(
    view: CampaignView, one: Tried | None, change: Change | None, width: int
) -> list[Entry]:
    """All of it, the conclusion first. ``change`` is None while the diff is read. Lines with a key
    that begins with RUN open that run."""
    if one is None:
        return sentence("Nothing is tried yet.", width)
    sign, role = SIGNS[one.what]
    head: list[Segment] = [(f"{sign} {one.name}  {one.what}", role)]
    if one.plan is not None:
        head.append((f"  by {plain(one.plan.by, clip=60)}", "muted"))
    if one.commit:
        head.append((f"  {plain(one.commit[:9])}", "muted"))
    found = [Entry(clipped(head, width))]
    found += sentence(plain(one.words, clip=2_000), width, "strong")
    found += _conclusion(view, one, width)
    found += _broken(one, width)
    found += _measured(view, one, width)
    found += _trace(one, width)
    found += _diff(one, change, width)
    return found


# --- what was concluded --------------------------------------------------------------------


def _conclusion(view: CampaignView, one: Tried, width: int) -> list[Entry]:
    found: list[Entry] = []
    if one.problem and one.plan is not None:
        found += sentence(f"? {plain(one.problem, clip=600)}", width, "bad")
    if one.plan is not None and one.plan.rationale:
        found += sentence(plain(one.plan.rationale, clip=2_000), width)
    verdict = one.verdict
    if verdict is None:
        return found
    found += sentence(plain(verdict.reason, clip=2_000), width, "plain")
    if verdict.by_person:
        words = f"A person decided: {plain(verdict.by_person, clip=600)}"
        found += sentence(words, width, "accent")
    if verdict.simpler:
        found += sentence("Kept since it is as good with fewer lines.", width, "good")
    if verdict.difference is not None and all(map(math.isfinite, verdict.difference)):
        value, low, high = (cells.difference(part, share=False) for part in verdict.difference)
        row: list[Segment] = [("against the best before  ", "muted"), (value, "strong")]
        row.append((f"  [{low} to {high}]", "muted"))
        if verdict.probability is not None:
            row.append((f"  better with {_chance(verdict.probability)}", "plain"))
        found.append(Entry(clipped(row, width)))
    if one.runs is not None and one.runs.dropped_early:
        found += sentence(plain(one.runs.dropped_early, clip=600), width, "warn")
    if one.runs is not None and one.runs.batch:
        words = ", ".join(
            f"{plain(name, clip=80)} {before} → {after}"
            for name, (before, after) in one.runs.batch.items()
        )
        found += sentence(f"It ran out of memory once, then with {words}.", width, "warn")
    return found


def _chance(value: float) -> str:
    if 0.9995 <= value < 1:
        return "over 99.9 %"
    return "under 0.1 %" if 0 < value < 0.0005 else f"{value:.1%}".replace("%", " %")


def _broken(one: Tried, width: int) -> list[Entry]:
    found: list[Entry] = []
    said = one.verdict.reason if one.verdict is not None else ""
    for broke in one.violations:
        if broke.text == said:
            continue  # the verdict says it already
        where = f" {plain(broke.path, clip=200)}" if broke.path else ""
        words = f"⊘ {broke.rule}{where}: {plain(broke.text, clip=600)}"
        found += sentence(words, width, "warn")
    return found


# --- what was measured ---------------------------------------------------------------------


def _measured(view: CampaignView, one: Tried, width: int) -> list[Entry]:
    open_now = view.open is not None and view.open.number == one.number
    measured: Sequence[Measurement] = view.repeats if open_now else one.measurements
    running = view.loop.running if open_now and len(measured) < planned(view) else None
    if not measured and running is None:
        return []
    names = sorted({name for each in measured for name in each.metrics})
    columns = ["seed", plain(view.metric, clip=14), "time", "memory"]
    sizes = [5, max(9, len(columns[1]) + 1), 8, 8]
    used = 4 + sum(sizes) + max((len(each.cause) + 4 for each in measured if each.cause), default=0)
    for name in names:
        size = max(9, min(len(name), 18) + 1)
        if used + size > width:
            break
        columns.append(fit(plain(name, clip=40), size - 1).strip())
        sizes.append(size)
        used += size
    head = "    " + "".join(text.rjust(size) for text, size in zip(columns, sizes, strict=True))
    found = [entry(), entry((fit(head, width), "muted"))]
    for each in measured:
        values = [str(each.seed), cells.number(each.value), _seconds(each), _memory(each)]
        values += [cells.number(each.metrics.get(name)) for name in names[: len(columns) - 4]]
        good = each.value is not None and not each.violations
        row: list[Segment] = [
            (f" {each.repeat + 1:>2} ", "muted" if good else "bad"),
            *(
                (text.rjust(size), "strong" if at == 1 and good else "plain")
                for at, (text, size) in enumerate(zip(values, sizes, strict=True))
            ),
        ]
        if each.cause:
            row.append((f"  ✘ {plain(each.cause, clip=40)}", "bad"))
        found.append(Entry(clipped(row, width), key=RUN + each.run_id))
    if running is not None:
        words = f" {len(measured) + 1:>2} ▶ {plain(running, clip=120)} runs now"
        found.append(Entry(clipped([(words, "accent")], width), key=RUN + running))
    return found


def _seconds(each: Measurement) -> str:
    if each.seconds is None:
        return cells.ABSENT
    return f"{each.seconds:.1f}s" if each.seconds < 100 else cells.clock(each.seconds)


def _memory(each: Measurement) -> str:
    return cells.size(None if each.memory_gb is None else each.memory_gb * 2**30)


def _trace(one: Tried, width: int) -> list[Entry]:
    crashed = next((each for each in one.measurements if each.cause and each.trace), None)
    cause = one.verdict.cause if one.verdict is not None else None
    found: list[Entry] = []
    if one.what == "crash" and cause:
        words = CAUSES.get(cause, plain(cause, clip=80))
        found += [entry(), *sentence(f"✘ {plain(cause, clip=40)}: {words}.", width, "bad")]
    if crashed is not None:
        skipped = len(crashed.trace) - TRACE
        if skipped > 0:
            found.append(entry((f"│ … {skipped} lines before", "muted")))
        for text in crashed.trace[-TRACE:]:
            found.append(Entry(clipped([("│ ", "bad"), (plain(text, clip=2_000), "plain")], width)))
    return found


# --- what it changes -----------------------------------------------------------------------


def _diff(one: Tried, change: Change | None, width: int) -> list[Entry]:
    if one.number == 0:
        return []
    found: list[Entry] = [entry()]
    if change is None:
        return [*found, entry(("reading the diff …", "muted"))]
    if change.problem and not change.text:
        return [*found, *sentence(change.problem, width, "bad")]
    if not change.text.strip():
        return [*found, *sentence("No diff is recorded for it.", width)]
    lines = change.text.split("\n")
    for text in lines[:MAX_LINES]:
        row = diff_row(text)
        if row is not None:
            found.append(Entry(clipped([row], width)))
    if change.problem or len(lines) > MAX_LINES:
        found += sentence("The diff goes on: its file has all of it.", width, "warn")
    return found


def diff_row(text: str) -> Segment | None:
    """A line of a unified diff with its role; None for one that says nothing to a person."""
    text = text.rstrip("\r")
    if text.startswith("diff --git "):
        return (f"── {plain(text.split(' b/', 1)[-1], clip=400)}", "accent")
    if text.startswith(("index ", "--- ", "+++ ")):
        return None
    shown = plain(text.replace("\t", "    "), clip=2_000)
    if text.startswith("@@"):
        return (shown, "second")
    if text.startswith("+"):
        return (shown, "good")
    if text.startswith("-"):
        return (shown, "bad")
    return (shown, "muted")
