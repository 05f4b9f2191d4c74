"""From forge.yaml to what MLX does: truly, or it is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.costs import forecast
from engine.costs.bench_store import this_machine
from engine.costs.forecast import look_ahead
from engine.plans.planning import Draft, draft
from engine.records.base import utc_now
from engine.records.bench import Benchmark, BenchPoint
from engine.target import TargetError
from engine.workspace import Workspace
from tests.engine.targets import FORGE, make_target
from tests.engine.work.conftest import model_dir

__all__ = ["model_dir"]

BARE = FORGE.replace("  base: {hidden_size: 16}\n", "")


def drafted(root: Path, forge: str = FORGE, *sets: str) -> Draft:
    path = root / "targets/tiny"
    if path.exists():
        (path / "forge.yaml").write_text(forge)
    else:
        make_target(root, forge)
    return draft(Workspace(root), path, sets)


def spec(root: Path, *sets: str) -> dict[str, Any]:
    return drafted(root, FORGE, *sets).plan.stage("train").spec


def with_model(model: Path) -> str:
    """A target of an ordinary model directory, with load_in_4bit as it is by default."""
    return BARE.replace("base: base", f"base: {model}")


# --- numbers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sets", "scale"),
    [((), 2.0), (("lora.alpha=8",), 1.0), (("lora.r=64", "lora.alpha=16"), 0.25)],
)
def test_alpha_and_r_are_a_scale(tmp_path: Path, sets: tuple[str, ...], scale: float) -> None:
    assert spec(tmp_path, *sets)["lora"]["scale"] == scale


@pytest.mark.parametrize(
    ("sets", "iters", "warmup"),
    [
        ((), 20, 2),  # 40 rows, 2 epochs, batches of 4; a tenth of 20 updates
        (("training.epochs_max=0.5", "training.epochs_min=0.5"), 5, 0),
        (("training.batch_size=16",), 5, 0),
        (("training.batch_size=3",), 27, 3),  # the last, smaller batch is one as well
        (("training.gradient_accumulation_steps=4", "training.warmup_ratio=0.4"), 20, 2),
        (("factory.train.iters=7", "training.warmup_ratio=1"), 7, 7),
    ],
)
def test_epochs_are_batches_and_warmup_counts_updates(
    tmp_path: Path, sets: tuple[str, ...], iters: int, warmup: int
) -> None:
    found = spec(tmp_path, *sets)
    assert (found["iters"], found["warmup_iters"]) == (iters, warmup)


def test_only_the_answer_has_a_loss(tmp_path: Path) -> None:
    assert spec(tmp_path)["mask_prompt"] is True


@pytest.mark.parametrize("written", ["5e-5", "'5e-5'", '"5e-5"', "0.00005", "5.0e-05"])
def test_a_learning_rate_is_a_number(tmp_path: Path, written: str) -> None:
    forge = FORGE.replace("learning_rate: 1e-3", f"learning_rate: {written}")
    assert drafted(tmp_path, forge).plan.stage("train").spec["learning_rate"] == 5e-5


def test_a_typo_has_a_place_and_the_nearest_name(tmp_path: Path) -> None:
    forge = FORGE.replace("eval: {", "lora_: {}\neval: {").replace(
        "goal: Route.", "goal: Route.\n  dta: {}"
    )
    with pytest.raises(TargetError) as caught:
        drafted(tmp_path, forge)
    assert "forge.yaml, line 7: no setting lora_; did you mean lora?" in str(caught.value)
    assert "no setting factory.dta; did you mean factory.data?" in str(caught.value)


# --- epochs_min --------------------------------------------------------------------------


def test_between_epochs_min_and_max_it_may_end_early(tmp_path: Path) -> None:
    found = spec(tmp_path, "training.epochs_min=1", "training.epochs_max=4")
    assert found["iters"] == 40
    assert found["early_stop"] == {"patience": 3, "min_delta": 0.0, "earliest": 10}
    assert found["eval_every"] * 3 < 30, "there are enough validations to find out"


@pytest.mark.parametrize(
    "sets",
    [
        ("training.epochs_min=2", "training.epochs_max=2"),
        ("training.epochs_min=5", "training.epochs_max=2"),
        ("training.epochs_min=1", "factory.train.iters=9"),  # epochs play no part
        ("training.epochs_min=1", "factory.train.early_stop=null"),
    ],
)
def test_else_it_does_not(tmp_path: Path, sets: tuple[str, ...]) -> None:
    assert spec(tmp_path, *sets)["early_stop"] is None


def test_ones_own_early_stop_stays(tmp_path: Path) -> None:
    own = "factory.train.early_stop={patience: 9}"
    assert spec(tmp_path, own)["early_stop"] == {"patience": 9}
    found = spec(tmp_path, "training.epochs_min=1", own)["early_stop"]
    assert found == {"patience": 9, "min_delta": 0.0, "earliest": 10}


def test_epochs_that_contradict_each_other_are_said(tmp_path: Path) -> None:
    forge = FORGE.replace("epochs_max: 2", "epochs_min: 5, epochs_max: 2")
    found = drafted(tmp_path, forge)
    assert found.notes == ("training.epochs_min (5) is above epochs_max (2): it trains 2 epochs.",)
    assert drafted(tmp_path).notes == ()  # a default that nobody wrote is no contradiction


# --- where -------------------------------------------------------------------------------


def test_a_cuda_device_is_said_once_and_is_no_error(tmp_path: Path) -> None:
    compute = "compute: {device: 'cuda:0', remote: me@pasture}\n"
    found = drafted(tmp_path, compute + FORGE)
    device, remote = found.notes
    assert device.startswith("compute.device: cuda:0 is for other programs; MLX computes on ")
    assert remote.startswith("compute.remote: me@pasture is not used")
    assert drafted(tmp_path, "compute: {device: metal}\n" + FORGE).notes == ()
    assert drafted(tmp_path).notes == (), "a default that nobody wrote is not explained"


# --- modules -----------------------------------------------------------------------------


def test_modules_that_the_model_does_not_have(tmp_path: Path, model_dir: Path) -> None:
    forge = with_model(model_dir)
    drafted(tmp_path, forge, "lora.target_modules=[q_proj, mlp.up_proj, model.embed_tokens]")
    with pytest.raises(TargetError) as caught:
        drafted(tmp_path, forge, "lora.target_modules=[q_prj, up_proj, c_attn]")
    text = str(caught.value)
    assert "lora.target_modules: " in text and "has no q_prj, c_attn." in text
    assert "Did you mean q_proj" in text and "It has down_proj, embed_tokens, gate_proj" in text


# --- 4 bits ------------------------------------------------------------------------------


def test_an_ordinary_base_is_converted_once_for_all_stages(tmp_path: Path, model_dir: Path) -> None:
    found = drafted(tmp_path, with_model(model_dir))
    first = found.plan.stages[0]
    assert (first.name, first.kind) == ("convert", "convert")
    assert (first.spec["model"], first.spec["bits"]) == (str(model_dir), 4)
    out = first.spec["out"]
    assert out.startswith("{workspace}/.factory/cache/bases/")
    for name in ("eval-baseline", "train", "eval-candidate"):
        assert found.plan.stage(name).spec["model"] == out
    assert found.config.base_model.precision == "4-bit"
    (note,) = found.notes
    assert "is converted to 4 bits, once for this workspace" in note
    again = drafted(tmp_path, with_model(model_dir)).plan.stages[0].spec["out"]
    assert again == out, "the same weights are found again"


def test_before_it_is_converted_it_is_measured_as_it_is(
    tmp_path: Path, model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New run can say something before the first run; that it is of other weights is said."""
    found = drafted(tmp_path, with_model(model_dir))
    place = Workspace(tmp_path)
    outlook = look_ahead(place, found)
    assert outlook.model is not None and outlook.model.path == model_dir
    point = BenchPoint(
        batch_size=4, seq_len=64, layers=2, iterations=3, seconds_per_iteration=0.1,
        mlx_peak_bytes=10**8, measured=utc_now(),
    )  # fmt: skip
    record = Benchmark(
        model_id="m", model_sha256="0" * 64, layers=2, machine=this_machine(), date=utc_now(),
        lora_rank=8, overhead_bytes=0, load_seconds=1.0, points=[point],
    )  # fmt: skip
    monkeypatch.setattr(forecast, "load_benchmark", lambda *_: record)
    measured = look_ahead(place, found).benchmark
    assert measured is not None and "measured as they are now" in measured.cost.beyond[-1]
    out = tmp_path / found.plan.stages[0].spec["out"].removeprefix("{workspace}/")
    shutil.copytree(model_dir, out)
    there = look_ahead(place, found)
    assert there.model is not None and there.model.path == out
    assert there.benchmark is not None and "as they are" not in str(there.benchmark.cost.beyond)


