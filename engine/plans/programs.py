"""What a target brings that a run would execute here, and whether somebody agreed to it.

Commands of ``forge.yaml``, and Python of the target's own. Each is agreed to by itself, by the hash
of what would run: a change of one asks again for that one.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from engine.agreed import agree, is_agreed
from engine.answers.target_suites import SCORER
from engine.compute.hosts import HostsError, parse
from engine.folder import sha256_file
from engine.target import Target, TargetError
from engine.workspace import Workspace

TASKS = "lm-eval"
"""The folder of a target's own tasks of the harness: they may hold Python."""

MAX_FILES = 1000


@dataclass(frozen=True, slots=True)
class Program:
    """Something that would be executed: ``shown`` to a person, agreed to by ``sha256``."""

    shown: str
    sha256: str


def programs_of(target: Target) -> list[Program]:
    """What a run of this target executes that the target brings; TargetError for a file outside of
    it, OSError for one that cannot be read."""
    factory = target.forge.factory
    found = [
        _command(target, one) for one in factory.stages or () if isinstance(one, dict)
    ]  # what is wrong with a stage is said when it is planned
    names = [name for name in (factory.data.generator, SCORER) if name]
    files = [target.file(name) for name in names if target.file(name).is_file()]
    found += [Program(f"the Python of {one.name}", _sha256([one])) for one in files]
    tasks = target.path / TASKS
    if factory.suites.lm_eval and tasks.is_dir():
        inside = sorted(one for one in tasks.rglob("*") if one.is_file())[:MAX_FILES]
        found.append(Program(f"the tasks of {TASKS}/ ({len(inside)} files)", _sha256(inside)))
    return [*found, *_other_machines(target)]


def _other_machines(target: Target) -> list[Program]:
    """Machines that the target has reached by ssh, and given its rows. Names that are none are
    said when the run is planned."""
    try:
        hosts = parse(target.forge.compute.hosts or [])
    except HostsError:
        return []
    names = sorted({one.ssh for one in hosts if not one.here})
    if not names:
        return []
    shown = f"training by ssh on {', '.join(names)}, to which the training rows go"
    return [Program(shown, hashlib.sha256(json.dumps(["hosts", names]).encode()).hexdigest())]


def not_agreed(workspace: Workspace, target: Target) -> list[Program]:
    """Those that nobody agreed to in this workspace; what comes with this program needs no word."""
    return [
        one
        for one in programs_of(target)
        if not is_agreed(workspace, one.sha256) and one.sha256 not in _of_the_samples()
    ]


def agree_to(workspace: Workspace, programs: Iterable[Program]) -> None:
    """Write down that these were shown and agreed to. OSError as it comes."""
    for one in programs:
        agree(workspace, one.sha256, [one.shown])


def _command(target: Target, stage: dict[str, object]) -> Program:
    argv = stage.get("argv")
    words = [str(word) for word in argv] if isinstance(argv, list) else []
    env = stage.get("env")
    set_first = sorted(env.items()) if isinstance(env, dict) else []
    assigned = [f"{name}={value}" for name, value in set_first]
    named = {}
    for word in words:
        file = _file_of(target, word.removeprefix("{target}/"))
        if file is not None:
            named[word] = _sha256([file])
    whole = json.dumps([words, assigned, str(stage.get("cwd", "")), named], sort_keys=True)
    shown = shlex.join([*assigned, *words])
    return Program(f"{stage.get('name')}: {shown}", hashlib.sha256(whole.encode()).hexdigest())


def _file_of(target: Target, word: str) -> Path | None:
    """A file of the target that a command names: what it holds is part of the command."""
    try:
        path = target.file(word)
        return path if path.is_file() else None
    except (TargetError, OSError, ValueError):
        return None


def _sha256(files: Sequence[Path]) -> str:
    """Of one file its own hash; of several, that of their names and hashes."""
    hashes = [sha256_file(one) for one in files]
    if len(files) == 1:
        return hashes[0]
    pairs = [[one.name, known] for one, known in zip(files, hashes, strict=True)]
    return hashlib.sha256(json.dumps(pairs).encode()).hexdigest()


@cache
def _of_the_samples() -> frozenset[str]:
    from engine.samples import samples_dir

    try:
        return frozenset(_sha256([one]) for one in samples_dir().glob("targets/*/*.py"))
    except OSError:
        return frozenset()
