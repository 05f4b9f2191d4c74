"""Each rule fires on the one thing that is wrong, and stays silent on a good folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine import checks
from engine.checks.finding import Finding, Severity
from tests.engine import folders
from tests.engine.folders import edit, put

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


def found(run: Path, *, worth: tuple[Severity, ...] = (ERROR, WARNING)) -> list[Finding]:
    return [one for one in checks.check_folder(run) if one.severity in worth]


# --- good folders are silent -----------------------------------------------------------------


def test_a_run_that_waits_for_its_decision(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    assert found(run) == []
    assert [one.rule for one in checks.check_folder(run)] == ["undecided"]


def test_a_shipped_run(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    (run / "report.md").write_text("# x\n", "utf-8")
    assert checks.check_folder(run) == []


def test_a_rejected_run(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path, phase="decided", breadth=(39, 10))
    folders.write_json(run / "decision.json", folders.REJECT)
    (run / "report.md").write_text("# x\n", "utf-8")
    assert checks.check_folder(run) == []


def test_a_folder_of_another_tool_needs_none_of_our_files(tmp_path: Path) -> None:
    assert checks.check_folder(folders.make_foreign(tmp_path)) == []


def test_another_tools_gain_without_counts_is_shipped_with_a_warning(tmp_path: Path) -> None:
    (problem,) = checks.check_folder(folders.make_foreign(tmp_path, n=None))
    assert (problem.rule, problem.severity) == ("ship-gate", WARNING)
    assert "beats_baseline cannot be decided" in problem.message
    assert "noise was not tested" in problem.message


@pytest.mark.parametrize("phase", ["created", "data-ready", "training", "trained", "failed"])
def test_a_run_under_way_is_not_told_off_for_what_it_has_yet_to_write(
    tmp_path: Path, phase: str
) -> None:
    run = folders.make_run(tmp_path, phase=phase)
    for path in [*run.glob("eval-*"), *run.glob("rows-*"), run / "data" / "train.jsonl"]:
        path.unlink()
    put(run / "dataset.json", "/counts", {"train_rows": 60, "heldout_rows": 9, "dropped_rows": 0})

    def pending(status: Any) -> None:
        for stage in status["stages"].values():
            stage["state"] = "pending"

    edit(run / "run-status.json", pending)
    assert checks.check_folder(run) == []


def test_counts_are_not_asked_for_before_the_data_is_ready(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path, phase="created")
    put(run / "dataset.json", "/counts/heldout_rows", 0)
    assert found(run) == []


# --- one thing wrong, one rule -----------------------------------------------------------------


@dataclass(frozen=True)
class Wrong:
    """A change to a shipped run of ours, and the one finding that it must make."""

    rule: str
    severity: Severity
    file: str
    pointer: str
    change: Callable[[Path], object]
    words: str = ""
    also: tuple[str, ...] = ()
    """Rules that rightly fire as well."""


def unlink(name: str) -> Callable[[Path], object]:
    return lambda run: (run / name).unlink()


def write(name: str, text: str | bytes) -> Callable[[Path], object]:
    data = text.encode() if isinstance(text, str) else text
    return lambda run: (run / name).write_bytes(data)


def value(name: str, pointer: str, new: Any) -> Callable[[Path], object]:
    return lambda run: put(run / name, pointer, new)


def drop(name: str, key: str) -> Callable[[Path], object]:
    return lambda run: edit(run / name, lambda whole: whole.pop(key) and None)


def large(run: Path) -> None:
    with (run / "artifact.json").open("wb") as file:
        file.truncate(2**30)


def linked(run: Path) -> None:
    elsewhere = run.parent.parent / "elsewhere.json"
    (run / "artifact.json").rename(elsewhere)
    (run / "artifact.json").symlink_to(elsewhere)


def reject_shipped(run: Path) -> None:
    folders.write_json(run / "decision.json", folders.REJECT)


def less_right(run: Path) -> None:
    digest = folders.read_json(run / "eval-candidate.json")["suite_sha256"]
    folders.write_eval(run, "candidate", folders.PRIMARY, digest, [k < 20 for k in range(40)])


def gap(run: Path) -> None:
    lines = (run / "events.jsonl").read_text("utf-8").replace('"seq":1,', '"seq":5,')
    (run / "events.jsonl").write_text(lines, "utf-8")


def append(name: str, text: str) -> Callable[[Path], object]:
    def change(run: Path) -> None:
        with (run / name).open("a", encoding="utf-8") as file:
            file.write(text)

    return change


def change_target(name: str) -> Callable[[Path], object]:
    path = f"targets/router/dataset/{name}"
    return lambda run: append(path, '{"prompt": "new", "completion": "{\\"cmd\\": 1}"}\n')(
        run.parent.parent
    )


def leak(run: Path) -> None:
    gold = run.parent.parent / "targets/router/dataset/gold.jsonl"
    first = json.loads(gold.read_text("utf-8").splitlines()[0])
    first["messages"][0]["content"] = "  Fly to POINT 0"
    append("data/train.jsonl", json.dumps(first) + "\n")(run)


def no_frozen_event(run: Path) -> None:
    folders.write_events(run / "events.jsonl", [{"kind": "message", "code": "x", "text": "y"}])


def not_decided(phase: str) -> Callable[[Path], object]:
    return value("run-status.json", "/phase", phase)


def dead_supervisor(run: Path) -> None:
    def change(status: Any) -> None:
        status["phase"] = "training"
        status["supervisor"] = {"pid": 2**22 + 7, "started": 1.0}
        status["stages"]["train"]["state"] = "running"

    edit(run / "run-status.json", change)
    (run / "decision.json").unlink()
    (run / "artifact.json").unlink()


def report_with(number: str) -> Callable[[Path], object]:
    text = (
        "## Eval\n\n| Metric | Baseline | Candidate | Delta | Pass |\n"
        "| --- | --- | --- | --- | --- |\n"
        f"| {folders.PRIMARY}, n = 40 | 0.200 (0.1 to 0.3) | {number} | +0.75 | pass |\n"
    )
    return write("report.md", text)


def witnessed(change: Callable[[Path], object]) -> Callable[[Path], object]:
    """The change after everything was noted that is noted while a run is made."""

    def both(run: Path) -> None:
        folders.witness(run)
        change(run)

    return both


def unsearched(run: Path) -> None:
    for name in ("leakage.json", "data/train.jsonl"):
        (run / name).unlink()
    put(run / "dataset.json", "/sources/0/path", "dataset/generator.py")


def seen_by_the_generator(run: Path) -> None:
    put(run / "leakage.json", "/suites/0/shown", 2)


def scored_by(**changes: Any) -> Callable[[Path], object]:
    def change(run: Path) -> None:
        edit(run / "eval-candidate.json", lambda record: record.update(changes))

    return change


def first_row(**changes: Any) -> Callable[[Path], object]:
    """Another first row of the candidate, in a record that agrees with it."""

    def change(run: Path) -> None:
        path = run / "rows-candidate.jsonl"
        first, *others = path.read_text("utf-8").splitlines()
        path.write_text("\n".join([json.dumps(json.loads(first) | changes), *others]), "utf-8")
        put(run / "eval-candidate.json", "/rows_sha256", folders.sha256(path))

    return change


def another_scorer_file(run: Path) -> None:
    (run.parent.parent / "targets/router/scorer.py").write_text("x = 1\n", "utf-8")
    for name in ("eval-baseline.json", "eval-candidate.json"):
        put(run / name, "/scorer_sha256", "a" * 64)


CASES = [
    Wrong("file-missing", ERROR, "config.json", "", unlink("config.json")),
    Wrong("file-missing", ERROR, "dataset.json", "", unlink("dataset.json")),
    Wrong("file-missing", ERROR, "plan.json", "", unlink("plan.json")),
    Wrong("file-missing", ERROR, "events.jsonl", "", unlink("events.jsonl")),
    Wrong("file-missing", ERROR, "run-status.json", "", unlink("run-status.json")),
    Wrong("file-missing", ERROR, "decision.json", "", unlink("decision.json")),
    Wrong(
        "file-missing",
        ERROR,
        "eval-candidate.json",
        "",
        unlink("eval-candidate.json"),
        also=("ship-gate", "evidence-missing"),
    ),
    Wrong(
        "stage-output",
        ERROR,
        "eval-regression-candidate.json",
        "",
        unlink("eval-regression-candidate.json"),
        also=("ship-gate",),
    ),
    Wrong("report-missing", WARNING, "report.md", "", unlink("report.md")),
    Wrong("file-empty", ERROR, "artifact.json", "", write("artifact.json", " \n")),
    Wrong("file-cut-off", ERROR, "artifact.json", "", write("artifact.json", '{"kind": "ad')),
    Wrong("file-cut-off", ERROR, "artifact.json", "", write("artifact.json", '{"kind": ')),
    Wrong("file-not-json", ERROR, "artifact.json", "", write("artifact.json", "{'kind': 1}")),
    Wrong("file-not-utf8", ERROR, "artifact.json", "", write("artifact.json", b'{"kind": "\xff"}')),
    Wrong("file-too-deep", ERROR, "artifact.json", "", write("artifact.json", "[" * 100_000)),
    Wrong("file-too-large", ERROR, "artifact.json", "", large),
    Wrong("file-outside", ERROR, "artifact.json", "", linked),
    Wrong("file-shape", ERROR, "artifact.json", "", write("artifact.json", "[1, 2]")),
    Wrong(
        "file-shape",
        ERROR,
        "artifact.json",
        "/shipped",
        value("artifact.json", "/shipped", "perhaps"),
    ),
    Wrong("key-missing", ERROR, "artifact.json", "/format", drop("artifact.json", "format")),
    Wrong(
        "key-twice",
        WARNING,
        "artifact.json",
        "",
        lambda run: (run / "artifact.json").write_text(
            (run / "artifact.json").read_text("utf-8").replace("{", '{"kind": "model", ', 1),
            "utf-8",
        ),
    ),
    Wrong(
        "empty-text", ERROR, "decision.json", "/reason", value("decision.json", "/reason", " \t")
    ),
    Wrong(
        "decision-unknown",
        ERROR,
        "decision.json",
        "/decision",
        value("decision.json", "/decision", "maybe"),
        "Use ship, reject",
    ),
    Wrong(
        "score-not-finite",
        ERROR,
        "eval-candidate.json",
        "/score",
        value("eval-candidate.json", "/score", float("nan")),
        also=("ship-gate",),
    ),
    Wrong(
        "number-not-finite",
        ERROR,
        "config.json",
        "/eval/threshold/primary_min",
        value("config.json", "/eval/threshold/primary_min", float("inf")),
    ),
    Wrong("run-id", ERROR, "config.json", "/run_id", value("config.json", "/run_id", "../other")),
    Wrong(
        "run-id", ERROR, "run-status.json", "/run_id", value("run-status.json", "/run_id", "other")
    ),
    Wrong("phase-decided", WARNING, "run-status.json", "/phase", not_decided("reporting")),
    Wrong("supervisor-gone", WARNING, "run-status.json", "/supervisor", dead_supervisor),
    Wrong("events-gap", ERROR, "events.jsonl", "", gap, "number 5 stands where 1 belongs"),
    Wrong("events-broken", WARNING, "events.jsonl", "", append("events.jsonl", '{"seq":2,"t\n')),
    Wrong("events-broken", WARNING, "events.jsonl", "", append("events.jsonl", '{"seq":2')),
    Wrong("frozen-missing", ERROR, "events.jsonl", "", no_frozen_event),
    Wrong(
        "threshold-changed",
        ERROR,
        "config.json",
        "/eval/threshold/primary_min",
        value("config.json", "/eval/threshold/primary_min", 0.5),
        "it was 0.9",
    ),
    Wrong(
        "threshold-changed",
        ERROR,
        "config.json",
        "/eval/threshold/breadth_drop_max_pp",
        value("config.json", "/eval/threshold/breadth_drop_max_pp", None),
        "is not set",
    ),
    Wrong("plan-changed", ERROR, "plan.json", "", append("plan.json", " \n")),
    Wrong(
        "suite-changed",
        ERROR,
        "config.json",
        "/eval/suites",
        value("config.json", f"/eval/suites/{folders.BREADTH}", "a" * 64),
    ),
    Wrong(
        "suite-changed",
        ERROR,
        "eval-candidate.json",
        "/suite_sha256",
        value("eval-candidate.json", "/suite_sha256", "a" * 64),
        also=("suite-mismatch", "ship-gate"),
    ),
    Wrong(
        "suite-changed",
        WARNING,
        "config.json",
        f"/eval/suites/{folders.PRIMARY}",
        change_target("gold.jsonl"),
    ),
    Wrong(
        "suite-missing",
        WARNING,
        "plan.json",
        "",
        lambda run: (run.parent.parent / "targets/router/dataset/gold.jsonl").unlink(),
    ),
    Wrong("data-source", ERROR, "dataset.json", "/sources", value("dataset.json", "/sources", [])),
    Wrong(
        "data-source",
        ERROR,
        "dataset.json",
        "/sources/0/path",
        value("dataset.json", "/sources/0/path", " "),
    ),
    Wrong(
        "data-source",
        ERROR,
        "dataset.json",
        "/sources/0/kind",
        value("dataset.json", "/sources/0", {"path": "x"}),
    ),
    Wrong(
        "heldout-zero",
        ERROR,
        "dataset.json",
        "/counts/heldout_rows",
        value("dataset.json", "/counts/heldout_rows", 0),
    ),
    Wrong(
        "data-hash", ERROR, "dataset.json", "/sources/0/sha256", change_target("canonical.jsonl")
    ),
    Wrong(
        "data-missing",
        WARNING,
        "dataset.json",
        "/sources/0/path",
        lambda run: (run.parent.parent / "targets/router/dataset/canonical.jsonl").unlink(),
    ),
    Wrong(
        "file-outside",
        ERROR,
        "dataset.json",
        "/sources/0/path",
        value("dataset.json", "/sources/0/path", "../../../../etc/passwd"),
    ),
    Wrong(
        "gold-leak",
        ERROR,
        "data/train.jsonl",
        "",
        leak,
        "1 prompt of the suite router-gold",
        also=("leakage-stale",),
    ),
    Wrong(
        "leakage-stale",
        ERROR,
        "leakage.json",
        "/training_sha256",
        append("data/train.jsonl", '{"prompt": "another", "completion": "x"}\n'),
        "data/train.jsonl changed since",
    ),
    Wrong(
        "leakage-unknown",
        ERROR,
        "leakage.json",
        "",
        unsearched,
        "Leakage was not searched: the training rows are not there.",
        also=("data-missing",),
    ),
    Wrong(
        "gold-shown",
        WARNING,
        "dataset.json",
        "/shown",
        seen_by_the_generator,
        "2 prompts of the suite router-gold were shown to the data generator",
    ),
    Wrong(
        "frozen-changed",
        ERROR,
        "events.jsonl",
        "",
        witnessed(
            lambda run: (run / "events.jsonl").write_text(
                (run / "events.jsonl")
                .read_text("utf-8")
                .replace('"t":"2026-11-20', '"t":"2026-11-19', 1)
            )
        ),
    ),
    Wrong(
        "record-changed",
        ERROR,
        "eval-candidate.json",
        "",
        witnessed(value("eval-candidate.json", "/model_id", "another")),
        "is not as it was measured",
    ),
    Wrong(
        "data-changed",
        ERROR,
        "data/train.jsonl",
        "",
        witnessed(append("data/train.jsonl", "\n")),
        also=("leakage-stale",),
    ),
    Wrong(
        "adapter-changed",
        ERROR,
        "adapters/adapters.safetensors",
        "",
        witnessed(write("adapters/adapters.safetensors", b"another's")),
    ),
    Wrong(
        "rows-suite",
        ERROR,
        "rows-candidate.jsonl",
        "",
        first_row(prompt="an easier one"),
        "Example 1 of rows-candidate.jsonl has another prompt in the suite",
    ),
    Wrong(
        "rows-suite",
        ERROR,
        "rows-candidate.jsonl",
        "",
        first_row(id="x"),
        "Example x of rows-candidate.jsonl is not in the suite router-gold",
        also=("ship-gate",),
    ),
    Wrong(
        "rows-rescored",
        ERROR,
        "rows-candidate.jsonl",
        "",
        first_row(got="no idea"),
        "Example 1 of rows-candidate.jsonl is recorded with 1; json_cmd gives its answer 0.",
    ),
    Wrong(
        "ruler-mismatch",
        ERROR,
        "eval-candidate.json",
        "/scorer_options",
        scored_by(scorer_options={"ignore": ["args"]}),
        also=("ship-gate",),
    ),
    Wrong(
        "ruler-mismatch",
        ERROR,
        "eval-candidate.json",
        "/scorer",
        scored_by(scorer="custom"),
        also=("ship-gate",),
    ),
    Wrong(
        "ruler-changed",
        WARNING,
        "eval-baseline.json",
        "/scorer_sha256",
        another_scorer_file,
        "scorer.py changed since router-gold was measured with it",
    ),
    Wrong(
        "suite-mismatch",
        ERROR,
        "eval-candidate.json",
        "/suite",
        value("eval-candidate.json", "/suite", "easier"),
        also=("suite-primary", "ship-gate"),
    ),
    Wrong(
        "suite-primary",
        ERROR,
        "eval-candidate.json",
        "/suite",
        value("config.json", "/eval/primary", "harder"),
        also=("primary-changed", "ship-gate"),
    ),
    Wrong("rows-missing", ERROR, "eval-baseline.json", "/rows_file", unlink("rows-baseline.jsonl")),
    Wrong(
        "rows-hash",
        ERROR,
        "eval-baseline.json",
        "/rows_sha256",
        append("rows-baseline.jsonl", "\n"),
    ),
    Wrong(
        "rows-score",
        ERROR,
        "eval-candidate.json",
        "/score",
        value("eval-candidate.json", "/score", 0.99),
        "its rows give 0.9500",
    ),
    Wrong("rows-score", ERROR, "eval-candidate.json", "/n", value("eval-candidate.json", "/n", 41)),
    Wrong(
        "rows-shape",
        ERROR,
        "rows-baseline.jsonl",
        "",
        write("rows-baseline.jsonl", '{"id": "1"}\n[]\n'),
        "line 1: prompt",
        also=("rows-hash",),
    ),
    Wrong(
        "file-outside",
        ERROR,
        "eval-baseline.json",
        "/rows_file",
        value("eval-baseline.json", "/rows_file", "../../rows.jsonl"),
        also=("rows-missing",),
    ),
    Wrong("ship-gate", ERROR, "decision.json", "/decision", less_right, "primary_min fails"),
    Wrong(
        "ship-without-artifact",
        ERROR,
        "artifact.json",
        "",
        unlink("artifact.json"),
    ),
    Wrong(
        "ship-not-shipped",
        ERROR,
        "artifact.json",
        "/shipped",
        value("artifact.json", "/shipped", False),
    ),
    Wrong(
        "shipped-without-ship",
        ERROR,
        "artifact.json",
        "/shipped",
        reject_shipped,
    ),
    Wrong(
        "artifact-base-model",
        ERROR,
        "artifact.json",
        "/base_model",
        value("artifact.json", "/base_model", "another/model"),
    ),
    Wrong(
        "ship-blocked",
        ERROR,
        "decision.json",
        "/blocked_by",
        value("decision.json", "/blocked_by", ["no licence", "no host"]),
        "no licence; no host",
    ),
    Wrong(
        "evidence-missing",
        ERROR,
        "decision.json",
        "/evidence_sources/1",
        value("decision.json", "/evidence_sources", ["eval-candidate.json", "eval-human.json"]),
    ),
    Wrong(
        "override-unknown",
        WARNING,
        "decision.json",
        "/overrides/0",
        value(
            "decision.json", "/overrides", [{"gate": "luck", "verdict": "fail", "why": "because"}]
        ),
        "there is no gate luck",
    ),
    Wrong(
        "override-unknown",
        WARNING,
        "decision.json",
        "/overrides/0",
        value(
            "decision.json",
            "/overrides",
            [{"gate": "primary_min", "verdict": "fail", "why": "because"}],
        ),
        "passes and needs no override",
    ),
    Wrong("report-numbers", ERROR, "report.md", "", report_with("0.99"), "says 0.99"),
    Wrong(
        "report-stale",
        WARNING,
        "report.md",
        "",
        write("report.md", "# x\n\n## Decision\n\nNot decided yet.\n"),
        "that nothing is decided",
    ),
    Wrong(
        "report-stale",
        WARNING,
        "report.md",
        "",
        write("report.md", "# x\n\n## Decision\n\n**park**: later\n"),
        "says park",
    ),
    Wrong(
        "primary-changed",
        ERROR,
        "config.json",
        "/eval/direction",
        value("config.json", "/eval/direction", "lower"),
        also=("ship-gate",),
    ),
    Wrong(
        "sealed-changed",
        ERROR,
        "config.json",
        "/eval/sealed",
        lambda run: edit(
            run / "config.json",
            lambda config: config["eval"].update(sealed={"name": "s", "sha256": "c" * 64}),
        ),
    ),
    Wrong(
        "sealed-unsaid",
        ERROR,
        "config.json",
        "/eval/opens",
        value("config.json", "/eval/opens", "router-gold"),
    ),
    Wrong(
        "override-unrouted",
        ERROR,
        "artifact.json",
        "/routing_constraint",
        value(
            "decision.json",
            "/overrides",
            [{"gate": "breadth_drop_max_pp", "verdict": "fail", "why": "because"}],
        ),
        also=("override-unknown",),
    ),
]


@pytest.mark.parametrize("wrong", CASES, ids=lambda wrong: f"{wrong.rule}-{wrong.file}")
def test_one_thing_wrong_is_found(tmp_path: Path, wrong: Wrong) -> None:
    run = folders.make_shipped(tmp_path)
    (run / "report.md").write_text("# x\n", "utf-8")
    assert found(run) == []
    wrong.change(run)
    all_found = found(run)
    hits = [
        one
        for one in all_found
        if (one.rule, one.severity, one.file, one.pointer)
        == (wrong.rule, wrong.severity, wrong.file, wrong.pointer)
    ]
    assert hits, all_found
    assert any(wrong.words in f"{one.message} {one.fix}" for one in hits)
    for one in hits:
        assert one.message.endswith(".") and len(one.fix) > 5
    unexpected = {one.rule for one in all_found} - {wrong.rule, *wrong.also}
    assert not unexpected, all_found


# --- rules that depend on more than one thing ----------------------------------------------------


def rules(run: Path, *worth: Severity) -> set[str]:
    return {one.rule for one in found(run, worth=worth or (ERROR, WARNING))}


def test_a_passed_flag_that_lies(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path, right=(8, 20))
    put(run / "eval-candidate.json", "/passed", True)
    assert rules(run) == {"passed-flag"}
    put(run / "eval-candidate.json", "/passed", False)
    assert rules(run) == set()


def test_a_ship_over_failing_gates_names_each(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path, right=(20, 22), breadth=(39, 10))
    (run / "report.md").write_text("x", "utf-8")
    errors = [one for one in found(run) if one.rule == "ship-gate"]
    assert [one.message.split("the gate ")[1].split(" ")[0] for one in errors] == [
        "primary_min",
        "beats_baseline",
        "breadth_drop_max_pp",
    ]
    assert "cannot be decided" in errors[1].message and "within the noise" in errors[1].message
    put(
        run / "decision.json",
        "/overrides",
        [
            {"gate": "primary_min", "verdict": "fail", "why": "good enough"},
            {"gate": "beats_baseline", "verdict": "undecided", "why": "good enough"},
            {"gate": "breadth_drop_max_pp", "verdict": "fail", "why": "routed"},
        ],
    )
    assert rules(run) == {"override-unrouted"}
    folders.artifact(run, routing_constraint="router only")
    assert rules(run) == set()
    assert [one.rule for one in found(run, worth=(INFO,))] == ["ship-gate"] * 3
    put(run / "decision.json", "/overrides/1/verdict", "fail")
    assert rules(run) == {"override-unknown"}


def test_another_tools_routing_constraint_softens_the_breadth_gate_only(tmp_path: Path) -> None:
    run = folders.make_foreign(tmp_path)
    put(run / "eval-regression-candidate.json", "/score", 0.423)
    put(run / "eval-regression-candidate.json", "/passed", False)
    assert [(one.rule, one.severity) for one in found(run)] == [("ship-gate", ERROR)]
    put(run / "artifact.json", "/routing_constraint", " ")
    assert [(one.rule, one.severity) for one in found(run)] == [("ship-gate", ERROR)]
    put(run / "artifact.json", "/routing_constraint", "file operations only")
    assert [(one.rule, one.severity) for one in found(run)] == [("ship-gate", WARNING)]
    put(run / "eval-candidate.json", "/score", 0.94)
    assert ERROR in {one.severity for one in found(run)}


def test_a_ship_without_regression_evidence_cannot_be_decided(tmp_path: Path) -> None:
    run = folders.make_foreign(tmp_path)
    (run / "eval-regression-candidate.json").unlink()
    (problem,) = found(run)
    assert problem.rule == "ship-gate" and "cannot be decided" in problem.message


@pytest.mark.parametrize("key", ["failure_reason", "lesson"])
def test_what_a_rejection_owes(tmp_path: Path, key: str) -> None:
    run = folders.make_run(tmp_path, phase="decided")
    (run / "report.md").write_text("x", "utf-8")
    folders.write_json(run / "decision.json", folders.REJECT | {key: " "})
    (problem,) = found(run)
    assert (problem.severity, problem.pointer) == (ERROR, f"/{key}")
    foreign = folders.make_foreign(tmp_path, folders.REJECT | {key: None})
    put(foreign / "artifact.json", "/shipped", False)
    (problem,) = found(foreign)
    assert (problem.severity, problem.pointer) == (WARNING, f"/{key}")


def test_another_tools_zero_counts_are_a_warning(tmp_path: Path) -> None:
    run = folders.make_foreign(tmp_path)
    counts = {"train_rows": 0, "heldout_rows": 0, "dropped_rows": 0}
    put(run / "dataset.json", "/counts", counts)
    (problem,) = found(run)
    assert (problem.rule, problem.severity) == ("heldout-zero", WARNING)


def test_what_is_sealed_is_not_measured_on(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    gold = folders.read_json(run / "config.json")["eval"]["suites"][folders.PRIMARY]
    sealed = {"name": "router-sealed", "sha256": gold}
    edit(run / "config.json", lambda config: config["eval"].update(sealed=sealed))
    seen = {(one.rule, one.file) for one in found(run)}
    assert seen >= {
        ("sealed-seen", "eval-baseline.json"),
        ("sealed-seen", "eval-candidate.json"),
    }


def test_a_further_seed_is_measured_on_the_same_suite(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    edit(run / "config.json", lambda config: config["eval"].update(seeds=[1]))
    folders.write_eval(run, "seed-1", folders.PRIMARY, "b" * 64, [True] * 40)
    assert ("suite-mismatch", "eval-seed-1.json") in {(one.rule, one.file) for one in found(run)}


def test_evidence_in_words_or_behind_a_link_is_not_looked_for(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    (run / "report.md").write_text("x", "utf-8")
    sources = ["read 20 answers", "https://example.org/a.json", "eval-candidate.json#/score"]
    put(run / "decision.json", "/evidence_sources", sources)
    assert rules(run) == set()


def test_a_suite_that_changes_before_it_was_measured_is_an_error(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path, phase="training")
    change_target("gold.jsonl")(run)
    assert (ERROR, "suite-changed") in {(one.severity, one.rule) for one in found(run)}


def test_weights_that_lie_elsewhere_are_only_said(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    (run / "report.md").write_text("x", "utf-8")
    folders.artifact(run, path="adapters/moved-away")
    assert [(one.rule, one.severity) for one in checks.check_folder(run)] == [
        ("artifact-missing", INFO)
    ]


def test_another_tools_rows_may_hold_anything(tmp_path: Path) -> None:
    run = folders.make_foreign(tmp_path)
    (run / "rows-candidate.jsonl").write_text('{"theirs": 1}\n', "utf-8")
    assert checks.check_folder(run) == []


def test_scores_in_per_cent_against_a_share(tmp_path: Path) -> None:
    run = folders.make_foreign(tmp_path)
    put(run / "eval-candidate.json", "/score", 97.0)
    assert "score-scale" in rules(run)


def test_the_report_of_another_tool_is_held_against_its_records(tmp_path: Path) -> None:
    run = folders.make_foreign(tmp_path)
    table = (
        "| Metric | Baseline | Candidate | Delta | Pass |\n|:--|--:|--:|--:|--|\n"
        "| Primary score | 70.0% | **97%** | +27 | yes |\n"
        "| Breadth | 0.6 | {} | | yes |\n| Latency (ms) | 12 | 900 | | |\n"
    )
    (run / "report.md").write_text(table.format("0.58"), "utf-8")
    assert found(run) == []
    (run / "report.md").write_text(table.format("0.61"), "utf-8")
    (problem,) = found(run)
    assert problem.rule == "report-numbers" and "Line 4" in problem.message


def test_a_file_without_the_right_to_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = folders.make_shipped(tmp_path)
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "artifact.json":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "file-unreadable" in rules(run)


def test_all_findings_come_at_once_errors_first(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    put(run / "artifact.json", "/shipped", False)
    put(run / "decision.json", "/blocked_by", ["no licence"])
    put(run / "config.json", "/run_id", "other")
    everything = checks.check_folder(run)
    severities = [one.severity for one in everything]
    assert severities == sorted(severities, key=list(Severity).index)
    assert {"ship-not-shipped", "ship-blocked", "run-id"} <= {one.rule for one in everything}
    assert set(everything[0].to_json()) == {
        "rule",
        "severity",
        "file",
        "pointer",
        "message",
        "fix",
    }
