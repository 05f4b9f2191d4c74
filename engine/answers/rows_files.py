"""The rows files of a run: which there are, of which suite and side. Opens none of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.folder import FolderError, read_record
from engine.judge.breadth import regression_files
from engine.judge.measured import BASELINE, CANDIDATE, is_seed_file
from engine.records.evaluation import EvalResult

Side = Literal["baseline", "candidate"]


@dataclass(frozen=True, slots=True)
class RowsFile:
    """The rows of one eval record, which may itself be missing."""

    record: str
    path: Path
    suite: str
    side: Side
    stage: str
    scorer: str | None = None
    primary: bool = False


def stamps_of(run: Path) -> frozenset[tuple[str, int, int]]:
    """Name, time and size of every rows file and eval record: another set means other rows."""
    found = set()
    try:
        with os.scandir(run) as entries:
            for entry in entries:
                if entry.name.startswith(("rows-", "eval-")):
                    stat = entry.stat()
                    found.add((entry.name, stat.st_mtime_ns, stat.st_size))
    except OSError:  # the folder was removed: there are no rows
        return frozenset()
    return frozenset(found)


def rows_files(run: Path) -> tuple[list[RowsFile], list[str]]:
    """The rows files of a run, primary suite first, and sentences about what is wrong.

    A rows file without its record counts too: its suite is named after the file. Those of further
    training seeds are no answers of the candidate, and left out.
    """
    files: list[RowsFile] = []
    problems: list[str] = []
    try:
        names = sorted(entry.name for entry in run.iterdir())
    except OSError as error:
        return [], [f"{run.name} cannot be read: {error.strerror}."]
    records = [name for name in names if name.startswith("eval-") and name.endswith(".json")]
    records += [
        record
        for name in names
        if name.startswith("rows-")
        and name.endswith(".jsonl")
        and (record := name.replace("rows-", "eval-", 1)[:-1]) not in records
    ]
    records = [name for name in records if not is_seed_file(name)]
    order = [CANDIDATE, BASELINE]
    for before, after in regression_files(records):
        order += [after, before]
    claimed: set[Path] = set()
    for record in sorted(records, key=lambda name: (order + records).index(name)):
        found = _rows_file(run, record, problems)
        if found is not None and found.path not in claimed:
            claimed.add(found.path)
            files.append(found)
    return files, problems


def _rows_file(run: Path, record: str, problems: list[str]) -> RowsFile | None:
    result: EvalResult | None = None
    if (run / record).exists():
        try:
            result = read_record(run / record, EvalResult)
        except FolderError as error:
            problems.append(f"{error}.")
    default = record.replace("eval-", "rows-", 1) + "l"
    name = (result.rows_file if result else None) or default
    path = run / name
    try:
        inside = path.resolve().is_relative_to(run.resolve())
        there = path.is_file()
    except (OSError, RuntimeError, ValueError):
        inside = there = False
    if not there or not inside:
        if result is not None and result.rows_file:
            problems.append(f"The rows {name} of {record} are not in the run's folder.")
        return None
    stem = record.removeprefix("eval-").removesuffix(".json")
    side: Side = "baseline" if "baseline" in stem else "candidate"
    return RowsFile(
        record=record,
        path=path,
        suite=result.suite if result else stem.replace(side, "").strip("-") or "primary",
        side=side,
        stage=f"eval-{side}",
        scorer=result.scorer if result else None,
        primary=record in (BASELINE, CANDIDATE),
    )
