"""The two gates on the primary score: it reaches its bound, and it beats the baseline.

With several training seeds both go by the mean over them. The weights that would be shipped are
the first seed's, so those must not fall short themselves.
"""

from __future__ import annotations

import math
from dataclasses import replace

from engine.judge import noise
from engine.judge.comparison import Comparison, score_interval
from engine.judge.estimate import Estimate
from engine.judge.gate import BEATS_BASELINE, PRIMARY_MIN, SLACK, WHERE, Gate, Verdict
from engine.judge.measured import BASELINE, CANDIDATE, Measured
from engine.judge.noise import Told, p_text
from engine.judge.paired import Paired
from engine.judge.scored import right_or_wrong
from engine.judge.seed_scores import SeedScores, asks_for_seeds, mean_rows, seed_scores

CONFIDENCE = 0.95
"""How sure "beats the baseline" must be where the config does not say."""


# --- primary_min -------------------------------------------------------------------------------


def primary_min(measured: Measured) -> Gate | None:
    """The candidate's primary score reaches the bound; None where there is no bound."""
    config = measured.config.eval
    bound, direction = config.threshold.primary_min, config.direction
    if bound is None:
        return None
    higher = direction == "higher"

    def gate(
        verdict: Verdict,
        reason: str,
        value: float | None = None,
        interval: tuple[float, float] | None = None,
    ) -> Gate:
        return Gate(PRIMARY_MIN, bound, value, interval, verdict, reason, direction)

    low, high = bound - SLACK, bound + SLACK

    def reached(score: float) -> bool:
        return score >= low if higher else score <= high

    if problem := measured.problem(CANDIDATE):
        return gate(Verdict.UNDECIDED, problem)
    if not math.isfinite(bound):
        return gate(Verdict.UNDECIDED, "The bound primary_min is not a finite number.")
    own = measured.evals[CANDIDATE].score
    if asks_for_seeds(measured):
        seeds = seed_scores(measured)
        if isinstance(seeds, str):
            return gate(Verdict.UNDECIDED, f"Not every seed counts. {seeds}")
        score, interval = seeds.mean, seeds.spread.mean.interval if seeds.spread.sd else None
        reason = (
            f"The mean of {len(seeds.files)} seeds, {score:.3f}, is "
            f"{WHERE[higher, reached(score)]} the bound of {bound:.3f}"
            f"{_with_interval(interval, None)}."
        )
        verdict = Verdict.PASS if reached(score) and reached(own) else Verdict.FAIL
        reason += f" What would be shipped is {_first(measured)}: {own:.3f}"
        reason += "." if reached(own) else f", {WHERE[higher, False]} the bound itself."
    else:
        score, interval = (
            own,
            score_interval(measured.evals[CANDIDATE], measured.rows.get(CANDIDATE)),
        )
        shown = _with_interval(interval, measured.count(CANDIDATE))
        reason = f"{score:.3f} is {WHERE[higher, reached(score)]} the bound of {bound:.3f}{shown}."
        verdict = Verdict.PASS if reached(score) else Verdict.FAIL
    past = interval is not None and (interval[0] < bound if higher else interval[1] > bound)
    if verdict is Verdict.PASS and past:
        what = "seeds" if asks_for_seeds(measured) else "examples"
        reason += f" The interval reaches past the bound: more {what} would make it sure."
    return gate(verdict, reason, score, interval)


def _first(measured: Measured) -> str:
    seed = measured.config.seed
    return "the first seed's" if seed is None else f"seed {seed}'s"


def _with_interval(interval: tuple[float, float] | None, n: int | None) -> str:
    if interval is None:
        return ""
    count = f", n = {n}" if n else ""
    return f" (95 % interval {interval[0]:.3f} to {interval[1]:.3f}{count})"


# --- beats_baseline ----------------------------------------------------------------------------


def beats_baseline(measured: Measured) -> Gate | None:
    """The candidate is better than the baseline by more than noise; None where nobody asks."""
    threshold = measured.config.eval.threshold
    if threshold.beat_baseline is False:
        return None
    alpha = _alpha(threshold.confidence)
    direction = measured.config.eval.direction

    def gate(
        verdict: Verdict,
        reason: str,
        gain: float | None = None,
        interval: tuple[float, float] | None = None,
    ) -> Gate:
        return Gate(BEATS_BASELINE, alpha, gain, interval, verdict, reason, direction)

    if problem := measured.problem(BASELINE) or measured.problem(CANDIDATE):
        return gate(Verdict.UNDECIDED, problem)
    pair = measured.against_baseline()
    assert pair is not None
    if problem := pair.mismatch:
        return gate(Verdict.UNDECIDED, problem)
    seeds = seed_scores(measured) if asks_for_seeds(measured) else None
    if isinstance(seeds, str):
        return gate(Verdict.UNDECIDED, f"Not every seed counts. {seeds}", pair.gain)
    told, why, interval = _by_rows(_mean_pair(measured, pair, seeds), alpha)
    gain = pair.gain
    shipped = ""
    if seeds is not None:
        own, gain = gain, _turned(pair, seeds.mean - pair.baseline.score)
        over_seeds = _gain_over_seeds(pair, seeds)
        if over_seeds is not None:
            interval = over_seeds
            if told is Told.BETTER and over_seeds[0] <= 0:
                told, why = Told.NOISE, f"{why}; the interval over the seeds holds no gain"
        if own <= SLACK:
            reason = f"What would be shipped is {_first(measured)}, which is no better: "
            reason += f"{_scores(pair)}."
            return gate(Verdict.FAIL, reason, gain, interval)
        shipped = (
            f" The score is the mean of {len(seeds.files)} seeds; what would be shipped is "
            f"{_first(measured)}."
        )
    if gain <= SLACK:
        how = "no better" if abs(gain) <= SLACK else "worse"
        noise_of = ", within the noise" if told in (Told.NOISE, Told.NOTHING) else ""
        reason = f"The candidate is {how}{noise_of}: {_scores(pair, seeds)}; {why}.{shipped}"
        return gate(Verdict.FAIL, reason, gain, interval)
    verdict = Verdict.PASS if told is Told.BETTER else Verdict.UNDECIDED
    reason = f"{_SAID[told]}: {_scores(pair, seeds)}; {why}.{shipped}"
    return gate(verdict, reason, gain, interval)


