"""Were two evaluations measured with one ruler: the same scorer, options, harness, files, judge?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.records.evaluation import EvalResult


@dataclass(frozen=True, slots=True)
class RulerDifference:
    """What of the ruler differs: the field of the record, and a sentence."""

    field: str
    sentence: str


def ruler_difference(before: EvalResult, after: EvalResult) -> RulerDifference | None:
    """The first thing in which the ruler of two records of one suite differs, or None.

    What one of the two does not say is no difference: other tools record less.
    """
    suite = after.suite
    if before.scorer and after.scorer and before.scorer != after.scorer:
        return RulerDifference(
            "scorer",
            f"On {suite} one was scored by {before.scorer}, the other by {after.scorer}.",
        )
    # Options belong to a scorer; a record without one says nothing of them.
    if before.scorer and after.scorer and before.scorer_options != after.scorer_options:
        return RulerDifference(
            "scorer_options",
            f"On {suite} one was scored with {_options(before.scorer_options)}, the other with "
            f"{_options(after.scorer_options)}.",
        )
    if before.harness and after.harness and before.harness != after.harness:
        return RulerDifference(
            "harness",
            f"On {suite} one was scored by {before.harness}, the other by {after.harness}.",
        )
    hashes = before.scorer_sha256, after.scorer_sha256
    if all(hashes) and hashes[0] != hashes[1]:
        return RulerDifference(
            "scorer_sha256", f"On {suite} the target's scorer.py changed between the two."
        )
    for name in sorted(before.databases.keys() & after.databases.keys()):
        if before.databases[name] != after.databases[name]:
            return RulerDifference(
                "databases", f"On {suite} the database {name} changed between the two."
            )
    if before.judge and after.judge:
        old, new = before.judge, after.judge
        if (old.model, old.prompt_sha256) != (new.model, new.prompt_sha256):
            return RulerDifference(
                "judge",
                f"On {suite} the judges differ: {old.model} and {new.model}, or what they were "
                "asked.",
            )
    return None


def _options(options: dict[str, Any]) -> str:
    if not options:
        return "no options"
    return ", ".join(f"{name} {value!r}" for name, value in sorted(options.items()))
