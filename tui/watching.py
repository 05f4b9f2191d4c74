"""Which runs of a workspace are under way, and which of them ended since the last look."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from engine.catalogue.summary import RunSummary, summarise
from engine.numbers import score
from engine.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found. ``running`` are (run, share in [0, 1] or None); ``ended`` are new."""

    running: list[tuple[str, float | None]] = field(default_factory=list)
    waiting: int = 0
    ended: list[RunSummary] = field(default_factory=list)


class Watch:
    """Looks at the accelerator's lock and queue: while nothing runs that costs two system calls."""

    def __init__(self, workspace: Path) -> None:
        self._place = Workspace(workspace)
        self._under_way: dict[str, Path] = {}

    def look(self) -> Look:
        """What runs and waits now; blocks for some milliseconds, so it belongs into a thread."""
        known = self._under_way | self._asked()
        summaries = {name: summarise(path) for name, path in known.items() if path.is_dir()}
        live = {name: one for name, one in summaries.items() if one.liveness == "running"}
        waits = {name: one for name, one in summaries.items() if one.liveness == "waiting"}
        ended = [
            one
            for name, one in summaries.items()
            if name in self._under_way and name not in live and name not in waits
        ]
        self._under_way = {name: known[name] for name in (*live, *waits)}
        return Look([(name, _share(one)) for name, one in live.items()], len(waits), ended)

    def _asked(self) -> dict[str, Path]:
        """The runs that have the accelerator or wait for it, dead ones included."""
        files = [self._place.local_dir / "accelerator.lock"]
        try:
            files += sorted((self._place.local_dir / "queue").glob("*.json"))
        except OSError:
            return {}
        found: dict[str, Path] = {}
        for file in files:
            try:
                ticket = json.loads(file.read_bytes()[: 1 << 16] or b"{}")
            except (OSError, ValueError, RecursionError):
                continue  # given back, or just being written
            run = ticket.get("run_id") if isinstance(ticket, dict) else None
            if isinstance(run, str) and "/" not in run and run not in (".", ".."):
                found[run] = self._place.runs_dir / run
        return found


def _share(summary: RunSummary) -> float | None:
    if summary.done is None or not summary.total:
        return None
    return min(1.0, max(0.0, summary.done / summary.total))


def ending(summary: RunSummary) -> tuple[bool, str]:
    """How a run ended: whether it went well, and the sentence about it."""
    if summary.liveness == "dead":
        return False, "stopped: its supervisor is gone. R resumes it."
    if summary.phase == "failed":
        return False, f"failed: {summary.last_error or 'no reason was recorded'}"
    if summary.phase == "cancelled":
        return True, "was cancelled."
    if summary.primary_candidate is not None:
        before = score(summary.primary_baseline)
        return True, f"is evaluated: {before} → {score(summary.primary_candidate)}. Decide: d"
    return True, "is through its plan."
