"""The flywheel on the demo's target, with real training: it improves, also when it is killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.loops.flywheel.canonical import count_by_origin, read_lines
from engine.loops.flywheel.making import Wish, make_flywheel
from engine.loops.folder import LoopFolder
from engine.loops.launch import alive, cancel_loop, launch_loop
from engine.records.loop import IterationData, IterationRun, IterationVerdict, LoopPhase
from engine.samples import copy_samples
from engine.supervise.launch import LaunchError

pytestmark = pytest.mark.slow

WAIT_S = 420.0

SMALLER = {
    "    steps: 600\n": "    steps: 300\n",
    "    rows: 12000\n": "    rows: 6000\n",
    "    rows: 9000\n": "    rows: 4000\n",
    "    iters: 1100 ": "    iters: 330 ",
    "    save_every: 330\n": "    save_every: 110\n",
    "augment_per_failure: 20\n": "augment_per_failure: 40\n",
}
"""The demo's forge.yaml with a third of the training. More rows for each failure make up for it."""


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopFolder]:
    """Three iterations; the runner is killed with -9 in the training of the first and second."""
    workspace = copy_samples(tmp_path_factory.mktemp("wheel") / "factory")
    target = workspace.target_path("drone-router")
    forge = (target / "forge.yaml").read_text()
    for line, smaller in SMALLER.items():
        assert forge.count(line) == 1, line
        forge = forge.replace(line, smaller)
    (target / "forge.yaml").write_text(forge)
    folder = make_flywheel(workspace, target, Wish(iterations=3))
    process = launch_loop(folder)
    killed: set[int] = set()
    end = time.monotonic() + WAIT_S
    try:
        while not folder.status().phase.ended:
            assert time.monotonic() < end, folder.status()
            status = folder.status()
            if status.step == "train" and status.iteration in {1, 2} - killed:
                time.sleep(1.0)  # its run is created and computes
                os.kill(process.pid, signal.SIGKILL)
                killed.add(status.iteration)
                while alive(folder.status()) == "running":
                    time.sleep(0.05)
                process = launch_loop(folder)
            time.sleep(0.2)
        assert killed == {1, 2}
        yield folder
    finally:
        # It has ended, unless a test failed on the way: then nothing may stay behind.
        with contextlib.suppress(LaunchError):
            cancel_loop(folder, wait_s=30)


def test_it_improves_from_iteration_to_iteration(turned: LoopFolder) -> None:
    assert turned.status().phase is LoopPhase.COMPLETED
    verdicts = [turned.done(number, IterationVerdict) for number in (1, 2, 3)]
    scores = [one.score for one in verdicts if one is not None and one.score is not None]
    assert len(scores) == 3 and scores == sorted(scores)
    assert scores[2] > scores[0] + 0.2
    kept = [one.outcome for one in verdicts if one is not None]
    assert kept.count("kept") >= 2 and "crashed" not in kept


def test_no_experiment_is_lost_or_made_twice(turned: LoopFolder) -> None:
    runs = [turned.done(number, IterationRun) for number in (1, 2, 3)]
    names = [one.run_id for one in runs if one is not None]
    made = []
    for path in turned.workspace.run_paths():
        config = json.loads((path / "config.json").read_text())
        if (config.get("loop") or {}).get("id") == turned.loop_id and not config["eval"]["opens"]:
            made.append(path.name)
    assert sorted(made) == sorted(names) and len(set(names)) == 3


def test_gold_was_opened_once_and_only_at_the_end(turned: LoopFolder) -> None:
    status = turned.status()
    assert status.gold_run is not None and status.gold_score is not None
    opened = [
        path.name
        for path in turned.workspace.run_paths()
        if json.loads((path / "config.json").read_text())["eval"].get("opens")
    ]
    assert opened == [status.gold_run]


def test_every_row_has_its_origin(turned: LoopFolder) -> None:
    target = Path(turned.workspace.target_path("drone-router"))
    counted = count_by_origin(read_lines(target / "dataset/canonical.jsonl"))
    added = [turned.done(number, IterationData) for number in (1, 2, 3)]
    assert counted == {"by hand": 45, "augmented": sum(one.added for one in added if one)}
    assert all(one is not None and one.refused for one in added)
