from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from engine.work.runtime import Refusal
from engine.work.specs import TrainSpec
from engine.work.tuning import add_lora, make_optimizer, resolve_keys

INSIDE = ["self_attn.q_proj", "self_attn.k_proj", "mlp.up_proj"]
OUTSIDE = ["model.embed_tokens"]


def spec(**changes: Any) -> TrainSpec:
    return TrainSpec.model_validate(
        {"model": "m", "train": "t", "iters": 100, "learning_rate": 1e-3, **changes}
    )


@pytest.fixture
def model(model_dir: Path) -> Any:
    from mlx_lm.utils import load

    return load(str(model_dir))[0]


def test_bare_names_become_the_models_own() -> None:
    asked = ["q_proj", "mlp.up_proj", "model.embed_tokens"]
    expected = ["self_attn.q_proj", "mlp.up_proj", "model.embed_tokens"]
    assert resolve_keys(asked, INSIDE, OUTSIDE) == expected


@pytest.mark.parametrize("asked", [["query"], [], ["q_proj", "nothing"], ["proj"]])
def test_a_name_that_matches_nothing_is_refused_with_the_real_ones(asked: list[str]) -> None:
    with pytest.raises(Refusal, match=r"self_attn\.q_proj, self_attn\.k_proj, mlp\.up_proj"):
        resolve_keys(asked, INSIDE, OUTSIDE)


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        (["q_prj"], "self_attn.q_proj"),
        (["self_atn.k_proj"], "self_attn.k_proj"),
        (["up_prj"], "mlp.up_proj"),
        (["embed_token", "q_proj"], "model.embed_tokens"),
    ],
)
def test_the_nearest_name_is_said(asked: list[str], meant: str) -> None:
    with pytest.raises(Refusal, match=f"Did you mean {re.escape(meant)}"):
        resolve_keys(asked, INSIDE, OUTSIDE)


def test_an_adapter_that_would_train_nothing_is_an_error(model: Any) -> None:
    """Names that are there, in no layer that is adapted."""
    for layer in model.layers[1:]:
        layer.self_attn.q_proj = None
    with pytest.raises(Refusal, match="Nothing would be trained: the last 1 layers have none of"):
        add_lora(model, spec(lora={"rank": 4, "keys": ["q_proj"]}, num_layers=1))


def test_lora_trains_what_was_asked_for(model: Any) -> None:
    adapted = add_lora(model, spec(lora={"rank": 4, "keys": ["q_proj"]}, num_layers=1))
    assert adapted.keys == ["self_attn.q_proj"]
    assert adapted.trainable == 64 * 4 + 4 * 64
    assert adapted.config["num_layers"] == 1
    assert type(model.layers[0].self_attn.q_proj).__name__ == "Linear"
    assert type(model.layers[1].self_attn.q_proj).__name__ == "LoRALinear"


def test_no_keys_is_every_linear_layer_and_too_many_layers_are_all(model: Any) -> None:
    adapted = add_lora(model, spec(num_layers=16))
    assert adapted.num_layers == 2
    assert len(adapted.keys) == 7
    assert adapted.trainable > 0


def test_the_start_is_a_function_of_the_seed(model_dir: Path) -> None:
    from mlx_lm.utils import load

    starts = []
    for seed in (1, 1, 2):
        fresh = load(str(model_dir))[0]
        add_lora(fresh, spec(seed=seed))
        starts.append(fresh.layers[0].self_attn.q_proj.lora_a.tolist())
    assert starts[0] == starts[1] != starts[2]


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
@pytest.mark.parametrize("warmup", [0, 10])
def test_rates_rise_to_the_full_rate_and_fall_as_named(schedule: str, warmup: int) -> None:
    import mlx.core as mx

    optimizer = make_optimizer(spec(schedule=schedule, warmup_iters=warmup))
    rates = []
    for _ in range(100):
        optimizer.apply_gradients({"w": mx.array([1.0])}, {"w": mx.array([0.0])})
        rates.append(float(optimizer.learning_rate.item()))
    assert max(rates) == pytest.approx(1e-3, rel=1e-5)
    assert rates[warmup] == pytest.approx(1e-3, rel=1e-5)
    assert rates[:warmup] == pytest.approx([1e-3 * i / 10 for i in range(warmup)], abs=1e-8)
    assert rates[-1] == pytest.approx(1e-3 if schedule == "constant" else 0, abs=3e-5)


@pytest.mark.parametrize("accumulation", [1, 4])
@pytest.mark.parametrize("warmup", [0, 5])
@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_the_schedule_is_that_of_mlx_lm(schedule: str, warmup: int, accumulation: int) -> None:
    """In updates, of which there is one for each accumulated batch."""
    import mlx.core as mx
    from mlx_lm.tuner.utils import build_schedule

    updates = 100 // accumulation
    rest = updates - warmup
    name, arguments = {
        "cosine": ("cosine_decay", [1e-3, rest]),
        "linear": ("linear_schedule", [1e-3, 0.0, rest]),
        "constant": ("linear_schedule", [1e-3, 1e-3, 1]),
    }[schedule]
    theirs = build_schedule({"name": name, "arguments": arguments, "warmup": warmup})
    optimizer = make_optimizer(
        spec(schedule=schedule, warmup_iters=warmup, grad_accumulation=accumulation)
    )
    for step in range(updates):
        optimizer.apply_gradients({"w": mx.array([1.0])}, {"w": mx.array([0.0])})
        expected = float(theirs(mx.array(step)).item())
        assert float(optimizer.learning_rate.item()) == pytest.approx(expected, abs=1e-9)
