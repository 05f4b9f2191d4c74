"""Looks a target's training rows through: by rules that need nobody, and by a teacher."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from engine.judge.leakage import prompt_key
from engine.loops.asking import Asking
from engine.loops.flywheel.canonical import Line
from engine.loops.flywheel.dev import held_out
from engine.loops.flywheel.door import Door
from engine.loops.flywheel.writing import brief_of
from engine.target import Target
from engine.teaching.blocking import with_teacher
from engine.teaching.errors import TeachingError
from engine.teaching.ledger import calls_in
from engine.teaching.reading import Misfit, read_reply
from engine.teaching.reviews import Reviewed, review_rows
from engine.teaching.rows import chat_row
from engine.teaching.tasks import Brief

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""The worst first."""

RULES = "rules"
"""Who found it, where no teacher did."""

HELD_OUT = ("held out", "nearly held out")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with the row in a line (its number from 1). ``fix`` is the answer that would be
    better, or a whole row; ``take_out``: the fix is that the row goes."""

    line: int
    severity: Severity
    issue: str
    by: str = RULES
    fix: Any = None
    take_out: bool = False
    prompt_sha256: str | None = None

    @property
    def fix_words(self) -> str:
        if self.take_out:
            return "take it out"
        if self.fix is None:
            return ""
        return self.fix if isinstance(self.fix, str) else json.dumps(self.fix, ensure_ascii=False)


@dataclass(slots=True)
class Audit:
    """``findings`` by line. ``teacher`` is who looked besides the rules, None for nobody, and
    ``said`` why, and what else a person should know; ``reviewed`` rows were looked at."""

    findings: list[Finding] = field(default_factory=list)
    rows: int = 0
    teacher: str | None = None
    reviewed: int = 0
    said: list[str] = field(default_factory=list)

    def from_severity(self, least: Severity) -> list[Finding]:
        """Those that are at least so bad."""
        wanted = SEVERITIES[: SEVERITIES.index(least) + 1]
        return [one for one in self.findings if one.severity in wanted]


def audit(target: Target, lines: Sequence[Line], asking: Asking | None) -> Audit:
    """Audit rows by rules, and by a teacher where one is given. A teacher that cannot be asked is
    said; what the rules found stays."""
    found = Audit(rows=sum(line.row is not None for line in lines))
    brief = brief_of(target)
    held = _held_out(target, lines)
    found.findings += [*_broken(lines, brief), *held, *_asked_twice(lines)]
    if asking is None:
        found.said.append("Nobody but the rules looked at the rows.")
    else:
        gone = {one.line for one in held}
        shown = [line for line in lines if line.row is not None and line.number not in gone]
        try:
            _by_teacher(found, target, brief, shown, asking)
        except TeachingError as error:
            found.said.append(f"{error} Nobody but the rules looked at the rows.")
    found.findings.sort(key=lambda one: (one.line, SEVERITIES.index(one.severity)))
    return found


def check_of(brief: Brief) -> Any:
    """Whether a row is one that the target's scorer can score: a check that raises Misfit. None
    for scorers whose rows hold more than a question and a text."""
    try:
        brief.check_writable()
    except TeachingError:
        return None
    return chat_row(brief.scorer)


# --- rules -------------------------------------------------------------------------------


def _broken(lines: Iterable[Line], brief: Brief) -> Iterable[Finding]:
    check = check_of(brief)
    for line in lines:
        if line.row is None:
            yield Finding(line.number, "error", "It is no JSON object.")
        elif prompt_key(line.row) is None:
            yield Finding(line.number, "error", "It asks nothing.")
        elif check is not None:
            try:
                check(line.row)
            except Misfit as error:
                issue = f"{str(error)[:1].upper()}{str(error)[1:]}.".replace("..", ".")
                yield Finding(line.number, "error", issue, fix=_without_words(line.row, check))


def _without_words(row: Mapping[str, Any], check: Any) -> str | None:
    """The one object of an answer that has a fence or prose around it, where that would do."""
    answer = answer_of(row)
    values = [one.value for one in read_reply(answer).found] if answer else []
    if len(values) != 1 or not isinstance(values[0], dict):
        return None
    text = json.dumps(values[0], ensure_ascii=False)
    try:
        check(with_answer(row, text))
    except Misfit:
        return None
    return text


def _held_out(target: Target, lines: Iterable[Line]) -> list[Finding]:
    found = []
    door = Door(held_out(target))
    for line in lines:
        if line.row is None:
            continue
        for one in door.admit([line.row]).turned:
            if one.why in HELD_OUT:
                issue = f"Its question is {one.why} ({one.against})."
                found.append(Finding(line.number, "error", issue, take_out=True))
    return found


def _asked_twice(lines: Iterable[Line]) -> Iterable[Finding]:
    first: dict[str, tuple[int, str | None]] = {}
    for line in lines:
        key = prompt_key(line.row) if line.row is not None else None
        if key is None:
            continue
        assert line.row is not None
        answer = answer_of(line.row)
        number, before = first.setdefault(key, (line.number, answer))
        if number == line.number:
            continue
        if _same(before, answer):
            yield Finding(line.number, "info", f"Line {number} asks and answers the same.")
        else:
            yield Finding(
                line.number, "warning", f"Line {number} asks the same, answers otherwise."
            )


def _same(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one.split() == other.split()


def answer_of(row: Mapping[str, Any]) -> str | None:
    """The text of a row's answer; None where it has none that is a text or an object."""
    turns = row.get("messages")
    if isinstance(turns, list):
        last = turns[-1] if turns else None
        value = last.get("content") if isinstance(last, dict) else None
    else:
        value = row.get("completion", row.get("ideal"))
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) else None


def with_answer(row: Mapping[str, Any], answer: str) -> dict[str, Any]:
    """The row with another answer, the rest as it was."""
    turns = row.get("messages")
    if isinstance(turns, list):
        kept = [one for one in turns[:-1] if isinstance(one, dict)]
        last = turns[-1] if turns and isinstance(turns[-1], dict) else {}
        if last.get("role") != "assistant":
            kept, last = [*kept, *([last] if last else [])], {"role": "assistant"}
        return {**row, "messages": [*kept, {**last, "content": answer}]}
    key = "ideal" if "ideal" in row else "completion"
    return {**row, key: answer}


# --- a teacher ---------------------------------------------------------------------------


def _by_teacher(
    found: Audit, target: Target, brief: Brief, lines: Sequence[Line], asking: Asking
) -> None:
    rows = [
        {name: value for name, value in (line.row or {}).items() if name != "origin"}
        for line in lines
    ]
    if not rows:
        return
    asking.ledger.parent.mkdir(parents=True, exist_ok=True)
    reviewed: Reviewed = with_teacher(
        asking.teacher,
        asking.ledger,
        lambda teacher: review_rows(teacher, brief, rows),
        workspace=asking.workspace,
        target=target.path,
        budget=asking.budget,
        check=asking.check,
    )
    prompts = {made.call: made.prompt_sha256 for made, _ in calls_in(asking.ledger)}
    found.teacher, found.reviewed = asking.teacher, len(reviewed.reviews)
    found.said += [*reviewed.notes, *reviewed.left_out]
    if reviewed.not_reviewed:
        found.said.append(f"{len(reviewed.not_reviewed)} rows were not reviewed.")
    for one in reviewed.reviews:
        if one.severity != "ok":
            found.findings.append(
                Finding(
                    lines[one.index].number,
                    one.severity,
                    one.issue or "The teacher did not say what.",
                    asking.teacher,
                    one.suggested_fix,
                    prompt_sha256=prompts.get(reviewed.call_of.get(one.index, "")),
                )
            )
