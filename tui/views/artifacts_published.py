"""What became of a site that was published, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.publish.site.check import Staleness

NAMED = 6
_WORDS = {
    "stale": "changed",
    "new": "new",
    "gone": "gone",
    "missing": "there again",
    "edited": "as made again",
}


def published_words(
    out: Path, count: int, changed: Sequence[Staleness] | None, left_out: Sequence[str]
) -> str:
    """How many files, which pages changed (``changed`` None: nothing was published there before),
    and which artifacts were left out."""
    said = f"{out}: {count:,} file{'s' * (count != 1)}"
    pages: dict[str, str] = {}
    for one in changed or ():
        if one.kind in _WORDS:
            pages.setdefault(one.address, _WORDS[one.kind])
    if changed is None:
        said += ", published for the first time."
    elif not pages:
        said += ", none of them changed."
    else:
        names = [f"{address} {word}" for address, word in pages.items()]
        rest = len(names) - NAMED
        said += f". {', '.join(names[:NAMED])}{f' and {rest:,} more' if rest > 0 else ''}."
    if left_out:
        rest = len(left_out) - NAMED
        more = f" and {rest:,} more" if rest > 0 else ""
        said += f" Left out, see findings (f): {', '.join(left_out[:NAMED])}{more}."
    return said
