"""Runs a query of a model on a SQLite database that it cannot harm, and cannot hang.

The database is a value: a script of SQL, or the bytes of a SQLite file. It is opened in memory, so
nothing on a disk is read, written or locked. A query may read tables and call functions and nothing
else; an authorizer refuses the rest (ATTACH, PRAGMA, INSERT, …) before it runs. A progress handler
stops what takes too long, and the size of a result is bounded.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

SECONDS = 2.0
"""How long one query may take."""

MAX_ROWS = 10_000
"""Rows of a result."""

MAX_RESULT_BYTES = 16 * 2**20
MAX_CELL_BYTES = 2**20
"""Bytes of one value, and of a result as a whole."""

BUILD_SECONDS = 10.0
"""How long a script of a suite may take to make its tables."""

KEPT_OPEN = 8
"""Databases that stay open: rows of a suite follow each other on the same one."""

_STEPS = 1000
"""Instructions of SQLite's machine between two looks at the clock: well under a millisecond."""

_HEADER = b"SQLite format 3\x00"
_READS = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}
_NOT_FOR_SCRIPTS = {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH}
_FUNCTIONS_REFUSED = {"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"}
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: MAX_CELL_BYTES,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 200,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_COLUMN: 500,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 100,
}


class QueryError(Exception):
    """A query that gives no result, or a database that cannot be opened; the text says why."""


@dataclass(frozen=True, slots=True)
class Database:
    """A database of a suite. ``sha256`` is that of the script's UTF-8 bytes or of the file."""

    name: str
    sha256: str
    script: str | None = field(default=None, compare=False, repr=False)
    image: bytes | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Result:
    """The rows of a query in the order in which they came, and how many columns each has."""

    columns: int
    rows: tuple[tuple[Any, ...], ...]


def from_script(script: str, name: str = "schema") -> Database:
    """The database that a script of SQL makes (CREATE TABLE …, INSERT …)."""
    return Database(name, hashlib.sha256(script.encode("utf-8", "replace")).hexdigest(), script)


def from_bytes(image: bytes, name: str) -> Database:
    """The database in the bytes of a SQLite file; QueryError where they are none."""
    if not image.startswith(_HEADER):
        raise QueryError(f"{name} is no SQLite database")
    return Database(name, hashlib.sha256(image).hexdigest(), image=image)


def query(
    database: Database, sql: str, seconds: float = SECONDS, max_rows: int = MAX_ROWS
) -> Result:
    """What one statement gives that only reads.

    QueryError where it is no such statement, fails, takes longer than ``seconds``, or gives more
    than ``max_rows`` rows. Values come as SQLite has them: None, int, float, str, bytes.
    """
    opened = _open(database)
    with opened.lock:
        return opened.run(sql, seconds, max_rows)


@lru_cache(maxsize=256)
def query_once(
    database: Database, sql: str, seconds: float = SECONDS, max_rows: int = MAX_ROWS
) -> Result:
    """As ``query``, remembered: for the gold query, which every answer is compared with."""
    return query(database, sql, seconds, max_rows)


def schema(database: Database) -> str:
    """The statements that make the tables and views, one after the other."""
    rows = query(
        database, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
    ).rows
    return "\n".join(f"{row[0]};" for row in rows)


@lru_cache(maxsize=256)
def has_rows(database: Database) -> bool:
    """Whether any table holds a row. On an empty database nearly all queries give the same."""
    names = query(
        database,
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' "
        "ESCAPE '\\'",
    ).rows
    for (name,) in names:
        quoted = str(name).replace('"', '""')
        if query(database, f'SELECT 1 FROM "{quoted}" LIMIT 1').rows:
            return True
    return False


