"""The tests' own helper for what is made once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.shared import made_once

ROOT = Path(__file__).parents[1]

_ASK = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
from tests.shared import made_once

def make(folder):
    time.sleep(0.3)
    (folder / "file").write_text("whole")
    with open(sys.argv[1] + "/count", "a") as count:
        count.write("x")

base = SimpleNamespace(getbasetemp=lambda: Path(sys.argv[1]) / sys.argv[2])
print((made_once(base, "thing", make) / "file").read_text())
"""


def test_two_processes_make_it_once(tmp_path: Path) -> None:
    env = {**os.environ, "PYTEST_XDIST_WORKER": "gw0"}
    asked = [
        subprocess.Popen(
            [sys.executable, "-c", _ASK, str(tmp_path), worker],
            stdout=subprocess.PIPE,
            text=True,
            env=env,
            cwd=ROOT,
        )
        for worker in ("gw0", "gw1")
    ]
    assert [one.communicate(timeout=60)[0] for one in asked] == ["whole\n", "whole\n"]
    assert (tmp_path / "count").read_text() == "x"


def test_what_was_half_made_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    factory: Any = SimpleNamespace(getbasetemp=lambda: tmp_path)

    def fails(folder: Path) -> None:
        (folder / "half").touch()
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        made_once(factory, "thing", fails)
    folder = made_once(factory, "thing", lambda one: (one / "whole").touch())
    assert [file.name for file in folder.iterdir()] == ["whole"]
