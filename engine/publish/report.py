"""``report.md``: what the records of a run say, for people. Derived, never typed.

The same records give the same bytes, so a report can be made anew at any time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from engine.checks.contents import RunContents, load
from engine.folder import write_bytes_atomic
from engine.judge.gates import BASELINE, CANDIDATE
from engine.publish import eval_section, examples_section, review_section
from engine.publish.markdown import escape, paragraph, table
from engine.publish.numbers import NOT_RECORDED, amount, delta, duration, mebibytes
from engine.records.evaluation import EvalResult
from engine.records.plan import StageKind


def write_report(run: Path) -> Path:
    """Make ``report.md`` of the run folder ``run`` anew; returns its path. OSError as it comes."""
    path = run / "report.md"
    write_bytes_atomic(path, render_report(load(run)).encode("utf-8", "replace"))
    return path


def render_report(contents: RunContents) -> str:
    """The whole report as Markdown. Works on any folder: what is missing is said to be."""
    blocks = [
        [f"# {escape(contents.run_id)}"],
        _decision(contents),
        _evidence(contents),
        _target(contents),
        _data(contents),
        eval_section.render(contents),
        eval_section.slices(contents),
        _performance(contents),
        examples_section.render(contents),
        review_section.render(contents),
        _next(contents),
    ]
    return "\n".join("\n".join([*block, ""]) for block in blocks if block)


def _said(text: str | None) -> str:
    return paragraph(text) if text and text.strip() else NOT_RECORDED


def _decision(contents: RunContents) -> list[str]:
    decision = contents.decision
    if decision is None:
        why = "cannot be read" if "decision.json" in contents.names else "not decided yet"
        return ["## Decision", "", f"{why.capitalize()}."]
    lines = ["## Decision", "", f"**{decision.decision}**: {_said(decision.reason)}", ""]
    if decision.decided is not None:
        lines.append(f"- Decided: {decision.decided:%Y-%m-%d %H:%M} UTC")
    if contents.artifact is not None:
        artifact = contents.artifact
        shipped = "shipped" if artifact.shipped else "not shipped"
        where = f"{escape(artifact.artifact_id)} ({escape(artifact.kind)}), {escape(artifact.path)}"
        lines.append(f"- Artifact: {where}, {shipped}")
        if artifact.routing_constraint:
            lines.append(f"- Routing constraint: {_said(artifact.routing_constraint)}")
    for override in decision.overrides:
        lines.append(
            f"- Shipped over the gate {escape(override.gate)} ({escape(override.verdict)}): "
            f"{_said(override.why)}"
        )
    lines += [f"- Blocked by: {_said(blocker)}" for blocker in decision.blocked_by]
    for file, earlier in contents.superseded:
        when = f" of {earlier.decided:%Y-%m-%d %H:%M} UTC" if earlier.decided else ""
        lines.append(
            f"- Supersedes {escape(file)}, {earlier.decision}{when}: {_said(earlier.reason)}"
        )
    return lines


# --- evidence --------------------------------------------------------------------------


def _evidence(contents: RunContents) -> list[str]:
    lines = ["## Evidence / Exactness", ""]
    names = sorted({BASELINE, CANDIDATE, *contents.evals, *_named_evals(contents)})
    rows = [_evidence_row(contents, name) for name in names]
    lines += table(["Record", "State", "Suite", "Examples", "Measured"], rows)
    decision = contents.decision
    if decision is not None and decision.failure_reason:
        sure = decision.failure_reason_confidence
        lines += ["", f"The failure reason is {sure or 'of unrecorded certainty'}."]
    if decision is not None and decision.evidence_sources:
        lines += ["", "Evidence that the decision names:", ""]
        lines += [f"- {_said(entry)}" for entry in decision.evidence_sources]
    lines += [
        "",
        "Scores are measured; deltas, intervals (95 %) and verdicts are derived from them here.",
    ]
    notes = [
        f"- {escape(name)}: {_said(note)}"
        for name, record in sorted(contents.evals.items())
        for note in _notes(record)
    ]
    return lines + (["", *notes] if notes else [])


def _named_evals(contents: RunContents) -> list[str]:
    return [name for name in contents.documents if name.startswith("eval-")]


def _notes(record: EvalResult) -> list[str]:
    notes = [record.notes] if isinstance(record.notes, str) else record.notes or []
    return [note for note in notes if note.strip()]


def _evidence_row(contents: RunContents, name: str) -> list[str]:
    record = contents.evals.get(name)
    if record is None:
        state = "cannot be read" if name in contents.names else "missing"
        return [escape(name), state, NOT_RECORDED, NOT_RECORDED, NOT_RECORDED]
    suite = escape(record.suite)
    if record.suite_sha256:
        suite += f", sha256 {record.suite_sha256[:12]}"
    examples = NOT_RECORDED if record.n is None else str(record.n)
    when = _moment(record.date)
    state = "measured, with rows" if contents.rows.get(name) else "measured"
    return [escape(name), state, suite, examples, when]


def _moment(date: datetime | str) -> str:
    """A time in UTC to the minute; a day, or whatever another tool wrote, as it stands."""
    moment = date
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment) if "T" in moment else moment
        except ValueError:
            return escape(str(date))
    if isinstance(moment, str):
        return escape(moment)
    try:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:  # before year 1 or after 9999
        return escape(str(date))
    return f"{moment:%Y-%m-%d %H:%M} UTC"


# --- target and data -------------------------------------------------------------------


def _target(contents: RunContents) -> list[str]:
    config = contents.config
    if config is None:
        return ["## Target", "", "config.json is missing or cannot be read."]
    base, candidate = config.base_model, config.candidate
    exactly = ", ".join(escape(part) for part in (base.revision, base.precision) if part)
    lines = [
        "## Target",
        "",
        f"{escape(config.target)}: {_said(config.owner_goal)}",
        "",
        f"- Base model: {escape(base.id)}" + (f" ({exactly})" if exactly else ""),
        f"- Candidate: {escape(candidate.method)}, "
        f"adapter format {_said(candidate.adapter_format)}",
        f"- Command: {_said(candidate.training_command)}",
        f"- Seed: {NOT_RECORDED if config.seed is None else config.seed}",
    ]
    if config.parent_run_id:
        lines.append(f"- Parent run: {escape(config.parent_run_id)}")
    return lines


def _data(contents: RunContents) -> list[str]:
    dataset = contents.dataset
    if dataset is None:
        return ["## Data", "", "dataset.json is missing or cannot be read."]
    rows = [
        [
            escape(source.kind),
            escape(source.path),
            source.sha256[:12] if source.sha256 else NOT_RECORDED,
            NOT_RECORDED if source.rows is None else f"{source.rows:,}",
        ]
        for source in dataset.sources
    ]
    numbers = (
        ("Training rows", dataset.counts.train_rows),
        ("Held-out rows", dataset.counts.heldout_rows),
        ("Dropped rows", dataset.counts.dropped_rows),
    )
    # A data set without a row is none: three zeros mean that nobody counted.
    counted = any(value for _, value in numbers)
    counts = [f"- {name}: {f'{value:,}' if counted else NOT_RECORDED}" for name, value in numbers]
    return [
        "## Data",
        "",
        escape(dataset.dataset_id),
        "",
        *counts,
        "",
        *table(["Source", "Path", "SHA-256", "Rows"], rows, numbers=1),
    ]


# --- performance -----------------------------------------------------------------------


def _performance(contents: RunContents) -> list[str]:
    before, after = contents.evals.get(BASELINE), contents.evals.get(CANDIDATE)
    rows = []
    for name, key, unit, decimals in (
        ("Latency of an answer", "latency_ms", "ms", 0),
        ("Generated tokens a second", "tokens_per_second", "tok/s", 0),
        ("Peak memory of the process", "peak_rss_mb", "MB", 0),
        ("Peak memory of MLX", "mlx_peak_mb", "MB", 0),
    ):
        values = [getattr(record, key) if record else None for record in (before, after)]
        change = delta(values[0], values[1], decimals, f" {unit}")
        rows.append([name, *(amount(value, unit, decimals) for value in values), change])
    lines = ["## Performance", "", *table(["", "Baseline", "Candidate", "Delta"], rows, numbers=3)]
    status = contents.status
    if status is None or not status.stages:
        return lines
    stages = []
    planned = contents.plan.stages if contents.plan else []
    reports = {stage.name for stage in planned if stage.kind == StageKind.REPORT}
    for name, stage in status.stages.items():
        if name in reports:
            # The report stage runs while this is written: its own numbers would never be right.
            continue
        began, ended = stage.started, stage.ended
        seconds = (ended - began).total_seconds() if began and ended else None
        stages.append(
            [
                escape(name),
                str(stage.state),
                duration(seconds),
                mebibytes(stage.peak_tree_rss_bytes),
                mebibytes(stage.peak_process_rss_bytes),
                mebibytes(stage.peak_mlx_bytes),
            ]
        )
    header = ["Stage", "State", "Time", "Process tree, sampled", "Largest process", "MLX"]
    return [
        *lines,
        "",
        "Peak memory and time of the stages:",
        "",
        *table(header, stages, numbers=4),
    ]


# --- what comes next -------------------------------------------------------------------


def _next(contents: RunContents) -> list[str]:
    decision = contents.decision
    if decision is None:
        return ["## Fixes/Next Action", "", f"{NOT_RECORDED.capitalize()}."]
    return [
        "## Fixes/Next Action",
        "",
        f"- Failure reason: {_said(decision.failure_reason)}",
        f"- Lesson: {_said(decision.lesson)}",
        f"- Next action: {_said(decision.next_action)}",
    ]