class _Opened:
    """One connection in memory. Its methods are called by one thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.lock = threading.Lock()
        self._connection = connection
        self._until = 0.0
        connection.set_progress_handler(self._late, _STEPS)

    def _late(self) -> bool:
        return time.monotonic() > self._until

    def run(self, sql: str, seconds: float, max_rows: int) -> Result:
        self._until = time.monotonic() + seconds
        cursor = self._connection.cursor()
        try:
            cursor.execute(sql)
            if cursor.description is None:
                raise QueryError("it is no query")
            return Result(len(cursor.description), _fetch(cursor, max_rows))
        except (sqlite3.Error, sqlite3.Warning, ValueError, MemoryError) as error:
            raise QueryError(self._why(error, seconds)) from error
        finally:
            cursor.close()

    def build(self, script: str) -> None:
        self._until = time.monotonic() + BUILD_SECONDS
        try:
            self._connection.executescript(script)
            self._connection.commit()
        except (sqlite3.Error, sqlite3.Warning, ValueError, MemoryError) as error:
            raise QueryError(self._why(error, BUILD_SECONDS)) from error

    def _why(self, error: BaseException, seconds: float) -> str:
        said = str(error).strip() or type(error).__name__
        if said == "interrupted":
            return f"it took longer than {seconds:g} s"
        if "not authorized" in said or said == "authorization denied" or "prohibited" in said:
            return "it does more than read the tables"
        if "one statement at a time" in said:
            return "it is more than one statement"
        return said[:200]


def _fetch(cursor: sqlite3.Cursor, max_rows: int) -> tuple[tuple[Any, ...], ...]:
    rows: list[tuple[Any, ...]] = []
    size = 0
    for row in cursor:
        if len(rows) == max_rows:
            raise QueryError(f"it gives more than {max_rows:,} rows")
        size += sum(len(value) if isinstance(value, str | bytes) else 8 for value in row)
        if size > MAX_RESULT_BYTES:
            raise QueryError(f"it gives more than {MAX_RESULT_BYTES / 2**20:.0f} MB")
        rows.append(row)
    return tuple(rows)


_OPEN: OrderedDict[Database, _Opened] = OrderedDict()
_OPEN_LOCK = threading.Lock()


def _open(database: Database) -> _Opened:
    with _OPEN_LOCK:
        opened = _OPEN.get(database)
        if opened is None:
            opened = _OPEN[database] = _made(database)
            # One that is in use elsewhere is closed when the last who holds it lets go.
            while len(_OPEN) > KEPT_OPEN:
                _OPEN.popitem(last=False)
        _OPEN.move_to_end(database)
        return opened


def _made(database: Database) -> _Opened:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    opened = _Opened(connection)
    try:
        if database.image is not None:
            _load(connection, database)
        # What is sorted or joined stays in memory: a query must not fill a disk.
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        for limit, bound in _LIMITS.items():
            connection.setlimit(limit, bound)
        if database.script is not None:
            connection.set_authorizer(_while_building)
            opened.build(database.script)
        connection.set_authorizer(None)
        connection.execute("PRAGMA query_only = ON")
    except QueryError as error:
        raise QueryError(f"the database {database.name} cannot be made: {error}") from error
    except sqlite3.Error as error:
        raise QueryError(f"the database {database.name} cannot be opened: {error}") from error
    connection.set_authorizer(_only_reads)
    return opened


def _load(connection: sqlite3.Connection, database: Database) -> None:
    if not hasattr(connection, "deserialize"):
        raise QueryError("this Python's SQLite cannot open a database from memory")
    image = bytearray(database.image or b"")
    # Bytes 18 and 19 say whether the file is written through a log beside it (2) or not (1). In
    # memory there is no log, and SQLite refuses a 2. https://sqlite.org/fileformat2.html
    if len(image) > 19:
        image[18] = image[19] = 1
    connection.deserialize(bytes(image))


def _only_reads(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    if action not in _READS:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and str(second).lower() in _FUNCTIONS_REFUSED:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _while_building(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    if action in _NOT_FOR_SCRIPTS:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and str(second).lower() in _FUNCTIONS_REFUSED:
        return sqlite3.SQLITE_DENY
    # Dumps begin with PRAGMA foreign_keys: let it stand, and let no pragma do anything.
    return sqlite3.SQLITE_IGNORE if action == sqlite3.SQLITE_PRAGMA else sqlite3.SQLITE_OK
