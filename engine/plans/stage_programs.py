"""What a stage of a plan executes that is no program of ours: each shown, and agreed to by a hash.

A plan may come from elsewhere, so a stage is ours by what it does and not by what it is called: the
module of its kind, started as our plans start it, that writes only where our plans write.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.agreed import Kind, hash_of
from engine.compute.hosts import HERE, Host, HostsError, parse
from engine.plain_file import open_plain
from engine.plans.named_files import CannotAgree, named_files
from engine.records.plan import Stage, StageKind
from engine.workspace import Workspace

TASKS = "lm-eval"
"""The folder of a target's own tasks of the harness: they may hold Python."""

SCORER = "scorer.py"
CUSTOM = "custom"
"""The scorer of a suite that is a file of the target."""

MAX_SOURCE = 64 * 2**20
_SHOWN_FILES = 20
_OUTS = ("{run}/", "{target}/output/", "{workspace}/.factory/cache/")
_NO_KEYS = (StageKind.DATA, StageKind.PRETRAIN)
_WORKERS = {
    StageKind.PRETRAIN: ("pretrain",),
    StageKind.CONVERT: ("convert",),
    StageKind.DATA: ("data",),
    StageKind.EVAL: ("evaluate",),
    StageKind.TRAIN: ("train", "ranks"),
    StageKind.FUSE: ("fuse",),
}
_PYTHON = ["{python}", "-P", "-m"]
_RESULTS = [*_PYTHON, "engine.project.pretrain_results", "{run}", "{target}"]
_OTHERS = {
    StageKind.REPORT: ([*_PYTHON, "engine.cli", "report", "{run}"],),
    StageKind.COMMAND: (_RESULTS, [*_RESULTS, "--set-base"]),
}
"""Programs of ours that are no workers, with all their words."""


@dataclass(frozen=True, slots=True)
class Program:
    """Something that would be executed: ``shown`` to a person, agreed to by ``sha256``."""

    shown: str
    sha256: str


def programs_of_stage(
    workspace: Workspace, target: Path, stage: Stage, run: Path | None = None
) -> list[Program]:
    """What a run of the stage executes that is not ours. ``target`` is the resolved folder, ``run``
    that of the run where there is one.

    Files are read as they are now; one that is not there is no program (the stage says so).
    CannotAgree where a person could not agree, OSError for a file that cannot be read.
    """
    if not _is_ours(stage):
        return [command_program(workspace, target, stage)]
    found = []
    if isinstance(generator := stage.spec.get("generator"), str):
        path = _as_a_worker_does(generator, workspace, target, run)
        found += source_program(Kind.GENERATOR, path)
    # One without a name has the scorer that its file names.
    if any(_get(one, "scorer") in (CUSTOM, "", None) for one in _list(stage.spec.get("suites"))):
        found += source_program(Kind.SCORER, target / SCORER)
    if stage.spec.get("harness"):
        found += tasks_program(target)
    hosts = _hosts(stage)
    if not _known_hosts(workspace, hosts):
        found += hosts_program(hosts)
    return found


# --- programs by their kinds ------------------------------------------------------


def command_program(workspace: Workspace, target: Path, stage: Stage) -> Program:
    """A command, with what the files hold that it names."""
    env = sorted(stage.env.items())
    assigned = [f"{name}={value}" for name, value in env]
    texts = [*stage.argv, *(value for _, value in env)]
    files = named_files(target, _places(workspace, target), stage.cwd, texts)
    keys = not stage.withholds_secrets and stage.kind not in _NO_KEYS
    outs = _outs(stage) if stage.kind is not StageKind.COMMAND else {}
    whole = [stage.argv, env, stage.cwd, keys, sorted(outs.items()), sorted(files.items())]
    shown = f"{stage.name}: {shlex.join([*assigned, *stage.argv])} (in {stage.cwd})"
    shown += "".join(f", {name} {value}" for name, value in sorted(outs.items()))
    if files:
        names = sorted(files)
        more = len(names) - _SHOWN_FILES
        said = ", ".join([*names[:_SHOWN_FILES], *([f"{more:,} more"] if more > 0 else [])])
        shown += f"; of the target: {said}"
    return Program(shown, hash_of(Kind.COMMAND, json.dumps(whole).encode()))


def source_program(kind: Kind, path: Path) -> list[Program]:
    """A Python file of the target; [] where there is none."""
    try:
        with open_plain(path) as file:
            content = file.read(MAX_SOURCE + 1)
    except (FileNotFoundError, NotADirectoryError):
        return []
    if len(content) > MAX_SOURCE:
        raise CannotAgree(
            f"{path.name} is larger than {MAX_SOURCE // 2**20} MiB: it is no program."
        )
    return [Program(f"the Python of {path.name}", hash_of(kind, content))]


