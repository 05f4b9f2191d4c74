"""Which rows of a log match: for the search and for the filter, over all of a file of any size.

Like the index, a ``Scan`` keeps one number for each block and finds the rows again where they are
asked for. It goes from the end of the file backwards, a block at a time, so that it can be shown,
waited for and broken off.
"""

from __future__ import annotations

import math
import re
import warnings
from array import array
from bisect import bisect_left
from collections import OrderedDict
from dataclasses import dataclass
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

from tui.log.index import BLOCK, Counts, LogIndex
from tui.log.line import MAX_BYTES, MAX_LINE, clean, without_codes

_HELD = 32
_SPECIAL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_BY_LINE = ("$", r"\A", r"\Z", "(?", r"\b", r"\B", r"\s", r"\W", r"\D", "[^")
"""What may mean another thing in the text of many lines than in that of one."""


MOST_REPEATS, SHORT_REACH = 3, 500
"""An expression has so many repeats without end at most (``.*``, ``\\d+``); where it has several,
so many characters of a line are looked at: the time grows with a power of the length."""

MOST_WAYS = 256
"""In at most so many ways an expression without its repeats without end can be taken: ``a?`` thirty
times over has a thousand million, and each is tried."""


class PatternError(ValueError):
    """A pattern that is not searched with; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """What is looked for in the text of a line. ``literal`` where it was read as plain text."""

    given: str
    regex: re.Pattern[str]
    literal: bool
    turned: bool = False
    """Whether lines that do not match are wanted."""
    reach: int = MAX_LINE + 1
    """So many characters of a line are looked at."""

    def wants(self, text: str) -> bool:
        return (self.regex.search(text, 0, self.reach) is None) is self.turned

    def marks(self, text: str) -> list[tuple[int, int]]:
        """The places in a line that match; none of a turned pattern."""
        if self.turned:
            return []
        found = self.regex.finditer(text, 0, self.reach)
        return [one.span() for one in found if one.end() > one.start()]


def compile_pattern(given: str, *, filtering: bool = False) -> Pattern:
    """A regular expression, or plain text where it is none. Case counts only with capitals in it.

    ``filtering`` lets ``!`` in front turn it round. PatternError for what could search for ever.
    """
    turned = filtering and given.startswith("!")
    text = given[1:] if turned else given
    flags = 0 if any(char.isupper() for char in re.sub(r"\\.", "", text)) else re.IGNORECASE
    plain_text = not any(char in "\\^$.|?*+()[]{}" for char in text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = _parser.parse(text, flags)
            regex = re.compile(text, flags)
    except (re.error, RecursionError, OverflowError, ValueError):
        return Pattern(given, re.compile(re.escape(text), flags), True, turned)
    repeats = _repeats(tree)
    ways = _ways(tree)
    if _endless(tree) or repeats > MOST_REPEATS or ways > MOST_WAYS:
        raise PatternError(
            f"“{given}” repeats what itself repeats or leaves a choice, which can search for ever: "
            "use one * or + where there are several."
        )
    reach = MAX_LINE + 1 if repeats < 2 and ways < 8 else SHORT_REACH
    return Pattern(given, regex, plain_text, turned, reach)


_REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT)


def _endless(tree: Any, inside: bool = False) -> bool:
    """Whether a repeat without end holds another: the time of such may grow without bounds."""
    for operation, value in tree:
        open_end = operation in _REPEATS and value[1] > 16
        if inside and (open_end or operation is _constants.GROUPREF):
            return True
        if any(_endless(part, inside or open_end) for part in _parts(operation, value)):
            return True
    return False


def _ways(tree: Any) -> float:
    """In how many ways one text may be taken apart by a pattern; repeats without end count once,
    where what they repeat leaves no choice, and are without bound where it does."""
    ways = 1.0
    for operation, value in tree:
        if operation is _constants.BRANCH:
            ways *= sum(_ways(part) for part in value[1])
        elif operation in _REPEATS:
            least, most, inner = value[0], value[1], _ways(value[2])
            if most > 16:
                ways *= 1.0 if inner == 1 else math.inf
            else:
                ways *= sum(inner**count for count in range(least, most + 1))
        else:
            for part in _parts(operation, value):
                ways *= _ways(part)
    return ways


def _repeats(tree: Any) -> int:
    """How many repeats without end a pattern has: each may multiply the time of the others."""
    count = 0
    for operation, value in tree:
        count += operation in _REPEATS and value[1] > 16
        count += sum(_repeats(part) for part in _parts(operation, value))
    return count


def _parts(operation: Any, value: Any) -> list[Any]:
    """The patterns within one operation of a parsed pattern."""
    if operation in _REPEATS:
        return [value[2]]
    if operation is _constants.SUBPATTERN:
        return [value[3]]
    if operation is _constants.BRANCH:
        return list(value[1])
    if operation in (_constants.ASSERT, _constants.ASSERT_NOT):
        return [value[1]]
    if operation is _constants.ATOMIC_GROUP:
        return [value]
    if operation is _constants.GROUPREF_EXISTS:
        return [part for part in value[1:] if part is not None]
    return []


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows are wanted: of a stream, of a stage, matching patterns. None is any."""

    stream: str | None = None
    stage: str | None = None
    patterns: tuple[Pattern, ...] = ()

    @property
    def everything(self) -> bool:
        return self.stream is None and self.stage is None and not self.patterns


