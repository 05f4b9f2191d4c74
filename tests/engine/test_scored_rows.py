"""Scored rows: all are found, paired, searched and read again; bad ones are said."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from engine.answers.rows_files import rows_files
from engine.answers.scored_rows import MAX_ROW_BYTES, Stopped, index_rows
from engine.answers.trace_export import (
    Chosen,
    ExportRefused,
    chat_rows,
    default_path,
    gold_prompts,
    in_gold,
    refusal,
    write_export,
)
from engine.answers.trace_review import Answered, RowKey, change_reviews, read_reviews, toggled
from engine.checks.streams import read_rows
from tests.engine import folders
from tests.engine.folders import put


def write_rows(path: Path, rows: list[object]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def row(id: object, correct: bool = True, **more: object) -> dict[str, object]:
    base = {"id": id, "prompt": f"p {id}", "expected": "e", "got": "g", "score": 1.0}
    return {**base, "correct": correct, **more}


def test_every_row_of_every_file_is_found_and_paired(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path, n=40, right=(8, 38), breadth=(39, 38))
    index = index_rows(run)
    assert index.problems == [] and index.suites == [folders.PRIMARY, folders.BREADTH]
    assert [file.record for file in index.files] == [
        "eval-candidate.json",
        "eval-baseline.json",
        "eval-regression-candidate.json",
        "eval-regression-baseline.json",
    ]
    assert len(index.examples) == 80
    assert all(one.candidate and one.baseline for one in index.examples)
    flips = [one.flip for one in index.examples]
    assert (flips.count("fixed"), flips.count("broken")) == (30, 1)
    assert index.names[folders.PRIMARY] == {"goto"}


def test_rows_are_read_again_as_they_stand(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    index = index_rows(run)
    for file in index.files:
        rows, _ = read_rows(file.path.read_bytes())
        wanted = {one.id: one for one in rows}
        for example in index.examples:
            here = example.row(file.side)
            if here is None or index.file(here) != file:
                continue
            text, one = index.fetch(here), wanted[example.id]
            assert (text.prompt, text.expected, text.got) == (one.prompt, one.expected, one.got)
            assert (text.error, text.latency_ms, text.tokens) == (one.error, 12.0, 9)


def test_a_rows_file_without_its_record_counts_too(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows-candidate.jsonl", [row("a")])
    write_rows(tmp_path / "rows-regression-baseline.jsonl", [row("a")])
    files, problems = rows_files(tmp_path)
    assert problems == []
    assert [(one.suite, one.side) for one in files] == [
        ("primary", "candidate"),
        ("regression", "baseline"),
    ]


def test_bad_rows_are_said_and_the_others_are_there(tmp_path: Path) -> None:
    path = tmp_path / "rows-candidate.jsonl"
    good = json.dumps(row("a")).encode()
    long = b'{"id": "long", "got": "' + b"x" * MAX_ROW_BYTES + b'"}'
    deep = b"[" * 100_000
    path.write_bytes(b"\n".join([good, b"\xff\xfe", b"[]", b"{}", deep, long, b"", good, b'{"id"']))
    index = index_rows(tmp_path)
    assert [one.id for one in index.examples] == ["a", "a"]
    said = " ".join(index.problems)
    assert "line 2 is not JSON; line 3 is no JSON object; line 4 has no" in said
    assert "and 3 more" in said and "1 rows have an id that stood there before" in said


def test_links_out_pipes_and_missing_rows_are_no_rows(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    outside = tmp_path / "outside.jsonl"
    write_rows(outside, [row("secret")])
    (run / "rows-candidate.jsonl").unlink()
    (run / "rows-candidate.jsonl").symlink_to(outside)
    (run / "rows-baseline.jsonl").unlink()
    os.mkfifo(run / "rows-baseline.jsonl")
    put(run / "eval-regression-baseline.json", "/rows_file", "../../x.jsonl")
    index = index_rows(run)
    assert {one.suite for one in index.examples} == {folders.BREADTH}
    assert len(index.problems) == 3


def test_rows_that_changed_since_are_said_to_have(tmp_path: Path) -> None:
    path = tmp_path / "rows-candidate.jsonl"
    write_rows(path, [row("a"), row("b")])
    index = index_rows(tmp_path)
    write_rows(path, [row("longer"), row("b")])
    last = index.examples[-1].candidate
    assert last is not None
    assert "changed since it was read" in (index.fetch(last).error or "")
    path.unlink()
    assert index.fetch(last).got == ""


@pytest.mark.parametrize(
    ("needle", "found"),
    [
        ("ALPHA", {"1"}),
        ("straße", {"2"}),
        ("STRASSE", {"2"}),
        ('a "quoted"', {"3"}),
        ("日本", {"4"}),
        ("é", {"5"}),
        ("k", {"6"}),
        ("nothing of it", set()),
        ("baseline only", {"1"}),
    ],
)
def test_a_search_finds_what_is_there_however_it_is_written(
    tmp_path: Path, needle: str, found: set[str]
) -> None:
    rows = [
        row("1", prompt="Alpha"),
        row("2", prompt="x", got="die Straße"),
        row("3", prompt="x", expected='a "quoted" word'),
        row("4", prompt="日本語"),
        row("5", prompt="caf\u00e9"),
        row("6", prompt="300 \u212a"),  # the Kelvin sign folds to k
    ]
    text = [json.dumps(one, ensure_ascii=number % 2 == 0) for number, one in enumerate(rows)]
    (tmp_path / "rows-candidate.jsonl").write_text("\n".join(text), "utf-8")
    write_rows(tmp_path / "rows-baseline.jsonl", [row("1", got="baseline only")])
    index = index_rows(tmp_path)
    assert {index.examples[at].id for at in index.search(needle)} == found


def test_reading_stops_when_nobody_wants_it(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows-candidate.jsonl", [row(str(n)) for n in range(6000)])
    heard: list[int] = []
    with pytest.raises(Stopped):
        index_rows(tmp_path, heard.append, lambda: True)
    assert heard == [5000]
    index = index_rows(tmp_path)
    with pytest.raises(Stopped):
        index.search("p", lambda: True)


# --- out of the run -------------------------------------------------------------------------


def chosen_of(run: Path, ids: set[str]) -> list[Chosen]:
    index = index_rows(run)
    rows = [one.candidate for one in index.examples if one.id in ids and one.candidate]
    return [Chosen(index.file(one), one.slice, one.correct, index.fetch(one)) for one in rows]


def test_rows_leave_as_chat_rows_that_say_where_they_come_from(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    key = RowKey("eval-candidate.json", "40")
    one = Answered(key, folders.PRIMARY, "eval-candidate", "no idea")
    change_reviews(run, toggled({}, [one], "format-collapse"))
    made = chat_rows(run.name, chosen_of(run, {"40"}), read_reviews(run))
    assert made[0] == {
        "messages": [
            {"role": "user", "content": f"{folders.ASKED[folders.PRIMARY]} 39"},
            {"role": "assistant", "content": folders.answer(39)},
        ],
        "origin": f"gold:{folders.PRIMARY}",
        "run_id": run.name,
        "rows_file": "rows-candidate.jsonl",
        "example_id": "40",
        "got": "no idea",
        "category": "odd",
        "failure_class": "format-collapse",
        "note": None,
    }
    assert made[1]["origin"] == f"gold:{folders.BREADTH}" and "failure_class" not in made[1]


def test_an_export_replaces_an_export_and_nothing_else(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    chosen = chosen_of(run, {"1", "2"})
    path = default_path(run)
    assert path.parent.name == "dataset" and path.name.startswith("to-rewrite-")
    done = write_export(path, run, chosen, {})
    assert done.rows == 4 and len(path.read_text().splitlines()) == 4
    assert write_export(path, run, chosen[:1], {}).rows == 1
    canonical = path.with_name("canonical.jsonl")
    before = canonical.read_bytes()
    for wrong in (canonical, run / "x.jsonl", run.parent / "x.jsonl", path.with_suffix(".json")):
        assert refusal(wrong, run)
        with pytest.raises(ExportRefused):
            write_export(wrong, run, chosen, {})
    assert canonical.read_bytes() == before and not (run / "x.jsonl").exists()


def test_what_the_data_stage_would_leave_out_is_counted(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    gold = gold_prompts(run)
    assert gold is not None and len(gold) == 80
    chosen = chosen_of(run, {"1", "2", "3"})
    assert in_gold(chosen, gold) == 6
    assert (
        in_gold(
            chosen, {f"{folders.ASKED[folders.PRIMARY]} 0", f"{folders.ASKED[folders.BREADTH]} 1"}
        )
        == 2
    )
    put(run / "plan.json", "/target_dir", "targets/nowhere")
    assert gold_prompts(run) is None


def test_the_rows_of_further_seeds_are_not_the_candidates(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    files, _ = rows_files(run)
    folders.write_eval(run, "seed-1", folders.PRIMARY, "a" * 64, [True] * 40)
    (run / "rows-seed-2.jsonl").write_text("")
    assert rows_files(run) == (files, [])
