"""A run that was kept: its adapter goes into the target's ``output/``, with what it scored.

The run itself stays undecided: whether it is shipped is a person's decision, on gold. A run that
was dropped is decided here, so that nobody has to.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from engine.decisions.deciding import Refused, make_decision
from engine.folder import FolderError, write_json_atomic
from engine.loops.runner import LoopFailed
from engine.records.base import utc_now
from engine.records.loop import IterationVerdict, Loop
from engine.records.run import Confidence, Decision, DecisionKind
from engine.target import Target

ADAPTER_FILES = ("adapters.safetensors", "adapter_config.json")


def promote(
    target: Target, loop: Loop, iteration: int, run: Path, verdict: IterationVerdict
) -> str:
    """Copy the adapter to ``output/best_adapter_<score>/``; its path relative to the target.

    An earlier best one of the same score is kept under the name of its iteration.
    """
    score = 0.0 if verdict.score is None else verdict.score
    name = f"best_adapter_{score:.4f}".replace(".", "_")
    output = target.path / "output"
    place, building = output / name, output / f".new-{name}"
    metadata = {
        "loop": loop.loop_id,
        "iteration": iteration,
        "run": run.name,
        "accuracy": verdict.score,
        "judged_on": loop.dev.model_dump(mode="json") if loop.dev else None,
        "base_model": target.forge.model.base,
        "reason": verdict.reason,
        "promoted": utc_now().isoformat(timespec="seconds"),
    }
    try:
        output.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir()
        for file in ADAPTER_FILES:
            shutil.copyfile(run / "adapters" / file, building / file)
        write_json_atomic(building / "metadata.json", metadata)
        if place.exists():
            shutil.rmtree(place)
        building.replace(place)
    except OSError as error:
        shutil.rmtree(building, ignore_errors=True)
        raise LoopFailed(
            f"The adapter of {run.name} cannot be copied to {name} ({error.strerror or error}).",
            "Make room, then: resume.",
        ) from error
    return f"output/{name}"


def decide_dropped(run: Path, verdict: IterationVerdict) -> None:
    """Decide a run that was dropped: park within the noise, reject where it is worse or unsafe.

    A run that crashed has no evidence to decide on, and one that is decided already stays so.
    """
    if verdict.outcome != "dropped":
        return
    noise = verdict.p is None or verdict.p >= 0.05 or verdict.fixed == verdict.broken
    better = verdict.reason.startswith("Better")
    kind = DecisionKind.PARK if noise and not better else DecisionKind.REJECT
    decision = Decision(
        decision=kind,
        reason=f"Dropped by the flywheel. {verdict.reason}",
        failure_reason=verdict.reason,
        failure_reason_confidence=Confidence.EXACT if better else Confidence.INFERRED,
        lesson="The best before it stays; its settings are told to the planner.",
        next_action="The next iteration of the loop.",
    )
    try:
        made = make_decision(run, decision)
    except (OSError, FolderError) as error:
        raise LoopFailed(f"{run.name} cannot be decided: {error}.") from error
    if isinstance(made, Refused) and (run / "decision.json").exists():
        return  # decided before the loop was interrupted, or by a person: that stands
