"""How far a constant may go: what its comment says, else what is sensible for its kind.

Where no comment says it, the range lies around the value that the best try has, and so it moves
with it. Understood behind a value: ``# 1..16``, ``# range: 1e-4 to 1e-1 (log)``, ``# choices: a,
b``, ``# one of: "SSSL", "L"``, and a list that holds the value itself: ``# gelu, relu, silu``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.loops.patches import Bounds
from engine.loops.research.constants import Constant
from engine.loops.research.spans import Value, power

FACTOR = 4.0
"""A rate is tried from a quarter to four times of what it is."""

MANY = 200
"""So many whole numbers are a ladder at most; more are thinned out evenly by ratio."""

_NUMBER = r"[-+]?\d[\d_]*(?:\*\*\d+)?(?:\.\d+)?(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"(?:range:?\s*)?({_NUMBER})\s*(?:\.\.|to|–|…)\s*({_NUMBER})\s*(\(log\))?")
_CHOICES = re.compile(r"(?:choices|one of)\s*:\s*(.+)", re.IGNORECASE)

RATE = re.compile(r"LR|RATE|EPS|EPSILON|SCALE|STD|CLIP|DECAY|WD", re.IGNORECASE)
SHARE = re.compile(r"SHARE|RATIO|FRAC|FRACTION|PROB|DROPOUT|PERCENT", re.IGNORECASE)
SIZE = re.compile(r"DIM|DIMS|WIDTH|HIDDEN|EMBD|EMBED|SIZE|BATCH|LEN|LENGTH", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Room:
    """What a constant may be: ``values`` (in their order, where ``ordered``), or any number within
    ``bounds``."""

    bounds: Bounds
    values: tuple[Value, ...] = ()
    ordered: bool = True

    def place(self, value: Value) -> object:
        """A value as the sampler has it: a number, or its place among the values."""
        if not self.values:
            return value
        at = next((i for i, one in enumerate(self.values) if _same(one, value)), None)
        return at if self.ordered or at is None else str(at)

    def value(self, place: object) -> Value:
        """The other way round."""
        if self.values:
            return self.values[int(str(place))]
        assert isinstance(place, float)
        return place


def room_of(constant: Constant, tried: Sequence[Value] = ()) -> Room | None:
    """The room of a constant around its value; ``tried`` are values that it had in other tries,
    which get room too. None: it has no kind that says how far it may go."""
    value = constant.value
    alike = [one for one in tried if type(one) is type(value)]
    if isinstance(value, bool):
        return _choices((False, True))
    said = _said_choices(constant)
    if said is not None:
        return _choices(said)
    if isinstance(value, str):
        return None
    bounds = _said_range(constant.comment, value)
    if isinstance(value, int):
        ladder = _whole(constant, value, bounds)
        return _ladder([*ladder, value, *(one for one in alike if isinstance(one, int))])
    found = (
        (_shares_near_one(constant, value) or _share(constant, value)) if bounds is None else None
    )
    if found is not None:
        return _ladder([*found, value, *alike])
    bounds = bounds or _number(constant, value)
    if bounds is None:
        return None
    every = [value, *(one for one in alike if isinstance(one, float))]
    low, high = min(bounds.low, *every), max(bounds.high, *every)
    return Room(Bounds(low, high, log=bounds.log and low > 0)) if low < high else None


def fits(values: Mapping[str, Value], before: Mapping[str, Value]) -> bool:
    """Whether sizes that divided each other still do: a width by its heads or by a head's width, a
    total batch by a device's. Keys are ``file:NAME``."""

    def words(key: str) -> str:
        return key.rpartition(":")[2].upper()

    for key, whole in before.items():
        for other, part in before.items():
            if key == other or not _divides(words(key), words(other)):
                continue
            if type(whole) is not int or type(part) is not int or part < 1 or whole % part:
                continue
            now, divisor = values.get(key, whole), values.get(other, part)
            if isinstance(now, int) and isinstance(divisor, int) and (divisor < 1 or now % divisor):
                return False
    return True


def _divides(whole: str, part: str) -> bool:
    if re.search(r"BATCH", whole) and re.search(r"BATCH", part):
        return "TOTAL" in whole and "TOTAL" not in part and "EVAL" not in part
    if re.search(r"KV_?HEADS?", part):
        return re.search(r"HEADS?$", whole) is not None and "KV" not in whole
    head = re.fullmatch(r"HEAD_DIM|HEAD_SIZE|(?:N|NUM)_?HEADS?|HEADS", part)
    wide = re.search(r"DIM|WIDTH|EMBD|EMBED|HIDDEN", whole) and not re.search(r"HEAD|BATCH", whole)
    return bool(head and wide)


def _choices(values: Sequence[Value]) -> Room:
    return Room(Bounds(choices=tuple(map(str, range(len(values))))), tuple(values), ordered=False)


