"""A decision is written once, with its reasons, or refused with all of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine import checks
from engine.catalogue.summary import summarise
from engine.checks.finding import Severity
from engine.cli.showing import describe
from engine.decisions import deciding
from engine.decisions.deciding import OverrideRequest, Refused, decide, draft
from engine.folder import FolderError
from engine.live.tail import EventTail
from engine.records.run import Decision
from tests.engine import folders
from tests.engine.folders import put, read_json


def ship(**more: Any) -> Decision:
    return Decision.model_validate({"decision": "ship", "reason": "Every gate passes."} | more)


def reject(**more: Any) -> Decision:
    return Decision.model_validate(folders.REJECT | more)


def files(run: Path) -> dict[str, bytes]:
    return {str(p.relative_to(run)): p.read_bytes() for p in run.rglob("*") if p.is_file()}


def refused(run: Path, decision: Decision, override: OverrideRequest | None = None) -> Refused:
    """The refusal, which must have written nothing."""
    before = files(run)
    outcome = decide(run, decision, override)
    assert isinstance(outcome, Refused), outcome
    assert files(run) == before
    return outcome


def kinds(run: Path) -> list[str]:
    return [event["kind"] for event in EventTail(run / "events.jsonl").read_all()]


# --- ship ---------------------------------------------------------------------------------------


def test_a_ship_writes_everything_that_follows_from_it(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    assert draft(run).ship_refusals == ()
    outcome = decide(run, ship())
    assert isinstance(outcome, Decision)
    written = read_json(run / "decision.json")
    assert written["decision"] == "ship" and written["decided"] is not None
    assert "eval-candidate.json" in written["evidence_sources"] and written["overrides"] == []
    artifact = read_json(run / "artifact.json")
    assert (artifact["shipped"], artifact["path"]) == (True, "adapters")
    assert (artifact["base_model"], artifact["routing_constraint"]) == (folders.BASE, None)
    status = read_json(run / "run-status.json")
    assert (status["phase"], status["revision"]) == ("decided", 8)
    assert kinds(run)[-2:] == ["phase", "decided"]
    assert "**ship**" in (run / "report.md").read_text("utf-8")
    assert checks.check_folder(run) == []


def test_a_ship_is_refused_with_every_reason(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path, right=(20, 22), breadth=(39, 10))
    put(run / "dataset.json", "/counts/heldout_rows", 0)
    outcome = refused(run, ship(blocked_by=["no licence"]))
    assert [gate.name for gate in outcome.gates] == [
        "primary_min",
        "beats_baseline",
        "breadth_drop_max_pp",
    ]
    text = " ".join(outcome.reasons)
    for words in ("primary_min fails", "within the noise", "a drop of 72.5 pp", "no licence"):
        assert words in text
    assert "No rows were held out" in text and len(outcome.reasons) == 5
    assert not outcome.can_override
    assert len(draft(run).ship_refusals) == 4 and not draft(run).can_override


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda run: (run / "eval-candidate.json").unlink(), "eval-candidate.json is missing"),
        (lambda run: (run / "config.json").write_text("{", "utf-8"), "config.json is cut off"),
        (lambda run: put(run / "config.json", "/eval/threshold/primary_min", 0.1), "was 0.9"),
        (
            lambda run: (run / "data" / "train.jsonl").write_bytes(
                (run.parent.parent / "targets/router/dataset/gold.jsonl").read_bytes()
            ),
            "stand in the training rows",
        ),
        (lambda run: put(run / "eval-candidate.json", "/score", 1.0), "its rows give 0.9500"),
        (
            lambda run: (
                (run / "adapters" / "adapters.safetensors").unlink() or (run / "adapters").rmdir()
            ),
            "artifact.json is missing",
        ),
        (lambda run: put(run / "run-status.json", "/phase", "failed"), "ended as failed"),
    ],
)
def test_a_ship_needs_sound_evidence(tmp_path: Path, change: Any, words: str) -> None:
    run = folders.make_run(tmp_path)
    change(run)
    assert any(words in reason for reason in refused(run, ship()).reasons)
    # No gate lifts this: typing the name does not help.
    request = OverrideRequest(run.name, "all the same")
    assert any(words in reason for reason in refused(run, ship(), request).reasons)


def test_evidence_that_is_not_there_is_refused_for_any_decision(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    for make in (ship, reject):
        outcome = refused(run, make(evidence_sources=["human-eval.json"]))
        assert outcome.reasons == ("The evidence human-eval.json is not there.",)


# --- shipping over a gate ------------------------------------------------------------------------


def test_overriding_asks_for_the_runs_name_and_a_why(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path, breadth=(39, 20))
    assert draft(run).can_override and refused(run, ship()).can_override
    assert refused(run, ship()).needs_routing
    outcome = refused(run, ship(), OverrideRequest("another-run", "routed"))
    assert outcome.reasons[0] == (
        f"To ship over a gate, type the run's name: {run.name} (typed: another-run)."
    )
    assert "say why" in refused(run, ship(), OverrideRequest(run.name, " ")).reasons[0]
    for constraint in (None, "  "):
        outcome = refused(run, ship(), OverrideRequest(run.name, "All the same.", constraint))
        assert "nothing says where alone it may be used" in outcome.reasons[0]
        assert "--routing" in outcome.ways_out[0] and not outcome.can_override
        assert not (run / "artifact.json").exists()
    request = OverrideRequest(run.name, "Only behind the router.", "router only")
    written = decide(run, ship(), request)
    assert isinstance(written, Decision)
    (override,) = read_json(run / "decision.json")["overrides"]
    assert override == {
        "gate": "breadth_drop_max_pp",
        "verdict": "fail",
        "why": "Only behind the router.",
    }
    artifact = read_json(run / "artifact.json")
    assert artifact["routing_constraint"] == "router only"
    last = list(EventTail(run / "events.jsonl").read_all())[-1]
    assert last["routed"] is True and summarise(run).decided_as == "ship routed"
    shown = describe(run).as_text()
    assert "decision  ship routed:" in shown and "routing   router only" in shown
    found = checks.check_folder(run)
    assert {(one.rule, one.severity) for one in found} == {("ship-gate", Severity.INFO)}


def test_overrides_in_the_record_need_the_name_as_well(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path, breadth=(39, 20))
    own = {"gate": "breadth_drop_max_pp", "verdict": "fail", "why": "Mine."}
    decision = ship(overrides=[own])
    assert "type the run's name" in refused(run, decision).reasons[0]
    request = OverrideRequest(run.name, routing_constraint="files only")
    assert isinstance(decide(run, decision, request), Decision)
    assert read_json(run / "decision.json")["overrides"] == [own]
    assert read_json(run / "artifact.json")["routing_constraint"] == "files only"


def test_an_artifact_that_is_there_is_kept_and_gets_its_constraint(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path, breadth=(39, 20))
    folders.artifact(run, artifact_id="mine", checksum="kept")
    request = OverrideRequest(run.name, "Behind the router.", "router only")
    assert isinstance(decide(run, ship(), request), Decision)
    artifact = read_json(run / "artifact.json")
    assert (artifact["artifact_id"], artifact["checksum"]) == ("mine", "kept")
    assert artifact["routing_constraint"] == "router only"


def test_a_decision_stands_when_its_report_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = folders.make_run(tmp_path)
    (run / "report.md").write_text("# x\n\n## Decision\n\nNot decided yet.\n", "utf-8")

    def full(path: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(deciding, "write_report", full)
    assert isinstance(decide(run, ship()), Decision)
    assert [one.rule for one in checks.check_folder(run)] == ["report-stale"]


# --- not shipping ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["reject", "retry-data", "retry-training", "retry-eval", "park"])
def test_all_else_needs_a_failure_reason_and_a_lesson(tmp_path: Path, kind: str) -> None:
    run = folders.make_run(tmp_path)
    bare = Decision.model_validate({"decision": kind, "reason": "Not good enough."})
    assert refused(run, bare).reasons == (
        f"The decision is {kind}, but nothing says why it failed.",
        f"The decision is {kind}, but nothing says what was learnt.",
    )
    assert isinstance(decide(run, reject(decision=kind)), Decision)
    assert not (run / "artifact.json").exists()
    assert checks.check_folder(run) == []


@pytest.mark.parametrize("phase", ["failed", "cancelled"])
def test_a_broken_run_can_be_rejected_and_stays_what_it_is(tmp_path: Path, phase: str) -> None:
    run = folders.make_run(tmp_path, phase=phase)
    for path in [*run.glob("eval-*"), *run.glob("rows-*")]:
        path.unlink()
    assert isinstance(decide(run, reject(evidence_sources=[])), Decision)
    status = read_json(run / "run-status.json")
    assert (status["phase"], status["revision"]) == (phase, 7)
    assert kinds(run)[-1] == "decided" and "phase" not in kinds(run)[2:]


# --- when nothing may be decided ------------------------------------------------------------------


def test_a_decided_run_is_closed(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    assert isinstance(decide(run, ship()), Decision)
    assert "decided already: decision.json is ship" in refused(run, reject()).reasons[0]
    assert draft(run).closed is not None


def test_a_decision_that_was_cut_short_can_be_made_again(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    assert isinstance(decide(run, reject()), Decision)
    (run / "decision.json").unlink()
    assert isinstance(decide(run, reject()), Decision)
    assert checks.check_folder(run) == []


def under_way(run: Path, stage_state: str) -> None:
    me = psutil.Process()
    put(
        run / "run-status.json",
        "/supervisor",
        {"pid": os.getpid(), "started": me.create_time(), "host": None},
    )
    put(run / "run-status.json", "/stages/eval-candidate/state", stage_state)


def test_a_run_under_way_is_not_decided(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path, phase="evaluating")
    under_way(run, "running")
    for decision in (ship(), reject()):
        assert "still under way" in refused(run, decision).reasons[0]


def test_a_living_supervisor_keeps_the_event_log_to_itself(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    under_way(run, "done")
    before = (run / "events.jsonl").read_bytes()
    assert isinstance(decide(run, ship()), Decision)
    assert (run / "events.jsonl").read_bytes() == before
    assert read_json(run / "run-status.json")["phase"] == "decided"


def test_of_two_who_decide_at_once_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = folders.make_run(tmp_path)
    load = deciding.load

    def slow_load(path: Path) -> Any:
        contents = load(path)
        put(run / "run-status.json", "/revision", 8)
        return contents

    monkeypatch.setattr(deciding, "load", slow_load)
    outcome = decide(run, reject())
    assert isinstance(outcome, Refused) and "Look again" in outcome.reasons[0]
    assert not (run / "decision.json").exists()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="cannot be listed"):
        draft(tmp_path / "none")


def test_events_behind_a_link_are_not_written(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    outside = tmp_path / "outside.jsonl"
    (run / "events.jsonl").rename(outside)
    (run / "events.jsonl").symlink_to(outside)
    before = outside.read_bytes()
    assert isinstance(decide(run, reject()), Decision)
    assert outside.read_bytes() == before


# --- folders of other tools ------------------------------------------------------------------


def test_a_folder_of_another_tool_is_decided_without_our_files(tmp_path: Path) -> None:
    run = folders.make_foreign(tmp_path)
    (run / "decision.json").unlink()
    (run / "report.md").unlink()
    assert not draft(run).needs_lesson and draft(run).ship_refusals == ()
    assert isinstance(decide(run, ship()), Decision)
    assert {path.name for path in run.iterdir()} >= {"decision.json", "report.md"}
    assert not (run / "run-status.json").exists() and not (run / "events.jsonl").exists()
    assert checks.check_folder(run) == []


def test_another_tools_gain_without_counts_is_shipped_by_override_only(tmp_path: Path) -> None:
    run = folders.make_foreign(tmp_path, n=None)
    (run / "decision.json").unlink()
    assert "noise was not tested" in refused(run, ship()).reasons[0]
    assert isinstance(decide(run, ship(), OverrideRequest(run.name, "Tested by them.")), Decision)


def test_another_tools_rejection_needs_no_lesson(tmp_path: Path) -> None:
    run = folders.make_foreign(tmp_path)
    (run / "decision.json").unlink()
    (run / "artifact.json").unlink()
    bare = Decision.model_validate({"decision": "reject", "reason": "No."})
    assert isinstance(decide(run, bare), Decision)
    worst = {one.severity for one in checks.check_folder(run)}
    assert worst == {Severity.WARNING}


def test_a_gate_that_cannot_be_decided_stops_a_ship_and_is_overridden_by_name(
    tmp_path: Path,
) -> None:
    run = folders.make_foreign(tmp_path)
    (run / "decision.json").unlink(missing_ok=True)
    for file in run.glob("eval-regression-*.json"):
        file.unlink()
    folders.artifact(
        run, shipped=False, base_model=read_json(run / "config.json")["base_model"]["id"]
    )
    outcome = refused(run, ship())
    assert [(gate.name, gate.verdict.value) for gate in outcome.gates] == [
        ("breadth_drop_max_pp", "undecided")
    ]
    assert outcome.can_override
    unrouted = refused(run, ship(), OverrideRequest(run.name, "Only ever used for this."))
    assert "nothing says where alone it may be used" in unrouted.reasons[0]
    request = OverrideRequest(run.name, "Only ever used for this.", "pace planning only")
    made = decide(run, ship(), request)
    assert isinstance(made, Decision), made
    assert [(one.gate, one.verdict) for one in made.overrides] == [
        ("breadth_drop_max_pp", "undecided")
    ]
    # What another tool packed becomes a shipped artifact by the decision itself.
    assert read_json(run / "artifact.json")["shipped"] is True
