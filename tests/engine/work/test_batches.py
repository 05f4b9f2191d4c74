from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.work.batches import (
    POOL_BATCHES,
    BatchOrder,
    make_batch,
    pad_multiple,
    sorted_batches,
)
from engine.work.rows import TokenRows


def rows_of(lengths: list[int], start: int = 0) -> TokenRows:
    rows = TokenRows("test")
    for number, length in enumerate(lengths):
        rows.add([number % 90 + 1] * length, start, 10_000)
    return rows


LENGTHS = st.lists(st.integers(2, 600), min_size=1, max_size=300)


@settings(max_examples=60, deadline=None)
@given(lengths=LENGTHS, batch_size=st.integers(1, 40), seed=st.integers(0, 2**31))
def test_each_epoch_covers_every_row_in_whole_batches(
    lengths: list[int], batch_size: int, seed: int
) -> None:
    order = BatchOrder(np.array(lengths), batch_size, seed)
    for epoch in range(2):
        steps = range(epoch * order.steps_per_epoch + 1, (epoch + 1) * order.steps_per_epoch + 1)
        batches = [order.rows(step) for step in steps]
        assert {len(batch) for batch in batches} == {min(batch_size, len(lengths))}
        assert all(len(set(batch.tolist())) == len(batch) for batch in batches)
        counts = Counter(int(row) for batch in batches for row in batch)
        assert set(counts) == set(range(len(lengths)))
        assert sum(count - 1 for count in counts.values()) < batch_size


@settings(max_examples=30, deadline=None)
@given(lengths=LENGTHS, batch_size=st.integers(1, 16), steps=st.lists(st.integers(1, 200)))
def test_a_batch_is_a_function_of_seed_and_step(
    lengths: list[int], batch_size: int, steps: list[int]
) -> None:
    array = np.array(lengths)
    once = BatchOrder(array, batch_size, 7)
    for step in steps:  # in any order, from a new object or an old one
        fresh = BatchOrder(array, batch_size, 7)
        assert once.rows(step).tolist() == fresh.rows(step).tolist()


def test_another_seed_and_another_epoch_are_other_orders() -> None:
    lengths = np.arange(2, 202)
    one, two = BatchOrder(lengths, 8, 0), BatchOrder(lengths, 8, 1)
    first = [one.rows(step).tolist() for step in range(1, 26)]
    assert first != [two.rows(step).tolist() for step in range(1, 26)]
    assert first != [one.rows(step).tolist() for step in range(26, 51)]


def test_rows_of_a_batch_are_of_similar_length() -> None:
    lengths = np.random.default_rng(0).integers(32, 513, 8 * POOL_BATCHES * 3)
    order = BatchOrder(lengths, 8, 0)
    padded = real = 0
    for step in range(1, order.steps_per_epoch + 1):
        chosen = lengths[order.rows(step)]
        padded += int(chosen.max()) * len(chosen)
        real += int(chosen.sum())
    assert padded / real < 1.02


def test_no_rows_is_an_error() -> None:
    with pytest.raises(ValueError, match="no rows"):
        BatchOrder(np.array([], dtype=np.int64), 4, 0)


def test_a_batch_is_padded_to_the_multiple_and_counts_real_tokens() -> None:
    rows = rows_of([3, 9, 5], start=2)
    batch = make_batch(rows, np.array([0, 1, 2]), 4)
    assert batch.tokens.shape == (3, 9)
    assert batch.tokens.tolist()[0] == [1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert batch.spans.tolist() == [[2, 2], [2, 8], [2, 4]]
    assert batch.real == 17
    assert make_batch(rows, np.array([0, 2]), 4).tokens.shape == (2, 5)
    assert pad_multiple() >= 1


def test_the_loss_of_a_padded_batch_is_the_mean_over_its_counted_targets() -> None:
    """mlx-lm's loss on our spans equals the rows one by one: padding is no target."""
    import mlx.core as mx
    import mlx.nn as nn
    from mlx_lm.tuner.trainer import default_loss

    mx.random.seed(0)
    embedding = nn.Embedding(100, 100)
    rows = rows_of([3, 9, 5], start=2)
    together, count = default_loss(embedding, *_pair(rows, [0, 1, 2], 8))
    alone = [default_loss(embedding, *_pair(rows, [i], 1)) for i in range(3)]
    assert count.item() == (3 - 2) + (9 - 2) + (5 - 2)
    total = sum(loss.item() * n.item() for loss, n in alone)
    assert together.item() == pytest.approx(total / count.item(), rel=1e-5)


def _pair(rows: TokenRows, chosen: list[int], multiple: int) -> tuple[object, object]:
    batch = make_batch(rows, np.array(chosen), multiple)
    return batch.tokens, batch.spans


def test_validation_sees_every_row_once() -> None:
    rows = rows_of([9, 3, 5, 7, 2])
    batches = [batch.tolist() for batch in sorted_batches(rows, 2)]
    assert batches == [[4, 1], [2, 3], [0]]
