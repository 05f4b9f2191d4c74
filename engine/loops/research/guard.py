"""The rules of a protocol, held against what a try changed: before it runs, and after.

Pure: facts come from ``snapshot`` and ``harness``. What the protocol's kinds of change mean here:

- ``code_edit``: a text file is edited, or a new one is made;
- ``file_add``: a new text file is made; ``file_delete``: a file is deleted;
- ``config_edit``: a settings file (JSON, YAML, TOML, INI) is edited or made;
- ``data_edit``: a data file is edited, made or deleted, binary ones too.

Links, repositories within the repository, pipes and large files are never a try. A kind that is
not known allows nothing; where none is known, edits of code are meant.

While it runs, a try may leave new files that are no code and no rule speaks of (a log, a
checkpoint): they are taken away afterwards, without blame. A mutable file, a tracked one, one of
the harness and a forbidden one must be after the run what they were before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath

from engine.globs import matches
from engine.loops.research.dependencies import installs, is_dependency_file, new_modules
from engine.loops.research.snapshot import LARGEST, Act, Change, Snapshot
from engine.loops.research.surface import is_harness, is_mutable, surface_hash
from engine.records.protocol import Protocol
from engine.records.research import Violation

KINDS = ("code_edit", "file_add", "file_delete", "config_edit", "data_edit")

_CONFIG = (".json", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf")
_DATA = (".jsonl", ".csv", ".tsv", ".txt", ".npy", ".npz", ".parquet", ".bin", ".gz", ".zip")
_CODE = (".py", ".pyi", ".pyx", ".pth", ".sh", ".c", ".cc", ".cpp", ".h", ".metal", ".cu", ".so")
_FORMS = {
    "link": "a symbolic link",
    "repository": "a repository of its own",
    "special": "a pipe or a device",
}

Read = Callable[[str], bytes]
"""The bytes of a file of the try."""


def before(
    protocol: Protocol,
    snapshot: Snapshot,
    read: Read,
    *,
    known: frozenset[str],
    seen: Mapping[str, int],
    harness: Sequence[str] = (),
) -> list[Violation]:
    """Why a proposal is not run; empty where it keeps the rules.

    ``known`` are the modules that the base commit imports, ``seen`` the states of the mutable files
    that were proposed, with their iteration; ``harness`` files of the harness that are not as they
    were at setup (those that git ignores are not in the snapshot).
    """
    found = [_touched(name) for name in harness]
    found += [one for change in snapshot.changes for one in _of_change(protocol, change, harness)]
    if protocol.environment.constraints.no_new_dependencies:
        found += _dependencies(snapshot, read, known)
    if found:
        return found
    if not snapshot.changes:
        return [Violation(rule="empty", text="The proposal changes nothing.")]
    earlier = seen.get(surface_hash(snapshot.files, protocol))
    if earlier is not None:
        name = "the baseline" if earlier == 1 else f"try {earlier - 1}"
        text = (
            f"The mutable files are as in {name}, which was tried already. No state is run twice."
        )
        return [Violation(rule="repeat", text=text)]
    return []


def after(
    protocol: Protocol, start: Snapshot, end: Snapshot, harness: Sequence[str] = ()
) -> list[Violation]:
    """What an execution changed that it must not: ``start`` is the tree that was run, ``end`` what
    it left; ``harness`` as in ``before``."""
    found = [_touched(name) for name in harness]
    for change in _between(start, end):
        if change.path in harness:
            continue
        if is_harness(change.path, protocol):
            found.append(_touched(change.path))
        elif not _may_be_left(protocol, change):
            found.append(
                Violation(
                    rule="changed-while-running",
                    path=change.path,
                    text=f"{change.path} was {_done(change)} while the try ran. "
                    "What is measured must be what was proposed.",
                )
            )
    return found


def leftovers(protocol: Protocol, start: Snapshot, end: Snapshot) -> list[str]:
    """Files that an execution left and that are taken away without blame."""
    return [
        change.path
        for change in _between(start, end)
        if not is_harness(change.path, protocol) and _may_be_left(protocol, change)
    ]


def _between(start: Snapshot, end: Snapshot) -> list[Change]:
    """How two snapshots against the same commit differ."""
    was = {change.path: change for change in start.changes}
    now = {change.path: change for change in end.changes}
    found = []
    for name in sorted(was.keys() | now.keys() | start.files.keys() | end.files.keys()):
        old, new = start.files.get(name), end.files.get(name)
        if old == new and was.get(name) == now.get(name):
            continue
        there_before = old is not None or name in was
        last = now.get(name)
        gone = last.act is Act.DELETE if last else new is None
        act = Act.DELETE if gone else Act.MODIFY if there_before else Act.ADD
        form, size = (last.form, last.size) if last else ("text", 0)
        found.append(Change(name, act, form, size))
    return found


def _may_be_left(protocol: Protocol, change: Change) -> bool:
    surface = protocol.mutable_surface
    if change.act is not Act.ADD or matches(change.path, surface.forbidden_globs):
        return False
    if "__pycache__" in PurePosixPath(change.path).parts:
        return True
    if change.form in _FORMS or PurePosixPath(change.path).suffix.lower() in _CODE:
        return change.form not in _FORMS and not is_mutable(change.path, surface)
    return True


def _of_change(protocol: Protocol, change: Change, harness: Sequence[str]) -> list[Violation]:
    path, surface = change.path, protocol.mutable_surface
    if is_harness(path, protocol):
        return [] if path in harness else [_touched(path)]
    if matches(path, surface.forbidden_globs):
        text = f"{path} was {_done(change)}, and the protocol forbids to change it."
        return [Violation(rule="glob", path=path, text=text)]
    if not matches(path, surface.allowed_globs):
        allowed = ", ".join(surface.allowed_globs)
        text = f"{path} was {_done(change)}; only {allowed} may be changed."
        return [Violation(rule="glob", path=path, text=text)]
    if change.form in _FORMS and change.act is not Act.DELETE:
        text = f"{path} is {_FORMS[change.form]}. A try changes plain files only."
        return [Violation(rule="kind", path=path, text=text)]
    if change.size > LARGEST:
        size = f"{change.size / 2**20:.1f} MiB"
        text = f"{path} is {size} large; a file of a try has at most {LARGEST >> 20} MiB."
        return [Violation(rule="size", path=path, text=text)]
    kinds = [one for one in surface.allowed_kinds if one in KINDS] or ["code_edit"]
    if not any(_is(kind, change) for kind in kinds):
        what = "a binary file" if change.form == "binary" else "a file"
        text = f"{path}, {what}, was {_done(change)}; the protocol allows {', '.join(kinds)} only."
        return [Violation(rule="kind", path=path, text=text)]
    return []


def _is(kind: str, change: Change) -> bool:
    suffix = PurePosixPath(change.path).suffix.lower()
    if kind == "file_delete":
        return change.act is Act.DELETE
    if kind == "data_edit":
        return suffix in _DATA
    if change.act is Act.DELETE or change.form != "text":
        return False
    if kind == "file_add":
        return change.act is Act.ADD
    return kind == "code_edit" or suffix in _CONFIG


def _dependencies(snapshot: Snapshot, read: Read, known: frozenset[str]) -> list[Violation]:
    found = []
    for change in snapshot.changes:
        path = change.path
        if is_dependency_file(path):
            text = f"{path} says what is installed, and was {_done(change)}."
        elif path.endswith((".py", ".pyi")) and change.form == "text" and change.stored:
            if change.act is Act.DELETE:
                continue
            code = read(path).decode("utf-8", "replace")
            if new := new_modules(code, known, snapshot.files):
                text = f"{path} imports {', '.join(new)}, which nothing imported before."
            elif words := installs(code):
                text = f"{path} installs something: {words} …"
            else:
                continue
        else:
            continue
        text += " The protocol allows no new dependencies."
        found.append(Violation(rule="dependency", path=path, text=text))
    return found


def _touched(path: str) -> Violation:
    text = f"{path} belongs to the harness and was changed. With it, numbers mean something else."
    return Violation(rule="harness", path=path, text=text)


def _done(change: Change) -> str:
    return {Act.ADD: "added", Act.MODIFY: "changed", Act.DELETE: "deleted"}[change.act]
