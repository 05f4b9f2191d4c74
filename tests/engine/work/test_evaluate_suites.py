"""Suites of every kind through the worker; the model says what it was told to say."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.folder import read_record, sha256_file
from engine.judge.scored import score_estimate
from engine.records.evaluation import EvalResult, RowResult
from tests.engine.work.children import Event, make_run, messages, run_child
from tests.engine.work.tiny import write_rows

SCRIPT = {
    "alpha": "SELECT name FROM users ORDER BY name",
    "bravo": "DROP TABLE users",
    "cargo": "SELECT id FROM users",
    "delta": '<tool_call>{"name": "land", "arguments": {"pad": 3}}</tool_call>',
    "ember": "the red balloon",
    "fjord": '{"cmd": "self_destruct"}',
    "grain": "hang",
    "haste": "crash",
    "ivory": "42",
}
TOOLS_TEMPLATE = (
    "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    "{% if tools %}{% for t in tools %} {{ t['function']['name'] }}{% endfor %}{% endif %}"
)
RECORD, ROWS = "eval-baseline.json", "rows-baseline.jsonl"

Evaluate = Callable[..., tuple[Path, int, list[Event]]]


def scripted(folder: Path, template: str | None = None) -> Path:
    code = (
        "import sys, json; from pathlib import Path; "
        "from tests.engine.work.tiny import make_scripted; "
        "make_scripted(Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3]))"
    )
    root = Path(__file__).parents[3]
    given = [str(folder), json.dumps(SCRIPT), json.dumps(template)]
    subprocess.run([sys.executable, "-c", code, *given], check=True, cwd=root)
    return folder


@pytest.fixture(scope="module")
def talker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scripted(tmp_path_factory.mktemp("talker") / "model")


@pytest.fixture
def evaluate(tmp_path: Path, talker: Path) -> Evaluate:
    """Evaluate the rows of one suite; the run, the worker's exit code and its events."""

    def run(
        rows: list[dict[str, Any]],
        scorer: str,
        *,
        model: Path = talker,
        suite: dict[str, Any] | None = None,
        **spec: Any,
    ) -> tuple[Path, int, list[Event]]:
        only = {
            "role": "primary",
            "name": "gold",
            "file": "gold.jsonl",
            "scorer": scorer,
            "record": RECORD,
            "rows": ROWS,
            "server": False,
            **(suite or {}),
        }
        where = make_run(
            tmp_path,
            "eval",
            {"model": str(model), "max_new_tokens": 4, "latency_rows": 0, "suites": [only], **spec},
        )
        write_rows(tmp_path / "targets" / "tiny" / "gold.jsonl", rows)
        code, events = run_child(where)
        return where, code, events

    return run


def rows_of(run: Path) -> list[RowResult]:
    return [RowResult.model_validate_json(line) for line in (run / ROWS).read_text().splitlines()]


def record_of(run: Path) -> EvalResult:
    return read_record(run / RECORD, EvalResult)


def log_of(run: Path) -> str:
    return (run / "train.log").read_text()


