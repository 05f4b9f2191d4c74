"""Gold at the end and at milestones: the best candidate on the set that no iteration saw.

An ordinary run opens it, as ``factory-tui unseal`` does. A person ships that run, or does not.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from engine.catalogue.summary import summarise
from engine.loops.flywheel.runs import wait_for
from engine.plain_file import read_plain
from engine.plans.unsealing import UnsealError, open_sealed, prepare
from engine.records.loop import LoopStatus

if TYPE_CHECKING:
    from engine.loops.flywheel.flywheel import Flywheel

_MAX_CONFIG = 4 * 2**20


def judge_on_gold(wheel: Flywheel, best: Path) -> None:
    """Judge the best run's candidate on gold, once; what came of it stands in the status."""
    workspace = wheel.folder.workspace
    run = _opened(wheel, best)
    if run is None:
        reason = f"The best candidate of {wheel.loop.loop_id} so far."
        try:
            run = open_sealed(workspace, prepare(workspace, best, again=True, reason=reason)).path
        except UnsealError as error:
            wheel.runner.message("gold", f"Gold stays sealed. {error}", level="warning")
            return
        wheel.runner.say("gold", run=run.name)
    run = wait_for(wheel.runner, run)
    found = summarise(run)

    def told(status: LoopStatus) -> None:
        status.gold_run, status.gold_score = run.name, found.primary_candidate

    wheel.runner.update(told)
    score = found.primary_candidate
    said = "no score: see its log" if score is None else f"{score:.3f}"
    wheel.runner.message(
        "gold", f"On gold the best candidate has {said}. Decide it: factory-tui decide {run.name} …"
    )


def _opened(wheel: Flywheel, best: Path) -> Path | None:
    """The run that opens gold for the best candidate, where it was begun before."""
    for path in wheel.folder.workspace.run_paths():
        try:
            config = json.loads(read_plain(path / "config.json", _MAX_CONFIG))
        except (OSError, ValueError, RecursionError):
            continue
        if not isinstance(config, dict) or config.get("parent_run_id") != best.name:
            continue
        evaluation = config.get("eval")
        if not (isinstance(evaluation, dict) and evaluation.get("opens")):
            continue
        if (path / "adapters/adapters.safetensors").is_file():
            return path
        # Whoever began it was killed before the weights were there, and so before it was started.
        shutil.rmtree(path, ignore_errors=True)
    return None
