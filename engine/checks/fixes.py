"""What may be mended without asking anybody for a judgement: findings → changes of files. Pure.

A fix is safe where the records alone say what is right: a report that is derived from them, the
spelling of a word of a closed list, a number that the rows count, the line ends, what a crash left
half done. A score, a bound, a decision, the frozen plan and the rows are never changed; whatever is
wrong with those needs a person. Nothing here reads or writes: `engine.fixing` does both.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from engine.checks.contents import MODELS, RunContents
from engine.checks.documents import check_shape
from engine.checks.finding import Finding
from engine.checks.pointers import with_key_after, with_value
from engine.records.evaluation import EvalResult
from engine.records.status import LastError, Phase, RunStatus, StageState

NEVER = frozenset({"decision.json", "plan.json", "run-status.json"})
"""Records that no fix rewrites: a person's word, what was frozen, and what its owner alone moves
(a run whose supervisor died is closed through `RunFolder.move`)."""

_REPORT = frozenset(
    {"report-numbers", "report-edited", "report-stale", "report-older", "report-missing"}
)
_CARD = frozenset({"card-stale", "card-edited"})
_FORM = frozenset({"line-ends", "byte-mark"})
FIXABLE = _REPORT | _CARD | _FORM | {"rows-uncounted", "file-shape", "left-over", "events-broken"}
FIXABLE |= {"supervisor-gone"}
"""Rules that a fix may answer; whether it does depends on the file."""

Through = Literal["file", "events", "status"]


@dataclass(frozen=True, slots=True)
class Fix:
    """A proposed change of one file.

    ``before`` and ``after`` are its bytes from ``start`` on; None where the file is not there, or
    is to be removed. ``side`` names a new file that keeps the bytes which the change takes away.
    ``through`` says who writes it: the file is replaced, the event log is cut or completed in
    place, or the status is moved as every status is. Where ``by_default`` is false the change is
    right but has a consequence that a person should want; ``why`` says which.
    """

    file: str
    why: tuple[str, ...]
    before: bytes | None
    after: bytes | None
    findings: tuple[Finding, ...]
    start: int = 0
    side: str | None = None
    through: Through = "file"
    by_default: bool = True


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of an event log: the bytes after its last line end, and where they begin."""

    start: int
    rest: bytes
    next_seq: int | None
    """The number that the next event has; None where the log cannot say."""


@dataclass(frozen=True, slots=True)
class Given:
    """What planning is handed beside the contents.

    ``files`` are the bytes of files by name; ``report`` is the report as the records make it, None
    where the folder's is not ours to write; ``card`` the two files of the report card by their
    names, where they are to be made anew; ``child_alive`` whether a process of the run still
    lives; ``now`` the time that a status is closed with.
    """

    files: Mapping[str, bytes]
    now: datetime
    report: str | None = None
    card: Mapping[str, bytes] = field(default_factory=dict)
    tail: Tail | None = None
    side: str = "events.jsonl.cut-1"
    child_alive: bool = False


def plan(contents: RunContents, findings: Sequence[Finding], given: Given) -> list[Fix]:
    """A fix for each file that can be mended, in the order of their names.

    None at all while a supervisor lives: the run is its to write.
    """
    if contents.supervisor_alive:
        return []
    by_file: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.rule in FIXABLE:
            by_file.setdefault(finding.file, []).append(finding)
    fixes = []
    for file, found in sorted(by_file.items()):
        fix = _fix(contents, file, found, given)
        if fix is not None:
            fixes.append(fix)
    if any(fix.file in contents.documents and fix.file not in given.card for fix in fixes):
        # What the records say is not settled yet: the report is made from them afterwards.
        fixes = [fix for fix in fixes if not _only_older(fix)]
    return fixes


def _only_older(fix: Fix) -> bool:
    return all(one.rule in ("report-older", "card-stale") for one in fix.findings)


def _fix(contents: RunContents, file: str, found: list[Finding], given: Given) -> Fix | None:
    data = given.files.get(file)
    if file == "report.md":
        return _report(found, data, given)
    if file in given.card:
        return _card(file, found, data, given)
    if file == "events.jsonl":
        return _events(contents, found, given)
    if file == "run-status.json":
        return _status(contents, found, data, given)
    if any(one.rule == "left-over" for one in found):
        why = "Nothing reads it; a write that was cut short left it behind. It is removed."
        return None if data is None else Fix(file, (why,), data, None, tuple(found))
    if file in NEVER or file not in contents.documents or data is None:
        return None
    return _record(contents, file, found, data)


def _report(found: list[Finding], data: bytes | None, given: Given) -> Fix | None:
    of_it = tuple(one for one in found if one.rule in _REPORT)
    if given.report is None or not of_it:
        return None
    after = given.report.encode("utf-8", "replace")
    if after == data:
        return None
    return Fix("report.md", ("It is made anew from the records.",), data, after, of_it)


def _card(file: str, found: list[Finding], data: bytes | None, given: Given) -> Fix | None:
    of_it = tuple(one for one in found if one.rule in _CARD)
    after = given.card[file]
    if not of_it or data is None or after == data:
        return None
    return Fix(file, ("It is made anew from the records.",), data, after, of_it)


# --- records --------------------------------------------------------------------------------------


