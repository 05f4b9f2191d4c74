"""Whatever a folder holds, it is read without an exception."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import checks
from engine.checks import leak_search, streams
from engine.checks.contents import load
from engine.checks.outside import evidence_file
from engine.checks.pointers import line_of
from engine.checks.report_table import read_eval_tables
from engine.checks.streams import read_events
from engine.publish.report import render_report
from tests.engine import folders
from tests.engine.folders import put

FILES = [
    "config.json",
    "dataset.json",
    "plan.json",
    "run-status.json",
    "decision.json",
    "artifact.json",
    "eval-candidate.json",
    "eval-regression-baseline.json",
    "rows-candidate.jsonl",
    "events.jsonl",
    "report.md",
]

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folders.make_shipped(tmp_path_factory.mktemp("workspace"))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from(FILES),
    data=st.binary(max_size=80) | _JSON.map(lambda value: json.dumps(value).encode()),
)
def test_any_bytes_in_any_file(shipped: Path, name: str, data: bytes) -> None:
    path = shipped / name
    before = path.read_bytes() if path.exists() else None
    try:
        path.write_bytes(data)
        findings = checks.check_folder(shipped)
        assert all(one.message and one.fix for one in findings)
        assert render_report(load(shipped)).startswith("# 2026-11-20-router\n")
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_value_at_any_place_of_a_record(shipped: Path, data: st.DataObject) -> None:
    path = shipped / data.draw(st.sampled_from([name for name in FILES if name.endswith(".json")]))
    before = path.read_bytes()
    value = json.loads(before)
    node = value
    while isinstance(node, dict | list) and node:
        keys = sorted(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        child = node[key]
        if not isinstance(child, dict | list) or not child or data.draw(st.booleans()):
            node[key] = data.draw(_JSON)
            break
        node = child
    try:
        path.write_text(json.dumps(value), "utf-8")
        assert all(one.message and one.fix for one in checks.check_folder(shipped))
        assert render_report(load(shipped)).endswith("\n")
    finally:
        path.write_bytes(before)


def test_an_empty_folder_and_odd_files(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "empty"
    run.mkdir(parents=True)
    assert {one.rule for one in checks.check_folder(run)} == {"file-missing", "report-missing"}
    (run / "config.json").mkdir()
    os.mkfifo(run / "dataset.json")
    (run / "decision.json").symlink_to("decision.json")
    found = {(one.rule, one.file) for one in checks.check_folder(run)}
    for name in ("config.json", "dataset.json", "decision.json"):
        assert ("file-unreadable", name) in found


def test_a_link_inside_the_folder_is_followed_and_one_to_rows_outside_is_not(
    tmp_path: Path,
) -> None:
    run = folders.make_shipped(tmp_path)
    (run / "artifact.json").rename(run / "real.json")
    (run / "artifact.json").symlink_to("real.json")
    rows = run / "rows-candidate.jsonl"
    rows.rename(tmp_path / "elsewhere.jsonl")
    rows.symlink_to(tmp_path / "elsewhere.jsonl")
    found = {(one.rule, one.file) for one in checks.check_folder(run)}
    assert ("file-outside", "rows-candidate.jsonl") in found
    assert ("file-outside", "artifact.json") not in found
    assert "eval-candidate.json" not in load(run).rows


def test_names_in_records_that_no_file_system_takes(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    folders.put(run / "dataset.json", "/sources/0/path", "a\u0000b")
    folders.put(run / "artifact.json", "/path", "~nobody-of-that-name/x" + "y" * 5000)
    folders.put(run / "decision.json", "/evidence_sources", ["x" * 5000 + ".json"])
    assert "evidence-missing" in {one.rule for one in checks.check_folder(run)}


def test_a_target_that_moved_away_is_no_error(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    (tmp_path / "targets").rename(tmp_path / "gone")
    assert {one.severity for one in checks.check_folder(run)} == {"info"}
    assert load(run).outside.target_dir is None


def test_events_are_read_in_pieces_with_their_gaps(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    whole = [b'{"seq":%d,"t":"x","kind":"metric"}' % k for k in range(60_000)]
    path.write_bytes(b"\n".join(whole) + b"\n")
    seen = read_events(path)
    assert (seen.count, seen.broken, seen.gaps, seen.unfinished) == (60_000, [], [], False)
    assert seen.first == {"seq": 0, "t": "x", "kind": "metric"}
    whole[10] = b'{"seq":10,"t'
    whole[20] = b'{"t": "x", "seq": 20}'
    del whole[30]
    path.write_bytes(b"\n".join(whole) + b'\n{"seq":60000')
    seen = read_events(path)
    assert seen.broken == [11] and seen.unfinished
    # A cut-off line loses a number; so does a deleted one.
    assert seen.gaps == [(12, 10, 11), (31, 30, 31)]


ODD_LINES = [
    b"",
    b"  ",
    b'{"seq":7,"cut',
    b'{"seq":12,"kind":"metric"} ',
    b'{"seq":3,"a":{"b":1}',
    b'"c":2}{"seq":4,"kind":"x"}',
    b'{"seq":true}',
    b'{"kind": "record", "seq": 5, "file": "a.json", "sha256": "0"}',
    b'{"seq":6,"kind":"record","file":"b.json"}',
    b'{"seq":8,"kind":"suite-opened","sha256":"1"}',
    b'{"seq":9,"text":"\xff"}',
    b'{"seq":10}{"seq":11}',
    b'{"seq":99999999999999999999999,"kind":"metric"}',
]


@given(
    parts=st.lists(st.integers(1, 40) | st.sampled_from(ODD_LINES), max_size=8),
    chunk=st.integers(1, 400),
    ended=st.booleans(),
)
def test_a_log_read_in_blocks_is_as_one_read_line_by_line(
    parts: list[int | bytes], chunk: int, ended: bool
) -> None:
    lines: list[bytes] = []
    for part in parts:
        count = part if isinstance(part, int) else 0
        lines += [b'{"seq":%d,"kind":"metric"}' % (len(lines) + at) for at in range(count)]
        lines += [part] if isinstance(part, bytes) else []
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        path = Path(directory) / "events.jsonl"
        path.write_bytes(b"\n".join(lines) + (b"\n" if lines and ended else b""))
        patch.setattr(streams, "_CHUNK", chunk)
        in_blocks = read_events(path)
        patch.setattr(streams, "_due", lambda block, wanted: 0)
        assert in_blocks == read_events(path)


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("eval-candidate.json", "eval-candidate.json"),
        (" data/rows.jsonl#L4 ", "data/rows.jsonl"),
        ("I read it.", None),
        ("https://example.org/x.html", None),
        ("12 of 20", None),
        ("", None),
    ],
)
def test_what_names_a_file(entry: str, name: str | None) -> None:
    assert evidence_file(entry) == name


# --- lines and tables ---------------------------------------------------------------------------


def test_a_pointer_leads_to_its_line() -> None:
    value = {"a": {"b": [1, {"c/d": "x:,}"}, [[]]]}, "z": [{"q": 1}, {"ü\n": 2}]}
    text = json.dumps(value, indent=1)
    lines = text.split("\n")
    for pointer, holds in (
        ("", "{"),
        ("/a/b", '"b"'),
        ("/a/b/0", "1,"),
        ("/a/b/1/c~1d", '"c/d"'),
        ("/z/1/ü\n", "\\u00fc"),
        ("/z/1/missing", "{"),
        ("/nope/at/all", "{"),
    ):
        assert holds in lines[line_of(text, pointer) - 1]


@given(text=st.text(alphabet='{}[],:"\\ \nab1'), pointer=st.text(alphabet="/ab10~"))
def test_a_pointer_into_anything_is_a_line_of_it(text: str, pointer: str) -> None:
    assert 1 <= line_of(text, pointer) <= text.count("\n") + 1


def test_eval_tables_are_read_back() -> None:
    report = (
        "| Metric | Baseline | Candidate |\n|---|---|---|\n"
        "| a\\|b\\_c | 0.50 (0.1 to 0.9) | not recorded |\n| d | −1.5 | 97.0 % |\n\n"
        "| Other | Table |\n|---|---|\n| 1 | 2 |\n"
    )
    first, second = read_eval_tables(report)
    assert (first.metric, first.candidate, first.line) == ("a|b_c", None, 3)
    assert first.baseline is not None and first.baseline.means(0.504)
    assert not first.baseline.means(0.506)
    assert second.baseline is not None and second.baseline.value == -1.5
    assert second.candidate is not None and second.candidate.means(0.9703)


# --- leaks ---------------------------------------------------------------------------------------


def leaky(run: Path, prompt: str) -> None:
    with (run / "data" / "train.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"prompt": prompt, "completion": "x"}) + "\n")


def test_a_search_that_nobody_recorded_is_made_where_the_rows_are_there(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    assert load(run).leaks.by == "record"
    (run / "leakage.json").unlink()
    seen = load(run).leaks
    assert (seen.by, seen.count, seen.stale) == ("check", 0, None)
    leaky(run, "Fly to POINT 3")
    (hit,) = load(run).leaks.suites[0].hits
    assert (hit.kind, hit.gold, hit.training) == (
        "normalised",
        "dataset/gold.jsonl:4",
        "data/train.jsonl:61",
    )


def test_the_search_in_a_plan_without_a_data_stage_looks_at_what_it_trains_on(
    tmp_path: Path,
) -> None:
    run = folders.make_run(tmp_path)
    (run / "leakage.json").unlink()
    (run / "data" / "train.jsonl").unlink()
    assert load(run).leaks.by == "check"  # the one source is a file of rows
    mine = run.parent.parent / "targets" / "router" / "mine.jsonl"
    mine.write_text('{"prompt": "fly to point 7", "completion": "x"}\n', "utf-8")
    put(run / "plan.json", "/stages/2/spec", {"train": "{target}/mine.jsonl"})
    (hit,) = load(run).leaks.suites[0].hits
    assert (hit.kind, hit.training) == ("exact", "mine.jsonl:1")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            lambda run: put(run / "dataset.json", "/sources/0/path", "generator.py"),
            "the training rows are not there",
        ),
        (
            lambda run: (run.parent.parent / "targets/router/dataset/gold.jsonl").unlink(),
            "the file of the suite router-gold is not there",
        ),
    ],
)
def test_why_a_search_cannot_be_made(
    tmp_path: Path, change: Callable[[Path], object], why: str
) -> None:
    run = folders.make_run(tmp_path)
    (run / "leakage.json").unlink()
    (run / "data" / "train.jsonl").unlink()
    change(run)
    assert (load(run).leaks.by, load(run).leaks.why) == (None, why)


def test_large_files_are_not_searched_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = folders.make_run(tmp_path)
    (run / "leakage.json").unlink()
    monkeypatch.setattr(leak_search, "MAX_TRAINING_BYTES", 100)
    assert "the training rows are over" in str(load(run).leaks.why)


def test_a_record_of_other_files_is_stale(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    leaky(run, "nothing alike")
    assert load(run).leaks.stale == "data/train.jsonl changed since"
    put(run / "leakage.json", "/suites/1/suite", "another")
    assert load(run).leaks.stale == f"it says nothing of the suite {folders.BREADTH}"
    put(run / "leakage.json", "/suites/0/sha256", "a" * 64)
    assert "another version of the suite router-gold" in str(load(run).leaks.stale)


def test_without_the_rows_the_record_is_held_against_the_hash_in_dataset_json(
    tmp_path: Path,
) -> None:
    run = folders.make_run(tmp_path)
    digest = folders.sha256(run / "data" / "train.jsonl")
    (run / "data" / "train.jsonl").unlink()
    put(run / "dataset.json", "/files", {"data/train.jsonl": digest})
    assert (load(run).leaks.by, load(run).leaks.stale) == ("record", None)
    put(run / "dataset.json", "/files", {"data/train.jsonl": "b" * 64})
    assert load(run).leaks.stale == "data/train.jsonl changed since"


def test_rows_that_a_generator_was_shown_are_found_again(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    (run / "leakage.json").unlink()
    seed = run.parent.parent / "targets" / "router" / "dataset" / "seed.jsonl"
    seed.write_text('{"prompt": "FLY to point 1", "completion": "x"}\n', "utf-8")
    put(run / "dataset.json", "/shown", ["dataset/seed.jsonl", "nowhere.jsonl"])
    assert [suite.shown for suite in load(run).leaks.suites] == [1, 0]
    assert "gold-shown" in {one.rule for one in checks.check_folder(run)}
