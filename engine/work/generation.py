"""Greedy answers to many prompts, in batches, as they are finished."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
from mlx_lm.generate import BatchGenerator, generate_step
from mlx_lm.models.cache import KVCache, make_prompt_cache

SHARED_PREFIX_MIN = 16
"""A common beginning of all prompts is computed once from this many tokens on."""

PREFILL_STEP = 2048
"""Tokens of a prompt that are computed at a time, as in mlx-lm."""

Prompt = list[int]


@dataclass(frozen=True, slots=True)
class Answer:
    """``index`` is the prompt's; ``latency_ms`` counts from the start of its batch.

    ``cut_off`` is whether it reached the limit of new tokens before it ended.
    """

    index: int
    text: str
    tokens: int
    latency_ms: float
    cut_off: bool


def answers(
    model: Any,
    tokenizer: Any,
    prompts: list[Prompt],
    *,
    batch_size: int,
    max_new_tokens: int,
    exact: bool = False,
    check_stop: Callable[[], None] = lambda: None,
) -> Iterator[Answer]:
    """Answer every prompt (token ids, none empty) once; shortest prompts first.

    ``check_stop`` is called between tokens and ends it by raising. ``exact`` answers one
    prompt at a time, with the arithmetic of ``mlx_lm.generate``: a batch rounds otherwise,
    and once in some hundred answers that changes a token.
    """
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    if exact:
        for index in order:
            yield _one(model, tokenizer, index, prompts[index], max_new_tokens, check_stop)
        return
    prefix, cache = _shared_prefix(model, prompts)
    for start in range(0, len(order), batch_size):
        yield from _batch(
            model,
            tokenizer,
            {i: prompts[i][prefix:] for i in order[start : start + batch_size]},
            cache,
            max_new_tokens,
            check_stop,
        )


def _one(
    model: Any,
    tokenizer: Any,
    index: int,
    prompt: Prompt,
    max_new_tokens: int,
    check_stop: Callable[[], None],
) -> Answer:
    begin = time.perf_counter()
    tokens: list[int] = []
    ended = False
    for token, _ in generate_step(mx.array(prompt), model, max_tokens=max_new_tokens):
        check_stop()
        if token in tokenizer.eos_token_ids:
            ended = True
            break
        tokens.append(int(token))
    return _answer(tokenizer, index, tokens, begin, not ended)


def _batch(
    model: Any,
    tokenizer: Any,
    prompts: dict[int, Prompt],
    cache: list[Any] | None,
    max_new_tokens: int,
    check_stop: Callable[[], None],
) -> Iterator[Answer]:
    """The answers of one batch, each as soon as it has ended."""
    generator = BatchGenerator(
        model,
        max_tokens=max_new_tokens,
        stop_tokens=[[token] for token in tokenizer.eos_token_ids],
        completion_batch_size=len(prompts),
        prefill_batch_size=len(prompts),
        prefill_step_size=PREFILL_STEP,
    )
    begin = time.perf_counter()
    try:
        # The generator copies a cache that it is given, so that one serves all prompts.
        caches = [cache] * len(prompts) if cache else None
        ids = generator.insert(list(prompts.values()), caches=caches)
        index_of = dict(zip(ids, prompts, strict=True))
        tokens: dict[int, list[int]] = {uid: [] for uid in ids}
        while responses := generator.next_generated():
            check_stop()
            for response in responses:
                if response.finish_reason != "stop":
                    tokens[response.uid].append(int(response.token))
                if response.finish_reason is not None:
                    yield _answer(
                        tokenizer,
                        index_of[response.uid],
                        tokens[response.uid],
                        begin,
                        response.finish_reason == "length",
                    )
    finally:
        generator.close()


def _answer(tokenizer: Any, index: int, tokens: list[int], begin: float, cut_off: bool) -> Answer:
    text = tokenizer.decode(tokens) if tokens else ""
    return Answer(index, text, len(tokens), 1000 * (time.perf_counter() - begin), cut_off)


def _shared_prefix(model: Any, prompts: list[Prompt]) -> tuple[int, list[Any] | None]:
    """Length and cache of the tokens that all prompts begin with; (0, None) where not worth it.

    At least one token of each prompt is left to compute. Only plain caches can be shared:
    those of sliding windows and recurrent layers hold a state, not a history.
    """
    if len(prompts) < 2:
        return 0, None
    # What the least and the greatest share, all share.
    pairs = enumerate(zip(min(prompts), max(prompts), strict=False))
    shortest = min(map(len, prompts))
    length = min(next((i for i, (a, b) in pairs if a != b), shortest), shortest - 1)
    if length < SHARED_PREFIX_MIN:
        return 0, None
    cache = make_prompt_cache(model)
    if not all(type(layer) is KVCache for layer in cache):
        return 0, None
    prefix = mx.array(prompts[0][:length])[None]
    for start in range(0, length, PREFILL_STEP):
        model(prefix[:, start : start + PREFILL_STEP], cache=cache)
        mx.eval([layer.state for layer in cache])
    return length, cache
