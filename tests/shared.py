"""What is dear to make is made once in a session, whichever of its processes asks first."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder that ``make`` filled, in this process or in another one; only to be read."""
    base = factory.getbasetemp()
    # With pytest-xdist each process has a folder of its own below that of the session.
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "made-once"
    place.mkdir(exist_ok=True)
    folder = place / name
    with (place / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            half = Path(tempfile.mkdtemp(prefix=f"{name}-half-", dir=place))
            make(half)
            half.rename(folder)
    return folder
