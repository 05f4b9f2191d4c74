"""A suite that a stronger model cannot solve either is broken, not hard: said by Validate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine import checks
from engine.checks.contents import load
from engine.checks.rulers import judged_rulers
from engine.judge.ruler import Ruler
from tests.engine import folders


def ceiling(run: Path, suite: str = folders.PRIMARY, **changes: Any) -> dict[str, Any]:
    return {
        "suite": suite,
        "suite_sha256": folders.read_json(run / "config.json")["eval"]["suites"][suite],
        "model": "big",
        "command": "factory-tui ceiling router --url https://big.example/v1 --model big",
        "date": "2026-11-19T12:00:00Z",
        "score": 0.99,
        "n": 400,
        "metric": "accuracy",
        **changes,
    }


def keep(run: Path, *ceilings: dict[str, Any]) -> None:
    folders.write_json(run / "ceilings.json", {"ceilings": list(ceilings)})


def rules(run: Path) -> list[tuple[str, str, str]]:
    return [
        (one.rule, str(one.severity), one.pointer)
        for one in checks.check_folder(run)
        if one.rule.startswith("ruler")
    ]


def test_a_suite_that_can_be_solved_is_nothing_to_speak_of(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    assert rules(run) == []
    keep(run, ceiling(run), ceiling(run, folders.BREADTH))
    assert rules(run) == []
    assert [one.finding.ruler for one in judged_rulers(load(run))] == [Ruler.GOOD, Ruler.GOOD]


def test_a_low_ceiling_is_a_warning_that_says_what_to_do(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    keep(run, ceiling(run), ceiling(run, folders.BREADTH, score=0.4))
    (found,) = [one for one in checks.check_folder(run) if one.rule == "ruler-broken"]
    assert str(found.severity) == "warning"
    assert (found.file, found.pointer) == ("ceilings.json", "/ceilings/1/score")
    assert "broken, not hard: big scores 0.400" in found.message
    assert "mend the suite" in found.fix


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"score": 0.6, "n": 10}, [("ruler-doubtful", "info", "/ceilings/0/score")]),
        ({"score": 0.72, "n": 4000}, [("ruler-doubtful", "info", "/ceilings/0/score")]),
        ({"score": 0.1, "suite_sha256": "0" * 64}, []),
        ({"score": 0.1, "n": 0}, []),
        ({"score": 12.0, "direction": "lower"}, []),
    ],
)
def test_what_a_ceiling_cannot_say_is_not_said(
    tmp_path: Path, changes: dict[str, Any], expected: list[Any]
) -> None:
    run = folders.make_run(tmp_path)
    keep(run, ceiling(run, **changes))
    assert rules(run) == expected


def test_the_ceiling_of_this_version_counts(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    keep(run, ceiling(run, score=0.1, suite_sha256="0" * 64), ceiling(run))
    first = next(judged_rulers(load(run)))
    assert (first.suite, first.place, first.finding.ruler) == (folders.PRIMARY, 1, Ruler.GOOD)


def test_a_broken_file_is_found_and_says_nothing_of_suites(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    (run / "ceilings.json").write_text('{"ceilings": [{"suite": ')
    found = [one for one in checks.check_folder(run) if one.file == "ceilings.json"]
    assert found and all("ruler" not in one.rule for one in found)
