"""What of a workspace travels to another machine, and how much of it at most. Pure.

Records and events, rows of evaluations, and the tail of the log. No weights, no data sets, no
targets, no settings. Both ends ask here: the one that tells what it may send, the one that copies
what it may take. A name that is not of this list is refused by the latter whatever the former says.
"""

from __future__ import annotations

import re
from typing import Literal

PROTOCOL = 2
PIECE = 256 * 1024
"""So much of a growing file is sent at once, in bytes."""
MAX_RECORD = 8 * 2**20
"""A larger record stays over there."""
LOG_TAIL = 64 * 1024
"""So much of the end of ``train.log`` travels."""
TAIL_LOOKED_AT = 4096
"""So many bytes before the end must be the same for a growing file to be gone on with."""
MAX_GROWING = 8 * 2**30
MAX_RUNS = 100_000

How = Literal["record", "growing", "tail"]

_RUN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_PATH = re.compile(rf"runs/(?P<run>{_RUN})/(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{{0,127}})")
_QUEUE = re.compile(rf"\.factory/(?:accelerator\.lock|queue/\d{{9}}-{_RUN}\.json)")
_RECORD = re.compile(r"[A-Za-z0-9._-]+\.json|report\.md|report-card\.html")
_GROWING = re.compile(r"events\.jsonl|rows-[A-Za-z0-9._-]+\.jsonl")
_LOGS = ("train.log", "supervisor.log")
FOLDERS = ("adapters", "fused", "data")
"""Folders whose being there a check asks for; they are empty in a copy."""


def is_run_id(text: str) -> bool:
    """Whether a name may be that of a run folder."""
    return re.fullmatch(_RUN, text) is not None and ".." not in text


def how(path: str) -> How | None:
    """How a file of a workspace travels, by its path in it; None for one that does not."""
    if ".." in path:
        return None
    if _QUEUE.fullmatch(path):
        return "record"
    found = _PATH.fullmatch(path)
    return None if found is None else how_in_run(found["name"])


def how_in_run(name: str) -> How | None:
    """As ``how``, for a name in a run folder."""
    if name in _LOGS:
        return "tail"
    if _GROWING.fullmatch(name):
        return "growing"
    return "record" if _RECORD.fullmatch(name) and name[0] != "." else None


def run_of(path: str) -> str | None:
    """The run that a path (of a file, or ``runs/<run>``) belongs to."""
    parts = path.split("/")
    return parts[1] if len(parts) in (2, 3) and parts[0] == "runs" and is_run_id(parts[1]) else None


def is_folder(path: str) -> bool:
    """Whether a path is one of FOLDERS of a run."""
    parts = path.split("/")
    return len(parts) == 3 and run_of(path) is not None and parts[2] in FOLDERS
