"""The linter of claims: the words of a win stand only where a Direct row bears them out.

A win is borne out where a row that is Direct in fact, not by its label alone, has a difference
outside of its noise and in our favour. Elsewhere both numbers are written, and what they are worth.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from engine.checks.finding import Finding, Severity
from engine.checks.public.around import Around
from engine.checks.public.cells import cells_of
from engine.checks.public.competition import direct_problems, sentence, told_of
from engine.checks.public.entry import Entry, clipped
from engine.checks.public.texts import MOST_CHARS
from engine.checks.public.words import LOSS, Win, says_noise, sentences, wins
from engine.judge.noise import Told
from engine.numbers import score
from engine.records.public import Cell, Comparable, Competitor, PublicArtifact

_GENERAL = frozenset({
    "a", "an", "and", "at", "base", "baseline", "by", "for", "from", "in", "local", "model",
    "models", "of", "on", "or", "our", "own", "public", "router", "routed", "same", "single",
    "small", "large", "stock", "system", "test", "the", "version", "with", "without"
})  # fmt: skip
"""Words of a system's name that do not tell it from another."""
_OURS = re.compile(r"\b(?:ours?|we|it|this|the\s+(?:specialist|candidate|router|adapter))\b", re.I)
_BASELINE = re.compile(r"\b(?:baseline|base\s+model|stock|untrained|its\s+base)\b", re.I)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row with what may be said of it. ``told`` is None where its two numbers are not there."""

    row: Competitor
    pointer: str
    direct: bool
    told: Told | None
    sentence: str
    instead: str


def rules(entry: Entry, artifact: PublicArtifact, around: Around) -> Iterator[Finding]:
    rows = [
        _judged(entry, f"/competition/{number}", row, around)
        for number, row in enumerate(artifact.competition)
    ]
    own = frozenset(_called(f"{artifact.id} {artifact.title or ''}"))
    for pointer, text, about in copy_of(artifact):
        for win in wins(text[:MOST_CHARS]):
            named = sorted(
                (one for one in rows if _is_named(one.row, win.sentence, own)),
                key=lambda one: -len(_telling(one.row.system, own) & _called(win.sentence)),
            )
            if not named and about is not None:
                named = [rows[about]]
            yield from _judge(entry, pointer, win, named, rows)


def copy_of(artifact: PublicArtifact) -> Iterator[tuple[str, str, int | None]]:
    """(pointer, text, the competition row that it is about or None) of all public copy."""
    for part in (
        "title",
        "type",
        "summary",
        "public_value",
        "headline_label",
        "routing",
        "next_action",
    ):
        if text := getattr(artifact, part):
            yield f"/{part}", text, None
    for part in ("publishable_now", "limits"):
        for number, text in enumerate(getattr(artifact, part)):
            yield f"/{part}/{number}", text, None
    for number, table in enumerate(artifact.evidence):
        yield f"/evidence/{number}/title", table.title, None
        if table.note:
            yield f"/evidence/{number}/note", table.note, None
    if artifact.performance is not None and artifact.performance.note:
        yield "/performance/note", artifact.performance.note, None
    for number, row in enumerate(artifact.competition):
        if row.readout:
            yield f"/competition/{number}/readout", row.readout, number
    for number, source in enumerate(artifact.sources):
        if source.note:
            yield f"/sources/{number}/note", source.note, None
    for number, link in enumerate(artifact.links):
        yield f"/links/{number}/label", link.label, None
    for place in cells_of(artifact):
        if isinstance(place.cell.value, str):
            yield f"{place.pointer}/value", place.cell.value, None
    for number, one in enumerate(artifact.rejected):
        yield f"/rejected/{number}/decision", one.decision, None
        if one.why:
            yield f"/rejected/{number}/why", one.why, None
    for number, data in enumerate(artifact.data):
        if data.provenance:
            yield f"/data/{number}/provenance", data.provenance, None


def _judge(
    entry: Entry, pointer: str, win: Win, named: list[_Row], rows: list[_Row]
) -> Iterator[Finding]:
    said = f"{clipped(win.words, 40)!r} in {clipped(win.sentence, 90)!r}"
    if not named and win.kind == LOSS:
        return
    if not named:
        direct = [one for one in rows if one.direct and one.told is not None]
        instead = direct[0].instead if direct else "both numbers, on which rows, by which scorer"
        yield entry.error(
            "claim-unnamed",
            pointer,
            f"{said} claims a win, and over what is not said by the name of a Direct row.",
            f"Write the numbers in its place: {instead}",
        )
        return
    if win.is_number and says_noise(win.sentence) and all(one.direct for one in named):
        return
    for one in named:
        problem = _problem(win, one)
        if problem is not None:
            yield entry.error(
                problem[0], pointer, f"{said}: {problem[1]}", f"Write in its place: {one.instead}"
            )
            return  # one sentence is written anew once, however many it names


def _problem(win: Win, one: _Row) -> tuple[str, str] | None:
    """Why a row does not bear a win out: the rule and a sentence; None where it does."""
    system = one.row.system[:80]
    if one.row.comparable is not Comparable.DIRECT:
        return "claim-not-direct", f"{system} is {one.row.comparable.value}; no win follows."
    if not one.direct:
        return "claim-not-direct", f"{system} is called Direct, and is not (see its row)."
    if one.told is None:
        return "claim-not-direct", f"the two numbers beside {system} are not there."
    wanted = Told.WORSE if _theirs(win, one.row) != (win.kind == LOSS) else Told.BETTER
    if one.told in (Told.NOISE, Told.NOTHING):
        return "claim-noise", f"the difference to {system} is not told from chance."
    if one.told is not wanted:
        return "claim-reversed", f"the numbers beside {system} say the reverse."
    return None


def _judged(entry: Entry, pointer: str, row: Competitor, around: Around) -> _Row:
    found = told_of(pointer, row, around)
    problems = direct_problems(entry, pointer, row, around)
    direct = row.comparable is Comparable.DIRECT and not any(
        one.severity is Severity.ERROR for one in problems
    )
    return _Row(
        row,
        pointer,
        direct,
        found.told if found else None,
        sentence(found) if found else "",
        _instead(pointer, row, around, found.told if found else None, direct),
    )


def _instead(pointer: str, row: Competitor, around: Around, told: Told | None, direct: bool) -> str:
    """What may be written of a row."""
    theirs = _shown(row.score, around.number(f"{pointer}/score", row.score))
    ours = _shown(row.ours, around.number(f"{pointer}/ours", row.ours))
    if not direct or not ours or not theirs:
        number = theirs or "its number"
        return f'"{row.system[:80]} reports {number} ({row.metric[:80]}), another evaluation."'
    rows = row.setup.rows if row.setup else None
    where = f"the same {rows:,} rows" if rows else "the same rows"
    worth = {
        Told.NOISE: ": within the noise",
        Told.NOTHING: ": how sure that is cannot be told",
    }.get(told or Told.NOTHING, ", outside of the noise")
    return f'"{ours} against {theirs} of {row.system[:80]} on {where}{worth}."'


def _shown(cell: Cell | None, value: float | None) -> str:
    if cell is None or value is None:
        return str(cell.value)[:40] if cell is not None and cell.value is not None else ""
    unit = {"share": "", "count": "", "percent": " %"}.get(cell.unit or "", f" {cell.unit or ''}")
    high = f" to {cell.high:g}" if cell.high is not None else ""
    number = score(value) if cell.unit == "share" else f"{value:.4g}"
    return f"{number}{high}{unit}".rstrip()


def _theirs(win: Win, row: Competitor) -> bool:
    """Whether it is their win that is told: their name stands before the word, ours does not."""
    before = win.sentence[: win.before]
    if win.is_number or not _mentions(row.system, before, frozenset()):
        return False
    return _OURS.search(before) is None and win.kind not in ("better", "best")


def _is_named(row: Competitor, sentence: str, own: frozenset[str]) -> bool:
    if _mentions(row.system, sentence, own):
        return True
    return bool(_BASELINE.search(row.system)) and bool(_BASELINE.search(sentence))


def _mentions(system: str, text: str, own: frozenset[str]) -> bool:
    """Whether a text names a system: its whole name, or a word of it that tells it from others."""
    plain = " ".join(sentences(text)).lower()
    if " ".join(system.lower().split()) in plain:
        return True
    return bool(_telling(system, own) & _called(plain))


def _telling(system: str, own: frozenset[str]) -> set[str]:
    """What of a system's name tells it from others."""
    return {one for word in _words(system) for one in _names(word)} - own - _GENERAL


def _called(text: str) -> set[str]:
    return {one for word in _words(text) for one in _names(word)}


def _names(word: str) -> set[str]:
    """A name and what it is called for short: sqlcoder-7b-2 is sqlcoder, t5-small is t5."""
    short = word.partition("-")[0]
    known = {one for one in (word, short) if len(one) > 3 or any(map(str.isdigit, one))}
    return {one for one in known if len(one) > 1 and not one.replace(".", "").isdigit()}


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z0-9][a-z0-9.-]*[a-z0-9]|[a-z0-9]", text.lower()))
