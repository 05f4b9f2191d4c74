"""Plans the safe fixes of a run folder from its disk, and applies those that were chosen.

What is safe is decided in `engine.checks.fixes`, without I/O. Here each change is written in one
step, and only over the very bytes that it was planned for and shown with.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine import checks
from engine.checks.contents import RunContents, load
from engine.checks.documents import read_bytes_inside
from engine.checks.finding import Finding
from engine.checks.fixes import FIXABLE, Fix, Given, Tail, close, plan
from engine.checks.rules.form import temporary_of
from engine.folder import FolderError, RunFolder, flush, write_bytes_atomic
from engine.processes import is_alive
from engine.publish.agreement import edited_numbers
from engine.publish.card.writing import CARD, PAGE, card_files
from engine.publish.report import report_of
from engine.records.base import utc_now
from engine.records.status import Phase, RunStatus
from engine.supervise.journal import Journal
from engine.supervise.run_lock import RunLock

MAX_BYTES = 16 * 2**20
"""A larger file is not mended."""

LEFT_OVER_S = 60.0
"""A temporary file that is younger may still be written to."""

_OURS = "deltas, intervals (95 %) and verdicts are derived from them here."
"""Stands in every report that this program makes; one without it is someone's own text."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A folder's findings and what can be done about them."""

    findings: list[Finding]
    fixes: list[Fix]

    @property
    def fixable(self) -> frozenset[Finding]:
        """The findings that a fix answers."""
        return frozenset(one for fix in self.fixes for one in fix.findings)


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one fix: ``problem`` says why it was not written, None where it was."""

    fix: Fix
    problem: str | None = None


def check(run: Path, contents: RunContents | None = None) -> Checked:
    """Check a run folder and plan its fixes. Writes nothing; OSError where it cannot be listed."""
    contents = contents or load(run)
    findings = checks.run(contents)
    if not any(one.rule == "report-numbers" for one in findings):
        findings += edited_numbers(contents)
    wanted = {one.file for one in findings if one.rule in FIXABLE}
    if not wanted or contents.supervisor_alive:
        return Checked(findings, [])
    return Checked(findings, plan(contents, findings, _given(run, contents, wanted)))


def _given(run: Path, contents: RunContents, wanted: set[str]) -> Given:
    files = {}
    for name in wanted:
        if name == "events.jsonl" or (temporary_of(name) and not _is_old(run / name)):
            continue
        data = read_bytes_inside(run, name, MAX_BYTES)
        if isinstance(data, bytes) and not (run / name).is_symlink():
            files[name] = data
    ours = contents.ours if contents.report is None else _OURS in contents.report
    number = 1
    while f"events.jsonl.cut-{number}" in contents.names:
        number += 1
    seen = contents.events
    status = contents.status
    return Given(
        files=files,
        now=utc_now(),
        report=report_of(run, contents) if ours and "report.md" in wanted else None,
        card=card_files(run, contents) if wanted & {CARD, PAGE} else {},
        tail=_tail(run / "events.jsonl") if seen is not None and seen.unfinished else None,
        side=f"events.jsonl.cut-{number}",
        child_alive=status is not None and is_alive(status.child),
    )


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > LEFT_OVER_S
    except OSError:
        return False


def _tail(path: Path) -> Tail | None:
    """The unfinished end of an event log; None where it is longer than any event."""
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            start = max(0, end - MAX_BYTES)
            file.seek(start)
            data = file.read(end - start)
    except OSError:
        return None
    *lines, rest = data.split(b"\n")
    if not lines and start:
        return None
    for line in reversed(lines[1 if start else 0 :]):
        if line.strip():
            try:
                last = json.loads(line)["seq"]
            except (ValueError, KeyError, TypeError, RecursionError):
                return Tail(end - len(rest), rest, None)
            return Tail(end - len(rest), rest, last + 1 if type(last) is int else None)
    return Tail(end - len(rest), rest, 0)


# --- applying -------------------------------------------------------------------------------------


def apply(run: Path, fixes: Sequence[Fix]) -> list[Applied]:
    """Write these fixes, each in one step. What stands in the way of one stops no other."""
    done = []
    for fix in fixes:
        try:
            problem = _WRITERS[fix.through](run, fix)
        except FolderError as error:
            problem = f"{error}."
        except OSError as error:
            problem = f"{fix.file} cannot be written: {error.strerror or error}."
        done.append(Applied(fix, problem))
    return done


def _changed(fix: Fix) -> str:
    return f"{fix.file} changed since the difference was shown. Look again."


def _write_file(run: Path, fix: Fix) -> str | None:
    path = run / fix.file
    if path.is_symlink():
        return f"{fix.file} is a link; what it leads to is not changed."
    now = read_bytes_inside(run, fix.file, MAX_BYTES)
    if now != fix.before:
        return _changed(fix)
    if fix.after is None:
        path.unlink()
    else:
        write_bytes_atomic(path, fix.after)
    return None


def _write_events(run: Path, fix: Fix) -> str | None:
    """Cut or complete the log in place: it is appended to by one writer, whose lock this takes."""
    path = run / fix.file
    rest, wanted = fix.before or b"", fix.after or b""
    with RunLock(run), path.open("r+b", buffering=0) as file:
        if file.seek(0, os.SEEK_END) != fix.start + len(rest):
            return _changed(fix)
        file.seek(fix.start)
        if file.read(len(rest) + 1) != rest:
            return _changed(fix)
        if fix.side is not None:
            if (run / fix.side).exists():
                return _changed(fix)
            write_bytes_atomic(run / fix.side, rest)
        if wanted.startswith(rest):
            file.seek(0, os.SEEK_END)
            file.write(wanted[len(rest) :])
        else:
            file.truncate(fix.start)
    flush(path)
    return None


def _move_status(run: Path, fix: Fix) -> str | None:
    folder = RunFolder(run)
    with RunLock(run):
        if read_bytes_inside(run, fix.file, MAX_BYTES) != fix.before:
            return _changed(fix)
        journal = Journal(folder)
        try:
            if is_alive(journal.status.supervisor) or is_alive(journal.status.child):
                return "A process of the run lives again. To stop it: factory-tui cancel " + (
                    folder.run_id
                )
            now = utc_now()

            def closed(status: RunStatus) -> None:
                close(status, now)

            journal.move_to(Phase.FAILED, closed)
            error = journal.status.last_error
            if error is not None:
                journal.message("supervisor-gone", error.message, level="error", stage=error.stage)
        finally:
            journal.close()
    return None


_WRITERS = {"file": _write_file, "events": _write_events, "status": _move_status}
