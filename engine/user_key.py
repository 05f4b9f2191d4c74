"""A secret of this user on this machine: marks what they agreed to as theirs.

32 random bytes in ``~/.local/state/factory-tui/key`` (``XDG_STATE_HOME``), for nobody else to read.
No workspace holds it, so a folder from elsewhere can bring nothing that has its mark. Without it,
or with another one, nothing is lost but that one is asked once more.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from engine.folder import alone, write_bytes_atomic
from engine.plain_file import read_plain

SIZE = 32


def key_file() -> Path:
    """Where this user's key lies, or will lie. OSError for a user without a home."""
    state = os.environ.get("XDG_STATE_HOME", "")
    if not state.startswith("/"):
        state = f"{os.path.expanduser('~')}/.local/state"  # noqa: PTH111 - never raises
    if not state.startswith("/"):
        raise OSError(errno.ENOENT, "this user has no home: set XDG_STATE_HOME", state)
    return Path(state) / "factory-tui" / "key"


def has_mark(content: bytes, mark: str) -> bool:
    """Whether this user marked these bytes so."""
    made = mark_of(content)
    return made is not None and hmac.compare_digest(made, mark)


def mark_of(content: bytes) -> str | None:
    """This user's mark on some bytes (HMAC-SHA-256, hexadecimal); None where they have no key."""
    key = _read()
    return None if key is None else hmac.new(key, content, hashlib.sha256).hexdigest()


def make_key() -> None:
    """Make the key where there is none, or a damaged one. OSError where it cannot be written."""
    file = key_file()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with alone(file.parent):  # of two who make the first key at once, one does
        if _read() is None:
            file.unlink(missing_ok=True)
            write_bytes_atomic(file, secrets.token_bytes(SIZE))


def _read() -> bytes | None:
    try:
        key = read_plain(key_file(), SIZE + 1)
    except OSError:
        return None
    return key if len(key) == SIZE else None
