"""The tags of a run: words that a person gives it, to find it again.

They stand in ``tags.json`` in the run folder, a file of their own: a tag may be given to a run
that is decided, and what was frozen or measured (``config.json``, ``plan.json``, the evals) is not
touched by it. A folder without that file has the tags of its ``config.json``, where another tool
or a target may have put some; the first edit takes them over.

Imports no pydantic: the list of runs is on the way to the first paint.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine.plain_file import read_plain
from engine.remote import mirrors

TAGS_FILE = "tags.json"
MAX_TAGS = 32
MAX_LENGTH = 40
_MAX_BYTES = 2**20


class TagError(ValueError):
    """A tag that cannot be given; the text says why and what to write instead."""


def tags_in(record: dict[str, Any]) -> list[str]:
    """The tags of a ``tags.json`` or ``config.json`` as plain JSON; what is no text is left out.

    Tags of other tools may be anything: they are shown, at most MAX_TAGS of them and clipped.
    """
    tags = record.get("tags")
    if not isinstance(tags, list):
        return []
    return [tag[:MAX_LENGTH] for tag in tags if isinstance(tag, str) and tag.strip()][:MAX_TAGS]


def check_tag(tag: str) -> str:
    """``tag`` as it is kept, without spaces around it. TagError for one that no filter could name.

    A tag has no spaces, commas, quotation marks or control characters, does not begin with ``-``
    (which turns a filter round), and is at most MAX_LENGTH characters long.
    """
    tag = tag.strip()
    if not tag:
        raise TagError("A tag needs at least one character.")
    if len(tag) > MAX_LENGTH:
        raise TagError(f"“{tag[:MAX_LENGTH]}…” is too long: a tag has up to {MAX_LENGTH} letters.")
    if any(char.isspace() or char in ',"' or not char.isprintable() for char in tag):
        raise TagError(f"{tag!r:.60} has a space, a comma or a quotation mark: use hyphens.")
    if tag.startswith("-"):
        raise TagError(f"“{tag}” begins with a hyphen, which takes a tag away.")
    return tag


def changed(tags: Iterable[str], add: Iterable[str], remove: Iterable[str]) -> list[str]:
    """The tags after an edit, in their order, new ones last; the same word in other case is the
    same tag. TagError for a tag that cannot be given, or one too many."""
    gone = {tag.casefold() for tag in remove}
    kept = [tag for tag in tags if tag.casefold() not in gone]
    for tag in add:
        tag = check_tag(tag)
        if tag.casefold() not in {one.casefold() for one in kept}:
            kept.append(tag)
    if len(kept) > MAX_TAGS:
        raise TagError(f"A run has up to {MAX_TAGS} tags; this would make {len(kept)}.")
    return kept


def read_tags(run: Path) -> list[str]:
    """The tags of a run folder, from the disk; broken files count as none."""
    return tags_in(_read(run / TAGS_FILE) or _read(run / "config.json"))


def write_tags(run: Path, tags: Iterable[str]) -> None:
    """Keep these tags; other keys of the file stay. OSError as usual, and nothing is lost then."""
    from engine.folder import write_json_atomic  # pydantic is not for the way to first paint

    write_json_atomic(run / TAGS_FILE, {**_read(run / TAGS_FILE), "tags": list(tags)})


def edit_tags(
    run: Path, add: Iterable[str] = (), remove: Iterable[str] = ()
) -> tuple[list[str], list[str]]:
    """Give a run tags and take some away; returns what it had and what it has.

    TagError before anything is written; OSError where it cannot be written. Nothing is written
    where nothing changes.
    """
    if (root := mirrors.root_of(run)) is not None:
        from engine.remote.asked import tagged

        return tagged(root, run.name, list(add), list(remove))
    before = read_tags(run)
    after = changed(before, add, remove)
    if after != before:
        write_tags(run, after)
    return before, after


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(read_plain(path, _MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
