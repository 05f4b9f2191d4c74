"""Puts what an audit suggests into canonical: row by row, through the door, in one atomic write.

What stood there before is kept in ``output/audit_<time>.jsonl``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.folder import write_bytes_atomic
from engine.judge.leakage import prompt_key
from engine.loops.flywheel.canonical import Line, encoded, replace_lines
from engine.loops.flywheel.dev import held_out
from engine.loops.flywheel.door import Door
from engine.loops.flywheel.writing import brief_of
from engine.project.auditing import Finding, check_of, with_answer
from engine.project.output import OUTPUT
from engine.records.base import utc_now
from engine.records.loop import Origin
from engine.target import Target
from engine.teaching.reading import Misfit

ROW_KEYS = ("messages", "prompt", "completion", "question", "ideal")
"""The keys that make a row; the others are notes beside it and stay."""


@dataclass(slots=True)
class Mended:
    """``fixed`` and ``taken_out`` are lines as they were numbered before; ``left`` says of the
    others why they are as they were. ``kept_in`` holds what stood there; None: nothing changed."""

    fixed: list[int] = field(default_factory=list)
    taken_out: list[int] = field(default_factory=list)
    left: dict[int, str] = field(default_factory=dict)
    kept_in: Path | None = None


class _NoFix(ValueError):
    """A suggestion that is not followed; the text says why."""


def mend(target: Target, path: Path, lines: list[Line], findings: Sequence[Finding]) -> Mended:
    """Follow the suggestions of ``findings``; the first of a line that can be followed counts.

    CanonicalError where the file changed since it was read, or cannot be written.
    """
    done = Mended()
    by_line = {line.number: line for line in lines}
    door = Door(held_out(target))
    check = check_of(brief_of(target))
    known = {key for line in lines if line.row and (key := prompt_key(line.row))}
    changes: dict[int, bytes | None] = {}
    kept: list[dict[str, Any]] = []
    now = utc_now().replace(microsecond=0)
    for one in findings:
        line = by_line[one.line]
        if one.line in changes:
            continue
        if one.take_out:
            changes[one.line] = None
            done.taken_out.append(one.line)
        else:
            try:
                row = _mended(line, one, check, door, known)
            except _NoFix as error:
                done.left[one.line] = str(error)
                continue
            changes[one.line] = encoded(row, _origin(line, one), now)
            done.fixed.append(one.line)
        done.left.pop(one.line, None)
        kept.append(_kept(line, one, changes[one.line]))
    if changes:
        name = f"audit_{now:%Y%m%d_%H%M%S}.jsonl"
        done.kept_in = target.path / OUTPUT / name
        done.kept_in.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in kept)
        write_bytes_atomic(done.kept_in, text.encode("utf-8", "replace"))
        replace_lines(path, lines, changes)
    return done


def _mended(line: Line, one: Finding, check: Any, door: Door, known: set[str]) -> dict[str, Any]:
    if line.row is None or one.fix is None:
        raise _NoFix("nobody suggested what would be better")
    before = {name: value for name, value in line.row.items() if name != "origin"}
    row = _as_row(before, one.fix)
    if check is not None:
        try:
            check(row)
        except Misfit as error:
            raise _NoFix(f"the suggested row cannot be used: {error}") from error
    if row == before:
        raise _NoFix("what is suggested stands there already")
    key = prompt_key(row)
    if key != prompt_key(before) and key in known:
        raise _NoFix("the suggested row asks what another row asks")
    turned = door.admit([row]).turned
    if turned and turned[0].why != "there already":
        raise _NoFix(f"the suggested row was turned away at the door: {turned[0].why}")
    return row


def _as_row(before: Mapping[str, Any], fix: Any) -> dict[str, Any]:
    """The row that a suggestion means: another answer, or a whole row in place of the old one."""
    whole = fix
    if isinstance(fix, str):
        try:
            whole = json.loads(fix)
        except (ValueError, RecursionError):
            whole = None
    if isinstance(whole, dict) and any(key in whole for key in ("messages", "prompt", "question")):
        beside = {key: value for key, value in before.items() if key not in ROW_KEYS}
        given = {key: value for key, value in whole.items() if key in (*ROW_KEYS, "category")}
        return _with_system(before, beside | given)
    if isinstance(fix, str):
        return with_answer(before, fix)
    if isinstance(fix, dict | list):
        return with_answer(before, json.dumps(fix, ensure_ascii=False))
    raise _NoFix("the suggestion is neither an answer nor a row")


def _with_system(before: Mapping[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """A system turn that the old row had is the new one's as well."""

    def system(of: Mapping[str, Any]) -> Any:
        turns = of.get("messages")
        first = turns[0] if isinstance(turns, list) and turns else None
        return first if isinstance(first, dict) and first.get("role") == "system" else None

    if (turn := system(before)) is not None and "messages" in row and system(row) is None:
        return {**row, "messages": [turn, *row["messages"]]}
    return row


def _origin(line: Line, one: Finding) -> Origin:
    """Who wrote the row now; for which loop and failures it was written is still true."""
    old = line.origin or Origin(kind="audited", by=one.by)
    return old.model_copy(
        update={
            "kind": "audited",
            "by": one.by,
            "prompt_sha256": one.prompt_sha256,
            "added": None,
            "was": line.written,
        }
    )


def _kept(line: Line, one: Finding, after: bytes | None) -> dict[str, Any]:
    return {
        "line": line.number,
        "severity": one.severity,
        "issue": one.issue,
        "by": one.by,
        "before": line.raw.decode("utf-8", "replace"),
        "after": None if after is None else after.decode("utf-8", "replace"),
    }
