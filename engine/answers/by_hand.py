"""An example that a person made at the screen → a row at the end of a suite file of the target.

The file is written whole and renamed, so that a reader never sees half a row. What would make the
suite unusable is refused before: a row that its scorer cannot score, a prompt that it has already.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.answers.target_suites import HANDED, system_prompt
from engine.folder import alone, write_bytes_atomic
from engine.judge.suite_files import SuiteFiles
from engine.judge.suites import MAX_SUITE_BYTES, Example, SuiteError, parse_suite
from engine.plain_file import open_plain
from engine.target import Target, TargetError

BY_HAND = "dataset/by-hand.jsonl"
"""The suite that grows by hand; no run is judged on it unless forge.yaml names it."""

CATEGORY = "by-hand"
"""The slice that such rows are counted in."""

Role = Literal["by hand", "primary", "regression"]


class ByHandError(Exception):
    """A row that was not written; a sentence."""


@dataclass(frozen=True, slots=True)
class SuitePlace:
    """A suite file that a row can go to. ``scorer`` None is what the file's header says."""

    file: str
    path: Path
    role: Role
    name: str
    scorer: str | None
    system_prompt: str | None = None
    """What an evaluation puts before each prompt of this suite."""

    @property
    def frozen(self) -> bool:
        """Whether runs are judged on it: another row makes it another suite."""
        return self.role != "by hand"


@dataclass(frozen=True, slots=True)
class Written:
    """A row that was written: its line in the file, and the file's hashes around it.

    ``before`` is None where the file was made for it.
    """

    place: SuitePlace
    line: int
    examples: int
    before: str | None
    after: str


def places(target: Target) -> list[SuitePlace]:
    """Where a row can go: the suite by hand first, then the suites that judge. Not the sealed one:
    nobody looks into it before it is opened."""
    found: list[SuitePlace] = []
    for number, ref in enumerate(target.suites):
        role: Role = "regression" if number else "primary"
        prompt = None if number else system_prompt(target)
        path = _path(target, ref.file)
        found.append(SuitePlace(ref.file, path, role, ref.name, ref.scorer, prompt))
    own = _path(target, BY_HAND)
    if all(one.path != own for one in found):
        scorer = target.primary.scorer or target.forge.eval.scorer
        found.insert(0, SuitePlace(BY_HAND, own, "by hand", "by-hand", scorer))
    return found


def add_example(
    place: SuitePlace,
    messages: Sequence[dict[str, Any]],
    expected: str,
    tools: Sequence[dict[str, Any]] = (),
) -> Written:
    """Append a chat row: the prompt's messages, then ``expected`` as the assistant's.

    A system message that an evaluation of this suite adds anyway is left out. ByHandError says what
    is wrong with the row or the file; the file is as it was then. Blocks.
    """
    if not expected.strip():
        raise ByHandError("Without an expected answer nothing can be scored: write one.")
    turns = list(messages)
    if turns and turns[0] == {"role": "system", "content": place.system_prompt}:
        turns = turns[1:]
    turns.append({"role": "assistant", "content": expected})
    shown = {"tools": list(tools)} if tools else {}
    row = _line({"messages": turns, "category": CATEGORY, **shown})
    try:
        place.path.parent.mkdir(parents=True, exist_ok=True)
        with alone(place.path.parent):
            return _append(place, row)
    except OSError as error:
        raise ByHandError(
            f"{place.file} was not written ({error.strerror or error}); it is as it was."
        ) from error


# --- inside -------------------------------------------------------------------------


def _append(place: SuitePlace, row: bytes) -> Written:
    before = _read(place)
    if before is None:
        header = {"suite": {"name": place.name, "scorer": place.scorer}}
        data = _line(header) + row
    else:
        data = before + (b"" if before.endswith(b"\n") or not before else b"\n") + row
    examples = _usable(place, data)
    new, others = examples[-1], examples[:-1]
    for one in others:
        if _prompt(one) == _prompt(new):
            raise ByHandError(
                f"{place.file} has this prompt already (example {one.id}); nothing was written."
            )
    write_bytes_atomic(place.path, data)
    line = data.rstrip(b"\n").count(b"\n") + 1
    old = None if before is None else _sha(before)
    return Written(place, line, len(examples), old, _sha(data))


def _read(place: SuitePlace) -> bytes | None:
    try:
        with open_plain(place.path) as file:
            data = file.read(MAX_SUITE_BYTES + 1)
    except FileNotFoundError:
        return None
    if len(data) > MAX_SUITE_BYTES:
        raise ByHandError(f"{place.file} is larger than a suite can be; nothing was written.")
    return data


def _usable(place: SuitePlace, data: bytes) -> tuple[Example, ...]:
    """The examples of the file as it would be; ByHandError with the first reason against it."""
    files = SuiteFiles(place.path.parent)
    try:
        return parse_suite(
            None,
            data.split(b"\n"),
            scorer=place.scorer,
            system_prompt=place.system_prompt,
            sha256=_sha(data),
            source=place.path.name,
            gives=HANDED,
            files=files.database,
            hashes=files.hashes,
        ).examples
    except SuiteError as error:
        raise ByHandError(f"Nothing was written. {error.problems[0]}.") from error


def _prompt(example: Example) -> str:
    """What makes two examples the same to a person: all that is said before the answer."""
    turns = [(one["role"], " ".join(str(one["content"]).split())) for one in example.messages]
    return json.dumps([one for one in turns if one[0] != "system"])


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _path(target: Target, file: str) -> Path:
    try:
        return target.file(file)
    except TargetError as error:
        raise ByHandError(str(error)) from error