def _record(contents: RunContents, file: str, found: list[Finding], data: bytes) -> Fix | None:
    """The record with its form, the spelling of its words and its count mended."""
    why: list[str] = []
    answered: list[Finding] = []
    before = data
    if any(one.rule in _FORM for one in found):
        data = data.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n")
        if not data.endswith(b"\n"):
            data += b"\n"
        why.append("It is saved as UTF-8 with line feeds alone; no value changes.")
        answered += [one for one in found if one.rule in _FORM]
    try:
        text = data.decode("utf-8-sig")
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    for one in found:
        if one.rule == "file-shape":
            changed = _spelling(file, text, value, one.pointer)
            said = "" if changed is None else f"{one.pointer} is written as its list has it."
        elif one.rule == "rows-uncounted":
            count = len(contents.rows.get(file, []))
            changed = with_key_after(text, "/score", "n", count) if count else None
            said = f"n is counted from the rows, which give the recorded score: {count}."
        else:
            continue
        if changed is not None and _only(text, changed, one.pointer or "/n"):
            text = changed
            value = json.loads(text)
            why.append(said)
            answered.append(one)
    after = text.encode("utf-8")
    if data.startswith(codecs.BOM_UTF8):
        after = codecs.BOM_UTF8 + after
    if after == before:
        return None
    return Fix(file, tuple(why), before, after, tuple(answered))


def _spelling(file: str, text: str, value: Any, pointer: str) -> str | None:
    """The text with the word at ``pointer`` in lower case, where that alone makes it right."""
    word = _at(value, pointer)
    if not isinstance(word, str):
        return None
    wanted = "-".join(word.lower().replace("_", " ").split())
    if not _WORD.fullmatch(wanted) or wanted in _NO_WORDS:
        return None
    changed = with_value(text, pointer, wanted) if wanted != word else None
    if changed is None:
        return None
    model = MODELS.get(file, EvalResult)
    _, before = check_shape(file, value, model)
    _, after = check_shape(file, json.loads(changed), model)
    left = {one.pointer for one in after}
    mended = pointer not in left and left < {one.pointer for one in before}
    return changed if mended else None


_WORD = re.compile(r"[a-z]+(-[a-z]+)*|[0-9a-f]{64}")
_NO_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "t", "f", "y", "n"})
"""What reads as a truth value is a verdict of somebody's, and none of a closed list of words."""


def _at(value: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


def _only(before: str, after: str, pointer: str) -> bool:
    """Whether two JSON texts differ in what stands at ``pointer`` and nowhere else."""
    try:
        old, new = json.loads(before), json.loads(after)
    except (ValueError, RecursionError):
        return False
    *way, last = (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
    for part in (old, new):
        node = part
        for key in way:
            node = node[int(key)] if isinstance(node, list) else node[key]
        if isinstance(node, dict):
            node.pop(last, None)
        else:
            node[int(last)] = None
    return bool(old == new)


# --- what a crash left ----------------------------------------------------------------------------


def _events(contents: RunContents, found: list[Finding], given: Given) -> Fix | None:
    """The last line without an end: completed where it is a whole event, else put aside."""
    tail, seen = given.tail, contents.events
    if tail is None or not tail.rest or seen is None or not seen.unfinished:
        return None
    of_it = tuple(one for one in found if one.line == seen.lines)
    if not of_it or contents.status is None:
        return None
    if _is_event(tail):
        why = "The last event is whole and only lacks its line end."
        after: bytes = tail.rest + b"\n"
        side = None
    else:
        why = f"The half line that a crash left is moved to {given.side}; no whole event is lost."
        after, side = b"", given.side
    return Fix("events.jsonl", (why,), tail.rest, after, of_it, tail.start, side, through="events")


def _is_event(tail: Tail) -> bool:
    try:
        event = json.loads(tail.rest)
    except (ValueError, RecursionError):
        return False
    seq = event.get("seq") if isinstance(event, dict) else None
    return type(seq) is int and seq == tail.next_seq


def _status(
    contents: RunContents, found: list[Finding], data: bytes | None, given: Given
) -> Fix | None:
    status = contents.status
    gone = tuple(one for one in found if one.rule == "supervisor-gone")
    if status is None or data is None or not gone or given.child_alive:
        return None
    closed = status.model_copy(deep=True)
    close(closed, given.now)
    closed.revision += 1
    closed.updated = given.now
    text = json.dumps(closed.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"
    why = (
        "Its supervisor is gone, so the run is closed as failed, with an event that says so.",
        "Only where it should not go on: a run that is closed cannot be resumed in its folder, "
        f"`factory-tui resume {contents.run_id}` makes a new one of it then.",
    )
    return Fix(
        "run-status.json",
        why,
        data,
        text.encode("utf-8"),
        gone,
        through="status",
        by_default=False,
    )


def close(status: RunStatus, now: datetime) -> None:
    """Close the status of a run whose supervisor died without a word."""
    running = [n for n, stage in status.stages.items() if stage.state is StageState.RUNNING]
    for name in running:
        stage = status.stages[name]
        stage.state, stage.ended, stage.reason = StageState.FAILED, now, "supervisor-gone"
    status.phase, status.ended = Phase.FAILED, now
    status.last_error = LastError(
        stage=running[0] if running else status.stage,
        message="The supervisor ended without saying why: it was killed, or the machine went down.",
        fix=f"factory-tui resume {status.run_id}",
    )
    status.supervisor = status.child = status.stage = status.waiting_for = None
