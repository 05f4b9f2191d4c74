"""The examples that a run answered, with a row on either side, kept in few objects."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, overload

from engine.answers.rows_files import Side


@dataclass(frozen=True, slots=True)
class Row:
    """Where a row lies in its file (the index of it in ``RowIndex.files``), and what it is."""

    file: int
    offset: int
    length: int
    id: str
    correct: bool
    score: float
    slice: str | None


Flip = Literal["fixed", "broken"]


@dataclass(frozen=True, slots=True)
class Example:
    """One example of a suite, with its row on either side; at least one is there."""

    suite: str
    id: str
    candidate: Row | None = None
    baseline: Row | None = None

    def row(self, side: Side) -> Row | None:
        return self.candidate if side == "candidate" else self.baseline

    @property
    def flip(self) -> Flip | None:
        """What the candidate did to it; None where it did nothing or was not compared."""
        if self.baseline is None or self.candidate is None:
            return None
        return flip_of(self.baseline.correct, self.candidate.correct)


def flip_of(before: bool, after: bool) -> Flip | None:
    if before == after:
        return None
    return "fixed" if after else "broken"


class Fact(NamedTuple):
    """What a list needs to know of an example; the row is the side's that was asked for, or the
    only one."""

    suite: str
    id: str
    file: int
    slice: str | None
    correct: bool
    flip: Flip | None


class _Columns:
    """The rows of all files, column by column.

    A hundred thousand objects would make every full pass of the garbage collector, and with it
    the screen, wait a tenth of a second; a few arrays do not.
    """

    def __init__(self) -> None:
        self.file = array("l")
        self.offset = array("q")
        self.length = array("q")
        self.score = array("d")
        self.correct = bytearray()
        self.slice: list[str | None] = []

    def add(self, row: Row) -> int:
        """The number of the row from now on."""
        self.file.append(row.file)
        self.offset.append(row.offset)
        self.length.append(row.length)
        self.score.append(row.score)
        self.correct.append(row.correct)
        self.slice.append(row.slice)
        return len(self.slice) - 1


class Examples(Sequence[Example]):
    """The examples of a run in the order of their files, made when they are asked for."""

    def __init__(self) -> None:
        self._rows = _Columns()
        self._suites: list[str] = []
        self._ids: list[str] = []
        self._sides: dict[Side, array[int]] = {"candidate": array("q"), "baseline": array("q")}

    def __len__(self) -> int:
        return len(self._ids)

    @overload
    def __getitem__(self, at: int) -> Example: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Example]: ...
    def __getitem__(self, at: int | slice) -> Example | Sequence[Example]:
        if isinstance(at, slice):
            return [self[number] for number in range(*at.indices(len(self)))]
        sides = {side: self._row(at, numbers[at]) for side, numbers in self._sides.items()}
        return Example(self._suites[at], self._ids[at], sides["candidate"], sides["baseline"])

    def _row(self, at: int, number: int) -> Row | None:
        if number < 0:
            return None
        rows = self._rows
        return Row(
            rows.file[number],
            rows.offset[number],
            rows.length[number],
            self._ids[at],
            bool(rows.correct[number]),
            rows.score[number],
            rows.slice[number],
        )

    def facts(self, side: Side) -> Iterator[Fact]:
        """Every example in short, as seen from one side."""
        rows = self._rows
        others = self._sides["baseline" if side == "candidate" else "candidate"]
        for at, number in enumerate(self._sides[side]):
            other = others[at]
            shown = number if number >= 0 else other
            flip: Flip | None = None
            if number >= 0 and other >= 0:
                before, after = (other, number) if side == "candidate" else (number, other)
                flip = flip_of(bool(rows.correct[before]), bool(rows.correct[after]))
            yield Fact(
                self._suites[at],
                self._ids[at],
                rows.file[shown],
                rows.slice[shown],
                bool(rows.correct[shown]),
                flip,
            )

    def places(self, side: Side, file: int) -> Iterator[tuple[int, int, int]]:
        """(position, offset, length) of the rows of one file."""
        rows = self._rows
        for at, number in enumerate(self._sides[side]):
            if number >= 0 and rows.file[number] == file:
                yield at, rows.offset[number], rows.length[number]

    def put(self, at: int | None, suite: str, side: Side, row: Row) -> int:
        """Give an example (None: a new one) its row of a side; the example's position."""
        if at is None:
            at = len(self._ids)
            self._suites.append(suite)
            self._ids.append(row.id)
            for numbers in self._sides.values():
                numbers.append(-1)
        self._sides[side][at] = self._rows.add(row)
        return at

    def has(self, at: int, side: Side) -> bool:
        """Whether an example has a row of that side."""
        return self._sides[side][at] >= 0
