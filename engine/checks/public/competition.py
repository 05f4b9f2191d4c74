"""What it stands beside: Direct is checked, and a difference within the noise says so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.checks.finding import Finding
from engine.checks.public.around import Around
from engine.checks.public.cells import equal_as_written
from engine.checks.public.entry import Entry, clipped
from engine.checks.public.words import says_noise
from engine.judge.noise import Finding as Told
from engine.judge.noise import Told as Kind
from engine.judge.published import Published, least_p, told
from engine.records.evaluation import Direction
from engine.records.public import Cell, Comparable, Competitor, PublicArtifact, Setup

_CONTEXT = "Write comparable: Directional, and in readout why, or measure both alike."
_SMALLER = ("loss", "perplexity", "ppl", "error", "wer", "cer", "latency", "memory", "time")
"""Words of a metric of which less is better."""
_RIGHT_OR_WRONG = re.compile(r"exact|match|accura|correct|execution", re.I)


def rules(entry: Entry, artifact: PublicArtifact, around: Around) -> Iterator[Finding]:
    names = {one.name for one in artifact.sources}
    for number, row in enumerate(artifact.competition):
        pointer = f"/competition/{number}"
        if row.source is not None and row.source not in names:
            yield entry.error(
                "source-unknown",
                f"{pointer}/source",
                f"{row.system[:80]} names the source {clipped(row.source)!r}, which is none of "
                "the sources.",
                "Write the name of one of sources, or add it there.",
            )
        if row.comparable is not Comparable.DIRECT:
            yield from _context(entry, pointer, row)
            continue
        yield from direct_problems(entry, pointer, row, around)
        yield from _noise(entry, pointer, row, around)


def direction_of(row: Competitor) -> Direction:
    """Whether more or less of the row's metric is better, by its unit and its words."""
    lower = row.score.unit in ("ms", "s", "MB", "GB") or any(
        word in row.metric.lower().replace("-", " ").split() for word in _SMALLER
    )
    return "lower" if lower else "higher"


def told_of(pointer: str, row: Competitor, around: Around) -> Told | None:
    """What the difference of a row is worth, in the house's words; None without both numbers, or
    where they are of two units."""
    ours, theirs = scores_of(pointer, row, around)
    if ours is None or theirs is None or ours.unit != theirs.unit:
        return None
    return told(ours, theirs, row.p, direction_of(row))


def scores_of(
    pointer: str, row: Competitor, around: Around
) -> tuple[Published | None, Published | None]:
    """Ours and theirs, each None where it is no number that is there."""
    mine = row.ours_setup.rows if row.ours_setup is not None else None
    its = row.setup.rows if row.setup is not None else None
    return (
        around.score(f"{pointer}/ours", row.ours, mine),
        around.score(f"{pointer}/score", row.score, its),
    )


def direct_problems(
    entry: Entry, pointer: str, row: Competitor, around: Around
) -> Iterator[Finding]:
    """All that keeps a row from being Direct, whatever it is called."""
    system = row.system[:80]
    if around.number(f"{pointer}/ours", row.ours) is None:
        said = f"{system} is called Direct, and our score on it is not there."
        yield entry.error("direct-score", pointer, said, "Write ours, with its record or source.")
    elif row.ours is not None and row.ours.unit != row.score.unit:
        said = f"{system} is called Direct, and the two scores are in two units."
        yield entry.error("direct-score", pointer, said, "Write both in one unit.")
    if around.number(f"{pointer}/score", row.score) is None:
        said = f"{system} is called Direct, and its score is no number that is there."
        yield entry.error("direct-score", pointer, said, "Write its score, with record or source.")
    if row.setup is None or row.ours_setup is None:
        yield entry.error(
            "direct-setup",
            pointer,
            f"{system} is called Direct, and how it or ours was evaluated is not said.",
            f"Write setup and ours_setup: suite, suite_sha256, rows, scorer, metric. {_CONTEXT}",
        )
        return
    yield from _alike(entry, pointer, row, row.setup, row.ours_setup)
    yield from _as_recorded(entry, f"{pointer}/score", row.score, row.setup, around)
    if row.ours is not None:
        yield from _as_recorded(entry, f"{pointer}/ours", row.ours, row.ours_setup, around)
    yield from _possible(entry, pointer, row, around)


