"""The proposer that is built in: the constants of the mutable files, varied by Optuna.

No model is asked. Each try starts from the best's values and changes one or two constants, three
later on, so that a person can understand what was tried. Which ones: those that made things better
before, those that nobody tried yet, and rates before details. The same history gives the same
proposal, whether the campaign was restarted or not.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.loops.research.constants import (
    Constant,
    ConstantError,
    all_constants,
    apply_changes,
    find_constants,
)
from engine.loops.research.ranges import Room, fits, room_of
from engine.loops.research.spans import Value
from engine.loops.sampling import Tried, ask, study_of

FEW = 6
"""So many tries change one or two constants; after them it may be three."""

ASKED = 12
"""How often the sampler is asked for a state that was not seen before dice are thrown instead."""

THROWN = 400
"""How often dice are thrown before the space counts as exhausted."""

UNSURE = 0.3
"""Below so many votes either way is as good as the other."""

FOLLOWED = 0.85
"""How often a way that made things worse is left alone."""

FADING = 0.7
"""What a vote on a way is worth after the next one."""

_FIRST = re.compile(r"LR|LEARNING_RATE|RATE$", re.IGNORECASE)
_SECOND = re.compile(r"BATCH|DEPTH|LAYER|DIM|WIDTH|EMBD|RATIO|STEPS", re.IGNORECASE)


class NothingToProposeError(Exception):
    """There is nothing left to try, or nothing that can be varied; the text says which."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A try before, oldest first: what it changed from the best before it (``file:NAME`` to value;
    empty where it was no change of constants), the mean of its metric, None where it crashed or was
    refused, and whether it was kept."""

    patches: Mapping[str, Any]
    score: float | None
    kept: bool


@dataclass(frozen=True, slots=True)
class SettingsProposal:
    """``files``: the new content of what changes, by path; ``description`` in one line."""

    files: dict[str, bytes]
    patches: dict[str, Value]
    description: str


def propose_settings(
    best: Mapping[str, bytes],
    outcomes: Sequence[Outcome],
    *,
    seed: int,
    iteration: int,
    lower_is_better: bool,
    seen: Collection[str],
    hash_of: Callable[[Mapping[str, bytes]], str],
    baseline: Mapping[str, bytes] | None = None,
    harness: Mapping[str, bytes] | None = None,
) -> SettingsProposal:
    """What to try next, from the best's mutable files (path to content).

    ``outcomes`` are all iterations so far; the first is the baseline, whose files are ``baseline``
    (the best's where None). ``hash_of`` hashes mutable files, ``seen`` are the hashes of all states
    that were tried. NothingToProposeError where nothing is left.
    """
    constants = {one.key: one for one in find_constants(best, harness)}
    start = _values(baseline or best)
    tries = _with_values(start, outcomes)
    rooms = _rooms(constants, tries)
    if not rooms:
        names = ", ".join(best) or "the mutable files"
        raise NothingToProposeError(
            f"No constant of {names} can be varied: write one in capitals at the top level, such "
            'as DEPTH = 8, or say how far it may go, such as "# 1..16" behind it.'
        )
    now = {key: constants[key].value for key in rooms}
    dice = random.Random(f"{seed} {iteration}")
    every = _values(best)
    ways = _ways(start, outcomes, lower_is_better)
    for found in _answers(rooms, now, tries, dice, lower_is_better):
        patches = _few(found, now, rooms, outcomes, ways, dice)
        if not patches or not fits({**every, **patches}, every):
            continue
        try:
            files = apply_changes(best, patches)
        except ConstantError:
            continue  # a choice of the comment that cannot be written in its place
        if files and hash_of({**best, **files}) not in seen:
            return SettingsProposal(files, patches, _said(patches, now))
    raise NothingToProposeError(
        f"Nothing new was found in {ASKED + THROWN} draws of {len(rooms)} constants: the space is "
        "exhausted. Widen the ranges in the comments, or propose something yourself."
    )


def _values(files: Mapping[str, bytes]) -> dict[str, Any]:
    return {one.key: one.value for path in files for one in all_constants(path, files[path])}


def _with_values(baseline: Mapping[str, Any], outcomes: Sequence[Outcome]) -> list[Tried]:
    """Each try with all its values. One that was no change of constants is left out."""
    values = dict(baseline)
    found = []
    for number, one in enumerate(outcomes):
        tried = {**values, **one.patches}
        if one.patches or number == 0:
            found.append(Tried(tried, one.score))
        if one.kept:
            values = tried
    return found


def _rooms(constants: Mapping[str, Constant], tries: Sequence[Tried]) -> dict[str, Room]:
    found = {}
    for key, constant in constants.items():
        values = [one.settings[key] for one in tries if key in one.settings]
        room = room_of(constant, values)
        if room is not None:
            found[key] = room
    return found


def _answers(
    rooms: Mapping[str, Room],
    now: Mapping[str, Value],
    tries: Sequence[Tried],
    dice: random.Random,
    lower_is_better: bool,
) -> Iterator[dict[str, Value]]:
    """Values of all constants: first what the sampler wants, then dice."""
    space = {key: room.bounds for key, room in rooms.items()}
    placed = [
        Tried(
            {key: room.place(one.settings.get(key, now[key])) for key, room in rooms.items()},
            one.score,
        )
        for one in tries
    ]
    study = study_of(
        space, placed, seed=dice.randrange(2**31), higher_is_better=not lower_is_better
    )
    for _ in range(ASKED):
        asked = ask(study, space)
        yield {key: rooms[key].value(place) for key, place in asked.items()}
    for _ in range(THROWN):
        yield {key: _thrown(room, dice) for key, room in rooms.items()}


def _thrown(room: Room, dice: random.Random) -> Value:
    if room.values:
        return dice.choice(room.values)
    low, high = room.bounds.low, room.bounds.high
    value = low * (high / low) ** dice.random() if room.bounds.log else dice.uniform(low, high)
    return min(high, max(low, float(f"{value:.3g}")))


def _few(
    found: Mapping[str, Value],
    now: Mapping[str, Value],
    rooms: Mapping[str, Room],
    outcomes: Sequence[Outcome],
    ways: Mapping[str, float],
    dice: random.Random,
) -> dict[str, Value]:
    """One to three of the values that differ, by weight; the ways that made things worse seldom."""
    weights = {}
    for key, value in found.items():
        if not _seen_step(rooms[key], now[key], value):
            continue
        wrong = rooms[key].ordered and _way(now[key], value) * ways.get(key, 0.0) < -UNSURE
        if not wrong or dice.random() > FOLLOWED:
            weights[key] = _weight(key, outcomes)
    count = dice.choice((1, 2) if len(outcomes) <= FEW else (1, 2, 2, 3))
    chosen: dict[str, Value] = {}
    while weights and len(chosen) < count:
        key = dice.choices(list(weights), list(weights.values()))[0]
        weights.pop(key)
        chosen[key] = found[key]
    return chosen


def _seen_step(room: Room, now: Value, value: Value) -> bool:
    """Whether a step is large enough to be seen at all: a rate by 15 %, say."""
    if room.values or isinstance(now, str) or isinstance(value, str):
        return value != now
    if room.bounds.log and now > 0:
        return not 1 / 1.15 < value / now < 1.15
    return abs(value - now) >= 0.05 * (room.bounds.high - room.bounds.low)


def _way(before: Any, after: Any) -> int:
    """1 for more, -1 for less."""
    try:
        return int(after > before) - int(after < before)
    except TypeError:
        return 0


def _ways(
    baseline: Mapping[str, Any], outcomes: Sequence[Outcome], lower_is_better: bool
) -> dict[str, float]:
    """For each constant, above 0 where more of it seemed better and below 0 where less did; what
    was tried last counts most, and a try that changed several speaks less of each."""
    values, best = dict(baseline), None
    ways: dict[str, float] = {}
    for one in outcomes:
        better = one.score is not None and (
            best is None or (one.score < best if lower_is_better else one.score > best)
        )
        vote = 2.0 if one.kept else 0.5 if better else -1.0
        for key, value in one.patches.items():
            step = _way(values.get(key, value), value)
            ways[key] = FADING * ways.get(key, 0.0) + step * vote / len(one.patches)
        if one.kept:
            values, best = {**values, **one.patches}, one.score
    return ways


def _weight(key: str, outcomes: Sequence[Outcome]) -> float:
    """How much a constant deserves to be changed."""
    name = key.rpartition(":")[2]
    prior = 6.0 if _FIRST.search(name) else 2.0 if _SECOND.search(name) else 1.0
    if "HEAD" in name.upper():
        prior = 1.0
    kept = sum(key in one.patches and one.kept for one in outcomes)
    lost = sum(key in one.patches and not one.kept for one in outcomes)
    return prior * (1 + 2 * kept) / (1 + lost)


def _said(patches: Mapping[str, Value], now: Mapping[str, Value]) -> str:
    names = [key.rpartition(":")[2] for key in patches]
    return ", ".join(
        f"{name if names.count(name) == 1 else key} {_shown(now[key])} → {_shown(value)}"
        for name, (key, value) in zip(names, patches.items(), strict=True)
    )


def _shown(value: Value) -> str:
    """As it is written; a beta of 0.9999 is not 1."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
