"""The scores of the training seeds that a run was asked for, or why they are not all there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.judge.comparison import Comparison, is_share, rows_problem
from engine.judge.estimate import Estimate
from engine.judge.measured import BASELINE, CANDIDATE, Measured, seed_file
from engine.judge.seeds import Spread, probability_of_improvement, spread_of
from engine.records.evaluation import EvalResult, RowResult


@dataclass(frozen=True)
class SeedScores:
    """One recipe over its seeds, the run's own first: that one's weights are the candidate.

    ``scores`` has the record of each file in order; ``better`` is the probability that a seed is
    better than the baseline, None where there is no baseline to compare with.
    """

    files: tuple[str, ...]
    records: tuple[EvalResult, ...]
    spread: Spread
    better: Estimate | None

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return math.fsum(self.scores) / len(self.scores)

    @property
    def scores(self) -> list[float]:
        """The score of each seed."""
        return [record.score for record in self.records]

    @property
    def sentence(self) -> str:
        """The mean, how far the seeds spread, and what they say against the baseline."""
        spread, interval = self.spread, self.spread.mean.interval
        text = f"mean of {len(self.files)} seeds {self.mean:.3f}"
        if interval is not None and spread.sd:
            text += f" (95 % interval {interval[0]:.3f} to {interval[1]:.3f})"
        if spread.sd is not None:
            text += f", spread {spread.sd:.3f} ({spread.least:.3f} to {spread.greatest:.3f})"
        if self.better is not None and self.better.value is not None:
            text += f"; a seed is better than the baseline with probability {self.better.value:.2f}"
        return text[0].upper() + text[1:] + "."


def asks_for_seeds(measured: Measured) -> bool:
    """Was the run to be trained with further seeds?"""
    return bool(measured.config.eval.seeds)


def seed_scores(measured: Measured) -> SeedScores | str:
    """The scores of every seed that was asked for, or a sentence that says why not."""
    further = measured.config.eval.seeds
    own = measured.config.seed
    if len({own, *further}) != 1 + len(further):
        return "A training seed is named twice in config.json; the same throw counts once."
    files = (CANDIDATE, *map(seed_file, further))
    records = []
    for file, seed in zip(files, (own, *further), strict=True):
        if problem := measured.problem(file) or _other(measured, file, seed):
            return problem
        records.append(measured.evals[file])
    limits = (0.0, 1.0) if all(map(is_share, records)) else None
    passes = [record.passes or [record.score] for record in records]
    return SeedScores(
        files, tuple(records), spread_of(passes, limits=limits), _better(measured, records)
    )


def _other(measured: Measured, file: str, seed: int | None) -> str | None:
    """Why a record is not of this seed on this suite."""
    record, first = measured.evals[file], measured.evals[CANDIDATE]
    if record.seed is not None and seed is not None and record.seed != seed:
        return f"{file} was measured on the weights of seed {record.seed}, not of seed {seed}."
    pair = Comparison(first, record, None, None, direction=measured.config.eval.direction)
    if record.suite != first.suite or record.suite_sha256 != first.suite_sha256:
        return f"{file} was measured on another suite than {CANDIDATE}."
    return pair.mismatch


def _better(measured: Measured, records: Sequence[EvalResult]) -> Estimate | None:
    if measured.problem(BASELINE) is not None:
        return None
    baseline = [measured.evals[BASELINE].score]
    return probability_of_improvement(
        [record.score for record in records], baseline, direction=measured.config.eval.direction
    )


def mean_rows(measured: Measured, seeds: SeedScores) -> list[RowResult] | None:
    """The first seed's rows with the mean score over all seeds; None where a seed has none."""
    found: list[dict[str, float]] = []
    for file, record in zip(seeds.files, seeds.records, strict=True):
        rows = measured.rows.get(file)
        if rows is None or rows_problem(record, rows) is not None:
            return None
        found.append({row.id: row.score for row in rows})
    if any(one.keys() != found[0].keys() for one in found):
        return None
    return [
        row.model_copy(update={"score": math.fsum(one[row.id] for one in found) / len(found)})
        for row in measured.rows[CANDIDATE]
    ]
