"""What is in a target's data before anything is trained on it. Reads files: for a worker thread."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from engine.judge.leakage import leaked, prompt_key
from engine.target import Target, TargetError
from tui.views.cells import Cell
from tui.views.plain import plain

MAX_ROWS = 200_000
"""Rows of one file that are looked at."""

MAX_LINE = 2**22

Line = list[Cell]


@dataclass(slots=True)
class FileCheck:
    """What was found in one file of rows. ``problem`` is why it could not be read at all."""

    name: str
    rows: int = 0
    duplicates: int = 0
    broken: int = 0
    first_broken: int | None = None
    cut: bool = False
    problem: str | None = None
    keys: list[str] | None = None


@dataclass(frozen=True, slots=True)
class DataCheck:
    """The data of a target: suites, canonical rows, and what they share."""

    suites: list[FileCheck]
    canonical: FileCheck | None
    shared: list[str]
    """Prompts (normalised) that stand in a suite and in the canonical rows."""
    generator: str | None
    rows: int


def check_data(target: Target) -> DataCheck:
    """Read the suites and the canonical rows of a target."""
    forge = target.forge
    suites = [_check(target, suite.file) for suite in target.suites]
    name = forge.dataset.canonical
    canonical = _check(target, name) if name and _exists(target, name) else None
    gold = [key for suite in suites for key in suite.keys or []]
    shared = leaked(gold, canonical.keys or []) if canonical else []
    generator = forge.factory.data.generator
    return DataCheck(suites, canonical, shared, generator, forge.factory.data.rows)


def _exists(target: Target, name: str) -> bool:
    try:
        return target.file(name).is_file()
    except TargetError:
        return True  # it is named, so reading it says what is wrong


def _check(target: Target, name: str) -> FileCheck:
    try:
        return _read(target.file(name), name)
    except TargetError as error:
        return FileCheck(name, problem=str(error))
    except OSError as error:
        return FileCheck(name, problem=f"{name} cannot be read: {error.strerror}.")


def _read(path: Path, name: str) -> FileCheck:
    found = FileCheck(name, keys=[])
    seen: set[str] = set()
    keys = found.keys = []
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE):
            number += 1
            if not line.strip():
                continue
            if found.rows >= MAX_ROWS:
                found.cut = True
                break
            found.rows += 1
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            key = prompt_key(row)
            if key is None:
                found.broken += 1
                found.first_broken = found.first_broken or number
                continue
            found.duplicates += key in seen
            seen.add(key)
            keys.append(key)
    return found


def data_lines(check: DataCheck) -> list[Line]:
    """The check in words, a line a file."""
    lines: list[Line] = []
    for suite in check.suites:
        lines.append(_file_line(suite, "gold"))
    if check.canonical is not None:
        lines.append(_file_line(check.canonical, "canonical"))
    if check.generator:
        lines.append(
            [
                Cell("✔ ", "good"),
                Cell(plain(check.generator), "strong"),
                Cell(f"  makes {check.rows:,} rows; what repeats or is gold is left out", "muted"),
            ]
        )
    elif check.canonical is None:
        lines.append([Cell("✘ ", "bad"), Cell("No generator and no canonical rows to train on.")])
    if check.shared:
        some = "; ".join(plain(key, clip=40) for key in check.shared[:3])
        count = len(check.shared)
        what = "prompt stands" if count == 1 else "prompts stand"
        lines.append(
            [
                Cell("⚠ ", "warn"),
                Cell(f"{count:,} {what} in gold and in canonical: {some}"),
                Cell("  (left out of the training rows)", "muted"),
            ]
        )
    elif check.canonical is not None:
        lines.append([Cell("✔ ", "good"), Cell("no canonical row has a gold prompt", "muted")])
    return lines


def _file_line(found: FileCheck, role: str) -> Line:
    if found.problem:
        return [Cell("✘ ", "bad"), Cell(plain(found.problem))]
    if not found.rows:
        return [Cell("✘ ", "bad"), Cell(plain(found.name), "strong"), Cell("  has no rows", "bad")]
    bad = bool(found.broken)
    few = role == "gold" and found.rows < 50
    sign = Cell("✘ ", "bad") if bad else Cell("⚠ ", "warn") if few else Cell("✔ ", "good")
    count = f"  {found.rows:,}{'+' if found.cut else ''} {role} rows"
    line = [sign, Cell(plain(found.name), "strong"), Cell(count)]
    if found.duplicates:
        line.append(Cell(f" · {found.duplicates:,} with a prompt that was there before", "warn"))
    if bad:
        line.append(
            Cell(f" · {found.broken:,} are no rows, the first on line {found.first_broken}")
        )
    if few:
        line.append(Cell(" · few: the interval will be wide", "warn"))
    return line
