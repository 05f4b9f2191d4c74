"""Random models of several kinds of layers, answered in batches and one by one: what agrees.

A child of the tests, so that they need not import MLX. Prints one JSON object.
"""

from __future__ import annotations

import importlib
import json
import random
from collections.abc import Iterable
from typing import Any

from engine.work import blas

blas.prepare()

import mlx.core as mx  # noqa: E402
from mlx_lm.models.cache import make_prompt_cache  # noqa: E402

from engine.work import batch_size, decoding, generation  # noqa: E402
from engine.work.generation import Answer, How, answers, can_batch, one_by_one  # noqa: E402

SIZES = {
    "vocab_size": 600,
    "hidden_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "rope_theta": 1e4,
}
MODELS: dict[str, dict[str, Any]] = {
    "llama": {**SIZES, "intermediate_size": 128, "head_dim": 16, "rms_norm_eps": 1e-6},
    "gemma3_text": {
        **SIZES,
        "intermediate_size": 128,
        "head_dim": 16,
        "rms_norm_eps": 1e-6,
        "sliding_window": 16,
        "sliding_window_pattern": 2,
        "query_pre_attn_scalar": 16,
        "rope_local_base_freq": 1e4,
    },
    "lfm2": {
        **SIZES,
        "norm_eps": 1e-5,
        "conv_bias": False,
        "conv_L_cache": 3,
        "block_dim": 64,
        "block_ff_dim": 128,
        "block_multiple_of": 16,
        "block_ffn_dim_multiplier": 1.0,
        "block_auto_adjust_ff_dim": False,
        "full_attn_idxs": [1, 3],
    },
}
LIMIT = 12
FEW = 24
"""As many prompts where each is a batch of its own: that takes as long as one by one."""


class Numbers:
    """A tokenizer whose text is the numbers of its tokens; some tokens are ends."""

    eos_token_ids = frozenset(range(550, 600))

    def decode(self, tokens: list[int]) -> str:
        return " ".join(map(str, tokens))


def model_of(kind: str) -> Any:
    """A random model of that kind."""
    module = importlib.import_module(f"mlx_lm.models.{kind}")
    mx.random.seed(0)
    model = module.Model(module.ModelArgs.from_dict({"model_type": kind, **MODELS[kind]}))
    mx.eval(model.parameters())
    return model


def texts(found: Iterable[Answer]) -> list[str]:
    return [one.text for one in sorted(found, key=lambda one: one.index)]


def agreeing(model: Any) -> dict[str, int]:
    """How many of 48 answers (or FEW) are those of one-by-one generation, by way of batching."""
    chance = random.Random(0)

    def tokens(count: int) -> list[int]:
        return [chance.randrange(10, 500) for _ in range(count)]

    own = [tokens(chance.randint(3, 40)) for _ in range(48)]
    shared = tokens(50)
    equal, plain = {}, {}
    for name, prompts in (("apart", own), ("shared", [shared + one for one in own])):
        alone = plain[name] = texts(one_by_one(model, Numbers(), prompts, How(LIMIT)))
        for rows in (1, 5, 48):
            count = FEW if rows == 1 else 48
            together = texts(answers(model, Numbers(), prompts[:count], How(LIMIT, rows)))
            same = zip(alone[:count], together, strict=True)
            equal[f"{name} {rows}"] = sum(a == b for a, b in same)
    # A short beginning and prompts of very different lengths: it cannot fill up the short ones.
    short = [shared[:17] + tokens(count) for count in (1, 2, 90, 80, 3)]
    tiny = [[7], [8, 9], [10]]
    alone = texts(one_by_one(model, Numbers(), short, How(LIMIT)))
    together = texts(answers(model, Numbers(), short, How(LIMIT, 5)))
    equal["uneven 5"] = sum(a == b for a, b in zip(alone, together, strict=True))
    alone = texts(one_by_one(model, Numbers(), tiny, How(LIMIT)))
    together = texts(answers(model, Numbers(), tiny, How(LIMIT, 3)))
    equal["tiny 3"] = sum(a == b for a, b in zip(alone, together, strict=True))
    decoding.PREFILL_TOKENS, decoding.PREFILL_LEAST = 24, 4
    together = texts(answers(model, Numbers(), own, How(LIMIT, 5)))
    equal["in pieces 5"] = sum(a == b for a, b in zip(plain["apart"], together, strict=True))
    decoding.PREFILL_TOKENS, decoding.PREFILL_LEAST = 8192, 64
    return equal


def sizes(model: Any) -> dict[str, Any]:
    """What is chosen for a batch where memory is plenty, short, and gone."""
    chosen = {}
    row = batch_size.row_bytes(model, 100)
    for name, free in (("plenty", 1e12), ("short", 20 * row), ("gone", 0.0)):
        batch_size.free_bytes = lambda free=free: free  # type: ignore[misc]
        chosen[name] = batch_size.chosen(model, [60] * 500, 40)
    cache = make_prompt_cache(model)
    model(mx.array([[1] * 100]), cache=cache)
    return {"chosen": chosen, "row_bytes": row, "real": sum(one.nbytes for one in cache)}


def main() -> None:
    found: dict[str, Any] = {"equal": {}}
    for kind in MODELS:
        model = model_of(kind)
        found["equal"][kind] = agreeing(model)
        if kind == "llama":
            found["sizes"] = sizes(model)
    found["unknown"] = can_batch(type("Odd", (), {"make_cache": lambda self: [object()]})())
    found["streams"] = [len(generation._streams(rows)) for rows in (1, 31, 32, 64)]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
