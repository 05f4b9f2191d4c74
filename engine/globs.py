"""The globs of a repository: which of its files they mean.

A path is relative to the repository, with ``/``. A glob is read from the root: ``train.py`` is the
file there and no other. ``*`` and ``?`` stay within a name, ``**`` is any number of directories,
``[abc]`` one of these characters, ``[!abc]`` one of the others. A directory (``data`` or ``data/``)
means everything below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

_WILD = re.compile(r"[*?\[]")
LONGEST = 4096
"""Characters of a glob that can mean a file: no path is longer, and Python's own reader of globs
takes time with the square of the brackets."""

# Bounded, or a megabyte of opening brackets would take for ever.
_CLASS = re.compile(r"\[(!?)([^\]])([^\]]{0,60})\]")


@dataclass(frozen=True, slots=True)
class Overlap:
    """A path that two globs mean both. ``real``: a file of the repository, else an example."""

    first: str
    second: str
    path: str
    real: bool


def matches(path: str, globs: Iterable[str]) -> bool:
    """Whether one of the globs means the file ``path``; one that is over ``LONGEST`` means none."""
    parts = _parts(path)
    known = (glob for glob in globs if len(glob) <= LONGEST)
    return any(_matches(parts, _parts_of_glob(glob)) for glob in known)


def matching(paths: Iterable[str], globs: Sequence[str]) -> list[str]:
    """Those of the paths that one of the globs means, in order."""
    return [path for path in paths if matches(path, globs)]


def why_outside(glob: str) -> str | None:
    """Why a glob or a path does not stay inside the repository; None where it does."""
    if len(glob) > LONGEST:
        return f"is longer than any path ({LONGEST:,} characters)"
    if "\\" in glob:
        return "has a backslash; the parts of a path are separated by /"
    if "\0" in glob:
        return "holds a character that no path can have"
    if glob.startswith(("/", "~")) or re.match(r"[A-Za-z]:", glob):
        return "is not relative to the repository"
    if ".." in glob.split("/"):
        return "goes up with .."
    if ".git" in (part.lower() for part in glob.split("/")):
        return "reaches into .git, which is not part of the files"
    return None


def overlaps(first: Sequence[str], second: Sequence[str], files: Iterable[str]) -> list[Overlap]:
    """Pairs of globs that mean the same file, one finding a pair: a file of ``files`` where there
    is one, else a path made up from either glob. Not every overlap of two wildcards is found by
    examples; those of real files all are."""
    paths = sorted(files)
    found = []
    for one in (glob for glob in first if len(glob) <= LONGEST):
        mine = matching(paths, [one])
        for other in (glob for glob in second if len(glob) <= LONGEST):
            real = next((path for path in mine if matches(path, [other])), None)
            path = real or next(
                (
                    path
                    for path in _examples(one, other)
                    if matches(path, [one]) and matches(path, [other])
                ),
                None,
            )
            if path is not None:
                found.append(Overlap(one, other, path, real is not None))
    return found


def is_plain(glob: str) -> bool:
    """The glob has no wildcard: it names one file or directory."""
    return _WILD.search(glob) is None


def example(glob: str) -> str:
    """A path that the glob means."""
    filled = [_filled(part) for part in _parts_of_glob(glob)]
    return "/".join(filled)


def _examples(one: str, other: str) -> list[str]:
    """Paths that both may mean: of each, and of each with the last name of the other."""
    mine, others = example(one), example(other)
    names = [mine.rpartition("/")[2], others.rpartition("/")[2]]
    places = [mine.rpartition("/")[0], others.rpartition("/")[0]]
    made = [f"{place}/{name}".lstrip("/") for place in places for name in names]
    return [mine, others, *made, f"{mine}/x", f"{others}/x"]


def _filled(part: str) -> str:
    if part == "**":
        return "x"
    part = _CLASS.sub(lambda found: "x" if found[1] else found[2], part)
    return part.replace("*", "x").replace("?", "x")


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part not in ("", "."))


@lru_cache(maxsize=1024)
def _parts_of_glob(glob: str) -> tuple[str, ...]:
    parts = _parts(glob)
    if not parts:
        # The repository itself, as "." or "./".
        return ("**",) if glob.strip() in (".", "./") else ()
    if glob.endswith("/") and parts[-1] != "**":
        return (*parts, "**")
    return parts


def _matches(path: tuple[str, ...], glob: tuple[str, ...]) -> bool:
    if not path or not glob:
        return False
    # Which lengths of the path the glob's parts so far can stand for.
    reached = {0}
    for part in glob:
        if part == "**":
            reached = set(range(min(reached), len(path) + 1)) if reached else set()
        else:
            reached = {at + 1 for at in reached if at < len(path) and fnmatchcase(path[at], part)}
    if len(path) in reached:
        return True
    # A directory that is named as it is means what is below it.
    return bool(reached) and is_plain(glob[-1])
