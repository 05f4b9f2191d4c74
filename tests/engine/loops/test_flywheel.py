"""A flywheel turns, ends for a reason, and goes on after a kill as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from engine.loops.flywheel.canonical import count_by_origin, read_lines
from engine.loops.flywheel.planning import PlanError, changed
from engine.loops.folder import LoopFolder, Request
from engine.loops.launch import alive, cancel_loop, launch_loop
from engine.records.loop import (
    IterationData,
    IterationPlan,
    IterationRun,
    IterationVerdict,
    LoopPhase,
)
from engine.supervise.launch import LaunchError
from engine.target import load_target
from tests.engine.loops.wheel import (
    FORGE,
    STAGE,
    agree_now,
    experiments,
    make_loop,
    make_wheel,
    turn,
)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> LoopFolder:
    """A loop of three iterations that nothing disturbed."""
    folder = make_loop(make_wheel(tmp_path_factory.mktemp("unbroken")))
    assert turn(folder) == 0
    return folder


def runs_of(folder: LoopFolder) -> list[dict[str, Any]]:
    found = [
        json.loads((path / "config.json").read_text())
        for path in sorted(folder.workspace.run_paths())
        if (path / "config.json").is_file()  # a run that is being made has none yet
    ]
    return [config for config in found if config["loop"]["id"] == folder.loop_id]


def test_it_improves_and_says_why_it_ended(unbroken: LoopFolder) -> None:
    status = unbroken.status()
    assert status.phase is LoopPhase.COMPLETED
    assert status.reason == "The limit of 3 iterations is reached."
    tried = experiments(unbroken)
    assert [one[2] for one in tried] == ["kept", "kept", "kept"]
    scores = [one[3] for one in tried]
    assert scores == sorted(scores) and scores[0] < scores[-1]
    # Each is a run of its own that follows the best before it.
    configs = runs_of(unbroken)
    assert [one["loop"]["iteration"] for one in configs] == [1, 2, 3]
    assert [one["parent_run_id"] for one in configs] == [
        None,
        configs[0]["run_id"],
        configs[1]["run_id"],
    ]
    assert all(one["eval"]["sealed"]["name"] == "counter-gold" for one in configs)
    assert {one["eval"]["primary"] for one in configs} == {"dev"}


def test_no_run_of_the_loop_ever_answers_gold(unbroken: LoopFolder) -> None:
    for path in unbroken.workspace.run_paths():
        for file in path.glob("rows-*.jsonl"):
            assert "gold question" not in file.read_text()


def test_rows_come_with_their_origin(unbroken: LoopFolder) -> None:
    target = unbroken.workspace.target_path("counter")
    lines = read_lines(target / "dataset/canonical.jsonl")
    added = [unbroken.done(n, IterationData) for n in unbroken.iterations()]
    assert count_by_origin(lines) == {
        "by hand": 12,
        "augmented": sum(one.added for one in added if one),
    }
    first = next(line.origin for line in lines if line.origin)
    assert (first.loop, first.iteration, first.by) == (unbroken.loop_id, 1, "generator.py")
    assert first.failures


def test_the_files_that_other_tools_read(unbroken: LoopFolder) -> None:
    target = unbroken.workspace.target_path("counter")
    output = target / "output"
    rows = [json.loads(one) for one in (output / "experiments.jsonl").read_text().splitlines()]
    assert [one["iteration"] for one in rows] == [1, 2, 3]
    assert all(one["outcome"] == "improvement" for one in rows)
    beat = json.loads((output / "flywheel_heartbeat.json").read_text())
    assert beat["status"] == "completed" and beat["timestamp"].endswith("Z")
    best = json.loads((output / "best_score.json").read_text())
    assert best["iteration"] == 3 and (target / best["adapter_dir"] / "metadata.json").is_file()
    results = json.loads((output / "eval_results.json").read_text())
    assert results["correct"] + results["failure_count"] == results["total"] == 180
    context = (target / "AGENT_CONTEXT.md").read_text()
    assert context.count("### Iteration") == 3 and "## Iteration Log" in context
    assert "## What Has Worked" in (target / "PLAN.md").read_text()
    # Settings are told, not written: the target's own file is as it was.
    assert (target / "forge.yaml").read_text() == FORGE


class Killed(BaseException):
    """What a process does not survive."""


def test_killed_around_every_step_it_goes_on(
    unbroken: LoopFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One loop, killed before and after each step of each of its iterations is written down."""
    folder = make_loop(make_wheel(tmp_path))
    conclude, killed = LoopFolder.conclude, set[tuple[int, str | None, str]]()

    def once(*what: Any) -> None:
        if what not in killed:
            killed.add(what)
            raise Killed

    def dying(self: LoopFolder, number: int, record: Any) -> None:
        step = self.status().step
        once(number, step, "before")
        conclude(self, number, record)
        once(number, step, "after")

    monkeypatch.setattr(LoopFolder, "conclude", dying)
    for _ in range(40):
        try:
            assert turn(folder) == 0
            break
        except Killed:
            continue
    assert {(number, step) for number, step, _ in killed} == {
        (number, step)
        for number in (1, 2, 3)
        for step in ("plan", "train", "judge", "augment", "commit")
    }
    assert len(killed) == 3 * 5 * 2
    assert experiments(folder) == experiments(unbroken)
    assert len(runs_of(folder)) == 3
    target = folder.workspace.target_path("counter")
    lines = (target / "output/experiments.jsonl").read_text().splitlines()
    assert [json.loads(one)["iteration"] for one in lines] == [1, 2, 3]
    prompts = [
        line.row["messages"][0]["content"]
        for line in read_lines(target / "dataset/canonical.jsonl")
        if line.row
    ]
    assert len(prompts) == len(set(prompts))


