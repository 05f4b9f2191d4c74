"""Folders made to break a reader: every command says a sentence and none shows a traceback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.catalogue.summary import summarise
from engine.samples import samples_dir

HOSTILE = "\x1b[31m[bold]x[/]\n\u202e\x07\ud800"


def edit(file: Path, **changes: Any) -> None:
    value = json.loads(file.read_text())
    file.write_text(json.dumps(value | changes))


def texts(run: Path) -> None:
    edit(run / "config.json", target=HOSTILE, owner_goal=HOSTILE * 1000)
    edit(run / "decision.json", reason=HOSTILE, decision=HOSTILE)
    edit(run / "run-status.json", phase="failed", last_error={"message": HOSTILE})


def numbers(run: Path) -> None:
    edit(run / "eval-candidate.json", score=10**400, n=10**400)
    edit(run / "eval-baseline.json", score=float("nan"), peak_rss_mb=1e308)
    edit(
        run / "run-status.json",
        phase="training",
        created="9999-12-31T23:59:59-14:00",
        updated="0001-01-01T00:00:00+14:00",
        supervisor={"pid": 10**30, "started": 1},
    )


def phases(run: Path) -> None:
    edit(run / "run-status.json", phase=HOSTILE, stage=HOSTILE, supervisor={"pid": os.getpid()})
    (run / "decision.json").unlink()


def pipes(run: Path) -> None:
    for name in ("events.jsonl", "decision.json", "rows-candidate.jsonl"):
        (run / name).unlink()
        os.mkfifo(run / name)


def directories(run: Path) -> None:
    for name in ("events.jsonl", "config.json", "report.md", "run-status.json"):
        (run / name).unlink()
        (run / name).mkdir()


def deep(run: Path) -> None:
    for file in run.glob("*.json*"):
        file.write_text("[" * 100_000)


BREAKERS: list[Callable[[Path], None]] = [texts, numbers, phases, pipes, directories, deep]


@pytest.fixture(params=BREAKERS, ids=lambda breaker: breaker.__name__)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    sample = next(path for path in (samples_dir() / "runs").iterdir() if path.is_dir())
    path = tmp_path / "runs" / sample.name
    shutil.copytree(sample, path)
    request.param(path)
    return path


def command(run: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli", *arguments],
        cwd=run.parent.parent,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    return done


def strictly(text: str) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_every_command_answers(run: Path) -> None:
    listed = strictly(command(run, "list", "--json").stdout)
    assert [one["run"] for one in listed] == [run.name]
    assert strictly(command(run, "show", run.name, "--json").stdout)["run"] == run.name
    found = command(run, "validate", "--json")
    assert found.returncode == 1 and strictly(found.stdout)[0]["findings"]
    assert run.name in command(run, "show", run.name).stdout
    assert command(run, "cancel", run.name).returncode == 1
    assert command(run, "resume", run.name).returncode == 1


def test_a_summary_is_made_of_anything(run: Path) -> None:
    assert summarise(run).run_id == run.name
