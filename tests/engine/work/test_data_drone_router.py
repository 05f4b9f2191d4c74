"""The grammar of drone-router: gold stays out of training, a seed is a data set."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.judge.scorers import score
from engine.judge.suites import load_suite
from engine.work.chats import normalise
from engine.work.generators import load_generator
from engine.work.runtime import Refusal

TARGET = Path(__file__).parents[3] / "sample_runs" / "targets" / "drone-router"
GENERATOR = load_generator(TARGET / "generator.py")
COMMANDS = {
    "takeoff",
    "land",
    "goto_waypoint",
    "rtl",
    "hover",
    "loiter",
    "ascend",
    "descend",
    "unknown",
}
SKILLS = {"repeat", "swap", "sum", "last"}


def prompts(rows: list[dict[str, Any]]) -> set[str]:
    return {normalise(row["messages"][0]["content"]) for row in rows}


def gold_prompts() -> set[str]:
    found: set[str] = set()
    for name in ("gold", "breadth"):
        lines = (TARGET / "dataset" / f"{name}.jsonl").read_text("utf-8").splitlines()
        found |= prompts([json.loads(line) for line in lines])
    return found


@given(st.integers(0, 2**40))
@settings(max_examples=15, deadline=None)
def test_no_training_seed_draws_a_gold_prompt(seed: int) -> None:
    rows = GENERATOR.call("generate", 300, None, seed) + GENERATOR.call("breadth", 200, seed)
    rows += GENERATOR.call("pretrain_rows", 300, seed, 0.3)
    assert not prompts(rows) & gold_prompts()


def test_suites_are_large_balanced_and_readable() -> None:
    gold = load_suite(TARGET / "dataset" / "gold.jsonl", "router-gold", "json_cmd")
    assert len(gold.examples) >= 150
    counts = [sum(e.slice == name for e in gold.examples) for name in COMMANDS]
    assert min(counts) >= 12
    breadth = load_suite(TARGET / "dataset" / "breadth.jsonl", "breadth", "exact")
    assert len(breadth.examples) >= 150
    assert {e.slice for e in breadth.examples} == SKILLS
    for suite in (gold, breadth):
        assert len({normalise(e.prompt) for e in suite.examples}) == len(suite.examples)
        assert all(score(suite.scorer, e.expected, e.expected).correct for e in suite.examples)


def test_answers_are_compact_json_of_a_known_command() -> None:
    for row in GENERATOR.call("generate", 900, None, 3):
        text = row["messages"][-1]["content"]
        answer = json.loads(text)
        assert json.dumps(answer, separators=(",", ":")) == text
        assert list(answer) == ["cmd", "args", "confidence"]
        assert answer["cmd"] == row["category"]
        assert answer["cmd"] in COMMANDS
        assert answer["confidence"] in (0.0, 0.6, 0.95)


def test_every_number_of_an_answer_was_said_or_is_a_default() -> None:
    said_in_words = {"five": 5, "ten": 10, "twenty": 20, "thirty": 30, "fifty": 50}
    defaults = {"altitude_m": 10, "delta_m": 5, "radius_m": 30}
    for row in GENERATOR.call("generate", 900, None, 4):
        prompt = row["messages"][0]["content"]
        for name, value in json.loads(row["messages"][-1]["content"])["args"].items():
            if not isinstance(value, int) or defaults.get(name) == value:
                continue
            spoken = [word for word, number in said_in_words.items() if number == value]
            minutes = name == "duration_s" and f"{value // 60} minute" in prompt
            words = any(word in prompt.casefold() for word in spoken)
            assert str(value) in prompt or minutes or words, (prompt, name)


def test_the_files_are_what_the_generator_writes(tmp_path: Path) -> None:
    GENERATOR._module.write_datasets(tmp_path)
    for name in ("gold", "breadth", "canonical"):
        written = (tmp_path / f"{name}.jsonl").read_bytes()
        assert written == (TARGET / "dataset" / f"{name}.jsonl").read_bytes(), (
            f"run generator.py: dataset/{name}.jsonl is not what it writes"
        )


def test_seeds_give_the_same_rows_everywhere_and_others_elsewhere() -> None:
    def digest(seed: int) -> str:
        rows = GENERATOR.call("generate", 200, None, seed)
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()

    assert digest(1) == digest(1)
    assert digest(1) != digest(2)


def test_focus_is_emphasised_and_misspelling_is_told() -> None:
    rows = GENERATOR.call("generate", 600, ["hover", "loiter"], 0)
    share = sum(row["category"] in ("hover", "loiter") for row in rows) / len(rows)
    assert 0.65 < share < 0.9
    assert {row["category"] for row in rows} == COMMANDS
    with pytest.raises(Refusal, match="no such command: hovver"):
        GENERATOR.call("generate", 5, ["hovver"], 0)


def test_the_base_is_told_one_phrasing_a_command() -> None:
    rows = GENERATOR.call("pretrain_rows", 4000, 0, 0.3)
    router = [row for row in rows if row["category"] in COMMANDS]
    assert 0.25 < len(router) / len(rows) < 0.35
    starts = {row["messages"][0]["content"].split()[0] for row in router}
    named = {"take", "land", "fly", "return", "hover", "loiter", "ascend", "descend"}
    assert named <= starts
    for row in router:
        if row["category"] != "unknown":
            assert row["messages"][0]["content"].split()[0] in named
