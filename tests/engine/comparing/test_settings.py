"""Settings as flat names, and which of them differ."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.comparing.settings import (
    MAX_SETTINGS,
    MISSING,
    Change,
    changes,
    differing,
    settings_of,
    told_first,
    value_text,
)

CONFIG: dict[str, Any] = {
    "run_id": "one",
    "target": "router",
    "base_model": {"id": "tiny", "revision": "abc"},
    "candidate": {"method": "sft-lora", "training_command": "run router --seed 1"},
    "seed": 1,
    "hyperparameters": {
        "seed": 1,
        "learning_rate": 1e-4,
        "lora": {"rank": 16, "keys": ["q", "v"]},
        "early_stop": None,
        "mask_prompt": True,
    },
    "eval": {"primary": "gold", "threshold": {"primary_min": 0.9}, "suites": {"gold": "ab" * 32}},
}
DATASET = {
    "sources": [{"kind": "generator", "rows": 3000, "sha256": "cd" * 32}, {"kind": "generator"}],
    "counts": {"train_rows": 3000, "dropped_rows": 5},
    "files": {"data/train.jsonl": "ef" * 32},
}


def test_names_are_the_words_of_the_field_and_what_names_the_run_is_left_out() -> None:
    found = settings_of(CONFIG, DATASET)
    assert found["learning_rate"] == 1e-4
    assert found["lora.rank"] == 16
    assert found["lora.keys"] == "q, v"
    assert found["early_stop"] is None
    assert found["data.generator.rows"] == 3000
    assert found["data.train_rows"] == 3000
    assert found["suite.gold"] == "ab" * 32
    assert found["data/train.jsonl"] == "ef" * 32
    assert found["seed"] == 1
    assert not {"run_id", "training_command", "data.dropped_rows"} & set(found)


def test_only_what_differs_is_told_and_what_is_not_recorded_counts() -> None:
    one = {"rank": 16, "rows": 3000, "mask": True, "seed": 1}
    other = {"rank": 32, "rows": 3000, "mask": 1, "lr": 0.1, "seed": 1.0}
    rows = {row.name: row.values for row in differing([one, other])}
    assert rows == {"rank": (16, 32), "mask": (True, 1), "lr": (MISSING, 0.1)}
    assert differing([one, dict(one), dict(one)]) == []


def test_a_run_that_records_nothing_does_not_make_everything_differ() -> None:
    full: dict[str, Any] = {"target": "x", "rank": 16, "rows": 3, "lr": 0.1}
    rows = differing([full, {**full, "rank": 32}, {"target": "y"}])
    assert [(row.name, row.values) for row in rows] == [("rank", (16, 32, MISSING))]
    assert [row.name for row in differing([full, {}])] == [*full]


def test_changes_that_a_person_made_are_told_before_those_that_follow() -> None:
    before: dict[str, Any] = {"data/train.jsonl": "a", "data.train_rows": 1, "rank": 8}
    after: dict[str, Any] = {"data/train.jsonl": "b", "data.train_rows": 2, "rank": 16}
    assert told_first(changes(before, after)) == [Change("rank", 8, 16)]
    del before["rank"], after["rank"]
    names = [change.name for change in told_first(changes(before, after))]
    assert names == ["data.train_rows", "data/train.jsonl"]


def test_values_as_people_write_them() -> None:
    assert value_text("ab" * 32) == "abababa"
    assert value_text(2e-5) == "2e-5"
    assert value_text(0.4) == "0.4"
    assert value_text(None) == "none"
    assert value_text(True) == "yes"
    assert value_text(MISSING) == "not recorded"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(sorted(CONFIG)), json_values), json_values)
def test_whatever_a_config_holds_settings_are_flat(config: Any, dataset: Any) -> None:
    found = settings_of(config, dataset if isinstance(dataset, dict) else {})
    assert all(value is None or isinstance(value, str | int | float) for value in found.values())


def test_a_config_without_bounds_is_bounded() -> None:
    found = settings_of({"hyperparameters": {f"s{i}": i for i in range(9999)}}, {})
    assert len(found) == MAX_SETTINGS
