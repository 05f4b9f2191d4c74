"""generate, augment, patch, clean: rows come in with their origin, and none is a gold row."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.engine.loops.project_kit import FORGE, LAND, chat, lines, make_project, run, write
from tests.engine.loops.wheel import make_loop, make_wheel, turn
from tests.engine.teaching.double import Refuse, Say, Silence

GOLD = "please bring the drone down near the old barn"
GENERATOR = """
def generate(n, focus=None, seed=0):
    return [
        {"prompt": f"row {seed} {i} {focus}", "completion": '{"cmd": "land"}'} for i in range(n)
    ]
"""


def said(*rows: Any) -> Say:
    return Say(json.dumps(list(rows)))


def canonical(target: Path) -> list[dict[str, Any]]:
    return lines(target / "dataset/canonical.jsonl")


def added(target: Path) -> list[dict[str, Any]]:
    return [row for row in canonical(target) if "origin" in row]


def with_generator(tmp_path: Path, teacher: str = "claude-sonnet-4-6") -> Path:
    forge = FORGE % teacher + "factory: {data: {generator: generator.py}}\n"
    target = make_project(tmp_path, forge=forge)
    (target / "generator.py").write_text(GENERATOR)
    return target


# --- generate ----------------------------------------------------------------------------


def test_a_teacher_writes_rows_and_gold_rows_are_turned_away(tmp_path: Path, double: Any) -> None:
    server = double(
        said(
            chat("set it down gently", category="land"),
            chat(GOLD),
            chat("please bring the drone down near the old barns"),
            chat("land at once"),
            {"prompt": "x", "completion": "no json"},
            chat("and now descend"),
        ),
        key=None,
    )
    name = f"{server.root}/v1"
    target = make_project(tmp_path, name)
    done = run("generate", target, "--n", "6", "--json")
    assert done.code == 0, done.err
    assert (done.json["added"], done.json["asked"], done.json["by"]) == (2, 6, name)
    assert done.json["refused"] == {"held out": 1, "nearly held out": 1}
    assert done.json["spent"]["calls"] >= 1
    rows = added(target)
    assert [row["messages"][0]["content"] for row in rows] == [
        "set it down gently",
        "and now descend",
    ]
    origin = rows[0]["origin"]
    prompt = server.prompts()[0]
    assert origin["kind"] == "generated" and origin["by"] == name
    assert origin["prompt_sha256"] == hashlib.sha256(prompt.encode()).hexdigest()
    assert all(GOLD not in one for one in server.prompts())
    assert "touch down" in prompt  # a row by hand is its example
    ledger = lines(target / "output/teachers.jsonl")
    assert ledger[0]["turns"][0]["content"] == prompt


def test_what_a_teacher_may_cost(tmp_path: Path, double: Any) -> None:
    server = double(said(chat("set it down gently")), key=None)
    target = make_project(tmp_path, f"{server.root}/v1")
    before = canonical(target)
    done = run("generate", target, "--n", "5", "--max-tokens", "50")
    assert done.code == 1 and "The budget for teachers is 50 tokens" in done.err
    assert canonical(target) == before and server.asked == []


def test_a_teacher_that_fails_leaves_everything_as_it_was(tmp_path: Path, double: Any) -> None:
    server = double(Refuse(400, "no such thing"), key=None)
    target = with_generator(tmp_path, f"{server.root}/v1")
    before = canonical(target)
    done = run("generate", target, "--n", "5")
    assert done.code == 1 and "no such thing" in done.err and "No rows were added" in done.err
    assert canonical(target) == before


def test_without_a_teacher_the_generator_writes(tmp_path: Path) -> None:
    target = with_generator(tmp_path)
    done = run("generate", target, "--n", "4")
    assert done.code == 0 and "generator.py writes the rows instead" in done.err
    assert "ANTHROPIC_API_KEY" in done.err
    first = added(target)
    assert len(first) == 4
    assert {row["origin"]["kind"] for row in first} == {"generated"}
    assert {row["origin"]["by"] for row in first} == {"generator.py"}
    # Another time gives others.
    assert run("generate", target, "--n", "4", "--generator", "--json").json["refused"] == {}
    assert len(added(target)) == 8


def test_without_a_teacher_and_a_generator_there_is_a_sentence(tmp_path: Path) -> None:
    target = make_project(tmp_path)
    done = run("generate", target, "--n", "4")
    assert done.code == 1 and "ANTHROPIC_API_KEY is not set" in done.err
    assert run("generate", target, "--generator").code == 3
    assert run("generate", target, "--generator", "--teacher", "local").code == 2


def test_another_file(tmp_path: Path) -> None:
    target = with_generator(tmp_path)
    before = canonical(target)
    done = run("generate", target, "--n", "3", "--generator", "--output", "dataset/extra.jsonl")
    assert done.code == 0 and canonical(target) == before
    assert len(lines(target / "dataset/extra.jsonl")) == 3
    for name in ("dataset/gold.jsonl", "dataset/dev.jsonl", "../router/dataset/gold.jsonl"):
        refused = run("generate", target, "--n", "3", "--generator", "--output", name)
        assert refused.code == 3 and "is held out" in refused.err
    assert run("generate", target, "--generator", "--output", "forge.yaml").code == 3


# --- patch -------------------------------------------------------------------------------


def test_patch_writes_for_a_description(tmp_path: Path, double: Any) -> None:
    server = double(said(chat("stop that at once", '{"cmd": "abort"}')), key=None)
    target = make_project(tmp_path, f"{server.root}/v1")
    done = run("patch", target, "abort is not cancel", "--n", "1")
    assert done.code == 0, done.err
    (row,) = added(target)
    assert row["origin"]["kind"] == "patched" and row["origin"]["focus"] == "abort is not cancel"
    assert "abort is not cancel" in server.prompts()[0]


def test_patch_never_shows_gold_and_needs_a_teacher(tmp_path: Path, double: Any) -> None:
    server = double(said(chat("stop that at once", '{"cmd": "abort"}')), key=None)
    target = make_project(tmp_path / "a", f"{server.root}/v1")
    run("patch", target, f"more like this: {GOLD}", "--n", "1")
    assert all(GOLD not in one for one in server.prompts())
    alone = with_generator(tmp_path / "b")
    done = run("patch", alone, "abort is not cancel")
    assert done.code == 1 and "ANTHROPIC_API_KEY" in done.err and added(alone) == []
    assert run("patch", target, "a", "b").code == 2


# --- augment -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The target of a loop that made one iteration."""
    workspace = make_wheel(tmp_path_factory.mktemp("judged"))
    assert turn(make_loop(workspace, iterations=1)) == 0
    return workspace.target_path("counter")


