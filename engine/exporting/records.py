"""The records of one run as rows: what a list shows of it, its eval records, its gates."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.catalogue.summary import RunSummary
from engine.checks.documents import read_document
from engine.checks.finding import Finding
from engine.checks.reading import load_rows
from engine.comparing.evidence import read_evidence
from engine.judge.gates import judge
from engine.loops.mark import mark_of
from engine.plain_file import read_plain
from engine.quick_json import loads
from engine.records.evaluation import EvalResult
from engine.records.run import RunConfig

_MAX_BYTES = 4 * 2**20

Row = tuple[Any, ...]


def run_row(run: RunSummary) -> Row:
    """The row of a run, for RUNS."""
    mark = mark_of(run.path)
    evidence = read_evidence(run.path, run)
    return (
        *(run.run_id, run.target or None, run.phase, run.liveness, run.decision, run.routed),
        *(run.primary_baseline, run.primary_candidate, run.primary_delta),
        *(run.breadth_baseline, run.breadth_candidate, run.breadth_delta_pp),
        *(run.historical, run.direction, run.n, run.seed, run.base_model, run.parent_run_id),
        *(mark.loop_id if mark else None, mark.iteration if mark else None),
        *(run.created, run.updated, run.duration_s, evidence.train_s, run.peak_bytes),
        *(run.eval_tok_s, evidence.hypothesis, run.last_error),
        *(_as_json(run.tags), _as_json(run.hyperparameters)),
    )


def eval_rows(run: Path, left_out: list[str]) -> list[Row]:
    """The rows of a run's eval records, for EVALS, in the order of their names."""
    rows = []
    for name in eval_names(run):
        try:
            record = loads(read_plain(run / name, _MAX_BYTES))
        except (OSError, ValueError, RecursionError):
            record = None
        if isinstance(record, dict):
            rows.append(_eval_row(run.name, name, record))
        else:
            left_out.append(f"{run.name}/{name} cannot be read.")
    return rows


def gate_rows(run: Path, left_out: list[str]) -> list[Row]:
    """The rows of a run's gates, for GATES, in the order in which they are shown.

    None where config.json is missing or wrong: nobody knows the bounds then.
    """
    document = read_document(run, "config.json", RunConfig)
    config = document.record
    if not isinstance(config, RunConfig):
        if (run / "config.json").exists():
            left_out.append(f"{run.name}: no gates, its config.json is not right.")
        return []
    evals: dict[str, EvalResult] = {}
    for name in eval_names(run):
        record = read_document(run, name, EvalResult).record
        if isinstance(record, EvalResult):
            evals[name] = record
    problems: list[Finding] = []
    rows = load_rows(run, evals, problems)
    left_out += [f"{run.name}: {one.message}" for one in problems]
    return [
        (
            *(run.name, gate.name, gate.bound, gate.value),
            *(gate.interval or (None, None)),
            *(str(gate.verdict), gate.reason),
        )
        for gate in judge(config, evals, rows)
    ]


def eval_names(run: Path) -> list[str]:
    """The names of a run's eval records; none where the folder cannot be looked into."""
    try:
        return sorted(one.name for one in run.iterdir() if one.match("eval-*.json"))
    except OSError:
        return []


def _eval_row(run_id: str, name: str, record: dict[str, Any]) -> Row:
    interval, latency = _dict(record.get("interval")), _dict(record.get("latency"))
    unscored = record.get("unscored")
    return (
        *(run_id, name, record.get("model_id"), record.get("suite"), record.get("suite_sha256")),
        *(record.get("metric"), record.get("direction"), record.get("score")),
        *(interval.get("low"), interval.get("high"), interval.get("confidence")),
        *(record.get("n"), len(unscored) if isinstance(unscored, dict) else None),
        *(record.get("scorer"), record.get("through"), record.get("seed"), record.get("date")),
        *(record.get("historical"), record.get("latency_ms")),
        *(latency.get("median_ms"), latency.get("p95_ms"), record.get("tokens_per_second")),
        *(record.get("peak_rss_mb"), record.get("mlx_peak_mb"), record.get("safety_violations")),
        *(record.get("duration_s"), _as_json(_dict(record.get("slices")))),
    )


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _as_json(value: Mapping[str, Any] | Sequence[Any]) -> str | None:
    """A small structure as JSON; None where it is empty, or JSON has no word for it."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False) if value else None
    except (ValueError, RecursionError):
        return None
