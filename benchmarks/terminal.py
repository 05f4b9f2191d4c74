"""A program in a pseudo-terminal: keys go in, what it paints comes out, both with their times."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

PROBE = str(Path(__file__).with_name("probe.py"))
SIZE = (200, 60)


class Terminal:
    """Starts a program on a terminal of its own and reads all that it paints, in a thread.

    Times are ``time.monotonic()``, which is one clock for all processes of a machine.
    """

    def __init__(self, command: Sequence[str], size: tuple[int, int] = SIZE) -> None:
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
            os.execv(command[0], list(command))
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self._seen = bytearray()
        self._news = threading.Condition()
        self._closed = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            if not select.select([self._terminal], [], [], 0.5)[0]:
                if self._closed:
                    return
                continue
            try:
                data = os.read(self._terminal, 1 << 16)
            except OSError:
                data = b""
            with self._news:
                self._closed = self._closed or not data
                self._seen += data
                self._news.notify_all()
            if not data:
                return

    def press(self, keys: bytes) -> float:
        """Type; returns when that was. What was painted before is forgotten."""
        with self._news:
            self._seen.clear()
        os.write(self._terminal, keys)
        return time.monotonic()

    def wait_for(self, text: bytes, seconds: float = 30.0) -> float:
        """When ``text`` was there. RuntimeError when it does not come."""
        end = time.monotonic() + seconds
        with self._news:
            while text not in self._seen:
                if self._closed or not self._news.wait(end - time.monotonic()):
                    raise RuntimeError(f"{text!r} was never painted: {bytes(self._seen[-500:])!r}")
            return time.monotonic()

    def painted(self, most: int) -> bytes:
        """The last bytes that it painted since the last key, or said when it broke."""
        with self._news:
            return bytes(self._seen[-most:])

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it: ctrl+q first, so that a probe writes what it saw."""
        try:
            if not self._closed:
                os.write(self._terminal, b"\x11")
            for _ in range(50):
                if os.waitpid(self.pid, os.WNOHANG)[0]:
                    return
                time.sleep(0.1)
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (OSError, ChildProcessError):
            pass
        finally:
            self._closed = True
            # Closed under a reader, the number would be the next file's, and it would read that.
            self._reader.join(5.0)
            if not self._reader.is_alive():
                os.close(self._terminal)


def probed(out: Path, *arguments: str) -> list[str]:
    """The command that runs an app with a probe in it, which writes to ``out``; see probe.py."""
    return [sys.executable, PROBE, str(out), *arguments]


class Noise:
    """How late an event loop comes that does nothing, on this machine, while this is entered.

    What it shows is what else the machine does: no program can be better than that.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self._lags: list[tuple[float, float]] = []

    def __enter__(self) -> Noise:
        self._process = subprocess.Popen(probed(self._out, "nothing"), stdin=subprocess.PIPE)
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.communicate()
        self._lags = [(at, lag) for at, lag in json.loads(self._out.read_text())]

    def lags(self, start: float, end: float) -> list[float]:
        """Seconds that the loop was late, between two times; 0 where it did not run yet."""
        return [lag for at, lag in self._lags if start <= at <= end] or [0.0]


ROOM = """
import sys
from pathlib import Path
from tui.app import FactoryApp
FactoryApp(Path(sys.argv[1]), start=sys.argv[2], run_id=(sys.argv[3:] or [None])[0]).run()
"""


def room(workspace: Path, screen: str, *run: str) -> list[str]:
    """The command that runs the control room on one of its screens, without a probe."""
    return [sys.executable, "-c", ROOM, str(workspace), screen, *run]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share of them does not exceed; NaN of none."""
    found = sorted(values)
    return found[min(len(found) - 1, int(share * len(found)))] if found else float("nan")


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; the first row is the heading."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def verdict(wrong: Sequence[str], check: bool) -> int:
    """Say which limits were passed; the exit code, 1 only with ``check``."""
    for one in wrong:
        print(f"over the limit: {one}", file=sys.stderr)
    return 1 if wrong and check else 0
