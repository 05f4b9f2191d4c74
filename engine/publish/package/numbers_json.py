"""``eval_report.json``: every number of a package, as the run's records hold it. Derived."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.checks.contents import RunContents
from engine.checks.fingerprint import fingerprint
from engine.checks.verified import Verified
from engine.judge.estimate import Estimate
from engine.judge.gates import Gate
from engine.publish.public_names import public_name
from engine.publish.standing import Standing, standings
from engine.records.evaluation import EvalResult


def eval_report(contents: RunContents, verified: Verified) -> dict[str, Any]:
    """The report as plain JSON. Gates and differences are computed anew; what a record's
    ``passed`` says is not looked at. None is "not recorded"."""
    decision, artifact = contents.decision, contents.artifact
    return {
        "run_id": contents.run_id,
        "made_from": fingerprint(contents),
        "decision": None if decision is None else decision.model_dump(mode="json"),
        "routing_constraint": artifact.routing_constraint if artifact else None,
        "verified": {
            "ok": verified.ok,
            "links": [{"name": one.name, "ok": one.ok, "why": one.why} for one in verified.links],
        },
        "suites": dict(sorted(contents.suite_hashes.items())),
        "records": {name: _record(one) for name, one in sorted(contents.evals.items())},
        "differences": _differences(standings(contents)),
        "gates": [_gate(one) for one in contents.gates],
    }


def _record(record: EvalResult) -> dict[str, Any]:
    plain = record.model_dump(mode="json", exclude={"command", "passed"})
    return {**plain, "model_id": public_name(record.model_id)}


def _differences(found: Sequence[Standing]) -> list[dict[str, Any]]:
    return [
        {
            "suite": one.suite,
            "role": one.role,
            "records": list(one.files),
            "direction": one.direction,
            "before": _estimate(one.before_score),
            "after": _estimate(one.after_score),
            "difference": _estimate(one.difference),
            "p": one.comparison.paired.p if one.comparison and one.comparison.paired else None,
            "fixed": one.flips[0] if one.flips else None,
            "broken": one.flips[1] if one.flips else None,
            "not_comparable": one.mismatch,
        }
        for one in found
    ]


def _estimate(found: Estimate | None) -> dict[str, Any] | None:
    if found is None:
        return None
    interval = None if found.interval is None else list(found.interval)
    return {"value": found.value, "interval": interval, "n": found.n, "method": found.method}


def _gate(gate: Gate) -> dict[str, Any]:
    return {
        "name": gate.name,
        "bound": gate.bound,
        "value": gate.value,
        "interval": None if gate.interval is None else list(gate.interval),
        "verdict": str(gate.verdict),
        "reason": gate.reason,
    }
