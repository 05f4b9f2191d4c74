"""What must hold of a run folder, whoever was killed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.checks import check_folder
from engine.folder import FolderError, RunFolder, read_json
from engine.records.events import EVENT
from engine.records.plan import Plan
from engine.records.run import RunConfig
from engine.records.status import RunStatus
from scripts.killing.works import SAID


class Wrong(Exception):
    """Something does not hold; the text says what."""


def read_status(run: Path) -> RunStatus:
    """The status, which must be there and whole at any moment."""
    try:
        status = RunFolder(run).status()
    except FolderError as error:
        raise Wrong(f"the status cannot be read: {error}") from error
    if status is None:
        raise Wrong("there is no status")
    return status


def whole_lines(run: Path) -> bytes:
    """The log of events up to its last end of a line: what is flushed."""
    data = (run / "events.jsonl").read_bytes()
    return data[: data.rfind(b"\n") + 1]


def events_of(run: Path) -> tuple[list[dict[str, Any]], int]:
    """The events, and how many lines are none."""
    events, torn = [], 0
    for line in whole_lines(run).split(b"\n"):
        if not line:
            continue
        try:
            events.append(json.loads(line))
        except ValueError:
            torn += 1
    return events, torn


def folder_holds(run: Path) -> tuple[int, int]:
    """Records parse, events are numbered without gap or double, validation comes to an end.

    Returns how many events there are, and how many lines were torn.
    """
    folder = RunFolder(run)
    try:
        for path in sorted(run.glob("*.json")):
            read_json(path)
        folder.read("config.json", RunConfig)
        folder.read("plan.json", Plan)
        read_status(run)
    except FolderError as error:
        raise Wrong(f"a record does not parse: {error}") from error
    events, torn = events_of(run)
    if torn > 1:
        raise Wrong(f"{torn} lines are torn, after one kill")
    numbers = [event["seq"] for event in events]
    if numbers != list(range(len(numbers))):
        odd = next(i for i, number in enumerate(numbers) if number != i)
        raise Wrong(f"event {odd} has number {numbers[odd]}")
    for event in events:
        EVENT.validate_python(event)
    unread = [one for one in check_folder(run) if "cut off" in one.message]
    if unread and not torn:
        raise Wrong(f"validate: {unread[0].message}")
    return len(events), torn


def said_holds(workspace: Path, runs: list[Path], flushed: bytes, *, supervisor_died: bool) -> None:
    """What children said, held against what is written down; for works whose children count.

    Of each child the numbers 1, 2, 3, … stand there once and in order: all that the pipe took
    when a supervisor was there to the end, at least what was flushed when it was killed.
    """
    if not (workspace / SAID).is_dir():
        return
    at_least = _numbers(flushed)
    for run in runs:
        heard = _numbers(whole_lines(run))
        for note in sorted((workspace / SAID).glob(f"{run.name}.*")):
            child = int(note.suffix[1:])
            lines = note.read_bytes().split(b"\n")[:-1]
            taken = int(lines[-1]) if lines else 0
            found = heard.get(child, [])
            if found != list(range(1, len(found) + 1)):
                raise Wrong(f"events of child {child} are lost or doubled: {found[-5:]}")
            died = supervisor_died and run == runs[0] and child == _last_child(flushed)
            least = len(at_least.get(child, [])) if died else taken
            # One more than noted: it was sent, and the child was killed before it could note it.
            if not least <= len(found) <= taken + 1:
                raise Wrong(
                    f"child {child} said {taken}, at least {least} were safe, {len(found)} stand"
                )


def _numbers(log: bytes) -> dict[int, list[int]]:
    """Process of each child to the numbers of its events, in the order of the log."""
    heard: dict[int, list[int]] = {}
    for line in log.split(b"\n"):
        try:
            values = json.loads(line)["values"]
            heard.setdefault(int(values["by"]), []).append(int(values["said"]))
        except (ValueError, KeyError, TypeError):
            continue
    return heard


def _last_child(log: bytes) -> int | None:
    """The process that the last stage of a log started."""
    child = None
    for line in log.split(b"\n"):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event["kind"] == "stage-start":
            child = event["pid"]
    return child
