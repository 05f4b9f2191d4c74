"""One training step as a function: loss, gradient, accumulation and update, compiled where it pays.

Training and the benchmark take this very step, so that what is measured is what is run.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten, tree_unflatten
from mlx_lm.tuner.trainer import default_loss

from engine.work.batches import Batch
from engine.work.checkpoints import Arrays
from engine.work.group import Alone

Result = tuple[mx.array, mx.array | None, Arrays | None]
"""The loss, the gradient's norm where it was asked for, and the gradient where it was not used."""

Step = Callable[[Batch, Arrays | None, bool, bool], Result]
"""(batch, gradient summed before, whether to update, whether to measure the norm) to a result."""


def make_step(model: Any, optimizer: Any, groups: int, ranks: Alone | None = None) -> Step:
    """The step of a model and an optimizer; an update is the mean of ``groups`` batches.

    Among ``ranks``, a batch is this rank's share and ``Batch.weight`` says what it counts; the loss
    is the share's part of the whole batch's, and gradients meet once an update.
    """
    ranks = ranks or Alone()
    loss_and_grad = nn.value_and_grad(model, default_loss)
    mlx_state = [model.state, optimizer.state, mx.random.state]

    @partial(mx.compile, inputs=mlx_state, outputs=mlx_state)
    def step(
        tokens: mx.array,
        spans: mx.array,
        weight: mx.array | None,
        before: Arrays | None,
        update: bool,
        norm: bool,
    ) -> Result:
        (loss, _), tree = loss_and_grad(model, tokens, spans)
        grad: Arrays = dict(tree_flatten(tree))
        if weight is not None:
            loss = loss * weight
            grad = {name: (value * weight).astype(value.dtype) for name, value in grad.items()}
        if before is not None:
            grad = {name: value + before[name] for name, value in grad.items()}
        if not update:
            return loss, None, grad
        grad = ranks.mean(grad)
        if groups > 1:
            grad = {name: value / groups for name, value in grad.items()}
        size = None
        if norm:
            squares = [value.astype(mx.float32).square().sum() for value in grad.values()]
            size = mx.sqrt(mx.stack(squares).sum())
        optimizer.update(model, tree_unflatten(list(grad.items())))
        return loss, size, None

    def run(batch: Batch, before: Arrays | None, update: bool, norm: bool) -> Result:
        weight = None if ranks.size == 1 else mx.array(batch.weight)
        loss, size, accumulated = step(batch.tokens, batch.spans, weight, before, update, norm)
        mx.eval(loss, size, accumulated, mlx_state)
        return loss, size, accumulated

    return run
