"""The journal as one Markdown text: tables, entries, and the notes that people wrote. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.publish.journal.cumulative import NO_TARGET, by_target, target_table
from engine.publish.journal.making import Made
from engine.publish.journal.marks import TOP, block, is_mark, notes_place
from engine.publish.journal.step import Step
from engine.publish.markdown import escape

ABOUT = (
    "Made from the runs of this workspace by `factory-tui journal`. What stands between notes "
    "marks is written by hand and stays; everything else is made anew."
)

Notes = Mapping[str, str]
"""The key of an entry (or TOP) → what a person wrote to it."""


@dataclass(frozen=True, slots=True)
class Page:
    """The journal as people read it. ``targets``: line of a target's heading, from 0 → its steps,
    oldest first."""

    text: str
    targets: Mapping[int, Sequence[Step]]


def journal_file(made: Sequence[Made], notes: Notes) -> str:
    """JOURNAL.md with its marks. ``made`` is newest first and every entry that there is; notes to
    entries that are gone are kept at its end."""
    lines = block("top", ["# Journal", "", ABOUT, ""])
    lines += [*notes_place(TOP, notes.get(TOP, "")), ""]
    lines += block("cumulative", [*_cumulative(made)[0], "## Entries", ""])
    for one in made:
        key = one.entry.key
        lines += block(f"entry:{key}", one.lines)
        lines += [*notes_place(key, notes.get(key, "")), ""]
    known = {TOP, *(one.entry.key for one in made)}
    gone = {key: text for key, text in sorted(notes.items()) if key not in known and text}
    if gone:
        lines += block("gone", ["## Notes to entries that are gone", ""])
    for key, text in gone.items():
        lines += [*block(f"gone:{key}", [f"### {escape(key)}", ""]), *notes_place(key, text), ""]
    return "\n".join(lines)


def journal_page(made: Sequence[Made], notes: Notes, *, about: str = "") -> Page:
    """The entries ``made`` with their notes and without marks; ``about`` says which they are."""
    lines = ["# Journal", ""]
    if about:
        lines += [about, ""]
    top = _shown(notes.get(TOP, ""))
    lines += [*top, ""] if top else []
    cumulative, headings = _cumulative(made)
    targets = {len(lines) + at: steps for at, steps in headings.items()}
    lines += [*cumulative, "## Entries", ""]
    for one in made:
        lines += entry_lines(one, notes)
    return Page("\n".join(lines).rstrip("\n") + "\n", targets)


def entry_lines(made: Made, notes: Notes) -> list[str]:
    """One entry with its notes, as people read it."""
    written = _shown(notes.get(made.entry.key, ""))
    return [*made.lines, *(["**Notes:**", "", *written, ""] if written else [])]


def _shown(text: str) -> list[str]:
    return [line for line in text.split("\n") if not is_mark(line)] if text.strip() else []


def _cumulative(made: Sequence[Made]) -> tuple[list[str], dict[int, list[Step]]]:
    lines = ["## Cumulative results", ""]
    headings: dict[int, list[Step]] = {}
    for target, steps in by_target(one.step for one in reversed(made)).items():
        headings[len(lines)] = steps
        lines += [f"### {escape(target) or NO_TARGET}", "", *target_table(steps), ""]
    if not made:
        lines += ["There is no entry.", ""]
    return lines, headings
