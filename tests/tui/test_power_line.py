"""New run says what the primary suite can tell, before anything is started."""

from __future__ import annotations

import json
from pathlib import Path

from engine.folder import sha256_file
from engine.workspace import Workspace
from tests.engine.folders import write_json
from tests.engine.targets import chat, make_target
from tui.screens.new_run_work import Wish, look_at_data, plan
from tui.views.new_run_view import NewRunState, plan_lines, power_lines


def state_of(place: Workspace, *sets: str) -> NewRunState:
    wish = Wish(place.target_path("tiny"), sets, None, None)
    planned = plan(place, wish)
    assert planned.draft is not None, planned.problem
    check = look_at_data(planned.draft.target, lambda: False)
    return NewRunState(draft=planned.draft, base_score=planned.base_score, check=check)


def said(state: NewRunState) -> str:
    return "\n".join("".join(cell.text for cell in line) for line in power_lines(state))


def gold(target: Path, rows: int) -> Path:
    file = target / "dataset" / "gold.jsonl"
    answers = (json.dumps({"cmd": "go", "args": {"n": i}}) for i in range(rows))
    file.write_text("".join(chat(f"go {i}", one) + "\n" for i, one in enumerate(answers)))
    return file


def test_without_an_earlier_run_the_flips_are_thought_of(tmp_path: Path) -> None:
    gold(make_target(tmp_path), 180)
    text = said(state_of(Workspace(tmp_path)))
    assert text.startswith("✔ 180 rows can tell a difference of 11.7 pp or more")
    assert "nothing was measured on it yet" in text


def test_a_suite_that_cannot_tell_what_the_bound_asks_for_is_warned_of(tmp_path: Path) -> None:
    file = gold(make_target(tmp_path), 60)
    place = Workspace(tmp_path)
    run = tmp_path / "runs" / "2026-11-01-tiny"
    base = state_of(place).draft
    assert base is not None
    evaluated = {"suite_sha256": sha256_file(file), "date": "2026-11-01", "score": 0.7}
    write_json(run / "config.json", {"base_model": {"id": base.config.base_model.id}})
    write_json(run / "eval-baseline.json", evaluated)
    write_json(run / "eval-candidate.json", evaluated)
    state = state_of(place)
    assert state.base_score == 0.7
    text = said(state)
    assert text.startswith("⚠ 60 rows can tell") and "to tell 10.0 pp it needs" in text
    assert "the base model has 0.700, the bound is 0.800" in text
    whole = "\n".join("".join(cell.text for cell in line) for line in plan_lines(state))
    assert text in whole
    # Another base model, another version of the suite: nothing is known of either.
    write_json(run / "config.json", {"base_model": {"id": "another"}})
    assert state_of(place).base_score is None


def test_nothing_is_said_where_nothing_can_be(tmp_path: Path) -> None:
    make_target(tmp_path)
    state = state_of(Workspace(tmp_path))
    assert "5 rows can tell no difference at all" in said(state)
    assert power_lines(NewRunState()) == []
