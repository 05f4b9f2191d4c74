"""Loop folders as a runner leaves them, without its runs: for tests of Loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engine.folder import write_json_atomic
from engine.loops.folder import LoopFolder
from engine.records.loop import (
    DevSuite,
    IterationCommit,
    IterationData,
    IterationPlan,
    IterationRun,
    IterationVerdict,
    Limits,
    Loop,
    LoopKind,
    LoopPhase,
    LoopStatus,
    Outcome,
)
from engine.records.status import ProcessId

MADE = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


@dataclass
class Turn:
    """One iteration: None leaves the step open. ``plan`` are more words of its plan."""

    outcome: Outcome | None = "kept"
    score: float | None = 0.5
    before: float | None = 0.4
    hypothesis: str = "A higher rate learns the rare commands."
    plan: dict[str, Any] = field(default_factory=dict)
    verdict: dict[str, Any] = field(default_factory=dict)
    added: int | None = 20
    draft: bool = False


def make_loop_folder(
    workspace: Path,
    turns: Sequence[Turn],
    name: str = "2026-11-20-counter-flywheel",
    *,
    phase: LoopPhase = LoopPhase.COMPLETED,
    reason: str | None = "The limit of 3 iterations is reached.",
    runner: ProcessId | None = None,
    status: dict[str, Any] | None = None,
    loop: dict[str, Any] | None = None,
    target: str = "counter",
) -> LoopFolder:
    """Write ``loops/<name>`` with these iterations; their runs are named and not there."""
    folder = LoopFolder(workspace / "loops" / name)
    folder.path.mkdir(parents=True)
    write_json_atomic(
        folder.path / "loop.json",
        Loop(
            **{
                "loop_id": name,
                "kind": LoopKind.FLYWHEEL,
                "target": target,
                "target_dir": f"targets/{target}",
                "created": MADE,
                "limits": Limits(iterations=max(3, len(turns)), plateau=5, hours=2.0),
                "dev": DevSuite(
                    file="dataset/dev.jsonl", sha256="a" * 64, rows=180, made_from="generator.py"
                ),
                **(loop or {}),
            }
        ),
    )
    best: tuple[str, float] | None = None
    for number, turn in enumerate(turns, start=1):
        run = f"2026-11-20-{target}" + (f"-{number}" if number > 1 else "")
        _write(folder, number, run, turn)
        if turn.outcome == "kept" and turn.score is not None:
            best = (run, turn.score)
    log = folder.events()
    log.append({"kind": "loop-created", "loop_id": name})
    log.close()
    write_json_atomic(
        folder.path / "loop-status.json",
        LoopStatus(
            **{
                "loop_id": name,
                "phase": phase,
                "reason": reason,
                "revision": 9,
                "created": MADE,
                "updated": MADE + timedelta(hours=1),
                "iteration": len(turns),
                "step": "commit",
                "runner": runner,
                "worked_s": 1234.0,
                "best_run": best[0] if best else None,
                "best_score": best[1] if best else None,
                **(status or {}),
            }
        ),
    )
    return folder


def _write(folder: LoopFolder, number: int, run: str, turn: Turn) -> None:
    plan = IterationPlan(
        iteration=number, by="settings", hypothesis=turn.hypothesis, made=MADE, **turn.plan
    )
    place = folder.iteration(number)
    place.mkdir(parents=True)
    write_json_atomic(place / "draft.json", plan)
    if turn.draft:
        return
    folder.conclude(number, plan)
    if turn.outcome is None:
        return
    folder.conclude(number, IterationRun(run_id=run))
    gain = None
    if turn.score is not None and turn.before is not None:
        delta = turn.score - turn.before
        gain = (delta, delta - 0.06, delta + 0.06)
    words = {
        "outcome": turn.outcome,
        "reason": f"{turn.outcome}: 12 fixed, 3 broken of 180 rows.",
        "score": turn.score,
        "best_before": turn.before,
        "difference": gain,
        "p": None if gain is None else 0.01,
        "fixed": None if gain is None else 12,
        "broken": None if gain is None else 3,
        **turn.verdict,
    }
    folder.conclude(number, IterationVerdict(**words))
    if turn.added is not None:
        folder.conclude(
            number, IterationData(added=turn.added, asked=turn.added, by="generator.py")
        )
        folder.conclude(number, IterationCommit(reason="This loop makes no commits."))


def dead_runner() -> ProcessId:
    """A runner that is not there any more."""
    return ProcessId(pid=2**22 - 3, started=1.0)
