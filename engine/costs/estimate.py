"""How long a training would take and how much memory, from steps that were measured. Pure.

Time and memory of a step are close to linear in the tokens of a batch, and in tokens times
adapted layers; attention adds tokens of the batch times tokens of a row, for each layer. All are
fitted by least squares over the measured points; what lies outside of them is widened, since a
line says less the further it is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

MIN_SPREAD = 0.10
"""No estimate claims to be nearer than this share of itself: machines are never alone."""

MAX_SPREAD = 0.75
ONE_POINT_SPREAD = 0.30
"""With one shape measured the slope is a guess: in proportion to the tokens."""

ONE_SHAPE = 1.5
"""Shapes that differ by less than this factor say nothing of a slope."""

FAR_APART = 6.0
"""Lengths of rows that differ by less than this factor say nothing of attention."""

UNMEASURED_CHECKPOINT_TIME = 1.35
"""Gradient checkpointing computes each layer forward once more: about a third more work."""

ADAPTER_BYTES = 16
"""A trained parameter in float32 has its gradient and Adam's two means beside it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What one training step is made of. ``tokens`` are those of a row."""

    batch_size: int
    tokens: float
    layers: int
    grad_checkpoint: bool = False

    @property
    def size(self) -> float:
        """Tokens of a batch."""
        return self.batch_size * self.tokens


@dataclass(frozen=True, slots=True)
class Point:
    """A measured step: seconds for one, and the peak of memory in bytes where it was measured."""

    shape: Shape
    seconds: float
    peak_bytes: float | None = None


@dataclass(frozen=True, slots=True)
class Range:
    """A value that is not known exactly: the likely one, and how far off it may well be."""

    low: float
    likely: float
    high: float

    def plus(self, other: Range) -> Range:
        """The sum, as if both were off in the same direction."""
        return Range(self.low + other.low, self.likely + other.likely, self.high + other.high)

    def times(self, factor: float) -> Range:
        return Range(self.low * factor, self.likely * factor, self.high * factor)

    @classmethod
    def around(cls, value: float, spread: float) -> Range:
        return cls(max(0.0, value * (1 - spread)), value, value * (1 + spread))


@dataclass(frozen=True, slots=True)
class Forecast:
    """A value with its range; ``beyond`` is what of the shape was never measured, in words."""

    value: Range
    beyond: tuple[str, ...] = ()


Feature = Callable[[Shape], float]


def _attention(shape: Shape) -> float:
    """Every token of a row looks at every other one: it grows with the square of the length."""
    return shape.size * shape.tokens * shape.layers


_FEATURES: tuple[Feature, ...] = (
    lambda shape: shape.size,
    lambda shape: shape.size * shape.layers,
    _attention,
)


@dataclass(frozen=True, slots=True)
class Line:
    """``base + Σ slope · feature``; no coefficient is negative."""

    base: float
    slopes: tuple[tuple[Feature, float], ...]
    error: float
    """The largest miss among the fitted points, as a share of the measured value."""

    def at(self, shape: Shape) -> float:
        return self.base + self.variable(shape)

    def variable(self, shape: Shape) -> float:
        """The part that depends on the shape."""
        return sum(slope * feature(shape) for feature, slope in self.slopes)


def fit(pairs: Sequence[tuple[Shape, float]]) -> Line | None:
    """The line nearest to the measured values, of those that never fall; None without points.

    Where all shapes are nearly one, the value is taken to be in proportion to tokens and layers.
    """
    if not pairs:
        return None
    works = [_FEATURES[1](shape) for shape, _ in pairs]
    if max(works) < ONE_SHAPE * min(works):
        slope = _median([value / work for (_, value), work in zip(pairs, works, strict=True)])
        return Line(0.0, ((_FEATURES[1], slope),), ONE_POINT_SPREAD / 1.5)
    lengths = [shape.tokens for shape, _ in pairs]
    # A square that takes up what noise left over would grow to nonsense further out.
    lengths_differ = max(lengths) >= FAR_APART * min(lengths)
    best: tuple[float, Line] | None = None
    for count in range(len(_FEATURES), -1, -1):
        for features in combinations(_FEATURES, count):
            if _attention in features and not (lengths_differ and len(pairs) > count + 1):
                continue
            line = _solve(pairs, features)
            if line is None:
                continue
            miss = sum(((line.at(shape) - value) / value) ** 2 for shape, value in pairs)
            if best is None or miss < best[0] - 1e-12:
                best = (miss, line)
    return best[1] if best else None