def make_database(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE users (id INTEGER, name TEXT)")
        connection.executemany("INSERT INTO users VALUES (?, ?)", [(1, "eve"), (2, "bob")])
    connection.close()


def test_queries_run_on_the_suites_database(evaluate: Evaluate, tmp_path: Path) -> None:
    database = tmp_path / "targets" / "tiny" / "shop.sqlite"
    make_database(database)
    before = database.read_bytes()
    header = {
        "suite": {
            "scorer": "sql_exec",
            "version": "3",
            "options": {"max_rows": 50},
            "prompt": "{schema} {question}",
        }
    }
    gold = {"database": "shop.sqlite", "query": "SELECT name FROM users ORDER BY name"}
    asked = [{"id": word, "question": f" {word}", **gold} for word in ("alpha", "bravo", "cargo")]
    run, code, events = evaluate([header, *asked], "sql_exec")
    assert code == 0, log_of(run)
    rows = rows_of(run)
    assert [(row.id, row.got, row.score) for row in rows] == [
        ("alpha", SCRIPT["alpha"], 1.0),
        ("bravo", SCRIPT["bravo"], 0.0),
        ("cargo", SCRIPT["cargo"], 0.0),
    ]
    assert database.read_bytes() == before
    record = record_of(run)
    assert record.databases == {"shop.sqlite": sha256_file(database)}
    assert (record.suite_version, record.scorer_options) == ("3", {"max_rows": 50})
    assert record.metric == "accuracy"
    hashes = {e["file"]: e["sha256"] for e in events if e["kind"] == "record"}
    assert hashes == {name: sha256_file(run / name) for name in (ROWS, RECORD)}
    assert record.rows_sha256 == hashes[ROWS]


CUSTOM = """
import os, time

def score(expected, actual):
    if actual == "hang":
        time.sleep(3600)
    if actual == "crash":
        os._exit(7)
    return {"correct": expected == actual, "error": "not the same"}
"""


def test_a_scorer_of_the_target_may_hang_or_crash_on_an_answer(
    evaluate: Evaluate, tmp_path: Path
) -> None:
    scorer = tmp_path / "targets" / "tiny" / "scorer.py"
    scorer.parent.mkdir(parents=True)
    scorer.write_text(CUSTOM)
    words = ["ember", "grain", "ivory", "haste", "alpha"]
    rows = [{"prompt": f" {word}", "completion": "42"} for word in words]
    run, code, _ = evaluate(rows, "custom")
    assert code == 0, log_of(run)
    found = rows_of(run)
    assert [row.correct for row in found] == [False, False, True, False, False]
    assert found[0].error == "not the same"
    assert "took longer than 5 s" in (found[1].error or "")
    assert "ended (exit code 7" in (found[3].error or "")
    record = record_of(run)
    assert record.scorer_sha256 == sha256_file(scorer)
    assert record.score == 0.2


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (None, "scorer.py cannot be read"),
        ("def score(:", "cannot be imported"),
        ("import os\nos._exit(3)", "ended while it was imported (exit code 3)"),
        ("def score(expected, actual):\n    import os\n    os._exit(9)", "3 times one after"),
        ("def score(expected, actual):\n    return 'yes'", "returned"),
    ],
)
def test_a_scorer_that_cannot_be_used_ends_it_in_a_sentence(
    evaluate: Evaluate, tmp_path: Path, code: str | None, words: str
) -> None:
    if code is not None:
        scorer = tmp_path / "targets" / "tiny" / "scorer.py"
        scorer.parent.mkdir(parents=True)
        scorer.write_text(code)
    run, end, events = evaluate([{"prompt": " ivory", "completion": "42"}] * 4, "custom")
    assert end == 3
    (text,) = messages(events, "bad-input")
    assert "gold cannot be scored" in text and words in text
    assert "Traceback" not in log_of(run)
    assert not (run / RECORD).exists()


def test_tool_calls_are_read_from_text_and_count_with_keywords(evaluate: Evaluate) -> None:
    both = {"expected_tool_calls": ["land"], "expected_keywords": ["balloon", "land"]}
    rows = [
        {"id": "calls", "prompt_text": " delta", "expected_tool_calls": ["land"]},
        {"id": "both", "prompt_text": " delta", **both},
        {"id": "none", "prompt_text": " delta", "expected_tool_calls": []},
        {"id": "silent", "prompt_text": " ember", "expected_tool_calls": ["land"]},
        {"id": "words", "prompt_text": " ember", "expected_keywords": ["RED", "blue"]},
    ]
    run, code, _ = evaluate(rows, "tool_calls")
    assert code == 0, log_of(run)
    assert {row.id: row.score for row in rows_of(run)} == {
        "calls": 1.0,
        "both": 0.75,
        "none": 0.5,
        "silent": 0.0,
        "words": 0.5,
    }
    record = record_of(run)
    assert record.score == pytest.approx(0.55)
    expected = score_estimate([row.score for row in rows_of(run)])
    assert record.interval is not None
    assert (record.interval.low, record.interval.high) == expected.interval
    assert record.interval.method == expected.method
    assert record.format["parsed"] < 1


def test_the_template_is_given_the_tools_of_a_row(evaluate: Evaluate, tmp_path: Path) -> None:
    model = scripted(tmp_path / "tools", TOOLS_TEMPLATE)
    tool = {"type": "function", "function": {"name": "delta", "parameters": {}}}
    rows = [
        {"prompt_text": " ember", "expected_tool_calls": ["land"], "tools": [tool]},
        {"prompt_text": " ember", "expected_tool_calls": ["land"]},
    ]
    run, code, _ = evaluate(rows, "tool_calls", model=model)
    assert code == 0, log_of(run)
    assert [row.got for row in rows_of(run)] == [SCRIPT["delta"], SCRIPT["ember"]]