def test_a_plateau_ends_it_and_a_tie_keeps_the_older(tmp_path: Path) -> None:
    stuck = STAGE.replace("min(95, 20 + len(canonical))", "60")
    folder = make_loop(make_wheel(tmp_path, stage=stuck), iterations=9, plateau=2)
    assert turn(folder) == 0
    tried = experiments(folder)
    assert [one[2] for one in tried] == ["kept", "dropped", "dropped"]
    assert "plateau" in (folder.status().reason or "")
    assert folder.status().best_run == runs_of(folder)[0]["run_id"]
    decided = [
        json.loads((path / "decision.json").read_text())["decision"]
        for path in sorted(folder.workspace.run_paths())
        if (path / "decision.json").exists()
    ]
    assert decided == ["park", "park"]


def test_breadth_that_is_lost_is_not_kept(tmp_path: Path) -> None:
    forgets = STAGE.replace(
        '"dataset/breadth.jsonl", 90', '"dataset/breadth.jsonl", 90 if what == "baseline" else 20'
    )
    folder = make_loop(make_wheel(tmp_path, stage=forgets), iterations=1)
    assert turn(folder) == 0
    verdict = folder.done(1, IterationVerdict)
    assert verdict is not None and verdict.outcome == "dropped"
    assert "breadth" in verdict.reason
    assert folder.status().best_run is None


def test_gold_is_asked_for_at_milestones_and_at_the_end(tmp_path: Path) -> None:
    folder = make_loop(make_wheel(tmp_path), iterations=3, gold_every=2)
    assert turn(folder) == 0
    events = [json.loads(line) for line in (folder.path / "events.jsonl").read_text().splitlines()]
    # The programs of this target cannot be asked by anybody else: it is said each time.
    asked = [one["iteration"] for one in events if one.get("code") == "gold"]
    assert asked == [2, 3]


def test_it_stops_at_the_target(tmp_path: Path) -> None:
    forge = FORGE.replace("target_accuracy: 0.99", "target_accuracy: 0.2")
    folder = make_loop(make_wheel(tmp_path, forge))
    assert turn(folder) == 0
    assert len(folder.iterations()) == 1
    assert "target is reached" in (folder.status().reason or "")


def test_plans_wait_to_be_approved_and_may_be_changed(tmp_path: Path) -> None:
    folder = make_loop(make_wheel(tmp_path), approve=True, iterations=1)
    assert turn(folder) == 0
    assert folder.status().phase is LoopPhase.PAUSED
    assert runs_of(folder) == []
    target = load_target(folder.workspace.target_path("counter"))
    with pytest.raises(PlanError, match="judged by"):
        changed(folder, target, 1, patches={"eval.target_accuracy": 0}, approved=True)
    changed(folder, target, 1, patches={"lora.r": "4"}, hypothesis="Less.", approved=True)
    assert turn(folder) == 0
    plan = folder.done(1, IterationPlan)
    assert plan is not None and plan.edited and plan.patches == {"lora.r": 4}
    (config,) = runs_of(folder)
    assert config["hypothesis"] == "Less."
    assert config["hyperparameters"]["lora"]["rank"] == 4


def test_a_changed_gold_file_stops_it(tmp_path: Path) -> None:
    folder = make_loop(make_wheel(tmp_path))
    gold = folder.workspace.target_path("counter") / "dataset/gold.jsonl"
    gold.write_text(gold.read_text().replace("yes", "no", 1))
    assert turn(folder) == 1
    status = folder.status()
    assert status.phase is LoopPhase.FAILED
    assert "dataset/gold.jsonl is not what it was" in (status.reason or "")
    assert folder.iterations() == []


