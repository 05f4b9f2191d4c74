"""How long one answer takes, as a user feels it: a named sample, one request at a time.

The latency of a batch is not what a user feels, so this is measured apart from scoring. Each prompt
is asked once, in order, after one question that does not count (the first one after a start also
pays for what is set up once). What the server still knew of a prompt from an earlier one is
counted beside the times, as ``cached_share``: an endpoint that is asked the same twice is fast.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.judge.latency import median, p95, sample_sha256
from engine.serving.chat import Answer, Ask, Chat, Message
from engine.serving.endpoint import Endpoint, EndpointError
from engine.serving.exchange import Timeouts

GIVE_UP = 3
"""So many questions in a row without an answer end the measurement."""

_WARM_UP: tuple[Message, ...] = ({"role": "user", "content": "Hello"},)


@dataclass(frozen=True, slots=True)
class Sample:
    """Prompts to measure with, named so that two measurements can be compared."""

    name: str
    prompts: tuple[tuple[Message, ...], ...]

    @property
    def sha256(self) -> str:
        """Of the prompts: the same hash is the same sample."""
        return sample_sha256(self.prompts)


@dataclass(frozen=True, slots=True)
class Latency:
    """Times in seconds. None was not measured: nothing came, or too few for a percentile."""

    sample: str
    sha256: str
    asked: int
    answered: int
    max_tokens: int
    median_s: float | None = None
    p95_s: float | None = None
    first_median_s: float | None = None
    first_p95_s: float | None = None
    tokens_per_s_median: float | None = None
    cached_share: float | None = None
    """Of all prompt tokens, those that the server did not have to compute; None: it did not say."""
    seconds: tuple[float, ...] = ()
    """Each answer's time, in the order of the sample."""
    troubles: tuple[str, ...] = ()
    """Why there is no answer, a sentence each."""


def measure_latency(
    endpoint: Endpoint,
    sample: Sample,
    ask: Ask | None = None,
    timeouts: Timeouts | None = None,
    told: Callable[[int, int], None] = lambda done, total: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Latency:
    """Ask each prompt of the sample, one at a time. Blocks: for a thread, or a command line.

    EndpointError when the first question, which does not count, is not answered. Later ones that
    fail are counted and not timed; GIVE_UP of them in a row end it. ``told`` hears how many are
    done, ``stopped`` is asked between two.
    """
    ask = ask or Ask()
    warm = Ask(1, ask.temperature, ask.stop, ask.extra)
    Chat(endpoint, _WARM_UP, warm, timeouts).answer()
    answers: list[Answer] = []
    troubles: list[str] = []
    asked = in_a_row = 0
    for messages in sample.prompts:
        if stopped() or in_a_row >= GIVE_UP:
            break
        told(asked, len(sample.prompts))
        asked += 1
        try:
            answers.append(Chat(endpoint, messages, ask, timeouts).answer())
            in_a_row = 0
        except EndpointError as error:
            troubles.append(str(error))
            in_a_row += 1
    told(asked, len(sample.prompts))
    return summarised(sample, asked, answers, troubles, ask.max_tokens)


def summarised(
    sample: Sample,
    asked: int,
    answers: Sequence[Answer],
    troubles: Sequence[str],
    max_tokens: int,
) -> Latency:
    """The numbers of some answers. Pure."""
    times = [one.seconds for one in answers]
    firsts = [one.first_s for one in answers if one.first_s is not None]
    rates = [one.tokens_per_s for one in answers if one.tokens_per_s is not None]
    return Latency(
        sample=sample.name,
        sha256=sample.sha256,
        asked=asked,
        answered=len(answers),
        max_tokens=max_tokens,
        median_s=median(times),
        p95_s=p95(times),
        first_median_s=median(firsts),
        first_p95_s=p95(firsts),
        tokens_per_s_median=median(rates),
        cached_share=_cached(answers),
        seconds=tuple(times),
        troubles=tuple(troubles),
    )


def _cached(answers: Sequence[Answer]) -> float | None:
    known = [
        (one.usage.cached_tokens, one.usage.prompt_tokens)
        for one in answers
        if one.usage.cached_tokens is not None and one.usage.prompt_tokens
    ]
    total = sum(prompt for _, prompt in known)
    return sum(cached for cached, _ in known) / total if total else None
