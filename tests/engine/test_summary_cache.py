"""The cache of summaries is only a cache: it is believed while the files are the same ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import engine.catalogue.run_reader as run_reader
from engine.catalogue.run_reader import RunReader
from engine.catalogue.summary import RunSummary, summarise
from engine.catalogue.summary_cache import Kept, SummaryCache, stamp_from, stamp_of
from engine.workspace import Workspace
from tests.tui.make_runs import make_run, make_workspace


def kept(path: Path, runs: Path) -> Kept:
    found: Kept = {}
    for piece in SummaryCache(path).load(runs):
        found |= piece
    return found


def test_what_was_kept_is_what_was_read(tmp_path: Path) -> None:
    make_workspace(tmp_path)
    runs = tmp_path / "runs"
    idle = [one for path in sorted(runs.iterdir()) if (one := summarise(path)).liveness == "idle"]
    cache = SummaryCache(tmp_path / "cache" / "summaries.jsonl")
    cache.save((stamp_of(str(one.path))[0], one) for one in idle)
    found = kept(cache.path, runs)
    assert [summary for _, summary in found.values()] == idle
    assert all(stamp == stamp_of(str(one.path))[0] for stamp, one in found.values())
    assert [path.name for path in cache.path.parent.iterdir()] == ["summaries.jsonl"]


def test_reading_and_looking_make_the_same_stamp(tmp_path: Path) -> None:
    make_workspace(tmp_path)
    for path in (tmp_path / "runs").iterdir():
        if not (path / "artifact.json").exists():
            (path / "artifact.json").symlink_to(path / "nowhere")
        (path / "tags.json").write_text("not json")
        seen: dict[str, os.stat_result] = {}
        summarise(path, seen)
        assert seen and stamp_from(seen) == stamp_of(str(path))


def test_a_file_changed_in_place_has_another_stamp(tmp_path: Path) -> None:
    run = make_run(tmp_path, "2026-01-01-x")
    before = stamp_of(str(run))[0]
    (run / "train.log").write_text("no part of a summary")
    assert stamp_of(str(run))[0] == before
    text = (run / "config.json").read_text()
    (run / "config.json").write_text(text.replace("drone", "train"))
    assert stamp_of(str(run))[0] != before


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.integers(min_value=0, max_value=3))
def test_a_broken_cache_counts_as_empty(tmp_path: Path, rubbish: bytes, line: int) -> None:
    path = tmp_path / "c" / "summaries.jsonl"
    one = RunSummary("r", tmp_path / "r", target="t")
    SummaryCache(path).save([("s", one), ("s", one)])
    lines = path.read_bytes().split(b"\n")
    lines[line:line] = [rubbish]
    path.write_bytes(b"\n".join(lines))
    for _, summary in kept(path, tmp_path).values():
        assert summary == one


@pytest.mark.parametrize(
    ("at", "value"),
    [("primary_candidate", "0.9"), ("tags", [1]), ("liveness", "running"), ("created", "monday"),
     ("hyperparameters", []), ("peak_bytes", 1.5), ("seed", True)],
)  # fmt: skip
def test_a_value_of_another_kind_is_not_believed(tmp_path: Path, at: str, value: object) -> None:
    path = tmp_path / "summaries.jsonl"
    SummaryCache(path).save([("s", RunSummary("r", tmp_path / "r"))])
    header, line = map(json.loads, path.read_text().splitlines())
    line[2][header[2].index(at)] = value
    path.write_text(f"{json.dumps(header)}\n{json.dumps(line)}\n")
    assert kept(path, tmp_path) == {}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A workspace of a few runs is treated as a large one, and files settle at once."""
    monkeypatch.setattr(run_reader, "WORTH_KEEPING", 2)
    monkeypatch.setattr("engine.catalogue.summary_cache._YOUNG_NS", 0)


@pytest.mark.usefixtures("small")
def test_the_next_start_reads_only_what_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        make_run(tmp_path, f"2026-01-01-r{number}")
    place = Workspace(tmp_path)
    (first,) = RunReader(place).read()
    make_run(tmp_path, "2026-01-02-new")
    changed = tmp_path / "runs" / "2026-01-01-r3"
    text = (changed / "eval-candidate.json").read_text()
    (changed / "eval-candidate.json").write_text(text.replace('"score": 0.9', '"score": 0.1'))
    (tmp_path / "runs" / "2026-01-01-r4").rename(tmp_path / "gone")
    read: list[str] = []

    def reading(path: Path, *given: Any) -> RunSummary:
        read.append(path.name)
        return summarise(path, *given)

    monkeypatch.setattr(run_reader, "summarise", reading)
    at_once, checked = RunReader(place).read()
    assert sorted(read) == ["2026-01-01-r3", "2026-01-02-new"]
    assert {one.run_id for one in at_once} == {f"2026-01-01-r{n}" for n in range(4)}
    assert {one.run_id for one in checked} == {
        *(f"2026-01-01-r{n}" for n in range(4)),
        "2026-01-02-new",
    }
    by_id = {one.run_id: one for one in checked}
    assert by_id[changed.name].primary_candidate != first[0].primary_candidate
    assert by_id["2026-01-01-r1"] == next(one for one in first if one.run_id == "2026-01-01-r1")


