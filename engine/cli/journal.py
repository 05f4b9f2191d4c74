"""The command of the journal."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.console import (
    Exit,
    JsonOption,
    WorkspaceOption,
    fail,
    narrate,
    open_workspace,
    print_json,
    printable,
)

if TYPE_CHECKING:
    from engine.publish.journal.document import Notes, Page
    from engine.publish.journal.listing import Listed
    from engine.publish.journal.making import Made
    from engine.workspace import Workspace

HTML = "JOURNAL.html"
SAY_EVERY = 500
"""So many entries are made between two lines that say how far it is."""


def journal(
    workspace: WorkspaceOption = None,
    since: Annotated[
        str | None,
        typer.Option(help="Only entries from this day on: 2026-11-20.", show_default=False),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Only entries of this target.", show_default=False)
    ] = None,
    html: Annotated[
        bool, typer.Option("--html", help="One page for a browser, with a chart a target.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Write a copy there, without the marks.", show_default=False),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Write over what was changed by hand; JOURNAL.md is kept as JOURNAL.md.bak.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make JOURNAL.md from the runs; what was written between notes marks stays.

    With --since or --target the entries are printed, and JOURNAL.md stays as it is.
    """
    place = open_workspace(workspace)
    entries, kept = _entries(place, _day(since), target)
    if as_json:
        _print_json(place, entries)
        return
    if out is None and not html and not kept:
        _write(place, entries, force)
        return
    about = "" if not kept else _about(since, target)
    copy = out if out is not None else place.path / HTML if html and not kept else None
    if copy is not None:
        _refuse_copy(place, copy, force)
    page = _page(place, entries, about, _root(place, copy))
    text = _html(page) if html else page.text
    if copy is None:
        print("\n".join(printable(line) for line in text.rstrip("\n").split("\n")))
    else:
        _write_copy(copy, text)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail(f"{text} is no day for --since: write it as 2026-11-20.", Exit.USAGE)


def _entries(place: Workspace, since: date | None, target: str | None) -> tuple[list[Listed], bool]:
    """The entries that are asked for, and whether that is a choice of them."""
    from engine.publish.journal.listing import chosen, listed

    entries = listed(place)
    if target is not None and target not in {one.target for one in entries}:
        known = ", ".join(sorted({one.target for one in entries if one.target})) or "none"
        fail(f"No run or loop of a target {target}. Targets with entries: {known}.")
    return chosen(entries, since=since, target=target), since is not None or target is not None


def _made(entries: list[Listed], root: str = "") -> list[Made]:
    from engine.publish.journal.making import make_all

    made = []
    for one in make_all(entries, root):
        made.append(one)
        if len(made) % SAY_EVERY == 0 and len(made) < len(entries):
            narrate(f"{len(made):,} of {len(entries):,} entries.")
    return made


def _write(place: Workspace, entries: list[Listed], force: bool) -> None:
    from engine.publish.journal.writing import HandWritten, write_journal

    made = _made(entries)
    try:
        written = write_journal(place, made, force=force)
    except HandWritten as error:
        fail(str(error), Exit.NO)
    except OSError as error:
        fail(f"JOURNAL.md cannot be written: {error.strerror or error}. It is as it was.")
    print(printable(str(written.path)))
    if written.kept is not None:
        narrate(f"What it was before is kept: {written.kept.name}.")
    narrate(_count(len(made)) if written.changed else "It says what the runs say already.")


def _count(number: int) -> str:
    return f"{number:,} {'entry' if number == 1 else 'entries'}."


def _about(since: str | None, target: str | None) -> str:
    from engine.publish.markdown import escape

    words = [f"of the target {escape(target)}"] if target is not None else []
    words += [f"from {escape(since)} on"] if since is not None else []
    return f"The entries {' '.join(words)}; JOURNAL.md has all of them."


def _notes(place: Workspace) -> Notes:
    from engine.publish.journal.writing import find_journal

    try:
        return find_journal(place).notes
    except OSError as error:
        narrate(f"JOURNAL.md cannot be read ({error.strerror or error}): notes are left out.")
        return {}


def _page(place: Workspace, entries: list[Listed], about: str, root: str) -> Page:
    from engine.publish.journal.document import journal_page

    return journal_page(_made(entries, root), _notes(place), about=about)


def _html(page: Page) -> str:
    from engine.publish.journal.page import journal_html

    return journal_html(page)


def _root(place: Workspace, copy: Path | None) -> str:
    """The way from a copy to the workspace, for its links."""
    import os
    from urllib.parse import quote

    if copy is None:
        return ""
    way = os.path.relpath(place.path, copy.resolve().parent)
    return "" if way == "." else f"{quote(way.replace(os.sep, '/'))}/"


def _refuse_copy(place: Workspace, copy: Path, force: bool) -> None:
    from engine.publish.journal.page import TITLE
    from engine.publish.journal.writing import journal_path

    resolved = copy.resolve()
    if resolved == journal_path(place):
        fail("JOURNAL.md itself is written without --out, --since and --target.", Exit.USAGE)
    if copy.is_dir():
        fail(f"{copy} is a directory. Name a file.", Exit.USAGE)
    if resolved.is_relative_to(place.runs_dir):
        fail("A run's folder holds its evidence only. Write to another place.", Exit.USAGE)
    if copy.exists() and not force:
        with copy.open("rb") as file:
            ours = f"<title>{TITLE}</title>".encode() in file.read(4096)
        if not ours:
            fail(f"{copy} is there already. Write over it with --force.", Exit.NO)


def _write_copy(copy: Path, text: str) -> None:
    from engine.folder import write_bytes_atomic

    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        write_bytes_atomic(copy, text.encode("utf-8", "replace"))
    except OSError as error:
        fail(f"{copy} cannot be written: {error.strerror or error}. It is as it was.")
    print(printable(str(copy)))


def _print_json(place: Workspace, entries: list[Listed]) -> None:
    from engine.publish.journal.listing import runs_of

    notes = _notes(place)
    rows: list[dict[str, Any]] = [
        {
            "key": one.key,
            "kind": one.kind,
            "name": one.name,
            "target": one.target or None,
            "created": one.created.isoformat() if one.created else None,
            "decision": one.decision,
            "before": one.before,
            "after": one.after,
            "runs": [run.run_id for run in runs_of(one)],
            "notes": notes.get(one.key),
        }
        for one in entries
    ]
    print_json(rows)
