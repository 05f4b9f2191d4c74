"""Puts somebody's diff into the worktree. People and models count badly: it is tried in several
ways, and whole or not at all."""

from __future__ import annotations

import re

from engine.git import said
from engine.loops.research.tree_git import TreeGit, TreeTimeout
from engine.records.research import Violation

LARGEST = 4 * 2**20
"""Bytes. A longer diff is no change to a recipe."""

LONGEST_NAME = 4096
"""Bytes of a header's names. No system has longer paths, and git takes minutes to split them."""

APPLY_S = 20.0
"""So long git may try to fit one diff in one way."""

_WAYS = (
    ("--whitespace=nowarn",),
    ("--recount", "--whitespace=nowarn"),
    ("--recount", "--whitespace=fix", "--ignore-whitespace", "--inaccurate-eof"),
    ("--recount", "--whitespace=fix", "--ignore-whitespace", "--inaccurate-eof", "-C1"),
)
"""From exact to lenient: counts that are wrong, other white space, less of the context."""

_BEGINS = re.compile(rb"^(diff --git |--- )", re.MULTILINE)
_SIDES = re.compile(rb"^--- (.*)\n\+\+\+ (.*)\n@@ ", re.MULTILINE)
"""The two names above a hunk; the next line tells them from a line ``-- x`` that is taken away."""
_PREFIX = re.compile(rb"\"?[abciwo12]/|/dev/null")
_LINK = re.compile(rb"^(?:new file mode|new mode) (120000|160000)", re.MULTILINE)
_NAMED = re.compile(rb"^(?:rename to|copy to|diff --git) (.*)$", re.MULTILINE)


def apply(git: TreeGit, diff: bytes | str) -> Violation | None:
    """Apply a unified diff to the files of the worktree, which are as at its head.

    None where it was applied; else why not, and the files are untouched. Prose before the first
    header and the fence of a code block are passed over. Links, repositories within, ``.git`` and
    paths outside are refused. TreeError where git cannot be run.
    """
    data = diff.encode("utf-8", "surrogateescape") if isinstance(diff, str) else diff
    if len(data) > LARGEST:
        return _no(f"The diff is {len(data) / 2**20:.1f} MiB long; at most {LARGEST >> 20} are.")
    data = _bare(data)
    if not data:
        return _no("It is no unified diff: no line begins with '--- ' or 'diff --git '.")
    if found := _LINK.search(data):
        what = "a link" if found[1] == b"120000" else "a repository"
        return _no(f"The diff makes {what}. Only plain files may be made.")
    if (size := max(map(len, _headers(data)), default=0)) > 2 * LONGEST_NAME:
        return _no(f"A name in the diff's headers is {size:,} bytes long. No file has such a name.")
    if bad := _forbidden(data):
        return _no(f"The diff names {bad}, which lies outside the recipe's files.")
    # Never both: a new file would be made in a folder called b.
    strip = "-p1" if all(_PREFIX.match(one) for one in _sides(data)) else "-p0"
    first = None
    for text in dict.fromkeys((data, data.replace(b"\r\n", b"\n"))):
        for way in _WAYS:
            try:
                done = git.ask("apply", strip, *way, "-", given=text, seconds=APPLY_S)
            except TreeTimeout as error:
                return _no(f"It cannot be said whether the diff fits: {error}")
            if done.returncode == 0:
                return None
            first = first or said(done)
    return _no(f"The diff does not fit the files: {(first or '').removeprefix('error: ')}.")


def _bare(data: bytes) -> bytes:
    """The diff without prose before it and the fence after it, ended by a line's end."""
    found = _BEGINS.search(data)
    if found is None:
        return b""
    fenced = data.rfind(b"\n```", 0, found.start()) >= 0 or data.startswith(b"```")
    text = data[found.start() :]
    if fenced and (end := re.search(rb"^```", text, re.MULTILINE)):
        text = text[: end.start()]
    return text if text.endswith(b"\n") else text + b"\n"


def _sides(data: bytes) -> list[bytes]:
    """The names above the hunks."""
    return [one for both in _SIDES.findall(data) for one in both]


def _headers(data: bytes) -> list[bytes]:
    """All lines that name files."""
    return [*_NAMED.findall(data), *_sides(data)]


def _forbidden(data: bytes) -> str | None:
    """A path of a header that leads out of the tree, or to git's own."""
    for found in _headers(data):
        for word in found.split(b"\t")[0].strip().strip(b'"').split(b" "):
            if word == b"/dev/null":
                continue
            parts = word.strip(b'"').split(b"/")
            if word.startswith(b"/") or b".." in parts or b".git" in [p.lower() for p in parts]:
                return repr(word.decode("utf-8", "replace"))
    return None


def _no(text: str) -> Violation:
    return Violation(rule="apply", text=text)
