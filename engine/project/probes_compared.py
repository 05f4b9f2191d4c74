"""The probes of a target against each other: the newest of each tag, on the same questions."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.judge.estimate import Estimate
from engine.judge.noise import tell
from engine.judge.paired import compare_paired
from engine.plain_file import read_plain
from engine.project.output import OUTPUT, moment, text
from engine.project.probing import ProbeError

MAX_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Probe:
    """A probe's file. ``scores`` from 0 to ``best``, by the question with its ideal answer; None
    was not judged. ``judge`` None: the file does not say who judged."""

    file: str
    tag: str
    when: datetime
    model: str | None
    adapter: str | None
    judge: str | None
    best: float
    scores: dict[tuple[str, str], float | None]

    @property
    def mean(self) -> float | None:
        known = [one for one in self.scores.values() if one is not None]
        return math.fsum(known) / len(known) if known else None

    @property
    def right(self) -> int:
        """How many have the best score."""
        return sum(one is not None and one >= self.best for one in self.scores.values())


@dataclass(frozen=True, slots=True)
class Against:
    """A probe held against the base one. ``delta`` and ``interval`` in points of the judge's scale;
    ``told`` is a sentence."""

    probe: Probe
    delta: float | None = None
    interval: tuple[float, float] | None = None
    told: str = ""


def probes_in(target: Path) -> list[Probe]:
    """The newest probe of each tag, oldest first; files that are none are left out."""
    newest: dict[str, Probe] = {}
    for file in sorted((target / OUTPUT).glob("probe_*.json")):
        probe = _read(file)
        if probe is not None and (probe.tag not in newest or newest[probe.tag].when <= probe.when):
            newest[probe.tag] = probe
    return sorted(newest.values(), key=lambda one: one.when)


def compare(probes: Sequence[Probe], base: str | None = None) -> list[Against]:
    """Each probe against the one tagged ``base``, else against the oldest, which comes first.

    ProbeError where there are not two, or they have no questions or judge in common.
    """
    if len(probes) < 2:
        raise ProbeError(
            f"There {'is one probe' if probes else 'is no probe'}, and two are needed. Make one: "
            "factory-tui probe --tag base"
        )
    tags = [one.tag for one in probes]
    if base is not None and base not in tags:
        raise ProbeError(f"There is no probe tagged {base}; there are {', '.join(tags)}.")
    first = next((one for one in probes if one.tag == base), probes[0])
    others = [one for one in probes if one is not first]
    for one in others:
        _check_alike(first, one)
    return [Against(first), *(_against(first, one) for one in others)]


def _check_alike(first: Probe, other: Probe) -> None:
    names = f"{first.tag} and {other.tag}"
    if first.scores.keys() != other.scores.keys():
        changed = len(first.scores.keys() ^ other.scores.keys())
        raise ProbeError(
            f"The questions changed between {names} ({changed} are in one of them alone), so they "
            "are not compared. Probe both again."
        )
    if (first.judge, first.best) != (other.judge, other.best):
        who = f"{first.judge or 'nobody named'} and {other.judge or 'nobody named'}"
        raise ProbeError(
            f"{names} were judged by {who}: two rulers, so they are not compared. Probe both with "
            "one judge."
        )


def _against(first: Probe, other: Probe) -> Against:
    pairs = [
        (before / first.best, after / first.best)
        for key, before in first.scores.items()
        if before is not None and (after := other.scores[key]) is not None
    ]
    found = compare_paired([one for one, _ in pairs], [one for _, one in pairs])
    difference = _scaled(found.difference, first.best)
    told = tell(difference, found.p, points=False).sentence
    return Against(other, difference.value, difference.interval, told)


def _scaled(share: Estimate, best: float) -> Estimate:
    """A difference of shares of the best score, in points of the scale."""
    value, low, high = (
        None if one is None else best * one for one in (share.value, share.low, share.high)
    )
    return replace(share, value=value, low=low, high=high)


def _read(file: Path) -> Probe | None:
    try:
        found: Any = json.loads(read_plain(file, MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    results = found.get("results") if isinstance(found, dict) else None
    tag = text(found.get("tag")) if isinstance(found, dict) else None
    if tag is None or not isinstance(results, list) or not results:
        return None
    scores: dict[tuple[str, str], float | None] = {}
    best = _number(found.get("max_score"))
    for one in results:
        if not isinstance(one, dict):
            return None
        key = (str(one.get("question")), str(one.get("ideal")))
        scores[key] = _number(one.get("score"))
    # Some tools write the best score that was reached there, not the best there is.
    best = max([3.0, *(score for score in scores.values() if score is not None), best or 0.0])
    return Probe(
        file.name,
        tag,
        moment(found.get("timestamp")) or datetime.min.replace(tzinfo=UTC),
        text(found.get("model")),
        text(found.get("adapter")),
        text(found.get("judge")),
        best,
        scores,
    )


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value) if value >= 0 else None
