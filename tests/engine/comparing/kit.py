"""Runs as plain values, for tests of what is pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engine.catalogue.summary import RunSummary
from engine.comparing.evidence import RunEvidence
from engine.comparing.scored import Answers, SuiteScore

DAY = datetime(2026, 11, 20, tzinfo=UTC)


def scored(
    right: Sequence[int | float] | None,
    *,
    suite: str = "gold",
    sha256: str | None = "a",
    scorer: str | None = "exact",
    direction: str = "higher",
    content: int = 1,
    role: str = "primary",
    **changes: Any,
) -> SuiteScore:
    """A score with one row for each value of ``right``; None for a score without rows."""
    rows = {f"r{index}": float(value) for index, value in enumerate(right or ())}
    values: dict[str, Any] = {
        "suite": suite,
        "role": role,
        "file": "eval-candidate.json",
        "score": sum(rows.values()) / len(rows) if rows else None,
        "n": len(rows) or None,
        "sha256": sha256,
        "scorer": scorer,
        "metric": "accuracy",
        "direction": direction,
        "answers": Answers(rows, content) if rows else Answers({}, problem="no rows are recorded"),
    }
    return SuiteScore(**(values | changes))


def rows(right: int, n: int = 40) -> list[int]:
    """``n`` rows of which the first ``right`` are right."""
    return [1] * right + [0] * (n - right)


def run(
    run_id: str,
    score: SuiteScore | None = None,
    *,
    base: SuiteScore | None = None,
    settings: Mapping[str, Any] | None = None,
    parent: str | None = None,
    others: Sequence[SuiteScore] = (),
    base_others: Sequence[SuiteScore] = (),
    number: int = 0,
    **summary: Any,
) -> RunEvidence:
    """A run as it would be read from a folder."""
    return RunEvidence(
        run_id=run_id,
        path=Path("/nowhere") / run_id,
        summary=RunSummary(
            run_id,
            Path("/nowhere") / run_id,
            parent_run_id=parent,
            created=DAY + timedelta(hours=number),
            **summary,
        ),
        settings=dict(settings or {}),
        scores=(*((score,) if score else ()), *others),
        base=(*((base,) if base else ()), *base_others),
    )
