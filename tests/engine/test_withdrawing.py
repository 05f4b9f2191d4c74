"""A decision is taken back by whoever just made it; a new view of a run names the earlier one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from engine import checks
from engine.checks.contents import load
from engine.decisions.deciding import OverrideRequest, Refused, decide, draft, make_decision
from engine.decisions.withdrawing import Receipt, withdraw
from engine.live.projection import RunProjection
from engine.live.tail import EventTail
from engine.publish.report import render_report, write_report
from engine.records.run import Decision
from engine.supervise.run_lock import RunLock
from tests.engine import folders
from tests.engine.folders import put, read_json


def ship(**more: Any) -> Decision:
    return Decision.model_validate({"decision": "ship", "reason": "Every gate passes."} | more)


def reject(**more: Any) -> Decision:
    return Decision.model_validate(folders.REJECT | more)


def made(run: Path, decision: Decision, **how: Any) -> Receipt:
    outcome = make_decision(run, decision, **how)
    assert isinstance(outcome, Receipt), outcome
    return outcome


def events(run: Path) -> list[dict[str, Any]]:
    return list(EventTail(run / "events.jsonl").read_all())


def files(run: Path, *but_not: str) -> dict[str, bytes]:
    return {
        str(path.relative_to(run)): path.read_bytes()
        for path in run.rglob("*")
        if path.is_file() and path.name not in but_not
    }


# --- taking back ----------------------------------------------------------------------------------


@pytest.mark.parametrize("decision", [ship(), reject()])
def test_taking_back_leaves_the_folder_as_it_was(tmp_path: Path, decision: Decision) -> None:
    run = folders.make_run(tmp_path)
    write_report(run)
    moving = ("run-status.json", "events.jsonl")
    before, log = files(run, *moving), (run / "events.jsonl").read_bytes()
    receipt = made(run, decision)
    assert (run / "decision.json").exists()
    assert withdraw(receipt) is None
    assert files(run, *moving) == before
    status = read_json(run / "run-status.json")
    assert (status["phase"], status["revision"], status["ended"]) == ("reporting", 9, None)
    # The log is only ever appended to: both the decision and that it was taken back stand in it.
    assert (run / "events.jsonl").read_bytes().startswith(log)
    said = events(run)[-4:]
    assert [one["kind"] for one in said] == ["phase", "decided", "phase", "decision-withdrawn"]
    assert said[2]["to_phase"] == "reporting" and said[3]["decision"] == decision.decision
    assert [one["seq"] for one in events(run)] == list(range(len(events(run))))
    projection = RunProjection()
    projection.apply_all(events(run))
    assert projection.decision is None and projection.phase == "reporting"
    assert [one.rule for one in checks.check_folder(run)] == ["undecided"]
    assert isinstance(decide(run, ship()), Decision)


def test_an_artifact_that_was_there_gets_its_bytes_back(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    folders.artifact(run, shipped=False, checksum="kept")
    before = (run / "artifact.json").read_bytes()
    receipt = made(run, ship())
    assert read_json(run / "artifact.json")["shipped"] is True
    assert withdraw(receipt) is None
    assert (run / "artifact.json").read_bytes() == before


def test_the_report_of_another_tool_comes_back(tmp_path: Path) -> None:
    run = folders.make_foreign(tmp_path)
    (run / "decision.json").unlink()
    before = files(run)
    assert withdraw(made(run, ship())) is None
    assert files(run) == before


@pytest.mark.parametrize("phase", ["failed", "cancelled"])
def test_a_failed_run_stays_failed(tmp_path: Path, phase: str) -> None:
    run = folders.make_run(tmp_path, phase=phase)
    receipt = made(run, reject())
    assert withdraw(receipt) is None
    status = read_json(run / "run-status.json")
    assert (status["phase"], status["revision"]) == (phase, 7)
    assert not (run / "decision.json").exists()
    assert [one["kind"] for one in events(run)[-2:]] == ["decided", "decision-withdrawn"]


@pytest.mark.parametrize(
    ("touch", "name"),
    [
        (lambda run: put(run / "decision.json", "/reason", "Mine."), "decision.json"),
        (lambda run: (run / "decision.json").unlink(), "decision.json"),
        (lambda run: put(run / "run-status.json", "/revision", 12), "run-status.json"),
        (lambda run: put(run / "artifact.json", "/shipped", False), "artifact.json"),
        (lambda run: (run / "report.md").write_text("mine"), "report.md"),
        (
            lambda run: (run / "events.jsonl").open("a").write('{"seq":4,"kind":"message"}\n'),
            "events.jsonl",
        ),
    ],
)
def test_what_another_process_touched_is_not_taken_back(
    tmp_path: Path, touch: Any, name: str
) -> None:
    run = folders.make_run(tmp_path)
    receipt = made(run, ship())
    touch(run)
    before = files(run)
    refusal = withdraw(receipt)
    assert refusal is not None and refusal.startswith(f"{name} changed since")
    assert files(run) == before


def test_a_run_that_another_process_writes_is_left_alone(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    receipt = made(run, ship())
    with RunLock(run):
        refusal = withdraw(receipt)
    assert refusal is not None and "Another process writes" in refusal
    assert (run / "decision.json").exists()
    assert withdraw(receipt) is None
    # A second time there is nothing left to take back.
    again = withdraw(receipt)
    assert again is not None and "decision.json changed since" in again


def test_only_withdrawing_leads_out_of_a_final_phase(tmp_path: Path) -> None:
    from engine.folder import FolderError, RunFolder
    from engine.records.status import Phase, RunStatus

    run = folders.make_shipped(tmp_path)

    def back(status: RunStatus) -> None:
        status.phase = Phase.REPORTING

    with pytest.raises(FolderError, match="cannot become reporting"):
        RunFolder(run).move(7, back)
    put(run / "run-status.json", "/phase", "cancelled")
    with pytest.raises(FolderError, match="cannot become reporting"):
        RunFolder(run).move(7, back, withdraw=True)


# --- a new view -----------------------------------------------------------------------------------


def test_a_new_view_names_the_earlier_one_and_loses_nothing(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    decide(run, ship())
    first = (run / "decision.json").read_bytes()
    written = decide(run, reject(), supersede=True)
    assert isinstance(written, Decision)
    assert (run / "decision-1.json").read_bytes() == first
    record = read_json(run / "decision.json")
    digest = hashlib.sha256(first).hexdigest()
    assert record["supersedes"] == {"file": "decision-1.json", "sha256": digest}
    assert record["decision"] == "reject"
    assert "supersedes" not in json.loads(first)
    # What was shipped is no longer.
    assert read_json(run / "artifact.json")["shipped"] is False
    status = read_json(run / "run-status.json")
    assert (status["phase"], status["revision"]) == ("decided", 9)
    last = events(run)[-1]
    assert (last["kind"], last["supersedes"]) == ("decided", "decision-1.json")
    report = (run / "report.md").read_text()
    assert "**reject**" in report
    assert "- Supersedes decision-1.json, ship of" in report and "Every gate passes." in report
    assert checks.check_folder(run) == []
    third = decide(run, ship(), supersede=True)
    assert isinstance(third, Decision) and third.supersedes is not None
    assert third.supersedes.file == "decision-2.json"
    assert [name for name, _ in load(run).superseded] == ["decision-2.json", "decision-1.json"]
    assert checks.check_folder(run) == []


def test_a_new_view_is_taken_back_as_well(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    decide(run, ship())
    before = files(run, "run-status.json", "events.jsonl")
    receipt = made(run, reject(), supersede=True)
    assert withdraw(receipt) is None
    assert files(run, "run-status.json", "events.jsonl") == before
    assert read_json(run / "run-status.json")["phase"] == "decided"
    assert events(run)[-1]["stands"] == "ship"
    projection = RunProjection()
    projection.apply_all(events(run))
    assert projection.decision == "ship"


def test_a_new_view_of_another_tools_run(tmp_path: Path) -> None:
    run = folders.make_foreign(tmp_path)
    before = files(run)
    receipt = made(run, reject(evidence_sources=[]), supersede=True)
    assert (run / "decision-1.json").read_bytes() == before["decision.json"]
    assert not (run / "run-status.json").exists() and not (run / "events.jsonl").exists()
    assert withdraw(receipt) is None and files(run) == before


def test_a_new_view_is_held_to_the_same_rules(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path, breadth=(39, 20))
    decide(run, reject())
    outcome = decide(run, ship(), supersede=True)
    assert isinstance(outcome, Refused) and outcome.can_override
    assert len(outcome.ways_out) == len(outcome.reasons) and all(outcome.ways_out)
    request = OverrideRequest(run.name, "Only behind the router.", "router only")
    assert isinstance(decide(run, ship(), request, supersede=True), Decision)


def test_there_must_be_a_decision_that_can_be_named(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    outcome = decide(run, reject(), supersede=True)
    assert isinstance(outcome, Refused) and "not decided" in outcome.reasons[0]
    (run / "decision.json").write_text("{")
    outcome = decide(run, reject(), supersede=True)
    assert isinstance(outcome, Refused) and "cannot be read" in outcome.reasons[0]
    assert draft(run).closed_to_new_view is not None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda run: (run / "decision-1.json").unlink(), "which is not there"),
        (lambda run: put(run / "decision-1.json", "/reason", "Other."), "which changed since"),
        (
            lambda run: put(run / "decision.json", "/supersedes/file", "../decision-1.json"),
            "/supersedes/file",
        ),
    ],
)
def test_validation_knows_the_earlier_decisions(tmp_path: Path, change: Any, words: str) -> None:
    run = folders.make_run(tmp_path)
    decide(run, ship())
    decide(run, reject(), supersede=True)
    change(run)
    found = checks.check_folder(run)
    assert any(words in one.message + one.pointer for one in found)


def test_decisions_that_go_round_in_a_circle_end(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    decide(run, ship())
    decide(run, reject(), supersede=True)
    (run / "decision-1.json").write_bytes((run / "decision.json").read_bytes())
    digest = hashlib.sha256((run / "decision-1.json").read_bytes()).hexdigest()
    put(run / "decision.json", "/supersedes/sha256", digest)
    found = [one for one in checks.check_folder(run) if one.rule == "superseded-decision"]
    assert len(found) == 1
    assert "Supersedes" in render_report(load(run))


def test_two_new_views_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.decisions import deciding

    run = folders.make_run(tmp_path)
    decide(run, ship())

    def slow(path: Path) -> Any:
        contents = load(path)
        put(run / "run-status.json", "/revision", 20)
        return contents

    monkeypatch.setattr(deciding, "load", slow)
    outcome = decide(run, reject(), supersede=True)
    assert isinstance(outcome, Refused) and "Look again" in outcome.reasons[0]
    assert not (run / "decision-1.json").exists()
