"""Which run came from which: the family of a run as a tree, and what each child varied. Pure.

A run names its parent in ``config.json``. A parent that is not there any more, or that would make
a circle, is said and not followed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from engine.comparing.difference import Difference
from engine.comparing.settings import Change, Settings, changes

Judge = Callable[[str, str], Difference | None]
"""(parent, child) → the child's score against the parent's, None where neither has a score."""

MAX_NODES = 500
"""Runs of one family that are shown; beyond, the newest children are left out and counted."""


@dataclass(frozen=True, slots=True)
class Member:
    """What lineage needs to know of a run."""

    run_id: str
    parent: str | None = None
    created: datetime | None = None
    settings: Settings = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Node:
    """A run in its family's tree.

    ``depth`` is 0 for the root. ``rails`` says for each level between whether more children follow
    there (a line goes on), ``last`` whether it is its parent's last child. ``parent`` is the
    recorded one, and ``lost`` says that it is not in this workspace. ``varied`` and ``against``
    are None for a root.
    """

    run_id: str
    parent: str | None
    lost: bool
    depth: int
    rails: tuple[bool, ...]
    last: bool
    varied: tuple[Change, ...] | None
    against: Difference | None


@dataclass(frozen=True, slots=True)
class Family:
    """A tree, from its root on, children in the order of their beginning."""

    nodes: tuple[Node, ...]
    left_out: int = 0


def parents(members: Mapping[str, Member]) -> dict[str, str]:
    """Child to parent, for those whose parent is there; circles are cut at the run they close."""
    found: dict[str, str] = {}
    for member in members.values():
        if member.parent in members and member.parent != member.run_id:
            found[member.run_id] = str(member.parent)
    done: set[str] = set()
    for start in list(found):
        way: dict[str, None] = {}
        at: str | None = start
        while at is not None and at not in done:
            if at in way:
                del found[at]
                break
            way[at] = None
            at = found.get(at)
        done.update(way)
    return found


def family(run_id: str, members: Mapping[str, Member], judge: Judge) -> Family:
    """The family of a run: its oldest ancestor and all that came from it."""
    above = parents(members)
    children: dict[str, list[str]] = {}
    for child, parent in above.items():
        children.setdefault(parent, []).append(child)
    root = run_id
    while root in above:
        root = above[root]
    nodes: list[Node] = []
    waiting = [_Place(root)]
    count = 0
    while waiting:
        place = waiting.pop()
        count += 1
        following = in_time(children.get(place.run_id, ()), members)
        rails = (*place.rails, not place.last) if place.depth else ()
        for index, child in reversed(list(enumerate(following))):
            last = index == len(following) - 1
            waiting.append(_Place(child, place.run_id, place.depth + 1, rails, last))
        if len(nodes) < MAX_NODES:
            nodes.append(_node(place, members, judge))
    return Family(tuple(nodes), count - len(nodes))


@dataclass(frozen=True, slots=True)
class _Place:
    run_id: str
    parent: str | None = None
    depth: int = 0
    rails: tuple[bool, ...] = ()
    last: bool = True


def _node(place: _Place, members: Mapping[str, Member], judge: Judge) -> Node:
    member = members[place.run_id]
    varied = against = None
    if place.parent is not None:
        varied = changes(members[place.parent].settings, member.settings)
        against = judge(place.parent, place.run_id)
    return Node(
        run_id=place.run_id,
        parent=member.parent,
        lost=place.parent is None and member.parent is not None,
        depth=place.depth,
        rails=place.rails,
        last=place.last,
        varied=varied,
        against=against,
    )


def in_time(run_ids: Sequence[str], members: Mapping[str, Member]) -> list[str]:
    """Runs in the order of their beginning; those without a time first, then by name."""
    oldest = datetime.min.replace(tzinfo=UTC)
    return sorted(run_ids, key=lambda one: (members[one].created or oldest, one))
