"""What each decision asks for, the evidence it stands on, and the record that comes of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.folder import FolderError
from engine.judge.gate import BEATS_BASELINE, BREADTH_DROP, KINDS, PRIMARY_MIN, Gate, Verdict
from engine.records.run import Confidence, DecisionKind
from tests.engine import folders
from tests.tui.make_runs import make_run
from tui.bindings import caption_in
from tui.drafts import DraftFile
from tui.views.decision_draft import MAX_TEXT, Draft, from_json, said, to_json
from tui.views.decision_form import MEANING, Form, questions_for
from tui.views.evidence_view import (
    count_flips,
    find_missing,
    flip_lines,
    load_evidence,
)
from tui.views.gate_table import gate_lines, worst_first

FAILED = Gate(BREADTH_DROP, 8.0, 80.0, (70.0, 90.0), Verdict.FAIL, "It fell.")


def form(kind: DecisionKind, **answers: str) -> Form:
    return Form(kind, questions_for(kind), dict(answers))


def names(kind: DecisionKind, **how: bool) -> list[str]:
    return [question.name for question in questions_for(kind, **how)]


def required(kind: DecisionKind, **how: bool) -> set[str]:
    return {question.name for question in questions_for(kind, **how) if question.required}


def test_every_decision_has_its_own_key() -> None:
    assert set(MEANING) == set(DecisionKind)
    assert len({caption_in(None, f"decide.choose-{kind.value}") for kind in MEANING}) == 6


def test_each_decision_asks_only_what_it_needs() -> None:
    assert names(DecisionKind.SHIP) == ["reason", "lesson", "next_action"]
    assert names(DecisionKind.SHIP, forgot=True)[1] == "routing"
    assert required(DecisionKind.SHIP) == {"reason"}
    assert required(DecisionKind.REJECT) == {"reason", "failure_reason", "confidence", "lesson"}
    assert "next_action" in required(DecisionKind.RETRY_DATA)
    assert "blocked_by" in required(DecisionKind.PARK)
    assert required(DecisionKind.REJECT, needs_lesson=False) == {"reason"}


def test_white_space_is_no_answer() -> None:
    problems = form(DecisionKind.REJECT, reason="  \n ", lesson="x").problems("r", [])
    assert set(problems) == {"reason", "failure_reason", "confidence"}


def test_shipping_over_a_gate_needs_its_reason_and_the_name_of_the_run() -> None:
    one = form(DecisionKind.SHIP, reason="It is routed.")
    assert set(one.problems("run-1", [FAILED])) == {f"why:{BREADTH_DROP}", "typed_name"}
    one.whys[BREADTH_DROP] = "Only the router asks it."
    one.typed_name = "run-2"
    assert set(one.problems("run-1", [FAILED])) == {"typed_name"}
    one.typed_name = " run-1 "
    assert one.problems("run-1", [FAILED]) == {}
    record = one.record([FAILED], ["eval-candidate.json"])
    assert [(o.gate, o.verdict, o.why) for o in record.overrides] == [
        (BREADTH_DROP, "fail", "Only the router asks it.")
    ]
    assert record.failure_reason_confidence is Confidence.NOT_APPLICABLE


def test_the_record_holds_what_was_asked_and_nothing_else() -> None:
    one = form(
        DecisionKind.PARK,
        reason=" Waits. ",
        failure_reason="No gold.",
        confidence="inferred",
        lesson="Ask first.",
        blocked_by="gold set; ;  owner ",
        routing="left over from another decision",
    )
    record = one.record([FAILED], [])
    assert record.reason == "Waits."
    assert record.failure_reason_confidence is Confidence.INFERRED
    assert record.blocked_by == ["gold set", "owner"]
    assert record.overrides == [] and record.next_action is None


def test_an_empty_form_has_nothing_to_lose() -> None:
    assert not form(DecisionKind.SHIP, reason="  ").typed_anything
    assert form(DecisionKind.SHIP, reason="x").typed_anything


def test_evidence_of_a_good_run(tmp_path: Path) -> None:
    evidence = load_evidence(make_run(tmp_path, "2026-11-20-good"))
    assert [gate.verdict for gate in evidence.gates] == [Verdict.PASS] * 3
    assert evidence.draft.ship_refusals == () and evidence.unpassed == []
    kinds = [flip.kind for flip in evidence.flips]
    assert kinds == sorted(kinds) and {"broken", "fixed"} == set(kinds)
    assert count_flips(evidence.flips)[0] == "drone-router-gold: 79 fixed, 3 broken"


def test_evidence_of_a_run_that_forgot(tmp_path: Path) -> None:
    evidence = load_evidence(make_run(tmp_path, "2026-11-20-forgot", breadth=(0.98, 0.18)))
    assert [gate.name for gate in evidence.unpassed] == [BREADTH_DROP]
    assert len(evidence.draft.ship_refusals) == 1 and evidence.draft.can_override


def test_missing_evidence_is_said(tmp_path: Path) -> None:
    run = make_run(tmp_path, "2026-11-20-bare", before=None, after=None, breadth=None)
    (run / "dataset.json").unlink()
    missing = " ".join(find_missing(load_evidence(run).contents))
    for text in ("eval-baseline.json", "eval-candidate.json", "No bound", "dataset.json"):
        assert text in missing
    (run / "config.json").write_text("[]")
    assert "config.json cannot be used" in find_missing(load_evidence(run).contents)[0]


def test_a_run_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="cannot be listed"):
        load_evidence(tmp_path / "nothing")


def test_many_gates_stand_below_each_other() -> None:
    many = [Gate(name, 1234.5, 99999.25, None, Verdict.PASS, "Because.") for name in KINDS if name]
    many[0] = Gate(PRIMARY_MIN, 0.9, None, None, Verdict.UNDECIDED, "Missing.")
    many[1] = Gate(BEATS_BASELINE, 0.05, -0.1, (-0.2, 0.1), Verdict.FAIL, "Worse.")
    for width in (30, 74, 200):
        table = ["".join(cell.text for cell in line) for line in gate_lines(many, width)]
        assert len(table) == len(KINDS) and max(map(len, table)) <= max(width, 40)
        places = {line.index(sign) for line in table for sign in "≥≤<" if sign in line}
        assert len(places) <= 2  # p < has its sign one further on
    assert "−0.100" in table[1] and "95 % −0.200 to +0.100" in table[1]
    assert "·" in table[0] and gate_lines([], 80) == []
    assert [gate.verdict for gate in worst_first(many)[:3]] == ["fail", "undecided", "pass"]


def test_how_sure_the_numbers_are_is_said(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    evidence = load_evidence(run)
    texts = [text for _, text in evidence.sureness]
    assert texts[0] == "1 run was judged on this gold set."
    assert texts[1].startswith("40 rows can tell a difference of")
    folders.edit(run / "config.json", lambda config: config["eval"].update(seeds=[1, 2]))
    again = load_evidence(run)
    assert again.sureness[0] == (
        False,
        "Not every seed counts. eval-seed-1.json is missing or cannot be read.",
    )


def test_lines_hold_what_matters_and_no_control_codes(tmp_path: Path) -> None:
    evidence = load_evidence(make_run(tmp_path, "2026-11-20-good"))
    line = "".join(cell.text for cell in gate_lines(evidence.gates, 100)[0])
    assert line.startswith("✔ primary score") and "≥ 0.900" in line and "95 %" in line
    flip = evidence.flips[0]
    hostile = type(flip)("broken", "s", "1", "a\x1b[31m" * 200, "[b]x", "", "é\n" * 99, None)
    for cells in flip_lines(hostile, 40):
        text = "".join(cell.text for cell in cells)
        assert "\x1b" not in text and "\n" not in text and len(text) <= 42


# --- drafts ---------------------------------------------------------------------------------------


def test_drafts_survive_as_json_and_hostile_ones_are_left_out() -> None:
    now = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
    drafts = {
        DecisionKind.PARK: Draft(now, {"reason": "é\n[b]", "blocked_by": ""}, {"g": "w"}),
        DecisionKind.SHIP: Draft(now, {"reason": " "}),
    }
    value = json.loads(json.dumps(to_json(drafts)))
    assert from_json(value) == {DecisionKind.PARK: drafts[DecisionKind.PARK]}
    value["drafts"]["park"]["answers"] |= {"lesson": 3, "next_action": "x" * 10**6}
    value["drafts"]["park"]["saved"] = "yesterday"
    value["drafts"] |= {"unknown": {"answers": {"reason": "x"}}, "reject": [], "ship": None}
    (kind, draft), *rest = from_json(value).items()
    assert kind is DecisionKind.PARK and rest == []
    assert "lesson" not in draft.answers and len(draft.answers["next_action"]) == MAX_TEXT
    none: list[object] = [None, [], {"drafts": 1}, {"drafts": {"park": {"answers": {"a": " "}}}}]
    for nothing in none:
        assert from_json(nothing) == {}


def test_a_draft_says_when_it_was_typed() -> None:
    now = datetime.now().astimezone().replace(hour=23, minute=30)
    assert said(Draft(now.replace(hour=14, minute=2)), now) == "draft from 14:02"
    before = now - timedelta(days=3)
    assert said(Draft(before), now) == f"draft from {before:%m-%d}"
    assert said(Draft(datetime.min.replace(tzinfo=UTC)), now).startswith("draft")


def test_a_draft_of_a_run_with_an_endless_name_is_kept(tmp_path: Path) -> None:
    drafts = {DecisionKind.PARK: Draft(datetime.now(UTC).replace(microsecond=0), {"reason": "x"})}
    file = DraftFile(tmp_path, "長" * 84)
    assert file.write(drafts) is None and file.read() == (drafts, None)
    assert file.write({}) is None and not file.path.exists() and file.read() == ({}, None)
    file.path.mkdir()
    assert "cannot be kept" in (file.write(drafts) or "")
    assert "cannot be read" in (file.read()[1] or "")
