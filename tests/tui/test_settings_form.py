"""What is typed in New run, as values. No screen."""

from __future__ import annotations

import pytest

from engine.plans.planning import draft
from engine.records.target import Forge
from engine.work.specs import TrainSpec
from engine.workspace import Workspace
from tests.tui.test_new_run import make_target
from tui.views.setting import NOT_IN_FORGE
from tui.views.settings_form import (
    FormError,
    as_typed,
    field_of,
    hypothesis_of,
    is_changed,
    matching,
    overrides_of,
    own_values,
    seed_of,
    seeds_of,
    typed_from,
    value_text,
    wrong_with,
)
from tui.views.settings_table import BY_KEY, GROUPS, SETTINGS


def test_only_what_differs_from_the_target_becomes_an_override() -> None:
    own = {"training.batch_size": "16", "lora.r": "32", "lora.target_modules": "q_proj, v_proj"}
    typed = {
        "training.batch_size": "16",
        "lora.r": " 8 ",
        "seed": "3",
        "training.learning_rate": "",
        "lora.target_modules": "q_proj",
        "more": "flywheel.max_iterations=2 'a.b=two words'",
    }
    assert overrides_of(typed, own) == [
        "lora.r=8",
        "lora.target_modules=[q_proj]",
        "flywheel.max_iterations=2",
        "a.b=two words",
    ]
    assert seed_of(typed) == 3 and seed_of({}) is None
    assert seeds_of({"seeds": "3"}) == 3 and seeds_of({}) == 1
    assert hypothesis_of({"hypothesis": "  "}) is None


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ({"more": "'"}, "more"),
        ({"more": "lora.r=3"}, "field of its own: LoRA rank"),
        ({"more": "nonsense"}, "not key=value"),
        ({"lora.r": "eight"}, "lora.r: “eight” must be a whole number"),
        ({"seeds": "21"}, "seeds"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_with_its_field(typed: dict[str, str], named: str) -> None:
    with pytest.raises(FormError, match=named.replace("+", r"\+")):
        overrides_of(typed, {})
        seeds_of(typed)


@pytest.mark.parametrize(
    ("key", "text", "wrong"),
    [
        ("training.batch_size", "0", "1 or more"),
        ("training.batch_size", "2.5", "a whole number"),
        ("training.batch_size", "16", None),
        ("training.learning_rate", "0", "above 0"),
        ("training.learning_rate", "1e-4", None),
        ("training.learning_rate", "nan", "a number, such as 0.5 or 2e-4"),
        ("training.learning_rate", "1e999", "above 0"),
        ("factory.data.replay_share", "1", "0 to below 1"),
        ("factory.data.replay_share", "0", None),
        ("training.lr_scheduler", "cosin", "one of cosine, linear, constant"),
        ("factory.train.num_layers", "-1", None),
        ("factory.train.num_layers", "-2", "-1 is all, or how many"),
        ("seed", "-1", "0 to 4294967295"),
        ("lora.alpha", "", None),
    ],
)
def test_a_value_is_judged_as_it_is_typed(key: str, text: str, wrong: str | None) -> None:
    assert wrong_with(BY_KEY[key], text) == wrong


def test_numbers_that_are_written_otherwise_are_no_change() -> None:
    rate = BY_KEY["training.learning_rate"]
    assert not is_changed(rate, "2e-3", "0.002") and is_changed(rate, "2e-4", "0.002")
    keys = BY_KEY["lora.target_modules"]
    assert not is_changed(keys, "[q_proj,v_proj]", "q_proj, v_proj")


def test_values_are_shown_as_they_would_be_typed() -> None:
    forge = Forge.model_validate({"factory": {"train": {"iters": 300}}})
    assert value_text(forge, "factory.train.iters") == "300"
    assert value_text(forge, "training.learning_rate") == "5e-5"
    assert value_text(forge, "factory.gates.primary_min") == ""
    assert value_text(Forge(), "factory.train.iters") == ""
    assert [as_typed(v) for v in (True, 1e-3, 2.0, None)] == ["true", "0.001", "2", ""]


def test_a_problem_finds_its_field() -> None:
    assert field_of("x/forge.yaml, line 3: training.batch_size: must be above 0.") == (
        "training.batch_size"
    )
    assert field_of("seed: “x” must be a whole number.") == "seed"
    stage = "x/forge.yaml: stage train (factory.train): early_stop.patience: Field required."
    assert field_of(stage) == "factory.train.early_stop.patience"
    assert field_of("the weather is bad") is None


def test_the_filter_finds_by_name_key_group_and_nearly() -> None:
    assert matching(SETTINGS, "learning rate") == {
        "training.learning_rate",
        "training.warmup_ratio",
        "training.lr_scheduler",
    }
    assert "factory.train.grad_checkpoint" in matching(SETTINGS, "memory")
    assert matching(SETTINGS, "lora dropout") == {"lora.dropout"}
    assert matching(SETTINGS, "") == set(BY_KEY)
    assert "training.batch_size" in matching(SETTINGS, "bach size")
    assert matching(SETTINGS, "zzzzqqq") == set()


def test_the_fields_of_a_run_come_back_from_its_command() -> None:
    command = (
        "factory-tui run echo --seed 7 --set training.batch_size=8 --set 'a.b=two words' "
        "--set 'lora.target_modules=[q_proj, v_proj]' --parent x --hypothesis 'less is more'"
    )
    assert typed_from(command) == {
        "seed": "7",
        "training.batch_size": "8",
        "lora.target_modules": "q_proj, v_proj",
        "more": "'a.b=two words'",
    }
    for other in (None, "", "python train.py --seed 3", "factory-tui run 'x"):
        assert typed_from(other) == {}


def test_every_setting_is_one_of_forge_yaml_and_can_be_planned_with(tmp_path) -> None:  # type: ignore[no-untyped-def]
    make_target(tmp_path)
    workspace = Workspace(tmp_path)
    plain = draft(workspace, tmp_path / "targets" / "echo")
    train = next(one.spec for one in plain.plan.stages if one.kind == "train")
    own = own_values(plain.target.forge, train)
    assert own["factory.train.grad_checkpoint"] == "false" and own["factory.eval.exact"] == "false"
    values = {"lora.target_modules": "[q_proj]", "model.base": "other"}
    for setting in SETTINGS:
        assert (setting.group in GROUPS and setting.help.endswith(".")) or setting.key == "more"
        if setting.key in NOT_IN_FORGE:
            continue
        if not own[setting.key] and setting.kind == "text":
            continue
        text = values.get(setting.key) or own[setting.key] or "1"
        overrides = [f"{setting.key}={text}"]
        if setting.key.endswith("min_delta"):
            overrides.append("factory.train.early_stop.patience=1")
        drafted = draft(workspace, tmp_path / "targets" / "echo", overrides)
        prefix, _, rest = setting.key.partition("factory.train.")
        if not prefix:
            assert rest.split(".")[0] in TrainSpec.model_fields
        assert drafted.command[-1] == overrides[-1]
