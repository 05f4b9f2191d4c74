"""Suites: frozen sets of examples, a scorer, and a metric with a direction.

A suite is a JSONL file. A row is one of

- ``{"messages": [{"role", "content"}, …], "category"?}``: the last message is the
  assistant's and is the expected answer, all before it (several turns, too) is the prompt;
- ``{"prompt", "completion", "category"?}``;
- ``{"question", "ideal", "category"?}``, a probe.

An ``id`` in a row is kept; else the row's line number is its id. Blank lines are skipped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.judge.scorers import METRIC, ScorerError, check_expected
from engine.records.run import Direction

MAX_SUITE_BYTES = 256 * 2**20
"""A gold file is never larger; one that is will not be read into memory."""

SHOWN_ERRORS = 20
"""How many bad rows the text of a SuiteError lists; ``problems`` has them all."""


class SuiteError(Exception):
    """A suite that cannot be used. ``problems`` has one "file:line: what" sentence for each row."""

    def __init__(self, problems: list[str]) -> None:
        shown = problems[:SHOWN_ERRORS]
        if len(problems) > SHOWN_ERRORS:
            shown.append(f"… and {len(problems) - SHOWN_ERRORS} more")
        super().__init__("\n".join(shown))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Example:
    """``messages`` is the whole prompt as chat turns, ``expected`` the right answer."""

    id: str
    messages: tuple[dict[str, str], ...]
    expected: str
    slice: str | None = None

    @property
    def prompt(self) -> str:
        """The last thing the user said: what a person wants to see of the prompt."""
        return next((m["content"] for m in reversed(self.messages) if m["role"] == "user"), "")


@dataclass(frozen=True, slots=True)
class Suite:
    """``sha256`` is that of the file's bytes: the same hash is the same suite."""

    name: str
    sha256: str
    scorer: str
    metric: str
    direction: Direction
    examples: tuple[Example, ...]


class _BadRow(ValueError):
    pass


def load_suite(
    path: Path,
    name: str,
    scorer: str,
    direction: Direction = "higher",
    system_prompt: str | None = None,
) -> Suite:
    """The suite in the file ``path``; the only function here that reads a disk.

    ``system_prompt`` is put before each prompt that has no system message of its own.
    SuiteError when the file cannot be read or any of its rows cannot be used.
    """
    try:
        size = path.stat().st_size
        if size > MAX_SUITE_BYTES:
            raise SuiteError([f"{path.name}: is {size / 2**20:.0f} MB large; split the suite"])
        data = path.read_bytes()
    except FileNotFoundError:
        raise SuiteError([f"{path.name}: the suite {name} has no such file ({path})"]) from None
    except OSError as error:
        raise SuiteError([f"{path.name}: cannot be read ({error.strerror})"]) from error
    return parse_suite(
        name,
        data.split(b"\n"),
        scorer=scorer,
        direction=direction,
        system_prompt=system_prompt,
        sha256=hashlib.sha256(data).hexdigest(),
        source=path.name,
    )


def parse_suite(
    name: str,
    lines: Iterable[bytes],
    *,
    scorer: str,
    sha256: str,
    direction: Direction = "higher",
    system_prompt: str | None = None,
    source: str | None = None,
) -> Suite:
    """The suite in the lines of a file named ``source``. SuiteError holds all bad rows at once."""
    source = source or name
    problems: list[str] = []
    examples: list[Example] = []
    first_line: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            example = _example(line, number, scorer, system_prompt)
            if example.id in first_line:
                raise _BadRow(f"the id {example.id} is taken by line {first_line[example.id]}")
        except _BadRow as error:
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
    return Suite(name, sha256, scorer, METRIC, direction, tuple(examples))


def _example(line: bytes, number: int, scorer: str, system_prompt: str | None) -> Example:
    row = _row(line)
    messages, expected = _turns(row)
    if problem := check_expected(scorer, expected):
        raise _BadRow(problem)
    if system_prompt and all(message["role"] != "system" for message in messages):
        messages.insert(0, {"role": "system", "content": system_prompt})
    return Example(
        id=_label(row, "id") or str(number),
        messages=tuple(messages),
        expected=expected,
        slice=_label(row, "category") or _label(row, "slice"),
    )


def _row(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _BadRow(f"is not UTF-8 text (byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise _BadRow(f"is not JSON ({error.msg} at column {error.colno})") from error
    except (ValueError, RecursionError) as error:
        raise _BadRow(
            "is JSON that cannot be read (nested too deeply, or a huge number)"
        ) from error
    if not isinstance(row, dict):
        raise _BadRow("is no JSON object")
    return row


def _turns(row: dict[str, Any]) -> tuple[list[dict[str, str]], str]:
    if "messages" in row:
        return _chat(row["messages"])
    for ask, answer in (("prompt", "completion"), ("question", "ideal")):
        if ask in row or answer in row:
            for key in (ask, answer):
                if key not in row:
                    raise _BadRow(f'has no "{key}"')
            user = {"role": "user", "content": _text(row[ask], ask)}
            return [user], _text(row[answer], answer)
    raise _BadRow('has neither "messages" nor "prompt" and "completion" nor "question" and "ideal"')


def _chat(turns: Any) -> tuple[list[dict[str, str]], str]:
    if not isinstance(turns, list):
        raise _BadRow('"messages" is no list')
    messages: list[dict[str, str]] = []
    for index, turn in enumerate(turns):
        if not isinstance(turn, dict) or not isinstance(turn.get("role"), str):
            raise _BadRow(f'messages/{index} is no object with a "role" and a "content"')
        messages.append(
            {"role": turn["role"], "content": _text(turn.get("content"), f"messages/{index}")}
        )
    if not messages or messages[-1]["role"] != "assistant":
        raise _BadRow("the last message must be the assistant's: it is the expected answer")
    *prompt, expected = messages
    if all(message["role"] != "user" for message in prompt):
        raise _BadRow("no user message stands before the answer")
    return prompt, expected["content"]


def _text(value: Any, where: str) -> str:
    """Text of a message; an object or a list that is no string is taken as its JSON text."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str):
        raise _BadRow(f"{where}: the content is no text")
    if not value.strip():
        raise _BadRow(f"{where}: the content is empty")
    return value


def _label(row: dict[str, Any], key: str) -> str | None:
    value = row.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _BadRow(f'"{key}" is neither text nor a whole number')
    return str(value)
