"""The decision, held against the evidence."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.contents import RunContents
from engine.checks.finding import Finding, error, info, warning
from engine.checks.outside import evidence_file
from engine.judge.gates import BEATS_BASELINE, BREADTH_DROP, Gate, Verdict
from engine.records.run import Decision, DecisionKind

_NOT_SHIP = "Decide something other than ship, or"


def _shipped(contents: RunContents) -> Decision | None:
    decision = contents.decision
    return decision if decision and decision.decision == DecisionKind.SHIP else None


def artifact(contents: RunContents) -> Iterator[Finding]:
    """A ship has an artifact that is shipped; nothing else has one."""
    found, decision = contents.artifact, contents.decision
    if decision is None:
        return
    if decision.decision == DecisionKind.SHIP:
        if "artifact.json" not in contents.names:
            yield error(
                "ship-without-artifact",
                "artifact.json",
                "",
                "The decision is ship, but artifact.json is missing: nothing says what is shipped.",
                f"{_NOT_SHIP} write artifact.json.",
            )
        elif found is not None and not found.shipped:
            yield error(
                "ship-not-shipped",
                "artifact.json",
                "/shipped",
                "The decision is ship, but the artifact is not shipped.",
                f'{_NOT_SHIP} set "shipped" to true.',
            )
    elif found is not None and found.shipped:
        yield error(
            "shipped-without-ship",
            "artifact.json",
            "/shipped",
            f"The artifact is shipped, but the decision is {decision.decision}.",
            'Set "shipped" to false.',
        )


def base_model(contents: RunContents) -> Iterator[Finding]:
    """The artifact stands on the base model that the config names."""
    found, config = contents.artifact, contents.config
    if found is not None and config is not None and found.base_model != config.base_model.id:
        yield error(
            "artifact-base-model",
            "artifact.json",
            "/base_model",
            f"The artifact's base model is {found.base_model}; the run's is "
            f"{config.base_model.id}. An adapter on another base is another model.",
            "Name the base model that the adapter was trained on in both files.",
        )


def weights(contents: RunContents) -> Iterator[Finding]:
    """The artifact's weights are where it says. Weights are big and may well lie elsewhere."""
    found = contents.artifact
    fact = contents.fact(found.path) if found is not None else None
    if found is not None and contents.ours and fact is not None and not fact.exists:
        yield info(
            "artifact-missing",
            "artifact.json",
            "/path",
            f"The weights at {found.path} are not on this machine.",
            "Nothing to do for the evidence; to use the model, copy them there or train again.",
        )


def blockers(contents: RunContents) -> Iterator[Finding]:
    """A ship has no blockers."""
    decision = _shipped(contents)
    if decision is not None and decision.blocked_by:
        yield error(
            "ship-blocked",
            "decision.json",
            "/blocked_by",
            f"The decision is ship, but it is blocked by: {'; '.join(decision.blocked_by)}.",
            f"{_NOT_SHIP} remove the blockers that are dealt with.",
        )


def gates(contents: RunContents) -> Iterator[Finding]:
    """A ship passes every gate, or says which one it was shipped over and why."""
    decision = _shipped(contents)
    if decision is None:
        return
    overridden = {override.gate for override in decision.overrides}
    routed = contents.artifact is not None and contents.artifact.routed
    for gate in contents.gates:
        if gate.verdict == Verdict.PASS:
            continue
        state = "fails" if gate.verdict == Verdict.FAIL else "cannot be decided"
        message = f"The decision is ship, but the gate {gate.name} {state}. {gate.reason}"
        fix = f"{_NOT_SHIP} name the gate, its verdict and why under overrides."
        make = error
        if gate.name in overridden:
            make, message = info, f"Shipped over the gate {gate.name}, which {state}. {gate.reason}"
            fix = "Nothing to do: decision.json says why."
        elif not contents.ours and (_never_tested(gate) or (gate.name == BREADTH_DROP and routed)):
            # Other tools have no overrides, and the documented files no rows and no counts; a
            # routing constraint owns up to what was forgotten. A decision made here is stricter.
            make = warning
        yield make("ship-gate", "decision.json", "/decision", message, fix)


