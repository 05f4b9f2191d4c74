"""Batches of rows of similar length, in an order that is a function of seed and step alone.

Padding is wasted work: a batch costs as much as its longest row in every row. So
the rows of an epoch are shuffled, cut into pools, sorted by length within a pool
and cut into batches, and the batches are shuffled again. Nothing is remembered
between steps, which is what makes a resumed run see the batches that the unbroken
one would have seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from engine.work.rows import TokenRows

POOL_BATCHES = 64
"""Batches in a pool: large enough that rows of a batch differ little in length, small enough
that an epoch of a large file is well mixed."""

Indices = NDArray[np.int64]


class BatchOrder:
    """Which rows make the batch of a step.

    Every batch has ``batch_size`` different rows (all rows where there are fewer), and each
    epoch holds every row; where the rows do not divide evenly, fewer than ``batch_size`` of
    them, chosen anew in each epoch, come twice in it.
    """

    def __init__(self, lengths: Indices, batch_size: int, seed: int) -> None:
        if len(lengths) == 0:
            raise ValueError("there are no rows to make batches of")
        self.lengths = lengths
        self.batch_size = min(batch_size, len(lengths))
        self.seed = seed
        self.steps_per_epoch = -(-len(lengths) // self.batch_size)
        self._epoch = -1
        self._batches: list[Indices] = []

    def rows(self, step: int) -> Indices:
        """The rows of step 1, 2, 3, …"""
        epoch, index = divmod(step - 1, self.steps_per_epoch)
        if epoch != self._epoch:
            self._batches = self._make(np.random.default_rng([self.seed, epoch]))
            self._epoch = epoch
        return self._batches[index]

    def _make(self, random: np.random.Generator) -> list[Indices]:
        shuffled = random.permutation(len(self.lengths))
        batches: list[Indices] = []
        for pool in self._pools(shuffled):
            by_length = pool[np.argsort(self.lengths[pool], kind="stable")]
            count = -(-len(pool) // self.batch_size)
            short = count * self.batch_size - len(pool)
            # From this batch on, batches begin `short` rows earlier: those rows come twice.
            shifted = int(random.integers(1, count)) if short else count
            for i in range(count):
                start = i * self.batch_size - (short if i >= shifted else 0)
                batches.append(by_length[start : start + self.batch_size])
        return [batches[i] for i in random.permutation(len(batches))]

    def _pools(self, shuffled: Indices) -> list[Indices]:
        """Pieces of POOL_BATCHES batches; a last one under half that size joins the one before."""
        size = POOL_BATCHES * self.batch_size
        cuts = list(range(size, len(shuffled), size))
        if cuts and len(shuffled) - cuts[-1] < size // 2:
            cuts.pop()
        return np.split(shuffled, cuts)


@dataclass(frozen=True)
class Batch:
    """``tokens`` is (rows, width); ``spans`` (rows, 2) are first and last counted target.

    Both are what ``mlx_lm.tuner.trainer.default_loss`` takes. ``real`` counts the tokens
    of the rows, prompts too, padding not. ``weight`` is what the batch counts as a rank's share of
    a larger one: its part of the tokens, times the ranks.
    """

    tokens: mx.array
    spans: mx.array
    real: int
    weight: float = 1.0


def pad_multiple() -> int:
    """To which multiple the width of a model's input is rounded up.

    Exact on a CPU (measured on rows of 20 to 40 tokens: a multiple of 8 costs 15 % of the
    speed, one of 32 costs 33 %). On a GPU a few widths should be better than many, as kernels
    work in tiles and mx.compile keeps one graph a shape; that is not measured.
    """
    return 1 if mx.default_device() == mx.Device(mx.cpu) else 16


def make_batch(rows: TokenRows, chosen: Indices, multiple: int) -> Batch:
    """The batch of the chosen rows, padded with zeros at the right."""
    picked = [rows.tokens[i] for i in chosen]
    lengths = [len(row) for row in picked]
    # The model sees all but the last token, hence the one more.
    width = 1 + -(-(max(lengths) - 1) // multiple) * multiple
    array = np.zeros((len(picked), width), dtype=np.int32)
    for line, row in zip(array, picked, strict=True):
        line[: len(row)] = row
    # Target k is token k: of a row of n tokens, targets up to n - 1 are there.
    spans = [(rows.starts[i], n - 1) for i, n in zip(chosen, lengths, strict=True)]
    return Batch(mx.array(array), mx.array(np.array(spans, dtype=np.int32)), sum(lengths))


def counted(rows: TokenRows, chosen: Indices) -> int:
    """How many tokens of the chosen rows count in the loss."""
    return sum(len(rows.tokens[i]) - max(rows.starts[i], 1) for i in chosen)


def sorted_batches(rows: TokenRows, batch_size: int) -> list[Indices]:
    """All rows once, by length, for validation; the last batch may be smaller."""
    order = np.argsort(rows.lengths, kind="stable")
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