class Scan:
    """The rows that are wanted. ``step`` looks at some more blocks."""

    def __init__(self, index: LogIndex, wanted: Wanted) -> None:
        self.index = index
        self.wanted = wanted
        self.counts = Counts(index.counts.high)
        self.stopped = False
        """Broken off by the user: nothing earlier is looked at any more."""
        self._end = index.size
        self._cache: OrderedDict[tuple[int, int], array[int]] = OrderedDict()
        patterns = [one for one in wanted.patterns if not one.turned]
        self._by_line = any(
            part in one.regex.pattern for one in patterns for part in _BY_LINE
        ) or any(one.reach <= SHORT_REACH for one in patterns)
        self._in_many = [
            re.compile(one.regex.pattern, one.regex.flags | re.MULTILINE) for one in patterns
        ]

    @property
    def started(self) -> bool:
        """Whether it has looked at anything, where there is anything."""
        return self.counts.low < self.counts.high or not self.index.counts.high

    @property
    def busy(self) -> bool:
        """Whether there are earlier rows that were not looked at and will be."""
        return not self.stopped and self.counts.low > 0

    @property
    def share(self) -> float:
        """How much of the file was looked at, 0 to 1."""
        blocks = self.counts.high
        return 1.0 if not blocks else (blocks - self.counts.low) / blocks

    def step(self, blocks: int = 1) -> bool:
        """Look at ``blocks`` more; whether there was anything to do."""
        moved = self._grow(blocks)
        for _ in range(blocks):
            if self.stopped or self.counts.low <= self.index.counts.low:
                break
            self.counts.before(len(self.rows(self.counts.low - 1)))
            moved = True
        return moved

    def _grow(self, blocks: int) -> bool:
        """Look at what was appended; also after an earlier part was broken off."""
        if self._end == self.index.size:
            return False
        last = self.counts.high - 1
        if last >= self.counts.low:
            self.counts.change_last(len(self.rows(last)))
        end = min(self.index.counts.high, self.counts.high + blocks)
        for block in range(self.counts.high, end):
            self.counts.behind(len(self.rows(block)))
        if self.counts.high == self.index.counts.high:
            self._end = self.index.size
        return True

    def rows(self, block: int) -> array[int]:
        """Where the wanted rows begin that begin in a block."""
        key = (block, self.index.size if block >= self.index.counts.high - 1 else -1)
        found = self._cache.get(key)
        if found is None:
            found = self._cache[key] = array("Q", self._find(block))
            if len(self._cache) > _HELD:
                self._cache.popitem(last=False)
        else:
            self._cache.move_to_end(key)
        return found

    def _find(self, block: int) -> list[int]:
        starts = self.index.starts(block)
        if not self.wanted.patterns:
            return [start for start in starts if self._of_kind(start)]
        text = self._text_of(block)
        if text is None:
            return [
                start
                for start, raw in self.index.rows_of(block, MAX_BYTES)
                if self._of_kind(start) and self._matches(clean(raw))
            ]
        if not self._by_line and any(one.search(text) is None for one in self._in_many):
            return []
        lines = text.split("\n")
        return [
            start
            for start, line in zip(starts, lines, strict=True)
            if self._of_kind(start) and self._matches(line.rstrip())
        ]

    def _of_kind(self, start: int) -> bool:
        wanted = self.wanted
        if wanted.stream is None and wanted.stage is None:
            return True
        stage, stream = self.index.spans.kind_at(start)
        return wanted.stream in (None, stream) and wanted.stage in (None, stage)

    def _matches(self, text: str) -> bool:
        for pattern in self.wanted.patterns:  # a loop, since it is run for each line of a file
            if (pattern.regex.search(text, 0, pattern.reach) is None) is not pattern.turned:
                return False
        return True

    def _text_of(self, block: int) -> str | None:
        """The rows of a block as ``clean`` would have them, all at once, one a line.

        None where that cannot be: with progress bars, rows that end without a line end, codes
        that are shown, characters that ``clean`` replaces, or a very long row.
        """
        starts = self.index.starts(block)
        if not starts or self.index.spans.within(starts[0] + 1, starts[-1] + 1):
            return None
        data = self.index.file.read(starts[0], starts[-1] - starts[0])
        data = without_codes(data + self.index.raw(starts[-1], MAX_BYTES))
        if _SPECIAL.search(data):
            return None
        text = data.decode("utf-8", "replace").expandtabs(4)
        if not text.isascii() and not text.replace("\n", "").isprintable():
            return None
        lines = text.split("\n")
        # There are fewer lines where the file was cut off meanwhile.
        whole = len(lines) == len(starts) and max(map(len, lines)) <= MAX_LINE
        return text if whole else None

    # --- questions ----------------------------------------------------------------

    def start_of(self, number: int) -> int:
        """Where wanted row ``number`` of those found begins."""
        block, at = self.counts.locate(number)
        rows = self.rows(block)
        # A file that was cut off since it was counted has fewer; the next look notices.
        return rows[min(at, len(rows) - 1)] if rows else block * BLOCK

    def number_of(self, start: int) -> int:
        """The number of the wanted row at ``start``, or of the first after it."""
        block = start // BLOCK
        if block < self.counts.low:
            return 0
        if block >= self.counts.high:
            return self.counts.total
        return self.counts.first_of(block) + bisect_left(self.rows(block), start)

    def has(self, start: int) -> bool:
        """Whether the row at ``start`` is wanted, as far as was looked."""
        block = start // BLOCK
        if not self.counts.low <= block < self.counts.high:
            return False
        rows = self.rows(block)
        at = bisect_left(rows, start)
        return at < len(rows) and rows[at] == start
