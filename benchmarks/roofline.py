"""How fast a machine could train and decode at best: pure arithmetic, no I/O.

A step takes at least the longer of its operations over the machine's operations a second and its
bytes over the machine's bytes a second (Williams, Waterman and Patterson 2009, "Roofline").
Operations are counted as in Kaplan et al. 2020 (arXiv 2001.08361, table 1): 2 a weight and token
forward, and attention that looks back only. One multiplication and one addition are two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FLOAT32 = 4
"""Bytes a number."""


@dataclass(frozen=True)
class Machine:
    """What a machine was measured to do."""

    flop_s: float
    """Operations a second of its best matrix product."""
    bytes_s: float
    """Bytes a second to and from memory of its best large kernel."""

    def seconds(self, flop: float, moved: float) -> float:
        """The least time of ``flop`` operations and ``moved`` bytes."""
        return max(flop / self.flop_s, moved / self.bytes_s)


@dataclass(frozen=True)
class Shape:
    """The matrices of a dense transformer, in weights; embeddings are looked up and cost nothing.

    ``attention`` is the width of all query heads together, ``cached`` that of all key heads.
    """

    layers: int
    hidden: int
    attention: int
    cached: int
    inner: int
    vocabulary: int

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Shape:
        """From a ``config.json`` with a gated feed-forward, as Llama and Qwen have it."""
        heads = int(config["num_attention_heads"])
        width = int(config.get("head_dim") or config["hidden_size"] // heads)
        return cls(
            layers=int(config["num_hidden_layers"]),
            hidden=int(config["hidden_size"]),
            attention=heads * width,
            cached=int(config.get("num_key_value_heads") or heads) * width,
            inner=int(config["intermediate_size"]),
            vocabulary=int(config["vocab_size"]),
        )

    @property
    def projections(self) -> int:
        """Query, key and value of one layer."""
        return self.hidden * (self.attention + 2 * self.cached)

    @property
    def weights(self) -> int:
        """All that a token is multiplied with, the head included."""
        layer = self.projections + self.attention * self.hidden + 3 * self.hidden * self.inner
        return self.layers * layer + self.hidden * self.vocabulary


def lora_weights(shape: Shape, rank: int) -> int:
    """Adapter weights of query and value in every layer."""
    return shape.layers * rank * (2 * shape.hidden + shape.attention + shape.cached)


def lora_step_flop(shape: Shape, rank: int, rows: int, tokens: int) -> float:
    """Operations of one training step on ``rows`` rows of ``tokens`` tokens.

    Forward 2·N a token. Backward 2·N through the activations: frozen weights N get no gradient, and
    below the first adapters (the projections of the first layer) nothing is asked for. Adapters
    are trained, so theirs is 6 a weight. Attention looks back: 2·L·d·T a token forward, twice that
    backward.
    """
    batch = rows * tokens
    frozen = 2 * shape.weights + 2 * (shape.weights - shape.projections)
    attention = 6 * shape.layers * shape.attention * tokens
    return float(batch * (frozen + 6 * lora_weights(shape, rank) + attention))


def lora_step_bytes(shape: Shape) -> float:
    """The least that a step moves: the frozen weights once forward and once backward."""
    return 2.0 * FLOAT32 * shape.weights


def decode_flop(shape: Shape, rows: int, context: float) -> float:
    """Operations of one new token in each of ``rows`` rows with ``context`` tokens before it."""
    return rows * (2 * shape.weights + 4 * shape.layers * shape.attention * context)


def decode_bytes(shape: Shape, rows: int, context: float) -> float:
    """What one such step reads: every weight once, and each row's keys and values."""
    return FLOAT32 * (shape.weights + rows * 2 * shape.layers * shape.cached * context)