_SAID = {
    Told.BETTER: "Better",
    Told.NOISE: "Better, but within the noise",
    Told.NOTHING: "Better, but whether by more than noise cannot be told",
    # A gain with a test that says worse: the rows and the score disagree on the direction.
    Told.WORSE: "Better by the score, worse by the rows",
}


def _alpha(confidence: float | None) -> float:
    """The p that must be undercut; rounded, so that 0.95 gives 0.05."""
    return round(1 - (CONFIDENCE if confidence is None else confidence), 12)


def primary_test(measured: Measured) -> Paired | None:
    """The paired test behind `beats_baseline`; None where the rows cannot be paired."""
    if measured.problem(BASELINE) or measured.problem(CANDIDATE):
        return None
    pair = measured.against_baseline()
    if pair is None or pair.mismatch:
        return None
    seeds = seed_scores(measured) if asks_for_seeds(measured) else None
    return None if isinstance(seeds, str) else _mean_pair(measured, pair, seeds).paired


def _mean_pair(measured: Measured, pair: Comparison, seeds: SeedScores | None) -> Comparison:
    """The pair itself, or with several seeds the baseline beside their mean."""
    if seeds is None:
        return pair
    mean = pair.candidate.model_copy(update={"score": seeds.mean})
    return replace(pair, candidate=mean, candidate_rows=mean_rows(measured, seeds))


def _turned(pair: Comparison, difference: float) -> float:
    return difference if pair.direction == "higher" else -difference


def _scores(pair: Comparison, seeds: SeedScores | None = None) -> str:
    after = pair.candidate.score if seeds is None else seeds.mean
    return f"{pair.baseline.score:.3f} → {after:.3f}"


def _by_rows(pair: Comparison, alpha: float) -> tuple[Told, str, tuple[float, float] | None]:
    """What the rows say of the gain, the evidence as part of a sentence, and its interval.

    Without pairs the counts decide, by an interval that knows nothing of pairs and is therefore
    too wide rather than too narrow; without counts nothing is known.
    """
    paired = pair.paired
    if paired is not None:
        flips = pair.flips or (0, 0)
        told = noise.tell(paired.difference, paired.p, direction=pair.direction, alpha=alpha).told
        words = ("fixed", "broken") if _all_or_nothing(pair) else ("better", "worse")
        why = (
            f"{flips[0]} {words[0]}, {flips[1]} {words[1]} of {pair.n}, {p_text(paired.p)} "
            f"({paired.test})"
        )
        if told is Told.NOTHING:
            why += f"; {noise.fewest_rows(alpha)} rows are the fewest that could tell"
        return told, why, pair.gain_interval
    problem = pair.rows_problem
    bounds = pair.unpaired_interval(1 - alpha)
    if bounds is None:
        why = f"{problem}, nor counts of both that would do, so noise was not tested"
        return Told.NOTHING, why, None
    estimate = Estimate(pair.gain, *bounds, pair.candidate.n or 0, "Newcombe, unpaired", 1 - alpha)
    told = noise.tell(estimate, None, alpha=alpha).told
    how = f"{problem}, so by the counts alone (n = {pair.baseline.n} and {pair.candidate.n})"
    return told, how, pair.unpaired_interval()


def _all_or_nothing(pair: Comparison) -> bool:
    rows = [*(pair.baseline_rows or ()), *(pair.candidate_rows or ())]
    return right_or_wrong([row.score for row in rows])


def _gain_over_seeds(pair: Comparison, seeds: SeedScores) -> tuple[float, float] | None:
    """Student's interval of the gain over the seeds; None where they show no spread at all."""
    bounds = seeds.spread.mean.interval
    if bounds is None or not seeds.spread.sd:
        return None
    low, high = (_turned(pair, one - pair.baseline.score) for one in bounds)
    return min(low, high), max(low, high)
