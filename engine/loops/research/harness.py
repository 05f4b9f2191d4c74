"""The files that decide what a number means, as they were at setup: hashed, and kept as copies.

Also those that git ignores, which no commit could bring back.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from engine.folder import read_json, sha256_file, write_json_atomic
from engine.globs import is_plain, matches

FILE = "harness.json"
COPIES = "harness"

LARGEST_COPY = 64 * 2**20
"""Bytes. A larger file (prepared data) is only hashed, and cannot be put back."""


def note(folder: Path, worktree: Path, paths: Iterable[str], tracked: Iterable[str]) -> list[str]:
    """Write down the harness of a campaign, in the loop's ``folder``; returns what cannot be put
    back, each with its reason. What was noted before stays: setup is the moment that counts.

    ``paths`` are the protocol's, ``tracked`` the repository's files. OSError as it comes.
    """
    if (folder / FILE).exists():
        return []
    globs = list(paths)
    hashes: dict[str, str] = {}
    said: list[str] = []
    for name in sorted(
        {one for one in tracked if matches(one, globs)} | set(_there(worktree, globs))
    ):
        source = worktree / name
        found = _state(source)
        if found is None:
            continue
        hashes[name] = found
        if source.is_symlink():
            continue
        if source.stat().st_size > LARGEST_COPY:
            said.append(f"{name}: it is too large to be kept as a copy")
            continue
        copy = folder / COPIES / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, copy)
    write_json_atomic(folder / FILE, dict(hashes))
    return said


def broken(folder: Path, worktree: Path) -> list[str]:
    """Files of the harness that are not as they were noted; FolderError where nothing is noted."""
    noted: dict[str, str] = read_json(folder / FILE)
    return [name for name, digest in noted.items() if _state(worktree / name) != digest]


def put_back(folder: Path, worktree: Path) -> list[str]:
    """Bring back what ``broken`` finds, from the copies; returns what is still broken."""
    for name in broken(folder, worktree):
        copy, place = folder / COPIES / name, worktree / name
        if not copy.is_file():
            continue
        _clear(worktree, place)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(copy, place)
    return broken(folder, worktree)


def _there(worktree: Path, globs: Iterable[str]) -> Iterator[str]:
    """Files that a path of the harness names as it is, tracked or not. Follows no link."""
    for glob in globs:
        place = worktree / glob
        if not is_plain(glob) or not place.resolve().is_relative_to(worktree.resolve()):
            continue
        if place.is_dir() and not place.is_symlink():
            for home, _, names in os.walk(place):
                if "__pycache__" not in Path(home).parts:
                    yield from (
                        (Path(home) / one).relative_to(worktree).as_posix() for one in names
                    )
        elif os.path.lexists(place):
            yield place.relative_to(worktree).as_posix()


def _state(path: Path) -> str | None:
    """The hash of a file, what a link says; None where neither stands there or can be read."""
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            return f"link:{path.readlink()}"
        return _hash(path, _mark(path)) if stat.S_ISREG(mode) else None
    except OSError:
        return None


def _mark(path: Path) -> tuple[int, ...]:
    """Changes whenever the file's bytes do: nobody sets the time of a file's last change of state
    without being the system's master."""
    found = path.stat()
    return (found.st_ino, found.st_dev, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@lru_cache(maxsize=4096)
def _hash(path: Path, mark: tuple[int, ...]) -> str:
    # Prepared data is large, and is looked at before and after every run.
    return sha256_file(path)


def _clear(top: Path, path: Path) -> None:
    """Make room for a file: what stands in its place, or where a folder must be, goes."""
    for place in [*reversed(path.relative_to(top).parents[:-1]), path.relative_to(top)]:
        found = top / place
        if found.is_symlink() or (found.exists() and not found.is_dir()):
            found.unlink()
        elif found == path and found.is_dir():
            shutil.rmtree(found)
        elif found.is_dir():
            with contextlib.suppress(PermissionError):
                found.chmod(found.stat().st_mode | stat.S_IRWXU)