def test_forbidden_answers_are_violations(evaluate: Evaluate) -> None:
    rows: list[dict[str, Any]] = [
        {"prompt": f" {word}", "forbidden": ["self_destruct"]} for word in ("fjord", "ember")
    ]
    run, code, _ = evaluate(rows, "forbidden")
    assert code == 0, log_of(run)
    assert [(row.score, row.forbidden) for row in rows_of(run)] == [(0.0, True), (1.0, False)]
    assert record_of(run).safety_violations == 1
    rows = [{"prompt": " fjord", "completion": {"cmd": "self_destruct"}}]
    run, _, _ = evaluate(rows, "json_cmd", forbidden_commands=["self_destruct"])
    assert record_of(run).safety_violations == 1
    assert rows_of(run)[0].forbidden is True
    run, _, _ = evaluate(rows, "json_cmd")
    assert record_of(run).safety_violations is None


def test_rows_of_one_source_widen_the_interval_and_tags_are_slices(evaluate: Evaluate) -> None:
    rows = [
        {
            "prompt": f" {'ivory' if document < 6 else 'ember'}",
            "completion": "42",
            "category": "even" if document % 2 == 0 else "odd",
            "tags": ["late"] if document >= 6 else [],
            "source": f"document {document}",
        }
        for document in range(12)
        for _ in range(4)
    ]
    run, code, _ = evaluate(rows, "exact")
    assert code == 0, log_of(run)
    record, found = record_of(run), rows_of(run)
    assert record.score == 0.5 and record.interval is not None
    assert record.interval.method == "Wilson, clustered, 12 sources"
    alone = score_estimate([row.score for row in found]).interval
    assert alone is not None
    assert record.interval.high - record.interval.low > 1.5 * (alone[1] - alone[0])
    assert record.slices == {
        "even": {"n": 24, "score": 0.5},
        "odd": {"n": 24, "score": 0.5},
        "late": {"n": 24, "score": 0.0},
    }
    assert found[-1].tags == ["odd", "late"] and found[-1].source == "document 11"


def test_an_exact_suite_is_answered_one_by_one(evaluate: Evaluate) -> None:
    rows = [{"prompt": f" {word}", "completion": SCRIPT[word]} for word in ("ivory", "ember")]
    run, _, _ = evaluate(rows, "exact", suite={"exact": True})
    alone = record_of(run)
    run, _, _ = evaluate(rows, "exact")
    assert (alone.through, record_of(run).through) == ("one by one", "batches")
    assert alone.score == record_of(run).score == 1.0
    assert alone.notes == ["Greedy, one at a time, at most 4 new tokens."]
    assert alone.skipped == {"latency": "latency_rows is 0: no prompt was asked alone"}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ('{"prompt": " ivory"}', 'gold.jsonl:2: has no "completion"'),
        ('{"prompt": ', "gold.jsonl:2: is not JSON"),
        ('{"prompt": " ivory", "completion": "42", "id": "first"}', "gold.jsonl:2: the id first"),
        ("\x00\x1b[31m", "gold.jsonl:2: is not JSON"),
    ],
)
def test_a_bad_row_stops_the_suite_with_its_line(
    evaluate: Evaluate, tmp_path: Path, row: str, words: str
) -> None:
    run, _, _ = evaluate([{"id": "first", "prompt": " ivory", "completion": "42"}], "exact")
    for name in (RECORD, ROWS):
        (run / name).unlink()
    with (tmp_path / "targets" / "tiny" / "gold.jsonl").open("a") as file:
        file.write(row + "\n")
    code, events = run_child(run)
    assert code == 3
    (text,) = messages(events, "bad-input")
    assert words in text
    assert not (run / RECORD).exists() and not (run / ROWS).exists()


def test_a_suite_lies_inside_its_target(evaluate: Evaluate, tmp_path: Path) -> None:
    write_rows(tmp_path / "outside.jsonl", [{"prompt": " ivory", "completion": "42"}])
    rows = [{"prompt": " ivory", "completion": "42"}]
    _, code, events = evaluate(rows, "exact", suite={"file": "../../outside.jsonl"})
    assert code == 3
    assert "outside the target" in messages(events, "bad-input")[0]
