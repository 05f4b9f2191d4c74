"""What the rules of public artifacts are told of the workspace: handed in, so that they look at
nothing themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.checks.public.cells import is_number
from engine.checks.public.seen import CellSeen
from engine.judge.published import Published
from engine.records.public import Cell, Outcome


class PathSeen(StrEnum):
    """What lies at a path that an artifact names."""

    FILE = "file"
    FOLDER = "folder"
    MISSING = "missing"
    OUTSIDE = "outside"
    """It leads out of the workspace: an absolute path, ``..``, or a link."""


@dataclass(frozen=True, slots=True)
class FileSeen:
    """A file of a folder, by its path in it; ``size`` in bytes. ``leads_out``: it is a link out of
    the folder."""

    name: str
    size: int
    leads_out: bool = False


@dataclass(frozen=True, slots=True)
class Fall:
    """A regression suite of a run whose score went down, both as recorded."""

    suite: str
    file: str
    """The record of the candidate, relative to the workspace."""
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class RunSeen:
    """A run that an artifact names. ``outcome`` is what its decision says, ``decided`` when, as
    ISO 8601; ``problem`` why the decision could not be read."""

    there: bool
    outcome: Outcome = Outcome.UNDECIDED
    decided: str = ""
    target: str | None = None
    problem: str | None = None
    falls: tuple[Fall, ...] = ()


@dataclass(frozen=True, slots=True)
class EvalSeen:
    """What a record of an evaluation says that it measured."""

    suite: str
    suite_sha256: str | None
    scorer: str | None
    metric: str | None
    n: int | None


@dataclass(frozen=True, slots=True)
class Around:
    """``values`` by the pointer of the cell; ``runs`` by id; ``evals`` by the file that a cell
    points into; ``paired`` the p of the rows of a competition row that gives one, by its pointer,
    None where there are no rows to pair; ``paths`` by the path as it is written. ``package`` lists
    the files of the package folder, None where there is none. ``hide`` puts *** for this machine's
    own secrets; ``homes`` are directories of this machine that no text may name, and ``login`` its
    user."""

    values: Mapping[str, CellSeen] = field(default_factory=dict)
    runs: Mapping[str, RunSeen] = field(default_factory=dict)
    evals: Mapping[str, EvalSeen] = field(default_factory=dict)
    paired: Mapping[str, float | None] = field(default_factory=dict)
    paths: Mapping[str, PathSeen] = field(default_factory=dict)
    package: tuple[FileSeen, ...] | None = None
    hide: Callable[[str], str] = str
    homes: tuple[str, ...] = ()
    login: str = ""

    def number(self, pointer: str, cell: Cell | None) -> float | None:
        """The cell's number, from its record where it has none of its own; None without one."""
        if cell is None:
            return None
        value = cell.value
        if value is None and (seen := self.values.get(pointer)) is not None:
            value = seen.recorded
        return value if is_number(value) else None

    def score(self, pointer: str, cell: Cell | None, rows: int | None) -> Published | None:
        """The cell's number with its unit and how many rows it is of."""
        value = self.number(pointer, cell)
        if cell is None or value is None:
            return None
        seen = self.values.get(pointer)
        return Published(value, cell.unit, cell.n or (seen.n if seen else None) or rows)
