"""The command ``compare``: tables, JSON, and sentences for what cannot be compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.cli.app import main
from tests.tui.make_runs import HOSTILE
from tests.tui.make_tries import STORY, Try, make_tries


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    make_tries(tmp_path, STORY)
    return tmp_path


def ended(*arguments: str) -> int:
    with pytest.raises(SystemExit) as raised:
        main(["compare", *arguments])
    return int(raised.value.code or 0)


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert ended(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(name))


def test_tables_for_people(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [one.name for one in STORY[:5]]
    assert ended(*runs, "-w", str(workspace)) == 0
    out = capsys.readouterr().out
    assert "learning_rate" in out and "0.004" in out
    lines = {line.split()[0]: line for line in out.split("small-skills")[0].splitlines() if line}
    assert "reference" in lines[runs[0]]
    assert "+3.3pp" in lines[runs[1]] and "≈ within the noise" in lines[runs[1]]
    assert "✔ better" in lines[runs[2]] and "22     0" in lines[runs[2]]
    assert "· not recorded" in lines[runs[3]]


def test_json_holds_all_of_it_and_null_for_what_is_not_recorded(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [STORY[0].name, STORY[2].name, STORY[3].name]
    found = as_json(capsys, *runs, "-w", str(workspace), "--reference", runs[1])
    assert (found["runs"], found["reference"]) == (runs, runs[1])
    gold = found["suites"][0]["scores"]
    assert gold[runs[1]]["against_reference"] is None
    against = gold[runs[0]]["against_reference"]
    assert (against["word"], against["fixed"], against["broken"]) == ("worse", 0, 22)
    assert gold[runs[2]]["score"] is None
    assert found["settings"]["rows"][runs[0]] == 3000
    assert found["training"][runs[0]]["tok_s"] == pytest.approx(2100, rel=0.02)
    assert found["cannot_be_compared"] == []


def test_other_gold_suites_are_said_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_tries(tmp_path, [Try("a"), Try("b", gold="f" * 64)])
    assert ended("a", "b", "-w", str(tmp_path)) == 0
    said = capsys.readouterr()
    assert "! The examples of router-gold are not the same" in said.err
    assert "! not comparable" in said.out


def test_wrong_use_is_a_sentence(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ("-w", str(workspace))
    one, other = STORY[8].name, STORY[7].name
    assert ended(one, *place) == 2
    assert "two runs or more" in capsys.readouterr().err
    assert ended(one, other, "--reference", STORY[0].name, *place) in (2, 3)
    assert ended(one, "nobody", *place) == 3
    assert "No run nobody" in capsys.readouterr().err


def test_hostile_settings_reach_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_tries(tmp_path, [Try("a", settings={HOSTILE: HOSTILE}), Try("b")])
    assert ended("a", "b", "-w", str(tmp_path)) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out and "\u202e" not in out and "[red]boo" in out
