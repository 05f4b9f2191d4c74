"""One suite as one run answered it: the score, its interval, and each row's score by its id.

A row keeps only what pairing needs, so that many runs of many rows fit into memory; the texts of
an example are read from the rows file when somebody looks at it.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from engine.judge import stats
from engine.plain_file import open_plain

Role = Literal["primary", "regression"]

ROUNDING = 0.0006
"""How far a recorded score may lie from the mean of its rows: records round to three places."""

MAX_ROWS = 1_000_000
MAX_LINE = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Answers:
    """The rows of a suite: id to score, and a number that is the same for the same examples.

    ``problem`` says, as part of a sentence, why they cannot be used; then there are none.
    """

    scores: Mapping[str, float]
    content: int = 0
    problem: str | None = None
    sources: Mapping[str, str] | None = None
    """What each row shares its errors with; None where no row names a source."""

    @property
    def right_or_wrong(self) -> bool:
        """Whether every row is 0 or 1, so that shares and their intervals mean something."""
        return all(score in (0.0, 1.0) for score in self.scores.values())


NO_ANSWERS = Answers({}, problem="no rows are recorded")


@dataclass(frozen=True, slots=True)
class SuiteScore:
    """A record ``eval-*.json``. None is "not recorded"; ``score`` is finite where it is there."""

    suite: str
    role: Role
    file: str
    score: float | None = None
    n: int | None = None
    sha256: str | None = None
    scorer: str | None = None
    metric: str | None = None
    direction: str = "higher"
    recorded: tuple[float, float] | None = None
    """The interval that the record itself holds."""
    tokens_per_second: float | None = None
    rows_file: str = ""
    historical: str | None = None
    """Where the score was taken from, when it was not measured for its run."""
    answers: Answers | None = None
    """None while the rows were not read."""

    @property
    def share(self) -> bool:
        """Whether the score is a share of right answers, whose difference is in points."""
        if self.score is None or not 0 <= self.score <= 1:
            return False
        if self.answers is not None and self.answers.scores:
            return self.answers.right_or_wrong
        return self.metric in (None, "accuracy")

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval: Wilson's for a share of n answers, else the recorded one or None."""
        n = len(self.answers.scores) if self.answers and self.answers.scores else self.n
        if self.score is not None and n and self.share:
            return stats.wilson(self.score * n, n)
        return self.recorded

    def read_rows(self, folder: Path) -> SuiteScore:
        """The same with its rows; reads a file."""
        if self.answers is not None:
            return self
        return replace(self, answers=read_answers(folder, self.rows_file, self.score))


def suite_score(file: str, record: Mapping[str, Any], default_direction: str) -> SuiteScore | None:
    """A record as plain JSON, forgiving what is wrong with it; None where it names no suite."""
    suite = record.get("suite")
    if not isinstance(suite, str) or not suite.strip():
        return None
    direction = record.get("direction")
    n = number(record.get("n"))
    named = record.get("rows_file")
    interval = record.get("interval")
    return SuiteScore(
        suite=suite[:200],
        role="regression" if file.startswith("eval-regression") else "primary",
        file=file,
        score=number(record.get("score")),
        n=int(n) if n is not None and n >= 0 else None,
        sha256=_text(record.get("suite_sha256")),
        scorer=_text(record.get("scorer")),
        metric=_text(record.get("metric")),
        direction=direction if direction in ("higher", "lower") else default_direction,
        recorded=_interval(interval if isinstance(interval, dict) else {}),
        tokens_per_second=number(record.get("tokens_per_second")),
        historical=_text(record.get("historical")),
        rows_file=named
        if isinstance(named, str) and named
        else file.replace("eval-", "rows-", 1) + "l",
    )


def read_answers(folder: Path, name: str, score: float | None) -> Answers:
    """The scores in a rows file; never raises for what is in it."""
    if not inside(folder, name):
        return Answers({}, problem="the rows file lies outside the run folder")
    scores: dict[str, float] = {}
    sources: dict[str, str] = {}
    content = 0
    try:
        for count, row in enumerate(_rows(folder / name)):
            key, value = row_id(row), number(row.get("score"))
            if count >= MAX_ROWS:
                return Answers({}, problem=f"there are more than {MAX_ROWS:,} rows")
            if key is None or value is None:
                return Answers({}, problem=f"row {count + 1} has no id or no score")
            if key in scores:
                return Answers({}, problem="an id stands twice in the rows")
            scores[sys.intern(key)] = value
            if isinstance(source := row.get("source"), str) and source:
                sources[key] = sys.intern(source)
            what = "\0".join((key, str(row.get("prompt")), str(row.get("expected"))))
            digest = hashlib.blake2b(what.encode("utf-8", "replace"), digest_size=16).digest()
            content ^= int.from_bytes(digest)
    except FileNotFoundError:
        return NO_ANSWERS
    except OSError as error:
        return Answers({}, problem=f"{name} cannot be read ({error.strerror or error})")
    except ValueError as error:
        return Answers({}, problem=f"{name} is broken ({error})")
    if not scores:
        return NO_ANSWERS
    mean = math.fsum(scores.values()) / len(scores)
    if score is not None and not abs(mean - score) <= ROUNDING:
        problem = f"the rows give {mean:.3f} where the record says {score:.3f}"
        return Answers({}, problem=problem)
    shared = {key: sources.get(key, f"row {key}") for key in scores} if sources else None
    return Answers(scores, content, sources=shared)


def rows_with(folder: Path, name: str, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The rows of those ids as they stand in the file; {} where it cannot be read."""
    wanted = set(ids)
    found: dict[str, dict[str, Any]] = {}
    if not wanted or not inside(folder, name):
        return found
    try:
        for row in _rows(folder / name):
            key = row_id(row)
            if key in wanted:
                found[key] = row
                if len(found) == len(wanted):
                    break
    except (OSError, ValueError):
        return found
    return found


def inside(folder: Path, name: str) -> bool:
    """Whether a file that a record names lies in the run folder."""
    path = folder / name
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # RuntimeError: a link that leads to itself
        return False


def row_id(row: Mapping[str, Any]) -> str | None:
    """The id of a row as text; other tools number them."""
    key = row.get("id")
    if isinstance(key, str) and key:
        return key
    return str(key) if isinstance(key, int) and not isinstance(key, bool) else None


def _rows(path: Path) -> Iterable[dict[str, Any]]:
    with open_plain(path) as file:
        number_of = 0
        while line := file.readline(MAX_LINE):
            number_of += 1
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                raise ValueError(f"line {number_of} is not JSON") from None
            if not isinstance(row, dict):
                raise ValueError(f"line {number_of} is no row")
            yield row


def number(value: object) -> float | None:
    """A finite number, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _text(value: object) -> str | None:
    return value[:200] if isinstance(value, str) and value.strip() else None


def _interval(value: Mapping[str, Any]) -> tuple[float, float] | None:
    low, high = number(value.get("low")), number(value.get("high"))
    return None if low is None or high is None or low > high else (low, high)
