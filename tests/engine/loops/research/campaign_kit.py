"""A recipe that trains in a moment, in a real repository, and an agent that tries hostile changes.

The metric is a function of the constants plus noise of the seed, so what is better is known.
"""

from __future__ import annotations

import json
import shutil
import textwrap
from pathlib import Path
from typing import Any

from engine.loops.folder import LoopFolder
from engine.loops.research.making import Wish, agree_to, make_campaign, plan_campaign
from engine.loops.run import kind_of
from engine.loops.runner import Runner
from engine.workspace import Workspace
from tests.engine.loops.research.repository_kit import git

PREPARE = """\
import os, pathlib, random

def measure(lr, depth):
    dice = random.Random(int(os.environ["SEED"]) + 7)
    return 1 + abs(lr - 0.02) * 20 + abs(depth - 4) * 0.05 + dice.gauss(0, 0.01)

if __name__ == "__main__":
    pathlib.Path("data").mkdir(exist_ok=True)
    pathlib.Path("data/rows.txt").write_text("held out")
"""

TRAIN = """\
import sys, time
import prepare

LR = 0.08  # range: 0.001 to 0.1 (log)
DEPTH = 8  # 1..16
BATCH_SIZE = 64

for step in range(4):
    time.sleep(0.05)
    print(f"step {step:05d} ({25 * step}.0%) | loss: {2 - step / 10} | tok/sec: 12,345", end="\\r")
print()
print(f"val_bpb: {prepare.measure(LR, DEPTH):.6f}")
print(f"num_steps: {4}")
"""


def document(**parts: Any) -> dict[str, Any]:
    """The recipe's protocol as JSON; ``parts`` replace whole sections."""
    return {
        "schemaKind": "protocol",
        "protocolVersion": "1.0",
        "meta": {
            "archetype": "ml_train",
            "repo": {"owner": "tests", "name": "recipe"},
            "purposeStatement": "Less.",
        },
        "environment": {
            "setupCommands": ["{python} prepare.py"],
            "constraints": {"noNewDependencies": True, "networkPolicy": "full"},
        },
        "mutableSurface": {
            "allowedGlobs": ["train.py"],
            "forbiddenGlobs": ["prepare.py", "pyproject.toml"],
        },
        "immutableHarness": {"paths": ["prepare.py", "data/rows.txt"], "rationale": "It counts."},
        "execution": {
            "command": "{python} train.py",
            "stopCondition": {"type": "wall_clock", "trainingSecondsBudget": 0.2},
            "hardTimeoutSeconds": 4,
        },
        "measurement": {
            "primaryMetric": {
                "name": "val_bpb",
                "direction": "minimize",
                "extract": {
                    "kind": "regex",
                    "pattern": "^val_bpb: ([0-9.]+)",
                    "exampleStdout": "val_bpb: 2.5",
                },
            },
            "secondaryMetrics": [
                {
                    "name": "num_steps",
                    "direction": "maximize",
                    "extract": {
                        "kind": "regex",
                        "pattern": "^num_steps: ([0-9]+)",
                        "exampleStdout": "num_steps: 4",
                    },
                }
            ],
        },
        "provenance": {
            "resultsLog": {
                "path": "results.tsv",
                "columns": ["commit", "val_bpb", "memory_gb", "status", "description"],
            },
            "gitWorkflow": {"branchPattern": "research/"},
            "baselineArtifactPath": ".research/baseline.log",
        },
        "safety": {"oomPolicy": "reduce_batch", "crashStatus": "crash"},
        "agentRules": {"simplicityCriterion": True},
        **parts,
    }


def make_recipe(home: Path, step_s: float = 0.05, **parts: Any) -> tuple[Workspace, Path]:
    """A workspace with the recipe in it as a repository; its protocol lies beside it. Its training
    is four steps."""
    workspace = Workspace(home / "factory")
    workspace.runs_dir.mkdir(parents=True)
    (workspace.path / "factory.toml").write_text(
        "[supervisor]\ninterrupt_s = 0.3\nterminate_s = 0.3\nsample_s = 0.1\n"
    )
    repo = home / "recipe"
    repo.mkdir()
    (repo / "prepare.py").write_text(PREPARE)
    (repo / "train.py").write_text(TRAIN.replace("sleep(0.05)", f"sleep({step_s})"))
    (repo / "pyproject.toml").write_text("[project]\nname = 'recipe'\n")
    (repo / ".gitignore").write_text("data/\n__pycache__/\n")
    git(repo, "init", "-q", "-b", "main")
    for name, value in (("user.name", "Ann"), ("user.email", "ann@b.c")):
        git(repo, "config", name, value)
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "first")
    written = document(**parts)
    written["execution"]["stopCondition"]["trainingSecondsBudget"] = 4 * step_s
    (home / "protocol.json").write_text(json.dumps(written))
    return workspace, repo


def begin(home: Path, workspace: Workspace, repo: Path, wish: Wish) -> LoopFolder:
    """The campaign's folder; what it runs is agreed to."""
    plan = plan_campaign(workspace, home / "protocol.json", repo, wish)
    agree_to(workspace, plan)
    return make_campaign(workspace, plan)


def turn(folder: LoopFolder) -> int:
    """Run the loop here, as its own process would; its exit code."""
    return Runner(LoopFolder(folder.path)).run(kind_of)


def agent(home: Path, changes: list[str]) -> tuple[str, ...]:
    """The words of a command that makes the next of the changes each time that it is asked: each is
    a Python program that runs in the worktree."""
    place = home / "agent"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for number, change in enumerate(changes):
        (place / f"{number}.py").write_text(textwrap.dedent(change))
    (place / "agent.sh").write_text(
        f'n=$(ls {place} | grep -c "^did-")\ntouch {place}/did-$n\nexec python3 {place}/$n.py\n'
    )
    return ("sh", str(place / "agent.sh"))
