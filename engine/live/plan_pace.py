"""The time left of a whole run: of the stage that runs, and of those that come after it.

What is to come is estimated from earlier runs of the same target, whose stages were timed. Where
there is none, or a stage is new, the whole is not known, and only the stage's own time left is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from engine.live.projection import RunProjection
from engine.plain_file import read_plain
from engine.plans.stage_names import repeats

LOOKED_AT = 200
"""So many of the newest runs are looked at, of whatever target."""
ENOUGH = 5
"""So many earlier runs of the target tell how long its stages take."""
_MAX_BYTES = 4 * 2**20


def plan_seconds_left(
    projection: RunProjection, usual: Mapping[str, float], now: float | None = None
) -> float | None:
    """Seconds to the end of the plan; None where a stage to come was never timed.

    ``usual`` is what ``usual_seconds`` found; ``now`` is seconds since the epoch.
    """
    running = projection.running
    left = running.seconds_left(now) if running is not None else None
    if running is None or left is None:
        return None
    for stage in projection.stages.values():
        if stage is running or stage.state != "pending":
            continue
        seconds = usual.get(stage.name, usual.get(repeats(stage.name)))
        if seconds is None:
            return None
        left += seconds
    return left


def usual_seconds(run: Path) -> dict[str, float]:
    """Seconds that each stage of a run's plan usually takes, by earlier runs of its target.

    The median of the newest ENOUGH runs in which the stage ended well, in proportion to its
    steps where both plans name them. {} where nothing is known. Reads files: not for a screen's
    own thread.
    """
    target = _target(run)
    plan = _specs(run)
    if target is None or not plan:
        return {}
    times: dict[str, list[float]] = {name: [] for name in plan}
    runs = 0
    for other in _newest(run.parent):
        if other.name == run.name or _target(other) != target:
            continue
        specs = _specs(other)
        found = _seconds(other)
        for name in plan.keys() & found.keys() & specs.keys():
            if len(times[name]) < ENOUGH:
                times[name].append(found[name] * _steps(plan[name]) / _steps(specs[name]))
        runs += bool(found)
        if runs >= ENOUGH:
            break
    return {name: median(all_) for name, all_ in times.items() if all_}


def _newest(runs: Path) -> list[Path]:
    """The newest runs by name, which begins with the day."""
    try:
        return sorted((one for one in runs.iterdir() if one.is_dir()), reverse=True)[:LOOKED_AT]
    except OSError:
        return []


def _target(run: Path) -> str | None:
    target = _read(run / "config.json").get("target")
    return target if isinstance(target, str) else None


def _specs(run: Path) -> dict[str, dict[str, Any]]:
    """Each stage's spec, by its name."""
    stages = _read(run / "plan.json").get("stages")
    found: dict[str, dict[str, Any]] = {}
    for one in stages if isinstance(stages, list) else ():
        if isinstance(one, dict) and isinstance(one.get("name"), str):
            spec = one.get("spec")
            found[one["name"]] = spec if isinstance(spec, dict) else {}
    return found


def _steps(spec: Mapping[str, Any]) -> float:
    """The steps of a training stage; 1 for stages that have none."""
    steps = spec.get("iters")
    return float(steps) if type(steps) is int and steps > 0 else 1.0


def _seconds(run: Path) -> dict[str, float]:
    """How long the stages took that ended well at their first attempt."""
    stages = _read(run / "run-status.json").get("stages")
    found: dict[str, float] = {}
    for name, one in stages.items() if isinstance(stages, dict) else ():
        if isinstance(one, dict) and one.get("state") == "done" and one.get("attempts") == 1:
            spent = _between(one.get("started"), one.get("ended"))
            if spent is not None:
                found[name] = spent
    return found


def _between(started: object, ended: object) -> float | None:
    try:
        begin, end = datetime.fromisoformat(str(started)), datetime.fromisoformat(str(ended))
        return max(0.0, (end - begin).total_seconds())
    except (ValueError, TypeError):
        return None


def _read(path: Path) -> dict[str, Any]:
    """A JSON object; {} for anything else, since an estimate needs no complaint."""
    try:
        value = json.loads(read_plain(path, _MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
