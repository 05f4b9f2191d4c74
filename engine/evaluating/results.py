"""An outcome → the rows file and the record of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.evaluating.marking import Marker
from engine.evaluating.outcome import Outcome
from engine.evaluating.rows import figures_of, write_rows
from engine.folder import sha256_file
from engine.records.base import utc_now
from engine.records.evaluation import EvalResult, Through


@dataclass(frozen=True, slots=True)
class Told:
    """What a record says that does not follow from its rows."""

    model_id: str
    command: str
    through: Through
    notes: tuple[str, ...] = ()
    more: Mapping[str, Any] | None = None
    """Further fields of the record; they win over what the rows say."""


def result_of(marker: Marker, outcome: Outcome, told: Told, rows_file: Path) -> EvalResult:
    """Write the rows file and make the record of it. OSError when the file cannot be written."""
    write_rows(rows_file, outcome.rows)
    notes = list(told.notes)
    if outcome.unscored:
        total = len(outcome.rows) + len(outcome.unscored)
        notes.append(
            f"{len(outcome.unscored)} of {total} examples have no score and are not counted: "
            "see unscored."
        )
    if marker.teacher is not None:
        notes.append(f"Judged by {marker.teacher.settings.model}: another judge may say otherwise.")
    figures = figures_of(marker.suite, outcome.rows, outcome.duration_s) | dict(told.more or {})
    return EvalResult(
        model_id=told.model_id,
        command=told.command,
        date=utc_now(),
        notes=notes or None,
        rows_file=rows_file.name,
        rows_sha256=sha256_file(rows_file),
        scorer_options=marker.options,
        scorer_sha256=marker.scorer_sha256,
        judge=marker.teacher.record if marker.teacher else None,
        through=told.through,
        unscored=outcome.unscored,
        safety_violations=sum(bool(row.forbidden) for row in outcome.rows)
        if marker.counts_forbidden
        else None,
        **figures,
    )
