"""A beginning that all rows read together gives what a copy for each row gives."""

from __future__ import annotations

import mlx.core as mx
import pytest
from mlx_lm.models import qwen3
from mlx_lm.models.base import create_causal_mask, scaled_dot_product_attention
from mlx_lm.models.cache import KVCache

from engine.work import prefix
from engine.work.prefix import BehindPrefix, CannotShare, attend, shared_attention

HEADS, GROUPS, SIZE, FRONT = 6, 2, 8, 21


def front_of(seed: int = 0) -> KVCache:
    """A plain cache of FRONT tokens, with room for more behind them."""
    mx.random.seed(seed)
    cache = KVCache()
    cache.update_and_fetch(
        mx.random.normal((1, GROUPS, FRONT, SIZE)), mx.random.normal((1, GROUPS, FRONT, SIZE))
    )
    return cache


@pytest.mark.parametrize("padding", [[0, 0, 0], [0, 2, 4]])
@pytest.mark.parametrize("length", [1, 5])
def test_it_is_the_attention_over_beginning_and_own(padding: list[int], length: int) -> None:
    front = front_of()
    cache = BehindPrefix(front, padding)
    rows = len(padding)
    # Own tokens that stand there already, then the ones that ask.
    before = mx.random.normal((rows, GROUPS, 5, SIZE))
    cache.update_and_fetch(before, before * 2)
    mask = cache.make_mask(length)
    new = mx.random.normal((rows, GROUPS, length, SIZE))
    keys, values = cache.update_and_fetch(new, new * 2)
    queries = mx.random.normal((rows, HEADS, length, SIZE))
    found = attend(queries, keys, values, cache, 0.3, mask)
    assert cache.attended

    copies = [mx.repeat(one[:, :, :FRONT], rows, axis=0) for one in (front.keys, front.values)]
    whole = mx.concatenate([copies[0], keys], axis=2), mx.concatenate([copies[1], values], axis=2)
    seen = mx.concatenate([mx.ones((rows, 1, length, FRONT), dtype=mx.bool_), mask], axis=-1)
    wanted = mx.fast.scaled_dot_product_attention(queries, *whole, scale=0.3, mask=seen)
    assert mx.allclose(found, wanted, atol=1e-5).item()


def test_positions_count_from_the_end_of_the_beginning() -> None:
    cache = BehindPrefix(front_of(), [0, 3])
    assert cache.offset.tolist() == [FRONT, FRONT - 3]
    other = BehindPrefix(front_of(), [1])
    for one, count in ((cache, 2), (other, 1)):
        one.update_and_fetch(*(mx.zeros((count, GROUPS, 4, SIZE)) for _ in range(2)))
    cache.extend(other)
    cache.filter(mx.array([0, 2]))
    assert cache.offset.tolist() == [FRONT + 4, FRONT + 3]
    assert cache.front_keys.shape == (GROUPS, FRONT, SIZE)


def test_other_caches_go_to_mlx_lm() -> None:
    queries = mx.random.normal((1, HEADS, 3, SIZE))
    keys = mx.random.normal((1, GROUPS, 3, SIZE))
    mask = create_causal_mask(3)
    found = attend(queries, keys, keys, KVCache(), 0.3, mask)
    wanted = scaled_dot_product_attention(
        queries, keys, keys, cache=KVCache(), scale=0.3, mask=mask
    )
    assert mx.array_equal(found, wanted).item()


def test_what_it_does_not_know_is_refused() -> None:
    cache = BehindPrefix(front_of(), [0])
    queries, keys = mx.zeros((1, HEADS, 1, SIZE)), mx.zeros((1, GROUPS, 1, SIZE))
    with pytest.raises(CannotShare):
        attend(queries, keys, keys, cache, 0.3, None, sinks=mx.zeros((HEADS,)))
    with pytest.raises(CannotShare):
        attend(queries, keys, keys, cache, 0.3, "causal")
    with pytest.raises(CannotShare):
        prefix.check_attended([cache])


class Foreign:
    """A model of a module that has no such function."""

    __module__ = "decimal"

    def modules(self) -> list[object]:
        return [self]


def test_the_name_leads_elsewhere_only_while_it_is_open() -> None:
    part = qwen3.Attention.__new__(qwen3.Attention)

    class Model:
        def modules(self) -> list[object]:
            return [part]

    with shared_attention(Model()) as known:
        assert known and qwen3.scaled_dot_product_attention is attend
    assert qwen3.scaled_dot_product_attention is scaled_dot_product_attention
    with pytest.raises(ZeroDivisionError), shared_attention(Model()):
        raise ZeroDivisionError
    assert qwen3.scaled_dot_product_attention is scaled_dot_product_attention
    with shared_attention(Foreign()) as known:
        assert not known
