"""A model's own program is not run, whichever way the model is loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.security import own_code_child

ROOT = Path(__file__).parents[2]


def test_a_program_that_a_model_brings_is_never_run(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", own_code_child.__name__, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")},
        input="y\ny\ny\n",  # what transformers would ask for, were it left to ask
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "ANSWER " in done.stdout, done.stderr
    found = json.loads(done.stdout.rpartition("ANSWER ")[2])
    assert found["bait"] == ["model", "tokens"]
    assert found["ran"] == []
    assert "brings a program of its own" in found["said"][0]
    served = subprocess.run(
        [sys.executable, "-P", "-m", "engine.work.serve", "--model", str(tmp_path / "model")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert served.returncode == 2 and "brings a program of its own" in served.stderr
    assert not (tmp_path / "ran").exists()
