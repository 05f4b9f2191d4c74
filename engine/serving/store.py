"""Which servers a workspace has: ``.factory/serve/<name>/`` with ``server.json`` and the log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from engine.folder import FolderError, read_record, write_json_atomic
from engine.plain_file import open_plain
from engine.processes import is_alive
from engine.records.serving import ServerPhase, ServerRecord
from engine.workspace import Workspace

RECORD = "server.json"
LOG = "server.log"
OLD_LOG = "server.log.before"
"""What the server of that name printed the time before."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
_TAIL_BYTES = 16 * 1024


class ServeError(Exception):
    """A server that cannot be started, found or stopped; the text says what to do."""


def serve_dir(workspace: Workspace) -> Path:
    """Where the servers of a workspace are kept, a folder each."""
    return workspace.local_dir / "serve"


def folder_of(workspace: Workspace, name: str) -> Path:
    """The folder of a server; ServeError for a name that is none (path tricks)."""
    if not _NAME.fullmatch(name) or ".." in name:
        raise ServeError(
            f"{name!r} is no name for a server: lower-case letters, digits, '.', '_' and '-', "
            "at most 60 of them, a letter or digit first."
        )
    return serve_dir(workspace) / name


@dataclass(frozen=True, slots=True)
class FoundServer:
    """A server as it is now: its record, and whether that very process still runs."""

    record: ServerRecord
    folder: Path
    alive: bool

    @property
    def log(self) -> Path:
        return self.folder / LOG

    @property
    def state(self) -> str:
        """``starting``, ``ready``, ``stopped``, ``failed``; ``gone`` when it ended unasked."""
        phase = self.record.phase
        if self.alive or phase in (ServerPhase.STOPPED, ServerPhase.FAILED):
            return str(phase)
        return "gone"


def read_server(folder: Path) -> FoundServer:
    """One server; ServeError when its record cannot be read."""
    try:
        record = read_record(folder / RECORD, ServerRecord)
    except FolderError as error:
        raise ServeError(f"{folder.name}/{error}.") from error
    return FoundServer(record, folder, is_alive(record.process))


def find_servers(workspace: Workspace) -> tuple[list[FoundServer], list[str]]:
    """The servers of a workspace by name, and a sentence for each record that is broken."""
    servers, troubles = [], []
    try:
        folders = sorted(path for path in serve_dir(workspace).iterdir() if path.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return [], []
    for folder in folders:
        if not (folder / RECORD).exists():
            continue
        try:
            servers.append(read_server(folder))
        except ServeError as error:
            troubles.append(str(error))
    return servers, troubles


def find_server(workspace: Workspace, name: str) -> FoundServer:
    """The server of that name; ServeError names those that there are."""
    folder = folder_of(workspace, name)
    if not (folder / RECORD).exists():
        names = ", ".join(one.record.name for one in find_servers(workspace)[0])
        raise ServeError(
            f"There is no server {name}. "
            + (f"There are: {names}." if names else "Start one: factory-tui serve start MODEL")
        )
    return read_server(folder)


def save(folder: Path, record: ServerRecord) -> None:
    """Write a server's record in one step. OSError when it cannot."""
    write_json_atomic(folder / RECORD, record)


def log_tail(folder: Path, lines: int = 3) -> str:
    """The last lines with something in them of a server's log, in one; "" where there are none."""
    try:
        with open_plain(folder / LOG) as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            text = file.read(_TAIL_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    found = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(found[-lines:])[-600:]
