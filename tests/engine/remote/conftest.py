"""A line without a network: in ssh's place a program that runs the command here."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import identity
from engine.remote import mirrors
from engine.remote.line import Line
from engine.remote.opening import open_copy

ROOT = Path(__file__).resolve().parents[3]


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return path


class Elsewhere:
    """Opens copies, and breaks their lines."""

    def __init__(self, path: Path) -> None:
        self.pids = path / "pids"
        self._lines: list[Line] = []

    def open(self, workspace: Path) -> Line:
        line = open_copy(f"ssh://me@there{workspace}")
        self._lines.append(line)
        return line

    def break_line(self) -> int:
        """kill -9 what stands for ssh; how many were started by then."""
        pids = [int(one) for one in self.pids.read_text().split()]
        os.kill(pids[-1], signal.SIGKILL)
        return len(pids)

    def close(self) -> None:
        for line in self._lines:
            line.stop()


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """The path of factory-tui over there."""
    agreed = f'export XDG_STATE_HOME="{os.environ["XDG_STATE_HOME"]}"'
    return script(
        tmp_path / "there", f'{agreed}\ncd "{ROOT}" && exec "{sys.executable}" -m tui "$@"'
    )


@pytest.fixture
def elsewhere(tmp_path: Path, there: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Elsewhere]:
    one = Elsewhere(tmp_path)
    fake = script(
        tmp_path / "ssh",
        f'echo $$ >> "{one.pids}"\nfor last; do :; done\nexec sh -c "$last"',
    )
    monkeypatch.setenv("FACTORY_SSH", str(fake))
    monkeypatch.setenv("FACTORY_THERE", str(there))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(identity, "_told", None)
    yield one
    one.close()
    assert str(mirrors.home()).startswith(str(tmp_path))
