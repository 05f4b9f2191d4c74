"""Campaign folders as a runner leaves them, without its runs: for tests of Research."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engine.folder import write_json_atomic
from engine.loops.folder import LoopFolder
from engine.records.loop import Limits, Loop, LoopKind, LoopPhase, LoopStatus
from engine.records.research import (
    CHANGE_FILE,
    PROTOCOL_FILE,
    Campaign,
    Measurement,
    Proposer,
    TryCommit,
    TryProposal,
    TryRuns,
    TryVerdict,
    Violation,
)
from engine.records.status import ProcessId
from tests.engine.loops.research.campaign_kit import document

MADE = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
NAME = "2026-11-28-recipe-research"
UGLY = "\x1b[31m[bold]red[/] \u202eevil\ttab wide 漢字 " + "and so on " * 40

DIFF = """\
diff --git a/train.py b/train.py
index 1111111..2222222 100644
--- a/train.py
+++ b/train.py
@@ -3,3 +3,3 @@ import prepare
 LR = 0.08
-DEPTH = 8  # 1..16
+DEPTH = 4  # 1..16
"""


@dataclass
class Made:
    """One try. ``status`` keep, discard, crash, refused, or open for one that is measured now."""

    status: str = "discard"
    score: float | None = 2.0
    words: str = "DEPTH 8 → 4"
    before: float | None = None
    measured: int = 3
    cause: str | None = None
    plan: dict[str, Any] = field(default_factory=dict)
    runs: dict[str, Any] = field(default_factory=dict)
    verdict: dict[str, Any] = field(default_factory=dict)
    diff: str | None = DIFF


def measurement(number: int, repeat: int, one: Made) -> Measurement:
    value = None if one.score is None or one.cause else one.score + 0.01 * (repeat - 1)
    return Measurement(
        run_id=f"run-{number}-{repeat}",
        repeat=repeat,
        seed=repeat,
        value=value,
        metrics={} if one.cause else {"num_steps": 40.0 + repeat, "peak_memory_mb": 31.5},
        seconds=2.5,
        memory_gb=0.5,
        cause=one.cause,
        trace=["Traceback (most recent call last):", "\x1b[1mMemoryError[/]"] if one.cause else [],
    )


def make_campaign_of(
    workspace: Path,
    tries: Sequence[Made],
    name: str = NAME,
    *,
    phase: LoopPhase = LoopPhase.COMPLETED,
    reason: str | None = "The limit of 20 tries is reached.",
    runner: ProcessId | None = None,
    proposer: str = "settings",
    protocol: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
    spec: dict[str, Any] | None = None,
) -> LoopFolder:
    """Write ``loops/<name>``; the first of ``tries`` is the baseline."""
    folder = LoopFolder(workspace / "loops" / name)
    folder.path.mkdir(parents=True)
    (workspace / "factory.toml").touch()
    campaign = Campaign(
        protocol_sha256="0" * 64,
        repo="recipe",
        base_commit="0" * 40,
        branch=f"research/{name}",
        proposer=Proposer.model_validate({"kind": proposer}),
    )
    write_json_atomic(
        folder.path / "loop.json",
        Loop(
            loop_id=name,
            kind=LoopKind.RESEARCH,
            target="recipe",
            target_dir="recipe",
            created=MADE,
            limits=Limits(iterations=20),
            data_from=None,
            spec=campaign.model_dump(mode="json") if spec is None else spec,
        ),
    )
    written = document() if protocol is None else protocol
    (folder.path / PROTOCOL_FILE).write_text(json.dumps(written))
    write_json_atomic(folder.path / "harness.json", {"prepare.py": "a" * 64})
    for number, one in enumerate(tries):
        _write(folder, number, one)
    log = folder.events()
    log.append({"kind": "loop-created", "loop_id": name})
    if tries and tries[-1].status == "open":
        log.append({"kind": "run-created", "iteration": len(tries), "run": "run-now"})
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
                "iteration": len(tries),
                "step": "measure" if tries and tries[-1].status == "open" else "keep",
                "runner": runner,
                "worked_s": 1234.0,
                **(status or {}),
            }
        ),
    )
    return folder


def _write(folder: LoopFolder, number: int, one: Made) -> None:
    iteration = number + 1
    place = folder.iteration(iteration)
    place.mkdir(parents=True)
    refused = one.status == "refused"
    broke = Violation(rule="harness", path="prepare.py", text="It changed prepare.py, a harness.")
    folder.conclude(
        iteration,
        TryProposal(
            **{
                "iteration": iteration,
                "by": "settings" if number else "baseline",
                "hypothesis": one.words if number else "The recipe as it is.",
                "made": MADE,
                "mutable_sha256": f"{number:064x}",
                "lines": 10,
                "lines_before": 10,
                "commit": None if refused else f"{number:040x}",
                "violations": [broke] if refused else [],
                **one.plan,
            }
        ),
    )
    if number and one.diff is not None:
        (place / CHANGE_FILE).write_text(one.diff)
    measured = [measurement(number, at, one) for at in range(one.measured)]
    if one.status == "open":
        for each in measured:
            write_json_atomic(place / f"repeat-{each.repeat:03d}.json", each)
        return
    run = "none" if refused else f"run-{number}-0"
    found = [] if refused else measured
    folder.conclude(iteration, TryRuns(**{"run_id": run, "measurements": found, **one.runs}))
    delta = None
    if one.score is not None and one.before is not None:
        gain = one.score - one.before
        delta = (gain, gain - 0.05, gain + 0.05)
    outcomes = {"keep": "kept", "crash": "crashed"}
    score = None if one.cause or refused else one.score
    verdict = {
        "outcome": outcomes.get(one.status, "dropped"),
        "status": "discard" if refused else one.status,
        "reason": "It changed prepare.py, a harness." if refused else "So says the evidence.",
        "score": score,
        "best_before": one.before,
        "difference": delta,
        "cause": "harness" if refused else one.cause,
        "probability": None if delta is None else 0.97 if one.status == "keep" else 0.4,
        "interval": None if score is None else (score - 0.02, score + 0.02),
        "noise": None if score is None else 0.02,
        "lines_saved": 0,
        **one.verdict,
    }
    folder.conclude(iteration, TryVerdict(**verdict))
    folder.conclude(iteration, TryCommit(commit=f"{number:040x}" if one.status == "keep" else None))


STORY = (
    Made("keep", 3.0, measured=5),
    Made("keep", 2.5, before=3.0, words="LR 0.08 → 0.02"),
    Made("discard", 2.6, before=2.5, words=UGLY),
    Made("crash", None, words="BATCH_SIZE 64 → 4096", cause="oom", measured=1),
    Made("refused", None, words="Measure less"),
    Made("keep", 2.2, before=2.5, words="DEPTH 8 → 4"),
    Made("discard", 2.3, before=2.2, words="DEPTH 4 → 3"),
)
"""A baseline and six tries: 1 and 5 are kept, 3 crashes, 4 is refused."""
