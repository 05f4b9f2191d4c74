"""A campaign that is killed goes on as if it had not been: no try is lost or counted twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

from engine.loops.folder import LoopFolder
from engine.loops.launch import alive, launch_loop
from engine.loops.research.history import Try, history_before
from engine.loops.research.making import Wish
from engine.records.loop import LoopPhase
from engine.records.research import WORKTREE
from tests.engine.loops.research.campaign_kit import begin, make_recipe, turn
from tests.engine.loops.research.repository_kit import git

WISH = Wish(tries=2, seeds=2, baseline_seeds=2)


class KilledError(BaseException):
    """Nothing is tidied up after it, as after a kill."""


def told(one: Try) -> tuple[object, ...]:
    assert one.verdict is not None
    measured = one.runs.measurements if one.runs else []
    return (
        one.plan.hypothesis,
        one.verdict.status,
        one.verdict.score,
        [(m.repeat, m.seed, m.value) for m in measured],
    )


def campaign(home: Path) -> tuple[LoopFolder, Callable[[], list[tuple[object, ...]]]]:
    home.mkdir(exist_ok=True)
    workspace, repo = make_recipe(home)
    folder = begin(home, workspace, repo, WISH)
    return folder, lambda: [told(one) for one in history_before(folder, 99).tries]


def rows(folder: LoopFolder) -> list[str]:
    lines = (folder.path / WORKTREE / "results.tsv").read_text().splitlines()
    return [line.split("\t", 1)[1].replace(line.split("\t")[2], "GB") for line in lines]


def test_killed_around_every_step_it_is_the_same_campaign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, plain_story = campaign(tmp_path / "plain")
    assert turn(plain) == 0
    broken, story = campaign(tmp_path / "broken")
    conclude, killed = LoopFolder.conclude, set[tuple[int, str, str]]()

    def once(*what: int | str) -> None:
        if what not in killed:
            killed.add(what)  # type: ignore[arg-type]
            raise KilledError

    def breaking(self: LoopFolder, number: int, record: BaseModel) -> None:
        once(number, type(record).__name__, "before")
        conclude(self, number, record)
        once(number, type(record).__name__, "after")

    monkeypatch.setattr(LoopFolder, "conclude", breaking)
    for _ in range(60):
        try:
            assert turn(broken) == 0
            break
        except KilledError:
            continue
    assert len(killed) == 3 * 4 * 2
    assert story() == plain_story()
    assert rows(broken) == rows(plain)
    for folder in (broken, plain):
        tree = folder.path / WORKTREE
        assert git(tree, "status", "--porcelain", "--", "train.py", "results.tsv") == ""
    count = len(list(broken.workspace.run_paths()))
    assert count == len(list(plain.workspace.run_paths()))


def wait_until(what: Callable[[], bool], seconds: float = 180) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_kill_9_of_its_runner_loses_nothing(tmp_path: Path) -> None:
    folder, story = campaign(tmp_path / "one")
    for seen in (2, 4):  # in the baseline, and in a try
        launch_loop(folder)
        wait_until(lambda seen=seen: len(list(folder.workspace.run_paths())) >= seen)  # type: ignore[misc]
        runner = folder.status().runner
        assert runner is not None
        os.kill(runner.pid, signal.SIGKILL)
        wait_until(lambda: alive(folder.status()) == "dead")
    launch_loop(folder)
    wait_until(lambda: alive(folder.status()) != "running")
    assert folder.status().phase is LoopPhase.COMPLETED
    told_all = story()
    assert len(told_all) == 3
    assert len(told_all[0][3]) == 2  # type: ignore[arg-type]
    lines = (folder.path / WORKTREE / "results.tsv").read_text().splitlines()
    assert len(lines) == 4
    marks = [
        one for path in folder.workspace.run_paths() if (one := _mark(path)) and "repeat" in one
    ]
    assert len(marks) == len(set(marks))


def _mark(run: Path) -> str:
    import json

    config = json.loads((run / "config.json").read_text())
    return json.dumps(config.get("loop"), sort_keys=True)
