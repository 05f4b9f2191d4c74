"""What MLX's launcher starts for each rank: the parent of the process that trains.

It knows how that process ended and what memory it took, also on another machine, and it ends it
when the launcher or the connection is gone or another rank has ended. The first rank is the train
worker itself, with an event pipe to the run; the others get their work from it over the group.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import IO

from engine.compute.rank_lines import Begun, Ended, begun_line, ended_line, log_lines
from engine.work.runtime import EXIT_STOPPED

EVENTS_VARIABLE = "FACTORY_RANK_EVENTS"
"""The named pipe that takes the events of the first rank."""

GRACE_S = 3.0
"""How long a rank may take to end after SIGTERM: one that waits for a rank that is gone does not
hear it."""

POLL_S = 0.5
_RANK_VARIABLES = ("MLX_RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK")


class Parent:
    """Starts one rank's process and sees to its end."""

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.stopped = False
        self.peak_mlx: int | None = None
        self.error: str | None = None
        self._say = threading.Lock()
        self._threads: list[threading.Thread] = []

    def run(self) -> int:
        """Until the process has ended; the exit code that the launcher is to see."""
        self._child = child = self._start()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda number, frame: self.stop())
        self._print(begun_line(Begun(self.rank, child.pid)))
        threading.Thread(target=self._watch, args=(os.getppid(),), daemon=True).start()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = code = os.waitstatus_to_exitcode(status)
        for thread in self._threads:
            thread.join(1.0)
        unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes there, KiB here
        self._print(
            ended_line(
                Ended(
                    self.rank,
                    exit_code=None if code < 0 else code,
                    signal=-code if code < 0 else None,
                    stopped=self.stopped,
                    peak_rss_bytes=usage.ru_maxrss * unit,
                    peak_mlx_bytes=self.peak_mlx,
                    error=self.error,
                )
            )
        )
        if code == EXIT_STOPPED and self.rank:
            return 0  # the first rank may still be saving: the launcher would end it
        return code if code >= 0 else 128 - code

    def stop(self) -> None:
        """SIGTERM, and SIGKILL where that is not heard."""
        if self.stopped:
            return
        self.stopped = True
        self._signal(signal.SIGTERM)
        timer = threading.Timer(GRACE_S, self._signal, (signal.SIGKILL,))
        timer.daemon = True
        timer.start()

    def _signal(self, number: signal.Signals) -> None:
        if self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child.pid, number)

    def _watch(self, parent: int) -> None:
        while os.getppid() == parent:
            time.sleep(POLL_S)
        self.stop()

    def _start(self) -> subprocess.Popen[bytes]:
        if self.rank == 0:
            # Waits for a reader: whoever made the pipe has it open.
            pipe = os.open(os.environ[EVENTS_VARIABLE], os.O_WRONLY)
            child = self._popen("engine.work.train", pipe, None)
            os.close(pipe)
            return child
        read_end, write_end = os.pipe()
        child = self._popen("engine.work.member", write_end, subprocess.PIPE)
        os.close(write_end)
        assert child.stdout is not None
        self._follow(child.stdout, lambda line: self._print(log_lines(self.rank, line)))
        self._follow(os.fdopen(read_end, "rb"), self._hear)
        return child

    def _popen(self, module: str, pipe: int, out: int | None) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=None if out is None else subprocess.STDOUT,
            pass_fds=(pipe,),
            env={**os.environ, "FACTORY_EVENTS_FD": str(pipe)},
        )

    def _follow(self, stream: IO[bytes], take: Callable[[str], None]) -> None:
        def lines() -> None:
            for line in stream:
                take(line.decode("utf-8", "replace").rstrip("\r\n"))

        self._threads.append(threading.Thread(target=lines, daemon=True))
        self._threads[-1].start()

    def _hear(self, line: str) -> None:
        """An event of a rank that is not the first: no more than what its end should say."""
        event = json.loads(line)
        if event.get("kind") == "message" and event.get("level") == "error":
            self.error = str(event.get("text"))[:600]
        peak = (event.get("values") or {}).get("mlx_peak_bytes")
        if isinstance(peak, int | float):
            self.peak_mlx = max(self.peak_mlx or 0, int(peak))

    def _print(self, text: str) -> None:
        with self._say, contextlib.suppress(OSError):
            for line in text.encode("utf-8", "replace").splitlines(keepends=True):
                os.write(sys.stdout.fileno(), line)  # at once: a pipe takes so much in one piece


def rank_of(environment: dict[str, str]) -> int:
    """This process's rank, as a launcher tells it. ValueError where none did."""
    for name in _RANK_VARIABLES:
        if name in environment:
            return int(environment[name])
    raise ValueError("it is started by mlx.launch, which sets MLX_RANK")


if __name__ == "__main__":
    try:
        mine = rank_of(dict(os.environ))
    except ValueError as error:
        sys.exit(f"engine.work.rank: {error}.")
    sys.exit(Parent(mine).run())
