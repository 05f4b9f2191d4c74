"""What a screen was left like survives, and a broken file costs nothing but the memory."""

from __future__ import annotations

from pathlib import Path

from tui.remembered import FILE, Remembered


def test_a_value_is_there_at_the_next_start(tmp_path: Path) -> None:
    Remembered(tmp_path).put("runs.columns", ["run", "score"])
    assert Remembered(tmp_path).get("runs.columns", ["run"]) == ["run", "score"]


def test_a_value_of_another_kind_is_the_default(tmp_path: Path) -> None:
    Remembered(tmp_path).put("live.side", "wide")
    assert Remembered(tmp_path).get("live.side", 36) == 36


def test_a_broken_file_counts_as_empty(tmp_path: Path) -> None:
    path = tmp_path / ".factory" / FILE
    path.parent.mkdir()
    path.write_text('{"theme": "da')
    remembered = Remembered(tmp_path)
    assert remembered.get("theme", "factory") == "factory"
    remembered.put("theme", "nord")
    assert Remembered(tmp_path).get("theme", "factory") == "nord"


def test_a_workspace_that_cannot_be_written_is_still_looked_at(tmp_path: Path) -> None:
    (tmp_path / ".factory").write_text("a file stands where the directory would be")
    remembered = Remembered(tmp_path)
    remembered.put("theme", "nord")
    assert remembered.get("theme", "factory") == "nord"
