"""Is a package whole, as it was written, and still what its records say?

Files alone are looked at here; `loading` has the model itself answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.checks.contents import RunContents, load
from engine.checks.finding import Finding, error, warning
from engine.folder import FolderError, read_json
from engine.plain_file import read_plain
from engine.publish.package.gathered import hider, ship_refusals
from engine.publish.package.loading import base_of, other_base, other_weights
from engine.publish.package.locking import LOCK
from engine.publish.package.making import EVAL_REPORT, MODEL_CARD, PROMPT, REQUIRED, as_json
from engine.publish.package.numbers_json import eval_report
from engine.publish.package.prompt import Rendered, fenced
from engine.publish.package.there import Package, package_at
from engine.publish.sections import sections, text_of
from engine.publish.site.homes import without_homes
from engine.publish.verification import verified
from engine.records.package import SpecialistLock
from engine.target import TargetError, load_target
from engine.workspace import Workspace, WorkspaceError

CARD_SECTIONS = (
    "For what",
    "Not for what",
    "Base",
    "Method",
    "Results",
    "Regression",
    "Performance",
    "Limits",
    "Routing",
)
MAX_TEXT = 16 * 2**20
_SHOWN = 10
_AGAIN = "Make it again: factory-tui package {run}"


def check_package(path: Path) -> list[Finding]:
    """Every finding of ``<workspace>/specialists/<id>``; none where all is well.

    ``file`` is relative to the package. OSError where a file is there and cannot be read.
    """
    found = package_at(path)
    if found is None:
        return [error("package-missing", "", "", "There is no package.", "factory-tui package RUN")]
    if found.lock is None:
        problem = found.problem
        said = f"{LOCK} {problem.message}." if problem is not None else f"There is no {LOCK}."
        pointer = problem.pointer if problem is not None else ""
        return [error("package-lock", LOCK, pointer, said, "Make the package again with --force.")]
    workspace = Workspace(path.resolve().parent.parent)
    return [
        *_whole(found, found.lock),
        *_private(found),
        *_of_records(workspace, found, found.lock),
        *_weights(workspace, found, found.lock),
        *_base(workspace, found.lock),
    ]


def template_finding(package: Package, shown: Rendered) -> list[Finding]:
    """Whether ``prompt.md`` shows the package's own example as the model reads it today."""
    text = _text(package.path / PROMPT) if PROMPT in package.names else ""
    if package.lock is None or "\n".join(fenced(shown.text)) in text:
        return []
    return [
        error(
            "package-prompt",
            PROMPT,
            "",
            "The example is not shown as the base model's chat template renders it here.",
            _AGAIN.format(run=package.lock.run_id),
        )
    ]


# --- the files --------------------------------------------------------------------------------


def _whole(found: Package, lock: SpecialistLock) -> Iterator[Finding]:
    again = _AGAIN.format(run=lock.run_id)
    if lock.id != found.path.name:
        said = f"The lock is of {lock.id}, the folder is called {found.path.name}."
        yield error("package-id", LOCK, "/id", said, f"Rename the folder to {lock.id}.")
    for name in sorted({*REQUIRED, *lock.files}):
        if name not in found.names:
            yield error("package-part", name, "", f"{name} is missing.", again)
        elif (found.path / name).stat().st_size == 0 or (
            name in REQUIRED and not _text(found.path / name).strip()
        ):
            yield error("package-part", name, "", f"{name} is empty.", again)
    for name in found.edited:
        yield error(
            "package-edited",
            name,
            "",
            f"{name} is not as it was written: its hash is another than the lock's.",
            f"Put your words into a file of their own. {again} --force",
        )
    if MODEL_CARD in found.names:
        yield from _card(_text(found.path / MODEL_CARD), lock)
    for name in found.others:
        if name.endswith((".safetensors", ".gguf", ".npz", ".jsonl")):
            yield warning(
                "package-weights",
                name,
                "",
                f"{name} is weights or data, and the lock does not know it.",
                "Move it away, or copy the adapter with --weights.",
            )


def _card(text: str, lock: SpecialistLock) -> Iterator[Finding]:
    again = _AGAIN.format(run=lock.run_id)
    there = {one.title: one for one in sections(text)}
    for title in CARD_SECTIONS:
        section = there.get(title)
        if section is None:
            yield error("package-part", MODEL_CARD, "", f"The card has no part {title}.", again)
        elif len(text_of(text, section).strip().splitlines()) < 2:
            said = f"The card's part {title} is empty."
            yield error("package-part", MODEL_CARD, "", said, again, section.start + 1)


def _private(found: Package) -> Iterator[Finding]:
    for name in (*REQUIRED, LOCK):
        lines = _text(found.path / name).split("\n") if name in found.names else []
        for number, line in enumerate(lines, start=1):
            if without_homes(line) != line:
                said = f"{name} names somebody's home directory."
                yield error("package-private", name, "", said, "Take the path out.", number)
                break