def _solve(pairs: Sequence[tuple[Shape, float]], features: Sequence[Feature]) -> Line | None:
    """Least squares of relative misses; None where it cannot be solved or would fall."""
    rows = [[1.0, *(feature(shape) for feature in features)] for shape, _ in pairs]
    values = [value for _, value in pairs]
    if len(rows) < len(rows[0]):
        return None
    # Each row is divided by its value: a miss counts as a share, so small steps count as well.
    scaled = [[entry / value for entry in row] for row, value in zip(rows, values, strict=True)]
    scales = [max(abs(row[i]) for row in scaled) or 1.0 for i in range(len(rows[0]))]
    scaled = [[entry / scale for entry, scale in zip(row, scales, strict=True)] for row in scaled]
    size = len(scales)
    matrix = [
        [sum(row[i] * row[j] for row in scaled) for j in range(size)]
        + [sum(row[i] for row in scaled)]
        for i in range(size)
    ]
    solved = _eliminate(matrix)
    if solved is None:
        return None
    found = [value / scale for value, scale in zip(solved, scales, strict=True)]
    if any(value < 0 for value in found):
        return None
    line = Line(found[0], tuple(zip(features, found[1:], strict=True)), 0.0)
    error = max(abs(line.at(shape) - value) / value for shape, value in pairs)
    return Line(line.base, line.slopes, error)


def _eliminate(matrix: list[list[float]]) -> list[float] | None:
    """Solve a small linear system given with its right side; None where it has no one answer."""
    size = len(matrix)
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(matrix[row][column]))
        if abs(matrix[pivot][column]) < 1e-9:
            return None
        matrix[column], matrix[pivot] = matrix[pivot], matrix[column]
        for row in range(size):
            if row != column:
                factor = matrix[row][column] / matrix[column][column]
                matrix[row] = [
                    one - factor * other
                    for one, other in zip(matrix[row], matrix[column], strict=True)
                ]
    return [matrix[row][size] / matrix[row][row] for row in range(size)]


def step_seconds(points: Sequence[Point], shape: Shape) -> Forecast | None:
    """Seconds of one training step of that shape; None where nothing was measured."""
    return _forecast([(p.shape, p.seconds) for p in points], shape, of_memory=False)


def peak_bytes(points: Sequence[Point], shape: Shape) -> Forecast | None:
    """The peak of memory of such steps, in bytes; None where none was measured."""
    pairs = [(p.shape, p.peak_bytes) for p in points if p.peak_bytes]
    return _forecast(pairs, shape, of_memory=True)


