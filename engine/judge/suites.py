"""Suites: frozen sets of examples, a scorer, and a metric with a direction.

A suite is a JSONL file; ``engine.judge.suite_rows`` says what a row is. An ``id`` in a row is kept;
else the row's line number is its id. Blank lines are skipped.

The first row may be a header that says what the file is:
``{"suite": {"name", "version", "scorer", "metric", "direction", "system_prompt", "prompt",
"options": {…}, "databases": {"file": "sha256"}, "judge": {…}}}``, each key only where it is wanted.
What the caller says and the header says must not differ in scorer and direction; the caller's name
and system prompt win. ``options`` go to the scorer, ``judge`` says which model judges
(``engine.judge.teacher``), ``prompt`` is the form of a text-to-SQL prompt with ``{schema}`` and
``{question}``, and ``databases`` freezes the SQLite files beside the suite.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from engine.judge import scorers
from engine.judge.scorers import ScorerError, metric_of
from engine.judge.sql_database import Database
from engine.judge.suite_files import SuiteFiles
from engine.judge.suite_rows import (
    SQL_PROMPT,
    BadRow,
    Example,
    Reading,
    read_example,
    read_object,
)
from engine.judge.teacher import TeacherSettings, settings_from
from engine.records.evaluation import Direction

__all__ = ["Example", "Suite", "SuiteError", "load_suite", "parse_suite"]

MAX_SUITE_BYTES = 256 * 2**20
"""A gold file is never larger; one that is will not be read into memory."""

SHOWN_ERRORS = 20
"""How many bad rows the text of a SuiteError lists; ``problems`` has them all."""

OPTIONS = "options"
"""What a caller hands over that passes ``Suite.options`` to the scorer."""

_HEADER_TEXTS = ("name", "version", "scorer", "metric", "direction", "system_prompt", "prompt")
_HEADER_TABLES = ("options", "databases", "judge")


class SuiteError(Exception):
    """A suite that cannot be used. ``problems`` has one "file:line: what" sentence for each row."""

    def __init__(self, problems: list[str]) -> None:
        shown = problems[:SHOWN_ERRORS]
        if len(problems) > SHOWN_ERRORS:
            shown.append(f"… and {len(problems) - SHOWN_ERRORS} more")
        super().__init__("\n".join(shown))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Suite:
    """``sha256`` is that of the file's bytes: the same hash is the same suite.

    ``databases`` are the SQLite files that its rows name, each with the hash of its bytes: they are
    part of the suite, but not of that hash. ``options`` are for the scorer, of every row.
    """

    name: str
    sha256: str
    scorer: str
    metric: str
    direction: Direction
    examples: tuple[Example, ...]
    version: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    databases: dict[str, str] = field(default_factory=dict)
    judge: TeacherSettings | None = None
    """Who judges; there exactly where the scorer is ``judge``."""


def load_suite(
    path: Path,
    name: str | None = None,
    scorer: str | None = None,
    direction: Direction | None = None,
    system_prompt: str | None = None,
    *,
    gives: Collection[str] = (),
    otherwise: str | None = None,
) -> Suite:
    """The suite in the file ``path``; only this function and ``SuiteFiles`` read a disk.

    ``system_prompt`` is put before each prompt that has no system message of its own. What is None
    comes from the file's header; without one the name is the file's, the direction "higher" and the
    scorer ``otherwise``.
    ``gives`` is what the caller can hand to a scorer besides the texts: "database" (that of
    ``Example.options``), "options" (``Suite.options``), "scorer_file", "teacher" (which asks
    ``Suite.judge``). A suite that needs more is refused here, before anything is evaluated.
    SuiteError when the file cannot be read or any of its rows cannot be used.
    """
    said = name or path.stem
    try:
        found = path.stat()
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            raise SuiteError([f"{path.name}: is no ordinary file"])
        if found.st_size > MAX_SUITE_BYTES:
            size = found.st_size / 2**20
            raise SuiteError([f"{path.name}: is {size:.0f} MB large; split the suite"])
        data = path.read_bytes()
    except FileNotFoundError:
        raise SuiteError([f"{path.name}: the suite {said} has no such file ({path})"]) from None
    except OSError as error:
        raise SuiteError([f"{path.name}: cannot be read ({error.strerror})"]) from error
    files = SuiteFiles(path.parent)
    return parse_suite(
        name,
        data.split(b"\n"),
        scorer=scorer,
        direction=direction,
        system_prompt=system_prompt,
        sha256=hashlib.sha256(data).hexdigest(),
        source=path.name,
        gives=gives,
        otherwise=otherwise,
        files=files.database,
        hashes=files.hashes,
    )


def _no_files(name: str) -> Database:
    raise BadRow(f"names the database {name}, and there is no folder to look for it in")


def parse_suite(
    name: str | None,
    lines: Iterable[bytes],
    *,
    scorer: str | None = None,
    sha256: str,
    direction: Direction | None = None,
    system_prompt: str | None = None,
    source: str | None = None,
    gives: Collection[str] = (),
    otherwise: str | None = None,
    files: Callable[[str], Database] = _no_files,
    hashes: Callable[[], dict[str, str]] = dict,
) -> Suite:
    """The suite in the lines of a file named ``source``. SuiteError holds all bad rows at once.

    ``files`` gives the database that a row names (BadRow where it cannot), ``hashes`` the hashes of
    all that it gave.
    """
    source = source or name or "suite"
    numbered = ((n, line) for n, line in enumerate(lines, start=1) if line.strip())
    first = next(numbered, None)
    header, problems = _header(first, source)
    is_header = header is not None
    header = header or {}
    scorer = _agreed(scorer, header.get("scorer"), "scorer", source, problems) or otherwise
    way = _agreed(direction, header.get("direction"), "direction", source, problems) or "higher"
    if way not in get_args(Direction):
        problems.append(f'{source}: the direction is "higher" or "lower", not {way!r}')
    if scorer is None:
        problems.append(f"{source}: no scorer is named, neither by the target nor in a header")
    options = header.get(OPTIONS, {})
    problems.extend(_beyond(scorer, options, gives, source))
    teacher = _teacher(scorer, header.get("judge"), source, problems)
    if problems or scorer is None:
        raise SuiteError(problems)
    reading = Reading(
        scorer,
        system_prompt or header.get("system_prompt"),
        files,
        header.get("prompt", SQL_PROMPT),
    )
    rows = numbered if is_header or first is None else _with(first, numbered)
    examples = _examples(rows, reading, source)
    problems.extend(_frozen(header.get("databases", {}), hashes(), source))
    problems.extend(_unusable(scorer, examples[0], options, source))
    if problems:
        raise SuiteError(problems)
    return Suite(
        name or header.get("name") or source,
        sha256,
        scorer,
        header.get("metric") or metric_of(scorer),
        "lower" if way == "lower" else "higher",
        examples,
        header.get("version"),
        options,
        hashes(),
        teacher,
    )


def _with(
    first: tuple[int, bytes], rest: Iterable[tuple[int, bytes]]
) -> Iterable[tuple[int, bytes]]:
    yield first
    yield from rest


def _examples(
    rows: Iterable[tuple[int, bytes]], reading: Reading, source: str
) -> tuple[Example, ...]:
    problems: list[str] = []
    examples: list[Example] = []
    first_line: dict[str, int] = {}
    for number, line in rows:
        try:
            example = read_example(line, number, reading)
            if example.id in first_line:
                raise BadRow(f"the id {example.id} is taken by line {first_line[example.id]}")
        except BadRow as error:
            problems.append(f"{source}:{number}: {error}")
        except ScorerError as error:
            raise SuiteError([f"{source}: {error}"]) from error
        else:
            first_line[example.id] = number
            examples.append(example)
    if not problems and not examples:
        problems.append(f"{source}: has no rows; a suite needs at least one example")
    if problems:
        raise SuiteError(problems)
    return tuple(examples)


# --- the header --------------------------------------------------------------------------


def _header(
    first: tuple[int, bytes] | None, source: str
) -> tuple[dict[str, Any] | None, list[str]]:
    """What the header says, or None where the first row is none; and what is wrong with it."""
    if first is None:
        return None, []
    number, line = first
    try:
        row = read_object(line)
    except BadRow:
        return None, []  # said once, when the rows are read
    if set(row) != {"suite"} or not isinstance(row["suite"], dict):
        return None, []
    header, problems = row["suite"], []
    for key, value in header.items():
        if key not in (*_HEADER_TEXTS, *_HEADER_TABLES):
            known = ", ".join((*_HEADER_TEXTS, *_HEADER_TABLES))
            problems.append(f'{source}:{number}: the header has no "{key}"; it has {known}')
        elif key in _HEADER_TABLES and not isinstance(value, dict):
            problems.append(f'{source}:{number}: "{key}" of the header is no object')
        elif key in _HEADER_TEXTS and (not isinstance(value, str) or not value.strip()):
            problems.append(f'{source}:{number}: "{key}" of the header is no text')
    return (header, problems) if not problems else ({}, problems)


def _agreed(
    given: str | None, said: str | None, what: str, source: str, problems: list[str]
) -> str | None:
    if given is not None and said is not None and given != said:
        problems.append(f"{source}: its header says the {what} {said}, the target says {given}")
    return said if given is None else given


def _beyond(
    scorer: str | None, options: dict[str, Any], gives: Collection[str], source: str
) -> list[str]:
    """What the suite needs and the caller does not hand over."""
    try:
        wanted = scorers.needs(scorer) if scorer is not None else frozenset()
        wrong = [
            f'{source}: the scorer {scorer} has no option "{key}"'
            for key in options
            if scorer is not None and (key in wanted or not scorers.has_option(scorer, key))
        ]
    except ScorerError as error:
        return [f"{source}: {error}"]
    missing = sorted((wanted | ({OPTIONS} if options else set())) - set(gives))
    names = {
        "database": "a database",
        "scorer_file": "a scorer.py that runs",
        "teacher": "a teacher model that can be asked",
        OPTIONS: "its options",
    }
    return wrong + [
        f"{source}: the scorer {scorer} needs {names.get(one, one)}, which is not handed to it here"
        for one in missing
    ]


def _teacher(
    scorer: str | None, table: dict[str, Any] | None, source: str, problems: list[str]
) -> TeacherSettings | None:
    if scorer != scorers.JUDGE:
        if table is not None:
            problems.append(f"{source}: the header names a judge, and the scorer is {scorer}")
        return None
    if table is None:
        problems.append(
            f"{source}: the scorer judge needs a header that says who judges: "
            '{"suite": {"scorer": "judge", "judge": {"model": …, "url": …}}}'
        )
        return None
    found = settings_from(table)
    if isinstance(found, list):
        problems.extend(f"{source}: {one}" for one in found)
        return None
    return found


def _unusable(scorer: str, example: Example, options: dict[str, Any], source: str) -> list[str]:
    """Whether the options have values that the scorer takes: one answer is scored with them."""
    if not options or scorers.needs(scorer) - {"database"}:
        return []
    try:
        scorers.score(scorer, example.expected, example.expected, **options, **example.options())
    except (ScorerError, TypeError, ValueError, OverflowError) as error:
        return [f"{source}: the scorer {scorer} does not take these options ({error})"]
    return []


def _frozen(said: dict[str, Any], found: dict[str, str], source: str) -> list[str]:
    """Databases that are others than the header froze, or that it froze and no row names."""
    problems = []
    for name, wanted in said.items():
        if name not in found:
            problems.append(f"{source}: the header names the database {name}, and no row does")
        elif found[name] != wanted:
            problems.append(f"{source}: the database {name} is another than its header froze")
    return problems
