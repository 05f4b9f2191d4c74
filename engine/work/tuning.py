"""LoRA layers and the optimizer of a training stage, through mlx-lm's tuner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
from mlx.utils import tree_flatten
from mlx_lm.models.switch_layers import QuantizedSwitchLinear, SwitchLinear
from mlx_lm.tuner.utils import linear_to_lora_layers
from mlx_lm.utils import get_total_parameters

from engine.module_names import nearest
from engine.work.runtime import Refusal
from engine.work.specs import TrainSpec

ADAPTABLE = (
    nn.Linear,
    nn.QuantizedLinear,
    SwitchLinear,
    QuantizedSwitchLinear,
    nn.Embedding,
    nn.QuantizedEmbedding,
)


@dataclass(frozen=True)
class Adapted:
    """What ``add_lora`` did; ``keys`` are the model's own names, ``config`` adapter_config.json."""

    keys: list[str]
    num_layers: int
    trainable: int
    total: int
    config: dict[str, Any]


def adaptable_keys(model: Any) -> tuple[list[str], list[str]]:
    """The model's names of what can get an adapter: within its layers, and outside of them."""
    inside: dict[str, None] = {}
    for layer in model.layers:
        for name, module in layer.named_modules():
            if name and (hasattr(module, "to_lora") or isinstance(module, ADAPTABLE)):
                inside[name] = None
    outside = [
        name
        for name, module in model.named_modules()
        if isinstance(module, ADAPTABLE) and ".layers." not in name
    ]
    return list(inside), outside


def resolve_keys(asked: list[str], inside: list[str], outside: list[str]) -> list[str]:
    """Asked names as the model's own: ``q_proj`` becomes ``self_attn.q_proj``.

    Refusal when a name matches nothing: mlx-lm would train without it and say nothing.
    """
    found: dict[str, None] = {}
    unknown = []
    for key in asked:
        same = [name for name in inside + outside if name == key]
        ends = [name for name in inside if name.endswith("." + key)]
        for name in same or ends:
            found[name] = None
        if not same and not ends:
            unknown.append(key)
    if unknown or not found:
        raise Refusal(
            f"lora.keys: this model has no {', '.join(unknown) or 'keys named'}."
            f"{nearest(unknown, [*inside, *outside])} Its layers have "
            f"{', '.join(inside)}; outside of them there are {', '.join(outside) or 'none'}."
        )
    return list(found)


def add_lora(model: Any, spec: TrainSpec) -> Adapted:
    """Freeze the model and add LoRA layers; their random start is seeded by ``spec.seed``."""
    inside, outside = adaptable_keys(model)
    keys = inside if spec.lora.keys is None else resolve_keys(spec.lora.keys, inside, outside)
    layers = len(model.layers)
    num_layers = layers if spec.num_layers <= 0 else min(spec.num_layers, layers)
    parameters = {
        "rank": spec.lora.rank,
        "scale": spec.lora.scale,
        "dropout": spec.lora.dropout,
        "keys": keys,
    }
    mx.random.seed(spec.seed)
    model.freeze()
    try:
        linear_to_lora_layers(model, num_layers, parameters)
    except ValueError as error:
        raise Refusal(f"lora.keys: {error}. It can be any of {', '.join(inside)}.") from error
    trainable = sum(value.size for _, value in tree_flatten(model.trainable_parameters()))
    if trainable == 0:
        raise Refusal(
            f"Nothing would be trained: the last {num_layers} layers have none of "
            f"{', '.join(keys)}. Use other lora.keys ({', '.join(inside)}) or num_layers -1."
        )
    config = {
        "fine_tune_type": "lora",
        "model": spec.model,
        "num_layers": num_layers,
        "lora_parameters": parameters,
    }
    return Adapted(keys, num_layers, trainable, int(get_total_parameters(model)), config)


def make_optimizer(spec: TrainSpec) -> Any:
    """The optimizer with its schedule; steps of the schedule are updates, as in mlx-lm."""
    rate = _schedule(spec)
    if spec.optimizer == "adamw":
        return optim.AdamW(learning_rate=rate, weight_decay=spec.weight_decay)
    return optim.Adam(learning_rate=rate)


def _schedule(spec: TrainSpec) -> Any:
    rate = spec.learning_rate
    updates = max(1, spec.iters // spec.grad_accumulation)
    warmup = min(spec.warmup_iters, updates)
    rest = max(1, updates - warmup)
    if spec.schedule == "cosine":
        main = optim.cosine_decay(rate, rest)
    elif spec.schedule == "linear":
        main = optim.linear_schedule(rate, 0.0, rest)
    elif warmup:
        main = optim.linear_schedule(rate, rate, 1)
    else:
        return rate
    if not warmup:
        return main
    # mlx-lm's build_schedule joins one update later, so that the full rate is reached once.
    return optim.join_schedules([optim.linear_schedule(0.0, rate, warmup), main], [warmup + 1])