@pytest.mark.usefixtures("small")
def test_runs_that_move_are_not_kept(tmp_path: Path) -> None:
    make_workspace(tmp_path)
    list(RunReader(Workspace(tmp_path)).read())
    found = kept(tmp_path / ".factory/cache/summaries.jsonl", tmp_path / "runs")
    assert "2026-11-18-stopped" not in found and "2026-11-20-drone-router-2" in found


def test_a_few_runs_leave_no_cache(tmp_path: Path) -> None:
    make_workspace(tmp_path)
    list(RunReader(Workspace(tmp_path)).read())
    assert not (tmp_path / ".factory").exists()


def test_a_look_sees_runs_come_go_and_change(tmp_path: Path) -> None:
    for number in range(4):
        make_run(tmp_path, f"2026-01-01-r{number}")
    reader = RunReader(Workspace(tmp_path))
    list(reader.read())
    assert reader.look() is None
    make_run(tmp_path, "2026-01-05-new")
    assert "2026-01-05-new" in {one.run_id for one in reader.look() or []}
    (tmp_path / "runs" / "2026-01-01-r2").rename(tmp_path / "away")
    now = reader.look()
    assert now is not None and "2026-01-01-r2" not in {one.run_id for one in now}
    record = tmp_path / "runs" / "2026-01-01-r1" / "decision.json"
    (record.parent / "new").write_text('{"decision": "park"}')
    (record.parent / "new").rename(record)
    now = reader.look()
    assert now is not None and {one.run_id: one for one in now}["2026-01-01-r1"].decision == "park"


def test_a_file_edited_in_place_is_seen_while_its_run_is_on_the_screen(tmp_path: Path) -> None:
    run = make_run(tmp_path, "2026-01-01-r")
    past = time.time() - 60
    reader = RunReader(Workspace(tmp_path))
    os.utime(run, (past, past))
    list(reader.read())
    text = (run / "config.json").read_text()
    (run / "config.json").write_text(text.replace('"drone-router"', '"sql"'))
    now = reader.look([run.name])
    assert now is not None and now[0].target == "sql"


@pytest.mark.usefixtures("small")
def test_an_index_that_lies_is_put_right(tmp_path: Path) -> None:
    for number in range(3):
        make_run(tmp_path, f"2026-01-0{number + 1}-x")
    place = Workspace(tmp_path)
    true = list(RunReader(place).read())[-1]
    known = {one.run_id: one for one in true}
    path = place.local_dir / "cache" / "summaries.jsonl"
    stamps = {name: stamp for name, (stamp, _) in kept(path, place.runs_dir).items()}
    assert len(stamps) == 3
    lies = [RunSummary(one.run_id, one.path, target="a lie", primary_candidate=1.0) for one in true]
    invented = RunSummary("2026-09-09-never", place.runs_dir / "2026-09-09-never", target="a lie")
    SummaryCache(path).save(("another stamp", one) for one in [*lies, invented])
    assert list(RunReader(place).read())[-1] == true
    assert {name: one for name, (_, one) in kept(path, place.runs_dir).items()} == known
    # One that even has the stamps of the files right lasts until everything is read anew.
    SummaryCache(path).save((stamps[one.run_id], one) for one in lies)
    assert list(RunReader(place).read(anew=True))[-1] == true
    assert {name: one for name, (_, one) in kept(path, place.runs_dir).items()} == known


def test_two_processes_and_two_threads_write_one_index_at_once(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    path = tmp_path / "cache" / "summaries.jsonl"
    code = (
        "import sys, threading; from pathlib import Path\n"
        "from engine.catalogue.summary import RunSummary\n"
        "from engine.catalogue.summary_cache import SummaryCache\n"
        "runs, path, who = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]\n"
        "def write(who):\n"
        "    rows = [(who, RunSummary(f'r{n}', runs / f'r{n}', target=who)) for n in range(200)]\n"
        "    for _ in range(30): SummaryCache(path).save(rows)\n"
        "both = [threading.Thread(target=write, args=(who + side,)) for side in 'ab']\n"
        "[one.start() for one in both]; [one.join() for one in both]\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(runs), str(path), who]) for who in "xy"
    ]
    seen: set[str] = set()
    while any(one.poll() is None for one in writers):
        found = kept(path, runs)
        if found:
            assert len(found) == 200
            (whose,) = {stamp for stamp, _ in found.values()}
            seen.add(whose)
    assert [one.returncode for one in writers] == [0, 0]
    assert len(kept(path, runs)) == 200 and seen <= {"xa", "xb", "ya", "yb"}
    assert [one.name for one in path.parent.iterdir()] == ["summaries.jsonl"]


@pytest.mark.usefixtures("small")
def test_where_no_index_can_be_written_the_folders_are_read(tmp_path: Path) -> None:
    for number in range(3):
        make_run(tmp_path, f"2026-01-0{number + 1}-x")
    place = Workspace(tmp_path)
    # A file stands where the directory would be, which stops root as well as a read-only disk does.
    place.local_dir.write_text("not a directory")
    for _ in range(2):
        found = list(RunReader(place).read())[-1]
        assert {one.run_id for one in found} == {f"2026-01-0{n}-x" for n in (1, 2, 3)}
