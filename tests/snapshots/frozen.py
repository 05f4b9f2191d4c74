"""A workspace that does not change, on a machine and a day that do not either: for pictures.

Its runs: the three of the samples (real, decided, each after the other), one in the midst of its
training, one that became NaN, and one from elsewhere whose texts are as ugly as they come.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import time_machine

from engine.costs import bench_store, past_runs
from engine.records.provenance import Machine
from engine.samples import copy_samples
from tests.tui.fake_run import FakeRun
from tests.tui.make_runs import make_run
from tui.screens import live

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TRAINING = "2026-11-22-drone-router"
NAN = "2026-11-22-drone-router-nan"
UGLY = "2026-11-22-a-name-that-goes-on-and-on-until-nobody-reads-it-to-its-end-any-more"


@pytest.fixture
def frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The workspace, at ``~/factory``; the clock stands at NOW, the machine has 16 GB."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "nothing"))
    monkeypatch.setenv("TZ", "UTC")
    workspace = copy_samples(tmp_path / "factory").path
    _machine(workspace, monkeypatch)
    _training(workspace)
    _nan(workspace)
    _ugly(workspace)
    with time_machine.travel(NOW, tick=False):
        yield workspace


def _machine(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine that made the samples, with 16 GB of which half is free."""
    record = json.loads((workspace / "runs" / shipped(workspace) / "provenance.json").read_text())
    machine = Machine.model_validate(record["machine"])
    for module in (bench_store, past_runs):
        monkeypatch.setattr(module, "this_machine", lambda: machine)
    memory = SimpleNamespace(total=16 << 30, available=8 << 30, percent=50.0)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(live, "_machine_bytes", lambda: 16 << 30)


def shipped(workspace: Path) -> str:
    """The run of the samples that was shipped."""
    return _decided(workspace, "ship")


def _decided(workspace: Path, decision: str) -> str:
    for path in sorted((workspace / "runs").glob("*/decision.json")):
        if json.loads(path.read_text("utf-8"))["decision"] == decision:
            return path.parent.name
    raise AssertionError(f"no sample run was decided {decision}")


def decided(workspace: Path) -> tuple[str, ...]:
    """The three sample runs, in the order in which they were made."""
    return tuple(_decided(workspace, one) for one in ("park", "reject", "ship"))


def _training(workspace: Path) -> None:
    run = FakeRun(workspace / "runs" / TRAINING, alive=None)
    run.start = NOW - timedelta(seconds=60)
    run.tell("train", steps=190)
    run.status("training", alive=False)
    _config(workspace, TRAINING, {"seed": 3})


def _nan(workspace: Path) -> None:
    run = FakeRun(workspace / "runs" / NAN, alive=None)
    run.start = NOW - timedelta(hours=5)
    run.tell("train", steps=80)
    for step in (81, 82, 83):
        values = {"loss": "nan", "tok_s": 8000.0, "tokens": step * 400}
        run.event({"kind": "metric", "stage": "train", "step": step, "values": values}, 44 + step)
    words = "The loss is not a number any more."
    error = {"stage": "train", "message": words, "fix": "Lower training.learning_rate."}
    run.status("failed", alive=None, last_error=error)
    _config(workspace, NAN, {"seed": 3, "hyperparameters": {"learning_rate": 0.5}})


def _config(workspace: Path, run: str, more: dict[str, object]) -> None:
    """A configuration like that of the shipped run, which it follows."""
    parent = shipped(workspace)
    config = json.loads((workspace / "runs" / parent / "config.json").read_text("utf-8"))
    config |= {"run_id": run, "parent_run_id": parent, "created": NOW.isoformat(), **more}
    (workspace / "runs" / run / "config.json").write_text(json.dumps(config), "utf-8")


def _ugly(workspace: Path) -> None:
    path = make_run(
        workspace,
        UGLY,
        target="sql-für-日本語-\u202eevil\u202c",
        before=None,
        after=0.5,
        created=NOW - timedelta(days=40),
        config={"owner_goal": "[red]markup[/] \x1b[31m" + "goal " * 60},
    )
    (path / "eval-regression-candidate.json").write_text('{"score": 0.9', "utf-8")
    (path / "train.log").write_bytes(b"\x1b]0;title\x07\xff\xfe no end of line " + b"=" * 9000)


def forget(workspace: Path) -> None:
    """An empty workspace."""
    shutil.rmtree(workspace / "runs")
