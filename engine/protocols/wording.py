"""A protocol in plain words, for whoever is asked to have its commands run."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.protocol.around import commands_of
from engine.records.protocol import Metric, Protocol


def in_words(protocol: Protocol) -> Iterator[str]:
    """Lines that say what is run, what may change, what must not, how long, and what counts."""
    meta, execution, surface = protocol.meta, protocol.execution, protocol.mutable_surface
    yield f"{meta.repo.owner}/{meta.repo.name}: {meta.purpose_statement}"
    yield ""
    yield "It runs on this machine, as you:"
    for pointer, command in commands_of(protocol):
        once = "each try" if pointer == "/execution/command" else "once"
        yield f"  {command}  ({once})"
    for asset in protocol.environment.asset_prep:
        yield f"  It needs: {asset}"
    yield ""
    yield f"A try may change: {', '.join(surface.allowed_globs)}"
    yield f"It may not change: {', '.join(surface.forbidden_globs) or 'nothing more is named'}"
    yield f"What measures: {', '.join(protocol.immutable_harness.paths) or 'not named'}"
    if protocol.immutable_harness.rationale:
        yield f"  {protocol.immutable_harness.rationale}"
    if protocol.environment.constraints.no_new_dependencies:
        yield "New dependencies are not allowed."
    budget = execution.stop_condition.training_seconds_budget
    compiling = ", compilation not counted" * (
        execution.stop_condition.exclude_compilation_from_budget
    )
    yield (
        f"A try trains for {budget:g} s{compiling}, and is stopped after "
        f"{execution.hard_timeout_seconds:g} s."
    )
    yield ""
    yield f"What counts: {_metric(protocol.measurement.primary_metric)}"
    for metric in protocol.measurement.secondary_metrics:
        yield f"Also recorded: {_metric(metric)}"
    yield (
        f"Results go to {protocol.provenance.results_log.path}, on a branch "
        f"{protocol.provenance.git_workflow.branch_pattern}…"
    )


def _metric(metric: Metric) -> str:
    better = "smaller" if metric.direction == "minimize" else "larger"
    return f"{metric.name}, {better} is better, read by {metric.extract.pattern}"
