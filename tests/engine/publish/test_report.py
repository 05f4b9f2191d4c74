"""The report says what the records say, and nothing that they do not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from engine import checks
from engine.checks.contents import load
from engine.checks.report_table import read_eval_tables
from engine.fixing import check
from engine.publish.markdown import clip, escape, paragraph, visible
from engine.publish.numbers import delta, duration
from engine.publish.report import render_report, report_of, write_report
from tests.engine import folders
from tests.engine.folders import put

HEADINGS = [
    "Decision",
    "Evidence / Exactness",
    "Target",
    "Data",
    "Eval",
    "Slice Metrics",
    "Performance",
    "Failures",
    "Fixes/Next Action",
]


def section(report: str, heading: str) -> str:
    return report.split(f"## {heading}\n")[1].split("\n## ")[0]


def test_the_sections_come_in_their_order(tmp_path: Path) -> None:
    report = render_report(load(folders.make_shipped(tmp_path)))
    found = [line[3:] for line in report.split("\n") if line.startswith("## ")]
    assert found == HEADINGS


def test_the_numbers_are_those_of_the_records(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    report = render_report(load(run))
    primary, breadth = read_eval_tables(report)
    assert primary.metric == "router-gold, accuracy, n = 40"
    for shown, score in (
        (primary.baseline, 0.2),
        (primary.candidate, 0.95),
        (breadth.baseline, 0.975),
        (breadth.candidate, 0.95),
    ):
        assert shown is not None and shown.means(score)
    evaluation = section(report, "Eval")
    # Wilson's intervals, and Newcombe's of the paired difference.
    assert "0.950 (0.835 to 0.986) | +0.750 (+0.563 to +0.852) | pass |" in evaluation
    assert "- router-gold: scores: Wilson; delta: Newcombe, paired" in evaluation
    assert "30 fixed, 0 broken of 40" in evaluation
    assert "| even | 20 | 0.500 | 0.500 | +0.000 |" in section(report, "Slice Metrics")
    assert "| train | done | 30.0 s | 500 MB | not recorded" in section(report, "Performance")
    failures = section(report, "Failures")
    assert "2 of 40 examples are wrong." in failures
    assert "0 fixed, 1 broken (39)" in failures


def test_a_report_is_made_anew_with_the_same_bytes_and_validates(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first
    assert checks.check_folder(run) == []
    put(run / "eval-regression-candidate.json", "/score", 0.5)
    assert "report-numbers" in {one.rule for one in checks.check_folder(run)}


def test_what_was_not_measured_is_not_recorded_and_makes_no_delta(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    put(run / "eval-baseline.json", "/latency_ms", None)
    (run / "eval-regression-baseline.json").unlink()
    report = render_report(load(run))
    latency = next(line for line in report.split("\n") if line.startswith("| Latency"))
    assert latency == "| Latency in batches, an upper bound | not recorded | 12 ms | not recorded |"
    breadth = next(line for line in report.split("\n") if line.startswith("| router-breadth"))
    assert "| not recorded | 0.950 (0.835 to 0.986) | not recorded | undecided |" in breadth
    assert "eval-regression-baseline.json" not in section(report, "Target")
    assert section(report, "Decision").strip() == "Not decided yet."
    assert "0 ms" not in report.replace("12 ms", "")


def test_an_empty_folder_has_a_report_without_a_number(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "empty"
    run.mkdir(parents=True)
    report = render_report(load(run))
    assert [line[3:] for line in report.split("\n") if line.startswith("## ")] == HEADINGS
    assert "There are no gates" in report
    assert read_eval_tables(report)[0].candidate is None


def test_failures_are_counted_by_what_is_wrong(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path, right=(8, 36))
    path = run / "rows-candidate.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    errors = ["args: expected 1, got 2", "args: expected 3, got nothing", 'expected "a", got "b"']
    for row, error in zip(rows[-4:], [*errors, None], strict=True):
        row["error"] = error
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    failures = section(render_report(load(run)), "Failures")
    assert "| args is wrong | 2 |\n| another answer | 2 |" in failures


def test_the_report_stage_is_not_in_its_own_report(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    stage = {"name": "report", "kind": "report", "argv": ["{python}"]}
    folders.edit(run / "plan.json", lambda plan: plan["stages"].append(stage))
    put(run / "run-status.json", "/stages/report", {"state": "running"})
    performance = section(render_report(load(run)), "Performance")
    assert "| train |" in performance and "| report |" not in performance


def test_three_zero_counts_were_never_counted(tmp_path: Path) -> None:
    run = folders.make_foreign(tmp_path)
    put(run / "dataset.json", "/counts", {"train_rows": 0, "heldout_rows": 0, "dropped_rows": 0})
    assert "- Training rows: not recorded" in render_report(load(run))


def test_overrides_blockers_and_routing_are_said(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    override = {"gate": "primary_min", "verdict": "fail", "why": "for *one* user"}
    put(run / "decision.json", "/overrides", [override])
    put(run / "decision.json", "/blocked_by", ["licence"])
    folders.artifact(run, routing_constraint="router only")
    decision = section(render_report(load(run)), "Decision")
    assert "- Shipped over the gate primary\\_min (fail): for \\*one\\* user" in decision
    assert "- Blocked by: licence" in decision and "- Routing constraint: router only" in decision


# --- what was tried, how sure it is, and what does not match any more -----------------------------


def test_it_says_how_sure_and_what_is_missing(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path, right=(20, 22), primary_min=0.6)
    sample = {"sample": "first 20", "sample_sha256": "a" * 64, "n": 20, "median_ms": 31.4}
    put(run / "eval-candidate.json", "/latency", sample | {"p95_ms": 48.0})
    put(run / "eval-candidate.json", "/format", {"parsed": 0.975, "cut_off": 0.0})
    put(run / "eval-candidate.json", "/safety_violations", 2)
    report = render_report(load(run))
    evaluation = section(report, "Eval")
    assert "- Difference on router-gold: Within the noise: +5.0 pp" in evaluation
    assert "Newcombe, paired; McNemar, exact" in evaluation
    assert "- Size of the suite: 40 rows can tell" in evaluation
    assert "to tell 10.0 pp it needs" in evaluation
    assert "- Training seeds: One training seed" in evaluation
    assert "97.5 % in the asked form" in evaluation
    assert "- Safety: 2 answers with a forbidden command in eval-candidate.json." in evaluation
    evidence = section(report, "Evidence / Exactness")
    assert "### Missing" in evidence and "Latency of one answer" not in evidence
    assert "### Verified" in evidence and "Not verified:" in evidence
    performance = section(report, "Performance")
    assert "| One answer asked alone, median | not recorded | 31 ms | not recorded |" in performance
    assert "20 prompts (first 20, sha256 aaaaaaaaaaaa)" in performance


def test_seeds_and_ceilings_and_leaks_are_said(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    config = folders.read_json(run / "config.json")
    put(run / "config.json", "/eval/seeds", [1, 2])
    digest = config["eval"]["suites"][folders.PRIMARY]
    for seed, right in ((1, 36), (2, 39)):
        answers = [k < right for k in range(40)]
        folders.write_eval(run, f"seed-{seed}", folders.PRIMARY, digest, answers)
        put(run / f"eval-seed-{seed}.json", "/seed", seed)
    ceiling = {
        "suite": folders.PRIMARY,
        "suite_sha256": digest,
        "model": "large",
        "command": "eval large",
        "date": folders.time(),
        "score": 0.2,
        "n": 40,
    }
    folders.write_json(run / "ceilings.json", {"ceilings": [ceiling]})
    evaluation = section(render_report(load(run)), "Eval")
    assert "Mean of 3 seeds 0.942" in evaluation and "with probability 1.00" in evaluation
    assert "broken, not hard: large scores 0.200" in evaluation and "eval large" in evaluation
    (run / "eval-seed-2.json").unlink()
    assert "Not every seed counts. eval-seed-2.json" in render_report(load(run))


def test_attempts_stand_among_the_failures_and_routed_in_the_title(tmp_path: Path) -> None:
    first = folders.make_run(tmp_path, run_id="2026-11-18-router", right=(8, 9))
    put(first / "config.json", "/created", "2026-11-18T09:00:00Z")
    folders.write_json(first / "decision.json", folders.REJECT)
    run = folders.make_shipped(tmp_path)
    folders.artifact(run, routing_constraint="router only")
    report = report_of(run)
    assert report.startswith(f"# {run.name} (routed)\n")
    attempts = section(report, "Failures").split("### Attempts\n")[1]
    row = (
        "| 2026-11-18-router | sft-lora | 0.200 → 0.225 | reject | No replay in the mix. "
        "| inferred | Keep a fifth of breadth rows. |"
    )
    assert row in attempts
    assert f"| {run.name} (this run) | sft-lora | 0.200 → 0.950 | ship, routed |" in attempts


def rules(run: Path) -> set[str]:
    return {one.rule for one in check(run).findings if one.file == "report.md"}


def test_a_report_is_found_to_be_older_than_its_records(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    write_report(run)
    assert rules(run) == set()
    put(run / "dataset.json", "/counts/train_rows", 61)
    assert rules(run) == {"report-older"}
    write_report(run)
    assert rules(run) == set()


@pytest.mark.parametrize(
    ("was", "typed"),
    [
        ("| even | 20 | 0.500 | 0.500 |", "| even | 20 | 0.500 | 0.900 |"),
        ("| 900 tok/s | 900 tok/s |", "| 900 tok/s | 2,900 tok/s |"),
        ("| breadth drop | ≤ 8.0 pp | 2.5 pp |", "| breadth drop | ≤ 8.0 pp | 0.5 pp |"),
    ],
)
def test_a_number_that_somebody_typed_is_found(tmp_path: Path, was: str, typed: str) -> None:
    run = folders.make_shipped(tmp_path)
    path = write_report(run)
    text = path.read_text("utf-8")
    assert was in text
    path.write_text(text.replace(was, typed), "utf-8")
    found = [one for one in check(run).findings if one.rule == "report-edited"]
    assert len(found) == 1 and found[0].line == text[: text.index(was)].count("\n") + 1


def test_what_a_person_adds_is_no_error(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    path = write_report(run)
    added = "## Data\n\nI looked at 12 rows; 0.99 of them were fine.\n\n| mine | 3 |\n|---|---|\n"
    text = path.read_text("utf-8").replace("## Data\n", added)
    path.write_text(text + "\n## My notes\n\n| x | 0.5 |\n|---|---|\n", "utf-8")
    assert rules(run) == set()


# --- what a model wrote stays text ----------------------------------------------------------------

EVIL = (
    "a|b `code` <script>alert(1)</script> **bold** [x](javascript:alert(1)) "
    "![i](https://example.org/i.png) https://example.org \x1b[31mred\x1b[0m\r\n# heading\n"
    "| Metric | Baseline | Candidate |\u202e"
)


def test_answers_cannot_break_out_of_their_cell(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    path = run / "rows-candidate.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for row in rows[-2:]:
        row |= {"got": EVIL, "prompt": EVIL[:60], "id": "x|y" + row["id"], "slice": "`"}
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    put(run / "config.json", "/owner_goal", EVIL)
    report = render_report(load(run))
    assert all(char.isprintable() or char == "\n" for char in report)
    assert [line[3:] for line in report.split("\n") if line.startswith("## ")] == HEADINGS
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(report)
    for tag in ("<script", "<a ", "<img", "<code>"):
        assert tag not in html
    assert html.count("<td>x|y") == 2
    assert len(read_eval_tables(report)) == 2


@given(text=st.text())
def test_escaped_text_reads_as_itself(text: str) -> None:
    line = paragraph(text)
    assert "\n" not in line and "\r" not in line
    rendered = MarkdownIt("commonmark", {"html": True}).render(f"- {line}") if line else ""
    # A list with one item and nothing in it but text: <ul>, <li>, and their ends.
    assert rendered.count("<") == (4 if line else 0)
    inline = MarkdownIt("commonmark", {"html": True}).enable("table").parseInline(escape(text))
    children = inline[0].children or []
    assert {child.type for child in children} <= {"text", "text_special", "softbreak"}


def test_visible_and_clip() -> None:
    assert visible("a\x00\x1b\x7f\u202e\nb\tc") == "a␀␛␡�⏎b c"
    assert clip("abcdef", 4) == "abc…" and clip("abcd", 4) == "abcd"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "not recorded"),
        (0.04, "0.0 s"),
        (59.94, "59.9 s"),
        (80, "1 min 20 s"),
        (7500, "2 h 05 min"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_deltas() -> None:
    assert delta(0.2, 0.95) == "+0.750" and delta(0.9, 0.8) == "-0.100"
    assert delta(None, 0.5) == delta(0.5, None) == "not recorded"
