"""The control room in a real terminal: real keys, and what stands on the screen."""

from __future__ import annotations

import re
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
from tests.e2e.shell import set_in
from tests.e2e.terminal import Terminal

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")

Opener = Callable[..., Terminal]


@pytest.fixture
def open_terminal(tmp_path: Path) -> Iterator[Opener]:
    """Opens terminals on a copy of the samples; closes them all, and cancels what they started."""
    place = tmp_path / "work"
    place.mkdir()
    opened: list[Terminal] = []

    def opener(*arguments: str, **options: object) -> Terminal:
        if arguments[:1] != ("demo",) and not (place / "runs").exists():
            copy_samples(place)
        terminal = Terminal(place, *arguments, **options)  # type: ignore[arg-type]
        opened.append(terminal)
        return terminal

    yield opener
    for terminal in opened:
        terminal.kill()
    for process in psutil.process_iter(["cmdline"]):
        if any(str(tmp_path) in word for word in process.info["cmdline"] or []):
            process.kill()


def shipped(terminal: Terminal) -> str:
    """The run of the samples that was shipped."""
    runs = all_runs(Workspace(terminal.folder))
    return next(run.run_id for run in runs if run.decision == "ship")


def test_a_walk_through_every_screen(open_terminal: Opener) -> None:
    terminal = open_terminal()
    terminal.until("3 runs", "drone-router-2", "drone-router-3", "ship", "reject", "? help")
    run = shipped(terminal)
    # In one go, faster than a screen is painted: filter, keep it, open the run.
    terminal.press(*"/decision:ship", "Enter", "Enter")
    text = terminal.until("decided: ship", "loss  train", "✔ eval-candidate", "steps", "examples")
    assert len(re.findall("[\u2801-\u28ff]", text)) > 40, text
    terminal.press("d")
    terminal.until("This run is decided", "3 of 3 pass", "Flips", gone="^s record")
    before = (terminal.folder / "runs" / run / "decision.json").read_bytes()
    terminal.press("x", "C-s")
    terminal.press("v")
    terminal.until("validate", "✔ decision.json", "✔ valid", gone="This run is decided")
    assert (terminal.folder / "runs" / run / "decision.json").read_bytes() == before
    terminal.press("r")
    terminal.until("Evidence / Exactness", "eval-baseline.json", "w write anew")
    terminal.press("m")
    terminal.until(f"# {run}", "## Decision")
    for _ in range(3):
        terminal.press("Escape")
        time.sleep(0.6)  # tmux and terminals read esc and a key right after it as one key
    terminal.until("loss  train", "decided: ship")
    terminal.press("Escape")
    terminal.until("1 of 3 runs", "sort: newest")
    terminal.press("Escape")
    terminal.until("3 runs", "drone-router-3", gone="of 3 runs")
    terminal.press("n")
    terminal.until("The same run from a shell", "$ factory-tui run drone-router", "180 gold rows")
    terminal.press("Escape")
    terminal.until("sort: newest")
    terminal.press("?")
    terminal.until("Keys ─ Runs", "Plan a new run.", "What the world may see.")
    terminal.press("End")
    terminal.until("Keys ─ Runs", "In the filter pane", "Find any action by its name.")
    terminal.press("Escape")
    terminal.until("sort: newest", gone="Keys ─ Runs")
    terminal.press("q")
    terminal.until("ended with 0")


@pytest.mark.parametrize(
    "env",
    [
        {"NO_COLOR": "1"},
        {"TERM": "xterm", "COLORTERM": ""},
    ],
    ids=["no-colour", "xterm"],
)
def test_nothing_is_said_by_colour_alone(open_terminal: Opener, env: dict[str, str]) -> None:
    terminal = open_terminal(size=(80, 24), env=env)
    text = terminal.until("drone-router-3", "✔", "✘", "ship", "reject")
    cursor = [line for line in text.splitlines() if line.lstrip().startswith("›")]
    assert len(cursor) == 1 and "drone-router" in cursor[0]
    if "NO_COLOR" in env:
        codes = set(re.findall(r"\x1b\[([\d;]*)m", terminal.screen(colours=True)))
        shades = {code for code in codes if code.startswith(("38;2;", "48;2;"))}
        grey = {code for code in shades if len(set(code.split(";")[2:5])) == 1}
        assert shades == grey
    terminal.press("Enter")
    terminal.until("loss  train", "━ smoothed", "● validation", "decided:")
    terminal.press("q", "C-q")
    terminal.until("ended with 0")


def test_a_terminal_that_only_prints_lines_gets_lines(open_terminal: Opener) -> None:
    terminal = open_terminal(env={"TERM": "dumb"})
    terminal.until("as lines of text", "3 runs, 0 running", "Type a command, or help.", "factory>")
    terminal.type("show 1")
    terminal.press("Enter")
    terminal.until("primary_min", "breadth_drop_max_pp", "decision  ship")
    terminal.type("quit")
    terminal.press("Enter")
    terminal.until("ended with 0")


def test_the_screen_follows_the_window(open_terminal: Opener) -> None:
    terminal = open_terminal(size=(200, 60))
    terminal.until("3 runs", "peak", "tok/s", "? help")
    terminal.resize(80, 24)
    terminal.until("3 runs", "? help", gone="tok/s")
    terminal.resize(120, 40)
    terminal.until("3 runs", "tok/s", "? help")


def test_a_terminal_that_is_closed_takes_nothing_with_it(open_terminal: Opener) -> None:
    terminal = open_terminal()
    terminal.until("3 runs")
    first = terminal.folder / "runs"
    before = {path: path.read_bytes() for path in first.rglob("*") if path.is_file()}
    terminal.kill()
    assert {path: path.read_bytes() for path in first.rglob("*") if path.is_file()} == before
    again = open_terminal()
    again.until("3 runs", "drone-router-2")


@pytest.mark.slow
def test_the_demo_starts_lives_without_its_terminal_and_is_cancelled(
    open_terminal: Opener, tmp_path: Path
) -> None:
    # The demo keeps what is there: a recipe whose base is made in a fourth of the time.
    forge = tmp_path / "work/demo/targets/drone-router/forge.yaml"
    forge.parent.mkdir(parents=True)
    shutil.copyfile(samples_dir() / "targets/drone-router/forge.yaml", forge)
    set_in(forge, "factory.base.steps=150", "factory.base.rows=3000")
    terminal = open_terminal("demo")
    terminal.until("drone-router-4", "▶", "pretrain", seconds=60)
    run = next((terminal.folder / "demo" / "runs").glob("*-drone-router-4"))
    terminal.kill()
    assert summarise(run).liveness == "running"
    again = open_terminal("--workspace", "demo")
    again.until("drone-router-4", "4 runs")
    again.press("Enter")
    again.until("▶ training", "loss  train", "left", seconds=120)
    again.press("C")
    again.until(f"Stop {run.name}?", "Leave it (n)", "Stop it (y)")
    again.press("y")
    again.until("■ cancelled", "■ Cancelled. R starts it again", seconds=60)
    assert list((run / "adapters" / "checkpoints").iterdir())
    again.press("q", "C-q")
    again.until("ended with 0")
    assert summarise(run).phase == "cancelled"
