"""What a rank says through MLX's launcher, which mixes the output of all ranks in one stream.

A rank that is not the first marks each line of its log; each rank says when it has begun and how
it ended. A line is written at once and is short, so that the launcher's pieces hold it whole.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

MARK = "\x02"
MAX_LINE = 1000
"""Longer lines are cut into several, in characters: a pipe takes so many bytes in one piece."""

_LOG = re.compile(MARK + r"rank (\d{1,3})\x1f(.*)")
_SAID = re.compile(MARK + r"rank-(begun|ended) (\{.*\})")
_LAUNCHER = re.compile(r"Node with rank (\d{1,3}) (?:exited with code (-?\d{1,5})|was (killed))")


@dataclass(frozen=True)
class LogLine:
    """A line of a rank's log."""

    rank: int
    text: str


@dataclass(frozen=True)
class Begun:
    """A rank's process runs; ``pid`` is of its own host."""

    rank: int
    pid: int


@dataclass(frozen=True)
class Ended:
    """How a rank's process ended, as its parent on the same host saw it; memory in bytes.
    ``stopped``: it was told to end, as another rank had."""

    rank: int
    exit_code: int | None = None
    signal: int | None = None
    stopped: bool = False
    peak_rss_bytes: int | None = None
    peak_mlx_bytes: int | None = None
    error: str | None = None
    """Its last message of level error."""


@dataclass(frozen=True)
class Gone:
    """The launcher's word that a rank ended badly; ``code`` below 0 is a signal, None: it was
    killed by the launcher."""

    rank: int
    code: int | None


def log_lines(rank: int, text: str) -> str:
    """A line of a rank's log, marked, with its line ends."""
    pieces = [text[i : i + MAX_LINE] for i in range(0, len(text), MAX_LINE)] or [""]
    return "".join(f"{MARK}rank {rank}\x1f{piece}\n" for piece in pieces)


def begun_line(begun: Begun) -> str:
    return f"{MARK}rank-begun {json.dumps(vars(begun))}\n"


def ended_line(ended: Ended) -> str:
    return f"{MARK}rank-ended {json.dumps(vars(ended))}\n"


def read_line(line: str) -> LogLine | Begun | Ended | Gone | None:
    """What a line of the launcher's output says of a rank; None where it is an ordinary line."""
    line = line.rstrip("\r\n")
    if found := _LOG.fullmatch(line):
        return LogLine(int(found[1]), found[2])
    if found := _SAID.fullmatch(line):
        return _said(found[1], found[2])
    if found := _LAUNCHER.search(line):
        return Gone(int(found[1]), None if found[3] else int(found[2]))
    return None


def _said(what: str, text: str) -> Begun | Ended | None:
    try:
        fields: Any = json.loads(text)
        return Begun(**fields) if what == "begun" else Ended(**fields)
    except (ValueError, TypeError, RecursionError):
        return None
