"""Headers, tool and keyword prompts, text-to-SQL with its databases: read, or refused by line."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from engine.judge.scorers import score
from engine.judge.suites import Suite, SuiteError, load_suite, parse_suite

TABLE = "CREATE TABLE t(a); INSERT INTO t VALUES (1), (2);"
ROW = {"prompt": "q", "completion": "a"}


def parse(*rows: Any, scorer: str | None = "exact", **more: Any) -> Suite:
    data = [json.dumps(row).encode() for row in rows]
    return parse_suite("gold", data, scorer=scorer, sha256="0" * 64, **more)


def problems(*rows: Any, scorer: str | None = "exact", **more: Any) -> list[str]:
    with pytest.raises(SuiteError) as caught:
        parse(*rows, scorer=scorer, **more)
    return caught.value.problems


# --- the header --------------------------------------------------------------------------


def test_a_header_says_what_the_file_is(tmp_path: Path) -> None:
    header = {
        "name": "sums",
        "version": "2",
        "scorer": "numeric",
        "metric": "within 1",
        "direction": "lower",
        "system_prompt": "Only the number.",
        "options": {"tolerance": 1},
    }
    path = tmp_path / "sums.jsonl"
    rows = [{"suite": header}, {"question": "2+2", "ideal": 4}]
    path.write_text("\n\n".join(json.dumps(row) for row in rows), "utf-8")
    suite = load_suite(path, gives={"options"})
    assert (suite.name, suite.version, suite.scorer) == ("sums", "2", "numeric")
    assert (suite.metric, suite.direction, suite.options) == ("within 1", "lower", {"tolerance": 1})
    assert suite.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    (example,) = suite.examples
    assert (example.id, example.expected) == ("3", "4")
    assert example.messages[0] == {"role": "system", "content": "Only the number."}
    assert score(suite.scorer, example.expected, "5", **suite.options).correct


def test_what_the_caller_says_wins_or_must_agree() -> None:
    header = {"suite": {"name": "n", "scorer": "exact", "system_prompt": "A"}}
    suite = parse(header, ROW, system_prompt="B")
    assert suite.name == "gold" and suite.examples[0].messages[0]["content"] == "B"
    assert problems(header, ROW, scorer="contains") == [
        "gold: its header says the scorer exact, the target says contains"
    ]
    lower = {"suite": {"direction": "lower"}}
    assert parse(lower, ROW).direction == "lower"
    assert (
        "the direction lower, the target says higher" in problems(lower, ROW, direction="higher")[0]
    )


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"scoerer": "exact"}, 'gold:1: the header has no "scoerer"; it has name, version'),
        ({"version": 2}, 'gold:1: "version" of the header is no text'),
        ({"options": []}, '"options" of the header is no object'),
        ({"direction": "up"}, '"higher" or "lower", not \'up\''),
        ({"options": {"best": 1}}, 'the scorer exact has no option "best"'),
        ({"databases": {"x.db": "0"}}, "names the database x.db, and no row does"),
    ],
)
def test_headers_that_cannot_be_used(header: dict[str, Any], words: str) -> None:
    found = problems({"suite": header}, ROW, gives={"options"})
    assert len(found) == 1 and words in found[0]


def test_options_are_tried_once_and_not_dropped_in_silence() -> None:
    header = {"suite": {"options": {"which": "best"}}}
    row = {"prompt": "q", "completion": "4"}
    assert "which is one of" in problems(header, row, scorer="numeric", gives={"options"})[0]
    header = {"suite": {"options": {"which": "last"}}}
    assert "needs its options" in problems(header, row, scorer="numeric")[0]


def test_a_suite_without_any_scorer_or_any_row() -> None:
    assert problems(ROW, scorer=None) == [
        "gold: no scorer is named, neither by the target nor in a header"
    ]
    assert problems({"suite": {"version": "1"}}) == [
        "gold: has no rows; a suite needs at least one example"
    ]


def test_what_a_scorer_needs_and_is_not_handed_stops_the_suite() -> None:
    assert "needs a database" in problems(ROW, scorer="sql_exec")[0]
    assert "needs a scorer.py" in problems(ROW, scorer="custom")[0]
    assert parse(ROW, scorer="custom", gives={"scorer_file"}).metric == "custom score"


# --- tools and keywords --------------------------------------------------------------------

TOOL = {
    "id": "t1",
    "category": "tool_calling",
    "prompt_text": "Read a.py",
    "expected_tool_calls": ["read_file"],
    "expected_keywords": ["import"],
}


def test_prompts_with_expected_calls_and_keywords() -> None:
    suite = parse(TOOL, {**TOOL, "id": "t2", "expected_tool_calls": []}, scorer="tool_calls")
    first, second = suite.examples
    assert (first.id, first.slice, first.prompt) == ("t1", "tool_calling", "Read a.py")
    assert json.loads(first.expected) == {"tool_calls": ["read_file"], "keywords": ["import"]}
    assert score("tool_calls", first.expected, "an import").score == 0.5
    assert score("tool_calls", second.expected, "an import").score == 1.0
    by_words = parse(TOOL, scorer="keywords").examples[0]
    assert score("keywords", by_words.expected, "an import").correct


def test_chats_that_expect_calls_and_that_hold_them() -> None:
    call = {"type": "function", "function": {"name": "ls", "arguments": '{"dir": "."}'}}
    turns = [
        {"role": "user", "content": "What is here?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "a.py", "tool_call_id": "1"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
    ]
    tools = [{"type": "function", "function": {"name": "ls"}}]
    example = parse({"messages": turns, "tools": tools}, scorer="tool_calls").examples[0]
    assert json.loads(example.expected) == {
        "tool_calls": [{"name": "ls", "arguments": {"dir": "."}}]
    }
    assert [turn["role"] for turn in example.messages] == ["user", "assistant", "tool"]
    assert example.messages[1]["tool_calls"] == [call] and example.tools == tuple(tools)
    assert example.messages[2]["tool_call_id"] == "1"
    assert "scored by tool_calls" in problems({"messages": turns})[0]


@pytest.mark.parametrize(
    ("row", "scorer", "words"),
    [
        (TOOL, "exact", "score it with tool_calls or keywords"),
        ({"prompt_text": "q"}, "tool_calls", 'neither "expected_tool_calls" nor'),
        ({**TOOL, "expected_tool_calls": "ls"}, "tool_calls", "are no list"),
        ({**TOOL, "expected_keywords": [1]}, "tool_calls", "no list of texts"),
        ({**TOOL, "expected_keywords": []}, "keywords", "the expected keywords must be"),
        ({**TOOL, "prompt_text": ""}, "tool_calls", "the content is empty"),
        ({**TOOL, "tags": [1]}, "tool_calls", '"tags" is no list of texts'),
        ({**TOOL, "tools": "ls"}, "tool_calls", '"tools" is no list of objects'),
        ({"expected_keywords": ["a"]}, "keywords", 'neither "messages" nor "prompt_text"'),
    ],
)
def test_rows_that_cannot_be_scored(row: dict[str, Any], scorer: str, words: str) -> None:
    (found,) = problems(row, scorer=scorer)
    assert found.startswith("gold:1: ") and words in found


def test_tags_and_a_rows_own_system_prompt() -> None:
    row = {**ROW, "category": "nav", "tags": ["hard", "nav"], "system": "Mine."}
    example = parse(row, system_prompt="Theirs.").examples[0]
    assert example.tags == ("nav", "hard") and example.slice == "nav"
    assert [turn["content"] for turn in example.messages] == ["Mine.", "q"]
    assert parse(ROW).examples[0].tags == ()


def test_a_list_of_forbidden_answers() -> None:
    row = {"question": "Fire?", "forbidden": ["fire", "arm"]}
    example = parse(row, scorer="forbidden").examples[0]
    assert score("forbidden", example.expected, "Fire").forbidden


# --- text-to-SQL -------------------------------------------------------------------------


def sql(*rows: Any, scorer: str = "sql_exec") -> Suite:
    return parse(*rows, scorer=scorer, gives={"database"})


@pytest.mark.parametrize(
    "row",
    [
        {"question": "All?", "schema": TABLE, "query": "SELECT a FROM t"},
        {"question": "All?", "context": TABLE, "answer": "SELECT a FROM t"},
        {"question": "All?", "schema": TABLE, "SQL": "SELECT a FROM t;"},
        {"prompt": "All?", "completion": "SELECT a FROM t", "schema": TABLE},
    ],
)
def test_a_question_with_its_schema(row: dict[str, Any]) -> None:
    example = sql(row).examples[0]
    assert "All?" in example.prompt
    options = example.options()
    assert score("sql_exec", example.expected, "SELECT a FROM t WHERE a > 0", **options).correct
    assert not score("sql_exec", example.expected, "SELECT 1", **options).correct
    assert example.options()["database"].name == "schema"


def test_the_prompt_of_a_question() -> None:
    row = {"question": "{schema}?", "schema": "CREATE TABLE t({question});", "query": "SELECT 1"}
    assert parse(row, scorer="sql_exact").examples[0].prompt == (
        "CREATE TABLE t({question});\n\n{schema}?"
    )
    header = {"suite": {"prompt": "Q: {question}\nS: {schema}"}}
    plain = {"question": "How?", "schema": "CREATE TABLE t(a);", "query": "SELECT 1"}
    suite = parse(header, plain, scorer="sql_exact")
    assert suite.examples[0].prompt == "Q: How?\nS: CREATE TABLE t(a);"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"query": "SELECT b FROM t"}, "the gold query cannot be used: no such column: b"),
        ({"query": "DELETE FROM t"}, "must be one query"),
        ({"schema": "CREATE TABLE t(a)"}, "all empty"),
        ({"schema": "CREATE TABL"}, "the database schema cannot be made"),
        ({"schema": ""}, 'neither a "schema" nor a "database"'),
        ({"schema": "ATTACH 'x' AS y"}, "cannot be made"),
        ({"database": "x.db"}, "no folder to look for it in"),
        ({"database": 3}, '"database" is no name of a file'),
    ],
)
def test_gold_queries_that_cannot_judge(row: dict[str, Any], words: str) -> None:
    whole = {"question": "?", "schema": TABLE, "query": "SELECT a FROM t", **row}
    with pytest.raises(SuiteError, match="gold:1: ") as caught:
        sql(whole)
    assert words in str(caught.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    suite = tmp_path / "suite"
    (suite / "database" / "shop").mkdir(parents=True)
    for path in (suite / "shop.sqlite", suite / "database/shop/shop.sqlite", tmp_path / "out.db"):
        made = sqlite3.connect(path)
        made.executescript(TABLE)
        made.close()
    return suite


def load(folder: Path, *rows: Any) -> Suite:
    path = folder / "gold.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    return load_suite(path, "gold", "sql_exec", gives={"database"})


@pytest.mark.parametrize("key", [{"database": "shop.sqlite"}, {"db_id": "shop"}])
def test_a_question_with_its_database_file(folder: Path, key: dict[str, str]) -> None:
    row = {"question": "All?", "query": "SELECT a FROM t", **key}
    suite = load(folder, row, row)
    assert suite.examples[0].prompt == "CREATE TABLE t(a);\n\nAll?"
    assert suite.examples[0].database is suite.examples[1].database
    digest = hashlib.sha256((folder / "shop.sqlite").read_bytes()).hexdigest()
    assert suite.databases == {"shop.sqlite": digest}
    assert load(folder, {"suite": {"databases": suite.databases}}, row).databases
    with pytest.raises(SuiteError, match=r"shop\.sqlite is another than its header froze"):
        load(folder, {"suite": {"databases": {"shop.sqlite": "0" * 64}}}, row)
    (folder / "shop.sqlite").unlink()
    if "db_id" in key:
        assert list(load(folder, row).databases) == ["database/shop/shop.sqlite"]


def test_database_files_that_are_not_read(folder: Path) -> None:
    (folder / "text.db").write_text("no", "utf-8")
    (folder / "link.db").symlink_to(folder.parent / "out.db")
    os.mkfifo(folder / "pipe.db")
    made = sqlite3.connect(folder / "log.db")
    made.execute("PRAGMA journal_mode = WAL")
    made.executescript(TABLE)
    words = {
        "../out.db": "outside the suite's folder",
        str(folder / "shop.sqlite"): "outside the suite's folder",
        "link.db": "outside the suite's folder",
        "pipe.db": "no ordinary file",
        "database": "no ordinary file",
        "text.db": "is no SQLite database",
        "none.db": "is missing",
        "log.db": "has changes in log.db-wal",
        "a\x00b": "cannot be read",
    }
    rows = [{"question": "?", "query": "SELECT a FROM t", "database": name} for name in words]
    by_id = [{"question": "?", "query": "SELECT 1", "db_id": name} for name in ("no", "../x")]
    with pytest.raises(SuiteError) as caught:
        load(folder, *rows, *by_id)
    made.close()
    for number, (problem, wanted) in enumerate(
        zip(caught.value.problems, [*words.values(), "no database no", "no name"], strict=True), 1
    ):
        assert problem.startswith(f"gold.jsonl:{number}: ") and wanted in problem


def test_a_suite_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gold.jsonl")
    with pytest.raises(SuiteError, match="no ordinary file"):
        load_suite(tmp_path / "gold.jsonl", "gold", "exact")
