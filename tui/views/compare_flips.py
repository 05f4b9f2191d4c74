"""The examples that one run answers otherwise than the reference, as lines. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from engine.comparing.flips import Flip, SuiteFlips
from engine.judge import stats
from engine.judge.noise import p_text
from tui.views.compare_scores import Named
from tui.views.entries import Entry, Segment, clipped, entry, sentence
from tui.views.plain import fit, plain

SHOWN = 500
"""Examples of one suite that are listed; Examples lists all."""


def flip_entries(
    found: Sequence[SuiteFlips],
    run_ids: Sequence[str],
    names: Mapping[str, Named],
    reference: Named,
    looked_at: Named | None,
    width: int,
) -> list[Entry]:
    """Suite by suite: how many were fixed and broken, then the examples, broken ones first."""
    if looked_at is None or looked_at.run_id == reference.run_id:
        if len(run_ids) < 2:
            words = "There is one run only. In the family space takes another in."
        else:
            words = "[ and ] choose a run to look at."
        return sentence(words, width)
    head = (
        (looked_at.mark.letter, looked_at.mark.role),
        (" against ", "muted"),
        (f"◆{reference.mark.letter}", reference.mark.role),
        (f"  {looked_at.name} against {reference.name}", "muted"),
    )
    entries = [Entry(clipped(head, width))]
    if not found:
        return [*entries, *sentence("No suite is recorded for both of them.", width)]
    shown_runs = list(run_ids)[: max(2, min(12, width // 5))]
    for suite in found:
        entries += [entry(), *_suite(suite, shown_runs, run_ids, names, width)]
    return entries


def _suite(
    suite: SuiteFlips,
    shown: Sequence[str],
    run_ids: Sequence[str],
    names: Mapping[str, Named],
    width: int,
) -> list[Entry]:
    name = plain(suite.suite, clip=60)
    if suite.problem is not None:
        head = entry((name, "strong"), ("  not the same rows", "warn"))
        return [head, *sentence(plain(suite.problem), width)]
    p = p_text(stats.mcnemar(suite.fixed, suite.broken))
    entries = [
        Entry(
            clipped(
                (
                    (name, "strong"),
                    (f"  ✔ {suite.fixed} fixed", "good" if suite.fixed else "muted"),
                    (f"  ✘ {suite.broken} broken", "bad" if suite.broken else "muted"),
                    (f"  of {suite.n:,}, {p}", "muted"),
                ),
                width,
            )
        )
    ]
    if not suite.flips:
        return [*entries, entry(("no row differs", "muted"))]
    at = [run_ids.index(run) for run in shown]
    letters: list[Segment] = [(" " * 9, "muted")]
    letters += [(names[run].mark.letter[-1], names[run].mark.role) for run in shown]
    entries.append(entry(*letters, ("  right ✔ wrong ✘", "muted")))
    listed = suite.flips[:SHOWN]
    ids = min(16, max(cell_len(plain(flip.id, clip=16)) for flip in listed))
    entries += [_line(flip, at, ids, width) for flip in listed]
    if len(suite.flips) > SHOWN:
        entries.append(entry((f"… {len(suite.flips) - SHOWN:,} more: e lists all", "muted")))
    return entries


def _line(flip: Flip, at: Sequence[int], ids: int, width: int) -> Entry:
    sign, role = ("✔", "good") if flip.kind == "fixed" else ("✘", "bad")
    segments: list[Segment] = [(f"{sign} {flip.kind:<7}", role)]
    segments += [_score(flip.scores[index]) for index in at]
    segments.append((f"  {fit(plain(flip.id, clip=16), ids)}  ", "muted"))
    segments.append((plain(flip.prompt, clip=300) or "(no prompt recorded)", "plain"))
    return Entry(clipped(segments, width), key=f"{flip.suite}\n{flip.id}")


def _score(score: float | None) -> Segment:
    """A row's score in one cell: right, wrong, in tenths between, or a dot where there is none."""
    if score is None:
        return "·", "muted"
    if score >= 1:
        return "✔", "good"
    return ("✘", "bad") if score <= 0 else (str(min(9, int(10 * score))), "warn")
