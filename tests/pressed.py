"""Which keys the tests really pressed; a key of the table that none pressed fails the session.

Tests may run in several processes, each of which sees a part: the first one adds them up, so this
is no test of its own but what is said at the end of a session that had all tests of the screen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

PRESSED: set[tuple[str, str]] = set()
"""What this process pressed: (screen or pane, action)."""


def unpressed(pressed: set[tuple[str, str]]) -> list[str]:
    """The keys whose action no test started from where the key belongs."""
    from tui.bindings import KEYS

    return sorted(key.id for key in KEYS if (key.screen, key.action) not in pressed)


class Pressed:
    """The part of a session that adds up and speaks. ``modules`` are all tests of the screen."""

    def __init__(self, modules: set[Path]) -> None:
        self.modules = modules
        self.whole = False
        self.missing: list[str] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        # The process that hands tests to others collects none itself.
        self.whole = self.modules <= {item.path for item in session.items}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object | None) -> None:
        told = getattr(node, "workeroutput", {})
        PRESSED.update(map(tuple, told.get("pressed", [])))
        self.whole = self.whole or bool(told.get("pressed_whole"))

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        told = getattr(session.config, "workeroutput", None)
        if told is not None:
            told["pressed"] = sorted(PRESSED)
            told["pressed_whole"] = self.whole
        elif self.whole and exitstatus == pytest.ExitCode.OK:
            self.missing = unpressed(PRESSED)
            if self.missing:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.missing:
            terminalreporter.section("keys that no test pressed", red=True, bold=True)
            terminalreporter.line(", ".join(self.missing))
