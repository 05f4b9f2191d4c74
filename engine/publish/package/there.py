"""A package as it lies on disk: its lock, and which of its files a person wrote or changed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from engine.folder import FolderError, read_record, sha256_file
from engine.publish.package.locking import LOCK
from engine.records.package import SpecialistLock


@dataclass(frozen=True)
class Package:
    """``lock`` is None where it is not there or cannot be read, and ``problem`` says why."""

    path: Path
    lock: SpecialistLock | None
    problem: FolderError | None = None

    @property
    def files(self) -> Mapping[str, str]:
        """What the lock says of the files: their names and hashes."""
        return self.lock.files if self.lock is not None else {}

    @cached_property
    def names(self) -> list[str]:
        """Every file and link that is there, relative to the package."""
        return sorted(_names(self.path))

    @property
    def others(self) -> list[str]:
        """The files that are not the package's own."""
        return [name for name in self.names if name not in self.files and name != LOCK]

    @cached_property
    def edited(self) -> list[str]:
        """The package's own files that are there and not as they were written. OSError."""
        return [
            name
            for name, digest in self.files.items()
            if name in self.names and self._digest(name) != digest
        ]

    def is_made_of(self, files: Mapping[str, bytes | Path]) -> bool:
        """Whether it holds these very files as its own, and no more. OSError as it comes."""
        own = {*self.files, LOCK}
        return own == set(files) and all(
            name in self.names and self._digest(name) == digest_of(one)
            for name, one in files.items()
        )

    def _digest(self, name: str) -> str | None:
        file = self.path / name
        return None if file.is_symlink() or not file.is_file() else sha256_file(file)


def package_at(path: Path) -> Package | None:
    """The package in a directory; None where there is nothing, or an empty one."""
    if not path.is_dir() or not any(path.iterdir()):
        return None
    try:
        return Package(path, read_record(path / LOCK, SpecialistLock))
    except FolderError as error:
        return Package(path, None, error)


def _names(path: Path) -> Iterator[str]:
    for folder, directories, files in os.walk(path):
        links = [one for one in directories if (Path(folder) / one).is_symlink()]
        for name in [*files, *links]:
            yield str((Path(folder) / name).relative_to(path))


def digest_of(one: bytes | Path) -> str:
    """SHA-256 of a file of a package: its bytes, or where they lie. OSError as it comes."""
    return hashlib.sha256(one).hexdigest() if isinstance(one, bytes) else sha256_file(one)
