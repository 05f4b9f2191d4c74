"""Where an evaluation outside of a run is kept, and what its files are called."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from engine.evaluating.wanted import Wanted
from engine.workspace import Workspace, slugify


def evals_dir(workspace: Workspace) -> Path:
    """Evaluations that belong to no run, a folder each."""
    return workspace.path / "evals"


def new_folder(workspace: Workspace, suite: str, model: str, day: date | None = None) -> Path:
    """Make the next free ``evals/<YYYY-MM-DD>-<suite>-<model>[-n]`` and return it. OSError when it
    cannot be made."""
    parent = evals_dir(workspace)
    parent.mkdir(parents=True, exist_ok=True)
    name = model.rstrip("/").rpartition("/")[2]
    stem = f"{day or datetime.now(UTC).date()}-{slugify(suite)}-{slugify(name)}"
    number = 1
    while True:
        path = parent / (stem if number == 1 else f"{stem}-{number}")
        try:
            path.mkdir()
            return path
        except FileExistsError:
            number += 1


def file_names(wanted: Wanted) -> list[tuple[str, str]]:
    """The files of each suite's record and rows, no two alike."""
    found: list[tuple[str, str]] = []
    for one in wanted.suites:
        slug, number = slugify(one.suite.name), 1
        stem = slug
        while any(record == f"eval-{stem}.json" for record, _ in found):
            number += 1
            stem = f"{slug}-{number}"
        found.append((f"eval-{stem}.json", f"rows-{stem}.jsonl"))
    return found
