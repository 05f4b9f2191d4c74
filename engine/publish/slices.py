"""The score of each slice of the primary suite, before and after. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.checks.contents import RunContents
from engine.judge.gates import BASELINE, CANDIDATE
from engine.records.evaluation import EvalResult


@dataclass(frozen=True, slots=True)
class Slice:
    """None is "not recorded"; ``n`` counts examples."""

    name: str
    n: int | None
    before: float | None
    after: float | None


def slices(contents: RunContents) -> list[Slice]:
    """The slices in the order of the candidate's record."""
    before, after = contents.evals.get(BASELINE), contents.evals.get(CANDIDATE)
    names = [*(after.slices if after else {}), *(before.slices if before else {})]
    found = []
    for name in dict.fromkeys(names):
        old, new = _slice(before, name), _slice(after, name)
        n = _number(new.get("n"))
        n = _number(old.get("n")) if n is None else n
        found.append(
            Slice(
                name,
                None if n is None else int(n),
                _number(old.get("score")),
                _number(new.get("score")),
            )
        )
    return found


def _slice(record: EvalResult | None, name: str) -> Mapping[str, Any]:
    return record.slices.get(name, {}) if record else {}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
