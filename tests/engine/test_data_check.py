"""What is in a target's data: counted within bounds, with the lines that are wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.plans import data_check
from engine.plans.data_check import CheckStopped, check_data
from engine.plans.data_lengths import TokenCount
from engine.target import load_target
from tests.tui.test_new_run import FORGE, chat, make_target
from tui.views.data_check import data_lines


def words(check: data_check.DataCheck, count: TokenCount | None = None, limit: int = 0) -> str:
    lines = data_lines(check, count, limit)
    return "\n".join("".join(cell.text for cell in line) for line in lines)


def test_rows_duplicates_leaks_and_broken_lines_are_counted(tmp_path: Path) -> None:
    path = make_target(tmp_path)
    with (path / "dataset" / "canonical.jsonl").open("a") as file:
        file.write("\n" + chat("row 1") + chat(" GOLD  7 ") + chat("gold 8") + "not json\n[1]\n")
        file.write('{"messages": [{"role": "user", "content": "no answer"}]}\n')
    found = check_data(load_target(path))
    assert found.suites[0].rows == 60 and found.canonical is not None
    rows = found.canonical
    assert (rows.rows, rows.duplicates, rows.broken, rows.usable) == (206, 1, 3, 203)
    assert rows.broken_lines == [
        (205, "is not JSON (Expecting value, column 1)"),
        (206, "is no JSON object"),
        (207, "does not end with the assistant's answer"),
    ]
    assert found.shared.rows == {"exact": 1, "normalised": 1}
    text = words(found)
    assert "2 training rows come near a gold prompt (1 to the letter, 1 but for case and sp" in text
    assert (
        "dataset/gold.jsonl:8 stands, but for case and spaces, in dataset/canonical.jsonl" in text
    )
    assert "3 lines are no rows: line 205 is not JSON" in text


def test_the_longest_row_is_about_until_the_tokenizer_answers(tmp_path: Path) -> None:
    path = make_target(tmp_path)
    with (path / "dataset" / "canonical.jsonl").open("a") as file:
        file.write(chat("long " * 400))
    found = check_data(load_target(path))
    assert found.canonical is not None and found.canonical.longest_line == 201
    assert 480 < found.canonical.longest < 560
    assert "longest about 5" in words(found, None, 256) and "would be cut" in words(
        found, None, 256
    )
    some = TokenCount(100, 900, 12, 7, 0, 256)
    assert "longest 12 tokens, line 7 · none over 256" in words(found, some)
    assert "(100 rows counted so far)" in words(found, some)
    done = TokenCount(201, 4020, 410, 201, 1, 256, whole=True)
    assert "longest 410 tokens, line 201 · ⚠ 1 row is over 256 and cut · 20 on" in words(
        found, done
    )


def test_a_large_file_is_looked_at_in_part_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_target(tmp_path)
    file = path / "dataset" / "canonical.jsonl"
    monkeypatch.setattr(data_check, "MAX_BYTES", 5000)
    found = check_data(load_target(path)).canonical
    assert found is not None and found.cut and 0 < found.rows < 200
    assert found.size == file.stat().st_size and 5000 <= found.looked < 5200
    text = words(check_data(load_target(path)))
    assert "the rest was not looked at" in text and "none of the first" in text


def test_lines_without_an_end_and_bytes_that_are_no_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_target(tmp_path)
    monkeypatch.setattr(data_check, "MAX_LINE", 2**20)
    data = b"\xff\xfe\n" + b"x" * (3 * 2**20) + b"\n" + chat("after").encode()
    (path / "dataset" / "canonical.jsonl").write_bytes(data)
    found = check_data(load_target(path)).canonical
    assert found is not None and (found.rows, found.broken) == (3, 2)
    assert found.broken_lines == [
        (1, "is not UTF-8 text (byte 0)"),
        (2, "is longer than 1 MB"),
    ]


def test_a_check_that_nobody_waits_for_ends(tmp_path: Path) -> None:
    path = make_target(tmp_path)
    rows = "".join(chat(f"row {n}") for n in range(2000))
    (path / "dataset" / "canonical.jsonl").write_text(rows)
    with pytest.raises(CheckStopped):
        check_data(load_target(path), lambda: True)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    path = make_target(tmp_path, forge=FORGE.replace("generator: generator.py, ", ""))
    (path / "dataset" / "gold.jsonl").unlink()
    (path / "dataset" / "canonical.jsonl").unlink()
    text = words(check_data(load_target(path)))
    assert "dataset/gold.jsonl cannot be read: No such file" in text
    assert "No generator and no canonical rows" in text


@pytest.mark.parametrize("make", [lambda p: p.mkdir(), lambda p: p.write_text("")])
def test_a_directory_or_nothing_instead_of_rows(tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]
    path = make_target(tmp_path)
    file = path / "dataset" / "canonical.jsonl"
    file.unlink()
    make(file)
    assert "✘ dataset/canonical.jsonl" in words(check_data(load_target(path)))


def test_a_path_out_of_the_target_is_refused_not_read(tmp_path: Path) -> None:
    path = make_target(tmp_path)
    target = load_target(path, ["dataset.canonical=../../secret.jsonl"])
    assert "outside the target" in words(check_data(target))


def test_hostile_text_of_a_row_stays_text(tmp_path: Path) -> None:
    path = make_target(tmp_path)
    nasty = "\x1b[31m[red]" + "漢字" * 10
    gold = json.loads(chat(nasty))
    (path / "dataset" / "gold.jsonl").write_text(json.dumps(gold) + "\n")
    with (path / "dataset" / "canonical.jsonl").open("a") as file:
        file.write(json.dumps(gold) + "\n")
    text = words(check_data(load_target(path)))
    assert "\x1b" not in text and "1 training row comes near a gold prompt" in text


def test_a_row_that_is_nearly_gold_is_named(tmp_path: Path) -> None:
    path = make_target(tmp_path)
    held = "Which river runs through the old town and under its stone bridge?"
    with (path / "dataset" / "gold.jsonl").open("a") as file:
        file.write(chat(held))
    with (path / "dataset" / "canonical.jsonl").open("a") as file:
        file.write(chat(held.replace("river", "stream")) + chat("Well now. " + held))
    found = check_data(load_target(path))
    assert found.shared.rows == {"near": 1, "inside": 1}
    text = words(found)
    assert "2 training rows come near a gold prompt (1 with more around it, 1 nearly)" in text
    assert (
        "dataset/gold.jsonl:61 is 74" in text and "% alike to dataset/canonical.jsonl:201." in text
    )


def test_a_suites_header_is_no_row_and_its_rows_may_have_any_shape(tmp_path: Path) -> None:
    path = make_target(tmp_path)
    rows = [{"suite": {"name": "x"}}, {"prompt_text": "row 5", "expected_keywords": ["x"]}]
    (path / "dataset" / "gold.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    found = check_data(load_target(path))
    assert (found.suites[0].rows, found.suites[0].broken) == (1, 0)
    assert found.shared.rows == {"exact": 1}


def test_only_so_many_rows_are_compared_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_target(tmp_path)
    monkeypatch.setattr(data_check, "MAX_COMPARED", 50)
    assert "none of the first 50 training rows comes near" in words(check_data(load_target(path)))
