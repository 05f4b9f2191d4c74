"""One run folder: atomic writes, revisions, and an event log that survives a cut."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from engine.folder import (
    EventLog,
    FolderError,
    RunFolder,
    StaleRevision,
    read_json,
    read_record,
    write_bytes_atomic,
    write_json_atomic,
)
from engine.records.base import utc_now
from engine.records.run import Decision, RunConfig
from engine.records.status import Phase, RunStatus


def new_folder(path: Path) -> RunFolder:
    now = utc_now()
    folder = RunFolder(path)
    folder.write("run-status.json", RunStatus(run_id=path.name, created=now, updated=now))
    return folder


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b'{"a": 1', "is cut off at line 1"),
        (b'{"a": 1,\n  "b"', "is cut off at line 2"),
        (b"{'a': 1}", "is not JSON"),
        (b"\xff\xfe{}", "is not UTF-8 text (byte 0)"),
        (b"[" * 100_000, "is nested too deeply"),
    ],
)
def test_a_broken_file_is_a_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(FolderError) as caught:
        read_json(path)
    assert words in str(caught.value)
    assert str(caught.value).startswith("config.json: ")


def test_a_missing_file_and_a_directory_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="is missing"):
        read_json(tmp_path / "config.json")
    (tmp_path / "dataset.json").mkdir()
    with pytest.raises(FolderError, match="cannot be read"):
        read_json(tmp_path / "dataset.json")


def test_a_giant_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    with path.open("wb") as file:
        file.truncate(2**30)
    with pytest.raises(FolderError, match="1024 MB large"):
        read_json(path)


def test_a_wrong_value_is_named_by_its_pointer(tmp_path: Path) -> None:
    path = tmp_path / "decision.json"
    path.write_text('{"decision": "maybe", "reason": "r"}')
    with pytest.raises(FolderError) as caught:
        read_record(path, Decision)
    assert caught.value.pointer == "/decision"


def test_unknown_keys_survive_a_rewrite(tmp_path: Path) -> None:
    path = tmp_path / "decision.json"
    path.write_text('{"decision": "park", "reason": "r", "theirs": {"deep": [1, 2]}}')
    write_json_atomic(path, read_record(path, Decision))
    assert json.loads(path.read_text())["theirs"] == {"deep": [1, 2]}


def test_a_score_that_is_not_a_number_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(
        '{"run_id": "r", "target": "t", "owner_goal": "g", "base_model": {"id": "m"}, '
        '"candidate": {"method": "sft"}, "eval": {"primary": "p", "threshold": '
        '{"primary_min": NaN}}}'
    )
    with pytest.raises(FolderError) as caught:
        read_record(path, RunConfig)
    assert caught.value.pointer == "/eval/threshold/primary_min"


def test_a_write_that_fails_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    write_bytes_atomic(path, b"old")
    code = (
        "import resource, signal, sys; from pathlib import Path; from engine.folder import *;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10));"
        "\ntry: write_bytes_atomic(Path(sys.argv[1]), b'x' * 1000)"
        "\nexcept OSError as error: print(error.errno)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().isdigit()
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["config.json"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 10


def test_a_stale_revision_is_refused(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    moved = folder.move(0, lambda status: setattr(status, "phase", Phase.DATA_READY))
    assert (moved.revision, moved.phase) == (1, Phase.DATA_READY)
    with pytest.raises(StaleRevision, match="revision 1, not 0"):
        folder.move(0, lambda status: setattr(status, "phase", Phase.TRAINING))


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        (Phase.CREATED, Phase.DATA_READY, True),
        (Phase.CREATED, Phase.TRAINING, True),
        (Phase.TRAINED, Phase.DATA_READY, False),
        (Phase.EVALUATING, Phase.FAILED, True),
        (Phase.REPORTING, Phase.DECIDED, True),
        (Phase.DECIDED, Phase.FAILED, False),
        (Phase.FAILED, Phase.TRAINING, False),
        (Phase.CANCELLED, Phase.CREATED, False),
    ],
)
def test_phases_move_forward_only(before: Phase, after: Phase, allowed: bool) -> None:
    assert before.may_become(after) is allowed


def test_a_phase_cannot_go_back_on_disk(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    folder.move(0, lambda status: setattr(status, "phase", Phase.TRAINED))
    with pytest.raises(FolderError, match="trained cannot become data-ready"):
        folder.move(1, lambda status: setattr(status, "phase", Phase.DATA_READY))
    status = folder.status()
    assert status is not None and status.phase == Phase.TRAINED


def test_events_are_numbered_without_gaps_across_writers(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for _ in range(3):
        log = EventLog(path)
        log.append({"kind": "message", "code": "a", "text": "b"}, stage="train")
        log.append({"kind": "message", "code": "c", "text": "d", "seq": 99, "t": "theirs"})
        log.close()
    events = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [event["seq"] for event in events] == [0, 1, 2, 3, 4, 5]
    assert events[0]["stage"] == "train" and "stage" not in events[1]
    assert events[1]["t"].endswith("Z")


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_line_that_a_crash_cut_off_is_closed_and_never_glued(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    log.append({"kind": "message", "code": "whole", "text": "x"})
    log.append({"kind": "message", "code": "cut", "text": "y" * 50})
    log.close()
    os.truncate(path, path.stat().st_size - cut)
    log = EventLog(path)
    log.append({"kind": "message", "code": "next", "text": "z"})
    log.close()
    whole = []
    for line in path.read_bytes().splitlines():
        try:
            whole.append(json.loads(line))
        except ValueError:
            assert b'"next"' not in line
    codes = [event["code"] for event in whole]
    assert codes in (["whole", "next"], ["whole", "cut", "next"])
    assert [event["seq"] for event in whole] == list(range(len(whole)))


def test_a_lone_surrogate_in_a_log_line_does_not_stop_the_log(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    log.append({"kind": "message", "code": "x", "text": "half \ud83d"})
    log.close()
    assert json.loads((tmp_path / "events.jsonl").read_bytes())["code"] == "x"


def test_of_many_who_move_at_once_one_wins(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    folder = new_folder(tmp_path)

    def decide(_: int) -> bool:
        try:
            folder.move(0, lambda status: setattr(status, "phase", Phase.DECIDED))
        except StaleRevision:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(decide, range(32))) == 1
    status = folder.status()
    assert status is not None and status.revision == 1
