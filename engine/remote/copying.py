"""The end at the copy: takes messages and writes what they say, within the copy and its bounds.

What comes is as hostile as a run folder of somebody else: a path is one of ``travelling`` or the
line is given up; nothing is followed out of the copy; sizes are bounded; a disk is never filled.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from engine.remote import mirrors
from engine.remote import travelling as travel
from engine.remote.address import Address
from engine.remote.growth import end_hash
from engine.remote.wire import LineError

LEAST_FREE = 2**30
"""So much of the disk stays free, in bytes: what is over there is there anyway."""
_MAX_ALIVE = 10_000


class Copy:
    """One copy, written by one process at a time (``line`` sees to that)."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.path = mirrors.path_of(address)

    def prepare(self) -> None:
        """Make the folders, private to the user. OSError as it comes."""
        for folder in (self.path / "runs", self.path / ".factory" / "queue"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.chmod(0o700)
        self._own(mirrors.ADDRESS_FILE, {"address": str(self.address)})

    def held(self) -> dict[str, list[object]]:
        """What is here, as ``telling`` holds it against what is there."""
        found: dict[str, list[object]] = {}
        for folder in (".factory", ".factory/queue", *self._run_folders()):
            with contextlib.suppress(OSError):
                for entry in os.scandir(self.path / folder):
                    path = f"{folder}/{entry.name}"
                    how = travel.how(path)
                    if how is None or not entry.is_file(follow_symlinks=False):
                        continue
                    seen = entry.stat(follow_symlinks=False)
                    if how == "growing":
                        found[path] = [seen.st_size, end_hash(entry.path, seen.st_size)]
                    else:
                        found[path] = [seen.st_size, seen.st_mtime_ns]
        return found

    def _run_folders(self) -> list[str]:
        with contextlib.suppress(OSError):
            return [
                f"runs/{one.name}"
                for one in os.scandir(self.path / "runs")
                if travel.is_run_id(one.name) and one.is_dir(follow_symlinks=False)
            ]
        return []

    def take(self, head: dict[str, Any], body: bytes) -> None:
        """Do what a message says. LineError for one that no honest end sends; OSError as usual."""
        if (path := head.get("record")) is not None:
            self._record(self._allowed(path, "record"), body, head.get("time"))
        elif (path := head.get("grow")) is not None:
            self._grow(self._allowed(path, "growing"), body, head)
        elif (path := head.get("tail")) is not None:
            self._tail(self._allowed(path, "tail"), body, head)
        elif (path := head.get("folder")) is not None:
            if not isinstance(path, str) or not travel.is_folder(path):
                raise LineError(f"it names {str(path)[:80]!r}, which does not travel")
            (self.path / path).mkdir(parents=True, exist_ok=True, mode=0o700)
        elif (path := head.get("gone")) is not None:
            self._remove(path)
        elif isinstance(alive := head.get("alive"), list):
            self._own(mirrors.ALIVE_FILE, {"alive": alive[:_MAX_ALIVE]})

    def _own(self, name: str, value: dict[str, Any]) -> None:
        _replace(self.path / ".factory" / name, json.dumps(value).encode(), None)

    def say(self, state: str, words: str, behind: int = 0) -> None:
        """How the line stands, for every screen and command that reads this copy."""
        self._own(mirrors.LINE_FILE, {"state": state, "words": words, "behind": behind})

    def _allowed(self, path: object, how: str) -> Path:
        if not isinstance(path, str) or travel.how(path) != how:
            raise LineError(f"it names {str(path)[:80]!r}, which does not travel")
        if shutil.disk_usage(self.path).free < LEAST_FREE:
            raise LineError("this machine's disk is nearly full, so nothing more is copied")
        place = self.path / path
        if not place.parent.is_dir():
            place.parent.mkdir(parents=True, mode=0o700)
        if place.parent.resolve() != place.parent or place.is_symlink():
            raise LineError(f"{path} is a link in the copy; remove {self.path}")
        return place

    def _record(self, place: Path, body: bytes, time: object) -> None:
        if len(body) > travel.MAX_RECORD:
            raise LineError(f"{place.name} is larger than a record may be")
        _replace(place, body, time)

    def _grow(self, place: Path, body: bytes, head: dict[str, Any]) -> None:
        """Append at the very place that the message names: nothing is doubled, nothing skipped."""
        at = head.get("at")
        size = place.stat().st_size if place.exists() else 0
        if head.get("anew") is True:
            place.unlink(missing_ok=True)  # a new file for whoever follows: another story
            size = 0
        if type(at) is not int or at != size or size + len(body) > travel.MAX_GROWING:
            raise LineError(f"{place.name} does not go on where the copy ends")
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "ab", buffering=0) as file:
            file.write(body)

    def _tail(self, place: Path, body: bytes, head: dict[str, Any]) -> None:
        if len(body) > travel.LOG_TAIL:
            raise LineError(f"{place.name} is longer than a tail may be")
        before = b""
        if head.get("more") is True and place.exists():
            before = place.read_bytes()
        if len(before) + len(body) > 4 * travel.LOG_TAIL:
            _replace(place, (before + body)[-travel.LOG_TAIL :], head.get("time"))
        elif head.get("more") is True:
            handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "ab", buffering=0) as file:
                file.write(body)
        else:
            _replace(place, body, head.get("time"))

    def _remove(self, path: object) -> None:
        if isinstance(path, str) and travel.how(path):
            (self.path / path).unlink(missing_ok=True)
        elif isinstance(path, str) and travel.run_of(path) and path.count("/") == 1:
            shutil.rmtree(self.path / path, ignore_errors=True)
        else:
            raise LineError(f"it removes {str(path)[:80]!r}, which does not travel")


def _replace(place: Path, data: bytes, time: object) -> None:
    """Put a file there whole, with the time that it has over there."""
    new = place.with_name(f".{place.name}.new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    if type(time) is int and 0 <= time < 2**62:
        os.utime(new, ns=(time, time))
    new.replace(place)
