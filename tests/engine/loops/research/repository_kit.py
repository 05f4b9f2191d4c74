"""A small recipe in a real repository, and a campaign's worktree of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from engine.loops.research.worktree import Worktree, make_worktree
from engine.records.protocol import Protocol

FILES = {
    "train.py": "import math\n\nDEPTH = 8\nLR = 0.04\nprint(f'val_bpb: {LR}')\n# the end\n",
    "prepare.py": "import json\n",
    "pyproject.toml": "[project]\nname = 'x'\n",
    "lib/util.py": "import numpy\n",
    "run.sh": "echo\n",
    ".gitignore": ".venv/\ndata/\n*.pyc\n",
}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def fill(folder: Path) -> None:
    """The repository, with one commit."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "run.sh").chmod(0o755)
    git(folder, "init", "-q", "-b", "main")
    for name, value in (("user.name", "Ann"), ("user.email", "ann@b.c")):
        git(folder, "config", name, value)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")


def protocol(**parts: Any) -> Protocol:
    """A protocol of the recipe; ``parts`` replace whole sections."""
    document: dict[str, Any] = {
        "schemaKind": "protocol",
        "protocolVersion": "1.0",
        "meta": {
            "archetype": "ml_train",
            "repo": {"owner": "a", "name": "recipe"},
            "purposeStatement": "Less.",
        },
        "environment": {"constraints": {"noNewDependencies": True}},
        "mutableSurface": {
            "allowedGlobs": ["train.py", "models/**"],
            "forbiddenGlobs": ["prepare.py", "models/frozen.py"],
        },
        "immutableHarness": {"paths": ["prepare.py", "data/eval.bin"]},
        "execution": {
            "command": "python train.py",
            "stopCondition": {"type": "wall_clock", "trainingSecondsBudget": 1},
            "hardTimeoutSeconds": 5,
        },
        "measurement": {
            "primaryMetric": {
                "name": "val_bpb",
                "direction": "minimize",
                "extract": {"kind": "regex", "pattern": "^val_bpb: (.*)"},
            }
        },
        "provenance": {
            "resultsLog": {"columns": ["commit", "val_bpb", "memory_gb", "status", "description"]}
        },
    }
    return Protocol.model_validate(document | parts)


def campaign(made: Path, home: Path) -> tuple[Path, Worktree]:
    """A copy of the repository, and a fresh worktree of it."""
    repo = home / "repo"
    shutil.copytree(made, repo, symlinks=True)
    base = git(repo, "rev-parse", "HEAD").strip()
    tree = make_worktree(repo, home / "loop/worktree", "research/one", base, "one", ["results.tsv"])
    return repo, tree
