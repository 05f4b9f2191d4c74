"""What rank 0 gives the others before a group trains: its rows, and where its training stands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import mlx.core as mx
import numpy as np
from mlx.utils import tree_flatten, tree_unflatten

from engine.records.events import decode_number, encode_number
from engine.work.checkpoints import Arrays, TrainState
from engine.work.group import Alone
from engine.work.rows import TokenRows

if TYPE_CHECKING:
    from engine.work.training import Trainer

MIX = 0x9E3779B97F4A7C15
"""An odd number of 64 bits: times a rank it parts the ranks' random numbers."""


def rows_of_first(ranks: Alone, sets: list[TokenRows]) -> list[TokenRows]:
    """Rank 0's sets of rows; those of another rank are not looked at."""
    if ranks.size == 1:
        return sets
    names: list[str] = json.loads(ranks.text(json.dumps([rows.name for rows in sets])))
    if ranks.rank == 0:
        for rows in sets:
            ranks.arrays(_as_arrays(rows))
        return sets
    return [_as_rows(name, ranks.arrays({})) for name in names]


def _as_arrays(rows: TokenRows) -> Arrays:
    return {
        "tokens": mx.array(np.concatenate(rows.tokens)),
        "lengths": mx.array(rows.lengths.astype(np.int32)),
        "starts": mx.array(np.array(rows.starts, dtype=np.int32)),
    }


def _as_rows(name: str, arrays: Arrays) -> TokenRows:
    tokens, lengths, starts = (np.array(arrays[key]) for key in ("tokens", "lengths", "starts"))
    return TokenRows(name, tokens=np.split(tokens, np.cumsum(lengths)[:-1]), starts=starts.tolist())


def stand_with_first(trainer: Trainer) -> None:
    """Take over rank 0's weights, optimizer state, summed gradients and place in the data."""
    ranks = trainer.ranks
    if ranks.size == 1:
        return
    told = json.loads(ranks.text(json.dumps(_standing(trainer))))
    trainer.state = TrainState.model_validate(told["state"])
    trainer.window_loss, trainer.saved_step = decode_number(told["window"]), told["saved"]
    weights = ranks.arrays(dict(tree_flatten(trainer.model.trainable_parameters())))
    trainer.model.load_weights(list(weights.items()), strict=False)
    optimizer = ranks.arrays(dict(tree_flatten(trainer.optimizer.state)))
    trainer.optimizer.state = tree_unflatten(list(optimizer.items()))
    trainer.optimizer.init(trainer.model.trainable_parameters())  # puts empty branches back
    if told["accumulated"]:
        trainer.accumulated = ranks.arrays(trainer.accumulated or {})
    if ranks.rank:
        # Dropout must not strike out the same places in every rank's share.
        high, low = told["random"]
        mx.random.seed(((high << 32 | low) ^ (ranks.rank * MIX)) & (2**64 - 1))
    mx.eval(trainer.model.parameters(), trainer.optimizer.state)


def _standing(trainer: Trainer) -> dict[str, object]:
    from engine.work.training import get_random_state

    return {
        "state": trainer.state.model_dump(mode="json"),
        "random": get_random_state(),
        "window": encode_number(trainer.window_loss),
        "saved": trainer.saved_step,
        "accumulated": trainer.accumulated is not None,
    }
