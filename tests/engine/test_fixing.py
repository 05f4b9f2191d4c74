"""Fixes that need no judgement: what is proposed, what never is, and how it is written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine import checks
from engine.checks.fixes import FIXABLE, NEVER, Fix
from engine.checks.pointers import span_of, with_key_after, with_value
from engine.differences import MAX_LINES, difference
from engine.fixing import apply, check
from engine.live.tail import EventTail
from engine.publish.report import write_report
from engine.samples import samples_dir
from engine.supervise.run_lock import RunLock
from tests.engine import folders
from tests.engine.folders import edit, put, read_json
from tests.engine.test_hostile_folders import BREAKERS

LEFT = ".decision.json.abcd1234"


def fixes(run: Path) -> dict[str, Fix]:
    return {fix.file: fix for fix in check(run).fixes}


def rules(run: Path) -> set[str]:
    return {one.rule for one in checks.check_folder(run)}


def files(run: Path) -> dict[str, bytes]:
    return {str(p.relative_to(run)): p.read_bytes() for p in run.rglob("*") if p.is_file()}


def mend(run: Path) -> None:
    for done in apply(run, list(fixes(run).values())):
        assert done.problem is None, done


def leave(run: Path, age: float) -> None:
    """What a killed write leaves behind, that many seconds old."""
    (run / LEFT).write_text('{"decision": "sh')
    when = (run / LEFT).stat().st_mtime - age
    os.utime(run / LEFT, (when, when))


def dead(run: Path) -> None:
    def change(status: Any) -> None:
        status["phase"] = "training"
        status["supervisor"] = {"pid": 2**22 + 7, "started": 1.0}
        status["stages"]["train"]["state"] = "running"

    edit(run / "run-status.json", change)


# --- what is proposed -----------------------------------------------------------------------------


def test_a_folder_in_order_needs_no_fix(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    write_report(run)
    assert check(run).fixes == [] and check(run).findings == []


def test_a_report_is_made_anew_from_its_records(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    path = write_report(run)
    good = path.read_text()
    path.write_text(good.replace("0.950", "0.990"))
    assert "report-numbers" in rules(run)
    fix = fixes(run)["report.md"]
    lines = difference(fix)
    assert any(line.sign == "-" and "0.990" in line.text for line in lines)
    assert any(line.sign == "+" and "0.950" in line.text for line in lines)
    mend(run)
    assert path.read_text() == good and rules(run) == set()
    path.unlink()
    assert fixes(run)["report.md"].before is None
    mend(run)
    assert path.read_text() == good


def test_a_report_that_someone_else_wrote_is_left_alone(tmp_path: Path) -> None:
    run = folders.make_foreign(tmp_path)
    text = (
        "# Ours\n\n| Metric | Baseline | Candidate |\n| --- | --- | --- |\n| score | 0.1 | 0.2 |\n"
    )
    (run / "report.md").write_text(text)
    assert "report-numbers" in rules(run)
    assert fixes(run) == {}


def test_a_count_is_taken_from_the_rows_that_give_the_score(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    write_report(run)
    edit(run / "eval-candidate.json", lambda record: record.pop("n") and None)
    assert rules(run) >= {"rows-uncounted"}
    fix = fixes(run)["eval-candidate.json"]
    changed = [line.text for line in difference(fix) if line.sign in "+-"]
    assert changed == ['+  "n": 40,']
    mend(run)
    assert read_json(run / "eval-candidate.json")["n"] == 40 and rules(run) == set()
    # Rows that give another score are not the rows of this record: nothing is counted from them.
    edit(run / "eval-candidate.json", lambda record: record.pop("n") and None)
    put(run / "eval-candidate.json", "/score", 0.5)
    assert "eval-candidate.json" not in fixes(run)


def test_a_word_of_a_list_is_spelled_as_its_list_has_it(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    write_report(run)
    text = (run / "eval-candidate.json").read_text()
    (run / "eval-candidate.json").write_text(text.replace('"higher"', '"Higher "'))
    assert "file-shape" in rules(run)
    mend(run)
    assert (run / "eval-candidate.json").read_text() == text
    put(run / "config.json", "/eval/direction", "upward")
    assert fixes(run) == {}
    digest = read_json(run / "eval-candidate.json")["suite_sha256"]
    put(run / "eval-candidate.json", "/suite_sha256", digest.upper())
    mend(run)
    assert read_json(run / "eval-candidate.json")["suite_sha256"] == digest
    for pointer, value in (("/passed", " No"), ("/score", "Very good"), ("/n", "Ten")):
        before = (run / "eval-candidate.json").read_bytes()
        put(run / "eval-candidate.json", pointer, value)
        assert fixes(run) == {}
        (run / "eval-candidate.json").write_bytes(before)


def test_line_ends_and_byte_marks(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    write_report(run)
    good = (run / "dataset.json").read_bytes()
    (run / "dataset.json").write_bytes(b"\xef\xbb\xbf" + good.rstrip().replace(b"\n", b"\r\n"))
    assert rules(run) == {"line-ends", "byte-mark"}
    mend(run)
    assert (run / "dataset.json").read_bytes() == good


def test_what_a_write_left_behind_is_removed_once_it_is_old(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    leave(run, age=1)
    assert "left-over" in rules(run) and fixes(run) == {}
    leave(run, age=3600)
    fix = fixes(run)[LEFT]
    assert fix.after is None and {line.sign for line in difference(fix)} == {"@", "-"}
    mend(run)
    assert not (run / LEFT).exists() and rules(run) == {"undecided"}


def test_the_last_event_gets_its_end(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    path = run / "events.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    fix = fixes(run)["events.jsonl"]
    assert fix.side is None and [line.sign for line in difference(fix)] == ["@", "-", "+"]
    mend(run)
    assert path.read_bytes() == whole and rules(run) == {"undecided"}


@pytest.mark.parametrize("half", [b'{"seq":2,"t":"20', b"\x00" * 64, b'{"seq":9,"kind":"x"}', b"7"])
def test_a_half_event_is_put_aside(tmp_path: Path, half: bytes) -> None:
    run = folders.make_run(tmp_path)
    path = run / "events.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + half)
    (run / "events.jsonl.cut-1").write_bytes(b"of another time")
    mend(run)
    assert path.read_bytes() == whole and rules(run) == {"undecided"}
    assert (run / "events.jsonl.cut-2").read_bytes() == half
    assert (run / "events.jsonl.cut-1").read_bytes() == b"of another time"


def test_a_run_whose_supervisor_died_is_closed_only_where_that_is_wanted(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    dead(run)
    fix = fixes(run)["run-status.json"]
    assert not fix.by_default and "resume" in " ".join(fix.why)
    changed = "\n".join(line.text for line in difference(fix) if line.sign in "+-")
    assert '-  "phase": "training"' in changed and '+  "phase": "failed"' in changed
    mend(run)
    status = read_json(run / "run-status.json")
    assert (status["phase"], status["revision"], status["supervisor"]) == ("failed", 8, None)
    assert status["stages"]["train"]["state"] == "failed"
    assert "ended without saying why" in status["last_error"]["message"]
    events = list(EventTail(run / "events.jsonl").read_all())
    assert [one["kind"] for one in events[-2:]] == ["phase", "message"]
    assert events[-2]["to_phase"] == "failed" and events[-1]["code"] == "supervisor-gone"
    assert "supervisor-gone" not in rules(run)


def test_a_run_with_a_living_process_is_not_closed(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    dead(run)
    fix = fixes(run)["run-status.json"]
    me = {"pid": os.getpid(), "started": psutil.Process().create_time()}
    put(run / "run-status.json", "/child", me)
    assert "run-status.json" not in fixes(run)
    (done,) = apply(run, [fix])
    assert done.problem is not None and "changed since" in done.problem
    put(run / "run-status.json", "/supervisor", me)
    leave(run, age=3600)
    assert check(run).fixes == []


# --- what never is --------------------------------------------------------------------------------


def test_scores_bounds_decisions_and_what_was_frozen_are_never_changed(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    write_report(run)
    put(run / "eval-candidate.json", "/score", 0.5)
    put(run / "config.json", "/eval/threshold/primary_min", 0.4)
    put(run / "decision.json", "/decision", "SHIP")
    for name in ("plan.json", "decision.json"):
        (run / name).write_bytes((run / name).read_bytes().replace(b"\n", b"\r\n"))
    rows = run / "rows-candidate.jsonl"
    rows.write_bytes(rows.read_bytes().replace(b"\n", b"\r\n"))
    assert {"rows-score", "threshold-changed", "decision-unknown", "line-ends"} <= rules(run)
    assert set(fixes(run)) <= {"report.md"}
    assert {"rows-score", "threshold-changed", "score-not-finite", "ship-gate"}.isdisjoint(FIXABLE)
    assert {"decision.json", "plan.json"} <= NEVER


@pytest.mark.parametrize("breaker", BREAKERS, ids=lambda one: one.__name__)
def test_broken_folders_are_planned_without_a_traceback(tmp_path: Path, breaker: Any) -> None:
    sample = next(path for path in (samples_dir() / "runs").iterdir() if path.is_dir())
    run = tmp_path / "runs" / sample.name
    shutil.copytree(sample, run)
    breaker(run)
    for fix in check(run).fixes:
        assert difference(fix)
        assert fix.file not in ("decision.json", "plan.json")


# --- writing --------------------------------------------------------------------------------------


def test_a_file_that_changed_since_is_left_as_it_is(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    write_report(run)
    (run / "report.md").write_text("## Decision\n\nNot decided yet.\n" + _ours())
    edit(run / "eval-baseline.json", lambda record: record.pop("n") and None)
    (run / "events.jsonl").write_bytes((run / "events.jsonl").read_bytes() + b'{"se')
    planned = check(run).fixes
    assert [fix.file for fix in planned] == ["eval-baseline.json", "events.jsonl", "report.md"]
    (run / "report.md").write_text("mine")
    (run / "eval-baseline.json").unlink()
    (run / "events.jsonl").write_bytes((run / "events.jsonl").read_bytes() + b"q")
    before = files(run)
    outcomes = apply(run, planned)
    assert all(one.problem and "changed since" in one.problem for one in outcomes)
    assert files(run) == before


def _ours() -> str:
    return "Scores are measured; deltas, intervals (95 %) and verdicts are derived from them here."


def test_the_event_log_belongs_to_its_writer(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    (run / "events.jsonl").write_bytes((run / "events.jsonl").read_bytes() + b'{"se')
    planned = check(run).fixes
    with RunLock(run):
        (done,) = apply(run, planned)
    assert done.problem is not None and "supervisor" in done.problem
    assert (run / "events.jsonl").read_bytes().endswith(b'{"se')


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    write_report(run)
    inside = run / "real.json"
    edit(run / "eval-candidate.json", lambda record: record.pop("n") and None)
    (run / "eval-candidate.json").rename(inside)
    (run / "eval-candidate.json").symlink_to(inside)
    before = inside.read_bytes()
    assert "eval-candidate.json" not in fixes(run)
    assert inside.read_bytes() == before


def test_a_disk_that_is_full_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine import fixing

    run = folders.make_run(tmp_path)
    edit(run / "eval-candidate.json", lambda record: record.pop("n") and None)

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fixing, "write_bytes_atomic", full)
    (done,) = apply(run, check(run).fixes)
    assert done.problem == "eval-candidate.json cannot be written: No space left on device."


# --- text -----------------------------------------------------------------------------------------


def test_json_is_changed_in_its_place_alone() -> None:
    text = '{"a": "x",\n  "b": {"c": [1,  {"d":true}]} , "b/~": 1}'
    assert with_value(text, "/b/c/1/d", False) == text.replace("true", "false")
    assert with_value(text, "/b/c/0", "é") == text.replace("[1", '["é"')
    assert with_value(text, "/b~1~0", 2) == text.replace('"b/~": 1', '"b/~": 2')
    assert with_value(text, "/no", 1) is None and with_value("{", "/a", 1) is None
    assert with_value('{"a":1,"a":2}', "/a", 3) == '{"a":1,"a":3}'
    assert span_of(text, "") is None
    added = with_key_after(text, "/b", "n", 4)
    assert added is not None and json.loads(added)["n"] == 4
    assert with_key_after('{"score": 1}', "/score", "n", 2) == '{"score": 1, "n": 2}'
    assert with_key_after("[1]", "/0", "n", 2) is None


def test_a_difference_is_bounded_and_holds_lines_that_look_like_heads() -> None:
    many = b"".join(b"%d\n" % number for number in range(9000))
    other = b"".join(b"x%d\n" % number for number in range(9000))
    lines = difference(Fix("f", (), many, other, ()))
    assert len(lines) == MAX_LINES + 1 and lines[-1].text == "… 16,001 more lines"
    lines = difference(Fix("f", (), b"-- a\n++ b\nc\n", b"c\n", ()))
    assert [line.text for line in lines] == ["@ line 1", "--- a", "-++ b", " c"]
    far = difference(Fix("f", (), many, many.replace(b"\n5000\n", b"\nfive\n"), ()))
    assert far[0].text == "@ line 4998" and len(far) == 9
    assert "(no line end)" in difference(Fix("f", (), b"a", b"a\n", ()))[1].text


# --- on the command line --------------------------------------------------------------------------


def factory(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "engine.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_validate_shows_and_applies_fixes(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    dead(run)
    edit(run / "eval-candidate.json", lambda record: record.pop("n") and None)
    before = files(run)
    shown = factory("validate", run.name, "-w", str(tmp_path), "--fix", "--dry-run")
    assert '+  "n": 40,' in shown.stdout and "run-status.json: left" in shown.stdout
    assert "Traceback" not in shown.stderr and files(run) == before
    done = factory("validate", run.name, "-w", str(tmp_path), "--fix", "--json")
    states = {one["file"]: one["state"] for one in json.loads(done.stdout)[0]["fixes"]}
    assert states == {"eval-candidate.json": "done", "run-status.json": "left"}
    assert read_json(run / "eval-candidate.json")["n"] == 40
    factory("validate", run.name, "-w", str(tmp_path), "--fix", "--also", "run-status.json")
    assert read_json(run / "run-status.json")["phase"] == "failed"
    wrong = factory("validate", run.name, "-w", str(tmp_path), "--dry-run")
    assert wrong.returncode == 2 and "--fix" in wrong.stderr


def test_a_new_view_on_the_command_line(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    where = ("-w", str(tmp_path))
    assert factory("decide", run.name, "ship", "--reason", "Good.", *where).returncode == 0
    refused = factory("decide", run.name, "reject", "--reason", "Not.", *where)
    assert refused.returncode == 1 and "--supersede" in refused.stderr
    arguments = ("--reason", "Wrong suite.", "--failure-reason", "Leak.", "--lesson", "Check.")
    done = factory("decide", run.name, "reject", *arguments, "--supersede", *where)
    assert done.stdout == f"{run.name}: reject, supersedes decision-1.json\n"
    bare = factory("decide", run.name, "park", "--reason", "Wait.", "--supersede", *where)
    assert "→ Write a lesson of one sentence" in bare.stderr
    unsure = factory("decide", run.name, "park", *arguments, "--confidence", "high", *where)
    assert unsure.returncode == 2
    assert unsure.stderr.startswith("--confidence: input should be 'exact', 'inferred'")
