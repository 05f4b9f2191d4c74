"""Queries are compared as text, and by what they give on a database that they cannot harm."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.judge import sql_database, sql_scorers, sql_text
from engine.judge.scorers import Score, ScorerError, check_expected, score
from engine.judge.sql_database import Database, QueryError, from_bytes, from_script, query

SCRIPT = """
PRAGMA foreign_keys = ON;
CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, price REAL);
INSERT INTO t VALUES (1, 'Ada', 1.5), (2, 'Bob', 2.0), (3, 'Bob', 0.30000000000000004),
(4, NULL, 0);
"""
SHOP = from_script(SCRIPT)


def run(expected: str, got: str, database: Database = SHOP, **options: Any) -> Score:
    return score("sql_exec", expected, got, database=database, **options)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ("SELECT name FROM t WHERE id = 1", "select Name\n  from T where id=1;"),
        ("SELECT a FROM t WHERE b <> 'X y'", "SELECT a FROM t WHERE b != 'X y' -- all"),
        ('SELECT a FROM t WHERE b = "Bob"', "SELECT a FROM t WHERE b == 'Bob'"),
        ("SELECT `a` FROM [t]", "SELECT a /* the a */ FROM t"),
        ("SELECT 1;", "```sql\nSELECT 1\n```"),
        ("SELECT 'it''s'", "Here: SELECT 'it''s'; This gives it."),
    ],
)
def test_the_same_query_word_for_word(expected: str, got: str) -> None:
    assert score("sql_exact", expected, got).correct


@pytest.mark.parametrize(
    ("expected", "got", "reason"),
    [
        ("SELECT a FROM t", "SELECT b FROM t", "expected"),
        ("SELECT 'Bob'", "SELECT 'bob'", "expected"),
        ("SELECT 'a b'", "SELECT 'a  b'", "expected"),
        ("SELECT 1", "SELECT 1; DROP TABLE t", "more than one statement"),
        ("SELECT 1", "I cannot do that.", "no query"),
        ("SELECT 1", " ", "empty"),
    ],
)
def test_other_queries(expected: str, got: str, reason: str) -> None:
    result = score("sql_exact", expected, got)
    assert not result.correct and reason in (result.error or "")


@pytest.mark.parametrize(
    ("answer", "sql", "prose"),
    [
        ("SELECT 1", "SELECT 1", False),
        ("  SELECT 1 ;\n", "SELECT 1", False),
        ("-- one\nSELECT 1", "-- one\nSELECT 1", False),
        ("(SELECT 1) UNION SELECT 2", "(SELECT 1) UNION SELECT 2", False),
        ("SELECT ';' FROM t", "SELECT ';' FROM t", False),
        ("SELECT a\n\nFROM t\n\nWHERE b", "SELECT a\n\nFROM t\n\nWHERE b", False),
        ("SELECT a FROM t\n\nThis gives all.", "SELECT a FROM t", True),
        ("SELECT a FROM t; This gives all.", "SELECT a FROM t", True),
        ("The query:\n```sql\nSELECT 1;\n```\nDone.", "SELECT 1", True),
        ("Sure: SELECT 1", "SELECT 1", True),
        ("WITH x AS (SELECT 1) SELECT * FROM x", "WITH x AS (SELECT 1) SELECT * FROM x", False),
    ],
)
def test_where_the_query_stands_in_an_answer(answer: str, sql: str, prose: bool) -> None:
    found = sql_text.find_statement(answer)
    assert found is not None
    assert (found.sql, found.prose, found.more) == (sql, prose, False)


@pytest.mark.parametrize(
    ("sql", "ordered"),
    [
        ("SELECT a FROM t ORDER BY a", True),
        ("select a from t order\nby a limit 3", True),
        ("SELECT a FROM (SELECT a FROM t ORDER BY a)", False),
        ("SELECT 'order by a'", False),
        ("SELECT row_number() OVER (ORDER BY a) FROM t", False),
        ("SELECT a FROM t -- order by a", False),
    ],
)
def test_whether_a_query_orders(sql: str, ordered: bool) -> None:
    assert sql_text.orders(sql) is ordered


@pytest.mark.parametrize(
    ("expected", "got", "reason"),
    [
        ("SELECT name FROM t", "SELECT name AS n FROM t ORDER BY id DESC", None),
        ("SELECT id FROM t ORDER BY id", "SELECT id FROM t ORDER BY id", None),
        ("SELECT id FROM t ORDER BY id", "SELECT id FROM t ORDER BY id DESC", "order is not"),
        ("SELECT 2", "SELECT price FROM t WHERE id = 2", None),
        ("SELECT 0.3", "SELECT price FROM t WHERE id = 3", None),
        ("SELECT 0.3", "SELECT 0.30001", "the row [0.3] is not in the result"),
        ("SELECT '2'", "SELECT 2", "is not in the result"),
        ("SELECT NULL", "SELECT name FROM t WHERE id = 4", None),
        ("SELECT name FROM t", "SELECT DISTINCT name FROM t", "expected 4 rows, got 3"),
        ("SELECT id, name FROM t", "SELECT name, id FROM t", "and 3 more is not in"),
        ("SELECT id FROM t", "SELECT id, name FROM t", "expected 1 column, got 2"),
        # The same two values in other numbers: a set would not see it.
        ("SELECT 1 UNION ALL SELECT 1 UNION ALL SELECT 2",
         "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 2", "the row [1] is not"),
        ("SELECT 1", "SELECT cost FROM t", "no such column: cost"),
        ("SELECT 1", "SELEC 1", "no query"),
        ("SELECT 1", "SELECT 1; DELETE FROM t", "more than one statement"),
        ("SELECT 1", "WITH x AS (SELECT 1) DELETE FROM t", "more than read"),
        ("SELECT 1", "WITH x AS (SELECT 1) INSERT INTO t SELECT 9, 'x', 1", "more than read"),
        ("SELECT 1", "SELECT * FROM pragma_database_list", "more than read"),
        ("SELECT 1", "SELECT load_extension('x')", "more than read"),
        ("SELECT 1", "SELECT length(randomblob(999999999))", "too big"),
        ("SELECT 1", "SELECT '\ud800'", "fails"),
        ("SELECT 1", "SELECT 1\x00", "fails"),
        ("SELECT 1", "", "empty"),
    ],
)  # fmt: skip
def test_what_the_queries_give(expected: str, got: str, reason: str | None) -> None:
    result = run(expected, got)
    assert result.correct is (reason is None), result
    assert reason is None or reason in (result.error or "")


def test_a_query_without_end_is_stopped() -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    begin = time.monotonic()
    assert (
        run("SELECT 1", endless, seconds=0.2).error == "the query fails: it took longer than 0.2 s"
    )
    assert time.monotonic() - begin < 20
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    assert "more than 50 rows" in (run("SELECT 1", many, max_rows=50).error or "")
    wide = many.replace("SELECT i FROM", "SELECT zeroblob(500000) FROM")
    assert "more than 16 MB" in (run("SELECT 1", wide).error or "")
    # The connection is as good as before.
    assert run("SELECT 1", "SELECT 1").correct


def test_a_gold_query_that_fails_is_no_fault_of_the_answer() -> None:
    with pytest.raises(ScorerError, match=r"the gold query .* fails: no such table"):
        run("SELECT * FROM nowhere", "SELECT 1")
    with pytest.raises(ScorerError, match="sql_exec needs a database"):
        score("sql_exec", "SELECT 1", "SELECT 1")


def test_a_database_that_cannot_judge() -> None:
    problem = sql_scorers.gold_problem
    assert problem("SELECT id FROM t", SHOP) is None
    assert "needs a" in (problem("SELECT id FROM t", None) or "")
    assert "no such column" in (problem("SELECT x FROM t", SHOP) or "")
    empty = from_script("CREATE TABLE t(id)")
    assert "all empty" in (problem("SELECT id FROM t", empty) or "")
    broken = from_script("CREATE TABLE")
    assert "cannot be made: incomplete input" in (problem("SELECT 1", broken) or "")
    for expected in ("DELETE FROM t", "Sure: SELECT 1", "SELECT 1; SELECT 2", ""):
        assert "one query" in (check_expected("sql_exec", expected) or "")


@pytest.mark.parametrize(
    "script", ["ATTACH 'x.db' AS x;", "VACUUM INTO 'x.db';", "SELECT load_extension('x');"]
)
def test_a_script_touches_no_file(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(QueryError, match="cannot be made"):
        query(from_script("CREATE TABLE t(a);" + script), "SELECT 1")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_read_also_when_it_was_written_through_a_log(tmp_path: Path) -> None:
    path = tmp_path / "shop.sqlite"
    with sqlite3.connect(path) as made:
        made.execute("PRAGMA journal_mode = WAL")
        made.executescript(SCRIPT)
    made.close()
    shop = from_bytes(path.read_bytes(), "shop.sqlite")
    assert query(shop, "SELECT count(*) FROM t").rows == ((4,),)
    assert sql_database.schema(shop).startswith("CREATE TABLE t(")
    with pytest.raises(QueryError, match="is no SQLite database"):
        from_bytes(b"nothing", "x.sqlite")
    cut = from_bytes(path.read_bytes()[:3000], "cut.sqlite")
    with pytest.raises(QueryError, match=r"cut\.sqlite|malformed|not a database"):
        query(cut, "SELECT * FROM t")


def test_several_threads_may_ask_at_once() -> None:
    results: list[bool] = []
    threads = [
        threading.Thread(
            target=lambda: results.extend(
                run("SELECT count(*) FROM t", "SELECT 4").correct for _ in range(20)
            )
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == [True] * 80


_VALUES = st.none() | st.integers(-3, 3) | st.sampled_from(["", "a", "A", "1"]) | st.floats(-2, 2)
_ROWS = st.lists(st.tuples(_VALUES, _VALUES), min_size=1, max_size=6)


def _select(rows: list[tuple[object, object]]) -> str:
    def value(one: object) -> str:
        if one is None:
            return "NULL"
        return f"'{one}'" if isinstance(one, str) else repr(one)

    return "VALUES " + ", ".join(f"({value(a)}, {value(b)})" for a, b in rows)


@settings(max_examples=100, deadline=None)
@given(rows=_ROWS, other=_ROWS, order=st.randoms(use_true_random=False))
def test_results_are_compared_as_multisets(
    rows: list[tuple[object, object]], other: list[tuple[object, object]], order: Any
) -> None:
    shuffled = list(rows)
    order.shuffle(shuffled)
    assert run(_select(rows), _select(shuffled)).correct
    assert run(_select(rows), _select(other)).correct is run(_select(other), _select(rows)).correct
    assert not run(_select(rows), _select([*rows, rows[0]])).correct


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="SELECT ab'\"`[]();-/*\n,1=<>", max_size=60))
def test_any_text_has_words_that_are_stable(text: str) -> None:
    words = sql_text.words(text)
    assert sql_text.words(" ".join(["select", *words])) is not None
    sql_text.find_statement(text)
    sql_text.orders(text)
