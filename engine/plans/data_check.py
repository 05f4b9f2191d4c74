"""What is in a target's data before anything is trained on it. Reads files: for a worker thread."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from engine.judge.leakage import normalise, prompt_key
from engine.plain_file import open_plain
from engine.target import Target, TargetError
from engine.work.chats import BadRow, Row, chat_row, prompt_of

MAX_ROWS = 200_000
"""Rows of one file that are looked at."""

MAX_BYTES = 64 * 2**20
"""Bytes of one file that are looked at: a few seconds. What was not is said."""

MAX_LINE = 2**22
SHOWN = 3
"""Broken lines and shared prompts that are named."""

CHARACTERS_A_TOKEN = 4.0
"""About, for text in Latin letters; the model's tokenizer knows better."""

TURN_TOKENS = 4
"""What a chat template puts around a turn, about."""

Stopped = Callable[[], bool]


class CheckStopped(Exception):
    """Nobody waits for the check any more."""


@dataclass(slots=True)
class FileCheck:
    """What was found in one file of rows. ``problem`` is why it could not be read at all."""

    name: str
    path: Path | None = None
    size: int = 0
    """Bytes of the file; ``looked`` of them were read."""
    looked: int = 0
    rows: int = 0
    duplicates: int = 0
    """Rows whose prompt stood in the file before."""
    broken: int = 0
    broken_lines: list[tuple[int, str]] = field(default_factory=list)
    """Number and reason of the first few lines that are no rows."""
    longest: int = 0
    """Tokens of the longest row, about: by its characters. ``longest_line`` is where it stands."""
    longest_line: int = 0
    tokens: float = 0.0
    """Tokens of all rows, about."""
    problem: str | None = None

    @property
    def cut(self) -> bool:
        """Whether a part of the file was not looked at."""
        return self.looked < self.size

    @property
    def usable(self) -> int:
        """Rows that can be trained on."""
        return self.rows - self.broken


@dataclass(slots=True)
class Shared:
    """Prompts that stand in a suite and in the rows that are trained on."""

    exact: int = 0
    """Letter for letter."""
    normalised: int = 0
    """But for case and white space, the exact ones among them."""
    some: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DataCheck:
    """The data of a target: suites, canonical rows, and what they share."""

    suites: list[FileCheck]
    canonical: FileCheck | None
    shared: Shared
    generator: str | None
    rows: int
    """How many rows the generator makes."""


def check_data(target: Target, stopped: Stopped = lambda: False) -> DataCheck:
    """Read the suites and the canonical rows of a target. CheckStopped once ``stopped`` is true."""
    forge = target.forge
    gold: dict[str, set[str]] = {}
    suites = []
    for suite in target.suites:
        keys: dict[str, set[str]] = {}
        suites.append(_check(target, suite.file, stopped, keys))
        for key, texts in keys.items():
            gold.setdefault(key, set()).update(texts)
    name = forge.dataset.canonical
    shared = Shared()
    canonical = None
    if name and _exists(target, name):
        canonical = _check(target, name, stopped, None, gold, shared)
    generator = forge.factory.data.generator
    return DataCheck(suites, canonical, shared, generator, forge.factory.data.rows)


def _exists(target: Target, name: str) -> bool:
    try:
        return target.file(name).exists()
    except TargetError:
        return True  # it is named, so reading it says what is wrong


def _check(
    target: Target,
    name: str,
    stopped: Stopped,
    keys: dict[str, set[str]] | None,
    gold: dict[str, set[str]] | None = None,
    shared: Shared | None = None,
) -> FileCheck:
    found = FileCheck(name)
    try:
        found.path = target.file(name)
        with open_plain(found.path) as file:
            found.size = found.path.stat().st_size
            _read(file, found, stopped, keys, gold or {}, shared)
    except TargetError as error:
        found.problem = str(error)
    except OSError as error:
        found.problem = f"{name} cannot be read: {error.strerror}."
    return found


def _read(
    file: BinaryIO,
    found: FileCheck,
    stopped: Stopped,
    keys: dict[str, set[str]] | None,
    gold: dict[str, set[str]],
    shared: Shared | None,
) -> None:
    """Go through the lines. A suite (``keys`` given) notes its prompts; training rows are compared
    with those of the suites."""
    seen: set[int] = set()
    met: set[str] = set()
    met_exactly: set[str] = set()
    for number, line, whole in _lines(file, found):
        if number % 512 == 0 and stopped():
            raise CheckStopped
        found.rows += 1
        try:
            row = _row(line, whole)
            key, text = _prompt(row, suite=keys is not None)
        except BadRow as error:
            found.broken += 1
            if len(found.broken_lines) < SHOWN:
                found.broken_lines.append((number, str(error)))
            continue
        tokens = _about_tokens(row)
        found.tokens += tokens
        if tokens > found.longest:
            found.longest, found.longest_line = round(tokens), number
        mark = hash(key)
        found.duplicates += mark in seen
        seen.add(mark)
        if keys is not None:
            keys.setdefault(key, set()).add(text)
        elif key in gold:
            met.add(key)
            if text in gold[key]:
                met_exactly.add(text)
    if shared is not None:
        shared.normalised, shared.exact = len(met), len(met_exactly)
        shared.some = sorted(met)[:SHOWN]


def _lines(file: BinaryIO, found: FileCheck) -> Iterator[tuple[int, bytes, bool]]:
    """Number, bytes and wholeness of each line that is not blank, within the bounds."""
    number = 0
    while found.looked < MAX_BYTES and found.rows < MAX_ROWS:
        line = file.readline(MAX_LINE)
        if not line:
            return
        found.looked += len(line)
        number += 1
        whole = line.endswith(b"\n") or len(line) < MAX_LINE
        while not line.endswith(b"\n") and len(line) >= MAX_LINE and found.looked < MAX_BYTES:
            line = file.readline(MAX_LINE)  # the rest of an endless line is not kept
            found.looked += len(line)
        if not whole or line.strip():
            yield number, line, whole


def _row(line: bytes, whole: bool) -> Any:
    if not whole:
        raise BadRow(f"is longer than {MAX_LINE >> 20} MB")
    try:
        return json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadRow(f"is not UTF-8 text (byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise BadRow(f"is not JSON ({error.msg}, column {error.colno})") from error
    except (ValueError, RecursionError) as error:
        raise BadRow("is JSON that cannot be read") from error


def _prompt(raw: Any, *, suite: bool) -> tuple[str, str]:
    """A row's prompt, normalised and as it is. A suite may have rows of other shapes."""
    try:
        row: Row = chat_row(raw)
    except BadRow:
        key = prompt_key(raw) if suite else None
        if key is None:
            raise
        return key, key
    text = prompt_of(row)
    return normalise(text), text


def _about_tokens(raw: Any) -> float:
    """Tokens of a row by its characters; those beyond Latin letters count as one each."""
    if not isinstance(raw, dict):
        return 0.0
    turns = raw.get("messages")
    texts = (
        [turn.get("content") for turn in turns if isinstance(turn, dict)]
        if isinstance(turns, list)
        else [raw.get(key) for key in ("prompt", "completion", "question", "ideal", "text")]
    )
    total = 0.0
    for text in texts:
        if text is None:
            continue
        words = text if isinstance(text, str) else json.dumps(text)
        latin = len(words) if words.isascii() else sum(char < "\u0250" for char in words)
        total += TURN_TOKENS + latin / CHARACTERS_A_TOKEN + (len(words) - latin)
    return total
