"""What seconds of an iteration and a peak of memory are called, and who may change it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.costs.bench_settings import load_limits
from engine.costs.estimate import Range
from engine.costs.verdict import (
    USUAL,
    PaceLimits,
    pace_in_words,
    room_in_words,
    verdict,
    verdict_in_words,
)
from engine.settings_file import SettingsError

ORDER = ["proceed", "usable", "slow", "choose a smaller model"]


@pytest.mark.parametrize(
    ("seconds", "called"),
    [
        (0.003, "proceed"),
        (1.0, "proceed"),
        (5.0, "proceed"),
        (5.01, "usable"),
        (10.0, "usable"),
        (30.0, "usable"),
        (30.1, "slow"),
        (60.0, "slow"),
        (60.1, "choose a smaller model"),
        (float("inf"), "choose a smaller model"),
    ],
)
def test_each_pace_has_its_word(seconds: float, called: str) -> None:
    assert verdict(seconds) == called


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_what_is_no_duration_has_none(seconds: float) -> None:
    with pytest.raises(ValueError, match="no duration"):
        verdict(seconds)


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_the_slower_one_never_has_the_better_word(one: float, other: float) -> None:
    slow, fast = max(one, other), min(one, other)
    assert ORDER.index(verdict(slow)) >= ORDER.index(verdict(fast))


def test_what_it_may_come_to_is_said() -> None:
    assert verdict_in_words(Range(3, 4, 4.9)) == "proceed"
    assert verdict_in_words(Range(3, 4, 6)) == "proceed, perhaps usable"
    assert verdict_in_words(Range(20, 25, 70)) == "usable, perhaps choose a smaller model"
    assert verdict_in_words(Range(1, 2, 3), PaceLimits(0.5, 1, 2.5)) == (
        "slow, perhaps choose a smaller model"
    )


def test_numbers_have_the_digits_that_tell_something() -> None:
    told = [pace_in_words(value) for value in (0.0123, 0.341, 5.62, 9.97, 41.7)]
    assert told == ["0.012 s", "0.34 s", "5.6 s", "10 s", "42 s"]


def test_memory_is_said_against_what_there_is() -> None:
    assert room_in_words(3, 1000) == "it fits easily"
    assert room_in_words(500, 1000) == "50 % of it: it fits"
    assert "95 % of it: it barely fits" in room_in_words(950, 1000)
    assert room_in_words(1001, 1000) == "it does not fit"


def write(place: Path, text: str) -> Path:
    (place / "factory.toml").write_text(text)
    return place


def test_a_workspace_has_its_own_limits(tmp_path: Path) -> None:
    assert load_limits(tmp_path) == USUAL
    assert load_limits(write(tmp_path, "[supervisor]\n")) == USUAL
    found = load_limits(write(tmp_path, "[bench]\nproceed_s = 0.5\nusable_s = 2\n"))
    assert found == PaceLimits(0.5, 2, 60)
    assert verdict(1.0, found) == "usable" and "up to 0.5 s an iteration" in found.in_words()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("proceed_s = 40", "bench: proceed_s, usable_s and too_slow_s must rise, and are 40, 30"),
        ("usable_s = 0", "bench.usable_s: Input should be greater than 0"),
        ("usable_s = -3.5", "bench.usable_s"),
        ("too_slow_s = inf", "bench.too_slow_s: Input should be a finite number"),
        ("too_slow_s = nan", "bench.too_slow_s"),
        ("proceed_s = '5'", "bench.proceed_s: Input should be a valid number"),
        ("proceed_s = true", "bench.proceed_s"),
        ("to_slow_s = 9", "bench.to_slow_s"),
    ],
)
def test_wrong_limits_are_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as told:
        load_limits(write(tmp_path, f"[bench]\n{text}\n"))
    assert said in str(told.value) and str(told.value).startswith("factory.toml: ")
    assert "\n" not in str(told.value)


def test_what_is_no_table_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"factory\.toml: bench"):
        load_limits(write(tmp_path, "bench = 3\n"))
