"""The registry of public artifacts: ``artifacts/<id>.yaml``, found, read and written."""

from __future__ import annotations

import re
from pathlib import Path

from engine.checks.finding import Finding, error
from engine.checks.public.entry import Entry, with_artifact
from engine.plain_file import open_plain
from engine.workspace import Workspace

SUFFIX = ".yaml"
MAX_BYTES = 2 * 2**20
"""No artifact is larger."""

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")


class RegistryError(Exception):
    """What was asked for is not in the registry, or may not be written; the text says what to
    do."""


def find_artifacts(workspace: Workspace) -> list[Entry]:
    """Every artifact of the workspace by its name, also those that cannot be read.

    OSError where the directory cannot be listed.
    """
    if not workspace.artifacts_dir.is_dir():
        return []
    found = (one for one in workspace.artifacts_dir.iterdir() if one.suffix == SUFFIX)
    names = sorted(one.stem for one in found if not one.name.startswith("."))
    return [read_artifact(workspace, one) for one in names]


def artifact_path(workspace: Workspace, artifact_id: str) -> Path:
    """Where the artifact is or will be. RegistryError for what is no id (path tricks)."""
    if not _ID.fullmatch(artifact_id) or ".." in artifact_id:
        raise RegistryError(
            f"{artifact_id[:80]!r} is no id of an artifact: small letters, digits, '.', '_' and "
            "'-', at most 80."
        )
    return workspace.artifacts_dir / f"{artifact_id}{SUFFIX}"


def find_artifact(workspace: Workspace, artifact_id: str) -> Entry:
    """One artifact, by its id or by a unique beginning of it. RegistryError where none or several
    fit."""
    path = artifact_path(workspace, artifact_id)
    if path.exists() or path.is_symlink():
        return read_artifact(workspace, artifact_id)
    known = [one.path.stem for one in find_artifacts(workspace)]
    fits = [one for one in known if one.startswith(artifact_id)]
    if len(fits) == 1:
        return read_artifact(workspace, fits[0])
    if fits:
        raise RegistryError(f"{artifact_id} fits {', '.join(fits[:5])}. Give more of the name.")
    there = f"There are: {', '.join(known[:8])}." if known else "There is none yet."
    raise RegistryError(
        f"No artifact {artifact_id} in {workspace.artifacts_dir}. {there} "
        "Make one: factory-tui artifacts new RUN"
    )


def read_artifact(workspace: Workspace, stem: str) -> Entry:
    """What ``artifacts/<stem>.yaml`` holds. Never raises for what is there: ``problems`` say it."""
    path = workspace.artifacts_dir / f"{stem}{SUFFIX}"
    entry = Entry(path, f"artifacts/{path.name}")
    data = _bytes(workspace, path, entry.name)
    return entry_of(entry, data) if isinstance(data, bytes) else _with(entry, data)


def entry_of(entry: Entry, data: bytes) -> Entry:
    """The entry with what ``data``, the bytes of its file, holds."""
    from engine.artifacts.reading import NotPlain, read_plain_yaml

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        said = f"{entry.name} is not UTF-8 text (byte {problem.start})."
        return _with(entry, error("artifact-unreadable", entry.name, "", said, "Save it so.", line))
    try:
        plain = read_plain_yaml(text)
    except NotPlain as problem:
        found = error(
            "artifact-yaml", entry.name, "", str(problem), "Mend that line.", problem.line
        )
        return _with(Entry(entry.path, entry.name, text), found)
    return with_artifact(
        Entry(
            entry.path,
            entry.name,
            text,
            value=plain.value,
            lines=plain.lines,
            written=plain.written,
        )
    )


def write_new(workspace: Workspace, artifact_id: str, text: str) -> Path:
    """Write a new artifact. RegistryError where there is one of that id already; OSError as it
    comes."""
    from engine.folder import write_bytes_atomic

    path = artifact_path(workspace, artifact_id)
    if path.exists() or path.is_symlink():
        raise RegistryError(
            f"{path} is there already and is left as it is. Edit it, or name another: --id NAME"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes_atomic(path, text.encode("utf-8"))
    return path


def _bytes(workspace: Workspace, path: Path, name: str) -> bytes | Finding:
    try:
        if not path.resolve().is_relative_to(workspace.artifacts_dir.resolve()):
            return error(
                "artifact-unreadable",
                name,
                "",
                f"{name} is a link to a place outside of artifacts/; it was not read.",
                "Put the file itself there.",
            )
        with open_plain(path) as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, RuntimeError) as problem:
        # RuntimeError: a link that leads to itself.
        why = getattr(problem, "strerror", None) or "its links go round in a circle"
        return error(
            "artifact-unreadable",
            name,
            "",
            f"{name} cannot be read ({why}).",
            "See what it is: an artifact is an ordinary file that you may read.",
        )
    if len(data) > MAX_BYTES:
        return error(
            "artifact-unreadable",
            name,
            "",
            f"{name} is larger than {MAX_BYTES // 2**20} MB and was not read; no artifact is.",
            "Keep numbers and sentences in it; what is long is linked.",
        )
    return data


def _with(entry: Entry, problem: Finding) -> Entry:
    return Entry(entry.path, entry.name, entry.text, problems=(problem,))