def test_others_are_taken_as_they_are(tmp_path: Path, model_dir: Path) -> None:
    plain = drafted(tmp_path, with_model(model_dir), "model.load_in_4bit=false")
    assert plain.plan.stages[0].name == "data" and plain.notes == ()
    made_here = drafted(tmp_path, FORGE, "model.load_in_4bit=true")
    assert [one.name for one in made_here.plan.stages[:2]] == ["pretrain", "data"]
    packed = tmp_path / "packed"
    packed.mkdir()
    for file in model_dir.iterdir():
        (packed / file.name).write_bytes(file.read_bytes())
    config = packed / "config.json"
    values = json.loads(config.read_text()) | {"quantization": {"bits": 8, "group_size": 64}}
    config.write_text(json.dumps(values))
    eight = drafted(tmp_path, with_model(packed))
    assert eight.plan.stages[0].name == "data"
    assert eight.config.base_model.precision == "8-bit"


def test_another_file_is_another_conversion(tmp_path: Path, model_dir: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in model_dir.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())

    def out(model: Path) -> str:
        return str(drafted(tmp_path, with_model(model)).plan.stages[0].spec["out"])

    outs = {out(model_dir), out(copy)}
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\0")
    outs.add(out(copy))
    assert len(outs) == 3


@pytest.mark.parametrize(
    ("name", "converts"),
    [
        ("mlx-community/Qwen3-0.6B-4bit", False),
        ("mlx-community/Qwen3-0.6B-8bit", False),
        ("org/model-mxfp4", False),
        ("Qwen/Qwen3-0.6B", True),
        ("unsloth/functiongemma-270m-it", True),
    ],
)
def test_of_a_model_that_is_not_here_its_name_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, converts: bool
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("engine.models._size_at_hub", lambda base: 1000)
    stages = drafted(tmp_path, BARE.replace("base: base", f"base: {name}")).plan.stages
    assert (stages[0].name == "convert") is converts


def test_commands_of_ones_own_convert_nothing(tmp_path: Path, model_dir: Path) -> None:
    own = "goal: R.\n  stages: [data, {name: train, argv: [mlx_lm.lora]}]"
    found = drafted(tmp_path, with_model(model_dir).replace("goal: Route.", own))
    assert [one.name for one in found.plan.stages] == ["data", "train"]
