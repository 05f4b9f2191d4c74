"""Several runs against one: tables, clashes, flips; and what is read from folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.comparing.comparison import compare, find_clashes
from engine.comparing.course import course_of
from engine.comparing.evidence import read_evidence
from engine.comparing.flips import find_flips, with_texts
from engine.comparing.reader import EvidenceReader, run_folder
from engine.comparing.scored import read_answers
from engine.live.projection import RunProjection
from engine.live.tail import EventTail
from engine.workspace import Workspace
from tests.engine.comparing.kit import rows, run, scored
from tests.tui.make_tries import STORY, Try, make_tries


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    make_tries(tmp_path, STORY)
    return Workspace(tmp_path)


def story(workspace: Workspace, number: int) -> Path:
    return workspace.runs_dir / STORY[number - 1].name


def test_every_run_stands_against_the_reference() -> None:
    runs = [run("a", scored(rows(20))), run("b", scored(rows(35))), run("c")]
    found = compare(runs, "b")
    assert found.reference == "b"
    (table,) = found.suites
    assert [one.against.word if one.against else None for one in table.standings] == [
        "worse",
        None,
        "not recorded",
    ]
    assert compare(runs, "nobody").reference == "a"


def test_primary_suites_come_first_and_a_suite_that_one_run_lacks_is_there() -> None:
    skill = scored(rows(10), suite="skill", role="regression")
    found = compare([run("a", others=[skill]), run("b", scored(rows(20)))], "a")
    assert [table.suite for table in found.suites] == ["gold", "skill"]
    assert [one.score is None for one in found.suites[0].standings] == [True, False]


def test_other_gold_suites_and_scorers_are_named() -> None:
    runs = [
        run("a", scored(rows(20))),
        run("b", scored(rows(20), sha256="b", scorer="json_cmd")),
        run("c", scored(rows(20), suite="silver")),
        run("d"),
    ]
    found = {(clash.suite, clash.what): dict(clash.groups) for clash in find_clashes(runs)}
    assert found["gold", "examples"] == {"a": ("a",), "b": ("b",)}
    assert found["gold", "scorer"] == {"exact": ("a",), "json_cmd": ("b",)}
    assert found["the primary suite", "suite"] == {"gold": ("a", "b"), "silver": ("c",)}
    assert find_clashes([run("a", scored(rows(1))), run("b", scored(rows(9)))]) == []


def test_a_folder_is_read_with_settings_scores_rows_and_time(workspace: Workspace) -> None:
    found = read_evidence(story(workspace, 5)).with_rows()
    assert found.settings["lora.rank"] == 32
    assert found.settings["data.train_rows"] == 9000
    assert found.hypothesis == "A higher rank keeps the rare commands."
    assert found.train_s == pytest.approx(30.0)
    assert found.primary is not None and found.primary.score == pytest.approx(101 / 120)
    assert found.primary.answers is not None and len(found.primary.answers.scores) == 120
    assert found.primary_base is not None and found.primary_base.score == pytest.approx(0.2)
    assert [score.role for score in found.scores] == ["primary", "regression"]


def test_flips_know_every_run_and_get_their_texts(workspace: Workspace) -> None:
    one, two, three = (read_evidence(story(workspace, n)).with_rows() for n in (1, 2, 3))
    gold, skill = find_flips(one, three, [one, two, three])
    assert (gold.fixed, gold.broken, gold.n) == (22, 0, 120)
    assert (skill.fixed, skill.broken) == (0, 0)
    assert gold.flips[0].scores == (0.0, 1.0, 1.0)
    first = with_texts(gold, one, three).flips[0]
    assert (first.kind, first.id, first.prompt) == (
        "fixed",
        "g070",
        "fly to waypoint 70, please",
    )
    assert (first.expected, first.before) == (first.after, '{"cmd":"goto","args":[71]}')


def test_flips_of_other_rows_say_why_there_are_none() -> None:
    (found,) = find_flips(run("a", scored(rows(9))), run("b", scored(rows(9), sha256="b")), [])
    assert found.problem is not None and "changed between the two" in found.problem
    assert found.flips == ()


def test_a_folder_of_anything_is_read_without_an_error(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "odd"
    path.mkdir(parents=True)
    (path / "config.json").write_text('{"target": [1], "hyperparameters": "no", "eval": 3}')
    (path / "dataset.json").write_text("[[[[")
    (path / "eval-candidate.json").write_text('{"suite": "gold", "score": NaN, "n": -1}')
    (path / "eval-baseline.json").write_text('{"suite": "gold", "score": 0.5, "rows_file": "../x"}')
    (path / "plan.json").write_text('{"stages": [1, {"name": [], "kind": {}}]}')
    found = read_evidence(path).with_rows()
    assert found.primary is not None and found.primary.score is None
    assert found.primary_base is not None and found.primary_base.answers is not None
    assert "outside" in str(found.primary_base.answers.problem)
    assert found.train_s is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"id": "a", "score": 1}\n{"id": "a", "score": 0}\n', "twice"),
        ('{"id": "a", "score": 1}\n{"id": "b"', "line 2 is not JSON"),
        ('{"id": "a"}\n', "row 1 has no id or no score"),
        ("[1]\n", "line 1 is no row"),
        ('{"id": "a", "score": 1}\n', "the rows give 1.000 where the record says 0.500"),
        ("", "no rows are recorded"),
        ("\xff\xfe\n", "line 1 is not JSON"),
    ],
)
def test_rows_that_cannot_be_used_say_why(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "rows.jsonl").write_text(text, "latin-1")
    found = read_answers(tmp_path, "rows.jsonl", 0.5)
    assert problem in str(found.problem)
    assert found.scores == {}


def test_evidence_is_read_again_only_when_files_changed(workspace: Workspace) -> None:
    reader, path = EvidenceReader(workspace), story(workspace, 1)
    first = reader.whole(path.name)
    assert first is not None and reader.whole(path.name) is first
    record = json.loads((path / "eval-candidate.json").read_text())
    (path / "eval-candidate.json").write_text(json.dumps({**record, "score": 0.25}))
    again = reader.whole(path.name)
    assert again is not None and again is not first
    assert again.primary is not None and again.primary.score == 0.25
    assert reader.whole("nobody") is None


def test_a_run_folder_is_a_child_of_the_runs(workspace: Workspace) -> None:
    (workspace.runs_dir / "名前 with spaces").mkdir()
    assert run_folder(workspace, "名前 with spaces") is not None
    for name in ("..", ".", "../runs", "a/b", "/", "", "a\0b", ".hidden"):
        assert run_folder(workspace, name) is None


def test_the_course_says_speed_time_and_losses(workspace: Workspace) -> None:
    projection = RunProjection()
    projection.apply_all(EventTail(story(workspace, 8) / "events.jsonl").read_all())
    found = course_of(projection)
    assert found.stage == "train" and not found.running
    assert found.tok_s == pytest.approx(2100, rel=0.02)
    assert found.loss is not None and found.val_loss is not None and found.train_s is not None
    empty = course_of(RunProjection())
    assert (empty.stage, empty.tok_s, empty.loss, empty.train_s) == (None, None, None, None)


def test_a_crashed_run_compares_as_not_recorded(tmp_path: Path) -> None:
    make_tries(tmp_path, [Try("a"), Try("b", right=None, phase="failed")])
    found = compare([read_evidence(tmp_path / "runs" / name).with_rows() for name in "ab"], "a")
    words = [one.against.word for table in found.suites for one in table.standings if one.against]
    assert words == ["not recorded", "not recorded"]
