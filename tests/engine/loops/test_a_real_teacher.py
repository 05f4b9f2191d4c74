"""A real ``mlx_lm.server`` as the teacher of a loop. Its tiny model babbles: the loop ends well."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.models import describe
from engine.records.loop import IterationData, IterationPlan, LoopPhase
from engine.serving.managed import Wish, start
from engine.serving.store import find_servers
from engine.teaching.ledger import calls_in
from engine.workspace import Workspace
from tests.engine.loops.teaching import said
from tests.engine.loops.wheel import experiments, make_loop, make_wheel, turn
from tests.engine.serving.conftest import made

__all__ = ["made"]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workspace]:
    workspace = make_wheel(tmp_path)
    yield workspace
    for one in find_servers(workspace)[0]:
        if one.alive and one.record.process:
            os.killpg(one.record.process.pid, signal.SIGKILL)


def test_whatever_it_babbles_the_loop_ends_well(place: Workspace, made: Path) -> None:
    with start(place, Wish("base", describe(made / "tiny", "tiny"))) as server:
        table = f'[teachers.tiny]\nurl = "{server.record.url}"\nmax_tokens = 24\n'
        file = place.path / "factory.toml"
        file.write_text(f"{file.read_text()}\n{table}")
        folder = make_loop(place, planner="tiny", data_from="tiny", iterations=2)
        assert turn(folder) == 0
    status = folder.status()
    assert status.phase is LoopPhase.COMPLETED and not status.spent.full
    assert [one[2] for one in experiments(folder)] == ["kept", "kept"]
    calls = list(calls_in(folder.path / "teachers.jsonl"))
    assert all(ended is not None and ended.tokens_out for _, ended in calls)
    assert status.spent.calls == len(calls) > 0 and status.spent.tokens > 0
    assert status.spent.usd == 0  # its price is not known, and nothing is made up
    for number in (1, 2):
        plan, data = folder.done(number, IterationPlan), folder.done(number, IterationData)
        assert plan is not None and plan.by == "settings"
        assert "gave nothing that can be used" in (plan.rationale or "")
        assert data is not None and data.by == "generator.py" and data.added > 0
    assert "The built-in planner plans iteration 2." in said(folder, "planner")
