"""What a target's model failed on last, as far as it may be told to whoever writes rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.checks.contents import load
from engine.judge.gates import CANDIDATE
from engine.loops.flywheel.failing import described, slices_of
from engine.plain_file import read_plain
from engine.project.output import Failures, failures_in, text
from engine.records.evaluation import RowResult
from engine.target import Target
from engine.workspace import Workspace

DEV_SUITE = "dev"
"""What the suite is called that the runs of a flywheel are judged on."""

MAX_RECORD = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Failed:
    """``where`` says what it was read from. ``slices``: the most frequent first. ``focus`` is what
    a teacher is told; ``note`` says what was held back, and why."""

    where: str
    slices: list[str] = field(default_factory=list)
    focus: str = ""
    ids: list[str] = field(default_factory=list)
    count: int = 0
    note: str | None = None


def failed_last(target: Target, workspace: Workspace | None) -> Failed | None:
    """The most recent failures: of the newest run that was judged on dev, else of the files that
    flywheels leave in ``output/``. None where nothing was ever judged.

    Files may hold failures on gold. Of those only the categories are used: no answer, no question.
    """
    for run in runs_of(workspace, target.path):
        if (
            config_of(run).get("eval", {}).get("primary") == DEV_SUITE
            and (run / "eval-candidate.json").is_file()
        ):
            return _of_rows(f"the run {run.name}", load(run).rows.get(CANDIDATE, []))
    found = failures_in(target.path)
    return None if found is None else _of_files(found)


def runs_of(workspace: Workspace | None, target: Path) -> Iterator[Path]:
    """The runs of a target, newest first."""
    if workspace is None:
        return
    for run in workspace.run_paths():
        named = object_in(run / "plan.json").get("target_dir")
        if isinstance(named, str) and (workspace.path / named).resolve() == target.resolve():
            yield run


def config_of(run: Path) -> dict[str, Any]:
    """``config.json`` as plain values, its sections objects; empty where it cannot be read."""
    config = object_in(run / "config.json")
    return config | {key: _dict(config.get(key)) for key in ("eval", "loop")}


def _of_rows(where: str, rows: list[RowResult]) -> Failed:
    wrong = [row for row in rows if not row.correct]
    return Failed(where, slices_of(wrong), described(rows), [row.id for row in wrong], len(wrong))


def _of_files(found: Failures) -> Failed:
    counts = Counter(text(row.get("category")) or "without a category" for row in found.rows)
    if found.on_dev:
        return _of_rows(found.file, [_as_result(row) for row in found.rows])
    lines = [f"Failed: {name}, {count} times." for name, count in counts.most_common()]
    return Failed(
        found.file,
        [name for name, _ in counts.most_common() if name != "without a category"],
        "\n".join(lines),
        count=len(found.rows),
        note=f"{found.file} may hold failures on gold: only their categories are used.",
    )


def _as_result(row: Any) -> RowResult:
    def said(key: str) -> str:
        value = row.get(key)
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    return RowResult(
        id=str(row.get("index")),
        prompt=said("input"),
        expected=said("expected"),
        got=said("actual"),
        score=0.0,
        correct=False,
        slice=text(row.get("category")),
    )


def object_in(file: Path) -> dict[str, Any]:
    """A JSON file that holds an object; empty where it does not, or cannot be read."""
    try:
        return _dict(json.loads(read_plain(file, MAX_RECORD)))
    except (OSError, ValueError, RecursionError):
        return {}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
