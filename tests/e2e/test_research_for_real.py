"""The sample recipe is searched for real: MLX, processes, git, the command that the docs name."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.samples import samples_dir
from tests.engine.loops.research.repository_kit import git

LIMIT_S = 240


@pytest.mark.alone  # its recipe trains for a time: beside others it learns nothing in it
def test_a_short_campaign_finds_a_better_recipe(tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / "runs").mkdir(parents=True)
    recipe = work / "recipes" / "tiny-lm"
    ignored = shutil.ignore_patterns("data", "__pycache__", "run.log")
    shutil.copytree(samples_dir() / "recipes" / "tiny-lm", recipe, ignore=ignored)
    command = [sys.executable, "-m", "engine.cli", "research", str(recipe / "protocol.json")]
    short = {**os.environ, "TINY_LM_SECONDS": "0.7"}
    asked = subprocess.run(
        command, cwd=work, env=short, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert asked.returncode != 0 and "--yes" in asked.stderr
    assert not (work / "loops").exists() and not (recipe / ".git").exists()
    words = ["--tries", "4", "--seeds", "2", "--baseline-seeds", "3", "--yes", "--json"]
    done = subprocess.run(
        [*command, *words],
        cwd=work,
        env=short,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, done.stderr
    tries = json.loads(done.stdout)["iterations"]
    baseline = tries[0]["verdict"]
    kept = [one["verdict"] for one in tries[1:] if one["verdict"]["outcome"] == "kept"]
    assert kept, done.stderr
    assert kept[-1]["score"] < baseline["score"] - 2 * baseline["noise"]
    tree = next((work / "loops").iterdir()) / "worktree"
    assert len((tree / "results.tsv").read_text().splitlines()) == len(tries) + 1
    assert len(git(tree, "log", "--oneline").splitlines()) >= 1 + len(kept)
    assert git(recipe, "status", "--porcelain") == ""
