"""One run, one moment, one kill -9; then: is what the folder says true, and does it go on?"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from engine.catalogue.summary import summarise
from engine.cli.telling import state_of
from engine.folder import RunFolder
from engine.records.status import Phase, RunStatus
from engine.supervise.launch import LaunchError, is_done, launch, liveness
from engine.supervise.resume import resume
from scripts.killing.holds import Wrong, folder_holds, read_status, said_holds, whole_lines
from scripts.killing.screen import ROOT, Screen
from scripts.killing.works import Work

PARTS = ("supervisor", "child", "screen")
COMBINATIONS = tuple(parts for size in (1, 2, 3) for parts in itertools.combinations(PARTS, size))
START_S = 60.0
"""How long a supervisor may take to start, and a stage to follow the other."""

WAIT_S = 240.0
"""Nothing is waited for longer: a busy machine is slow, and what hangs is found."""


@dataclass
class Blow:
    """What one try did and found."""

    number: int
    combination: tuple[str, ...]
    at_s: float = 0.0
    stage: str = ""
    killed: tuple[str, ...] = ()
    """The combination; or nobody, since not all of it lived any more: the try does not count."""
    went_on: str = ""
    """"by itself", "in its folder" or "in a new run"."""
    events: int = 0
    torn: int = 0
    wrong: list[str] = field(default_factory=list)


class Lane:
    """A workspace with a screen on it, in which one run after the other is killed."""

    def __init__(self, work: Work, seed: str, with_screen: bool = True) -> None:
        self.work = work
        self._rng = random.Random(seed)
        self._with_screen = with_screen
        self._screen: Screen | None = None
        began = time.monotonic()
        run = work.new_run()
        launch(run)
        until(lambda: supervisor_of(run) is None, "the end of the unbroken run")
        self.whole_s = time.monotonic() - began
        """How long a run takes: moments are drawn within it."""
        _must(read_status(run).phase in (Phase.EVALUATED, Phase.REPORTING), "it ended otherwise")
        self.scores = work.scores(run)
        _must(bool(self.scores), "it has no scores")

    def close(self) -> None:
        if self._screen is not None:
            self._screen.close()

    def strike(self, number: int, combination: tuple[str, ...]) -> Blow:
        """One try. What does not hold stands in ``wrong``."""
        blow = Blow(number, combination)
        run = self.work.new_run()
        try:
            if self._with_screen:
                self._open_screen()
            self._strike(run, blow)
        except Wrong as wrong:
            blow.wrong.append(f"{run.name}: {wrong}")
        finally:
            _end_all(self.work.workspace)
        return blow

    def _strike(self, run: Path, blow: Blow) -> None:
        blow.at_s = self._rng.uniform(0.0, self.whole_s)
        starting = threading.Thread(target=_launch, args=(run,))
        due = time.monotonic() + blow.at_s
        starting.start()
        time.sleep(max(0.0, due - time.monotonic()))
        before, supervisor, order = self._kill(run, blow)
        starting.join()
        for process in order:
            until(lambda process=process: not _lives(process), "the end of what was killed")
        after = whole_lines(run)
        _must(after.startswith(before), "an event that could be read is not there any more")
        if not blow.killed:
            self.whole_s += (blow.at_s - self.whole_s) / 5  # it is shorter than it was thought
            return
        self._truth(run, supervisor, blow)
        folders = self._go_on(run, blow)
        _must(whole_lines(run).startswith(after), "an event that was flushed is lost or changed")
        for folder in folders:
            events, torn = folder_holds(folder)
            blow.events += events
            blow.torn += torn
        said_holds(self.work.workspace, folders, after, supervisor_died="supervisor" in blow.killed)
        _must(
            self.work.scores(folders[-1]) == self.scores,
            f"other scores than unbroken: {self.work.scores(folders[-1])}, not {self.scores}",
        )

    def _kill(
        self, run: Path, blow: Blow
    ) -> tuple[bytes, psutil.Process | None, list[psutil.Process]]:
        """What was flushed at the latest just before; the supervisor; who was killed."""
        chosen, supervisor = self._chosen(run, blow.combination)
        if len(chosen) < len(blow.combination):
            return b"", supervisor, []
        blow.stage = read_status(run).stage or ""
        self._rng.shuffle(chosen)
        if self._screen is not None:
            self._screen.forget()
        killed, before = [], whole_lines(run)
        for part, process in chosen:
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
                killed.append(part)
        blow.killed = tuple(part for part in PARTS if part in killed)
        return before, supervisor, [process for _, process in chosen]

    def _chosen(
        self, run: Path, combination: tuple[str, ...]
    ) -> tuple[list[tuple[str, psutil.Process]], psutil.Process | None]:
        """The processes of a combination, as soon as all of them live; fewer when that never comes.

        And the supervisor, whether it is to be killed or not.
        """
        screen = None
        if self._screen is not None and self._screen.alive:
            screen = psutil.Process(self._screen.pid)
        end = time.monotonic() + START_S
        while True:
            supervisor = supervisor_of(run)
            child = None if supervisor is None else child_of(supervisor)
            there = {"supervisor": supervisor, "child": child, "screen": screen}
            chosen = [(part, one) for part in combination if (one := there[part]) is not None]
            if supervisor is not None and len(chosen) == len(combination):
                return chosen, supervisor
            status = read_status(run)
            begun = status.supervisor is not None or status.ended is not None
            if (supervisor is None and begun) or time.monotonic() >= end:
                return [], supervisor
            time.sleep(0.002)

    # --- is what is said true? ------------------------------------------------------

    def _truth(self, run: Path, supervisor: psutil.Process | None, blow: Blow) -> None:
        """Status, list, ``watch`` and screen say of the run what is so."""
        alive = supervisor is not None and _lives(supervisor)
        status = read_status(run)
        told = liveness(status)
        still = supervisor is not None and _lives(supervisor)
        if alive and still and status.supervisor is not None:
            _must(told in ("running", "waiting"), f"it runs, and the status says {told}")
        if alive or told == "running":
            return
        over = status.supervisor is None
        _must(told == ("idle" if over else "dead"), f"it is dead, and the status says {told}")
        summary = summarise(run)
        _must(summary.liveness == told, f"the list says {summary.liveness}, the status {told}")
        if told != "dead":
            return
        _must(state_of(summary) == "stopped (its supervisor died)", "the list words it otherwise")
        watched = _command(self.work.workspace, "watch", run.name)
        _must(
            watched.returncode == 1 and "its supervisor died" in watched.stderr,
            f"watch ended with {watched.returncode}: {watched.stderr[-300:]}",
        )
        if self._screen is not None and "screen" not in blow.killed:
            screen = self._screen
            until(
                lambda: screen.shows("interrupted", "its supervisor is gone"),
                "the screen's word of it",
                60.0,
            )

    # --- does it go on? -------------------------------------------------------------

    def _go_on(self, run: Path, blow: Blow) -> list[Path]:
        """Resume until the run is evaluated; the folders in which it went."""
        folders, current = [run], run
        blow.went_on = "by itself"
        for _ in range(3):
            until(lambda: supervisor_of(current) is None, "the end of its supervisor")  # noqa: B023
            status = read_status(current)
            if not status.phase.final and is_done(RunFolder(current), status):
                _must(_ended_well(status), f"all is done, and it is {status.phase}")
                return folders
            try:
                current = resume(current)
            except LaunchError as error:
                raise Wrong(f"it cannot be resumed: {error}") from error
            blow.went_on = "in its folder" if current == folders[-1] else "in a new run"
            if current != folders[-1]:
                folders.append(current)
        raise Wrong(f"resumed three times, and it is {read_status(current).phase}")

    def _open_screen(self) -> None:
        if self._screen is not None and not self._screen.alive:
            self._screen.close()
            self._screen = None
        if self._screen is None:
            self._screen = Screen(self.work.workspace)
            _must(self._screen.ready(), "the screen does not come up")


def _ended_well(status: RunStatus) -> bool:
    return status.phase in (Phase.EVALUATED, Phase.REPORTING) and status.supervisor is None


def _launch(run: Path) -> None:
    with contextlib.suppress(LaunchError):  # it was killed before it could say that it runs
        launch(run)


def supervisor_of(run: Path) -> psutil.Process | None:
    """The supervisor of a run that we launched, while it lives."""
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            if words[-2:] == ["engine.supervise.supervisor", str(run)] and _lives(process):
                return process
    return None


def child_of(supervisor: psutil.Process) -> psutil.Process | None:
    """The child of a stage: it leads a session, as other children of a supervisor do not."""
    with contextlib.suppress(psutil.Error):
        for process in supervisor.children():
            with contextlib.suppress(psutil.Error, OSError):
                if os.getsid(process.pid) == process.pid and _lives(process):
                    return process
    return None


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def until(holds: Callable[[], Any], what: str, seconds: float = WAIT_S) -> None:
    """Wait until something holds; Wrong when it never does."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() >= end:
            raise Wrong(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.02)


def _must(holds: bool, words: str) -> None:
    if not holds:
        raise Wrong(words)


def _command(workspace: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tui", *words, "--workspace", str(workspace)],
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "140"},
    )


def _end_all(workspace: Path) -> None:
    """After a try nobody of its runs is left."""
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.Error, IndexError):
            if process.cmdline()[-1].startswith(str(workspace / "runs")):
                process.kill()
                process.wait(10)
