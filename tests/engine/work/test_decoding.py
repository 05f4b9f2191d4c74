"""Answers in batches are those of one-by-one generation, for every kind of layer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-m", "tests.engine.work.decoding_child"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("kind", ["llama", "gemma3_text", "lfm2"])
def test_plain_windowed_and_recurrent_layers_answer_as_alone(
    found: dict[str, Any], kind: str
) -> None:
    """A batch may move a rounding, so a token in some hundred answers: no more than that."""
    equal = dict(found["equal"][kind])
    assert equal.pop("uneven 5") >= 4 and equal.pop("tiny 3") >= 2
    assert equal.keys() == {
        *(f"{way} {rows}" for way in ("apart", "shared") for rows in (1, 5, 48)),
        "in pieces 5",
    }
    few = [equal.pop(f"{way} 1") for way in ("apart", "shared")]
    assert min(few) >= 22 and min(equal.values()) >= 46


def test_a_batch_is_as_large_as_helps_and_fits(found: dict[str, Any]) -> None:
    sizes = found["sizes"]
    assert sizes["chosen"] == {"plenty": 128, "short": 5, "gone": 1}
    # What is allowed for a row is no less than its cache really has, but for the unfilled step.
    assert sizes["row_bytes"] >= sizes["real"] * 100 / 256


def test_layers_that_nobody_knows_are_not_batched(found: dict[str, Any]) -> None:
    assert found["unknown"] is False


def test_small_batches_are_not_split_over_cores(found: dict[str, Any]) -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    assert found["streams"][:2] == [1, 1]
    assert found["streams"][2] <= max(1, min(2, cores))
