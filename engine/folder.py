"""One run folder: atomic records, a revisioned status, an append-only event log.

A reader never sees half a file: records are written to a temporary file in the
same directory, flushed to disk and renamed. The event log has one writer, the
supervisor; a line that was cut by a crash is closed off before the next one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from engine.plain_file import open_plain, open_to_append
from engine.records.base import utc_now
from engine.records.status import Phase, RunStatus
from engine.remote import mirrors

RecordT = TypeVar("RecordT", bound=BaseModel)

MAX_RECORD_BYTES = 64 * 2**20
"""No record is larger; a file that is does not belong here and is not read into memory."""


class FolderError(Exception):
    """A record that cannot be read or written; the text says which file, where and why."""

    def __init__(self, path: Path, message: str, pointer: str = "") -> None:
        super().__init__(f"{path.name}: {message}")
        self.path = path
        self.message = message
        self.pointer = pointer


class StaleRevision(FolderError):
    """Someone else moved the run since its status was read."""


def write_bytes_atomic(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data`` in one step that survives a power cut.

    A new file is for its owner alone; one that is replaced keeps the rights that it has. OSError
    when it cannot; the old file is untouched then.
    """
    mirrors.refuse(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            with contextlib.suppress(FileNotFoundError):
                os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    flush(path.parent)


def flush(path: Path) -> None:
    """Have the disk hold what was written to a file, or renamed in a directory."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def swap_in(new: Path, out: Path, old: Path) -> None:
    """Put the directory ``new`` in the place of ``out``, which moves to ``old`` and is put back
    when that fails. All three on one disk; OSError as it comes."""
    there = out.exists()
    if there:
        out.rename(old)
    try:
        new.rename(out)
    except OSError:
        if there:
            old.rename(out)
        raise


def write_json_atomic(path: Path, value: BaseModel | dict[str, Any] | list[Any]) -> None:
    """Write a record (or plain JSON) atomically, indented, with a final newline."""
    plain = (
        value.model_dump(mode="json", exclude_unset=False)
        if isinstance(value, BaseModel)
        else value
    )
    text = json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes_atomic(path, (text + "\n").encode())


def read_json(path: Path) -> Any:
    """The JSON value of a file; FolderError says in words what is wrong with it."""
    try:
        with open_plain(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_RECORD_BYTES:
                raise FolderError(
                    path, f"is {size / 2**20:.0f} MB large; a record is never that large"
                )
            data = file.read()
    except FileNotFoundError as error:
        raise FolderError(path, "is missing") from error
    except OSError as error:
        raise FolderError(path, f"cannot be read ({error.strerror})") from error
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FolderError(path, f"is not UTF-8 text (byte {error.start})") from error
    if not text.strip():
        raise FolderError(path, "is empty")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        what = "is cut off" if error.pos >= len(text.rstrip()) else f"is not JSON ({error.msg})"
        raise FolderError(path, f"{what} at line {error.lineno}, column {error.colno}") from error
    except ValueError as error:
        raise FolderError(path, "holds a number of too many digits") from error
    except RecursionError as error:
        raise FolderError(path, "is nested too deeply") from error


def read_record(path: Path, model: type[RecordT]) -> RecordT:
    """The record of a file; FolderError carries the JSON pointer of the first wrong value."""
    value = read_json(path)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        pointer = "".join(f"/{part}" for part in first["loc"])
        raise FolderError(path, f"{pointer or '/'}: {first['msg']}", pointer) from error


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class RunFolder:
    """A run's directory and the operations on it. Holds no state but the path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def run_id(self) -> str:
        return self.path.name

    def file(self, name: str) -> Path:
        return self.path / name

    def read(self, name: str, model: type[RecordT]) -> RecordT:
        return read_record(self.path / name, model)

    def read_optional(self, name: str, model: type[RecordT]) -> RecordT | None:
        """The record, or None where there is no file; FolderError when it is there and wrong."""
        return self.read(name, model) if (self.path / name).exists() else None

    def write(self, name: str, record: BaseModel | dict[str, Any]) -> None:
        write_json_atomic(self.path / name, record)

    # --- status -------------------------------------------------------------------

    def status(self) -> RunStatus | None:
        """The status, or None for a folder without one (made by another tool)."""
        return self.read_optional("run-status.json", RunStatus)

    def move(
        self,
        revision: int,
        change: Callable[[RunStatus], None],
        *,
        withdraw: bool = False,
        held: bool = False,
    ) -> RunStatus:
        """Change the status that was read at ``revision``.

        ``change`` edits a copy; a phase may only move as Phase.may_become says. With ``withdraw``
        a run may leave ``decided`` again, for `engine.decisions.withdrawing` alone.
        ``held``: the caller is within ``alone`` of this folder, and has more to write there.
        StaleRevision when the file has another revision by now.
        """
        with contextlib.nullcontext() if held else alone(self.path):
            return self._move(revision, change, withdraw)

    def _move(
        self, revision: int, change: Callable[[RunStatus], None], withdraw: bool
    ) -> RunStatus:
        path = self.path / "run-status.json"
        current = read_record(path, RunStatus)
        if current.revision != revision:
            raise StaleRevision(
                path,
                f"is at revision {current.revision}, not {revision}: read it again",
            )
        changed = current.model_copy(deep=True)
        change(changed)
        may = current.phase.may_become(changed.phase) or (
            withdraw and current.phase is Phase.DECIDED and not changed.phase.final
        )
        if changed.phase != current.phase and not may:
            raise FolderError(path, f"a run that is {current.phase} cannot become {changed.phase}")
        changed.revision = revision + 1
        changed.updated = utc_now()
        write_json_atomic(path, changed)
        return changed


@contextlib.contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Between reading a revision and writing the next one nobody else may do the same.

    The lock is on the directory itself and is freed by the kernel when its holder dies.
    """
    with _held(os.open(directory, os.O_RDONLY)):
        yield


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """As ``alone``, with a file that is made for it, where a directory has more to keep apart."""
    with _held(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)):
        yield


@contextlib.contextmanager
def _held(handle: int) -> Iterator[None]:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


# json.dumps would make such an encoder for every event, which takes as long as the encoding.
_LINE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class EventLog:
    """The one writer of ``events.jsonl``. Each append is one write, on disk in order.

    Opening it finds the next sequence number and ends a line that a crash cut off,
    so that no event is ever glued to half of another.
    """

    def __init__(self, path: Path) -> None:
        mirrors.refuse(path)
        self._file = os.fdopen(open_to_append(path), "ab", buffering=0)
        self.next_seq = _next_seq(path)
        if _cut_off(path):
            self._file.write(b"\n")

    def append(self, event: dict[str, Any], *, stage: str | None = None) -> dict[str, Any]:
        """Add ``seq``, ``t`` and ``stage`` to a child's event, write it and return it whole."""
        whole: dict[str, Any] = {
            "seq": self.next_seq,
            "t": utc_now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        if stage is not None:
            whole["stage"] = stage
        whole.update((k, v) for k, v in event.items() if k not in ("seq", "t", "stage"))
        line = _LINE.encode(whole)
        self._file.write(line.encode("utf-8", "replace") + b"\n")
        self.next_seq += 1
        return whole

    def sync(self) -> None:
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self.sync()
        self._file.close()


def _cut_off(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def _next_seq(path: Path) -> int:
    """One more than the last sequence number; looks at the end of the file only."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        span = 64 * 1024
        while True:
            start = max(0, end - span)
            file.seek(start)
            for line in reversed(file.read(end - start).split(b"\n")[0 if start == 0 else 1 :]):
                try:
                    return int(json.loads(line)["seq"]) + 1
                except (ValueError, KeyError, TypeError, RecursionError):
                    continue
            if start == 0:
                return 0
            span *= 8
