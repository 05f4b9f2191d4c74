"""What all prompts begin with, computed once and read once for all rows of a batch.

mlx-lm gives every row its own copy of a shared beginning; with short answers a step then reads
little else. Here the beginning stays one array: its part of the attention is one large product for
all rows, the rows' own part is as before, and both share one softmax. The result is the same but
for rounding.

Attention is a function that each of mlx-lm's model files imports by name. While prompts are
answered that name leads here for caches of the kind below, and to mlx-lm for all others. A model
that computes its attention in some other way is noticed on a first token, and answered without
this.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import mlx.core as mx
from mlx_lm.models.base import scaled_dot_product_attention
from mlx_lm.models.cache import BatchKVCache, KVCache

NAME = "scaled_dot_product_attention"


class CannotShare(Exception):
    """The model's attention is of another kind."""


class BehindPrefix(BatchKVCache):  # type: ignore[misc]
    """One layer's cache of rows that stand behind the beginning in ``front``, a plain cache.

    Holds the rows' own keys and values only, padded on the left; positions count from the
    beginning's end.
    """

    def __init__(self, front: KVCache, left_padding: Sequence[int]) -> None:
        super().__init__(list(left_padding))
        keys, values = front.keys, front.values
        assert keys is not None and values is not None
        # (heads, tokens, size): the same for every row.
        self.front_keys = keys[0, :, : front.offset, :]
        self.front_values = values[0, :, : front.offset, :]
        self.offset: mx.array = self.offset + front.offset
        self.attended = False
        """Whether attention was computed here: else the beginning would have been left out."""


def caches_behind(front: Sequence[KVCache], left_padding: Sequence[int]) -> list[BehindPrefix]:
    """A cache of each layer for rows with these paddings."""
    return [BehindPrefix(layer, left_padding) for layer in front]


def check_attended(cache: Sequence[Any]) -> None:
    """CannotShare where a layer's attention did not come by here."""
    if not all(layer.attended for layer in cache):
        raise CannotShare


@contextmanager
def shared_attention(model: Any) -> Iterator[bool]:
    """While it is open, the model's attention knows ``BehindPrefix``; whether any of it does."""
    places = [
        module
        for name in {type(part).__module__ for part in model.modules()}
        if (module := sys.modules.get(name)) is not None
        and getattr(module, NAME, None) is scaled_dot_product_attention
    ]
    for module in places:
        _put(module, attend)
    try:
        yield bool(places)
    finally:
        for module in places:
            _put(module, scaled_dot_product_attention)


def _put(module: ModuleType, function: Callable[..., mx.array]) -> None:
    setattr(module, NAME, function)


def attend(
    queries: mx.array,
    keys: mx.array,
    values: mx.array,
    cache: Any,
    scale: float,
    mask: mx.array | str | None,
    sinks: mx.array | None = None,
) -> mx.array:
    """Attention of ``queries`` (rows, heads, length, size) over the beginning and ``keys``.

    ``mask`` is of the rows' own keys: True where a query may look.
    """
    if not isinstance(cache, BehindPrefix):
        return scaled_dot_product_attention(  # type: ignore[no-any-return]
            queries, keys, values, cache=cache, scale=scale, mask=mask, sinks=sinks
        )
    if sinks is not None or isinstance(mask, str) or (mask is not None and mask.dtype != mx.bool_):
        raise CannotShare
    cache.attended = True
    rows, heads, length, _ = queries.shape
    groups = keys.shape[1]
    each = heads // groups * length
    asked = (queries * scale).reshape(rows, groups, each, -1)
    # The beginning: one product a group of heads, over all rows at once.
    together = asked.transpose(1, 0, 2, 3).reshape(groups, rows * each, -1)
    front = (together @ cache.front_keys.swapaxes(-1, -2)).astype(mx.float32)
    own = (asked @ keys.swapaxes(-1, -2)).astype(mx.float32)
    if mask is not None:
        own = own.reshape(rows, groups, heads // groups, length, -1)
        own = mx.where(mask[:, :, None], own, -mx.inf).reshape(rows, groups, each, -1)
    front_top = front.max(axis=-1, keepdims=True)
    top = mx.maximum(_by_row(front_top, rows), own.max(axis=-1, keepdims=True))
    front = mx.exp(front - _by_group(top))
    own = mx.exp(own - top)
    total = _by_row(front.sum(axis=-1, keepdims=True), rows) + own.sum(axis=-1, keepdims=True)
    kind = values.dtype
    seen = _by_row(front.astype(kind) @ cache.front_values, rows) + own.astype(kind) @ values
    return (seen / total.astype(kind)).reshape(rows, heads, length, -1)


def _by_row(array: mx.array, rows: int) -> mx.array:
    """(groups, rows × each, n) → (rows, groups, each, n)."""
    groups, _, size = array.shape
    return array.reshape(groups, rows, -1, size).transpose(1, 0, 2, 3)


def _by_group(array: mx.array) -> mx.array:
    """(rows, groups, each, n) → (groups, rows × each, n)."""
    _, groups, _, size = array.shape
    return array.transpose(1, 0, 2, 3).reshape(groups, -1, size)
