"""The budget: what is on its way counts, from however many threads."""

from __future__ import annotations

import threading

import pytest

from engine.records.loop import Spent
from engine.teaching.budget import Budget, Caps
from engine.teaching.errors import TeachingError


@pytest.mark.parametrize(
    ("caps", "sentence"),
    [
        (Caps(tokens=250), "is 250 tokens. 200 tokens are spent or on their way"),
        (Caps(usd=2.5), r"is \$2.50. \$2.00 are spent or on their way"),
        (Caps(calls=2), "is 2 calls. 2 calls are spent or on their way"),
    ],
)
def test_what_is_on_its_way_counts(caps: Caps, sentence: str) -> None:
    budget = Budget(caps)
    first, second = budget.reserve(100, 1.0), budget.reserve(100, 1.0)
    with pytest.raises(TeachingError, match=sentence):
        budget.reserve(100, 1.0)
    budget.release(first)
    third = budget.reserve(100, 1.0)
    budget.settle(second, 40, 0.25)
    budget.settle(third, 40, 0.25)
    assert budget.spent == Spent(calls=2, tokens=80, usd=0.5)


def test_just_as_much_as_the_limit_is_no_more_than_it() -> None:
    budget = Budget(Caps(tokens=100, usd=1.0, calls=1))
    budget.settle(budget.reserve(100, 1.0), 100, 1.0)
    with pytest.raises(TeachingError):
        budget.reserve(0, 0.0)


def test_no_limit_and_no_price() -> None:
    budget = Budget()
    budget.settle(budget.reserve(10**9, None), 10**9, 0.0)
    assert budget.spent.tokens == 10**9


def test_many_threads_do_not_pass_it_together() -> None:
    budget = Budget(Caps(tokens=1000))
    barrier = threading.Barrier(20)
    made = []

    def call() -> None:
        barrier.wait()
        for _ in range(50):
            try:
                reserved = budget.reserve(10, None)
            except TeachingError:
                return
            made.append(reserved)
            budget.settle(reserved, 10, 0.0)

    threads = [threading.Thread(target=call) for _ in range(20)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(made) == 100
    assert budget.spent == Spent(calls=100, tokens=1000)
