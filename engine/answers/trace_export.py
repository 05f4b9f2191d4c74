"""Selected rows of a run as a file of chat rows, for writing new training data after them.

Every scored row is held out: its suite judges runs. Training on it would make that score
worthless, so each row that leaves says where it comes from (``origin``), and the data stage
leaves out whatever stands in a gold file.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.answers.rows_files import RowsFile
from engine.answers.scored_rows import RowText
from engine.answers.trace_review import RowKey, is_current
from engine.checks.streams import read_objects
from engine.folder import FolderError, read_record, write_bytes_atomic
from engine.judge.leakage import normalise, prompt_key
from engine.plain_file import open_plain
from engine.records.plan import Plan, StageKind
from engine.records.trace_review import Review
from engine.workspace import slugify

_ORIGIN = "gold:"


class ExportRefused(Exception):
    """Why nothing was written, as a sentence with what to do."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A row that was chosen: whose it is, its slice, whether it is right, and its texts."""

    file: RowsFile
    slice: str | None
    correct: bool
    text: RowText


@dataclass(frozen=True, slots=True)
class Exported:
    """How many rows were written where, and how many there were of each suite."""

    path: Path
    rows: int
    suites: Mapping[str, int]


def chat_rows(
    run_id: str, chosen: Iterable[Chosen], reviews: Mapping[RowKey, Review]
) -> list[dict[str, Any]]:
    """The rows as they are written: the expected answer is the assistant's turn."""
    rows = []
    for one in chosen:
        text = one.text
        row: dict[str, Any] = {
            "messages": [
                {"role": "user", "content": text.prompt},
                {"role": "assistant", "content": text.expected},
            ],
            "origin": _ORIGIN + one.file.suite,
            "run_id": run_id,
            "rows_file": one.file.path.name,
            "example_id": text.id,
            "got": text.got,
        }
        if one.slice is not None:
            row["category"] = one.slice
        review = reviews.get(RowKey(one.file.record, text.id))
        if review is not None and is_current(review, text.got):
            row["failure_class"] = review.failure_class
            row["note"] = review.note
        rows.append(row)
    return rows


def write_export(
    path: Path, run: Path, chosen: Iterable[Chosen], reviews: Mapping[RowKey, Review]
) -> Exported:
    """Write the rows of a run. ExportRefused as ``refusal`` says it; OSError as it comes."""
    if problem := refusal(path, run):
        raise ExportRefused(problem)
    chosen = list(chosen)
    lost = sum(not one.text.prompt and not one.text.expected for one in chosen)
    if lost:
        raise ExportRefused(
            f"{lost} of the rows have neither prompt nor expected answer, or changed while they "
            "were read. Nothing was written."
        )
    rows = chat_rows(run.name, chosen, reviews)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_bytes_atomic(path, text.encode("utf-8", "replace"))
    return Exported(path, len(rows), Counter(one.file.suite for one in chosen))


def refusal(path: Path, run: Path) -> str | None:
    """Why rows of a run may not be written to ``path``, or None. An earlier export may be
    replaced; any other file may not, and nothing is written among the runs."""
    if path.suffix != ".jsonl":
        return f"{path.name} does not end with .jsonl, which is what the rows are."
    if path.resolve().is_relative_to(run.resolve().parent):
        return "A run's folder holds its evidence only. Write to the target or elsewhere."
    if not path.exists():
        return None
    if _is_export(path):
        return None
    return f"{path.name} is there and is no earlier export. Choose another name."


def _is_export(path: Path) -> bool:
    try:
        with open_plain(path) as file:
            first = json.loads(file.readline(1 << 20))
    except (OSError, ValueError, RecursionError):
        return False
    origin = first.get("origin") if isinstance(first, dict) else None
    return isinstance(origin, str) and origin.startswith(_ORIGIN)


def default_path(run: Path) -> Path:
    """Where rows go when nothing else is said: beside the target's data, or in the workspace."""
    workspace = run.resolve().parent.parent
    name = f"to-rewrite-{slugify(run.name)}.jsonl"
    target = _target_dir(run)
    return (target / "dataset" / name) if target is not None else workspace / "exports" / name


def _target_dir(run: Path) -> Path | None:
    plan = _plan(run)
    if plan is None:
        return None
    target = run.resolve().parent.parent / plan.target_dir
    return target if target.is_dir() else None


def _plan(run: Path) -> Plan | None:
    try:
        return read_record(run / "plan.json", Plan)
    except FolderError:  # a run of another tool, or a broken plan: validation says so
        return None


def gold_prompts(run: Path) -> set[str] | None:
    """The prompts of the run's held-out files in one form; None where none of them is here."""
    plan, target = _plan(run), _target_dir(run)
    if plan is None or target is None:
        return None
    files: set[str] = set()
    for stage in plan.stages:
        if stage.kind == StageKind.DATA:
            gold = stage.spec.get("gold")
            files.update(one for one in gold or [] if isinstance(one, str))
        if stage.kind == StageKind.EVAL:
            suites = stage.spec.get("suites")
            for suite in suites if isinstance(suites, list) else []:
                if isinstance(suite, dict) and isinstance(suite.get("file"), str):
                    files.add(suite["file"])
    found: set[str] = set()
    read = False
    for name in sorted(files):
        path = (target / name).resolve()
        if not path.is_relative_to(target.resolve()) or not path.is_file():
            continue
        read = True
        found.update(key for _, row in read_objects(path) if (key := prompt_key(row)) is not None)
    return found if read else None


def in_gold(chosen: Iterable[Chosen], gold: set[str]) -> int:
    """How many of the rows have a prompt that stands in a gold file."""
    return sum(normalise(one.text.prompt) in gold for one in chosen)
