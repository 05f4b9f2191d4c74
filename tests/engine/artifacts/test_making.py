"""From a decided run to an artifact: its numbers point at the run, and blanks are found."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.artifacts.checking import Checked, check_entry
from engine.artifacts.making import NotDecided, artifact_of
from engine.artifacts.registry import entry_of, find_artifact, write_new
from engine.artifacts.skeleton import skeleton
from engine.artifacts.writing import as_yaml
from engine.checks.public.entry import Entry
from engine.records.public import ArtifactState, Comparable, Outcome, PublicArtifact
from engine.samples import samples_dir
from engine.workspace import Workspace
from tests.engine import folders
from tests.engine.artifacts.world import REJECTED, check_text

FILLED = {
    "public_value: ''": "public_value: Shows a narrow specialist.",
    "licence: ''": "licence: Apache-2.0",
    "    provenance: Rows": "    licence: CC0-1.0\n    provenance: Rows",
}


def made(place: Workspace, run: str = folders.RUN_ID) -> PublicArtifact:
    return artifact_of(place, place.run_path(run))


def checked(place: Workspace, artifact: PublicArtifact, filled: bool = True) -> Checked:
    text = as_yaml(artifact)
    for old, new in FILLED.items() if filled else ():
        text = text.replace(old, new)
    return check_text(place, text, artifact.id)


def test_what_is_made_holds_but_for_what_a_person_must_say(place: Workspace) -> None:
    artifact = made(place)
    assert (artifact.state, artifact.outcome) == (
        ArtifactState.RELEASE_READY_METADATA,
        Outcome.ROUTED,
    )
    assert artifact.routing == "Sentences that ask for one command."
    assert artifact.package == "specialists/router"
    found = checked(place, artifact, filled=False).findings
    assert [(one.rule, one.pointer) for one in found] == [
        ("part-missing", "/blockers"),
        ("part-missing", "/public_value"),
        ("data-licence", "/data/0/licence"),
        ("part-missing", "/licence"),
    ]
    assert {one.rule for one in checked(place, artifact).findings} == {"part-missing"}


def test_its_text_is_read_as_it_was_made(place: Workspace) -> None:
    artifact = made(place)
    again = entry_of(
        Entry(Path("router.yaml"), "artifacts/router.yaml"), as_yaml(artifact).encode()
    )
    assert again.artifact is not None
    assert again.artifact.model_dump() | {"licence": None} == artifact.model_dump()


def test_its_numbers_point_at_the_run_and_fall_with_it(own: Workspace) -> None:
    artifact = made(own)
    score = f"runs/{folders.RUN_ID}/eval-candidate.json#/score"
    assert artifact.headline is not None and artifact.headline.record == score
    (row,) = artifact.competition
    assert row.comparable is Comparable.DIRECT and row.p == 1.86e-09
    assert row.setup is not None and row.setup.suite_sha256 and row.setup.prompt
    assert row.readout is not None and row.readout.startswith("Better: +75.0 pp")
    assert [one.run for one in artifact.rejected] == [REJECTED]
    assert artifact.limits == ["router-breadth, a skill that it had, went from 0.975 to 0.950."]
    folders.put(own.runs_dir / folders.RUN_ID / "eval-candidate.json", "/score", 0.5)
    rules = {one.rule for one in checked(own, artifact).findings}
    assert rules >= {"number-differs", "direct-p"}


@pytest.mark.parametrize(
    ("decision", "state", "outcome"),
    [
        ({"decision": "ship"}, "candidate-current-best", "routed"),
        ({"decision": "reject"}, "report-only", "rejected"),
        ({"decision": "park"}, "parked", "undecided"),
        ({"decision": "retry-data", "blocked_by": ["No rows of rain."]}, "blocked", "undecided"),
        ({"decision": "retry-eval"}, "report-only", "undecided"),
    ],
    ids=["ship", "reject", "park", "blocked", "retry"],
)
def test_the_state_follows_from_the_decision(
    own: Workspace, decision: dict[str, Any], state: str, outcome: str
) -> None:
    shutil.rmtree(own.specialists_dir)
    run = own.runs_dir / folders.RUN_ID
    folders.write_json(run / "decision.json", {"reason": "So.", "next_action": "Go on."} | decision)
    artifact = made(own)
    assert (artifact.state.value, artifact.outcome.value) == (state, outcome)
    found = {one.rule for one in checked(own, artifact).findings}
    assert found <= {"part-missing"}, found
    if decision.get("blocked_by"):
        assert artifact.blockers[0].blocker == "No rows of rain."
        assert artifact.blockers[0].unblock == "Go on."
    if decision["decision"] == "ship":
        assert [one.blocker for one in artifact.blockers] == ["No package"]


def test_a_gate_that_fails_is_a_blocker_and_noise_is_called_so(own: Workspace) -> None:
    shutil.rmtree(own.runs_dir / folders.RUN_ID)
    run = folders.make_run(own.path, right=(20, 22), phase="decided")
    folders.write_json(run / "decision.json", {"decision": "reject", "reason": "Too little."})
    artifact = made(own)
    assert any(one.blocker.startswith("Gate primary score: fail") for one in artifact.blockers)
    (row,) = artifact.competition
    assert row.readout is not None and row.readout.startswith("Within the noise: +5.0 pp")
    assert {one.rule for one in checked(own, artifact).findings} <= {"part-missing"}


def test_a_run_that_is_not_decided_or_says_nothing_is_refused(own: Workspace) -> None:
    run = own.runs_dir / REJECTED
    (run / "config.json").write_text("{")
    with pytest.raises(NotDecided, match="that can be read"):
        artifact_of(own, run)
    (run / "decision.json").unlink()
    with pytest.raises(NotDecided, match="factory-tui decide"):
        artifact_of(own, run)


def test_a_folder_of_another_tool_gives_one_too(tmp_path: Path) -> None:
    run = folders.make_foreign(tmp_path)
    folders.write_json(run / "decision.json", {"decision": "reject", "reason": "No gain."})
    place = Workspace(tmp_path)
    artifact = artifact_of(place, run)
    assert artifact.outcome is Outcome.REJECTED
    assert not any(one.comparable is Comparable.DIRECT for one in artifact.competition)
    rules = {one.rule for one in checked(place, artifact).findings}
    assert rules <= {"part-missing", "data-licence", "number-uncounted"}, rules


def test_every_decided_sample_gives_one(tmp_path: Path) -> None:
    place = Workspace(samples_dir())
    for run in place.run_paths():
        artifact = artifact_of(place, run)
        found = checked(place, artifact).findings
        assert {one.rule for one in found} <= {"part-missing", "data-licence"}, run.name


def test_an_empty_form_is_an_artifact_that_lacks_its_parts(own: Workspace) -> None:
    write_new(own, "fresh", skeleton("fresh"))
    entry = find_artifact(own, "fresh")
    assert entry.problem is None
    assert {one.rule for one in check_entry(own, entry).findings} == {"part-missing"}