def test_augment_writes_for_the_newest_dev_failures(judged: Path) -> None:
    before = len(canonical(judged))
    done = run("augment", judged, "--n", "4", "--generator", "--json")
    assert done.code == 0, done.err
    assert "failures in the run " in done.err and "gold" not in done.err
    rows = canonical(judged)[before:]
    assert len(rows) == 4
    origin = rows[0]["origin"]
    assert origin["kind"] == "augmented" and origin["failures"] and "loop" not in origin


def test_a_teacher_is_told_what_failed_and_no_question(judged: Path, double: Any) -> None:
    server = double(said(chat("a new one", "yes")), key=None)
    done = run("augment", judged, "--n", "1", "--teacher", f"{server.root}/v1")
    assert done.code == 0, done.err
    (prompt,) = server.prompts()
    assert "- small, " in prompt or "- large, " in prompt
    for row in lines(judged / "dataset/dev.jsonl"):
        assert row["messages"][0]["content"] not in prompt


def test_failures_of_another_tool_may_be_gold_so_only_categories_are_used(
    tmp_path: Path, double: Any
) -> None:
    server = double(said(chat("set it down gently"), chat("and now descend")), key=None)
    target = make_project(tmp_path, f"{server.root}/v1")
    wrong = {"index": 0, "category": "landing", "input": GOLD, "expected": LAND, "actual": "SECRET"}
    (target / "output").mkdir()
    file = target / "output/failures_20250115_142301.json"
    file.write_text(json.dumps({"failures": [wrong, {"input": GOLD}]}))
    done = run("augment", target)
    assert done.code == 0, done.err
    assert "only their categories are used" in done.err
    (prompt,) = server.prompts()
    assert "Failed: landing, 1 times." in prompt and GOLD not in prompt and "SECRET" not in prompt
    assert {row["origin"]["kind"] for row in added(target)} == {"augmented"}


