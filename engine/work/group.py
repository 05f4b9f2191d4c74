"""The processes that train together, as a training sees them: one alone, or ranks of a group.

Each rank computes its share of a batch. What is a mean over a batch is weighed by tokens, so
that the group takes the very steps, up to the order of additions, of one process with the whole
batch. Rank 0 reads what is on disk and gives it to the others: they need the model and nothing
else. What ranks decide from is exchanged in whole doubles and added in the order of the ranks,
so that all of them decide alike.
"""

from __future__ import annotations

import json
import os
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx.utils import tree_flatten, tree_unflatten

from engine.compute.launcher import BACKEND_VARIABLE
from engine.compute.verdict import LOST_PEER
from engine.work.batches import Indices
from engine.work.checkpoints import Arrays

_MARK = 0x5EED << 34
"""Plus the number of the exchange, and exact as a double: what ends a row of ``gather``."""


class Alone:
    """One process: everything is its own share."""

    rank = 0
    size = 1

    def share(self, chosen: Indices) -> Indices:
        """Which of a batch's rows this rank computes."""
        return chosen

    def mean(self, arrays: Arrays) -> Arrays:
        """The mean of each array over the ranks."""
        return arrays

    def gather(self, values: list[float]) -> list[list[float]]:
        """The values of every rank, in order, exactly. Of none: all are still there, and what was
        exchanged before is theirs."""
        return [values]

    def text(self, text: str) -> str:
        """Rank 0's text."""
        return text

    def arrays(self, arrays: Arrays) -> Arrays:
        """Rank 0's arrays; those of another rank are not looked at."""
        return arrays


class Joined(Alone):
    """A rank of a group that MLX's launcher started."""

    def __init__(self, group: mx.distributed.Group) -> None:
        self._group = group
        self.rank = group.rank()
        self.size = group.size()
        self._gathered = 0

    def share(self, chosen: Indices) -> Indices:
        return chosen[self.rank :: self.size]

    def mean(self, arrays: Arrays) -> Arrays:
        tree: Any = nn.average_gradients(tree_unflatten(list(arrays.items())), self._group)
        return dict(tree_flatten(tree))

    def gather(self, values: list[float]) -> list[list[float]]:
        """RuntimeError where a rank is gone: MLX gives what lay in memory in the place of what it
        would have sent, here as in every exchange since. So each row ends with a mark."""
        self._gathered += 1
        mark = _MARK + self._gathered
        told = np.array([*values, mark], dtype=np.float64)
        # As bytes: an accelerator has no doubles.
        mine = mx.array(np.frombuffer(told.tobytes(), np.uint8))
        all_bytes = mx.distributed.all_gather(mine, group=self._group)
        found = np.frombuffer(np.array(all_bytes).tobytes(), np.float64)
        rows: list[list[float]] = found.reshape(self.size, len(told)).tolist()
        for rank, row in enumerate(rows):
            if row.pop() != mark:
                raise RuntimeError(f"{LOST_PEER}: what came of rank {rank} is not of that rank")
        return rows

    def text(self, text: str) -> str:
        data = np.frombuffer(text.encode() if self.rank == 0 else b"", np.uint8)
        length = int(self.gather([float(len(data))])[0][0])
        sent = self._from_first(mx.array(data) if self.rank == 0 else None, (length,), mx.uint8)
        return np.array(sent).tobytes().decode()

    def arrays(self, arrays: Arrays) -> Arrays:
        shapes = {name: (list(one.shape), _name(one.dtype)) for name, one in arrays.items()}
        told = json.loads(self.text(json.dumps(shapes) if self.rank == 0 else ""))
        return {
            name: self._from_first(
                arrays[name] if self.rank == 0 else None, tuple(shape), getattr(mx, dtype)
            )
            for name, (shape, dtype) in told.items()
        }

    def _from_first(
        self, array: mx.array | None, shape: tuple[int, ...], dtype: mx.Dtype
    ) -> mx.array:
        """Rank 0's array. The one way to send that every backend has is a sum with zeros."""
        if 0 in shape:
            return mx.zeros(shape, dtype=dtype)
        mine = mx.zeros(shape, dtype=dtype) if array is None else array
        found = mx.distributed.all_sum(mine, group=self._group)
        mx.eval(found)
        return found


def join() -> Alone:
    """The group that this process was started in; ``Alone`` where it was started by itself.

    RuntimeError, in MLX's words, when the other ranks cannot be reached.
    """
    backend = os.environ.get(BACKEND_VARIABLE)
    if not backend:
        return Alone()
    return Joined(mx.distributed.init(strict=True, backend=backend))


def _name(dtype: mx.Dtype) -> str:
    return str(dtype).rpartition(".")[2]
