"""``report.md``: what the records of a run say, for people. Derived, never typed.

The same records give the same bytes, so a report can be made anew at any time.
"""

from __future__ import annotations

from pathlib import Path

from engine.checks.contents import RunContents, load
from engine.folder import write_bytes_atomic
from engine.publish import (
    attempts_section,
    eval_section,
    evidence_section,
    examples_section,
    performance_section,
    review_section,
)
from engine.publish.attempts import NO_ATTEMPTS, Attempts, attempts_at
from engine.publish.markdown import escape, paragraph, table
from engine.publish.numbers import NOT_RECORDED
from engine.publish.standing import standings


def report_of(run: Path, contents: RunContents | None = None) -> str:
    """The report of a run folder as text. OSError where the folder cannot be listed."""
    return render_report(contents or load(run), attempts_at(run))


def write_report(run: Path) -> Path:
    """Make ``report.md`` of the run folder ``run`` anew; returns its path. OSError as it comes."""
    path = run / "report.md"
    write_bytes_atomic(path, report_of(run).encode("utf-8", "replace"))
    return path


def render_report(contents: RunContents, attempts: Attempts = NO_ATTEMPTS) -> str:
    """The whole report as Markdown. Works on any folder: what is missing is said to be."""
    suites = standings(contents)
    routed = " (routed)" if contents.artifact and contents.artifact.routed else ""
    blocks = [
        [f"# {escape(contents.run_id)}{routed}"],
        _decision(contents),
        evidence_section.render(contents, suites),
        _target(contents),
        _data(contents),
        eval_section.render(contents, suites),
        eval_section.render_slices(contents),
        performance_section.render(contents),
        examples_section.render(contents),
        attempts_section.render(attempts),
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
