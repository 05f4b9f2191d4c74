"""What the ceilings that a run keeps say of the suites that it is judged by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.checks.contents import RunContents
from engine.judge.ruler import RulerFinding, judge_ruler
from engine.records.ceiling import Ceiling


@dataclass(frozen=True, slots=True)
class JudgedRuler:
    """A suite of the run, and what its ceiling says of it. ``ceiling`` is that of this version of
    the suite, else of another one, else None: none was measured."""

    suite: str
    ceiling: Ceiling | None
    finding: RulerFinding
    place: int | None = None
    """Where the ceiling stands in ``ceilings.json``."""


def judged_rulers(contents: RunContents) -> Iterator[JudgedRuler]:
    """Each suite of the run's config (the primary one first) and how good a ruler it is."""
    config = contents.config
    if config is None:
        return
    hashes = dict(config.eval.suites)
    for record in contents.evals.values():
        if record.suite_sha256 is not None:
            hashes.setdefault(record.suite, record.suite_sha256)
    kept = contents.ceilings.ceilings if contents.ceilings else []
    for suite in sorted(hashes, key=lambda name: name != config.eval.primary):
        named = [(place, one) for place, one in enumerate(kept) if one.suite == suite]
        # Of this version of the suite if there is one, else any: that is worth saying too.
        named.sort(key=lambda pair: pair[1].suite_sha256 != hashes[suite])
        place, ceiling = named[0] if named else (None, None)
        primary = suite == config.eval.primary
        bound = config.eval.threshold.primary_min if primary else None
        finding = judge_ruler(ceiling, hashes[suite], bound=bound)
        yield JudgedRuler(suite, ceiling, finding, place)
