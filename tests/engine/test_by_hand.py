"""A prompt that a person judged becomes a row of a suite, or a sentence why not."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from engine.answers.by_hand import BY_HAND, ByHandError, SuitePlace, add_example, places
from engine.answers.target_suites import answer_text, read_suites, score_answers
from engine.folder import sha256_file
from engine.judge.suites import load_suite
from engine.target import Target, load_target

ASK = [{"role": "user", "content": "land now"}]
LAND = '{"cmd": "land", "args": {}}'
GOLD = [
    {"messages": [*ASK, {"role": "assistant", "content": LAND}], "category": "land"},
    {"prompt": "hover", "completion": '{"cmd": "hover", "args": {}}'},
]
FORGE = """
name: drone
eval: {scorer: json_cmd}
factory:
  suites:
    primary: {name: gold, file: dataset/gold.jsonl, scorer: json_cmd}
    regression: [{name: breadth, file: dataset/breadth.jsonl, scorer: exact}]
    sealed: {name: sealed, file: dataset/sealed.jsonl, scorer: json_cmd}
"""


def write_rows(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


@pytest.fixture
def target(tmp_path: Path) -> Target:
    (tmp_path / "forge.yaml").write_text(FORGE, "utf-8")
    (tmp_path / "system_prompt.md").write_text("You fly.\n", "utf-8")
    write_rows(tmp_path / "dataset/gold.jsonl", GOLD)  # type: ignore[arg-type]
    write_rows(tmp_path / "dataset/breadth.jsonl", [{"prompt": "1+1", "completion": "2"}])
    write_rows(tmp_path / "dataset/sealed.jsonl", [{"prompt": "x", "completion": LAND}])
    return load_target(tmp_path)


def place_of(target: Target, file: str) -> SuitePlace:
    return next(one for one in places(target) if one.file == file)


def test_the_suite_by_hand_comes_first_and_the_sealed_one_is_not_offered(target: Target) -> None:
    found = [(one.file, one.role, one.frozen) for one in places(target)]
    assert found == [
        (BY_HAND, "by hand", False),
        ("dataset/gold.jsonl", "primary", True),
        ("dataset/breadth.jsonl", "regression", True),
    ]


def test_the_first_row_makes_a_suite_that_loads_by_itself(target: Target) -> None:
    written = add_example(place_of(target, BY_HAND), ASK, LAND)
    path = target.path / BY_HAND
    assert (written.line, written.examples, written.before) == (2, 1, None)
    assert written.after == sha256_file(path)
    suite = load_suite(path)  # name and scorer stand in its header
    assert (suite.name, suite.scorer, suite.examples[0].expected) == ("by-hand", "json_cmd", LAND)
    assert suite.examples[0].slice == "by-hand"
    again = add_example(place_of(target, BY_HAND), [{"role": "user", "content": "日本 ⏎\n2"}], LAND)
    assert (again.line, again.examples, again.before) == (3, 2, written.after)
    assert load_suite(path).examples[1].prompt == "日本 ⏎\n2"


def test_a_frozen_suite_has_another_hash_afterwards(target: Target) -> None:
    path = target.path / "dataset/gold.jsonl"
    path.write_text(path.read_text("utf-8").rstrip("\n"), "utf-8")  # no line end: none is lost
    path.chmod(0o640)
    before = sha256_file(path)
    written = add_example(
        place_of(target, "dataset/gold.jsonl"),
        [{"role": "system", "content": "You fly."}, {"role": "user", "content": "climb"}],
        '{"cmd": "climb"}',
    )
    assert (written.before, written.examples, written.line) == (before, 3, 3)
    assert written.after == sha256_file(path) != before
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    last = json.loads(path.read_text("utf-8").splitlines()[-1])
    # The evaluation puts the target's own system prompt there by itself.
    assert [one["role"] for one in last["messages"]] == ["user", "assistant"]
    other = [{"role": "system", "content": "You swim."}, {"role": "user", "content": "dive"}]
    add_example(place_of(target, "dataset/gold.jsonl"), other, '{"cmd": "dive"}')
    last = json.loads(path.read_text("utf-8").splitlines()[-1])
    assert last["messages"][0] == other[0]


@pytest.mark.parametrize(
    ("file", "prompt", "expected", "says"),
    [
        ("dataset/gold.jsonl", "land  now ", LAND, "has this prompt already (example 1)"),
        ("dataset/gold.jsonl", "climb", "up!", "Nothing was written. gold.jsonl:3:"),
        ("dataset/gold.jsonl", "climb", "  ", "write one"),
        (BY_HAND, " ", LAND, "the content is empty"),
    ],
)
def test_what_would_spoil_the_suite_is_refused(
    target: Target, file: str, prompt: str, expected: str, says: str
) -> None:
    path = target.path / file
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(ByHandError) as error:
        add_example(place_of(target, file), [{"role": "user", "content": prompt}], expected)
    assert says in str(error.value)
    assert (path.read_bytes() if path.exists() else None) == before
    assert [one.name for one in path.parent.iterdir() if one.name.startswith(".")] == []


def test_a_file_that_is_broken_already_is_left_alone(target: Target) -> None:
    path = target.path / "dataset/gold.jsonl"
    path.write_bytes(b"{half\n")
    with pytest.raises(ByHandError, match=r"gold.jsonl:1: is not JSON"):
        add_example(place_of(target, "dataset/gold.jsonl"), ASK, LAND)
    assert path.read_bytes() == b"{half\n"


def test_a_file_that_cannot_be_read_is_said(target: Target) -> None:
    file = target.path / "dataset" / "gold.jsonl"
    file.unlink()
    file.mkdir()
    with pytest.raises(ByHandError, match="was not written"):
        add_example(place_of(target, "dataset/gold.jsonl"), ASK, LAND)


def test_an_answer_is_scored_by_its_suite(target: Target) -> None:
    (gold, breadth), troubles = read_suites(target)
    assert troubles == []
    example = gold.suite.examples[0]
    assert example.messages[0] == {"role": "system", "content": "You fly."}
    assert breadth.suite.examples[0].messages[0]["role"] == "user"
    answers = {"base": "up we go", "candidate": '{"args": {}, "cmd": "land"}'}
    scores = score_answers(gold, example, answers, named=())
    assert (scores["base"].correct, scores["candidate"].correct) == (False, True)
    assert scores["base"].error


def test_a_targets_own_scorer_is_asked(target: Target) -> None:
    forge = target.path / "forge.yaml"
    text = forge.read_text("utf-8")
    forge.write_text(text.replace("gold.jsonl, scorer: json_cmd", "gold.jsonl, scorer: custom"))
    (target.path / "scorer.py").write_text(
        "def score(expected, actual):\n    return 0.25 if actual == 'up' else True\n"
    )
    suites, troubles = read_suites(load_target(target.path))
    assert (suites[0].suite.scorer, troubles) == ("custom", [])
    scores = score_answers(
        suites[0], suites[0].suite.examples[0], {"base": "up", "candidate": "x"}, named=()
    )
    assert (scores["base"].score, scores["candidate"].correct) == (0.25, True)


def test_tool_calls_are_scored_as_the_message_that_made_them() -> None:
    assert answer_text("hello") == "hello"
    text = answer_text("", [("land", '{"pad": 3}')])
    assert json.loads(text)["tool_calls"][0]["function"]["name"] == "land"


def test_a_suite_that_cannot_be_read_is_said_and_the_others_are_there(target: Target) -> None:
    (target.path / "dataset/gold.jsonl").unlink()
    found, troubles = read_suites(target)
    assert [one.ref.name for one in found] == ["breadth"]
    assert "no such file" in troubles[0]
