"""The sample recipe trains a real model, and what its protocol says of it is so."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from engine.loops.research.constants import find_constants, rewritten
from engine.protocols.reading import read_protocol
from engine.supervise.command import fill
from tests.engine.loops.research.proposer_kit import RECIPE

BETTER = {"DEPTH": 2, "ACTIVATION": "relu", "BATCH_SIZE": 8, "LEARNING_RATE": 3e-3}


def call(recipe: Path, command: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    words = [fill(word, {"{python}": sys.executable}) for word in command.split()]
    whole = {**os.environ, **env}
    return subprocess.run(words, cwd=recipe, env=whole, capture_output=True, check=False)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with its data, set up as the protocol says."""
    copy = tmp_path_factory.mktemp("recipe") / "tiny-lm"
    shutil.copytree(RECIPE, copy, ignore=shutil.ignore_patterns("data", "__pycache__"))
    for command in read_protocol(copy / "protocol.json").protocol.environment.setup_commands:
        done = call(copy, command)
        assert done.returncode == 0, done.stderr
    return copy


def metrics(recipe: Path, out: str) -> Mapping[str, float]:
    """By the protocol's own patterns; each is printed once."""
    measure = read_protocol(recipe / "protocol.json").protocol.measurement
    found = {}
    for metric in (measure.primary_metric, *measure.secondary_metrics):
        (value,) = re.findall(metric.extract.pattern, out, re.MULTILINE)
        found[metric.name] = float(value)
    return found


def test_no_line_that_is_measured_on_is_trained_on(recipe: Path) -> None:
    train = set((recipe / "data" / "train.txt").read_text().splitlines())
    held_out = (recipe / "data" / "val.txt").read_text().splitlines()
    assert len(held_out) > 2000
    assert not train & set(held_out)


def test_other_constants_are_better_by_far(recipe: Path) -> None:
    protocol = read_protocol(recipe / "protocol.json").protocol
    command, now = protocol.execution.command, (recipe / "train.py").read_bytes()
    scores = []
    for text in (now, rewritten("train.py", now, BETTER)):
        (recipe / "train.py").write_bytes(text)
        done = call(recipe, command, SEED="3", TINY_LM_SECONDS="0.5")
        assert done.returncode == 0, done.stderr
        out = done.stdout.decode()  # a text stream would turn each \\r into a line's end
        assert re.search(r"\rstep \d{5} \([\d.]+%\) \| loss: [\d.]+ \| .*tok/sec: ", out)
        found = metrics(recipe, out)
        assert found["num_steps"] > 0
        assert found["peak_memory_mb"] > 1
        scores.append(found["val_bpb"])
    (recipe / "train.py").write_bytes(now)
    before, after = scores
    assert after < before - 0.3


def test_data_that_was_tampered_with_is_refused(recipe: Path) -> None:
    path = recipe / "data" / "val.txt"
    data = path.read_bytes()
    for words, text in (("is not what prepare.py makes", b"a\n" * 60_000), ("is not there", None)):
        path.unlink()
        if text is not None:
            path.write_bytes(text)
        done = call(recipe, "{python} train.py", TINY_LM_SECONDS="0.01")
        assert done.returncode == 1
        assert words in done.stderr.decode()
        assert b"val_bpb" not in done.stdout
        if text is None:
            path.write_bytes(data)


def test_its_constants_can_be_proposed() -> None:
    files = {"train.py": (RECIPE / "train.py").read_bytes()}
    found = {one.name for one in find_constants(files)}
    assert found >= {*BETTER, "DIM", "COOLDOWN_SHARE", "WEIGHT_DECAY", "TIE_EMBEDDINGS"}
    assert not (RECIPE / ".git").exists()
