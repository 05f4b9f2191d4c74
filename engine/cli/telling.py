"""A run in words and as JSON, for every command that speaks of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.catalogue.summary import RunSummary
from engine.cli.console import printable
from engine.cli.harmless import json_text


def state_of(summary: RunSummary) -> str:
    """Where a run is, in words, and truly: a dead supervisor is said. Safe for a terminal."""
    return printable(_state_of(summary))


def _state_of(summary: RunSummary) -> str:
    if summary.phase is None:
        if summary.decision is not None:
            return "decided"
        return "waits for a decision" if summary.awaits_decision else "no status"
    if summary.liveness == "dead":
        return "stopped (its supervisor died)"
    if summary.liveness == "waiting":
        return f"waits for {summary.waiting_for or 'the accelerator'}"
    if summary.liveness == "running":
        share = f" {summary.done / summary.total:.0%}" if summary.done and summary.total else ""
        return f"{summary.stage or summary.phase}{share}"
    return "waits for a decision" if summary.awaits_decision else summary.phase


def as_dict(summary: RunSummary) -> dict[str, Any]:
    """A summary as JSON holds it: what was not recorded is null."""
    return {
        "run": summary.run_id,
        "target": summary.target,
        "phase": summary.phase,
        "liveness": summary.liveness,
        "stage": summary.stage,
        "waiting_for": summary.waiting_for,
        "decision": summary.decision,
        "routing_constraint": summary.routed,
        "created": summary.created.isoformat() if summary.created else None,
        "primary": {"baseline": summary.primary_baseline, "candidate": summary.primary_candidate},
        "breadth": {"baseline": summary.breadth_baseline, "candidate": summary.breadth_candidate},
        "historical": (summary.historical or "").split(),
        "n": summary.n,
        "tokens_per_second": summary.eval_tok_s,
        "peak_bytes": summary.peak_bytes,
        "parent": summary.parent_run_id,
        "tags": summary.tags,
        "last_error": summary.last_error,
        "last_fix": summary.last_fix,
        "unreadable": summary.unreadable,
    }


def event_line(event: dict[str, Any]) -> str:
    """An event as one line of JSON on stdout."""
    return json_text(event)


def folder_of(path: Path) -> str:
    """A path as a person would type it from here, where that is shorter."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
