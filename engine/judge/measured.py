"""What a run's verdicts are made from: its config, its eval records, their rows."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.judge.comparison import Comparison
from engine.records.evaluation import EvalResult, RowResult
from engine.records.run import RunConfig

BASELINE = "eval-baseline.json"
CANDIDATE = "eval-candidate.json"

Evals = Mapping[str, EvalResult]
"""The eval records of a run by file name (``eval-baseline.json``, …); absent ones left out."""

Rows = Mapping[str, Sequence[RowResult]]
"""The rows of an eval record, by the file name of that record; absent ones left out."""


def seed_file(seed: int) -> str:
    """The record of a further training seed."""
    return f"eval-seed-{seed}.json"


def is_seed_file(name: str) -> bool:
    """Is this the record of a further training seed?"""
    return _SEED_FILE.fullmatch(name) is not None


_SEED_FILE = re.compile(r"eval-seed-\d+\.json")


@dataclass(frozen=True, slots=True)
class Measured:
    """The evidence of one run."""

    config: RunConfig
    evals: Evals
    rows: Rows

    def problem(self, file: str) -> str | None:
        """Why the score in ``file`` cannot decide anything, as a sentence; None where it can."""
        record = self.evals.get(file)
        if record is None:
            return f"{file} is missing or cannot be read."
        if not math.isfinite(record.score):
            return f"The score in {file} is not a finite number."
        if record.n == 0:
            return f"{file} was measured on no examples."
        if record.unscored:
            count = "1 example" if len(record.unscored) == 1 else f"{len(record.unscored)} examples"
            return (
                f"{count} in {file} got no score, which is neither right nor wrong. Evaluate again."
            )
        return self.historical(file)

    def historical(self, file: str) -> str | None:
        """Why the numbers in ``file`` are no measurement of this run, as a sentence."""
        record = self.evals.get(file)
        if record is None or record.historical is None:
            return None
        return (
            f"{file} is historical ({record.historical}): nothing was measured for this run, so it "
            "cannot decide. Evaluate again."
        )

    def count(self, file: str) -> int | None:
        """How many examples a score was made of; None where nobody says."""
        rows, record = self.rows.get(file), self.evals.get(file)
        return len(rows) if rows else None if record is None else record.n

    def against_baseline(self, file: str = CANDIDATE) -> Comparison | None:
        """The record in ``file`` beside the baseline's; None where one of them is missing."""
        before, after = self.evals.get(BASELINE), self.evals.get(file)
        if before is None or after is None:
            return None
        rows = self.rows.get(BASELINE), self.rows.get(file)
        return Comparison(before, after, *rows, direction=self.config.eval.direction)
