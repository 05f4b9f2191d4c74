"""Following a file that grows, shrinks, is cut off, or never ends a line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.live.tail import CHUNK, MAX_LINE, EventTail, LineTail, events_of


def test_only_whole_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    tail = LineTail(path)
    assert tail.read() == []
    path.write_bytes(b"one\ntw")
    assert tail.read() == [b"one"]
    with path.open("ab") as file:
        file.write(b"o\n")
    assert tail.read() == [b"two"]
    assert tail.read() == [] and tail.behind == 0


def test_a_file_that_shrank_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a long first line\n")
    tail = LineTail(path)
    tail.read()
    path.write_bytes(b"new\n")
    assert tail.read() == [b"new"]


def test_a_line_without_an_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.truncate(MAX_LINE + 2 * CHUNK)
    tail = LineTail(path)
    while tail.behind:
        assert tail.read() == []
    assert len(tail._rest) <= MAX_LINE


@given(st.lists(st.binary(max_size=40).filter(lambda b: b"\n" not in b)), st.integers(1, 64))
def test_every_line_arrives_once_whatever_the_pieces(lines: list[bytes], limit: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "log"
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        tail = LineTail(path)
        got = []
        while tail.behind:
            got += tail.read(limit)
        assert got == lines


def test_broken_events_are_counted_and_the_others_arrive(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    good = {"seq": 0, "kind": "message", "code": "x", "text": "y"}
    path.write_bytes(
        json.dumps(good).encode()
        + b'\n{"kind": "mes\n[1]\n{"no": "kind"}\n\xff\xfe\n\n'
        + b"[" * 50_000
        + b"\n"
        + json.dumps(good).encode()
        + b"\n"
    )
    tail = EventTail(path)
    assert list(tail.read_all()) == [good, good]
    assert tail.broken == 5


@pytest.mark.parametrize("kind", ["pipe", "directory", "device"])
def test_what_is_no_ordinary_file_has_no_events_and_is_not_waited_for(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "events.jsonl"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    tail = EventTail(path)
    assert list(tail.read_all()) == []
    assert tail.read() == [] and tail.behind == 0


def test_events_of_some_kinds_are_picked_out_of_a_block() -> None:
    block = (
        b'{"kind":"metric","values":{"message":1}}\n{"kind":"message","text":"a"}\n'
        b'not json "message"\n\n["message"]\n{"kind":"queued"}\n'
    )
    assert list(events_of(block, ("message",))) == [{"kind": "message", "text": "a"}]
    assert [one["kind"] for one in events_of(block)] == ["metric", "message", "queued"]
    assert list(events_of(block, ("decided",))) == []
