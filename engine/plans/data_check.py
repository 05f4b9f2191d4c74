"""What is in a target's data before anything is trained on it. Reads files: for a worker thread."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from engine.judge.leakage import prompt_text
from engine.judge.leaks import LeakIndex, Prompt, closest
from engine.plain_file import open_plain
from engine.records.leakage import LeakKind
from engine.target import Target, TargetError
from engine.work.chats import BadRow, Row, chat_row, normalise, prompt_of

MAX_ROWS = 200_000
"""Rows of one file that are looked at."""

MAX_BYTES = 64 * 2**20
"""Bytes of one file that are looked at: a few seconds. What was not is said."""

MAX_COMPARED = 50_000
"""Training rows that are held against each suite: some seconds. What was not is said."""

MAX_GOLD = 20_000
"""Prompts of one suite that training rows are held against."""

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
    """Training rows that come near a prompt of a suite: the data stage leaves them out."""

    rows: Counter[LeakKind] = field(default_factory=Counter)
    """How many, by how they come near it."""
    some: list[str] = field(default_factory=list)
    """The first of them in sentences that name both rows."""
    compared: int = 0
    """Training rows that were held against the suites."""


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
    held: list[LeakIndex] = []
    suites = []
    for suite in target.held_out:
        prompts: list[Prompt] = []
        suites.append(_check(target, suite.file, stopped, _gold_prompt, prompts, MAX_GOLD))
        held.append(LeakIndex(prompts))
    name = forge.dataset.canonical
    shared = Shared()
    canonical = None
    if name and _exists(target, name):
        rows: list[Prompt] = []
        canonical = _check(target, name, stopped, _prompt, rows, MAX_COMPARED)
        shared = _compare(rows, held, stopped)
    generator = forge.factory.data.generator
    return DataCheck(suites, canonical, shared, generator, forge.factory.data.rows)


def _exists(target: Target, name: str) -> bool:
    try:
        return target.file(name).exists()
    except TargetError:
        return True  # it is named, so reading it says what is wrong


PromptOf = Callable[[Any], str | None]
"""The prompt of a row; None for a suite's header. BadRow for what is no row."""


def _check(
    target: Target,
    name: str,
    stopped: Stopped,
    prompt: PromptOf,
    prompts: list[Prompt],
    most: int,
) -> FileCheck:
    """Look through one file; the first ``most`` of its prompts are added to ``prompts``."""
    found = FileCheck(name)
    try:
        found.path = target.file(name)
        with open_plain(found.path) as file:
            found.size = found.path.stat().st_size
            for one in _read(file, found, stopped, prompt):
                if len(prompts) < most:
                    prompts.append(one)
    except TargetError as error:
        found.problem = str(error)
    except OSError as error:
        found.problem = f"{name} cannot be read: {error.strerror}."
    return found


def _compare(rows: Sequence[Prompt], held: Sequence[LeakIndex], stopped: Stopped) -> Shared:
    """Which training rows come near a prompt of a suite."""
    shared = Shared(compared=len(rows))
    for number, row in enumerate(rows):
        if number % 512 == 0 and stopped():
            raise CheckStopped
        leak = closest(index.leak_in(row) for index in held)
        if leak is not None:
            shared.rows[leak.kind] += 1
            if len(shared.some) < SHOWN:
                shared.some.append(leak.sentence)
    return shared


def _read(file: BinaryIO, found: FileCheck, stopped: Stopped, prompt: PromptOf) -> Iterator[Prompt]:
    """Go through the lines and count; the prompt of each row that is one."""
    seen: set[int] = set()
    for number, line, whole in _lines(file, found):
        if number % 512 == 0 and stopped():
            raise CheckStopped
        found.rows += 1
        try:
            row = _row(line, whole)
            text = prompt(row)
        except BadRow as error:
            found.broken += 1
            if len(found.broken_lines) < SHOWN:
                found.broken_lines.append((number, str(error)))
            continue
        if text is None:
            found.rows -= 1
            continue
        tokens = _about_tokens(row)
        found.tokens += tokens
        if tokens > found.longest:
            found.longest, found.longest_line = round(tokens), number
        mark = hash(normalise(text))
        found.duplicates += mark in seen
        seen.add(mark)
        yield Prompt(found.name, number, text)


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


def _prompt(raw: Any) -> str:
    row: Row = chat_row(raw)
    return prompt_of(row)


def _gold_prompt(raw: Any) -> str | None:
    """The prompt of a suite's row, which may have other shapes; None for the suite's header."""
    try:
        return _prompt(raw)
    except BadRow:
        if isinstance(raw, dict) and set(raw) == {"suite"}:
            return None
        text = prompt_text(raw)
        if not text or not text.strip():
            raise
        return text


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