def _forecast(
    pairs: Sequence[tuple[Shape, float]], shape: Shape, *, of_memory: bool
) -> Forecast | None:
    pairs = [(one, value) for one, value in pairs if value > 0 and one.size > 0]
    plain = [pair for pair in pairs if not pair[0].grad_checkpoint]
    thrifty = [pair for pair in pairs if pair[0].grad_checkpoint]
    line = fit(plain) or fit(thrifty)
    if line is None:
        return None
    beyond: list[str] = []
    spread = max(MIN_SPREAD, 1.5 * line.error)
    value = line.at(shape)
    if plain and shape.grad_checkpoint:
        if thrifty:
            share = _median(
                [
                    (seen - line.base) / line.variable(at)
                    for at, seen in thrifty
                    if line.variable(at) > 0
                ]
                or [1.0]
            )
            value = line.base + max(0.02, share) * line.variable(shape)
        else:
            beyond.append("gradient checkpointing")
            spread += 0.15
            # It takes less memory and more time; without a measurement no saving is promised.
            value *= 1.0 if of_memory else UNMEASURED_CHECKPOINT_TIME
    elif not plain and not shape.grad_checkpoint:
        beyond.append("training without gradient checkpointing")
        spread += 0.25
    measured = [one for one, _ in (plain or thrifty)]
    for name, get in _SIDES:
        low, high = min(map(get, measured)), max(map(get, measured))
        wanted = get(shape)
        if wanted > high * 1.05:
            spread += 0.12 * math.log2(wanted / high)
            beyond.append(f"{name} {_whole(wanted)} (measured up to {_whole(high)})")
        elif wanted < low * 0.5:
            spread += 0.06 * math.log2(low / max(wanted, 1e-9))
            beyond.append(f"{name} {_whole(wanted)} (measured from {_whole(low)})")
    likely = Range.around(value, min(MAX_SPREAD, spread))
    longest = max(one.tokens for one, _ in pairs)
    if shape.tokens > longest * 1.05:
        # At worst all that grows with the rows grows with the square of their length.
        worst = value + (value - line.base) * (shape.tokens / longest - 1)
        likely = Range(likely.low, value, max(likely.high, worst))
        words = f"rows of {_whole(shape.tokens)} tokens (measured up to {_whole(longest)})"
        beyond.append(words)
    return Forecast(likely, tuple(beyond))


_SIDES: tuple[tuple[str, Feature], ...] = (
    ("tokens of a batch", lambda shape: shape.size),
    ("layers", lambda shape: float(shape.layers)),
)


def _whole(value: float) -> str:
    return f"{round(value):,}"


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


@dataclass(frozen=True, slots=True)
class Training:
    """A training that is to be estimated.

    ``mean_tokens`` and ``longest_tokens`` are of a row, the latter after the cut to max_seq_len;
    ``rank_extra`` counts the adapter's parameters beyond (or, negative, short of) those measured.
    """

    iters: int
    batch_size: int
    mean_tokens: float
    longest_tokens: float
    layers: int
    grad_checkpoint: bool = False
    valid_rows: int = 0
    validations: int = 0
    rank_extra: float = 0.0

    def shape(self, tokens: float) -> Shape:
        return Shape(self.batch_size, tokens, self.layers, self.grad_checkpoint)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a training would cost: its seconds, and its peak of memory in bytes.

    ``step`` are the seconds of one iteration.
    """

    seconds: Range | None
    peak: Range | None
    beyond: tuple[str, ...] = ()
    step: Range | None = None


def training_cost(
    points: Sequence[Point],
    wanted: Training,
    *,
    forward_tok_s: float | None = None,
    start_s: float = 0.0,
    overhead_bytes: float = 0.0,
) -> Cost:
    """Seconds and peak of a training, from measured steps.

    ``forward_tok_s`` is the speed of a loss without gradient, which is what validating costs
    (without it: twice the speed of training); ``start_s`` passes before the first step;
    ``overhead_bytes`` is what the process holds besides what the points measured.
    """
    step = step_seconds(points, wanted.shape(wanted.mean_tokens))
    peak = peak_bytes(points, wanted.shape(wanted.longest_tokens))
    seconds = None
    if step is not None:
        seconds = step.value.times(wanted.iters)
        seen = wanted.valid_rows * wanted.validations * wanted.mean_tokens
        if seen:
            speed = forward_tok_s or (2 * wanted.shape(wanted.mean_tokens).size / step.value.likely)
            seconds = seconds.plus(Range.around(seen / speed, MIN_SPREAD))
        seconds = seconds.plus(Range.around(start_s, MIN_SPREAD))
    memory = None
    if peak is not None:
        more = overhead_bytes + max(0.0, wanted.rank_extra * ADAPTER_BYTES)
        memory = Range(peak.value.low + more, peak.value.likely + more, peak.value.high + more)
    beyond = dict.fromkeys((*(step.beyond if step else ()), *(peak.beyond if peak else ())))
    return Cost(seconds, memory, tuple(beyond), step.value if step else None)
