"""What somebody agreed to have run on this machine: programs that a file from elsewhere brings.

An agreement is a small file of the workspace, named by a SHA-256 of what was shown and of what
kind it is: a file whose bytes are also the words of a command is not agreed to as both. What was
changed has another hash, so it asks again. Whatever is damaged is no agreement, nor is what lacks
this user's mark: a workspace from elsewhere may bring agreements, and they do not count.
"""

from __future__ import annotations

import errno
import getpass
import hashlib
import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from pydantic import ValidationError

from engine.folder import FolderError, read_record, write_json_atomic
from engine.records.base import Record, Sha256, UtcTime, utc_now
from engine.user_key import has_mark, key_file, make_key, mark_of
from engine.workspace import Workspace

_SHA256 = re.compile(r"[0-9a-f]{64}")


class Kind(StrEnum):
    """What is agreed to."""

    COMMAND = "command"
    GENERATOR = "generator"
    SCORER = "scorer"
    TASKS = "tasks"
    HOSTS = "hosts"
    PROTOCOL = "protocol"


class Agreement(Record):
    """That something may be run: what, when it was agreed, and by whom.

    ``mark`` is that user's on the hash (`engine.user_key`).
    """

    sha256: Sha256
    mark: Sha256
    commands: list[str]
    when: UtcTime
    by: str


def hash_of(kind: Kind, content: bytes) -> str:
    """The hash by which something of this kind is agreed to: of the kind, a zero, the content."""
    return hashlib.sha256(str(kind).encode() + b"\0" + content).hexdigest()


def is_agreed(workspace: Workspace, sha256: str) -> bool:
    """Whether what has this hash was agreed to here."""
    return agreement(workspace, sha256) is not None


def agreement(workspace: Workspace, sha256: str) -> Agreement | None:
    """What this user agreed to; None where they did not, or its file is damaged."""
    if not _SHA256.fullmatch(sha256):
        return None
    try:
        found = read_record(_path(workspace, sha256), Agreement)
    except (FolderError, ValidationError, OSError):
        return None
    is_theirs = found.sha256 == sha256 and has_mark(sha256.encode(), found.mark)
    return found if is_theirs else None


def agree(
    workspace: Workspace, sha256: str, commands: Sequence[str], by: str | None = None
) -> Agreement:
    """Write down that what has this hash (``hash_of``) was shown and agreed to.

    ``by``: without it whoever is logged in. ValueError where the hash is none; OSError where it
    cannot be written.
    """
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"{sha256!r} is not a SHA-256")
    make_key()
    mark = mark_of(sha256.encode())
    if mark is None:
        raise OSError(errno.EIO, "the key that was made cannot be read", str(key_file()))
    made = Agreement(
        sha256=sha256, mark=mark, commands=list(commands), when=utc_now(), by=by or _user()
    )
    path = _path(workspace, sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json_atomic(path, made)
    return made


def _path(workspace: Workspace, sha256: str) -> Path:
    return workspace.local_dir / "agreed" / f"{sha256}.json"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # A process whose user has no name: in a container, say.
        return "not recorded"
