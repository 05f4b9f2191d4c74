"""What ranks exchange is theirs, or is not taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from engine.compute.verdict import LOST_PEER
from engine.work.group import Joined


class Two:
    def rank(self) -> int:
        return 0

    def size(self) -> int:
        return 2


Other = Callable[[mx.array], mx.array]
"""What lies in the place of the second rank's row, given the first one's."""


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> list[Other]:
    """One entry an exchange, in order."""
    others: list[Other] = []

    def all_gather(mine: mx.array, *, group: Any) -> mx.array:
        return mx.concatenate([mine, others.pop(0)(mine)])

    monkeypatch.setattr(mx.distributed, "all_gather", all_gather)
    return others


def test_the_values_of_each_rank_come_in_order(exchange: list[Other]) -> None:
    def negative(mine: mx.array) -> mx.array:
        numbers = np.frombuffer(np.array(mine).tobytes(), np.float64).copy()
        numbers[:-1] *= -1
        return mx.array(np.frombuffer(numbers.tobytes(), np.uint8))

    exchange += [negative, negative]
    ranks = Joined(Two())  # type: ignore[arg-type]
    assert ranks.gather([0.1, float("inf")]) == [[0.1, float("inf")], [-0.1, float("-inf")]]
    assert ranks.gather([]) == [[], []]


def test_what_lies_in_memory_where_a_rank_died_is_not_taken_for_its_word(
    exchange: list[Other],
) -> None:
    """Whether to stop was once read from there, and half a gradient was saved."""
    seen: list[mx.array] = []

    def whole(mine: mx.array) -> mx.array:
        seen.append(mine)
        return mine

    for garbage in (mx.zeros_like, lambda mine: seen[-1], lambda mine: mine[::-1]):
        exchange += [whole, garbage]
        ranks = Joined(Two())  # type: ignore[arg-type]
        assert ranks.gather([4.0, 0.0]) == [[4.0, 0.0]] * 2
        with pytest.raises(RuntimeError, match=f"{LOST_PEER}: what came of rank 1"):
            ranks.gather([4.0, 0.0])
