"""Reads the evidence of many runs, each again only when its files changed; keeps few rows."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from engine.catalogue.summary import RunSummary
from engine.comparing.difference import Difference, difference
from engine.comparing.evidence import RunEvidence, read_evidence
from engine.comparing.scored import SuiteScore
from engine.workspace import Workspace

KEPT_ROWS = 16
"""Suites whose rows are held at a time."""

_RECORDS = ("config.json", "dataset.json", "decision.json", "plan.json", "run-status.json")

Stamp = tuple[tuple[str, int, int], ...]


class EvidenceReader:
    """The evidence of a workspace's runs. For one thread at a time."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._known: dict[str, tuple[Stamp, RunEvidence]] = {}
        self._whole: dict[str, tuple[RunEvidence, RunEvidence]] = {}
        self._rows: OrderedDict[tuple[str, str, Stamp], SuiteScore] = OrderedDict()

    def read(self, run_id: str, summary: RunSummary | None = None) -> RunEvidence | None:
        """The evidence of a run, without its rows; None where there is no such run.

        ``summary`` is taken for what it says where the caller has a newer one.
        """
        path = run_folder(self._workspace, run_id)
        if path is None:
            return None
        stamp = stamp_of(path)
        known = self._known.get(run_id)
        if known is not None and known[0] == stamp:
            found = known[1] if summary is None else replace(known[1], summary=summary)
        else:
            found = read_evidence(path, summary)
        self._known[run_id] = (stamp, found)
        return found

    def whole(self, run_id: str) -> RunEvidence | None:
        """The evidence of a run with the rows of every suite; the same object while unchanged.

        Runs that are read so are kept: it is for the few that are compared at a time.
        """
        found = self.read(run_id)
        if found is None:
            return None
        bare, whole = self._whole.get(run_id, (None, None))
        if whole is None or bare is not found:
            whole = found.with_rows()
            self._whole[run_id] = (found, whole)
        return whole

    def rows(self, run: RunEvidence, score: SuiteScore) -> SuiteScore:
        """A score with its rows; the last few are kept."""
        known = self._known.get(run.run_id)
        key = (run.run_id, score.file, known[0] if known else ())
        found = self._rows.get(key)
        if found is None:
            found = self._rows[key] = score.read_rows(run.path)
            while len(self._rows) > KEPT_ROWS:
                self._rows.popitem(last=False)
        self._rows.move_to_end(key)
        return found

    def judge(
        self, find: Callable[[str], RunEvidence | None]
    ) -> Callable[[str, str], Difference | None]:
        """A judge for ``engine.catalogue.lineage``: a child's primary score against its parent's.

        It says None where neither has a score.
        """

        def against(parent: str, child: str) -> Difference | None:
            before, after = find(parent), find(child)
            if before is None or after is None:
                return None
            old, new = before.primary, after.primary
            if old is None and new is None:
                return None
            return difference(
                None if old is None else self.rows(before, old),
                None if new is None else self.rows(after, new),
            )

        return against


def run_folder(workspace: Workspace, run_id: str) -> Path | None:
    """The folder of a run that a list shows; None where there is none of exactly that name.

    Other tools name their runs as they like; a name that leads elsewhere is none.
    """
    path = workspace.runs_dir / run_id
    if path.name != run_id or path.parent != workspace.runs_dir or run_id.startswith("."):
        return None
    try:
        return path if path.is_dir() else None
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return None


def stamp_of(path: Path) -> Stamp:
    """What changes when a record or the rows of a run are written; its events do not count."""
    marks = []
    try:
        names = [
            entry.name
            for entry in path.iterdir()
            if entry.name in _RECORDS or entry.name.startswith(("eval-", "rows-"))
        ]
    except OSError:
        return ()
    for name in sorted(names):
        try:
            found = (path / name).stat()
        except OSError:
            continue
        marks.append((name, found.st_mtime_ns, found.st_size))
    return tuple(marks)
