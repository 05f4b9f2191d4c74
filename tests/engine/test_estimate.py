"""From measured steps to what a training would cost: arithmetic with known answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.costs.estimate import (
    MAX_SPREAD,
    Point,
    Shape,
    Training,
    fit,
    peak_bytes,
    step_seconds,
    training_cost,
)

GB = 2.0**30


def seconds(shape: Shape) -> float:
    """A machine of known costs: 50 ms a step, 10 µs a token, 5 µs a token and layer."""
    value = 0.05 + 1e-5 * shape.size + 5e-6 * shape.size * shape.layers
    return value * (1.4 if shape.grad_checkpoint else 1.0)


def memory(shape: Shape) -> float:
    """2 GB of weights; a token takes 40 KB, and 4 KB a layer, a third of it when checkpointed."""
    variable = shape.size * (40_000 + 4_000 * shape.layers)
    return 2 * GB + variable * (1 / 3 if shape.grad_checkpoint else 1)


SHAPES = [
    Shape(1, 128, 28),
    Shape(4, 128, 28),
    Shape(4, 512, 28),
    Shape(4, 512, 14),
    Shape(4, 512, 28, grad_checkpoint=True),
]
POINTS = [Point(shape, seconds(shape), memory(shape)) for shape in SHAPES]


@pytest.mark.parametrize(
    "shape", [Shape(2, 256, 28), Shape(4, 300, 20), Shape(4, 400, 28, True)], ids=str
)
def test_between_measured_shapes_the_estimate_is_exact(shape: Shape) -> None:
    time, peak = step_seconds(POINTS, shape), peak_bytes(POINTS, shape)
    assert time is not None and peak is not None
    assert time.value.likely == pytest.approx(seconds(shape), rel=0.06)
    assert peak.value.likely == pytest.approx(memory(shape), rel=0.03)
    assert peak.value.low < memory(shape) < peak.value.high
    assert time.beyond == peak.beyond == ()


def test_what_lies_outside_is_named_and_widened() -> None:
    inside, outside = peak_bytes(POINTS, SHAPES[2]), peak_bytes(POINTS, Shape(32, 512, 28))
    assert inside is not None and outside is not None
    assert outside.value.likely == pytest.approx(memory(Shape(32, 512, 28)), rel=0.03)
    spreads = [one.value.high / one.value.likely for one in (inside, outside)]
    assert spreads[1] > spreads[0] + 0.3
    assert outside.beyond == ("tokens of a batch 16,384 (measured up to 2,048)",)


def attentive(shape: Shape) -> float:
    """A machine on which attention costs as much as the rest at rows of 500 tokens."""
    return 0.05 + 5e-6 * shape.size * shape.layers * (1 + shape.tokens / 500)


LONG = Shape(1, 2048, 14)


def test_a_measured_shape_of_long_rows_tells_what_attention_costs() -> None:
    points = [Point(shape, attentive(shape)) for shape in (*SHAPES[:4], LONG)]
    for wanted in (Shape(4, 1024, 28), Shape(4, 2048, 28), Shape(16, 64, 28)):
        found = step_seconds(points, wanted)
        assert found is not None
        assert found.value.likely == pytest.approx(attentive(wanted), rel=0.02)
        assert not any("rows of" in words for words in found.beyond)


def test_rows_longer_than_measured_may_cost_the_square() -> None:
    points = [Point(shape, attentive(shape)) for shape in SHAPES[:4]]
    wanted = Shape(4, 2048, 28)
    found = step_seconds(points, wanted)
    assert found is not None
    assert found.value.likely < attentive(wanted) < found.value.high
    assert "rows of 2,048 tokens (measured up to 512)" in found.beyond


def test_noise_alone_is_no_attention() -> None:
    noise = (1.1, 0.95, 1.0, 1.05)
    points = [
        Point(shape, seconds(shape) * factor)
        for shape, factor in zip(SHAPES[:4], noise, strict=True)
    ]
    found = step_seconds(points, Shape(4, 2048, 28))
    assert found is not None
    assert found.value.likely == pytest.approx(seconds(Shape(4, 2048, 28)), rel=0.25)


def test_one_shape_is_taken_in_proportion_and_is_never_sure() -> None:
    only = [Point(Shape(4, 100, 10), 1.0, 4 * GB)]
    doubled = step_seconds(only, Shape(8, 100, 10))
    assert doubled is not None and doubled.value.likely == pytest.approx(2.0)
    assert doubled.value.high >= 1.3 * doubled.value.likely
    assert "measured up to 400" in doubled.beyond[0]


def test_checkpointing_that_was_not_measured_promises_no_memory() -> None:
    plain = [point for point in POINTS if not point.shape.grad_checkpoint]
    wanted = Shape(4, 512, 28, grad_checkpoint=True)
    peak, time = peak_bytes(plain, wanted), step_seconds(plain, wanted)
    assert peak is not None and time is not None
    assert peak.value.likely == pytest.approx(memory(Shape(4, 512, 28)), rel=0.03)
    assert time.value.likely > seconds(Shape(4, 512, 28))
    assert "gradient checkpointing" in peak.beyond


def test_only_checkpointed_points_say_so_of_a_plain_training() -> None:
    thrifty = [POINTS[4]]
    found = peak_bytes(thrifty, Shape(4, 512, 28))
    assert found is not None and "training without gradient checkpointing" in found.beyond


def test_nothing_measured_is_no_estimate() -> None:
    assert fit([]) is None
    assert step_seconds([], Shape(1, 1, 1)) is None
    assert peak_bytes([Point(Shape(1, 8, 1), 1.0, None)], Shape(1, 8, 1)) is None
    cost = training_cost([], Training(10, 1, 5, 9, 1))
    assert cost.seconds is None and cost.peak is None


def test_noise_that_falls_with_size_never_makes_a_falling_line() -> None:
    points = [Point(Shape(size, 10, 2), 1.0 - size / 100) for size in (1, 2, 4, 8)]
    line = fit([(point.shape, point.seconds) for point in points])
    assert line is not None and line.at(Shape(100, 10, 2)) >= line.at(Shape(1, 10, 2)) > 0


def test_a_training_is_its_steps_validations_and_start() -> None:
    wanted = Training(
        iters=100,
        batch_size=4,
        mean_tokens=128,
        longest_tokens=512,
        layers=28,
        valid_rows=50,
        validations=4,
        rank_extra=1e6,
    )
    cost = training_cost(POINTS, wanted, forward_tok_s=1000.0, start_s=7.0, overhead_bytes=100.0)
    assert cost.seconds is not None and cost.peak is not None
    expected = 100 * seconds(Shape(4, 128, 28)) + 50 * 4 * 128 / 1000 + 7
    assert cost.seconds.likely == pytest.approx(expected, rel=0.05)
    assert cost.peak.likely == pytest.approx(memory(Shape(4, 512, 28)) + 100 + 16e6, rel=0.03)
    assert cost.step is not None
    assert cost.step.likely == pytest.approx(seconds(Shape(4, 128, 28)), rel=0.05)


shapes = st.builds(Shape, st.integers(1, 64), st.integers(1, 4096), st.integers(1, 80))
points = st.lists(
    st.builds(Point, shapes, st.floats(1e-4, 1e3), st.floats(1e6, 1e11)), min_size=1, max_size=12
)


@given(points, shapes)
def test_any_points_give_an_ordered_and_positive_range(found: list[Point], shape: Shape) -> None:
    for forecast in (step_seconds(found, shape), peak_bytes(found, shape)):
        assert forecast is not None
        value = forecast.value
        assert 0 <= value.low <= value.likely <= value.high
        # All that is not fixed may grow with the square of the length, and nothing faster.
        longer = max(1.0, shape.tokens / max(point.shape.tokens for point in found))
        assert value.high <= value.likely * max(1 + MAX_SPREAD, longer) * (1 + 1e-9)
