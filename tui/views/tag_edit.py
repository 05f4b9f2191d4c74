"""What an edit of the tags of one or several runs means, before it is done. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.catalogue.tags import TagError, check_tag
from tui.views.filter_help import MOST, Candidate, runs_of


@dataclass(frozen=True, slots=True)
class TagEdit:
    """Tags that every run is given, and tags that are taken away from all of them."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.add and not self.remove

    def said(self) -> str:
        """The edit in words."""
        parts = [f"adds {', '.join(self.add)}"] if self.add else []
        parts += [f"takes {', '.join(self.remove)} away"] if self.remove else []
        return "; ".join(parts) or "changes nothing"


def common(tags: Sequence[Sequence[str]]) -> list[str]:
    """The tags that all runs have, in the order of the first."""
    return [tag for tag in tags[0] if all(tag in one for one in tags)] if tags else []


def on_some(tags: Sequence[Sequence[str]]) -> list[tuple[str, int]]:
    """The tags that only some of the runs have, and how many those are."""
    counts = Counter(tag for one in tags for tag in dict.fromkeys(one))
    return [(tag, count) for tag, count in sorted(counts.items()) if count < len(tags)]


def read_edit(text: str, before: Sequence[str]) -> TagEdit:
    """What a line of tags means for runs that have ``before`` in common.

    Words are tags to have; those of ``before`` that are gone are taken away, and ``-word`` takes
    away one that only some have. TagError for a word that can be no tag.
    """
    words = [word for word in text.replace(",", " ").split() if word]
    gone = [word[1:] for word in words if word.startswith("-") and len(word) > 1]
    wanted = [check_tag(word) for word in words if not (word.startswith("-") and len(word) > 1)]
    have = {tag.casefold() for tag in before}
    want = {tag.casefold() for tag in wanted}
    both = want & {tag.casefold() for tag in gone}
    if both:
        raise TagError(f"“{min(both)}” is both given and taken away: write it once.")
    return TagEdit(
        tuple(dict.fromkeys(tag for tag in wanted if tag.casefold() not in have)),
        tuple(dict.fromkeys([*(tag for tag in before if tag.casefold() not in want), *gone])),
    )


def tag_candidates(text: str, cursor: int, known: Mapping[str, int]) -> list[Candidate]:
    """Known tags that fit the word at the cursor and are not in the line yet."""
    head = text[:cursor]
    start = len(head) - len(head.split(" ")[-1])
    begun = head[start:].removeprefix("-").casefold()
    start += head[start:].startswith("-")
    there = {word.removeprefix("-").casefold() for word in text.split()} - {begun}
    fits = [tag for tag in known if begun in tag.casefold() and tag.casefold() not in there]
    fits.sort(key=lambda tag: not tag.casefold().startswith(begun))
    if [tag.casefold() for tag in fits] == [begun]:
        return []
    return [Candidate(tag, runs_of(known[tag]), start) for tag in fits[:MOST]]
