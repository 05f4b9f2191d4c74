"""Where tables go: a folder of CSV files, or a DuckDB database, of which Parquet files are made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from engine.exporting.tables import SQL, Table

if TYPE_CHECKING:
    import duckdb

PIECE = 16 << 20
"""Bytes of CSV that are handed to the database at once."""

_MEMORY = "64MB"
"""What the database may hold in memory; beyond that it uses the disk. More makes it no quicker."""

_MEMORY_LONG = "1GB"
"""The same once a text of megabytes has come: it is held whole, several times."""

_THREADS = 2
"""So many of them need that memory, whatever the machine has."""

_LONGEST = 2 << 20
"""A line of more bytes is a long one; it is announced to the reader of CSV."""


class Sink(Protocol):
    """Takes lines of CSV for each of its tables, in order, until it is finished."""

    def write(self, table: Table, lines: Sequence[str]) -> None:
        """Add rows to a table."""

    def finish(self) -> Path:
        """Close it; the file or folder that was made."""

    def close(self) -> None:
        """Give up what is open, finished or not."""


class CsvFolder:
    """A file a table, with a line of names at its head."""

    def __init__(self, folder: Path, tables: Iterable[Table]) -> None:
        self._folder = folder
        folder.mkdir()
        self._files: dict[str, BinaryIO] = {}
        for table in tables:
            file = (folder / f"{table.name}.csv").open("wb")
            self._files[table.name] = file
            file.write(table.header.encode())

    def write(self, table: Table, lines: Sequence[str]) -> None:
        self._files[table.name].write(_bytes(lines))

    def finish(self) -> Path:
        self.close()
        return self._folder

    def close(self) -> None:
        for file in self._files.values():
            file.close()


class Database:
    """A DuckDB database in one file. Lines go there in pieces of CSV, through its own reader.

    That reader is what makes it quick: rows that come one by one take hundreds of times as long.
    """

    def __init__(self, folder: Path, tables: Iterable[Table]) -> None:
        import duckdb

        self.tables = tuple(tables)
        self.path = folder / "runs.duckdb"
        self._piece = folder / "piece.csv"
        self._waiting: dict[str, list[bytes]] = {table.name: [] for table in self.tables}
        self._sizes = dict.fromkeys(self._waiting, 0)
        self._longest = dict.fromkeys(self._waiting, 0)
        self.connection: duckdb.DuckDBPyConnection = duckdb.connect(str(self.path))
        self.connection.execute(f"SET memory_limit='{_MEMORY}'")
        self.connection.execute(f"SET threads={_THREADS}")
        self.connection.execute("SET temp_directory=" + _quoted(str(folder / "spilled")))
        for table in self.tables:
            columns = ", ".join(f'"{name}" {SQL[kind]}' for name, kind in table.columns.items())
            self.connection.execute(f"CREATE TABLE {table.name} ({columns})")

    def write(self, table: Table, lines: Sequence[str]) -> None:
        if not lines:
            return
        data = _bytes(lines)
        self._waiting[table.name].append(data)
        self._sizes[table.name] += len(data)
        if len(data) > _LONGEST:
            longest = max(len(_bytes([line])) for line in lines)
            self._longest[table.name] = max(self._longest[table.name], longest)
        if self._sizes[table.name] >= PIECE:
            self._hand_over(table)

    def _hand_over(self, table: Table) -> None:
        if not self._sizes[table.name]:
            return
        self._piece.write_bytes(b"".join(self._waiting[table.name]))
        columns = ", ".join(f"'{name}': '{SQL[kind]}'" for name, kind in table.columns.items())
        longest = max(_LONGEST, self._longest[table.name])
        if longest > _LONGEST:
            self.connection.execute(f"SET memory_limit='{_MEMORY_LONG}'")
        self.connection.execute(
            f"INSERT INTO {table.name} SELECT * FROM read_csv({_quoted(str(self._piece))}, "
            "auto_detect=false, header=false, delim=',', quote='\"', escape='\"', nullstr='', "
            f"allow_quoted_nulls=false, max_line_size={longest}, columns={{{columns}}})"
        )
        self._piece.unlink()
        self._waiting[table.name].clear()
        self._sizes[table.name] = self._longest[table.name] = 0

    def finish(self) -> Path:
        for table in self.tables:
            self._hand_over(table)
        self.connection.execute("CHECKPOINT")
        self.close()
        return self.path

    def close(self) -> None:
        self.connection.close()


class ParquetFolder(Database):
    """A file a table, compressed with Zstandard; the database is only where they are gathered."""

    def __init__(self, folder: Path, tables: Iterable[Table]) -> None:
        super().__init__(folder, tables)
        self._made = folder / "parquet"

    def finish(self) -> Path:
        self._made.mkdir()
        for table in self.tables:
            self._hand_over(table)
            file = _quoted(str(self._made / f"{table.name}.parquet"))
            self.connection.execute(
                f"COPY {table.name} TO {file} (FORMAT parquet, COMPRESSION zstd)"
            )
        self.close()
        return self._made


def _bytes(lines: Sequence[str]) -> bytes:
    # Half of a surrogate pair, as JSON may hold it, is no text: a question mark.
    return "".join(lines).encode("utf-8", "replace")


def _quoted(value: str) -> str:
    """A text as SQL has it."""
    return "'" + value.replace("'", "''") + "'"
