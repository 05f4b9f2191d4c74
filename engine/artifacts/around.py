"""Looks at a workspace for the rules of one public artifact. Never raises for what is there."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from engine.artifacts.inputs import MISSING, Inputs
from engine.artifacts.values import values_of
from engine.checks.public.around import Around, EvalSeen, Fall, FileSeen, PathSeen, RunSeen
from engine.checks.public.cells import cells_of, is_number
from engine.checks.public.entry import Entry
from engine.checks.public.places import MOST_FILES, hrefs, is_path
from engine.records.public import Outcome, PublicArtifact
from engine.records.run import DecisionKind
from engine.workspace import Workspace, WorkspaceError

MAX_FILES = MOST_FILES
"""Files of a folder that are looked at."""

_EVERYBODY = frozenset({"root", "admin", "user", "ubuntu", "runner", "nobody", "guest", "test"})
"""Login names that say nothing of a person."""


def look_around(workspace: Workspace, entry: Entry, inputs: Inputs) -> Around:
    """What the workspace has of what the artifact names. ``inputs`` remembers what was read."""
    artifact = entry.artifact
    if artifact is None:
        return Around()
    return Around(
        values=values_of(artifact, inputs, entry.written),
        runs={one: _run(workspace, one, inputs) for one in _named_runs(artifact)},
        evals=dict(_evals(artifact, inputs)),
        paired=dict(_paired(workspace, artifact)),
        paths={href: path_seen(workspace, href) for _, href in hrefs(artifact) if is_path(href)},
        package=_package(workspace, artifact.package),
        hide=_hider(workspace, artifact.target),
        homes=_homes(workspace),
        login=_login(),
    )


def path_seen(workspace: Workspace, href: str) -> PathSeen:
    """What lies at a path that is relative to the workspace; what follows a # does not count."""
    name = href.partition("#")[0]
    if not name or "\0" in name or "\\" in name or name.startswith(("/", "~")):
        return PathSeen.OUTSIDE
    if ".." in PurePosixPath(name).parts:
        return PathSeen.OUTSIDE
    try:
        path = (workspace.path / name).resolve()
        if not path.is_relative_to(workspace.path):
            return PathSeen.OUTSIDE
        if path.is_file():
            return PathSeen.FILE
        return PathSeen.FOLDER if path.is_dir() else PathSeen.MISSING
    except (OSError, RuntimeError, ValueError):  # a circle of links, a name that no file can have
        return PathSeen.MISSING


def files_below(folder: Path) -> tuple[FileSeen, ...]:
    """The files of a folder by their path in it, at most ``MAX_FILES``; hidden ones too."""
    home = folder.resolve()
    found = []
    for place, folders, names in os.walk(home):
        links = [one for one in folders if (Path(place) / one).is_symlink()]
        for name in (*names, *links):
            path = Path(place) / name
            try:
                leads_out = not path.resolve().is_relative_to(home)
                size = path.lstat().st_size if leads_out else path.stat().st_size
            except (OSError, RuntimeError):
                leads_out, size = True, 0
            found.append(FileSeen(path.relative_to(home).as_posix(), size, leads_out))
        if len(found) > MAX_FILES:
            break
    return tuple(sorted(found[:MAX_FILES], key=lambda one: one.name))


def _named_runs(artifact: PublicArtifact) -> list[str]:
    return [*artifact.runs, *(one.run for one in artifact.rejected if one.run)]


def _run(workspace: Workspace, run_id: str, inputs: Inputs) -> RunSeen:
    try:
        path = workspace.run_path(run_id)
    except (WorkspaceError, OSError):
        return RunSeen(there=False)
    if path.name != run_id:  # the beginning of an id is none
        return RunSeen(there=False)
    folder = f"runs/{run_id}"
    config = inputs.record(f"{folder}/config.json")
    decision = inputs.record(f"{folder}/decision.json")
    routed = str(inputs.record(f"{folder}/artifact.json").get("routing_constraint") or "").strip()
    word = decision.get("decision")
    problem = None
    if inputs.seen[f"{folder}/decision.json"] != MISSING and word not in set(DecisionKind):
        problem = "its decision.json holds no decision"
    target = config.get("target")
    return RunSeen(
        True,
        outcome_of_decision(word, routed=bool(routed)),
        str(decision.get("decided") or ""),
        target if isinstance(target, str) else None,
        problem,
        tuple(_falls(path, folder, inputs)),
    )


