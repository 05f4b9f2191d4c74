"""For all tests: which keys were really pressed, on which screen, is written down."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import textual._wait
import textual.screen
from hypothesis import HealthCheck, settings
from textual.app import App

from tests.pressed import PRESSED, Pressed

ROOT = Path(__file__).parent

# A shell that starts the tests in the background has SIGINT ignored, and children inherit that:
# with a handler here they have the usual one.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no failure: what has a limit of time says so itself, and runs alone.
settings.register_profile("factory", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("factory")

# A pilot takes an app for idle after 20 ms with next to no work, which is a little more than the
# 17 ms to a repaint. A fourth of both: a key then costs 10 ms of waiting and not 40.
for _module, _name in (
    (textual._wait, "SLEEP_GRANULARITY"),
    (textual._wait, "SLEEP_IDLE"),
    (textual.screen, "UPDATE_PERIOD"),
):
    setattr(_module, _name, getattr(_module, _name) / 4)


def pytest_configure(config: pytest.Config) -> None:
    # What tests agree to is agreed to by nobody else, and in nobody's home.
    state = tempfile.TemporaryDirectory(prefix="factory-tests-")
    os.environ["XDG_STATE_HOME"] = state.name
    config.add_cleanup(state.cleanup)
    config.pluginmanager.register(Pressed(set(ROOT.glob("tui/test_*.py"))), "pressed-keys")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Several processes must name a test alike, so an address of memory is no part of a name."""
    for item in items:
        if " at 0x" in item.nodeid:
            raise pytest.UsageError(f"{item.nodeid}: give its parameters ids of their own")


@pytest.fixture(scope="session", autouse=True)
def _keys_are_written_down() -> Iterator[None]:
    """Each action that a binding started, with the place whose binding it was."""
    plain = App.run_action

    async def written_down(
        self: App[Any], action: Any, default_namespace: Any = None, namespaces: Any = None
    ) -> bool:
        done = await plain(self, action, default_namespace, namespaces)
        if done and isinstance(action, str):
            PRESSED.add((_place(default_namespace), action))
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(App, "run_action", written_down)
        yield


def _place(namespace: Any) -> str:
    """A screen's or pane's name in the table of keys; "*" for the app."""
    return getattr(namespace, "ROOM", "") or getattr(namespace, "KEYS_OF", "") or "*"
