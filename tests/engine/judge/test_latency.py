"""Which prompts are a fair sample, and what is said of their times."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from engine.judge.latency import evenly_spread, median, p95, sample_sha256


@given(st.integers(0, 3000), st.integers(1, 200))
def test_a_sample_is_spread_over_the_suite(total: int, wanted: int) -> None:
    places = evenly_spread(total, wanted)
    assert len(places) == len(set(places)) == min(total, wanted)
    assert all(0 <= place < total for place in places)
    gaps = {b - a for a, b in itertools.pairwise(places)}
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_the_middle_of_each_part_is_asked() -> None:
    assert evenly_spread(180, 20) == list(range(4, 180, 9))
    assert evenly_spread(3, 20) == [0, 1, 2]
    assert evenly_spread(5, 1) == [2]


def test_times_of_too_few_answers() -> None:
    assert median([]) is None and p95([1.0] * 19) is None
    assert p95([float(n) for n in range(1, 21)]) == 19.0
    assert median([3.0, 1.0]) == 2.0


def test_the_same_prompts_are_the_same_sample() -> None:
    one = [({"role": "user", "content": "é"},)]
    assert sample_sha256(one) == sample_sha256([[{"content": "é", "role": "user"}]])
    assert sample_sha256(one) != sample_sha256([*one, *one])
