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
from mlx_lm.models.cache import BatchKVCache, KVCache, make_prompt_cache

from engine.work.prefix import caches_behind

PREFILL_TOKENS = 8192
"""Tokens of prompts that are computed at a time, over all rows: bounds what activations take."""

PREFILL_LEAST = 64
"""Of one row at a time, however many rows there are."""

LEAST_PIECE = 2
"""Tokens of a piece: a single one is taken for an answer's by caches with a window."""

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
    """The beginning of all prompts, computed once. Its cache is a plain one.

    ``read_once``: the rows of a batch look at it together (``engine.work.prefix``), else each has
    a copy.
    """

    tokens: list[int]
    cache: list[KVCache]
    read_once: bool = False


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
        self._now: mx.array | None = None
        self._new: tuple[Sequence[Row], list[Any], mx.array] | None = None
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
        """Describe the prompts of new rows, none of them empty; ``join`` puts them in."""
        self.shrink()
        with mx.stream(self._stream):
            cache, last = self._prefill([row.prompt for row in rows])
        self._new = rows, cache, last

    def described(self) -> list[mx.array]:
        """What has to be computed of the new rows before they ``join``: the last layer's cache,
        which all the others lead to."""
        return [] if self._new is None else _arrays(self._new[1][-1].state)

    def join(self) -> None:
        """Put the new rows beside the others, where there are any."""
        if self._new is None:
            return
        rows, cache, last = self._new
        self._new = None
        with mx.stream(self._stream):
            first = self._forward(last, cache)
            if self._rows and self._next is not None:
                for mine, new in zip(self._cache, cache, strict=True):
                    mine.extend(new)
                self._next = mx.concatenate([self._next, first])
            else:
                self._cache, self._next = cache, first
        self._rows.extend(rows)

    def advance(self) -> mx.array:
        """Describe the next token of every row, for ``compute``; ``collect`` then reads this one's.

        Nothing is computed here: batches that are computed in one call share the cores.
        """
        now = self._next
        assert now is not None
        self._now = now
        # Rows end here at the latest when they are full: then nothing is computed in vain.
        if any(len(row.tokens) + 1 < self._limit for row in self._rows if not row.done):
            with mx.stream(self._stream):
                self._next = now = self._forward(now, self._cache)
        return now

    def collect(self) -> list[Row]:
        """Give every open row its token; returns those that have ended with it."""
        assert self._now is not None
        self._steps += 1
        if self._steps % CLEAR_EVERY == 0:
            mx.clear_cache()
        tokens: list[int] = self._now.tolist()  # type: ignore[assignment]
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
        """The caches of the prompts but for their last tokens, and those."""
        longest = max(map(len, prompts))
        short = [longest - len(prompt) for prompt in prompts]
        if self._shared and self._shared.read_once:
            cache = self._behind_one(self._shared, prompts, short)
        elif self._shared and max(short) <= len(self._shared.tokens):
            cache = self._behind(self._shared, prompts, short)
        else:
            if self._shared:
                prompts = [self._shared.tokens + prompt for prompt in prompts]
            cache = self._from_nothing(prompts, short)
        return cache, mx.array([prompt[-1] for prompt in prompts])

    def _behind_one(self, shared: Shared, prompts: list[list[int]], short: list[int]) -> list[Any]:
        """The caches of prompts behind a beginning that all rows read together."""
        cache: list[Any] = self._roomy(caches_behind(shared.cache, short), max(map(len, prompts)))
        padded = [[0] * by + row for by, row in zip(short, prompts, strict=True)]
        self._compute(cache, padded)
        return cache

    def _behind(self, shared: Shared, prompts: list[list[int]], short: list[int]) -> list[Any]:
        """The caches of prompts behind a beginning, which is taken over as it is.

        A prompt that is shorter by n tokens computes the last n tokens of the beginning once more:
        so all rows are equally long, and nothing is padded.
        """
        size = len(shared.tokens)
        cache = [layer.merge([_shortened(layer, by) for by in short]) for layer in shared.cache]
        cache = self._roomy(cache, size + max(map(len, prompts)))
        again = [shared.tokens[size - by :] for by in short]
        self._compute(cache, [row + own for row, own in zip(again, prompts, strict=True)])
        return cache

    def _from_nothing(self, prompts: list[list[int]], short: list[int]) -> list[Any]:
        """The caches of whole prompts.

        Plain ones are padded on the left, which is masked. mlx-lm pads on the right and rolls the
        caches afterwards, which costs more than all the rest; for layers with a window or a state
        it is the only way.
        """
        one = make_prompt_cache(self._model)
        cache = self._roomy(
            [layer.merge([layer] * len(prompts)) for layer in one], max(map(len, prompts))
        )
        if not any(short):
            self._compute(cache, prompts)
        elif is_plain(one):
            for layer in cache:
                layer.prepare(left_padding=short)
            padded = [[0] * by + row for by, row in zip(short, prompts, strict=True)]
            self._compute(cache, padded)
        else:
            lengths = [len(prompt) - 1 for prompt in prompts]
            width = max(LEAST_PIECE, *lengths)
            padding = [width - length for length in lengths]
            for layer in cache:
                layer.prepare(lengths=lengths, right_padding=padding)
            # One more than the width: the last token of a row is not computed here.
            padded = [
                [*row[:-1], *[0] * (by + 1)] for by, row in zip(padding, prompts, strict=True)
            ]
            self._compute(cache, padded)
            for layer in cache:
                layer.finalize()
        return cache

    def _roomy(self, cache: Sequence[Any], width: int) -> list[Any]:
        """The same caches, which grow by what rows of ``width`` tokens need with their answers.

        By itself mlx-lm makes room for 256 tokens at a time, and short answers then cost more for
        memory that is cleared than for what is computed.
        """
        for layer in cache:
            if isinstance(layer, BatchKVCache):
                layer.step = min(BatchKVCache.step, width + self._limit)
        return list(cache)

    def _compute(self, cache: list[Any], rows: list[list[int]]) -> None:
        """Run all but the last token of rows of one length through the model, in pieces."""
        tokens = mx.array(rows)[:, :-1]
        total = tokens.shape[1]
        size = max(PREFILL_LEAST, PREFILL_TOKENS // len(rows))
        start = 0
        while start < total:
            self._check()
            end = start + size if total - start - size >= LEAST_PIECE else total
            self._model(tokens[:, start:end], cache=cache)
            if total > size:
                mx.eval([layer.state for layer in cache])
                mx.clear_cache()
            start = end


def join(batches: Sequence[Batch]) -> None:
    """Compute the prompts of the rows that were admitted, side by side, and put them in."""
    if new := [array for batch in batches for array in batch.described()]:
        mx.eval(new)
    for batch in batches:
        batch.join()


def compute(batches: Sequence[Batch]) -> None:
    """Set going what each of the batches needs for its next token, side by side.

    In one call: MLX lets a call wait until nearly all of it is done, so a call a batch would be one
    batch after the other. So would be a prompt and an answer's token in one call.
    """
    mx.async_eval(*(batch.advance() for batch in batches))  # type: ignore[no-untyped-call]


def _arrays(state: Any) -> list[mx.array]:
    """The arrays in a cache's state."""
    if isinstance(state, mx.array):
        return [state]
    if isinstance(state, list | tuple):
        return [array for part in state for array in _arrays(part)]
    return []


def is_plain(cache: list[Any]) -> bool:
    """Whether every layer keeps a history that can be cut and shared: no window, no state."""
    return all(type(layer) is KVCache for layer in cache)


def _shortened(layer: KVCache, by: int) -> KVCache:
    """The same cache without its last tokens; shares its arrays."""
    found = KVCache()
    found.keys, found.values, found.offset = layer.keys, layer.values, layer.offset - by
    return found
