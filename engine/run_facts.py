"""What the filter language may ask of a run: its summary as named facts."""

from __future__ import annotations

from datetime import datetime

from engine.run_filter import Facts, FactValue
from engine.summary import RunSummary


def facts(summary: RunSummary, now: datetime, gates: str | None = None) -> Facts:
    """The facts of a run at the moment ``now``; ``gates`` is its worst verdict, where known.

    None is "not recorded": nothing is smaller, larger or equal to it.
    """
    delta = summary.primary_delta
    values: dict[str, FactValue] = {
        "run": summary.run_id,
        "target": summary.target or None,
        "model": summary.base_model,
        "phase": summary.phase,
        "decision": summary.decision,
        "is": _states(summary),
        "tag": summary.tags,
        "gates": gates,
        "score": summary.primary_candidate,
        "baseline": summary.primary_baseline,
        "delta": None if delta is None else 100 * delta,
        "breadth": summary.breadth_delta_pp,
        "tok_s": summary.train_tok_s or summary.eval_tok_s,
        "loss": summary.loss,
        "peak": None if summary.peak_bytes is None else float(summary.peak_bytes),
        "seed": None if summary.seed is None else float(summary.seed),
        "age": (now - summary.created).total_seconds() if summary.created else None,
    }
    for name, value in summary.hyperparameters.items():
        if isinstance(value, int | float | str):
            values[f"set.{name.casefold()}"] = value
    return values


def _states(summary: RunSummary) -> list[str]:
    states = {"running": ["live"], "waiting": ["waiting"], "dead": ["lost"], "idle": []}[
        summary.liveness
    ]
    if summary.decision is not None:
        states.append("decided")
    elif summary.awaits_decision:
        states.append("undecided")
    if summary.phase in ("failed", "cancelled"):
        states.append(summary.phase)
    return states
