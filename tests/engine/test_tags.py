"""Tags: words that a person gives a run, kept beside what was measured and never in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalogue.summary import summarise
from engine.catalogue.tags import (
    MAX_LENGTH,
    MAX_TAGS,
    TagError,
    changed,
    check_tag,
    edit_tags,
    read_tags,
    tags_in,
)
from engine.checks.contents import load
from tests.tui.make_runs import make_run


def test_a_decided_run_is_tagged_and_its_records_stay_byte_for_byte(tmp_path: Path) -> None:
    run = make_run(tmp_path, "2026-01-01-x")
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    assert edit_tags(run, ["nightly", "Small"]) == ([], ["nightly", "Small"])
    assert summarise(run).tags == ["nightly", "Small"]
    assert {name: (run / name).read_bytes() for name in before} == before
    assert load(run).document("tags.json").problems == ()


def test_tags_of_another_tool_are_taken_over_by_the_first_edit(tmp_path: Path) -> None:
    run = make_run(tmp_path, "2026-01-01-x", config={"tags": ["theirs", 7, "old"]})
    assert summarise(run).tags == ["theirs", "old"]
    edit_tags(run, ["mine"], ["OLD"])
    assert summarise(run).tags == read_tags(run) == ["theirs", "mine"]
    assert json.loads((run / "config.json").read_text())["tags"] == ["theirs", 7, "old"]
    edit_tags(run, [], ["theirs", "mine"])
    assert summarise(run).tags == []  # and not those of config.json again


def test_other_keys_of_the_file_are_kept_and_nothing_is_written_for_nothing(tmp_path: Path) -> None:
    run = make_run(tmp_path, "2026-01-01-x")
    (run / "tags.json").write_text('{"tags": ["a"], "colour": "red"}')
    edit_tags(run, ["b"])
    assert json.loads((run / "tags.json").read_text()) == {"tags": ["a", "b"], "colour": "red"}
    stamp = (run / "tags.json").stat().st_mtime_ns
    edit_tags(run, ["A"], ["z"])
    assert (run / "tags.json").stat().st_mtime_ns == stamp


@pytest.mark.parametrize("tag", ["", "  ", "two words", "a,b", 'q"q', "-minus", "x" * 41, "a\x1bb"])
def test_what_no_filter_could_name_is_refused_with_a_reason(tag: str) -> None:
    with pytest.raises(TagError) as refused:
        check_tag(tag)
    assert str(refused.value).endswith(".") and "\x1b" not in str(refused.value)


def test_a_run_has_a_bounded_number_of_tags() -> None:
    with pytest.raises(TagError, match=f"up to {MAX_TAGS}"):
        changed([str(n) for n in range(MAX_TAGS)], ["one-more"], [])


@given(st.recursive(st.none() | st.text() | st.integers(), lambda one: st.lists(one)))
def test_tags_of_any_shape_are_bounded_texts(value: object) -> None:
    found = tags_in({"tags": value})
    assert len(found) <= MAX_TAGS
    assert all(isinstance(tag, str) and 0 < len(tag) <= MAX_LENGTH for tag in found)


def test_a_folder_that_cannot_be_written_loses_nothing(tmp_path: Path) -> None:
    run = make_run(tmp_path, "2026-01-01-x")
    (run / "tags.json").mkdir()
    with pytest.raises(OSError):
        edit_tags(run, ["a"])
    assert [path.name for path in run.glob(".tags*")] == []