def tasks_program(target: Path) -> list[Program]:
    """The target's own tasks of the harness, all of them; [] where it has none."""
    folder = target / TASKS
    if not folder.is_dir():
        return []
    files = named_files(target, _places(Workspace(target), target), "{target}", [TASKS])
    content = json.dumps(sorted(files.items())).encode()
    return [Program(f"the tasks of {TASKS}/ ({len(files)} files)", hash_of(Kind.TASKS, content))]


def hosts_program(hosts: Sequence[Host]) -> list[Program]:
    """Machines that are reached by ssh, and addresses that are sent to, both of which are given the
    training rows; [] where there are none."""
    names, addresses = _elsewhere(hosts)
    if not names and not addresses:
        return []
    at = f" (at {', '.join(addresses)})" if addresses else ""
    shown = f"training by ssh on {', '.join(names)}{at}, to which the training rows go"
    return [Program(shown, hash_of(Kind.HOSTS, json.dumps([names, addresses]).encode()))]


def _elsewhere(hosts: Sequence[Host]) -> tuple[list[str], list[str]]:
    """The names and the addresses that are not of this machine."""
    names = {one.ssh for one in hosts if not one.here}
    addresses = {ip for one in hosts for ip in one.ips if not ip.startswith("127.") and ip != "::1"}
    return sorted(names), sorted(addresses)


def _hosts(stage: Stage) -> list[Host]:
    """The hosts of a stage as its worker takes them: by their names, as they stand there."""
    wanted = _get(stage.spec.get("compute"), "hosts")
    if not wanted:
        return []
    try:
        hosts = parse(wanted)
    except (HostsError, TypeError) as error:
        raise CannotAgree(f"compute.hosts: {error}") from error
    if any(_get(one, "ssh") not in {host.ssh for host in hosts} for one in wanted):
        raise CannotAgree(f"compute.hosts: this machine is {HERE} in a plan, by no other name.")
    return hosts


def _known_hosts(workspace: Workspace, hosts: Sequence[Host]) -> bool:
    """Whether factory.toml, which is the person's own, names all of these machines."""
    from engine.compute.wanted import hosts_of_workspace

    names, addresses = map(set, _elsewhere(hosts))
    if not names and not addresses:
        return True
    try:
        known = _elsewhere(hosts_of_workspace(workspace.path))
    except HostsError:
        return False
    return names <= set(known[0]) and addresses <= set(known[1])


# --- what is ours -----------------------------------------------------------------


def _is_ours(stage: Stage) -> bool:
    """Whether the stage is a program of ours, started and told as our plans do it."""
    if stage.env or stage.cwd not in ("{target}", "{run}"):
        return False
    if stage.argv in _OTHERS.get(stage.kind, ()):
        return True
    workers = [[*_PYTHON, f"engine.work.{name}"] for name in _WORKERS.get(stage.kind, ())]
    return stage.argv in workers and not _outs(stage)


def _outs(stage: Stage) -> dict[str, str]:
    """Setting to path for each that has a worker write, and replace, what is not its own."""
    wanted = {name: stage.spec.get(name) for name in ("out", "adapter_dir")}
    for kind in ("suites", "harness"):
        for number, suite in enumerate(_list(stage.spec.get(kind))):
            for name in ("record", "rows"):
                wanted[f"{kind}.{number}.{name}"] = _get(suite, name)
    return {
        name: value
        for name, value in wanted.items()
        if isinstance(value, str) and not _is_own_out(value)
    }


def _is_own_out(value: str) -> bool:
    path = os.path.normpath(value if value.startswith(("{", "/")) else "{run}/" + value)
    return any(path.startswith(place) for place in _OUTS)


def _places(workspace: Workspace, target: Path) -> dict[str, str]:
    # A run's own folder is there only once it runs, and has another name each time.
    run = str(workspace.runs_dir / "{run}")
    return {"{target}": str(target), "{workspace}": str(workspace.path), "{run}": run}


def _as_a_worker_does(text: str, workspace: Workspace, target: Path, run: Path | None) -> Path:
    """The file of a setting, found as ``WorkerContext.target_path`` finds it."""
    places = _places(workspace, target) | ({} if run is None else {"{run}": str(run.resolve())})
    for name in ("{run}", "{workspace}", "{target}"):
        text = text.replace(name, places[name])
    return target / text.replace("{python}", sys.executable)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def in_short(programs: Sequence[Program], room: int = 300) -> str:
    """The programs in a line of a sentence; who asks shows them whole."""
    text = "; ".join(one.shown for one in programs)
    return text if len(text) <= room else text[:room] + " …"


def each_of(programs: Iterable[Program]) -> list[Program]:
    """The programs without those that stand twice."""
    return list({one.sha256: one for one in programs}.values())
