"""A worktree and a campaign's folder for tests of those who propose."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from engine.folder import write_json_atomic
from engine.loops.folder import LoopFolder
from engine.loops.research.worktree import Worktree, make_worktree
from engine.records.base import utc_now
from engine.records.loop import Loop, LoopKind, LoopPhase, LoopStatus
from engine.records.protocol import Protocol
from engine.records.research import (
    PROTOCOL_FILE,
    WORKTREE,
    Campaign,
    Proposer,
    TryProposal,
    TryRuns,
    TryVerdict,
)

ROOT = Path(__file__).resolve().parents[4]
RECIPE = ROOT / "sample_runs" / "recipes" / "tiny-lm"

TRAIN = "import prepare\n\nDEPTH = 4\nRATE = 0.1\n\nprint('val:', prepare.measure(DEPTH, RATE))\n"


def protocol() -> Protocol:
    return Protocol.model_validate_json((RECIPE / "protocol.json").read_bytes())


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=T", "-c", "user.email=t@t", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def make_repository(path: Path) -> str:
    """A recipe of two files; returns its commit."""
    path.mkdir(parents=True)
    (path / "train.py").write_text(TRAIN)
    (path / "prepare.py").write_text("def measure(depth, rate):\n    return depth * rate\n")
    (path / ".gitignore").write_text("data/\n")
    git(path, "init", "-q", "-b", "main")
    git(path, "add", "-A")
    git(path, "commit", "-q", "-m", "The recipe")
    return git(path, "rev-parse", "HEAD")


def make_tree(home: Path, path: Path, loop_id: str = "a-loop") -> Worktree:
    """A campaign's worktree of a repository that is made for it below ``home``."""
    commit = make_repository(home / "recipe")
    apart = {"results.tsv", "baseline_run.log"}
    path.parent.mkdir(parents=True, exist_ok=True)
    return make_worktree(home / "recipe", path, "research/one", commit, loop_id, apart)


def make_campaign_folder(
    workspace: Path, proposer: str = "person", phase: LoopPhase = LoopPhase.PAUSED
) -> LoopFolder:
    """A campaign that waits in iteration 2, without its runs; its worktree is a repository."""
    folder = LoopFolder(workspace / "loops" / "2026-11-28-tiny-research")
    folder.path.mkdir(parents=True)
    (workspace / "factory.toml").touch()
    spec = Campaign(
        protocol_sha256="0" * 64,
        repo="recipe",
        base_commit="0" * 40,
        branch="research/one",
        proposer=Proposer.model_validate({"kind": proposer}),
    )
    now = utc_now()
    loop = Loop(
        loop_id=folder.loop_id,
        kind=LoopKind.RESEARCH,
        target="tiny-lm",
        target_dir="recipe",
        created=now,
        spec=json.loads(spec.model_dump_json()),
    )
    status = LoopStatus(
        loop_id=folder.loop_id, created=now, updated=now, phase=phase, iteration=2, step="propose"
    )
    write_json_atomic(folder.path / "loop.json", loop)
    write_json_atomic(folder.path / "loop-status.json", status)
    (folder.path / PROTOCOL_FILE).write_bytes((RECIPE / "protocol.json").read_bytes())
    make_tree(workspace, folder.path / WORKTREE, folder.loop_id)
    return folder


def add_try(
    folder: LoopFolder,
    number: int,
    hypothesis: str,
    status: str,
    score: float | None = None,
    trace: list[str] | None = None,
    **verdict: Any,
) -> None:
    """An iteration that is done."""
    outcome = {"keep": "kept", "discard": "dropped", "crash": "crashed"}[status]
    plan = {"iteration": number, "by": "settings", "hypothesis": hypothesis, "made": utc_now()}
    shape = {"mutable_sha256": f"{number:064x}", "lines": 3, "lines_before": 3}
    folder.conclude(number, TryProposal.model_validate(plan | shape))
    one = {"run_id": "r", "repeat": 0, "seed": 0, "value": score, "trace": trace or []}
    folder.conclude(number, TryRuns.model_validate({"run_id": "r", "measurements": [one]}))
    said = {"outcome": outcome, "reason": "It was judged.", "status": status, "score": score}
    folder.conclude(number, TryVerdict.model_validate(said | verdict))
