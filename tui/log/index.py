"""Where the rows of a log begin, without holding them: one number for each block of the file.

A row begins after each line end, and where the bytes of another stream or stage begin (see
``log_spans``). For each block only the count of the rows that begin in it is kept; where they
begin is found again by reading the block. So an index of 100 MB takes some kilobytes, and any row
is found with one or two reads.

Blocks are counted from the end of the file backwards: the newest rows are there at once, and the
earlier ones come in before them. A row's number changes while that goes on; the place in the file
where it begins does not, and names it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from itertools import accumulate, pairwise

from tui.log.file import LogFile
from tui.log.spans import Spans

BLOCK = 64 * 1024
_HELD = 32
"""Blocks whose rows are kept in memory."""


class Counts:
    """A count for each block from ``low`` to ``high`` (excluded), and sums of them."""

    def __init__(self, blocks: int = 0) -> None:
        self.low = self.high = blocks
        self._counts: array[int] = array("Q")
        """Those of ``low`` to ``high``, in reverse, so that earlier blocks are appended."""
        self._later: array[int] = array("Q")
        """Those of blocks that came after the first ones, in order."""
        self._middle = blocks
        self._sums: list[int] | None = None

    def before(self, count: int) -> None:
        """Put a count before the first block."""
        self._counts.append(count)
        self.low -= 1
        self._sums = None

    def behind(self, count: int) -> None:
        """Put a count behind the last block."""
        self._later.append(count)
        self.high += 1
        self._sums = None

    def change_last(self, count: int) -> None:
        """The last block has another count."""
        if self.last() == count:
            return
        if self._later:
            self._later[-1] = count
        else:
            self._counts[0] = count
        self._sums = None

    def last(self) -> int:
        if self._later:
            return self._later[-1]
        return self._counts[0] if self._counts else 0

    @property
    def sums(self) -> list[int]:
        """The number of things in all blocks up to each, that block included."""
        if self._sums is None:
            self._sums = list(accumulate([*reversed(self._counts), *self._later]))
        return self._sums

    @property
    def total(self) -> int:
        return self.sums[-1] if self.sums else 0

    def locate(self, number: int) -> tuple[int, int]:
        """The block of the thing ``number`` (from 0), and its number in that block."""
        at = bisect_right(self.sums, number)
        return self.low + at, number - (self.sums[at - 1] if at else 0)

    def first_of(self, block: int) -> int:
        """How many there are in the blocks before ``block``."""
        at = min(max(0, block - self.low), len(self.sums))
        return self.sums[at - 1] if at else 0


class LogIndex:
    """The rows of a log. ``step`` takes in a piece; the questions are cheap."""

    def __init__(self, file: LogFile, spans: Spans) -> None:
        self.file = file
        self.spans = spans
        self.size = file.size
        """The bytes that are taken in, counted from the beginning of the file."""
        self.counts = Counts((file.size + BLOCK - 1) // BLOCK)
        self._cache: OrderedDict[tuple[int, int], array[int]] = OrderedDict()

    # --- building -----------------------------------------------------------------

    @property
    def whole(self) -> bool:
        """Whether all blocks up to the beginning are counted."""
        return self.counts.low == 0

    @property
    def share(self) -> float:
        """How much of the file is counted, 0 to 1."""
        blocks = self.counts.high
        return 1.0 if not blocks else (blocks - self.counts.low) / blocks

    def step(self, blocks: int = 16) -> bool:
        """Count some more blocks; whether there was anything to do."""
        grown = self._grow(blocks)
        for _ in range(blocks):
            if self.counts.low == 0:
                return grown
            self.counts.before(self._count(self.counts.low - 1))
            grown = True
        return grown

    def _grow(self, blocks: int) -> bool:
        """Take in what was appended."""
        if self.file.size <= self.size:
            return False
        first = self.counts.high == 0
        upto = min(self.file.size, (self.counts.high + blocks) * BLOCK)
        last = self.counts.high - 1
        self.size = upto
        if not first:
            self.counts.change_last(self._count(last))
        for block in range(self.counts.high, (upto + BLOCK - 1) // BLOCK):
            self.counts.behind(self._count(block))
        return True

    def _count(self, block: int) -> int:
        start, end = block * BLOCK, min(self.size, (block + 1) * BLOCK)
        if not self.spans.within(start, end):
            # The byte before tells whether a row begins with the block; the last byte begins none.
            data = self.file.read(max(0, start - 1), end - max(0, start - 1))
            return data.count(b"\n", 0, len(data) - 1) + (start == 0 and end > 0)
        return len(self.starts(block))

    # --- questions ----------------------------------------------------------------

    def starts(self, block: int) -> array[int]:
        """Where the rows begin that begin in a block."""
        key = (block, min(self.size, (block + 1) * BLOCK))
        found = self._cache.get(key)
        if found is None:
            found = self._cache[key] = self._find(block * BLOCK, key[1])
            if len(self._cache) > _HELD:
                self._cache.popitem(last=False)
        else:
            self._cache.move_to_end(key)
        return found

    def _find(self, start: int, end: int) -> array[int]:
        base = max(0, start - 1)
        data = self.file.read(base, end - base)
        found = array("Q")
        if start == 0 and data:
            found.append(0)
        at = data.find(b"\n")
        while 0 <= at < len(data) - 1:
            found.append(base + at + 1)
            at = data.find(b"\n", at + 1)
        boundaries = self.spans.within(start, end)
        if boundaries:
            return array("Q", sorted({*found, *boundaries}))
        return found

    def next_start(self, start: int) -> int:
        """Where the row after the one at ``start`` begins, or what is taken in ends."""
        block = start // BLOCK
        here = self.starts(block)
        at = bisect_right(here, start)
        if at < len(here):
            return here[at]
        number = self.counts.first_of(block + 1)
        if number >= self.counts.total:
            return self.size
        other, _ = self.counts.locate(number)
        return next(iter(self.starts(other)), self.size)

    def start_of(self, number: int) -> int:
        """Where row ``number`` of those counted begins."""
        block, at = self.counts.locate(number)
        starts = self.starts(block)
        # A file that was cut off since it was counted has fewer; the next look notices.
        return starts[min(at, len(starts) - 1)] if starts else block * BLOCK

    def number_of(self, start: int) -> int:
        """The number of the row that begins at ``start``, or of the first after it."""
        block = start // BLOCK
        if block < self.counts.low:
            return 0
        if block >= self.counts.high:
            return self.counts.total
        return self.counts.first_of(block) + bisect_left(self.starts(block), start)

    def raw(self, start: int, longest: int) -> bytes:
        """The bytes of a row: its head, or its end where it is longer than ``longest``."""
        end = self.next_start(start)
        head = self.file.read(start, min(end - start, longest + 1))
        if end - start > longest and b"\r" in head:
            head = self.file.read(end - longest, longest)
        return head.rstrip(b"\n")

    def rows_of(self, block: int, longest: int) -> list[tuple[int, bytes]]:
        """All rows that begin in a block, with their bytes, read in one go."""
        starts = self.starts(block)
        if not starts:
            return []
        end = min(self.size, (block + 1) * BLOCK)
        data = self.file.read(starts[0], end - starts[0])
        base = starts[0]
        found = [(a, data[a - base : b - base].rstrip(b"\n")) for a, b in pairwise(starts)]
        return [*found, (starts[-1], self.raw(starts[-1], longest))]
