"""The numbers of a run as cells that point at its records: evidence, costs, and the base beside."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from engine.checks.contents import RunContents
from engine.publish.standing import Standing
from engine.records.evaluation import EvalResult
from engine.records.public import Cell, Comparable, Competitor, Setup, Table, TableRow

_COSTS = (
    ("One answer asked alone, median", ("latency", "median_ms"), "ms"),
    ("One answer asked alone, 95th percentile", ("latency", "p95_ms"), "ms"),
    ("Tokens a second of one answer", ("latency", "tokens_per_second"), "tok/s"),
    ("Generated tokens a second, in batches", ("tokens_per_second",), "tok/s"),
    ("Time of the evaluation", ("duration_s",), "s"),
    ("Peak memory of the process", ("peak_rss_mb",), "MB"),
)


def evidence(contents: RunContents, suites: Sequence[Standing]) -> Iterator[Table]:
    rows = []
    for one in suites:
        cells = [
            score_cell(contents, record, file)
            for record, file in zip((one.before, one.after), one.files, strict=True)
        ]
        kind = "" if one.role == "primary" else ", kept skill"
        rows.append(TableRow(label=f"{one.suite}{kind}", cells=cells))
    if rows:
        yield Table(
            title="Scores before and after",
            label_column="Suite",
            columns=["Base", "Candidate"],
            rows=rows,
        )


def score_cell(contents: RunContents, record: EvalResult | None, file: str) -> Cell:
    if record is None:
        return Cell()
    interval = record.interval
    return Cell(
        value=float(digits(record.score)),
        unit="share" if 0 <= record.score <= 1 else None,
        n=record.n or None,
        interval=(round(interval.low, 3), round(interval.high, 3)) if interval else None,
        record=f"runs/{contents.run_id}/{file}#/score",
    )


def performance(contents: RunContents, primary: Standing) -> Table | None:
    rows = []
    for label, keys, unit in _COSTS:
        cells = [
            _measured(contents, record, file, keys, unit)
            for record, file in zip((primary.before, primary.after), primary.files, strict=True)
        ]
        if any(one.value is not None for one in cells):
            rows.append(TableRow(label=label, cells=cells))
    if not rows:
        return None
    return Table(
        title="What an answer costs",
        label_column="Measured",
        columns=["Base", "Candidate"],
        rows=rows,
        note=f"On the machine of the run {contents.run_id}; see its provenance.",
    )


def _measured(
    contents: RunContents,
    record: EvalResult | None,
    file: str,
    keys: tuple[str, ...],
    unit: Any,
) -> Cell:
    value: Any = record
    for key in keys:
        value = getattr(value, key, None)
    if not isinstance(value, int | float):
        return Cell()
    pointer = "/".join(keys)
    return Cell(
        value=round(value, 1), unit=unit, record=f"runs/{contents.run_id}/{file}#/{pointer}"
    )


def digits(score: float) -> str:
    return f"{score:.3f}" if abs(score) < 1000 else f"{score:.6g}"


def competition(contents: RunContents, primary: Standing, base: str) -> Iterator[Competitor]:
    before, after = primary.before, primary.after
    if before is None or after is None:
        return
    same = before.suite_sha256 is not None and before.suite_sha256 == after.suite_sha256
    direct = primary.mismatch is None and same and bool(before.n) and before.n == after.n
    why = primary.mismatch or "Nothing says that both were measured on the same frozen rows."
    paired = primary.comparison.paired if direct and primary.comparison else None
    told = primary.told
    yield Competitor(
        system=f"{base}, before training",
        metric=after.metric or "score",
        score=score_cell(contents, before, primary.files[0]),
        ours=score_cell(contents, after, primary.files[1]),
        comparable=Comparable.DIRECT if direct else Comparable.DIRECTIONAL,
        setup=_setup(contents, before, primary.files[0]),
        ours_setup=_setup(contents, after, primary.files[1]),
        p=float(f"{paired.p:.3g}") if paired is not None else None,
        readout=told.sentence if direct and told is not None else why,
        source=f"Run {contents.run_id}",
    )


def _setup(contents: RunContents, record: EvalResult, file: str) -> Setup:
    return Setup(
        suite=record.suite,
        suite_sha256=record.suite_sha256,
        rows=record.n or None,
        scorer=record.scorer or "not recorded",
        metric=record.metric or "score",
        prompt=_asked(contents, file),
    )


def _asked(contents: RunContents, file: str) -> str | None:
    """How the answers of a record were asked for, as the plan says: a hash of it all."""
    for stage in contents.plan.stages if contents.plan else []:
        spec = stage.spec
        suites = spec.get("suites")
        for one in suites if isinstance(suites, list) else []:
            if isinstance(one, dict) and one.get("record") == file:
                settings = {
                    key: spec.get(key)
                    for key in ("max_new_tokens", "temperature", "passes", "exact")
                }
                asked = {**settings, "system_prompt": one.get("system_prompt")}
                text = json.dumps(asked, sort_keys=True, ensure_ascii=False)
                return (
                    f"sha256 {hashlib.sha256(text.encode()).hexdigest()[:16]} of prompt and limits"
                )
    return None
