"""Scorers of text-to-SQL: sql_exact compares the queries, sql_exec what they give."""

from __future__ import annotations

from collections import Counter
from typing import Any

from engine.judge import sql_database
from engine.judge.answers import show
from engine.judge.score import Score, ScorerError, empty, right, wrong
from engine.judge.sql_database import Database, QueryError, Result
from engine.judge.sql_text import Statement, find_statement, orders, words

SIGNIFICANT = 10
"""Digits to which fractions are compared: sums in another order differ in the last bits."""


def sql_exact(expected: str, got: str) -> Score:
    """The first query in the answer is the expected one, word for word.

    Compared without layout, comments, the final semicolon and the case of words outside quotes
    (``engine.judge.sql_text.words``). A query that means the same in other words is wrong here. A
    fence or prose around the query is no error but is noted; a second statement is one.
    """
    found = _statement(got)
    if isinstance(found, Score):
        return found
    wanted = words(_gold(expected))
    if words(found.sql) == wanted:
        return right(prose=found.prose)
    return wrong(f"expected {show(expected.strip())}, got {show(found.sql)}", prose=found.prose)


def sql_exec(
    expected: str,
    got: str,
    *,
    database: Database,
    seconds: float = sql_database.SECONDS,
    max_rows: int = sql_database.MAX_ROWS,
) -> Score:
    """The first query in the answer gives what the gold query gives, on SQLite, only reading.

    Results are compared as multisets of rows; in the order of the rows as well where the gold query
    has an ORDER BY of its own (one in a subquery does not count). Columns are compared in their
    order and without their names. 1 equals 1.0, fractions are compared to ten significant digits,
    text exactly, and NULL equals NULL. A query that fails, does more than read, takes longer than
    ``seconds`` or gives more than ``max_rows`` rows is wrong with that reason. Where rows tie in
    the gold's order, an answer that breaks the tie another way is wrong: let gold order by a key.

    ScorerError where the gold query itself gives no result: that says nothing of the answer.
    """
    try:
        wanted = sql_database.query_once(database, _gold(expected), seconds, max_rows)
    except QueryError as error:
        raise ScorerError(f"the gold query {show(expected.strip())} fails: {error}") from error
    found = _statement(got)
    if isinstance(found, Score):
        return found
    try:
        result = sql_database.query(database, found.sql, seconds, max_rows)
    except QueryError as error:
        return wrong(f"the query fails: {error}", prose=found.prose)
    difference = _difference(wanted, result, ordered=orders(_gold(expected)))
    return wrong(difference, prose=found.prose) if difference else right(prose=found.prose)


def _gold(expected: str) -> str:
    return expected.strip().rstrip(";").rstrip()


def _statement(got: str) -> Statement | Score:
    """The query of an answer, or why it has none."""
    if not got.strip():
        return empty()
    found = find_statement(got)
    if found is None:
        return wrong("there is no query in the answer", parsed=False, prose=True)
    if found.more:
        return wrong("there is more than one statement in the answer", prose=found.prose)
    return found


def _difference(wanted: Result, got: Result, *, ordered: bool) -> str | None:
    """In words, how a result is not the expected one; None where it is."""
    if wanted.columns != got.columns:
        return f"expected {_count(wanted.columns, 'column')}, got {got.columns}"
    if len(wanted.rows) != len(got.rows):
        return f"expected {_count(len(wanted.rows), 'row')}, got {len(got.rows)}"
    left, right_ = [_row(one) for one in wanted.rows], [_row(one) for one in got.rows]
    if left == right_:
        return None
    missing = Counter(left) - Counter(right_)
    if missing:
        place = next(index for index, row in enumerate(left) if row in missing)
        many = sum(missing.values())
        more = f" and {many - 1} more" if many > 1 else ""
        return f"the row {_shown(wanted.rows[place])}{more} is not in the result"
    return "the rows are right, their order is not" if ordered else None


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _row(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row as what it is compared by: its type and value, numbers by value."""
    return tuple(_cell(value) for value in row)


def _cell(value: Any) -> tuple[str, Any]:
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 2**53:
            return "number", int(value)
        return "number", float(f"{value:.{SIGNIFICANT}g}")
    if isinstance(value, int):
        return "number", value
    return type(value).__name__, value


def _shown(row: tuple[Any, ...]) -> str:
    return show([value.hex() if isinstance(value, bytes) else value for value in row])


def is_query(expected: str) -> str | None:
    """Why an expected text is no gold query, or None."""
    found = find_statement(expected)
    if found is None or found.prose or found.more:
        return "the expected answer must be one query (SELECT …), with nothing around it"
    return None


def gold_problem(expected: str, database: Database | None) -> str | None:
    """Why a gold query cannot judge an answer on this database, or None where it can."""
    if database is None:
        return 'sql_exec needs a "schema" with rows, or a "database" file'
    try:
        if not sql_database.has_rows(database):
            return (
                f"the tables of {database.name} are all empty: any query would give the same; "
                "add rows, or use sql_exact"
            )
        sql_database.query_once(database, _gold(expected))
    except QueryError as error:
        return f"the gold query cannot be used: {error}"
    return None
