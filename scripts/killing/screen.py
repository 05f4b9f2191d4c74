"""The control room in a terminal of its own, whose output is kept."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_CODES = re.compile(rb"\x1b(?:\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")


class Screen:
    """One screen on a workspace, until it is closed or killed."""

    def __init__(self, workspace: Path) -> None:
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
        unsaid = {"COLUMNS", "LINES", "NO_COLOR"}
        env = {name: value for name, value in os.environ.items() if name not in unsaid}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tui", "--workspace", str(workspace)],
            cwd=workspace,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**env, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)},
        )
        os.close(slave)
        self._master = master
        self._lock = threading.Lock()
        self._shown = b""
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def _drain(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:  # the other side has ended
                return
            if not data:
                return
            with self._lock:
                self._shown = (self._shown + data)[-4_000_000:]

    def forget(self) -> None:
        """What was shown up to now does not count any more."""
        with self._lock:
            self._shown = b""

    def shows(self, *words: str) -> bool:
        """Whether one of these texts was drawn since ``forget``."""
        with self._lock:
            text = _CODES.sub(b"", self._shown).decode("utf-8", "replace")
        return any(one in text for one in words)

    def text(self) -> str:
        with self._lock:
            return _CODES.sub(b"", self._shown).decode("utf-8", "replace")

    def ready(self, timeout_s: float = 60.0) -> bool:
        """Wait until it has painted its list of runs."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until and self.alive:
            if self.shows("quit"):
                return True
            time.sleep(0.05)
        return False

    def close(self) -> None:
        """End it, however it is."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join(5)
        os.close(self._master)
