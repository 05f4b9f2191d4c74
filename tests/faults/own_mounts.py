"""A program of a test in a mount namespace of its own, where it may mount what it likes.

As root or not: ``unshare`` makes the user root of a namespace where that is needed and allowed.
Nothing outside is touched, and what was mounted goes when the program ends.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PREAMBLE = """
import json, os, shutil, subprocess, sys
from pathlib import Path
from engine.catalogue.summary import summarise
from engine.supervise.launch import LaunchError, launch, liveness, wait_ended
from engine.supervise.resume import resume
from tests.engine.supervise.kit import Lab, events, messages, status, until

place = Path(sys.argv[1])
told = {}
def mount(*words):
    subprocess.run(["mount", *words], check=True)
def tui(*words):
    done = subprocess.run([sys.executable, "-m", "tui", *words], cwd=lab.path, capture_output=True,
                          text=True, timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr}
"""


def _unshare() -> list[str]:
    return ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]


def inside(place: Path, code: str, timeout_s: float = 180.0) -> Any:
    """What ``code`` left in ``told``. Skips where this machine does not let us mount."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare (util-linux) for a disk of its own")
    place.mkdir(exist_ok=True)
    allowed = subprocess.run(
        [*_unshare(), "mount", "-t", "tmpfs", "none", str(place)], capture_output=True, text=True
    )
    if allowed.returncode != 0:
        pytest.skip(f"may not mount here: {allowed.stderr.strip()}")
    program = PREAMBLE + textwrap.dedent(code) + "\nprint('told', json.dumps(told))\n"
    done = subprocess.run(
        [*_unshare(), sys.executable, "-c", program, str(place)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.rpartition("told ")[2])
