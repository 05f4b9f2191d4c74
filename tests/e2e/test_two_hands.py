"""A whole day in the control room in a real terminal: once by keys alone, once by mouse alone.

A real run is started, watched to its end, decided, taken back and compared.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from engine.catalogue.run_reader import all_runs
from engine.catalogue.summary import summarise
from engine.samples import copy_samples, samples_dir
from engine.workspace import Workspace
from tests.e2e.shell import QUICK, set_in
from tests.e2e.terminal import Terminal

pytestmark = [
    pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux"),
    pytest.mark.slow,
]

Opener = Callable[[], Terminal]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal on the samples, whose target trains in a few seconds."""
    workspace = copy_samples(tmp_path / "work")
    set_in(workspace.target_path("drone-router") / "forge.yaml", *QUICK)
    opened = Terminal(workspace.path, size=(120, 40))
    yield opened
    opened.kill()
    for process in psutil.process_iter(["cmdline"]):
        if any(str(tmp_path) in word for word in process.info["cmdline"] or []):
            process.kill()


def newest(terminal: Terminal) -> str:
    """The run that was started here: the one that the samples have not."""
    known = {path.name for path in (samples_dir() / "runs").iterdir()}
    return max(path.name for path in (terminal.folder / "runs").iterdir() if path.name not in known)


def decision(terminal: Terminal, run: str) -> str | None:
    path = terminal.folder / "runs" / run / "decision.json"
    return json.loads(path.read_text("utf-8"))["decision"] if path.exists() else None


def park(terminal: Terminal) -> None:
    """Fill the form: what a park needs, one field after the other."""
    fill(terminal, "A few steps teach nothing.")
    fill(terminal, "Thirty steps are too few.")
    terminal.press("Right")
    terminal.until("‹ exact ›")
    terminal.press("Tab")
    fill(terminal, "Train longer.")
    terminal.press("Tab")
    terminal.type("a free evening")
    terminal.until("a free evening")


def fill(terminal: Terminal, text: str) -> None:
    """Type into the field that has the focus and go to the next, as fast as a paste is."""
    terminal.type(text)
    terminal.press("Tab")


def pause(terminal: Terminal, key: str) -> None:
    """Press a key and wait for its effect, as a person does.

    On other screens keys that come within a frame go to what had the focus before.
    """
    terminal.press(key)
    time.sleep(0.4)
    terminal.still()


def test_a_day_by_keys(terminal: Terminal) -> None:
    terminal.until("3 runs", "? help")
    terminal.press("n")
    terminal.until("The same run from a shell", "drone-router")
    terminal.press("C-s")
    terminal.until("train", "loss", "left", seconds=60)
    terminal.until("All evidence is there. d judges it", "eval-candidate", seconds=120)
    run = newest(terminal)
    terminal.press("d")
    terminal.until("park", "primary score", "Flips")
    terminal.press("p")
    terminal.until("reason")
    park(terminal)
    terminal.press("C-s")
    terminal.until("decision.json", "Thirty steps are too few.", "Write it")
    terminal.press("C-s")
    terminal.until("This run is decided", "u take back")
    assert decision(terminal, run) == "park"
    assert summarise(terminal.folder / "runs" / run).phase == "decided"
    terminal.press("u")
    terminal.until("draft from", gone="This run is decided")
    assert decision(terminal, run) is None
    terminal.back()
    terminal.until("4 runs")
    terminal.press("/")
    terminal.until("esc shows all")
    terminal.type("target:drone-router is:decided")
    terminal.until("3 of 4 runs")
    for key in ("Enter", "Space", "Down", "Space", "c"):
        pause(terminal, key)
    text = terminal.until("compare", "settings that differ", "learning_rate")
    assert "2 runs" in text
    terminal.back()
    terminal.press("Escape")
    terminal.until("4 runs", gone="of 4 runs")
    terminal.press("q")
    terminal.until("ended with 0")
    decisions = {one.decision for one in all_runs(Workspace(terminal.folder))}
    assert decisions >= {"ship", "reject", None}


def test_a_day_by_mouse(terminal: Terminal) -> None:
    terminal.until("3 runs", "? help")
    terminal.click("n new")
    terminal.until("The same run from a shell", "drone-router")
    terminal.click("^s start")
    terminal.until("All evidence is there. d judges it", seconds=120)
    run = newest(terminal)
    terminal.wheel("smoothed 0.8", up=True)
    terminal.until("×2")
    terminal.click("d decide")
    terminal.until("primary score", "Flips")
    terminal.click("not now; say what it waits for")
    terminal.until("reason")
    park(terminal)
    terminal.click("^s record")
    terminal.until("decision.json", "Thirty steps are too few.", "Write it")
    terminal.click("Write it")
    terminal.until("This run is decided", "u take back")
    assert decision(terminal, run) == "park"
    terminal.click("u take back")
    terminal.until("draft from", gone="This run is decided")
    assert decision(terminal, run) is None
    terminal.back(by_mouse=True)
    terminal.until("4 runs")
    terminal.click("target:sql")
    terminal.until("esc shows all")
    terminal.type("decision:ship")
    terminal.until("1 of 4 runs")
    terminal.click("0.183 →", times=2)
    terminal.until("decided: ship", "loss  train")
    terminal.back(by_mouse=True)
    terminal.until("1 of 4 runs")
    terminal.click("c compare")
    terminal.until("compare", "settings that differ")
    terminal.back(by_mouse=True)
    terminal.click("q quit")
    terminal.until("ended with 0")
