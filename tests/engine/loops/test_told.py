"""Where a loop is in words, which loop a run belongs to, which flywheel of a target is open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.loops.launch import open_flywheel
from engine.loops.mark import LoopMark, mark_in, mark_of
from engine.loops.words import state_words
from engine.processes import myself
from engine.records.base import utc_now
from engine.records.loop import LoopPhase, LoopStatus
from engine.records.status import ProcessId
from engine.workspace import Workspace
from tests.engine.loops.make_loops import Turn, dead_runner, make_loop_folder


def status(**words: Any) -> LoopStatus:
    return LoopStatus(loop_id="x", created=utc_now(), updated=utc_now(), **words)


def living() -> ProcessId:
    return myself()


@pytest.mark.parametrize(
    ("words", "clock", "says"),
    [
        ({}, None, "made and not started; resume it"),
        ({"runner": living()}, "0:07", "it begins"),
        ({"runner": living(), "iteration": 2}, "0:07", "iteration 2, begins"),
        ({"runner": living(), "iteration": 2, "step": "train"}, "0:07", "iteration 2, train 0:07"),
        ({"runner": living(), "iteration": 2, "step": "train"}, None, "iteration 2, train"),
        ({"runner": dead_runner()}, None, "its runner died before its first iteration; resume it"),
        (
            {"runner": dead_runner(), "iteration": 3, "step": "judge"},
            None,
            "its runner died in iteration 3 (judge); resume it",
        ),
        ({"phase": LoopPhase.PAUSED, "reason": "As asked."}, None, "paused: As asked."),
        ({"phase": LoopPhase.CANCELLED}, None, "cancelled"),
    ],
)
def test_where_a_loop_is(words: dict[str, Any], clock: str | None, says: str) -> None:
    assert state_words(status(**words), clock) == says


@pytest.mark.parametrize(
    "mark",
    [None, 3, "x", [], {}, {"id": "a"}, {"id": 3, "iteration": 1}, {"id": "", "iteration": 1},
     {"id": "a", "iteration": "1"}, {"id": "a", "iteration": True}],
)  # fmt: skip
def test_what_is_no_mark(mark: object) -> None:
    assert mark_in({"loop": mark}) is None


def test_the_mark_of_a_run(tmp_path: Path) -> None:
    assert mark_of(tmp_path) is None
    (tmp_path / "config.json").write_text("[")
    assert mark_of(tmp_path) is None
    (tmp_path / "config.json").write_text(json.dumps({"loop": {"id": "a", "iteration": 2}}))
    assert mark_of(tmp_path) == LoopMark("a", 2)


def test_the_open_flywheel_of_a_target(tmp_path: Path) -> None:
    workspace, target = Workspace(tmp_path), tmp_path / "targets/counter"
    assert open_flywheel(workspace, target) is None
    make_loop_folder(tmp_path, [Turn()], "2026-11-18-counter-flywheel", phase=LoopPhase.PAUSED)
    found = open_flywheel(workspace, target)
    assert found is not None and found.loop_id == "2026-11-18-counter-flywheel"
    assert open_flywheel(workspace, tmp_path / "targets/other") is None
    broken = make_loop_folder(tmp_path, [Turn()], "2026-11-19-counter-flywheel")
    (broken.path / "loop-status.json").write_text("{")
    assert open_flywheel(workspace, target) is not None, "what cannot be read is passed by"
    make_loop_folder(tmp_path, [Turn()], "2026-11-20-counter-flywheel", phase=LoopPhase.COMPLETED)
    assert open_flywheel(workspace, target) is None, "the newest has ended"
