"""Is a try better than the best before it? Decided by a probability, not by one noisy number.

A try is measured a few times with different seeds. How much one measurement scatters is taken from
all tries so far together (``noise_of``), since three numbers say little of it. The probability that
the try's true mean is better is then Student's t: one minus the one-sided p of the pooled t test,
or the posterior under a flat prior, which are the same number. For n tries that change nothing, at
most n times ``1 - confidence`` are kept on average: benchmarks/research_noise.py shows it.

Not paired, though repetition k of every try has the same seed: a seed draws other numbers once a
shape changes, the best often has more measurements than the try, and where seeds really have an
effect of their own, the unpaired rule keeps less, never more.

The best's mean is optimistic, since it was selected (the winner's curse). So what comes after it is
judged harder than it deserves: real improvements are missed more often, equal changes are kept less
often. Measuring the best again brings its mean back to the truth.

The bound is for one look at each try. A try that was within the noise and is measured again because
somebody hoped gets a second chance to be lucky: with one rerun of as many seeds 7.7 % of equal
changes are kept instead of 5 %, with three 10 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine.judge.distributions import student_at_most, student_reach

WILD = 16.0
"""A group whose variance is over so many times the median of all is not pooled: it diverged, say.
With three normal measurements a group the chance of that is about 2 in 100,000."""

HOPELESS = 0.02
"""A try is dropped when the chance that it is kept with all its seeds is below this."""


@dataclass(frozen=True, slots=True)
class Noise:
    """``sd``: standard deviation of one measurement, in the metric's unit; ``df``: degrees of
    freedom that it rests on, 0 where nothing was measured twice (``sd`` is then 0 and says
    nothing); ``wild``: groups that were not pooled."""

    sd: float
    df: int
    wild: int = 0


@dataclass(frozen=True, slots=True)
class Improvement:
    """``difference``: mean of the try minus mean of the best, in the metric's unit.
    ``probability`` that the try's true mean is better, None where the noise is not known.
    ``interval``: of the difference; each end is held with ``confidence``, so it leaves out 0
    exactly when ``better`` or worse is decided. ``sd`` and ``df``: the noise it was judged by."""

    difference: float
    probability: float | None
    interval: tuple[float, float] | None
    confidence: float
    lower_is_better: bool
    n_best: int
    n_tried: int
    sd: float
    df: int

    @property
    def better(self) -> bool:
        """Whether it is sure enough to keep the try."""
        return self.probability is not None and self.probability >= self.confidence

    @property
    def worse(self) -> bool:
        return self.probability is not None and self.probability <= 1 - self.confidence


def noise_of(groups: Iterable[Sequence[float]]) -> Noise:
    """The scatter within tries, pooled over all of them: the baseline and every try that was
    measured without a crash, each a group of values. Groups of one value add nothing."""
    parts = [(_squares(group), len(group) - 1) for group in groups if len(group) > 1]
    if not parts:
        return Noise(0.0, 0)
    variances = sorted(squares / df for squares, df in parts)
    limit = WILD * variances[len(variances) // 2]
    # From three groups on: of two, nobody knows which is the wild one.
    tame = [one for one in parts if len(parts) < 3 or limit == 0 or one[0] / one[1] <= limit]
    df = sum(one[1] for one in tame)
    return Noise(math.sqrt(math.fsum(one[0] for one in tame) / df), df, len(parts) - len(tame))


def improvement(
    best: Sequence[float],
    tried: Sequence[float],
    noise: Noise,
    *,
    lower_is_better: bool,
    confidence: float,
) -> Improvement:
    """Compare a try, measured with all its seeds, with the best before it.

    With a noise of 0 (a recipe that gives the same number every time) any difference is sure and
    equal is equal. Where nothing was ever measured twice the probability is None. A try or a best
    whose own scatter is wild beside ``noise`` is judged by its own. ValueError where a side has no
    values, or one that is not finite: a try with a repetition that crashed is a crash, not a try.
    """
    _check(best, tried)
    _check_confidence(confidence)
    noise = _own_if_wild(noise, best, tried)
    difference = _mean(tried) - _mean(best)
    gain = -difference if lower_is_better else difference
    probability: float | None = None
    interval: tuple[float, float] | None = None
    if noise.df > 0:
        error = noise.sd * math.sqrt(1 / len(best) + 1 / len(tried))
        probability = _probability(gain, error, noise.df)
        reach = _reach(confidence, noise.df) * error
        interval = (difference - reach, difference + reach)
    return Improvement(
        difference,
        probability,
        interval,
        confidence,
        lower_is_better,
        len(best),
        len(tried),
        noise.sd,
        noise.df,
    )


def mean_interval(
    values: Sequence[float], noise: Noise, confidence: float
) -> tuple[float, float] | None:
    """The interval of a try's own mean, each end held with ``confidence``; None where the noise is
    not known. ValueError as in ``improvement``."""
    _check(values)
    _check_confidence(confidence)
    noise = _own_if_wild(noise, values)
    if noise.df == 0:
        return None
    mean = _mean(values)
    reach = _reach(confidence, noise.df) * noise.sd / math.sqrt(len(values))
    return mean - reach, mean + reach


def clear_loser(
    best: Sequence[float],
    tried_so_far: Sequence[float],
    noise: Noise,
    *,
    planned: int,
    lower_is_better: bool,
    confidence: float,
    simpler: bool = False,
) -> str | None:
    """Why the other seeds need not be run, as a sentence; None: go on.

    Dropped is a try that, after what was measured, would be kept with all ``planned`` seeds with a
    chance below ``HOPELESS`` (its predictive probability: the rest scatters about the mean so far,
    which is itself unsure). This only ever drops. Nothing is kept before all seeds are in, so every
    keep is one that would also have been made without dropping, and the error of keeping an equal
    change can only become smaller. What it costs is a few real improvements with a bad first seed.
    ``simpler``: the try has fewer lines, so it may be one noise sd worse and still be kept.
    """
    _check(best, tried_so_far)
    _check_confidence(confidence)
    done, left = len(tried_so_far), planned - len(tried_so_far)
    if left < 1 or noise.df == 0:
        return None
    noise = _own_if_wild(noise, best, tried_so_far)
    gain = _gain(best, tried_so_far, lower_is_better)
    needed = _reach(confidence, noise.df) * noise.sd * math.sqrt(1 / len(best) + 1 / planned)
    needed -= noise.sd if simpler else 0.0
    spread = noise.sd * left / planned * math.sqrt(1 / done + 1 / left)
    chance = _probability(gain - needed, spread, noise.df)
    if noise.sd == 0 and gain == 0 and not simpler:
        return "It gives the same number as the best, and repetitions do not differ."
    if gain >= 0 or chance >= HOPELESS:
        return None
    chance_text = f"{chance:.1%}" if chance >= 0.001 else "under 0.1%"
    return (
        f"After {done} of {planned} {_seeds(planned)} it is {number(-gain)} worse than the best; "
        f"its chance to be kept with all of them is {chance_text}."
    )


def as_good_and_simpler(
    best: Sequence[float],
    tried: Sequence[float],
    noise: Noise,
    *,
    best_ever: Sequence[float],
    lines_saved: int,
    lower_is_better: bool,
    confidence: float,
) -> bool:
    """Whether a try that is not better is kept since it is as good with fewer lines.

    It has to be sure at ``confidence`` that it is not worse by one noise sd or more: neither than
    the best before it nor than ``best_ever``, the values of the try with the best mean of the whole
    campaign. The second is what keeps a chain of simplifications from walking down, each within the
    noise of the one before. Without noise it has to be equal or better. False where the noise is
    not known.
    """
    _check(best, tried, best_ever)
    _check_confidence(confidence)
    if lines_saved < 1:
        return False
    for other in (best, best_ever):
        judged = _own_if_wild(noise, other, tried)
        if judged.df == 0:
            return False
        gain = _gain(other, tried, lower_is_better)
        if judged.sd == 0:
            if gain < 0:
                return False
            continue
        error = judged.sd * math.sqrt(1 / len(other) + 1 / len(tried))
        # The margin is the noise of all: a try that scatters wildly is given no more room by it.
        if _probability(gain + noise.sd, error, judged.df) < confidence:
            return False
    return True


def sentence(found: Improvement) -> str:
    """What was found, for people."""
    seeds = f"{found.n_tried} {_seeds(found.n_tried)} against {found.n_best}"
    signed = number(found.difference, sign=True)
    if found.probability is None or found.interval is None:
        return (
            f"Cannot be told: {signed} on {seeds}, and nothing was measured twice, so the noise is "
            "not known."
        )
    if found.sd == 0:
        if found.difference == 0:
            return f"Equal: the same number on {seeds}, and repetitions do not differ."
        word = "Better" if found.better else "Worse"
        return f"{word}: {signed} on {seeds}; repetitions do not differ, so there is no noise."
    reach = (found.interval[1] - found.interval[0]) / 2
    shown = f"{signed} ± {number(reach)} on {seeds}"
    if found.better:
        return f"Better with probability {_share(found.probability)}: {shown}."
    if found.worse:
        return f"Worse with probability {_share(1 - found.probability)}: {shown}."
    return f"Within the noise (better with probability {_share(found.probability)}): {shown}."


def number(value: float, *, sign: bool = False) -> str:
    """Three figures, with a real minus sign; ``sign``: also a plus."""
    text = f"{value:+.3g}" if sign else f"{value:.3g}"
    return text.replace("-", "−", 1) if text.startswith("-") else text


def _share(probability: float) -> str:
    return "over 0.999" if probability > 0.999 else f"{math.floor(probability * 1000) / 1000:g}"


def _seeds(count: int) -> str:
    return "seed" if count == 1 else "seeds"


def _probability(gain: float, error: float, df: int) -> float:
    """That a true gain is above 0, when it was measured with this standard error."""
    if error == 0:
        return 0.5 if gain == 0 else float(gain > 0)
    return student_at_most(gain / error, df)


@lru_cache(maxsize=4096)
def _reach(confidence: float, df: int) -> float:
    """Student's t that is not exceeded with ``confidence``, one-sided."""
    return student_reach(2 * confidence - 1, df)


def _gain(best: Sequence[float], tried: Sequence[float], lower_is_better: bool) -> float:
    difference = _mean(tried) - _mean(best)
    return -difference if lower_is_better else difference


def _mean(values: Sequence[float]) -> float:
    if max(values) == min(values):
        return values[0]  # a division would round it, and equal has to be equal
    return math.fsum(values) / len(values)


def _squares(values: Sequence[float]) -> float:
    mean = _mean(values)
    return math.fsum((value - mean) ** 2 for value in values)


def _own_if_wild(noise: Noise, *groups: Sequence[float]) -> Noise:
    df = sum(len(group) - 1 for group in groups)
    if df == 0:
        return noise
    variance = math.fsum(_squares(group) for group in groups) / df
    return Noise(math.sqrt(variance), df) if variance > WILD * noise.sd**2 else noise


def _check_confidence(confidence: float) -> None:
    if not 0.5 < confidence < 1:
        raise ValueError(f"a confidence lies between 0.5 and 1, not at {confidence}")


def _check(*groups: Sequence[float]) -> None:
    for group in groups:
        if not group:
            raise ValueError("a side without values cannot be compared")
        if not all(map(math.isfinite, group)):
            raise ValueError("a value that is not finite is no measurement")
