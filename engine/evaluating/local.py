"""Suites answered by a model of this disk: the ordinary eval worker, as a child, outside of a run.

The worker wants a folder with a plan; the folder that the records go to gets one with the one
stage. It stands in the queue for the accelerator like a run.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.evaluating.places import evals_dir, file_names, new_folder
from engine.evaluating.wanted import Wanted, WantedSuite
from engine.folder import read_record, write_json_atomic
from engine.processes import myself
from engine.records.base import utc_now
from engine.records.evaluation import EvalResult
from engine.records.plan import Plan, Stage, StageKind
from engine.supervise.command import command_for
from engine.supervise.queue import POLL_S, Place
from engine.workspace import Workspace

LOG = "evaluate.log"
STAGE = "eval"
END_S = 20.0
"""How long a worker that was told to stop may take before it is killed."""

Heard = Callable[[dict[str, Any]], None]


class LocalError(Exception):
    """The worker did not come to its end; its own sentence, or what is known."""


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model directory of this disk, perhaps with an adapter; records call it ``label``."""

    path: Path
    adapter: Path | None
    label: str


def evaluate_here(
    workspace: Workspace,
    model: LocalModel,
    wanted: Wanted,
    folder: Path,
    command: str,
    heard: Heard,
) -> None:
    """Evaluate in a child that writes records and rows into ``folder``. Blocks.

    ``command`` is what a person types to have the same. ``heard`` gets the child's events as they
    come. LocalError when it does not end well; whatever ends it, also a KeyboardInterrupt, stops
    the child first.
    """
    within = folder
    if folder.parent != evals_dir(workspace):
        # A worker finds its workspace above its folder; it works there, and is moved afterwards.
        within = new_folder(workspace, wanted.name, model.path.name)
    try:
        _in_line(workspace, model, wanted, within, heard)
    finally:
        _name(model, wanted, within, command)
        if within != folder:
            for path in within.iterdir():
                shutil.move(path, folder / path.name)
            within.rmdir()


def _in_line(
    workspace: Workspace, model: LocalModel, wanted: Wanted, folder: Path, heard: Heard
) -> None:
    """Wait for the accelerator, then evaluate in ``folder``."""
    plan = _plan(model, wanted, folder)
    write_json_atomic(folder / "plan.json", plan)
    place = Place(workspace.path, folder, myself())
    try:
        place.ask()
        said = None
        while not place.try_take():
            words = place.wait_words()[1]
            if words != said:
                said = words
                heard({"kind": "message", "level": "info", "text": f"Waits for {words}."})
            time.sleep(POLL_S)
        _run(plan, folder, heard)
    finally:
        place.leave()


def _name(model: LocalModel, wanted: Wanted, folder: Path, command: str) -> None:
    """Have the records say who answered and how, without a path of this machine."""
    for one, (file, _) in zip(wanted.suites, file_names(wanted), strict=True):
        if not (folder / file).exists():
            continue  # it did not come so far
        record = read_record(folder / file, EvalResult)
        record.model_id, record.command = model.label, command
        if (note := one.note) is not None:
            known = record.notes or []
            record.notes = [*([known] if isinstance(known, str) else known), note]
        write_json_atomic(folder / file, record)


def _plan(model: LocalModel, wanted: Wanted, folder: Path) -> Plan:
    home = wanted.suites[0].home
    spec: dict[str, Any] = {
        "model": str(model.path),
        "adapter": str(model.adapter) if model.adapter else None,
        "max_new_tokens": wanted.max_new_tokens,
        "forbidden_commands": list(wanted.forbidden),
        "suites": [
            _suite(one, home, *names)
            for one, names in zip(wanted.suites, file_names(wanted), strict=True)
        ],
    }
    stage = Stage(
        name=STAGE,
        kind=StageKind.EVAL,
        argv=["{python}", "-P", "-m", "engine.work.evaluate"],
        spec=spec,
    )
    return Plan(run_id=folder.name, target_dir=str(home), created=utc_now(), stages=[stage])


def _suite(wanted: WantedSuite, home: Path, record: str, rows: str) -> dict[str, Any]:
    suite = wanted.suite
    return {
        "role": wanted.role,
        "name": suite.name,
        "file": os.path.relpath(wanted.path, home),
        "scorer": suite.scorer,
        "direction": suite.direction,
        "record": record,
        "rows": rows,
        "system_prompt": wanted.system_prompt_file,
        "exact": wanted.exact,
        "server": wanted.server,
        "first": None if wanted.of is None else len(suite.examples),
    }


def _run(plan: Plan, folder: Path, heard: Heard) -> None:
    command = command_for(plan, plan.stages[0], folder, resuming=False)
    reader, writer = os.pipe()
    with (folder / LOG).open("ab") as log:
        try:
            child = subprocess.Popen(
                command.argv,
                env=command.env | {"FACTORY_EVENTS_FD": str(writer)},
                cwd=folder,
                pass_fds=[writer],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        except OSError as error:
            os.close(reader)
            raise LocalError(f"A child process could not be started: {error.strerror}.") from error
        finally:
            os.close(writer)
    last = ""
    try:
        for event in _events(reader):
            if event.get("kind") == "message" and event.get("level") == "error":
                last = str(event.get("text"))
            heard(event)
        code = child.wait()
    except BaseException:
        _stop(child)
        raise
    if code != 0:
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise LocalError(last or f"The eval worker ended ({how}). Its log is {folder / LOG}.")


def _events(reader: int) -> Iterator[dict[str, Any]]:
    with os.fdopen(reader, encoding="utf-8", errors="replace") as pipe:
        for line in pipe:
            try:
                event = json.loads(line)
            except (ValueError, RecursionError):
                continue  # half a line of a worker that was killed
            if isinstance(event, dict):
                yield event


def _stop(child: subprocess.Popen[bytes]) -> None:
    for number, seconds in ((signal.SIGTERM, END_S), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(seconds)
            return
