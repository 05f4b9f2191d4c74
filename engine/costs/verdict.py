"""What the seconds of a training iteration and its memory mean, in words. Pure.

An iteration is one batch through the model, forward and back, as mlx-lm counts them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.costs.estimate import Range

Verdict = Literal["proceed", "usable", "slow", "choose a smaller model"]

FULL = 0.9
"""Above this share of the limit the rest of the machine is likely to be swapped out."""


@dataclass(frozen=True, slots=True)
class PaceLimits:
    """Seconds of an iteration up to which each verdict reaches; each is above the one before."""

    proceed_s: float = 5.0
    usable_s: float = 30.0
    too_slow_s: float = 60.0

    def in_words(self) -> str:
        return (
            f"up to {self.proceed_s:g} s an iteration proceed, up to {self.usable_s:g} s usable, "
            f"up to {self.too_slow_s:g} s slow, above choose a smaller model"
        )


USUAL = PaceLimits()


def verdict(seconds: float, limits: PaceLimits = USUAL) -> Verdict:
    """What to do about so many seconds an iteration; ValueError where that is no positive number.

    Up to ``proceed_s``, however little, it is "proceed": a thousand iterations are within 84
    minutes at 5 s. Up to ``usable_s`` "usable": they take up to a night. Up to ``too_slow_s``
    "slow": a day for one try, which leaves no room for a second. Above, "choose a smaller model".
    """
    if not seconds > 0:
        raise ValueError(f"{seconds} seconds are no duration")
    if seconds <= limits.proceed_s:
        return "proceed"
    if seconds <= limits.usable_s:
        return "usable"
    return "slow" if seconds <= limits.too_slow_s else "choose a smaller model"


def verdict_in_words(step: Range, limits: PaceLimits = USUAL) -> str:
    """The verdict of the likely value, and the worse one where it may well come to that."""
    likely = verdict(step.likely, limits)
    worst = verdict(max(step.high, step.likely), limits)
    return likely if worst == likely else f"{likely}, perhaps {worst}"


def pace_in_words(seconds: float) -> str:
    """Seconds of an iteration with what can be told of them: 0.012 s, 0.34 s, 5.6 s, 42 s."""
    return f"{seconds:.0f} s" if seconds >= 9.95 else f"{seconds:.2g} s"


def room_in_words(peak_bytes: float, limit_bytes: float) -> str:
    """Whether a peak of memory fits below a limit, as the end of a sentence about it."""
    if peak_bytes > limit_bytes:
        return "it does not fit"
    share = 100 * peak_bytes / limit_bytes
    if share > 100 * FULL:
        return f"{share:.0f} % of it: it barely fits, and other programs will be swapped out"
    return f"{share:.0f} % of it: it fits" if share >= 1 else "it fits easily"
