"""Answers to many prompts: in batches, or one at a time, each as soon as it has ended.

Prompts are sorted by length, so that little is padded. What all begin with is computed once. A row
that has ended makes room: when half of a batch has ended the next prompts take their places, so no
row waits for the longest.
"""

from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
from mlx_lm.generate import generate_step, wired_limit
from mlx_lm.models.cache import make_prompt_cache

from engine.work.decoding import (
    PREFILL_TOKENS,
    Batch,
    Draw,
    Row,
    Shared,
    compute,
    drawn,
    greedy,
    is_plain,
    join,
)
from engine.work.prefix import CannotShare, caches_behind, check_attended, shared_attention

SHARED_PREFIX_MIN = 16
"""A common beginning of all prompts is computed once from this many tokens on."""

REFILL_AT = 0.5
"""New rows join when no more than this share of a batch is still open: joining copies caches."""

SHRINK_AT = 0.75
"""And without new ones, rows that have ended are let go at this share."""

MOST_STREAMS = 8
ROWS_A_STREAM = 16
"""With fewer rows a batch of its own gains less than it takes from the others."""

Prompt = list[int]


@dataclass(frozen=True, slots=True)
class Answer:
    """``index`` is the prompt's; ``latency_ms`` counts from when it was taken up, in a batch.

    ``cut_off`` is whether it reached the limit of new tokens before it ended.
    """

    index: int
    text: str
    tokens: int
    latency_ms: float
    cut_off: bool


@dataclass(frozen=True, slots=True)
class How:
    """How prompts are answered: ``rows`` of them at a time, at least one."""

    max_new_tokens: int
    rows: int = 1
    temperature: float = 0.0
    seed: int = 0


def answers(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Prompt],
    how: How,
    check_stop: Callable[[], None] = lambda: None,
) -> Generator[Answer, None, None]:
    """Answer every prompt (token ids, none empty) once, in batches; shortest prompts first.

    ``check_stop`` is called between tokens and ends it by raising. A batch rounds otherwise than
    one row does, and once in some hundred answers that changes a token: ``one_by_one`` does not.
    For models that ``can_batch``.
    """
    with wired_limit(model), shared_attention(model) as known:
        shared = _shared(model, prompts, known)
        length = len(shared.tokens) if shared else 0
        waiting = deque(
            Row(index, prompts[index][length:])
            for index in sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
        )
        streams = _streams(min(how.rows, len(prompts)))
        batches = [
            Batch(
                model,
                _draw(how, lane),
                frozenset(tokenizer.eos_token_ids),
                how.max_new_tokens,
                shared,
                check_stop,
                stream,
            )
            for lane, stream in enumerate(streams)
        ]
        rows = math.ceil(how.rows / len(batches))
        while waiting or any(batch.open for batch in batches):
            check_stop()
            for batch in batches:
                if waiting and _has_room(batch, rows):
                    # None takes all that is left, so that every core has work until the end.
                    hungry = sum(_has_room(one, rows) for one in batches)
                    part = math.ceil(len(waiting) / hungry)
                    _admit(batch, waiting, min(rows - batch.open, part))
                elif batch.open <= SHRINK_AT * batch.width:
                    batch.shrink()
            join(batches)
            going = [batch for batch in batches if batch.width]
            compute(going)
            for batch in going:
                for row in batch.collect():
                    yield _answer(tokenizer, row.index, row.tokens, row.began, row.cut_off)


def _has_room(batch: Batch, rows: int) -> bool:
    """Whether new rows are worth it in a batch of up to ``rows``."""
    return batch.open <= REFILL_AT * rows


def _admit(batch: Batch, waiting: deque[Row], count: int) -> None:
    """Let the next ``count`` rows join a batch."""
    new = [waiting.popleft() for _ in range(count)]
    for row in new:
        row.began = time.perf_counter()
    batch.admit(new)


def _streams(rows: int) -> list[mx.Stream | None]:
    """Where batches of ``rows`` in all are computed at the same time.

    MLX computes a stream of work on one core of a CPU; on a GPU one stream has all of it.
    """
    if mx.default_device() != mx.Device(mx.cpu):
        return [None]
    count = max(1, min(MOST_STREAMS, _cores(), rows // ROWS_A_STREAM))
    return [None, *(mx.new_stream(mx.default_device()) for _ in range(count - 1))]


def _cores() -> int:
    """How many cores this process may use."""
    known = getattr(os, "sched_getaffinity", None)
    return len(known(0)) if known else os.cpu_count() or 1


def one_by_one(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Prompt],
    how: How,
    check_stop: Callable[[], None] = lambda: None,
) -> Generator[Answer, None, None]:
    """Answer every prompt alone, in order, with the very arithmetic of ``mlx_lm.generate``."""
    sampler = None if how.temperature == 0 else _draw(how)
    with wired_limit(model):
        for index, prompt in enumerate(prompts):
            begin = time.perf_counter()
            tokens: list[int] = []
            ended = False
            for token, _ in generate_step(
                mx.array(prompt), model, max_tokens=how.max_new_tokens, sampler=sampler
            ):
                check_stop()
                if token in tokenizer.eos_token_ids:
                    ended = True
                    break
                tokens.append(int(token))
            yield _answer(tokenizer, index, tokens, begin, not ended)


def can_batch(model: Any) -> bool:
    """Whether what the model's layers remember can be put side by side for several prompts."""
    return all(hasattr(layer, "merge") for layer in make_prompt_cache(model))


def _draw(how: How, lane: int = 0) -> Draw:
    return greedy if how.temperature == 0 else drawn(how.temperature, how.seed, lane)


def _answer(tokenizer: Any, index: int, tokens: list[int], begin: float, cut_off: bool) -> Answer:
    text = tokenizer.decode(tokens) if tokens else ""
    return Answer(index, text, len(tokens), 1000 * (time.perf_counter() - begin), cut_off)


def _shared(model: Any, prompts: Sequence[Prompt], known: bool) -> Shared | None:
    """The tokens that all prompts begin with, computed; None where that is not worth it.

    At least one token of each prompt is left to compute. Only plain caches can be shared:
    those of sliding windows and recurrent layers hold a state, not a history. ``known`` is whether
    the model's attention may be one that reads the beginning once for all rows.
    """
    if len(prompts) < 2:
        return None
    # What the least and the greatest share, all share.
    pairs = enumerate(zip(min(prompts), max(prompts), strict=False))
    shortest = min(map(len, prompts))
    length = min(next((i for i, (a, b) in pairs if a != b), shortest), shortest - 1)
    cache = make_prompt_cache(model)
    if length < SHARED_PREFIX_MIN or not is_plain(cache):
        return None
    tokens = prompts[0][:length]
    for start in range(0, length, PREFILL_TOKENS):
        model(mx.array(tokens[start : start + PREFILL_TOKENS])[None], cache=cache)
        mx.eval([layer.state for layer in cache])
    return Shared(tokens, cache, known and _reads_once(model, cache, prompts[0][length]))


def _reads_once(model: Any, front: list[Any], token: int) -> bool:
    """Whether every layer's attention looks at a beginning that rows share: tried on one token."""
    cache = caches_behind(front, [0])
    try:
        model(mx.array([[token]]), cache=cache)
        check_attended(cache)
    except CannotShare:
        return False
    return True