def test_nothing_was_judged_yet(tmp_path: Path) -> None:
    done = run("augment", make_project(tmp_path))
    assert done.code == 3 and "was judged yet" in done.err


# --- clean -------------------------------------------------------------------------------


def test_clean_takes_out_what_machines_wrote(tmp_path: Path) -> None:
    target = make_project(tmp_path)
    rows = [
        chat("by hand"),
        chat("a seed", origin={"kind": "seed", "by": "seed.jsonl"}),
        chat("made", origin={"kind": "generated", "by": "m"}),
        chat("one", origin={"kind": "augmented", "by": "m", "loop": "l", "iteration": 1}),
        chat("two", origin={"kind": "augmented", "by": "m", "loop": "l", "iteration": 2}),
    ]
    write(target / "dataset/canonical.jsonl", rows)
    dry = run("clean", target, "--dry-run", "--json").json
    assert dry["removed"] == {"generated": 1, "augmented": 2} and len(canonical(target)) == 5
    assert run("clean", target, "--loop", "l").code == 2
    assert run("clean", target, "--loop", "l", "--iteration", "1").code == 0
    assert canonical(target) == [*rows[:3], rows[4]]
    assert run("clean", target).code == 0
    assert canonical(target) == rows[:2]
    done = run("clean", target, "--keep-seed")
    assert "1 by hand are gone; 1 seed stay" in done.out
    assert canonical(target) == [rows[1]]


def test_nothing_is_cleaned_under_a_loop_that_runs(judged: Path) -> None:
    place = judged.parent.parent
    (status_file,) = place.glob("loops/*/loop-status.json")
    before, rows = status_file.read_text(), canonical(judged)
    me = psutil.Process()
    runner = {"pid": me.pid, "started": me.create_time()}
    status_file.write_text(json.dumps(json.loads(before) | {"runner": runner}))
    try:
        done = run("clean", judged)
        assert done.code == 1 and "runs on this target" in done.err
        assert canonical(judged) == rows
        assert run("clean", judged, "--dry-run").code == 0
        based = run("pretrain", judged, "--set-base")
        assert based.code == 1 and "start from one base" in based.err
    finally:
        status_file.write_text(before)


def test_it_says_where_questions_go(tmp_path: Path) -> None:
    target = make_project(tmp_path, "m@https://example.invalid/v1")
    (tmp_path / "factory.toml").write_text('[teachers.far]\nurl = "https://example.invalid/v1"\n')
    done = run("generate", target, "--n", "1", "--teacher", "far", "--max-tokens", "1")
    assert done.code == 1 and "goes to https://example.invalid/v1" in done.err


def test_a_teacher_that_is_silent_is_given_up(tmp_path: Path, double: Any) -> None:
    server = double(Silence(), key=None)
    target = make_project(tmp_path, "slow")
    toml = f'[teachers.slow]\nurl = "{server.root}/v1"\nmodel = "m"\ntimeout_s = 0.5\n'
    (tmp_path / "factory.toml").write_text(toml)
    done = run("generate", target, "--n", "1")
    assert done.code == 1 and "was not done within 0.5 s" in done.err and added(target) == []