def _text(path: Path) -> str:
    try:
        return read_plain(path, MAX_TEXT).decode("utf-8", "replace")
    except OSError as problem:
        return "" if path.is_symlink() else _raise(problem)


def _raise(problem: OSError) -> str:
    raise problem


# --- the run ----------------------------------------------------------------------------------


def _of_records(workspace: Workspace, found: Package, lock: SpecialistLock) -> Iterator[Finding]:
    again = _AGAIN.format(run=lock.run_id)
    try:
        contents = load(workspace.run_path(lock.run_id))
    except WorkspaceError:
        contents = None
    if contents is None or contents.run_id != lock.run_id:
        yield warning(
            "package-run",
            LOCK,
            "/run_id",
            f"{lock.run_id} is not in this workspace: the numbers cannot be held against its "
            "records.",
            "Check it where the run is.",
        )
        return
    for reason in ship_refusals(contents):
        said = f"It could not be packaged today: {reason}"
        yield error("package-run", LOCK, "/run_id", said, f"factory-tui validate {lock.run_id}")
    if contents.document("decision.json").sha256 != lock.decision_sha256:
        said = f"The decision of {lock.run_id} is another one now."
        yield error("package-decision", LOCK, "/decision_sha256", said, again)
    yield from _numbers(workspace, found, contents)
    named = contents.artifact.package_dir if contents.artifact else None
    if named != f"specialists/{lock.id}":
        said = f"artifact.json of {lock.run_id} names {named or 'no package'}."
        yield warning("package-named", LOCK, "/id", said, again)


def _numbers(workspace: Workspace, found: Package, contents: RunContents) -> Iterator[Finding]:
    """Each value of ``eval_report.json`` that its record no longer has."""
    again = _AGAIN.format(run=contents.run_id)
    if EVAL_REPORT not in found.names:
        return
    try:
        written = read_json(found.path / EVAL_REPORT)
    except FolderError as problem:
        yield error("package-numbers", EVAL_REPORT, "", f"It {problem.message}.", again)
        return
    target = None
    if contents.outside.target_dir is not None:
        try:
            target = load_target(contents.outside.target_dir)
        except TargetError:
            target = None  # a target that is broken has no secrets that could be read
    hide = hider(workspace, target)
    now = json.loads(hide(as_json(eval_report(contents, verified(contents)))))
    different = list(_differ(written, now, ""))
    for pointer, was, said in different[:_SHOWN]:
        yield error(
            "package-numbers", EVAL_REPORT, pointer, f"{pointer} is {was}; now it is {said}.", again
        )
    if len(different) > _SHOWN:
        more = f"{len(different) - _SHOWN} more values are not those of the records."
        yield error("package-numbers", EVAL_REPORT, "", more, again)


def _differ(was: Any, now: Any, pointer: str) -> Iterator[tuple[str, str, str]]:
    """Where two JSON values differ: the pointer and both values as JSON."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted({*was, *now}):
            part = key.replace("~", "~0").replace("/", "~1")
            yield from _differ(was.get(key), now.get(key), f"{pointer}/{part}")
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for number, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from _differ(one, other, f"{pointer}/{number}")
    elif was != now:
        yield pointer, _short(was), _short(now)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:79] + "…"


# --- the model --------------------------------------------------------------------------------


def _weights(workspace: Workspace, found: Package, lock: SpecialistLock) -> Iterator[Finding]:
    weights = lock.weights
    path = workspace.path / weights.path if weights.path else None
    if path is None or not path.is_dir():
        yield warning(
            "package-weights",
            LOCK,
            "/weights/path",
            f"The weights are not on this disk ({weights.path or 'outside of the workspace'}).",
            "Check it where they are.",
        )
        return
    if not weights.files:
        yield warning(
            "package-weights",
            LOCK,
            "/weights/files",
            "No hash of the weights was locked.",
            _AGAIN.format(run=lock.run_id),
        )
    if not path.resolve().is_relative_to(workspace.path):
        said = f"{weights.path} leads out of the workspace."
        yield error("package-weights", LOCK, "/weights/path", said, "Make the package again.")
        return
    for name in other_weights(path, lock):
        yield error(
            "package-weights",
            LOCK,
            f"/weights/files/{name}",
            f"{weights.path}/{name} is missing or not the file that was judged.",
            "Put the weights back that were measured.",
        )


def _base(workspace: Workspace, lock: SpecialistLock) -> Iterator[Finding]:
    base = base_of(workspace, lock.base)
    if base is None:
        yield warning(
            "package-base",
            LOCK,
            "/base/id",
            f"The base model {lock.base.id} is not on this disk: it cannot be checked here.",
            "Check it where the model is.",
        )
        return
    for key, what in other_base(base.path, lock.base).items():
        yield error(
            "package-base",
            LOCK,
            f"/base/{key}",
            f"The base model on this disk has another {what} than the one that was locked.",
            "Put the base model back that it was trained on.",
        )
