"""Protocols as files, globs, patterns under a clock, and what was agreed to."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path

import pytest

from engine.agreed import agree, agreement, is_agreed
from engine.cli.app import main
from engine.globs import example, matches, overlaps, why_outside
from engine.protocols.checking import check_file
from engine.protocols.reading import MAX_BYTES, ProtocolError, read_protocol
from engine.timed_pattern import PatternError, PatternTooSlow, find_all
from engine.workspace import Workspace

FILE = Path(__file__).resolve().parents[2] / "data/protocols/small-lm-mlx.json"


def test_a_protocol_is_read_with_the_hash_of_its_bytes() -> None:
    read = read_protocol(FILE)
    assert read.sha256 == hashlib.sha256(FILE.read_bytes()).hexdigest()
    assert read.protocol.lower_is_better


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"schemaKind": ', "cut off"),
        (b"{'a': 1}", "not JSON"),
        (b"[]", "whole file"),
        (b"{}", "has no schemaKind"),
        (b"[" * 100_000, "nested too deeply"),
        (b" " * (MAX_BYTES + 1), "larger than"),
    ],
)
def test_what_is_no_protocol_is_said_in_words(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "protocol.json"
    path.write_bytes(data)
    with pytest.raises(ProtocolError, match=said):
        read_protocol(path)


def test_a_key_that_stands_twice_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "protocol.json"
    text = FILE.read_text("utf-8")
    path.write_text(text.replace('"command":', '"command": "rm -rf /", "command":', 1))
    with pytest.raises(ProtocolError, match="'command' stands twice"):
        read_protocol(path)
    assert any(one.is_error and "twice" in one.line for one in check_file(path, None))


def test_a_file_that_is_none_waits_for_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "missing", "."):
        with pytest.raises(ProtocolError):
            read_protocol(tmp_path / name)


@pytest.mark.parametrize(
    ("glob", "path", "meant"),
    [
        ("train.py", "train.py", True),
        ("./train.py", "train.py", True),
        ("train.py", "src/train.py", False),
        ("*.py", "src/train.py", False),
        ("**/*.py", "train.py", True),
        ("src/**", "src/a/b", True),
        ("src/**/x.py", "src/x.py", True),
        ("src/**/x.py", "src/a/b/x.py", True),
        ("data", "data/a/b", True),
        ("data/", "data/a", True),
        ("data/", "database", False),
        ("src/*", "src/a/b", False),
        ("a?.py", "ab.py", True),
        ("a[!b].py", "ab.py", False),
        ("a[bc].py", "ac.py", True),
        (".", "a/b", True),
        ("", "a", False),
        ("*a" * 30, "a" * 60 + "b", False),
        ("**/" * 30 + "x", "a/" * 60 + "b", False),
    ],
)
def test_globs_mean_what_they_say(glob: str, path: str, meant: bool) -> None:
    assert matches(path, [glob]) is meant


@pytest.mark.parametrize("glob", ["src/**/*.py", "a?[bc][!d].py", "data/", "train.py"])
def test_an_example_is_meant_by_its_glob(glob: str) -> None:
    assert matches(example(glob), [glob])


def test_overlaps_are_found_in_the_files_and_without_them() -> None:
    assert [one.path for one in overlaps(["*.py"], ["prepare*"], ["prepare.py"])] == ["prepare.py"]
    assert not overlaps(["*.py"], ["prepare.py"], [])[0].real
    assert overlaps(["src/**"], ["lib/**"], ["src/a", "lib/a"]) == []


@pytest.mark.parametrize("glob", ["/a", "~/a", "a/../b", "C:/a", "a\\b", ".git/config", "x/.GIT/y"])
def test_a_glob_that_leaves_the_repository_is_told(glob: str) -> None:
    assert why_outside(glob) is not None


def test_a_pattern_that_would_hang_ends_in_any_thread() -> None:
    ended: list[str] = []

    def search() -> None:
        try:
            find_all("^(a|aa)+$", "a" * 100 + "!", 0.1)
        except PatternTooSlow as error:
            ended.append(str(error))

    begun = time.monotonic()
    thread = threading.Thread(target=search, daemon=True)
    thread.start()
    thread.join(20)
    assert ended == ["the search took longer than 0.1 s"]
    assert time.monotonic() - begun < 20


def test_patterns_find_lines() -> None:
    assert find_all(r"^v: (\d+)", "v: 1\nw: 2\nv: 3") == ["1", "3"]
    assert find_all(r"\d", "1 2") == ["1", "2"]
    for wrong in ("(", "", "(?:" * 900 + "a" + ")*" * 900):
        with pytest.raises(PatternError):
            find_all(wrong, "a")


def test_what_was_agreed_to_is_remembered_by_hash(tmp_path: Path) -> None:
    place, digest, other = Workspace(tmp_path), "a" * 64, "b" * 64
    assert not is_agreed(place, digest)
    agree(place, digest, ["uv sync"], by="somebody")
    found = agreement(place, digest)
    assert found is not None and (found.commands, found.by) == (["uv sync"], "somebody")
    assert is_agreed(place, digest) and not is_agreed(place, other)
    file = tmp_path / ".factory/agreed" / f"{digest}.json"
    file.with_name(f"{other}.json").write_bytes(file.read_bytes())
    assert not is_agreed(place, other), "an agreement that was copied is none"
    file.write_text("{")
    assert not is_agreed(place, digest) and not is_agreed(place, "../../x")


def test_the_commands_check_and_show(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = FILE.read_text("utf-8").replace("uv run", "{python}").replace("uv sync", "true")
    (tmp_path / "p.json").write_text(text)
    for arguments, code, said in (
        (["check", str(tmp_path / "p.json")], 0, "✔"),
        (["check", str(tmp_path / "p.json"), "--json"], 0, '"findings"'),
        (["check", str(tmp_path / "p.json"), "--repo", str(tmp_path)], 1, "protocol-nothing"),
        (["show", str(FILE)], 0, "uv run train.py  (each try)"),
        (["check", str(tmp_path / "none.json")], 3, ""),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["protocol", *arguments])
        assert (ended.value.code or 0) == code
        assert said in capsys.readouterr().out
