"""The sampler proposes within bounds, learns, and says the same again when it is asked again."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from engine.loops.flywheel.sampler import propose, usual_space
from engine.loops.patches import check_patches, narrowed
from engine.loops.sampling import Tried

SPACE = narrowed(
    {
        "training.learning_rate": [1e-5, 1e-1],
        "lora.r": [4, 64],
        "training.lr_scheduler": ["cosine", "linear"],
    }
)
NOW = {"training.learning_rate": 1e-3, "lora.r": 16, "training.lr_scheduler": "cosine"}


def score_of(settings: dict[str, object]) -> float:
    """Best at a learning rate of 3e-3, whatever else is set."""
    rate = settings["training.learning_rate"]
    assert isinstance(rate, float)
    return 1 - abs(math.log10(rate / 3e-3)) / 4


def campaign(seed: int, count: int) -> list[Tried]:
    tries: list[Tried] = []
    for number in range(count):
        found = propose(SPACE, NOW, tries, seed=seed * 1000 + number)
        settings = NOW | found.patches
        tries.append(Tried(settings, score_of(settings)))
    return tries


def test_the_first_is_what_stands() -> None:
    assert propose(SPACE, NOW, [], seed=0).patches == {}


def test_proposals_are_within_the_bounds_of_a_plan() -> None:
    for one in campaign(1, 12):
        assert check_patches(one.settings, SPACE).refused == ()


def test_the_same_tries_give_the_same_proposal() -> None:
    tries = campaign(2, 6)
    one, other = (propose(SPACE, NOW, tries, seed=9) for _ in range(2))
    assert one == other and one.patches
    assert "6 tries" in one.hypothesis


def test_it_learns_more_than_chance_does() -> None:
    found, by_chance = [], []
    for seed in range(5):
        found.append(statistics.mean(t.score or 0 for t in campaign(seed, 30)[-10:]))
        dice = random.Random(seed)
        by_chance.append(
            statistics.mean(
                score_of({"training.learning_rate": 10 ** dice.uniform(-5, -1)}) for _ in range(10)
            )
        )
    assert statistics.mean(found) > statistics.mean(by_chance) + 0.1


def test_a_crash_counts_as_the_worst_and_a_strange_try_is_left_out() -> None:
    tries = [
        Tried(NOW, 0.5),
        Tried(NOW | {"training.learning_rate": 5e-2}, None),
        Tried(NOW | {"training.learning_rate": 7.0}, 0.9),
        Tried(NOW | {"lora.r": "many"}, 0.9),
    ]
    assert check_patches(propose(SPACE, NOW, tries, seed=1).patches, SPACE).refused == ()


def test_where_nothing_may_vary_the_data_changes() -> None:
    found = propose({}, {}, [Tried({}, 0.4)], seed=1)
    assert found.patches == {} and "data" in found.hypothesis


def test_the_usual_space_lies_around_what_is_set() -> None:
    space = usual_space({"training.learning_rate": 3e-4})
    assert space.keys() == {"training.learning_rate"}
    found = space["training.learning_rate"]
    assert (found.low, found.high, found.log) == (pytest.approx(1e-4), pytest.approx(9e-4), True)
    assert usual_space({}) == {}