def _never_tested(gate: Gate) -> bool:
    """Is it the gain whose noise nobody could test, for want of rows and counts?"""
    untested = gate.value is not None and gate.interval is None
    return gate.name == BEATS_BASELINE and gate.verdict is Verdict.UNDECIDED and untested


def overrides(contents: RunContents) -> Iterator[Finding]:
    """An override names a gate that there is and that did not pass."""
    decision = contents.decision
    if decision is None or not contents.gates:
        return
    known = {gate.name: gate for gate in contents.gates}
    for index, override in enumerate(decision.overrides):
        gate = known.get(override.gate)
        if gate is None:
            what = f"there is no gate {override.gate}; there are {', '.join(known)}"
        elif gate.verdict == Verdict.PASS:
            what = f"the gate {override.gate} passes and needs no override"
        elif gate.verdict != override.verdict:
            what = f"it says {override.verdict} where the gate {override.gate} is {gate.verdict}"
        else:
            continue
        yield warning(
            "override-unknown",
            "decision.json",
            f"/overrides/{index}",
            f"The override is not right: {what}.",
            "Mend or remove it.",
        )


def routing(contents: RunContents) -> Iterator[Finding]:
    """What forgot too much, or nobody knows how much, is shipped only where a constraint says."""
    decision, found = _shipped(contents), contents.artifact
    if decision is None or found is None or not found.shipped or found.routed:
        return
    if any(override.gate == BREADTH_DROP for override in decision.overrides):
        make = error if contents.ours else warning
        yield make(
            "override-unrouted",
            "artifact.json",
            "/routing_constraint",
            "It is shipped over the breadth gate, but nothing says where alone it may be used.",
            "Write a routing_constraint of one sentence: factory-tui decide … --routing '…', or "
            "the field routing in Decide.",
        )


def evidence(contents: RunContents) -> Iterator[Finding]:
    """Evidence that is named as a file is there."""
    decision = contents.decision
    for index, entry in enumerate(decision.evidence_sources if decision else []):
        name = evidence_file(entry)
        fact = contents.fact(name) if name else None
        if fact is not None and not fact.exists:
            yield error(
                "evidence-missing",
                "decision.json",
                f"/evidence_sources/{index}",
                f"The evidence {entry} is not there.",
                f"Put {name} into the run folder, or name what is there.",
            )


def lesson(contents: RunContents) -> Iterator[Finding]:
    """A run that was not shipped says why it failed and what was learnt."""
    decision = contents.decision
    if decision is None or decision.decision == DecisionKind.SHIP:
        return
    make = error if contents.ours else warning
    for key, what in (("failure_reason", "why it failed"), ("lesson", "what was learnt")):
        if not (getattr(decision, key) or "").strip():
            yield make(
                f"{key.replace('_', '-')}-missing",
                "decision.json",
                f"/{key}",
                f"The decision is {decision.decision}, but nothing says {what}.",
                f"Write a {key} of one sentence: it is what the next run starts from.",
            )


def superseded(contents: RunContents) -> Iterator[Finding]:
    """Each earlier decision is kept as it was when a newer one took its place."""
    file, decision = "decision.json", contents.decision
    seen = set()
    while decision is not None and decision.supersedes is not None:
        name = decision.supersedes.file
        document = contents.document(name)
        if name in seen:
            what, fix = f"and with it goes round in a circle to {name}", "Name the right one."
        elif not document.exists:
            what, fix = f"{name}, which is not there", f"Restore {name} from a copy."
        elif document.sha256 != decision.supersedes.sha256:
            what = f"{name}, which changed since"
            fix = f"Restore {name} from a copy; a decision that was made is never edited."
        else:
            seen.add(name)
            file, decision = name, contents.record(name, Decision)
            continue
        yield error("superseded-decision", file, "/supersedes", f"{file} supersedes {what}.", fix)
        return