def test_what_crashes_every_time_ends_it_and_is_forgiven_when_mended(tmp_path: Path) -> None:
    broken = "import sys\nsys.exit('no such thing')\n"
    folder = make_loop(make_wheel(tmp_path, stage=broken))
    target = folder.workspace.target_path("counter")
    assert turn(folder) == 1
    assert "2 iterations in a row crashed" in (folder.status().reason or "")
    (target / "stage.py").write_text(STAGE)
    assert turn(folder) == 1 and "nobody agreed to" in (folder.status().reason or "")
    agree_now(folder.workspace)
    assert turn(folder) == 0
    outcomes = [one[2] for one in experiments(folder)]
    assert outcomes == ["crashed", "crashed", "kept"]


def test_a_run_that_runs_out_of_memory_is_tried_once_more_and_smaller(tmp_path: Path) -> None:
    start = 'if what == "train":'
    large = STAGE.replace(
        start,
        f"{start}\n    if config['hyperparameters']['batch_size'] > 2:\n"
        "        sys.exit('RuntimeError: [metal::malloc] Out of memory')",
    )
    folder = make_loop(make_wheel(tmp_path, stage=large), iterations=1)
    assert turn(folder) == 0
    assert [one[2] for one in experiments(folder)] == ["kept"]
    first, second = runs_of(folder)
    assert (first["hyperparameters"]["batch_size"], second["hyperparameters"]["batch_size"]) == (
        4,
        2,
    )
    assert second["hyperparameters"]["grad_accumulation"] == 2
    run = folder.done(1, IterationRun)
    assert run is not None and (run.run_id, run.retried) == (second["run_id"], first["run_id"])
    said = (folder.path / "events.jsonl").read_text()
    assert "ran out of memory. Once more with a batch of 2." in said


def test_commits_are_the_iterations_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "gitconfig"
    config.write_text("[user]\nname = A\nemail = a@b.c\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    workspace = make_wheel(tmp_path / "w")
    target = workspace.target_path("counter")
    (target / ".gitignore").write_text("output/\n")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=target, check=True)
    (target / "mine.txt").write_text("somebody's\n")
    folder = make_loop(workspace, commits=True, iterations=2)
    assert turn(folder) == 0
    log = subprocess.run(
        ["git", "log", "--format=%s", "--name-only"],
        cwd=target,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert log.count("forge iter ") == 2
    assert "mine.txt" not in log and "adapters" not in log
    assert "dataset/canonical.jsonl" in log


def slowed(seconds: float) -> str:
    """The stage program, with a training that takes so long."""
    start = 'if what == "train":'
    return STAGE.replace(start, f"{start}\n    import time; time.sleep({seconds})")


def test_launched_paused_killed_and_resumed_as_processes(tmp_path: Path) -> None:
    folder = make_loop(make_wheel(tmp_path, stage=slowed(0.7)), iterations=2)

    def until(what: str, holds: Any) -> None:
        end = time.monotonic() + 180
        while not holds():
            assert time.monotonic() < end, f"{what}: {folder.status()}"
            time.sleep(0.02)

    launch_loop(folder)
    until("it trains", lambda: folder.status().step == "train")
    with pytest.raises(LaunchError, match="running already"):
        launch_loop(folder)
    folder.ask(Request.PAUSE)
    until("it pauses", lambda: folder.status().phase is LoopPhase.PAUSED)
    assert "as asked" in (folder.status().reason or "")
    process = launch_loop(folder)
    until("the second", lambda: folder.status().iteration == 2 and folder.status().step == "train")
    os.kill(process.pid, signal.SIGKILL)
    until("it is dead", lambda: alive(folder.status()) == "dead")
    launch_loop(folder)
    until("it ends", lambda: folder.status().phase is LoopPhase.COMPLETED)
    assert len(runs_of(folder)) == 2
    assert [one[2] for one in experiments(folder)] == ["kept", "kept"]


def test_cancelled_in_the_middle_of_a_run_it_takes_over_from_it(tmp_path: Path) -> None:
    folder = make_loop(make_wheel(tmp_path, stage=slowed(1.5)), iterations=1)
    launch_loop(folder)
    end = time.monotonic() + 180
    while not (folder.status().step == "train" and list(folder.workspace.run_paths())):
        assert time.monotonic() < end
        time.sleep(0.02)
    time.sleep(0.5)
    assert cancel_loop(folder, wait_s=30).phase is LoopPhase.CANCELLED
    beat = folder.workspace.target_path("counter") / "output/flywheel_heartbeat.json"
    # The books are closed after the status: its runner may still be at it.
    while json.loads(beat.read_text())["status"] != "cancelled":
        assert time.monotonic() < end, beat.read_text()
        time.sleep(0.02)
    assert turn(folder) == 0
    assert [one[2] for one in experiments(folder)] == ["kept"]
