"""Finding and listing: names that are no ids, broken folders, the truth about who is alive."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

import psutil
import pytest

from engine.catalogue.run_reader import all_runs
from engine.catalogue.summary import summarise
from engine.workspace import Workspace, WorkspaceError, slugify
from tests.engine import folders
from tests.engine.folders import put


def write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def test_the_nearest_workspace_upward_is_found(tmp_path: Path) -> None:
    deep = tmp_path / "a/b/c"
    deep.mkdir(parents=True)
    (tmp_path / "a/runs").mkdir()
    assert Workspace.find(deep).path == tmp_path / "a"
    (deep / "factory.toml").touch()
    assert Workspace.find(deep).path == deep


def test_no_workspace_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="mkdir runs"):
        Workspace.find(tmp_path)


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a..b", "x" * 200, "a\nb"])
def test_path_tricks_are_no_run_ids(tmp_path: Path, name: str) -> None:
    (tmp_path / "runs").mkdir()
    with pytest.raises(WorkspaceError, match="is not a run id"):
        Workspace(tmp_path).run_path(name)


def test_a_link_out_of_the_workspace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w/runs").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "w/runs/linked").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WorkspaceError, match="link out of"):
        Workspace(tmp_path / "w").run_path("linked")


def test_a_unique_beginning_names_a_run(tmp_path: Path) -> None:
    for name in ("2026-01-01-a", "2026-01-02-b", "2026-01-02-b-2"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    place = Workspace(tmp_path)
    assert place.run_path("2026-01-01").name == "2026-01-01-a"
    assert place.run_path("2026-01-02-b").name == "2026-01-02-b"
    with pytest.raises(WorkspaceError, match="fits 2 runs"):
        place.run_path("2026-01-02")
    with pytest.raises(WorkspaceError, match="factory-tui list"):
        place.run_path("2027")


def test_names_of_new_runs(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    day = date(2026, 11, 20)
    with place.new_run("Drone Router!", day) as one, place.new_run("Drone Router!", day) as two:
        assert (one.name, two.name) == ("2026-11-20-drone-router", "2026-11-20-drone-router-2")
        assert place.run_names() == []
    assert place.run_names() == [two.name, one.name]
    assert slugify("../../etc") == "etc"
    assert slugify("💥") == "run"
    assert len(slugify("x" * 500)) == 60


def test_broken_folders_are_listed_and_named(tmp_path: Path) -> None:
    run = tmp_path / "runs/2026-01-01-x"
    run.mkdir(parents=True)
    (run / "config.json").write_text('{"target": ')
    (run / "eval-candidate.json").write_text("[1, 2]")
    (run / "eval-baseline.json").write_text('{"score": "NaN"}')
    (run / "decision.json").write_bytes(b"\xff\xfe")
    (tmp_path / "runs/a-file").touch()
    summary, *rest = all_runs(Workspace(tmp_path))
    assert rest == []
    assert summary.unreadable == ["config.json", "decision.json", "eval-candidate.json"]
    assert summary.primary_candidate is None and summary.primary_delta is None
    assert summary.created is not None and summary.created.date() == date(2026, 1, 1)


def test_absent_is_not_zero(tmp_path: Path) -> None:
    run = tmp_path / "runs/r"
    write(run / "eval-candidate.json", {"score": 0.5})
    summary = summarise(run)
    assert summary.primary_candidate == 0.5
    assert summary.primary_delta is None and summary.peak_bytes is None


def status(pid: int, started: float, **more: object) -> dict[str, object]:
    return {"phase": "training", "supervisor": {"pid": pid, "started": started}, **more}


def test_scores_that_were_not_measured_here_are_known(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    assert summarise(run).historical is None
    put(run / "eval-baseline.json", "/historical", "a run of May")
    put(run / "eval-regression-candidate.json", "/historical", "a run of May")
    found = summarise(run)
    assert found.historical == "primary_baseline breadth_candidate"
    assert (found.mark("primary_baseline"), found.mark("primary_candidate")) == ("†", "")


def test_liveness_is_the_truth_not_the_status(tmp_path: Path) -> None:
    me = psutil.Process()
    run = tmp_path / "runs/r"
    write(run / "run-status.json", status(me.pid, me.create_time()))
    assert summarise(run).liveness == "running"
    write(run / "run-status.json", status(me.pid, me.create_time(), waiting_for="another"))
    assert summarise(run).liveness == "waiting"
    # The number is in use again, by a process that started at another time.
    write(run / "run-status.json", status(me.pid, me.create_time() - 1000))
    assert summarise(run).liveness == "dead"
    write(run / "run-status.json", {**status(me.pid, me.create_time()), "phase": "failed"})
    assert summarise(run).liveness == "idle"


def test_a_zombie_is_dead(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # it has ended, and is not collected
    started = psutil.Process(child).create_time()
    run = tmp_path / "runs/r"
    write(run / "run-status.json", status(child, started))
    assert summarise(run).liveness == "dead"
    os.waitpid(child, 0)


def test_a_live_run_says_how_far_it_is(tmp_path: Path) -> None:
    me = psutil.Process()
    run = tmp_path / "runs/r"
    write(run / "run-status.json", status(me.pid, me.create_time(), stage="train"))
    lines = [{"kind": "stage-start", "t": "2026-01-01T00:00:00Z"}]
    for step in (10, 20, 30):
        t = f"2026-01-01T00:00:{step}Z"
        lines.append({"kind": "metric", "t": t, "step": step, "values": {"loss": 1 / step}})
        lines.append({"kind": "progress", "t": t, "done": step, "total": 100})
    (run / "events.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n{"cut')
    summary = summarise(run)
    assert (summary.done, summary.total, summary.loss) == (30, 100, 1 / 30)
    assert summary.eta_s == pytest.approx(70)
    lines.append({"kind": "stage-start", "t": "2026-01-01T00:01:00Z"})
    (run / "events.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    assert summarise(run).eta_s is None, "that was the stage before"


def test_half_a_run_is_seen_by_nobody(tmp_path: Path) -> None:
    place, day = Workspace(tmp_path), date(2026, 11, 20)
    with pytest.raises(OSError, match="full"), place.new_run("x", day) as made:
        (made.path / "config.json").write_text("{}")
        raise OSError("full")
    assert list(place.runs_dir.iterdir()) == []
    left = place.runs_dir / ".new-2026-11-20-x"
    left.mkdir()
    with place.new_run("x", day) as made:
        assert made.name == "2026-11-20-x-2"  # whoever builds the other may still be alive
    os.utime(left, (0, 0))
    with place.new_run("x", day) as made:
        assert made.name == "2026-11-20-x"
