"""Numbers that JSON and YAML can hold and nobody can reckon with are findings, not tracebacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.artifacts.checking import check_entry
from engine.artifacts.inputs import at_pointer
from engine.artifacts.registry import entry_of
from engine.artifacts.wording import in_words
from engine.checks.public.entry import Entry
from engine.workspace import Workspace

HUGE = "1" + "0" * 400
RECORD = f'{{"nan": NaN, "inf": -Infinity, "huge": {HUGE}, "list": [1], "score": 0.5, "n": {HUGE}}}'
HEAD = "id: odd\nstate: parked\noutcome: undecided\n"


def findings(folder: Path, text: str) -> list[tuple[str, str]]:
    """(rule, pointer) of the errors at numbers; the page as text is made as well."""
    (folder / "artifacts").mkdir()
    (folder / "record.json").write_text(RECORD)
    entry = entry_of(Entry(folder / "artifacts" / "odd.yaml", "artifacts/odd.yaml"), text.encode())
    checked = check_entry(Workspace(folder), entry)
    assert bool(list(in_words(checked))) is (entry.artifact is not None)
    return [(one.rule, one.pointer) for one in checked.errors if one.rule != "part-missing"]


@pytest.mark.parametrize("key", ["nan", "inf", "huge", "list/²", "list/" + "9" * 5000, "list/01"])
@pytest.mark.parametrize("value", ["value: 1, ", ""], ids=["typed", "read"])
def test_a_record_without_such_a_number(tmp_path: Path, key: str, value: str) -> None:
    text = f"{HEAD}headline: {{{value}record: 'record.json#/{key}'}}\nheadline_label: odd\n"
    assert findings(tmp_path, text) == [("record-missing", "/headline/record")]


def test_a_count_that_no_record_has_is_none(tmp_path: Path) -> None:
    text = f"{HEAD}headline: {{value: 0.5, unit: share, n: 9, record: 'record.json#/score'}}\n"
    assert findings(tmp_path, f"{text}headline_label: odd\n") == []


@pytest.mark.parametrize("cell", [f"{{value: {HUGE}}}", f"{{value: 0.5, n: {HUGE}}}"])
def test_a_cell_that_nobody_can_reckon_with(tmp_path: Path, cell: str) -> None:
    rule, pointer = findings(tmp_path, f"{HEAD}headline: {cell}\n")[0]
    assert rule == "artifact-form"
    assert pointer.startswith("/headline/")


def test_an_index_is_a_whole_number_without_a_leading_zero() -> None:
    assert at_pointer({"list": [7, 8]}, "/list/1") == 8
    assert [at_pointer([7, 8], one) for one in ("/01", "/-1", "/²", "/٣", "/2")] == [None] * 5
