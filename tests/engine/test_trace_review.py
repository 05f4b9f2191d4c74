"""Reviews of answers: written whole, undone, noticed when the answer is another, counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine import checks
from engine.answers.trace_review import (
    FILE,
    Answered,
    RowKey,
    answer_hash,
    change_reviews,
    noted,
    read_reviews,
    toggled,
)
from engine.checks.contents import load
from engine.folder import FolderError
from engine.judge.failure_class import names_in, suggest
from engine.publish.report import render_report, write_report
from engine.records.trace_review import TITLES, FailureClass
from tests.engine import folders
from tests.engine.folders import put, read_json, write_json


def answer(row_id: str, got: str = "no idea", record: str = "eval-candidate.json") -> Answered:
    return Answered(RowKey(record, row_id), folders.PRIMARY, "eval-candidate", got)


def rules(run: Path) -> set[str]:
    return {one.rule for one in checks.check_folder(run)}


def tag(run: Path, answers: list[Answered], name: str) -> dict[RowKey, object]:
    return dict(change_reviews(run, toggled(read_reviews(run), answers, name)))


def test_a_tag_is_given_taken_off_and_undone(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    answers = [answer("39"), answer("40")]
    tag(run, answers, FailureClass.FORMAT_COLLAPSE)
    found = read_reviews(run)
    one = found[RowKey("eval-candidate.json", "39")]
    assert (one.failure_class, one.suite) == ("format-collapse", folders.PRIMARY)
    assert one.answer_sha256 == answer_hash("no idea") and one.at is not None
    before = tag(run, answers, FailureClass.PLAUSIBLE)
    assert {review.failure_class for review in read_reviews(run).values()} == {
        "incorrect-but-plausible"
    }
    change_reviews(run, before)  # type: ignore[arg-type]
    assert read_reviews(run) == found
    tag(run, answers, FailureClass.FORMAT_COLLAPSE)
    assert not (run / FILE).exists()


def test_one_of_several_without_the_class_means_that_all_get_it(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    tag(run, [answer("39")], "wrong-command")
    tag(run, [answer("39"), answer("40")], "wrong-command")
    assert len(read_reviews(run)) == 2


def test_notes_stay_when_a_class_goes_and_unknown_keys_are_kept(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    change_reviews(run, noted({}, answer("40"), "  two \n lines "))
    tag(run, [answer("40")], "wrong-command")
    value = read_json(run / FILE)
    assert value["reviews"][0]["note"] == "two lines"
    value["tool"] = "another"
    value["reviews"][0]["colour"] = "blue"
    write_json(run / FILE, value)
    tag(run, [answer("40")], "wrong-command")
    value = read_json(run / FILE)
    assert value["tool"] == "another" and value["reviews"][0]["colour"] == "blue"
    assert value["reviews"][0]["failure_class"] is None
    change_reviews(run, noted(read_reviews(run), answer("40"), ""))
    assert read_json(run / FILE)["reviews"] == []


def test_a_broken_file_is_not_written_over(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    (run / FILE).write_text("{")
    with pytest.raises(FolderError, match=r"trace-review\.json: is cut off"):
        tag(run, [answer("40")], "wrong-command")
    assert (run / FILE).read_text() == "{"
    assert "file-cut-off" in rules(run)


def test_an_answer_that_was_measured_again_is_noticed(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    tag(run, [answer("39")], "wrong-command")
    write_report(run)
    assert rules(run) == set()
    changed = toggled(read_reviews(run), [answer("39", "another answer")], "wrong-command")
    assert next(iter(changed.values())) is not None  # the old tag is none of this answer
    tag(run, [answer("40", "what stood here before")], "wrong-command")
    assert rules(run) == {"review-answer"}
    assert "1 more are of answers that were measured again" in render_report(load(run))


def test_what_validation_says(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    tag(run, [answer("39"), answer("40")], "wrong-command")
    write_report(run)
    assert rules(run) == set()
    put(run / FILE, "/reviews/0/failure_class", "no-class-of-ours")
    assert rules(run) == {"review-class", "report-review"}
    put(run / FILE, "/reviews/0/row_id", "nobody")
    assert "review-row" in rules(run)
    put(run / FILE, "/reviews/1/record", "eval-nothing.json")
    assert "review-row" in rules(run)
    value = read_json(run / FILE)
    value["reviews"].append(value["reviews"][0])
    write_json(run / FILE, value)
    assert "review-twice" in rules(run)
    put(run / FILE, "/reviews/0/answer_sha256", "short")
    assert "file-shape" in rules(run)


def test_the_report_counts_the_classes_and_without_them_is_as_before(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    before = render_report(load(run))
    assert "Trace Review" not in before
    tag(run, [answer("39"), answer("40")], "hallucinated-name")
    change_reviews(run, noted(read_reviews(run), answer("40"), "says [x](http://e) | y"))
    after = render_report(load(run))
    section = after.split("## Trace Review\n")[1].split("\n## ")[0]
    assert "| hallucinated name | 2 | 2 |" in section
    assert "2 answers have a failure class" in section
    assert "example 40 (hallucinated name): says \\[x\\](http\\://e) \\| y" in section
    assert after.replace(f"## Trace Review\n{section}\n", "") == before
    tag(run, [answer("39"), answer("40")], "hallucinated-name")
    change_reviews(run, noted(read_reviews(run), answer("40"), ""))
    assert render_report(load(run)) == before


@pytest.mark.parametrize(
    ("expected", "got", "error", "wanted"),
    [
        (
            '{"cmd": "land"}',
            'Sure: {"cmd": "land"}',
            "there is text around the JSON",
            "PROSE_AROUND",
        ),
        ('{"cmd": "land"}', '{"cmd": "la', "the JSON is cut off", "FORMAT_COLLAPSE"),
        ('{"cmd": "land"}', "I would land", "the answer is prose, not JSON", "FORMAT_COLLAPSE"),
        ('{"cmd": "land"}', '{"cmd": "fly"}', 'cmd: expected "land"', "HALLUCINATED_NAME"),
        ('{"cmd": "land"}', '{"cmd": "rtl"}', 'cmd: expected "land"', "WRONG_COMMAND"),
        ('{"cmd": "land", "a": 1}', '{"cmd": "land", "a": 2}', "a: expected 1", "WRONG_ARGUMENT"),
        ('{"cmd": "land"}', "{}", 'cmd: expected "land"', "FORMAT_COLLAPSE"),
        ("12", "13", 'expected "12", got "13"', "PLAUSIBLE"),
        ("12", '{"cmd": "land"}', 'expected "12"', "FORMAT_COLLAPSE"),
        ("12", "", "the answer is empty", "FORMAT_COLLAPSE"),
        ("12", "word " * 100, "expected", None),
    ],
)
def test_what_the_evidence_suggests(
    expected: str, got: str, error: str, wanted: str | None
) -> None:
    found = suggest(expected, got, error, False, {"land", "rtl"} if "{" in expected else set())
    assert (found.failure_class.name if found else None) == wanted


def test_a_right_answer_is_suspicious_only_when_it_is_far_too_long() -> None:
    assert suggest("7", "7", None, True, ()) is None
    found = suggest("7", " ".join(map(str, range(200))), None, True, ())
    assert found is not None and found.failure_class == FailureClass.REWARD_HACKING


def test_names_are_those_of_commands_and_tools() -> None:
    assert names_in('{"cmd":"a\\"b","args":{"name":"c"}}') == ['a\\"b', "c"]
    assert names_in("no json") == []
    assert set(TITLES) == set(FailureClass)
    assert json.loads(json.dumps(TITLES))["reward-hacking"] == "reward hacking"
