"""What a benchmark says, in words: for the command line and the doctor. Pure."""

from __future__ import annotations

from engine import numbers
from engine.costs.estimate import Point, Shape
from engine.costs.verdict import PaceLimits, pace_in_words, room_in_words, verdict
from engine.records.bench import Benchmark, BenchPoint


def points_of(record: Benchmark) -> list[Point]:
    """What was measured, for the arithmetic."""
    return [
        Point(
            Shape(one.batch_size, one.seq_len, one.layers, one.grad_checkpoint),
            one.seconds_per_iteration,
            one.mlx_peak_bytes,
        )
        for one in record.points
    ]


def heaviest(record: Benchmark) -> BenchPoint | None:
    """The setting with the most work in an iteration, without gradient checkpointing if there."""
    plain = [one for one in record.points if not one.grad_checkpoint] or record.points
    return max(plain, key=lambda one: one.batch_size * one.seq_len * one.layers, default=None)


def memory_in_words(record: Benchmark) -> str:
    """The highest peak of all settings, with the process around it, against what there is."""
    peaks = [one.mlx_peak_bytes for one in record.points if one.mlx_peak_bytes]
    if not peaks:
        return f"peak of memory {numbers.NOT_RECORDED}"
    peak = max(peaks) + (record.overhead_bytes or 0)
    text = f"highest peak {numbers.size(peak)} with the process itself"
    total, recommended = record.machine.memory_bytes, record.limit_bytes
    if recommended:
        whose = f"{numbers.size(recommended)} that Metal recommends"
        return f"{text}, of the {whose}: {room_in_words(peak, recommended)}"
    if total:
        return f"{text}, of {numbers.size(total)} of memory: {room_in_words(peak, total)}"
    return f"{text}; the machine's memory is {numbers.NOT_RECORDED}"


def in_a_line(record: Benchmark, limits: PaceLimits) -> str:
    """The heaviest setting that was measured and its verdict, with the day."""
    point = heaviest(record)
    if point is None:
        return f"{record.model_id}: no training iteration was measured"
    seconds = point.seconds_per_iteration
    return (
        f"{record.model_id}: {verdict(seconds, limits)} ({pace_in_words(seconds)} an iteration at "
        f"batch {point.batch_size} × {point.seq_len} tokens, {point.layers} layers), "
        f"measured {record.date.date()}"
    )
