"""A plan turns the knobs of training, and never touches what it is judged by."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.loops.patches import ALLOWED, LOCKED, check_patches, narrowed
from engine.records.target import Forge


def known_setting(name: str) -> bool:
    """Whether forge.yaml has such a setting; ``factory.train`` takes the train stage's own."""
    model: Any = Forge
    for key in name.split("."):
        if name.startswith("factory.train."):
            return True
        field = model.model_fields.get(key)
        if field is None:
            return False
        model = field.annotation
    return True


@pytest.mark.parametrize("name", ALLOWED)
def test_every_allowed_setting_is_one_of_forge_yaml_and_is_not_locked(name: str) -> None:
    assert known_setting(name)
    assert not any(name == one or name.startswith(f"{one}.") for one in LOCKED)


def test_patches_as_a_model_writes_them() -> None:
    found = check_patches(
        {
            "training": {"learning_rate": "3e-5", "epochs_max": 5, "seed": None},
            "lora.r": 64.0,
            "lora": {"target_modules": "q_proj, v_proj"},
        }
    )
    assert found.taken == {
        "training.learning_rate": 3e-5,
        "training.epochs_max": 5.0,
        "lora.r": 64,
        "lora.target_modules": ["q_proj", "v_proj"],
    }
    assert found.refused == ()


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("eval.target_accuracy", 0, "judged by"),
        ("eval.scorer", "contains", "judged by"),
        ("eval.forbidden_commands", [], "judged by"),
        ("eval.safety_violations_allowed", 99, "judged by"),
        ("dataset.gold", "dataset/canonical.jsonl", "which files are gold"),
        ("dataset.canonical", "../../etc/passwd", "which files are gold"),
        ("factory.gates.primary_min", 0.1, "stay"),
        ("factory.suites.primary.file", "dataset/canonical.jsonl", "ruler"),
        ("factory.stages", [{"name": "x", "argv": ["rm", "-rf", "/"]}], "executed"),
        ("factory.data.generator", "../evil.py", "which code"),
        ("model.base", "../other", "another base"),
        ("promotion.hf_repo", "someone/else", "where an adapter goes"),
        ("flywheel.max_iterations", 10_000, "how long"),
        ("training.seed", 7, "none of the settings"),
        ("training.learning_rat", 1e-4, "training.learning_rate is one"),
        ("training.learning_rate", 3, "outside"),
        ("training.learning_rate", "fast", "no number"),
        ("training.learning_rate", True, "no number"),
        ("training.batch_size", 1.5, "whole"),
        ("training.batch_size", 10**400, "no number"),
        ("training.lr_scheduler", "polynomial", "none of"),
        ("lora.target_modules", ["q_proj", "../x"], "none of"),
        ("lora.target_modules", [], "no list"),
    ],
)
def test_what_a_plan_may_not_change_is_refused_with_its_reason(
    name: str, value: Any, why: str
) -> None:
    nested: dict[str, Any] = {}
    node = nested
    for key in name.split(".")[:-1]:
        node = node.setdefault(key, {})
    node[name.split(".")[-1]] = value
    for form in (nested, {name: value}):
        found = check_patches(form)
        assert found.taken == {}
        assert why in found.refused[0].sentence


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=20) | st.integers(),
        lambda inner: (
            st.dictionaries(
                st.sampled_from(["eval", "lora", "r", "training", "learning_rate", "x.y", ""]),
                inner,
            )
            | st.lists(inner, max_size=3)
        ),
        max_leaves=12,
    ).filter(lambda value: isinstance(value, dict))
)
def test_nothing_but_allowed_values_gets_through(patches: dict[str, Any]) -> None:
    found = check_patches(patches)
    assert set(found.taken) <= set(ALLOWED)
    assert check_patches(found.taken).taken == found.taken


def test_a_target_may_leave_less() -> None:
    space = narrowed(
        {
            "training.learning_rate": [1e-4, 1e-2],
            "lora": {"r": [8, 32]},
            "training": {"lr_scheduler": ["cosine", "linear"]},
        }
    )
    found = check_patches({"training.learning_rate": 1e-5, "lora.r": 16, "lora.alpha": 4}, space)
    assert found.taken == {"lora.r": 16}
    assert [one.name for one in found.refused] == ["training.learning_rate", "lora.alpha"]
    assert "does not let" in found.refused[1].reason


@pytest.mark.parametrize(
    "space",
    [
        {"eval.target_accuracy": [0, 1]},
        {"training.learning_rate": [1e-4]},
        {"training.learning_rate": [1e-2, 1e-4]},
        {"training.learning_rate": [1e-4, 10]},
        {"training.lr_scheduler": ["polynomial"]},
        {"lora.r": 8},
    ],
)
def test_a_target_cannot_allow_more(space: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(space)).replace(".", r"\.")):
        narrowed(space)
