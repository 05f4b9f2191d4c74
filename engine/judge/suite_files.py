"""The SQLite files beside a suite: opened by the names that its rows give them."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from engine.judge import sql_database
from engine.judge.sql_database import Database, QueryError
from engine.judge.suite_rows import BadRow

MAX_DATABASE_BYTES = 256 * 2**20
"""A database is held in memory while a suite is judged on it."""

_BY_ID = (
    "{0}.sqlite",
    "{0}.db",
    "database/{0}/{0}.sqlite",
    "databases/{0}/{0}.sqlite",
    "dev_databases/{0}/{0}.sqlite",
)
"""Where the file of a ``db_id`` is looked for: as Spider and BIRD lay them out, or flat."""


class SuiteFiles:
    """The databases under one folder, each read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Database] = {}

    def hashes(self) -> dict[str, str]:
        """The hash of each file that was read, by its path within the folder."""
        return {database.name: database.sha256 for database in self._known.values()}

    def database(self, name: str) -> Database:
        """The database in the file ``name``, or in that of ``db_id:NAME``. BadRow where it cannot
        be used, lies outside the folder, or has changes in a log beside it."""
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> Database:
        relative = name
        if name.startswith("db_id:"):
            relative = self._of_id(name.removeprefix("db_id:"))
        path = self._folder / relative
        root = self._folder.resolve()
        try:
            real = path.resolve()
            if Path(relative).is_absolute() or not real.is_relative_to(root):
                raise BadRow(f"the database {relative} lies outside the suite's folder")
            found = real.stat()
            if not stat.S_ISREG(found.st_mode):
                raise BadRow(f"the database {relative} is no ordinary file")
            if found.st_size > MAX_DATABASE_BYTES:
                size = found.st_size / 2**20
                raise BadRow(f"the database {relative} is {size:.0f} MB large; cut it down")
            log = real.with_name(real.name + "-wal")
            if log.exists() and log.stat().st_size:
                raise BadRow(
                    f"the database {relative} has changes in {log.name} that are not in it; "
                    f"run: sqlite3 {relative} 'PRAGMA wal_checkpoint(TRUNCATE)'"
                )
            return sql_database.from_bytes(real.read_bytes(), real.relative_to(root).as_posix())
        except FileNotFoundError:
            raise BadRow(f"the database {relative} is missing") from None
        except (OSError, ValueError, RuntimeError) as error:
            if isinstance(error, BadRow):
                raise
            raise BadRow(f"the database {relative} cannot be read ({error})") from error
        except QueryError as error:
            raise BadRow(str(error)) from error

    def _of_id(self, name: str) -> str:
        if not re.fullmatch(r"[\w.\-]+", name):
            raise BadRow(f"the db_id {name!r} is no name of a database")
        places = [place.format(name) for place in _BY_ID]
        for place in places:
            if (self._folder / place).is_file():
                return place
        raise BadRow(f"there is no database {name}: looked for {', '.join(places)}")
