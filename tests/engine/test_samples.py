"""The sample runs have the honest verdicts: a ship, a reject for breadth, a gain within noise."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from engine.checks.contents import RunContents, load
from engine.checks.fingerprint import fingerprint
from engine.checks.verified import verify
from engine.judge.gate import BEATS_BASELINE, BREADTH_DROP, PRIMARY_MIN
from engine.records.run import DecisionKind
from engine.samples import samples_dir

RUNS = sorted((samples_dir() / "runs").iterdir())


def sample(decision: DecisionKind) -> RunContents:
    (found,) = (
        one for one in map(load, RUNS) if one.decision and one.decision.decision == decision
    )
    return found


def verdicts(contents: RunContents) -> dict[str, str]:
    return {gate.name: str(gate.verdict) for gate in contents.gates}


def test_a_clear_ship() -> None:
    found = sample(DecisionKind.SHIP)
    assert set(verdicts(found).values()) == {"pass"}
    assert found.decision is not None and found.decision.overrides == []
    assert found.artifact is not None and found.artifact.routing_constraint is None


def test_a_reject_for_breadth_alone() -> None:
    said = verdicts(sample(DecisionKind.REJECT))
    assert said.pop(BREADTH_DROP) == "fail"
    assert set(said.values()) == {"pass"}


def test_a_gain_within_the_noise() -> None:
    found = sample(DecisionKind.PARK)
    said = verdicts(found)
    assert (said[BEATS_BASELINE], said[PRIMARY_MIN]) == ("undecided", "fail")
    (gate,) = (one for one in found.gates if one.name == BEATS_BASELINE)
    assert "within the noise" in gate.reason
    assert gate.value is not None and gate.value > 0


@pytest.mark.parametrize("run", RUNS, ids=lambda path: path.name)
def test_each_is_verified_the_loser_as_well(run: Path) -> None:
    found = verify(load(run))
    assert found.ok, [link for link in found.links if not link.ok]


def test_a_field_with_its_default_says_nothing(tmp_path: Path) -> None:
    """Else every report would look older once a later version of the program knows a new field."""
    run = tmp_path / RUNS[0].name
    shutil.copytree(RUNS[0], run)
    before = fingerprint(load(run))
    plan = json.loads((run / "plan.json").read_text("utf-8"))
    for stage in plan["stages"]:
        assert stage.pop("stop_on_nan") is True
    (run / "plan.json").write_text(json.dumps(plan), "utf-8")
    assert fingerprint(load(run)) == before
    plan["stages"][0]["stop_on_nan"] = False
    (run / "plan.json").write_text(json.dumps(plan), "utf-8")
    assert fingerprint(load(run)) != before
