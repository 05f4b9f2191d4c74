"""The example of a package's ``prompt.md``: a question of the target that it was not judged on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.loops.flywheel.canonical import CanonicalError, read_lines
from engine.loops.flywheel.dev import held_out
from engine.loops.flywheel.door import Door
from engine.plain_file import open_plain, read_plain
from engine.publish.package.gathered import Gathered
from engine.records.package import LockedPrompt
from engine.records.plan import StageKind

MAX_PROMPT = 2**20
MAX_NEW_TOKENS = 128
"""Of a run whose plan names no limit."""

_LINES = 200
"""So many training rows are looked at before there is none that may be shown."""


class NoExample(Exception):
    """There is no question that may be shown; the text says what to do."""


def example_of(gathered: Gathered, asked: str | None = None) -> LockedPrompt:
    """The question: ``asked``, else the first training row that is near no held-out one.

    NoExample where there is none on this disk, or the system prompt cannot be read.
    """
    if asked is not None and not asked.strip():
        raise NoExample("The prompt is empty. Give one with words: --prompt TEXT")
    messages, origin = ([{"role": "user", "content": asked}], "asked for") if asked else ([], "")
    if not messages:
        messages, origin = _from_rows(gathered)
    system = system_prompt_of(gathered)
    if system is not None and messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": system})
    return LockedPrompt(
        messages=json.loads(gathered.hide(json.dumps(messages, ensure_ascii=False))),
        origin=origin,
        max_new_tokens=_max_new_tokens(gathered),
    )


def system_prompt_of(gathered: Gathered) -> str | None:
    """The system prompt that the primary suite was asked with; None where there was none.

    NoExample where the plan names a file that cannot be read.
    """
    target, contents = gathered.target, gathered.contents
    named: object = "system_prompt.md"
    if contents.plan is not None:
        primary = (one for one in contents.planned_suites if one.get("role") == "primary")
        named = next(primary, {}).get("system_prompt")
    if target is None or not isinstance(named, str):
        return None
    try:
        return read_plain(target.file(named), MAX_PROMPT).decode("utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        if contents.plan is None:
            return None
        raise NoExample(
            f"{named}, with which it was judged, cannot be read in {target.path.name}: restore it."
        ) from error


def _from_rows(gathered: Gathered) -> tuple[list[dict[str, Any]], str]:
    target = gathered.target
    try:
        door = Door(held_out(target) if target is not None else [])
        for row, origin in _rows(gathered):
            if door.admit([row]).rows and (messages := _question(row)):
                return messages, origin
    except CanonicalError as error:
        raise NoExample(f"{error} Or give an example with --prompt TEXT.") from error
    raise NoExample(
        f"No training row of {gathered.config.target} is on this disk that could be shown as an "
        "example. Give one: --prompt TEXT"
    )


def _rows(gathered: Gathered) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Training rows: the target's own first, which are in its history, then the run's."""
    target = gathered.target
    name = target.forge.dataset.canonical if target is not None else None
    if target is not None and name is not None:
        for line in read_lines(target.file(name))[:_LINES]:
            if line.row is not None:
                yield line.row, f"line {line.number} of the training rows, {name}"
    for name in ("data/valid.jsonl", "data/train.jsonl"):
        yield from ((row, f"line {line} of {name}") for line, row in _lines(gathered.run / name))


def _lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        with open_plain(path) as file:
            for number in range(1, _LINES + 1):
                try:
                    row = json.loads(file.readline(MAX_PROMPT))
                except (ValueError, RecursionError):
                    continue
                if isinstance(row, dict):
                    yield number, row
    except OSError:
        return


def _question(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The turns of a training row up to its answer; none where it is of no shape that is known."""
    turns = row.get("messages")
    if isinstance(turns, list):
        found = [
            {"role": one["role"], "content": one["content"]}
            for one in turns[:-1]
            if isinstance(one, dict)
            and isinstance(one.get("role"), str)
            and isinstance(one.get("content"), str)
        ]
        whole = len(found) == len(turns) - 1
        return found if whole and any(one["role"] == "user" for one in found) else []
    text = row.get("prompt", row.get("question"))
    return [{"role": "user", "content": text}] if isinstance(text, str) and text.strip() else []


def _max_new_tokens(gathered: Gathered) -> int:
    for stage in gathered.contents.plan.stages if gathered.contents.plan else []:
        wanted = stage.spec.get("max_new_tokens") if stage.kind == StageKind.EVAL else None
        if isinstance(wanted, int) and wanted > 0:
            return wanted
    return MAX_NEW_TOKENS