def _ladder(values: Sequence[Value]) -> Room | None:
    steps = tuple(sorted({one for one in values if not isinstance(one, str)}))
    return Room(Bounds(0, len(steps) - 1, whole=True), steps) if len(steps) > 1 else None


def _said_choices(constant: Constant) -> list[Value] | None:
    named = _CHOICES.search(constant.comment)
    text = named[1] if named else constant.comment
    parts = [part.strip().strip("\"'`") for part in re.split(r",|\bor\b|\|", text)]
    if not named and not all(re.fullmatch(r"[\w.+\-*]+", part) for part in parts):
        return None
    found: list[Value] = []
    for part in parts:
        one = _as_kind(part, constant.value)
        if one is not None and one not in found:
            found.append(one)
    return found if len(found) > 1 and constant.value in found else None


def _as_kind(text: str, like: Value) -> Value | None:
    if isinstance(like, str):
        return text or None
    number = _parsed(text)
    if number is None:
        return None
    if isinstance(like, int):
        return int(number) if number == int(number) else None
    return float(number)


def _said_range(comment: str, value: float) -> Bounds | None:
    found = _RANGE.search(comment)
    if found is None:
        return None
    low, high = _parsed(found[1]), _parsed(found[2])
    if low is None or high is None or not low < high:
        return None
    wide = low > 0 and high / low > 20 and isinstance(value, float)
    return Bounds(low, high, whole=isinstance(value, int), log=low > 0 and bool(found[3] or wide))


def _parsed(text: str) -> float | None:
    form = power(text)
    if form is not None:
        return float(form[0] ** form[1]) if form[1] < 64 else None
    if not re.fullmatch(_NUMBER, text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def _number(constant: Constant, value: float) -> Bounds | None:
    name = constant.name
    if value == 0:
        return Bounds(0.0, 0.1) if RATE.search(name) else None
    if value < 0:
        return Bounds(value * 2, value / 2)
    if 0 < value < 1 and not RATE.search(name):
        return Bounds(max(value / FACTOR, 1e-12), min(1.0, value * FACTOR), log=True)
    return Bounds(value / FACTOR, value * FACTOR, log=True)


def _shares_near_one(constant: Constant, value: float) -> list[float] | None:
    """A momentum or a beta of Adam: what is missing to one is what is varied."""
    if not (0.5 <= value < 1) or SHARE.search(constant.name):
        return None
    if not re.search(r"BETA|MOMENTUM|EMA|DECAY|GAMMA", constant.name, re.IGNORECASE):
        return None
    missing = (max(1e-4, (1 - value) * step) for step in (0.1, 0.25, 0.5, 2, 5, 10))
    return [float(f"{1 - one:.4g}") for one in missing if one <= 0.5]


def _share(constant: Constant, value: float) -> list[float] | None:
    """A part of a whole: steps of a twentieth, not further than 0.3 from what it is."""
    if not (SHARE.search(constant.name) and 0 <= value <= 1):
        return None
    return [step / 20 for step in range(21) if abs(step / 20 - value) < 0.301]


def _whole(constant: Constant, value: int, bounds: Bounds | None) -> list[int]:
    form = power(constant.written)
    if form is not None:
        base, exponent = form
        steps = [base**one for one in range(64)]
        low, high = base ** max(0, exponent - 2), base ** (exponent + 2)
    elif value >= 2 and value & (value - 1) == 0 and (value >= 8 and SIZE.search(constant.name)):
        steps = [2**one for one in range(64)]
        low, high = max(1, value // 4), value * 4
    else:
        low, high = (max(1, value // 2), value * 2) if value > 0 else (value, value)
        if value > 16:
            low, high = max(1, value // 4), value * 4
        step = _step(value)
        first, last = (low, high) if bounds is None else (int(bounds.low), int(bounds.high))
        if bounds is not None and (last - first) // step >= MANY:
            steps = [round(first + (last - first) * i / MANY) for i in range(MANY + 1)]
            if first > 0 and bounds.log:
                steps = [round(first * (last / first) ** (i / MANY)) for i in range(MANY + 1)]
        elif bounds is not None:
            steps = list(range(first, last + 1))
        else:
            steps = list(range(-(-low // step) * step, high + 1, step))
    if bounds is not None:
        low, high = math.ceil(bounds.low), math.floor(bounds.high)
    return [one for one in steps if low <= one <= high]


def _step(value: int) -> int:
    """What a size is a multiple of: 64 for 768, 100 for 500, 1 for what is small or odd."""
    if value <= 16:
        return 1
    for step in (64, 32, 16, 100, 8, 50, 10, 4, 2):
        if value % step == 0 and value // step >= 3:
            return max(step, 10 ** (len(str(value)) - 2)) if step % 10 == 0 else step
    return max(1, value // 8)


def _same(one: Value, other: Value) -> bool:
    return type(one) is type(other) and one == other
