"""Home directories of people, which are in paths that programs record, and nobody's business."""

from __future__ import annotations

import re

_HOME = re.compile(
    # Not within an address, where a page may be called /home/somebody.
    r"""(?<![\w./])(?:/(?:home|Users)/[^/\s<>"'&;:,]+|/root(?=/)|[A-Za-z]:\\Users\\[^\\\s<>"'&;:,]+)"""
)


def without_homes(text: str) -> str:
    """The text with ``~`` for every home directory: ``/home/somebody/models`` → ``~/models``."""
    return _HOME.sub("~", text)
