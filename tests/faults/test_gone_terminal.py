"""A terminal that goes away takes the screen with it, also where its signal is ignored."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

from engine.samples import copy_samples


def test_a_screen_whose_terminal_is_gone_ends(tmp_path: Path) -> None:
    workspace = copy_samples(tmp_path / "work")
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    screen = subprocess.Popen(
        [sys.executable, "-m", "tui", "-w", str(workspace.path)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm-256color"},
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    os.close(slave)
    try:
        seen, until = b"", time.monotonic() + 60
        while b"router-3" not in seen:
            assert time.monotonic() < until, seen[-500:]
            if select.select([master], [], [], 0.2)[0]:
                seen += os.read(master, 1 << 16)
        os.close(master)
        assert screen.wait(timeout=60) is not None
    finally:
        if screen.poll() is None:
            screen.kill()
            screen.wait()
