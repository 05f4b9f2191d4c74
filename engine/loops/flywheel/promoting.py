"""A run that was kept: its adapter goes into the target's ``output/``, with what it scored.

The run itself stays undecided: whether it is shipped is a person's decision, on gold. A run that
was dropped is decided here, so that nobody has to.
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.decisions.deciding import Refused, make_decision
from engine.folder import FolderError, write_json_atomic
from engine.loops.runner import LoopFailed
from engine.plain_file import read_plain
from engine.records.base import utc_now
from engine.records.loop import IterationVerdict, Loop
from engine.records.run import Confidence, Decision, DecisionKind
from engine.target import Target

ADAPTER_WEIGHTS = ("adapters.safetensors", "adapter_model.safetensors")
"""What mlx-lm and other trainers call an adapter's weights."""

ADAPTER_CONFIG = "adapter_config.json"
METADATA = "metadata.json"

_MAX_METADATA = 2**20


def promote(
    target: Target, loop: Loop, iteration: int, run: Path, verdict: IterationVerdict
) -> str:
    """Copy the adapter to ``output/best_adapter_<score>/``; its path relative to the target."""
    metadata = {
        "loop": loop.loop_id,
        "iteration": iteration,
        "run": run.name,
        "accuracy": verdict.score,
        "judged_on": loop.dev.model_dump(mode="json") if loop.dev else None,
        "base_model": target.forge.model.base,
        "reason": verdict.reason,
    }
    try:
        return keep_adapter(target, run / "adapters", metadata)
    except OSError as error:
        raise LoopFailed(
            f"The adapter of {run.name} cannot be copied to output/ ({error.strerror or error}).",
            "Make room, then: resume.",
        ) from error


def keep_adapter(target: Target, adapter: Path, metadata: Mapping[str, Any]) -> str:
    """Copy an adapter into ``output/best_adapter_<accuracy>/`` with its metadata (``run`` and
    ``accuracy`` among it); returns the folder relative to the target.

    Another run's adapter of the same score is left where it is. OSError where it cannot be copied.
    """
    score, now = metadata.get("accuracy"), utc_now()
    stem = f"{score:.4f}".replace(".", "_") if score is not None else f"{now:%Y%m%d_%H%M%S}"
    place = _free_place(target.path / "output", f"best_adapter_{stem}", metadata.get("run"))
    building = place.with_name(f".new-{place.name}")
    weights = [name for name in ADAPTER_WEIGHTS if (adapter / name).is_file()]
    if not weights:
        raise FileNotFoundError(2, "there are no weights", str(adapter / ADAPTER_WEIGHTS[0]))
    try:
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        for file in (*weights, ADAPTER_CONFIG):
            shutil.copyfile(adapter / file, building / file)
        promoted = now.isoformat(timespec="seconds")
        write_json_atomic(building / METADATA, {**metadata, "promoted": promoted})
        if place.exists():
            shutil.rmtree(place)
        building.replace(place)
    except OSError:
        shutil.rmtree(building, ignore_errors=True)
        raise
    return f"output/{place.name}"


def _free_place(output: Path, name: str, run: Any) -> Path:
    """A folder that is not there yet, or holds the adapter of this very run."""
    for number in itertools.count(1):
        place = output / (name if number == 1 else f"{name}-{number}")
        if not place.exists() or (run is not None and _run_in(place) == run):
            return place
    raise AssertionError("there is always another number")


def _run_in(place: Path) -> Any:
    try:
        found = json.loads(read_plain(place / METADATA, _MAX_METADATA))
    except (OSError, ValueError, RecursionError):
        return None
    return found.get("run") if isinstance(found, dict) else None


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
