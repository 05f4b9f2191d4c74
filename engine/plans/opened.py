"""Which runs of a workspace were made to open a sealed suite, those in the trash among them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.checks.tried import runs_on
from engine.plain_file import read_plain
from engine.records.run import RunConfig, SealedSuite
from engine.workspace import Workspace

_MAX_BYTES = 4 * 2**20


def opened_by(workspace: Workspace, sealed: SealedSuite) -> list[str]:
    """The names of the runs that opened this very file, or were judged on it in any other way."""
    found = {one.run for one in runs_on(workspace.runs_dir, sealed.sha256)}
    found |= {path.name for path in _folders(workspace) if _opens(path, sealed.sha256)}
    return sorted(found)


def _folders(workspace: Workspace) -> Iterator[Path]:
    yield from workspace.run_paths()
    trash = workspace.local_dir / "trash"
    if trash.is_dir():
        yield from trash.iterdir()


def _opens(run: Path, sha256: str) -> bool:
    try:
        data = read_plain(run / "config.json", _MAX_BYTES)
        if sha256.encode() not in data:
            return False
        evaluation = json.loads(data)["eval"]
        return bool(evaluation["suites"].get(evaluation.get("opens")) == sha256)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False  # not there, or nothing that could have opened a suite


def opened_event(config: RunConfig, before: int, reason: str | None) -> dict[str, Any]:
    """The event of a run that opens a sealed suite; ``before`` counts the runs that had."""
    name = config.eval.opens or ""
    return {
        "kind": "suite-opened",
        "suite": name,
        "sha256": config.eval.suites.get(name, ""),
        "before": before,
        "reason": reason,
    }
