"""A real terminal for tests: tmux with a server of its own, real keys, and the text on its screen.

Nothing waits for a time: ``until`` looks at the screen until it says what is waited for.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.cells import cell_len

LOOK_EVERY_S = 0.05


class Terminal:
    """One tmux session that runs the installed command in ``folder``."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        size: tuple[int, int] = (120, 40),
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._socket = f"factory-{uuid.uuid4().hex[:12]}"
        self.folder = folder
        words = [f"{name}={value}" for name, value in (env or {}).items()]
        # Who starts the tests may have said how large a terminal is; this one is as large as it is.
        words = ["-u", "COLUMNS", "-u", "LINES", *words]
        program = shlex.join(["env", *words, sys.executable, "-m", "tui", *arguments])
        # What the command printed and how it ended stays on the screen after it.
        shell = f"{program}; echo ended with $?; cat"
        self._tmux(
            "-f",
            os.devnull,
            "new-session",
            "-d",
            "-x",
            str(size[0]),
            "-y",
            str(size[1]),
            "-c",
            str(folder),
            shell,
        )

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-u", "-L", self._socket, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        assert done.returncode == 0, f"tmux {arguments}: {done.stderr}"
        return done.stdout

    def screen(self, *, colours: bool = False) -> str:
        """What stands on the screen; with ``colours`` also the codes that say how."""
        return self._tmux("capture-pane", "-p", *(["-e"] if colours else []))

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names: Enter, Escape, Down, C-q, F2, or one character."""
        self._tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        """Type a text as it is."""
        self._tmux("send-keys", "-l", text)

    def resize(self, columns: int, lines: int) -> None:
        self._tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def until(self, *needles: str, gone: str = "", seconds: float = 60.0) -> str:
        """The screen's text once it holds all of these and not ``gone``, or fails."""

        def holds(text: str) -> bool:
            return all(needle in text for needle in needles) and not (gone and gone in text)

        return self.when(holds, f"{needles} without {gone!r}", seconds)

    def when(self, holds: Callable[[str], bool], what: str, seconds: float = 60.0) -> str:
        """The screen's text once something holds of it."""
        end = time.monotonic() + seconds
        while True:
            text = self.screen()
            if holds(text):
                return text
            assert time.monotonic() < end, f"{what} did not come:\n{text}"
            time.sleep(LOOK_EVERY_S)

    # --- the mouse ------------------------------------------------------------------

    def place(self, text: str) -> tuple[int, int]:
        """Column and line (from 1) of the last place where a text stands."""
        self.until(text)
        lines = self.screen().splitlines()
        line = max(number for number, one in enumerate(lines) if text in one)
        before = lines[line][: lines[line].index(text)]
        return cell_len(before) + 1 + len(text) // 2, line + 1

    def click(self, text: str, times: int = 1) -> None:
        """Press and release the left button on a text, once the screen stands still."""
        self.until(text)
        self.still()
        column, line = self.place(text)
        for _ in range(times):
            self.mouse(0, column, line)

    def still(self) -> None:
        """Wait until a quarter of a second changes nothing: what is under the hand stays there."""
        before = ""
        for _ in range(40):
            now = self.screen()
            if now == before:
                return
            before = now
            time.sleep(0.25)

    def wheel(self, text: str, *, up: bool) -> None:
        """Turn the wheel one notch, three lines below a text."""
        column, line = self.place(text)
        self.mouse(64 if up else 65, column, line + 3)

    def mouse(self, button: int, column: int, line: int) -> None:
        """What a terminal sends for a button (xterm's SGR mouse mode: 1006)."""
        self.type(f"\x1b[<{button};{column};{line}M")
        if button < 64:
            self.type(f"\x1b[<{button};{column};{line}m")

    def back(self, *, by_mouse: bool = False) -> None:
        """Go back until the list of runs is there."""
        for _ in range(8):
            if "q quit" in self.screen():
                return
            if by_mouse:
                self.click("esc back")
            else:
                self.press("Escape")
            # tmux and terminals read esc and a key right after it as one key.
            time.sleep(0.6)
        self.until("q quit")

    def kill(self) -> None:
        """End the terminal as closing its window does; safe to do twice."""
        subprocess.run(
            ["tmux", "-L", self._socket, "kill-server"],
            capture_output=True,
            check=False,
            timeout=60,
        )