def _alike(
    entry: Entry, pointer: str, row: Competitor, theirs: Setup, ours: Setup
) -> Iterator[Finding]:
    system, where = row.system[:80], f"{pointer}/setup"
    for key, one, other in (
        ("suite", theirs.suite, ours.suite),
        ("suite_sha256", theirs.suite_sha256, ours.suite_sha256),
        ("rows", theirs.rows, ours.rows),
        ("scorer", theirs.scorer, ours.scorer),
        ("metric", theirs.metric, ours.metric),
        ("prompt", theirs.prompt, ours.prompt),
    ):
        if one != other:
            yield entry.error(
                f"direct-{key.replace('_', '-')}",
                f"{where}/{key}",
                f"{system} is called Direct, and its {key} is {clipped(one)!r} where ours is "
                f"{clipped(other)!r}.",
                _CONTEXT,
            )
    for cell, setup, whose in ((row.score, theirs, "its"), (row.ours, ours, "our")):
        if cell is not None and cell.n and setup.rows and cell.n != setup.rows:
            yield entry.error(
                "direct-rows",
                where,
                f"{system} is called Direct, and {whose} score is of {cell.n:,} rows where the "
                f"setup has {setup.rows:,}.",
                _CONTEXT,
            )
    historical = row.score.historical or bool(row.ours and row.ours.historical)
    if theirs.rows is None and ours.rows is None:
        said = f"{system} is called Direct, and on how many rows is not said."
        yield entry.error("direct-rows", where, said, f"Write rows. {_CONTEXT}")
    if theirs.suite_sha256 is None and ours.suite_sha256 is None and not historical:
        yield entry.error(
            "direct-suite-sha256",
            where,
            f"{system} is called Direct, and nothing says that it was measured on the very same "
            "file of examples.",
            f"Write suite_sha256, the hash of the frozen suite, on both sides. {_CONTEXT}",
        )
    if theirs.prompt is None and ours.prompt is None:
        yield entry.warning(
            "direct-prompt",
            where,
            f"{system} is called Direct, and whether both had the same prompt is not said.",
            "Write prompt on both sides: its hash, or how both were asked.",
        )


def _as_recorded(
    entry: Entry, pointer: str, cell: Cell, setup: Setup, around: Around
) -> Iterator[Finding]:
    """The setup says what the cell's own record says that it measured."""
    if cell.record is None or (seen := around.evals.get(cell.record.partition("#")[0])) is None:
        return
    for key, said, recorded in (
        ("suite_sha256", setup.suite_sha256, seen.suite_sha256),
        ("scorer", setup.scorer, seen.scorer),
        ("metric", setup.metric, seen.metric),
        ("rows", setup.rows, seen.n),
    ):
        if said is not None and recorded is not None and said != recorded:
            yield entry.error(
                f"direct-{key.replace('_', '-')}",
                pointer,
                f"The setup says {key} {clipped(said)!r}, and the record of the score "
                f"{clipped(recorded)!r}.",
                f"Write what the record says. {_CONTEXT}",
            )


def _possible(entry: Entry, pointer: str, row: Competitor, around: Around) -> Iterator[Finding]:
    """A p is that of the rows, and none that no paired test of the two scores can give."""
    if row.p is None:
        return
    if pointer in around.paired:
        yield from _as_paired(entry, pointer, row, row.p, around.paired[pointer])
        return
    ours, theirs = scores_of(pointer, row, around)
    # Of partial scores the counts say nothing.
    counted = _RIGHT_OR_WRONG.search(row.setup.scorer if row.setup else "")
    least = least_p(ours, theirs) if counted and ours and theirs else None
    if least is not None and row.p < least * 0.999:
        yield entry.error(
            "direct-p",
            f"{pointer}/p",
            f"p is {row.p:g} for {row.system[:80]}; of these two scores no paired test gives less "
            f"than {least:.2g}.",
            "Write the p of McNemar's test of the two runs' rows, or leave it out.",
        )
    else:
        yield entry.warning(
            "direct-p-unchecked",
            f"{pointer}/p",
            f"p is {row.p:g} for {row.system[:80]}, and the rows behind it are not here.",
            "Point both scores at records with rows, or leave p out; the counts give an interval.",
        )


def _as_paired(
    entry: Entry, pointer: str, row: Competitor, p: float, found: float | None
) -> Iterator[Finding]:
    where, system = f"{pointer}/p", row.system[:80]
    if found is None:
        yield entry.error(
            "direct-p",
            where,
            f"p is {p:g} for {system}, and the rows of the two records cannot be paired.",
            "Leave p out; the counts of rows then give the interval.",
        )
    elif not equal_as_written(entry.written.get(where, repr(p)), found):
        yield entry.error(
            "direct-p",
            where,
            f"p is {p:g} for {system}, and the rows of the two records give {found:.3g}.",
            f"Write p: {found:.3g}.",
        )


def _noise(entry: Entry, pointer: str, row: Competitor, around: Around) -> Iterator[Finding]:
    found = told_of(pointer, row, around)
    if found is None or found.told not in (Kind.NOISE, Kind.NOTHING):
        return
    if found.told is Kind.NOTHING and around.number(f"{pointer}/score", row.score) is None:
        return
    if not says_noise(row.readout or ""):
        yield entry.error(
            "noise-unsaid",
            f"{pointer}/readout",
            f"The difference to {row.system[:80]} is not told from chance, and the row does not "
            f"say so. {found.sentence}",
            f"Write in readout: {sentence(found)}",
        )


def sentence(found: Told) -> str:
    """What is to be written of a difference."""
    return found.sentence.replace("-", "\N{MINUS SIGN}")


def _context(entry: Entry, pointer: str, row: Competitor) -> Iterator[Finding]:
    if not (row.readout or "").strip():
        yield entry.error(
            "context-why",
            pointer,
            f"{row.system[:80]} is {row.comparable.value}, and why is not said.",
            "Write readout: what differs, and what the number is good for.",
        )
    if row.comparable is Comparable.NOT_COMPARABLE and row.ours is not None:
        yield entry.warning(
            "context-ours",
            f"{pointer}/ours",
            f"{row.system[:80]} is Not comparable, and our score stands beside it.",
            "Leave ours out: side by side they will be compared.",
        )
