"""A workspace: the directory that is open. The one place that knows paths."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.building import Building
    from engine.folder import RunFolder

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class WorkspaceError(Exception):
    """What was asked for is not in this workspace; the text says what to do."""


class Workspace:
    """Paths below one directory. Nothing is created until something is written."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    @property
    def runs_dir(self) -> Path:
        return self.path / "runs"

    @property
    def targets_dir(self) -> Path:
        return self.path / "targets"

    @property
    def artifacts_dir(self) -> Path:
        """The public artifacts, a YAML file each."""
        return self.path / "artifacts"

    @property
    def specialists_dir(self) -> Path:
        """The packages of specialists that were shipped, a folder each."""
        return self.path / "specialists"

    @property
    def local_dir(self) -> Path:
        """What belongs to this machine and to no run: caches, queue, lock, trash."""
        return self.path / ".factory"

    @property
    def bases_dir(self) -> Path:
        """Base models that a pretrain stage made, by the hash of their recipe."""
        return self.local_dir / "cache" / "bases"

    @property
    def bench_dir(self) -> Path:
        """What models cost on this machine, as it was measured here."""
        return self.local_dir / "bench"

    @classmethod
    def find(cls, start: Path) -> Workspace:
        """The nearest workspace from ``start`` upward; WorkspaceError when there is none."""
        start = start.resolve()
        for directory in (start, *start.parents):
            if (directory / "factory.toml").is_file() or (directory / "runs").is_dir():
                return cls(directory)
        raise WorkspaceError(
            f"No workspace in {start} or above it. A workspace is a directory with factory.toml or "
            "runs/. Name one with --workspace DIR, or make one with: mkdir runs"
        )

    @classmethod
    def of_run(cls, run: Path) -> Workspace:
        """The workspace that a run folder lies in (``<workspace>/runs/<run>``)."""
        return cls(run.resolve().parent.parent)

    # --- runs ---------------------------------------------------------------------

    def run_paths(self) -> Iterator[Path]:
        """The run folders, newest name first."""
        yield from (self.runs_dir / name for name in self.run_names())

    def run_names(self) -> list[str]:
        """The names of the run folders, newest first; none where there is no ``runs/``.

        OSError where it cannot be listed.
        """
        try:
            with os.scandir(self.runs_dir) as entries:
                names = [
                    entry.name
                    for entry in entries
                    if not entry.name.startswith(".") and entry.is_dir()
                ]
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(names, reverse=True)

    def run_path(self, run_id: str) -> Path:
        """The folder of a run, by its id or by a unique beginning of it.

        WorkspaceError for names that are no id (path tricks), are not there, or fit several runs.
        """
        if not _RUN_ID.fullmatch(run_id) or ".." in run_id:
            raise WorkspaceError(
                f"{run_id!r} is not a run id: letters, digits, '.', '_' and '-' only."
            )
        exact = self.runs_dir / run_id
        if exact.is_dir():
            if exact.resolve().parent != self.runs_dir.resolve():
                raise WorkspaceError(f"{run_id} is a link out of {self.runs_dir}.")
            return exact
        fits = [path for path in self.run_paths() if path.name.startswith(run_id)]
        if len(fits) == 1:
            return fits[0]
        if fits:
            names = ", ".join(path.name for path in fits[:5])
            raise WorkspaceError(f"{run_id} fits {len(fits)} runs: {names}. Give more of the name.")
        raise WorkspaceError(
            f"No run {run_id} in {self.runs_dir}. See what is there: factory-tui list"
        )

    def run(self, run_id: str) -> RunFolder:
        """The run folder of that id; errors as in run_path."""
        from engine.folder import RunFolder

        return RunFolder(self.run_path(run_id))

    def new_run(self, slug: str, day: date | None = None) -> AbstractContextManager[Building]:
        """Build the next free ``runs/<YYYY-MM-DD>-<slug>[-n]`` in the block; it appears whole."""
        from engine.building import new_folder

        stem = f"{day or datetime.now(UTC).date()}-{slugify(slug)}"
        return new_folder(self.runs_dir, stem)

    # --- targets ------------------------------------------------------------------

    def target_paths(self) -> list[Path]:
        """The target folders: directories below targets/ that hold a forge.yaml."""
        if not self.targets_dir.is_dir():
            return []
        return sorted(path.parent for path in self.targets_dir.glob("*/forge.yaml"))

    def target_path(self, name: str) -> Path:
        """A target by name, or by path (absolute, or from the current directory)."""
        for path in (self.targets_dir / name, Path(name)):
            if (path / "forge.yaml").is_file():
                return path.resolve()
        known = ", ".join(path.name for path in self.target_paths()) or "none"
        raise WorkspaceError(
            f"No target {name}: no forge.yaml in {self.targets_dir / name} or in {Path(name)}. "
            f"Targets of this workspace: {known}."
        )

    def relative(self, path: Path) -> str:
        """A path as records hold it: relative where it lies inside the workspace."""
        resolved = path.resolve()
        return str(
            resolved.relative_to(self.path) if resolved.is_relative_to(self.path) else resolved
        )


def slugify(name: str) -> str:
    """A name as part of a run id: lower-case letters, digits and single hyphens."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return slug[:60].rstrip("-") or "run"
