"""What Loops shows of a loop's target: its own settings, and its rows by where they come from.

Reads files, again only when they changed: for worker threads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.loops.flywheel.canonical import CanonicalError, Line, count_by_origin, read_lines
from engine.target import Target, TargetError, load_target


@dataclass(frozen=True, slots=True)
class Origins:
    """The rows of canonical.jsonl by the kind of their origin: ``now`` all of them, ``before``
    those that no iteration of this loop added, ``added`` what each iteration did."""

    now: Mapping[str, int] = field(default_factory=dict)
    before: Mapping[str, int] = field(default_factory=dict)
    added: Mapping[int, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """None and empty where the target's files cannot be read."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    origins: Origins | None = None


class TargetReader:
    """The target of one loop, looked at again and again."""

    def __init__(self, loop_id: str) -> None:
        self._loop_id = loop_id
        self._facts = TargetFacts()
        self._target: Target | None = None
        self._stamps: dict[str, tuple[int, int] | None] = {}

    def read(self, path: Path) -> TargetFacts:
        """The target at ``path`` as it is now."""
        if self._changed("forge.yaml", path / "forge.yaml"):
            from engine.loops.flywheel.proposing import settings_now

            try:
                self._target = load_target(path)
                settings = settings_now(self._target)
            except (TargetError, OSError):
                settings = {}
            self._facts = replace(self._facts, settings=settings)
        file = self._canonical()
        if file is not None and self._changed("canonical", file):
            try:
                origins = origins_of(read_lines(file), self._loop_id)
            except CanonicalError:
                origins = None
            self._facts = replace(self._facts, origins=origins)
        return self._facts

    def _canonical(self) -> Path | None:
        if self._target is None or not self._target.forge.dataset.canonical:
            return None
        try:
            return self._target.file(self._target.forge.dataset.canonical)
        except TargetError:
            return None

    def _changed(self, name: str, path: Path) -> bool:
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_size)
        except OSError:
            stamp = None
        if name in self._stamps and self._stamps[name] == stamp:
            return False
        self._stamps[name] = stamp
        return True


def origins_of(lines: Iterable[Line], loop_id: str) -> Origins:
    """Rows by their origin, and by the iteration of the loop that added them."""
    lines = list(lines)
    before: list[Line] = []
    added: dict[int, Counter[str]] = {}
    for line in lines:
        origin = line.origin
        if origin is not None and origin.loop == loop_id and origin.iteration is not None:
            if line.row is not None:
                added.setdefault(origin.iteration, Counter())[line.kind] += 1
        else:
            before.append(line)
    return Origins(count_by_origin(lines), count_by_origin(before), added)
