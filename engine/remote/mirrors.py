"""Copies of workspaces on other machines: where they lie, and that nobody else writes into one.

A copy is ``<cache>/factory-tui/mirrors/<host>-<hash>/``, laid out as a workspace, so that every
reader takes it for one. Only ``copying`` writes its runs, and only what the other end said;
``.factory/`` in it belongs to this machine: the state of the line, drafts, what a screen was left
like. Pure strings where nothing is asked of the disk: this is on the way of every write.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from engine.plain_file import read_plain
from engine.remote.address import Address, parse

ADDRESS_FILE = "address.json"
LINE_FILE = "line.json"
ALIVE_FILE = "alive.json"
_MAX_BYTES = 4 * 2**20


def home() -> str:
    """Where the copies of this user lie."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    if not cache.startswith("/"):
        cache = f"{os.path.expanduser('~')}/.cache"  # noqa: PTH111 - a string is what is compared
    return f"{cache}/factory-tui/mirrors"


def path_of(address: Address) -> Path:
    """Where the copy of a workspace lies, or will lie."""
    digest = hashlib.sha256(str(address).encode()).hexdigest()[:12]
    name = "".join(char if char.isalnum() or char in ".-" else "_" for char in address.host)
    return Path(home()).resolve() / f"{name.strip('_')[:60]}-{digest}"


def root_of(path: Path) -> Path | None:
    """The copy that a path lies in; None for all that is of this machine."""
    if "/mirrors/" not in (text := f"{path}/"):
        return None
    top = os.path.realpath(home()) + "/"
    if not text.startswith(top):
        text = os.path.realpath(path) + "/"
    if not text.startswith(top):
        return None
    return Path(top) / text.removeprefix(top).split("/", 1)[0]


def address_of(root: Path) -> Address:
    """Whose copy this is. OSError or ValueError where that is not told."""
    value = json.loads(read_plain(root / ".factory" / ADDRESS_FILE, _MAX_BYTES))
    return parse(str(value["address"]))


def refuse(path: Path) -> None:
    """OSError (EROFS) where ``path`` belongs to a copy's runs: the engine writes none of those."""
    root = root_of(path)
    if root is None or ".factory" in path.parts[len(root.parts) : len(root.parts) + 1]:
        return
    raise OSError(errno.EROFS, f"{only_there(root)}", str(path))


def only_there(root: Path) -> str:
    """The sentence for what is not done from here."""
    try:
        where = str(address_of(root))
    except (OSError, ValueError, KeyError, TypeError):
        where = "another machine"
    return f"This is a copy of {where}: that works only on the machine itself"


def line_state(root: Path) -> dict[str, Any]:
    """How the line of a copy stands: ``state`` (``connecting``, ``up``, ``lost``, ``refused``),
    ``words``, ``behind`` (bytes still to come); empty where nothing was said."""
    return _object(root / ".factory" / LINE_FILE)


def told_alive(root: Path) -> list[dict[str, Any]]:
    """The processes that were alive over there when it last told."""
    alive = _object(root / ".factory" / ALIVE_FILE).get("alive")
    return [one for one in alive if isinstance(one, dict)] if isinstance(alive, list) else []


def _object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(read_plain(path, _MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
