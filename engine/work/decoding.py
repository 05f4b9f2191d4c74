"""Prompts that are answered together: their caches side by side, a token for each in one step.

The caches are mlx-lm's own, for every kind of layer that it can batch. What is left out of its
generator is what an evaluation does not need: probabilities of every token, and a copy of the cache
of each answer. For small models that is half of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import mlx.core as mx
from mlx_lm.models.cache import KVCache, make_prompt_cache

PREFILL_TOKENS = 8192
"""Tokens of prompts that are computed at a time, over all rows: bounds what activations take."""

PREFILL_LEAST = 64
"""Of one row at a time, however many rows there are."""

CLEAR_EVERY = 512
"""Steps between two returns of MLX's unused buffers to the system, as in mlx-lm."""

Draw = Callable[[mx.array], mx.array]
"""Logits (rows, vocabulary) → a token for each row."""


def greedy(logits: mx.array) -> mx.array:
    """The likeliest token of each row."""
    return mx.argmax(logits, axis=-1)


def drawn(temperature: float, seed: int, lane: int = 0) -> Draw:
    """Tokens drawn at a temperature above 0: the same ones for the same seed and the same rows.

    Lanes of one seed draw others.
    """
    key = mx.random.split(mx.random.key(seed), lane + 2)[lane]

    def draw(logits: mx.array) -> mx.array:
        nonlocal key
        key, now = mx.random.split(key)
        return mx.random.categorical(logits * (1 / temperature), key=now)

    return draw


@dataclass(frozen=True, slots=True)
class Shared:
    """The beginning of all prompts, computed once. Its cache is a plain one."""

    tokens: list[int]
    cache: list[KVCache]


@dataclass
class Row:
    """One prompt on its way: ``tokens`` are those of its answer so far."""

    index: int
    prompt: list[int]
    began: float = 0.0
    tokens: list[int] = field(default_factory=list)
    done: bool = False
    cut_off: bool = False


