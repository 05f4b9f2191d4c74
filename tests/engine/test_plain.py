"""The control room as lines of text: the same folders, in sentences."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.catalogue.run_reader import all_runs
from engine.catalogue.summary import RunSummary
from engine.cli.plain import arguments_for, control_room, sentence
from engine.samples import copy_samples
from engine.workspace import Workspace


@pytest.fixture
def samples(tmp_path: Path) -> Workspace:
    return copy_samples(tmp_path / "factory")


def test_where_nobody_types_it_tells_and_ends(samples: Workspace) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui", "--plain", "--workspace", samples.path],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=True,
        timeout=60,
    )
    lines = done.stdout.splitlines()
    assert lines[0].endswith("3 runs, 0 running, 0 queued.")
    assert [line[:2] for line in lines[1:]] == ["1.", "2.", "3."]
    assert re.search(r"decided, ship; score 0\.9\d*, before 0\.183", done.stdout)
    assert "\x1b" not in done.stdout and done.stderr == ""


def test_one_run_is_followed_to_its_end(
    samples: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    parked = next(one.run_id for one in all_runs(samples) if one.decision == "park")
    control_room(samples.path, parked)
    out = capfd.readouterr().out
    assert "stage train begins" in out and "stage train done after" in out
    assert "decided: park" in out


def test_a_run_that_is_not_there_is_a_sentence(samples: Workspace) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui", "--plain", "-w", samples.path, "2019-nothing"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 3 and "2019-nothing" in done.stderr
    assert "Traceback" not in done.stderr


def test_lines_become_arguments(samples: Workspace) -> None:
    listed = all_runs(samples)
    tail = ["--workspace", str(samples.path)]

    def words(line: str) -> list[str]:
        return arguments_for(line, samples.path, listed)

    assert words("show 2") == ["show", listed[1].run_id, *tail]
    assert words("new drone-router") == ["run", "drone-router", *tail]
    assert words('decide 1 park --reason "waits for data"')[1:5] == [
        listed[0].run_id,
        "park",
        "--reason",
        "waits for data",
    ]
    with pytest.raises(ValueError, match="no run number 9"):
        words("show 9")
    with pytest.raises(ValueError, match="not closed"):
        words('show "x')


def test_a_conversation_on_a_terminal_that_cannot_move_its_cursor(samples: Workspace) -> None:
    main, side = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tui", "--workspace", samples.path],
        stdin=side,
        stdout=side,
        stderr=side,
        env={**os.environ, "TERM": "dumb"},
    )
    os.close(side)
    os.write(main, b"list decision:ship\nlist score>>3\nvalidate 1\nnonsense\nquit\n")
    said = b""
    while True:
        try:
            piece = os.read(main, 4096)
        except OSError:  # the other side was closed: the program ended
            break
        if not piece:
            break
        said += piece
    os.close(main)
    assert process.wait(timeout=30) == 0
    text = said.decode()
    assert "as lines of text" in text and "1 run match decision:ship" in text
    assert "This filter is not understood" in text
    assert "nonsense" in text and "Traceback" not in text
    assert "\x1b[" not in text


def test_hostile_texts_are_harmless() -> None:
    summary = RunSummary("2026-x\x1b]0;evil\x07", Path("x"))
    summary.phase, summary.last_error = "failed", "line\nbreak \x1b[2J"
    line = sentence(1, summary)
    assert "\x1b" not in line and "\n" not in line and "\x07" not in line
