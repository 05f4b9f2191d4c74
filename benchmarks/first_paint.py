"""Start to first paint of the control room against a bare Textual app, alternating in one run.

Both are started through a pseudo-terminal of 120×40. A program's time is from
its start to the moment the terminal has received a text that only its painted
screen holds: for the control room the rows of the sample runs, so that an empty
frame does not count.

    python benchmarks/first_paint.py [--runs N] [--limit RATIO]

Prints medians and the median of the pairwise ratios; with --limit, exit code 1
when that ratio is above it.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path

from engine.samples import copy_samples

BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("painted-by-a-bare-app")
Bare().run()
"""
TIMEOUT_S = 30.0


def first_paint(command: list[str], marker: bytes, cwd: Path) -> float:
    """Seconds from start to ``marker`` on the terminal. RuntimeError when it never comes."""
    started = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        os.execv(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    seen = b""
    try:
        while time.perf_counter() - started < TIMEOUT_S:
            if not select.select([terminal], [], [], 0.5)[0]:
                continue
            try:
                seen += os.read(terminal, 65536)
            except OSError:
                break
            if marker in seen:
                return time.perf_counter() - started
        raise RuntimeError(f"{command} never painted {marker!r}: {seen[-2000:]!r}")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--limit", type=float, help="the highest ratio that is accepted")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        workspace = copy_samples(Path(directory) / "workspace")
        newest = max(path.name for path in workspace.run_paths())
        marker = newest.removeprefix("20").split("-", 1)[1].encode()
        ours = [sys.executable, "-m", "tui", "--workspace", str(workspace.path)]
        bare = [sys.executable, "-c", BARE]
        pairs = []
        for number in range(options.runs + 1):
            pair = (
                first_paint(ours, marker, Path(directory)),
                first_paint(bare, b"painted-by-a-bare-app", Path(directory)),
            )
            if number:  # the first pair warms the file cache
                pairs.append(pair)
    room, peer = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(
        f"control room {room * 1000:.0f} ms, bare Textual app {peer * 1000:.0f} ms, "
        f"ratio {ratio:.2f} (median of {len(pairs)} pairs)"
    )
    if options.limit is not None and ratio > options.limit:
        print(f"above the limit of {options.limit}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
