"""The limits that the benchmarks stand beside, against counts made by hand."""

from __future__ import annotations

import pytest

from benchmarks.roofline import (
    Machine,
    Shape,
    decode_bytes,
    decode_flop,
    lora_step_bytes,
    lora_step_flop,
    lora_weights,
)

SHAPE = Shape(layers=2, hidden=4, attention=6, cached=2, inner=8, vocabulary=10)


def test_a_model_is_what_a_token_is_multiplied_with() -> None:
    layer = 4 * 6 + 2 * 4 * 2 + 6 * 4 + 3 * 4 * 8
    assert SHAPE.weights == 2 * layer + 4 * 10


def test_a_shape_is_read_from_a_config_with_and_without_its_optional_fields() -> None:
    config = {
        "num_hidden_layers": 2,
        "hidden_size": 4,
        "num_attention_heads": 2,
        "intermediate_size": 8,
        "vocab_size": 10,
    }
    assert Shape.of({**config, "head_dim": 3, "num_key_value_heads": 1}) == Shape(2, 4, 6, 3, 8, 10)
    assert Shape.of(config) == Shape(2, 4, 4, 4, 8, 10)


def test_a_training_step_has_no_gradient_of_frozen_weights() -> None:
    adapters = 2 * 3 * ((4 + 6) + (4 + 2))
    assert lora_weights(SHAPE, 3) == adapters
    tokens = 5 * 7
    products = 4 * SHAPE.weights - 2 * (4 * 6 + 2 * 4 * 2) + 6 * adapters
    # Scores and mixtures, causal: half of 2·2·d·T a token and layer forward, twice that backward.
    attention = 2 * 3 * (2 * 6 * 7)
    assert lora_step_flop(SHAPE, 3, 5, 7) == tokens * (products + attention)
    assert lora_step_bytes(SHAPE) == 8 * SHAPE.weights


def test_decoding_reads_the_weights_once_however_many_rows() -> None:
    assert decode_flop(SHAPE, 3, 11) == 3 * (2 * SHAPE.weights + 2 * 2 * 2 * 6 * 11)
    one, many = decode_bytes(SHAPE, 1, 11), decode_bytes(SHAPE, 9, 11)
    assert many - one == 8 * 4 * 2 * 2 * 2 * 11
    assert decode_bytes(SHAPE, 9, 0) == 4 * SHAPE.weights


def test_the_slower_of_both_limits_counts() -> None:
    machine = Machine(flop_s=100.0, bytes_s=10.0)
    assert machine.seconds(200.0, 10.0) == pytest.approx(2.0)
    assert machine.seconds(200.0, 50.0) == pytest.approx(5.0)
