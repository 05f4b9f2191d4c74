"""The results log: read whatever wrote it, written so that nobody's rows are lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.loops.research.results_log import LogError, cells_of, merged, parse, write_log
from tests.engine.loops.research.repository_kit import protocol

RULES = protocol()
HEAD = "commit\tval_bpb\tmemory_gb\tstatus\tdescription"


def row(commit: str, value: float | None = 1.5, description: str = "a try") -> dict[str, str]:
    status = "keep" if value is not None else "crash"
    return cells_of(
        RULES,
        commit=commit,
        value=value,
        memory_gb=2.0 if value else None,
        status=status,
        description=description,
    )


def test_cells() -> None:
    assert list(row("abcdef0123").values()) == ["abcdef0", "1.500000", "2.0", "keep", "a try"]
    assert list(row("abcdef0", None).values()) == ["abcdef0", "", "", "crash", "a try"]
    assert row("a", 2e-7)["val_bpb"] == "2e-07" and row("a", float("nan"))["val_bpb"] == ""
    assert row("a", description='"a\tb\r\nc\x1b[31m\0d\u2028e')["description"] == "'a b c [31m d e"
    more = protocol(provenance={"resultsLog": {"columns": ["commit", "steps", "author"]}})
    cells = cells_of(
        more,
        commit="a",
        value=1,
        memory_gb=None,
        status="keep",
        description="",
        secondary={"steps": 46},
    )
    assert cells == {"commit": "a", "steps": "46.000000", "author": ""}


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}\na1\t1.5\t2.0\tkeep\tfirst\n",
        f"\ufeff{HEAD}\r\na1\t1.5\t2.0\tkeep\tfirst\r\n",
        "a1\t1.5\t2.0\tkeep\tfirst",
        "status\tdescription\tval_bpb\tcommit\tmemory_gb\nkeep\tfirst\t1.5\ta1\t2.0\n",
        f'{HEAD}\n"a1"\t"1.5"\t2.0\tkeep\t"first"\n\n',
    ],
    ids=["plain", "crlf-bom", "no-header", "other-order", "quoted"],
)
def test_logs_of_others_are_read(text: str) -> None:
    (found,) = parse(text, RULES)
    assert (found.commit, found.value, found.memory_gb) == ("a1", 1.5, 2.0)
    assert (found.status, found.description) == ("keep", "first")


def test_no_value_is_not_zero() -> None:
    text = (
        f"{HEAD}\na\t0.000000\t0.0\tcrash\tx\nb\t\t\tdiscard\ty\n"
        "c\tnan\t0\tkeep\nd\t0.0\t1.0\tkeep\tz"
    )
    found = parse(text, RULES)
    assert [one.value for one in found] == [None, None, None, 0.0]
    assert [one.memory_gb for one in found] == [None, None, 0.0, 1.0]
    assert [one.line for one in found] == [2, 3, 4, 5]


def test_rows_come_after_what_was_there_and_once(tmp_path: Path) -> None:
    path = tmp_path / "results.tsv"
    before = f"{HEAD}\nold\t2.0\t1.0\tkeep\tit was\nbroken row"
    write_log(path, before, [row("one")], RULES)
    first = path.read_text()
    assert first == f"{before}\n" + "\t".join(row("one").values()) + "\n"
    write_log(path, before, [row("one")], RULES)
    assert path.read_text() == first
    with path.open("a") as file:
        file.write("their\t1.0\t\tkeep\tsomebody's\n")
    write_log(path, before, [row("one"), row("two", None)], RULES)
    commits = [one.commit for one in parse(path.read_text(), RULES)]
    assert commits == ["old", "broken row", "one", "two", "their"]
    write_log(path, before, [row("one", 1.4), row("two", None)], RULES)
    found = {one.commit: one.value for one in parse(path.read_text(), RULES)}
    assert found["one"] == 1.4 and len(found) == 5
    path.unlink()
    write_log(path, before, [row("one")], RULES)
    assert path.read_text() == first


def test_the_same_row_of_before_is_not_the_campaigns() -> None:
    nameless = row("", None)
    line = "\t".join(nameless.values())
    text = merged(None, f"{HEAD}\n{line}\n", [nameless], RULES)
    assert text.count(line) == 2
    assert merged(text, f"{HEAD}\n{line}\n", [nameless], RULES) == text


def test_bytes_of_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "results.tsv"
    theirs = b'\xef\xbb\xbfstatus\tcommit\r\nkeep\t"a ""b"\r\n\xff\xfe\tx\r\n'
    path.write_bytes(theirs)
    for _ in range(2):
        assert write_log(path, None, [row("one")], RULES) == theirs + b"keep\tone\r\n"
    assert path.read_bytes() == theirs + b"keep\tone\r\n"


def test_an_empty_log_gets_its_header() -> None:
    for now in (None, "", "\ufeff\n \n"):
        assert merged(now, None, [], RULES) == f"{HEAD}\n"


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="cannot be read"):
        write_log(tmp_path, None, [], RULES)
