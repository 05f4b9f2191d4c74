"""What the record and the artifact of a decision are filled with, from the evidence of the run.

Looks at the disk only for whether the weights are there; writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.checks.contents import RunContents
from engine.judge.gates import Gate, Verdict
from engine.records.base import utc_now
from engine.records.plan import StageKind
from engine.records.run import Artifact, Decision, DecisionKind, Override
from engine.workspace import slugify


@dataclass(frozen=True)
class OverrideRequest:
    """The wish to ship although gates do not pass.

    ``typed_name`` is the run's name as the person typed it. ``why`` goes into the record for each
    gate that the decision has no override of its own for. ``routing_constraint`` says where alone
    the artifact may be used; nothing is shipped over the breadth gate without one.
    """

    typed_name: str
    why: str = ""
    routing_constraint: str | None = None


def evidence_of(contents: RunContents) -> tuple[str, ...]:
    """The records that a decision stands on, by file name."""
    return tuple(sorted([*contents.evals, *(n for n in ("dataset.json",) if n in contents.names)]))


def completed(contents: RunContents, decision: Decision) -> Decision:
    """The decision with its time and, where none was named, the evidence that it stands on."""
    update: dict[str, object] = {}
    if decision.decided is None:
        update["decided"] = utc_now().replace(microsecond=0)
    if not decision.evidence_sources:
        update["evidence_sources"] = list(evidence_of(contents))
    return decision.model_copy(update=update)


def stops(gate: Gate, decision: Decision) -> bool:
    """Whether a gate stands against this decision: a ship that it does not pass, not overridden."""
    named = {override.gate for override in decision.overrides}
    return (
        decision.decision == DecisionKind.SHIP
        and gate.verdict != Verdict.PASS
        and gate.name not in named
    )


def with_overrides(
    contents: RunContents, decision: Decision, override: OverrideRequest
) -> Decision | str:
    """The decision with an override for each gate that does not pass, or why there is none."""
    if override.typed_name.strip() != contents.run_id:
        return (
            f"To ship over a gate, type the run's name: {contents.run_id} "
            f"(typed: {override.typed_name.strip() or 'nothing'})."
        )
    open_gates = [gate for gate in contents.gates if stops(gate, decision)]
    if open_gates and not override.why.strip():
        names = ", ".join(gate.name for gate in open_gates)
        return f"To ship over a gate, say why; it goes into the record. Open: {names}."
    added = [
        Override(gate=gate.name, verdict=gate.verdict.value, why=override.why)
        for gate in open_gates
    ]
    return decision.model_copy(update={"overrides": [*decision.overrides, *added]})


def artifact_for(
    contents: RunContents, run: Path, decision: Decision, override: OverrideRequest | None
) -> Artifact | None:
    """The artifact of a ship: the one that is there, or one made from the config and the plan.

    Where the decision supersedes a ship and is none itself, the artifact is no longer shipped.
    """
    existing, config = contents.artifact, contents.config
    recalled = decision.supersedes is not None and decision.decision != DecisionKind.SHIP
    if recalled and existing is not None and existing.shipped:
        return existing.model_copy(update={"shipped": False})
    if decision.decision != DecisionKind.SHIP or config is None:
        return existing
    constraint = (override.routing_constraint or "").strip() or None if override else None
    if existing is not None:
        constraint = constraint or existing.routing_constraint
    if "artifact.json" in contents.names:
        if existing is None or (existing.shipped and existing.routing_constraint == constraint):
            return existing
        # An artifact that another tool left is shipped by this very decision.
        return existing.model_copy(update={"routing_constraint": constraint, "shipped": True})
    path = _weights(contents, run)
    if path is None:
        return None
    return Artifact(
        artifact_id=contents.run_id,
        kind="adapter" if path == "adapters" else "model",
        path=path,
        base_model=config.base_model.id,
        format=config.candidate.adapter_format or config.candidate.method,
        package_dir=f"specialists/{slugify(config.target)}",
        shipped=True,
        routing_constraint=constraint,
    )


def _weights(contents: RunContents, run: Path) -> str | None:
    """Where the candidate's weights lie, relative to the run; None where there are none."""
    plan = contents.plan
    fused = plan is not None and any(stage.kind == StageKind.FUSE for stage in plan.stages)
    for name in ("fused", "adapters") if fused else ("adapters", "fused"):
        if name in contents.names and (run / name).is_dir():
            return name
    return None