class Batch:
    """Rows that are answered together, each up to ``limit`` tokens or one of ``ends``."""

    def __init__(
        self,
        model: Any,
        draw: Draw,
        ends: frozenset[int],
        limit: int,
        shared: Shared | None = None,
        check: Callable[[], None] = lambda: None,
        stream: mx.Stream | None = None,
    ) -> None:
        """``shared`` stands before every prompt; ``check`` is called between the pieces of long
        prompts and ends it by raising. ``stream`` is where it computes, None: MLX's default."""
        self._model, self._draw, self._shared, self._check = model, draw, shared, check
        self._ends, self._limit = ends, limit
        self._stream = stream or mx.default_stream(mx.default_device())
        self._rows: list[Row] = []
        self._cache: list[Any] = []
        self._next: mx.array | None = None
        self._steps = 0

    @property
    def open(self) -> int:
        """How many rows have not ended."""
        return sum(not row.done for row in self._rows)

    @property
    def width(self) -> int:
        """How many rows a step computes, those that have ended and are still there among them."""
        return len(self._rows)

    def admit(self, rows: Sequence[Row]) -> None:
        """Compute the prompts of new rows, none of them empty, and put them beside the others."""
        self.shrink()
        with mx.stream(self._stream):
            cache, last = self._prefill([row.prompt for row in rows])
            first = self._forward(last, cache)
            mx.async_eval(first)  # type: ignore[no-untyped-call]
            if self._rows and self._next is not None:
                for mine, new in zip(self._cache, cache, strict=True):
                    mine.extend(new)
                self._next = mx.concatenate([self._next, first])
            else:
                self._cache, self._next = cache, first
        self._rows.extend(rows)

    def step(self) -> list[Row]:
        """Give every open row its next token; returns those that have ended with it."""
        now = self._next
        assert now is not None
        # Rows end here at the latest when they are full: then nothing is computed in vain.
        if any(len(row.tokens) + 1 < self._limit for row in self._rows if not row.done):
            with mx.stream(self._stream):
                self._next = self._forward(now, self._cache)
                # The next token is on its way while Python looks at this one.
                mx.async_eval(self._next)  # type: ignore[no-untyped-call]
        self._steps += 1
        if self._steps % CLEAR_EVERY == 0:
            mx.clear_cache()
        tokens: list[int] = now.tolist()  # type: ignore[assignment]
        return [
            row
            for row, token in zip(self._rows, tokens, strict=True)
            if not row.done and self._take(row, token)
        ]

    def shrink(self) -> None:
        """Let go of the rows that have ended."""
        places = [place for place, row in enumerate(self._rows) if not row.done]
        if len(places) == len(self._rows):
            return
        self._rows = [self._rows[place] for place in places]
        if not places:
            self._cache, self._next = [], None
            return
        assert self._next is not None
        with mx.stream(self._stream):
            kept = mx.array(places)
            for one in self._cache:
                one.filter(kept)
            self._next = self._next[kept]

    def _take(self, row: Row, token: int) -> bool:
        """Add a token to a row; whether that ends it."""
        if token in self._ends:
            row.done = True
        else:
            row.tokens.append(token)
            row.done = row.cut_off = len(row.tokens) >= self._limit
        return row.done

    def _forward(self, tokens: mx.array, cache: list[Any]) -> mx.array:
        return self._draw(self._model(tokens[:, None], cache=cache)[:, -1, :])

    def _prefill(self, prompts: list[list[int]]) -> tuple[list[Any], mx.array]:
        """The caches of the prompts but for their last tokens, and those.

        Plain caches are filled with rows that all end at one place: what a row is shorter is
        padding on its left, or the last tokens of the shared beginning, computed once more. mlx-lm
        pads on the right and rolls the caches afterwards, which costs more than all the rest; it is
        the only way for layers that keep a state.
        """
        longest = max(map(len, prompts))
        short = [longest - len(prompt) for prompt in prompts]
        shared = self._shared if self._shared and max(short) <= len(self._shared.tokens) else None
        if shared:
            cache = [layer.merge([_shortened(layer, by) for by in short]) for layer in shared.cache]
            rows = [
                shared.tokens[len(shared.tokens) - by :] + prompt
                for by, prompt in zip(short, prompts, strict=True)
            ]
            self._compute(cache, rows)
            return cache, mx.array([row[-1] for row in rows])
        if self._shared:
            prompts = [self._shared.tokens + prompt for prompt in prompts]
        one = make_prompt_cache(self._model)
        cache = [layer.merge([layer] * len(prompts)) for layer in one]
        lengths = [len(prompt) - 1 for prompt in prompts]
        pads = [[0] * by for by in short]
        if not any(short):
            self._compute(cache, prompts)
        elif is_plain(one):
            for layer in cache:
                layer.prepare(left_padding=short)
            self._compute(cache, [pad + row for pad, row in zip(pads, prompts, strict=True)])
        else:
            for layer in cache:
                layer.prepare(lengths=lengths, right_padding=short)
            # The last token of each prompt is not computed here, nor is that of its padding.
            self._compute(
                cache, [[*row[:-1], *pad, 0] for pad, row in zip(pads, prompts, strict=True)]
            )
            for layer in cache:
                layer.finalize()
        return cache, mx.array([prompt[-1] for prompt in prompts])

    def _compute(self, cache: list[Any], rows: list[list[int]]) -> None:
        """Run all but the last token of rows of one length through the model, in pieces."""
        tokens = mx.array(rows)[:, :-1]
        size = max(PREFILL_LEAST, PREFILL_TOKENS // len(rows))
        for start in range(0, tokens.shape[1], size):
            self._check()
            self._model(tokens[:, start : start + size], cache=cache)
            if tokens.shape[1] > size:
                mx.eval([layer.state for layer in cache])
                mx.clear_cache()


def is_plain(cache: list[Any]) -> bool:
    """Whether every layer keeps a history that can be cut and shared: no window, no state."""
    return all(type(layer) is KVCache for layer in cache)


def _shortened(layer: KVCache, by: int) -> KVCache:
    """The same cache without its last tokens; shares its arrays."""
    found = KVCache()
    found.keys, found.values, found.offset = layer.keys, layer.values, layer.offset - by
    return found