def outcome_of_decision(word: Any, *, routed: bool) -> Outcome:
    """A decision as an outcome. To try again, or to park, decides nothing of what was made."""
    if word == DecisionKind.SHIP:
        return Outcome.ROUTED if routed else Outcome.SHIPPED
    return Outcome.REJECTED if word == DecisionKind.REJECT else Outcome.UNDECIDED


def _falls(path: Path, folder: str, inputs: Inputs) -> Iterator[Fall]:
    for file in sorted(one.name for one in path.glob("eval-regression*-candidate.json")):
        candidate = f"{folder}/{file}"
        after = inputs.record(candidate)
        before = inputs.record(f"{folder}/{file.replace('-candidate.json', '-baseline.json')}")
        old, new = before.get("score"), after.get("score")
        if not is_number(old) or not is_number(new):
            continue
        fell = float(new) > float(old) if after.get("direction") == "lower" else new < old
        if fell:
            suite = after.get("suite")
            yield Fall(str(suite or file), candidate, float(old), float(new))


def _evals(artifact: PublicArtifact, inputs: Inputs) -> Iterator[tuple[str, EvalSeen]]:
    for place in cells_of(artifact):
        if place.cell.record is None or not place.pointer.startswith("/competition/"):
            continue
        file = place.cell.record.partition("#")[0]
        record = inputs.record(file)
        suite = record.get("suite")
        if isinstance(suite, str):
            n = record.get("n")
            yield (
                file,
                EvalSeen(
                    suite,
                    _text(record.get("suite_sha256")),
                    _text(record.get("scorer")),
                    _text(record.get("metric")),
                    n if type(n) is int else None,
                ),
            )


def _paired(workspace: Workspace, artifact: PublicArtifact) -> Iterator[tuple[str, float | None]]:
    """The p of every competition row that gives one and whose two scores are of records."""
    for number, row in enumerate(artifact.competition):
        theirs = row.score.record
        ours = row.ours.record if row.ours is not None else None
        if row.p is not None and theirs is not None and ours is not None:
            yield f"/competition/{number}", paired_p(workspace, theirs, ours)


def paired_p(workspace: Workspace, before: str, after: str) -> float | None:
    """The p of the paired test of two records' rows; None where these are not there, not of one
    run, or not of the same examples."""
    from engine.checks.finding import Finding
    from engine.checks.reading import load_rows
    from engine.folder import FolderError, read_record
    from engine.judge.comparison import Comparison
    from engine.records.evaluation import EvalResult

    files = [PurePosixPath(one.partition("#")[0]) for one in (before, after)]
    if files[0].parent != files[1].parent or files[0].parts[:1] != ("runs",):
        return None
    if any(path_seen(workspace, str(one)) is not PathSeen.FILE for one in files):
        return None
    run = workspace.path / files[0].parent
    try:
        evals = {one.name: read_record(run / one.name, EvalResult) for one in files}
    except FolderError:  # the checks of the run say what is wrong with it
        return None
    problems: list[Finding] = []
    rows = load_rows(run, evals, problems)
    old, new = (one.name for one in files)
    one, other = evals[old], evals[new]
    direction = other.direction or "higher"
    found = Comparison(one, other, rows.get(old), rows.get(new), direction)
    if found.mismatch is not None or found.paired is None:
        return None
    return found.paired.p


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _package(workspace: Workspace, package: str | None) -> tuple[FileSeen, ...] | None:
    if package is None or path_seen(workspace, package) is not PathSeen.FOLDER:
        return None
    return files_below(workspace.path / package)


def _hider(workspace: Workspace, target: str | None) -> Any:
    """Puts *** for the keys that are in this environment and in the target's ``.env``."""
    from engine.secrecy import Hider, key_names
    from engine.teaching.keys import environment

    folder = None
    if target and path_seen(workspace, f"targets/{target}") is PathSeen.FOLDER:
        folder = workspace.targets_dir / target
    return Hider(environment(folder), named=key_names(workspace.path))


def _homes(workspace: Workspace) -> tuple[str, ...]:
    found = [str(workspace.path)]
    try:
        found.append(str(Path.home()))
    except RuntimeError:  # nobody's home is known
        return tuple(found)
    return tuple(one for one in found if len(one) > 4)


def _login() -> str:
    try:
        login = getpass.getuser()
    except (OSError, KeyError):  # no name for this user
        return ""
    return login if len(login) > 2 and login.lower() not in _EVERYBODY else ""
