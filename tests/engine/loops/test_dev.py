"""The dev suite of a target: its own, its generator's, or drawn from canonical; never gold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.loops.flywheel.dev import FEWEST, FILE, DevError, dev_suite
from engine.target import Target, load_target
from tests.engine.loops.wheel import FORGE, make_wheel

WITHOUT = FORGE.replace("generator: generator.py, ", "")


def target_with(directory: Path, canonical: list[str], gold: list[str]) -> Target:
    """A target without a generator, with these prompts."""
    workspace = make_wheel(directory, WITHOUT)
    path = workspace.target_path("counter")
    for name, prompts in (("canonical", canonical), ("gold", gold)):
        rows = [
            {
                "messages": [
                    {"role": "user", "content": prompt},
                    {"role": "assistant", "content": "yes"},
                ]
            }
            for prompt in prompts
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (path / f"dataset/{name}.jsonl").write_text(text)
    return load_target(path)


def prompts_of(target: Target) -> list[str]:
    lines = target.file(FILE).read_text().splitlines()
    return [json.loads(line)["messages"][0]["content"] for line in lines]


def questions(word: str, count: int) -> list[str]:
    return [f"What does the {word} number {i} say of {i * 7} birds?" for i in range(count)]


def test_a_generators_rows_are_drawn_once(tmp_path: Path) -> None:
    target = load_target(make_wheel(tmp_path).target_path("counter"))
    first = dev_suite(target, 0, named=())
    assert first.rows == 180 and "generator.py" in first.made_from
    again = dev_suite(target, 5, named=())
    assert (again.sha256, again.made_from) == (first.sha256, "the target's own file")


def test_few_rows_of_canonical_give_as_many_as_are_needed(tmp_path: Path) -> None:
    canonical = questions("canonical", 3 * FEWEST)
    target = target_with(tmp_path, canonical, questions("golden", 30))
    assert dev_suite(target, 0, named=()).rows == FEWEST
    assert set(prompts_of(target)) < set(canonical)


def test_many_rows_give_a_share_and_gold_is_none_of_them(tmp_path: Path) -> None:
    gold = questions("golden", 30)
    target = target_with(tmp_path, questions("canonical", 400) + gold, gold)
    assert dev_suite(target, 0, named=()).rows == round(0.15 * 430)
    assert not set(prompts_of(target)) & set(gold)


@pytest.mark.parametrize("count", [0, 3 * FEWEST - 1])
def test_too_few_are_said(tmp_path: Path, count: int) -> None:
    target = target_with(tmp_path, questions("canonical", count), questions("golden", 30))
    with pytest.raises(DevError, match="too few rows"):
        dev_suite(target, 0, named=())
    assert not target.file(FILE).exists()
