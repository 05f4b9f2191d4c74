"""``model_card.md`` of a package: for what it is, for what not, and what was measured. Pure.

Derived, never typed: the same records give the same bytes. Where it alone may be used, and where
its numbers cannot be traced, stands above everything else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from engine.judge.gates import BREADTH_DROP, Verdict
from engine.publish import sureness
from engine.publish.eval_section import render as eval_section
from engine.publish.markdown import escape, paragraph, table
from engine.publish.missing import missing
from engine.publish.model_card import method_of
from engine.publish.numbers import NOT_RECORDED, score
from engine.publish.package.gathered import Gathered
from engine.publish.performance import costs, samples
from engine.publish.slices import slices
from engine.publish.standing import Standing, standings
from engine.records.package import SpecialistLock

WEAK_SLICE = 0.8
"""A slice below this share of right answers is named among the limits."""


def model_card(gathered: Gathered, lock: SpecialistLock) -> str:
    """The text of ``model_card.md``, with the header that the hub reads."""
    suites = standings(gathered.contents)
    blocks = (
        _header(gathered, lock),
        _above_all(gathered, lock),
        _uses(gathered, suites),
        _base(lock),
        _method(gathered),
        _results(gathered, suites),
        _regression(suites),
        _performance(gathered),
        _limits(gathered, suites),
        _routing(gathered),
        _where(lock),
    )
    return "\n".join("\n".join([*block, ""]) for block in blocks)


def _header(gathered: Gathered, lock: SpecialistLock) -> Iterator[str]:
    base, kind = lock.base, "lora" if lock.weights.kind == "adapter" else "fused"
    yield "---"
    if "/" in base.id and base.path is None and gathered.base and gathered.base.origin == "hub":
        yield f"base_model: {json.dumps(base.id)}"
    yield from ("library_name: mlx", "pipeline_tag: text-generation", "tags:")
    yield from ("- mlx", f"- {kind}", "---", "", f"# {escape(lock.id)}")


def _above_all(gathered: Gathered, lock: SpecialistLock) -> Iterator[str]:
    if lock.routing_constraint:
        yield from (f"**Routed. Use it only here:** {paragraph(lock.routing_constraint)}", "")
    found = gathered.verified
    if found.ok:
        yield f"{paragraph(found.sentence)}"
    else:
        yield f"**{paragraph(found.sentence)}** What cannot be traced:"
        yield ""
        yield from (f"- {paragraph(one)}" for one in found.reasons)
    overrides = gathered.decision.overrides
    if overrides:
        yield ""
    for one in overrides:
        yield (
            f"**Shipped over the gate {escape(one.gate)} ({escape(one.verdict)}):** "
            f"{paragraph(one.why)}"
        )


def _uses(gathered: Gathered, suites: list[Standing]) -> Iterator[str]:
    config, constraint = gathered.config, gathered.artifact.routing_constraint
    yield from ("## For what", "", paragraph(config.owner_goal), "")
    yield from ("## Not for what", "")
    judged = ", ".join(escape(one.suite) for one in suites if one.after is not None)
    if constraint:
        yield f"- Anything outside of: {paragraph(constraint)}"
    yield f"- What it was not judged on. It was judged on {judged or NOT_RECORDED}."
    regression = [one for one in suites if one.role == "regression" and one.after is not None]
    if not regression:
        yield "- General use: what it forgot of the base model's skills was not measured."
    for one in regression:
        if one.told is not None and one.told.told.value == "worse":
            yield f"- What {escape(one.suite)} asks for: the base model is better at it."


def _base(lock: SpecialistLock) -> Iterator[str]:
    base = lock.base
    yield from ("## Base", "")
    yield from table(
        ("", "value"),
        [
            ("model", escape(base.id)),
            ("revision", escape(base.revision or NOT_RECORDED)),
            ("architecture", escape(base.architecture or NOT_RECORDED)),
            ("precision", escape(base.precision or NOT_RECORDED)),
            ("stored as", escape(base.quantisation or NOT_RECORDED)),
        ],
    )


def _method(gathered: Gathered) -> Iterator[str]:
    config, contents = gathered.config, gathered.contents
    settings = method_of(config.model_dump(mode="json"))
    rows = contents.dataset.counts.train_rows if contents.dataset else 0
    yield from ("## Method", "")
    yield from table(
        ("setting", "value"),
        [
            ("method", escape(config.candidate.method)),
            *((escape(name), escape(value)) for name, value in settings.items()),
            ("training rows", f"{rows:,}" if rows else NOT_RECORDED),
            ("run", escape(contents.run_id)),
        ],
    )


def _results(gathered: Gathered, suites: list[Standing]) -> Iterator[str]:
    section = eval_section(gathered.contents, [one for one in suites if one.role == "primary"])
    yield from ("## Results", *section[1:])


def _regression(suites: list[Standing]) -> Iterator[str]:
    yield from ("## Regression", "")
    found = [one for one in suites if one.role == "regression"]
    if not found:
        yield "Not measured: what it forgot is not known."
        return
    rows = []
    for one in found:
        cells = [
            score(record.score if record else None) + _ends(estimate)
            for record, estimate in (
                (one.before, one.before_score),
                (one.after, one.after_score),
            )
        ]
        told = one.mismatch or (one.told.sentence if one.told else NOT_RECORDED)
        rows.append((escape(one.suite), *cells, paragraph(told)))
    yield from table(("suite", "before", "after (95 % interval)", "what that is worth"), rows)


def _ends(found: object) -> str:
    interval = getattr(found, "interval", None)
    return "" if interval is None else f" ({interval[0]:.3f} to {interval[1]:.3f})"


def _performance(gathered: Gathered) -> Iterator[str]:
    contents = gathered.contents
    yield from ("## Performance", "")
    rows = [(one.name, one.baseline, one.candidate) for one in costs(contents)]
    yield from table(("", "Base", "Specialist"), rows, numbers=2)
    machine = contents.provenance.machine if contents.provenance else None
    named = " ".join(filter(None, (machine.chip, machine.accelerator))) if machine else ""
    yield from ("", f"Machine: {escape(named) or NOT_RECORDED}.")
    yield from (f"\n{paragraph(one)}" for one in samples(contents))


def _limits(gathered: Gathered, suites: list[Standing]) -> Iterator[str]:
    contents, decision = gathered.contents, gathered.decision
    yield from ("## Limits", "")
    found = [
        f"{gate.title}: {gate.reason}"
        for gate in contents.gates
        if gate.verdict is not Verdict.PASS
    ]
    found += [
        f"Weak on {one.name}: {score(one.after)} of {one.n if one.n is not None else NOT_RECORDED} "
        "examples."
        for one in slices(contents)
        if suites[0].share and suites[0].direction == "higher"
        if one.after is not None and one.after < WEAK_SLICE
    ]
    found += [
        f"{one.topic}: {one.text}"
        for one in sureness.notes(contents, suites)
        if one.tone in ("open", "bad")
    ]
    found += [f"{one.what}: {one.why}" for one in missing(contents, suites)]
    found += [f"Blocked by: {one}" for one in decision.blocked_by]
    yield from (f"- {paragraph(one)}" for one in dict.fromkeys(found))
    if not found:
        yield "None beyond those of the suites that it was judged on."
    if decision.next_action:
        yield from ("", f"Next: {paragraph(decision.next_action)}")


def _routing(gathered: Gathered) -> Iterator[str]:
    constraint = gathered.artifact.routing_constraint
    gates = {gate.name: gate.verdict for gate in gathered.contents.gates}
    yield from ("## Routing", "")
    if constraint:
        yield f"Send it only this: {paragraph(constraint)} Everything else goes to the base model."
    elif gates.get(BREADTH_DROP) is Verdict.PASS:
        yield "No routing constraint was set: what it forgot is within the bound."
    else:
        yield "No routing constraint was set, and nothing bounds what it may have forgotten."


def _where(lock: SpecialistLock) -> Iterator[str]:
    weights = lock.weights
    yield from ("## Weights", "")
    place = escape(weights.path) if weights.path else "not in this workspace"
    size = NOT_RECORDED if weights.bytes is None else f"{weights.bytes:,} bytes"
    yield f"{escape(weights.kind)} ({escape(weights.format)}), {size}: {place}."
    yield ""
    if not weights.files:
        yield from (
            "No hash of them is recorded: whether they are those that were judged is not known.",
            "",
        )
    elif not weights.noted:
        yield from (
            "Their hashes were taken when they were packaged; none was noted when training ended.",
            "",
        )
    yield "`specialist.lock.json` has every hash, `prompt.md` says how it is asked,"
    yield "`eval_report.json` has all numbers, `report.md` the story of the run."
