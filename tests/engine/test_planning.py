"""From a target to a run folder: mapped settings, a frozen plan, honest refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.folder import sha256_file
from engine.plans.planning import create, draft
from engine.records.plan import Plan
from engine.records.run import Dataset, RunConfig
from engine.target import TargetError
from engine.workspace import Workspace
from tests.engine.targets import FORGE, chat, make_target


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    make_target(tmp_path)
    return Workspace(tmp_path)


def target(place: Workspace) -> Path:
    return place.target_path("tiny")


def test_a_draft_writes_nothing(place: Workspace) -> None:
    before = sorted(place.path.rglob("*"))
    draft(place, target(place))
    assert sorted(place.path.rglob("*")) == before


def test_settings_are_mapped_to_what_mlx_knows(place: Workspace) -> None:
    train = draft(place, target(place), ["training.gradient_accumulation_steps=2"]).plan.stage(
        "train"
    )
    spec = train.spec
    assert spec["lora"]["scale"] == 2.0  # alpha 16 / r 8
    assert spec["iters"] == 20  # 40 rows, 2 epochs, batches of 4
    assert spec["warmup_iters"] == 1  # a tenth of 20 iterations, 2 of which make an update
    assert spec["optimizer"] == "adam"  # no weight decay
    assert spec["valid"] == {"target": "data/valid.jsonl", "breadth": "data/valid-breadth.jsonl"}


def test_a_created_run_is_frozen(place: Workspace) -> None:
    folder = create(place, draft(place, target(place), seed=7))
    config = folder.read("config.json", RunConfig)
    plan = folder.read("plan.json", Plan)
    assert config.run_id == plan.run_id == folder.path.name
    assert config.seed == 7
    gold = sha256_file(target(place) / "dataset/gold.jsonl")
    assert config.eval.suites["tiny-gold"] == gold
    first = json.loads(folder.file("events.jsonl").read_text().splitlines()[0])
    assert first["kind"] == "run-created"
    assert first["plan_sha256"] == sha256_file(folder.file("plan.json"))
    assert first["suites"]["tiny-gold"] == gold
    bounds = {name: bound for name, bound in first["threshold"].items() if bound is not None}
    assert bounds == {
        "primary_min": 0.8,
        "breadth_drop_max_pp": 5.0,
        "beat_baseline": True,
        "confidence": 0.95,
    }
    assert first["sealed"] is None
    status = folder.status()
    assert status is not None and list(status.stages) == [stage.name for stage in plan.stages]
    assert folder.read("dataset.json", Dataset).sources[0].kind == "generator"


def test_the_base_is_named_by_the_hash_of_its_recipe_and_seed(place: Workspace) -> None:
    def where(**options: int) -> str:
        return str(draft(place, target(place), **options).plan.stage("pretrain").spec["out"])

    first = where(seed=1)
    assert first == where(seed=1) != where(seed=2)
    (target(place) / "generator.py").write_text("def generate(n, focus, seed):\n    return [1]\n")
    assert where(seed=1) != first


def test_two_runs_of_a_day_get_two_names(place: Workspace) -> None:
    names = [create(place, draft(place, target(place))).run_id for _ in range(3)]
    assert names[1:] == [f"{names[0]}-2", f"{names[0]}-3"]


def test_the_command_that_makes_the_same_run_is_recorded(place: Workspace) -> None:
    drafted = draft(place, target(place), ["training.batch_size=2"], seed=3)
    assert drafted.config.candidate.training_command == (
        "factory-tui run tiny --seed 3 --set training.batch_size=2"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("file: dataset/gold.jsonl", "file: dataset/none.jsonl"), "no such file"),
        (("file: dataset/gold.jsonl", "file: ../../x.jsonl"), "outside the target"),
        (("data: {generator: generator.py", "data: {generator: none.py"), "none.py is missing"),
        (("goal: Route.", "goal: Route.\n  train: {itres: 3}"), "factory.train has no setting"),
        (("goal: Route.", "goal: Route.\n  stages: [train, fly]"), "no stage fly"),
        (("goal: Route.", "goal: Route.\n  stages: [{name: x}]"), "mapping with name and argv"),
        (("goal: Route.", "goal: Route.\n  stages: [{name: x, argv: []}]"), "at least 1 item"),
        (("goal: Route.", "goal: Route.\n  stages: [{name: ../x, argv: [a]}]"), "no name of a"),
        (("goal: Route.", "goal: Route.\n  stages: [train, train]"), "2 stages are called train"),
        (("goal: Route.", "goal: Route.\n  train: {iters: many}"), "no number of iterations"),
        (("goal: Route.", "goal: Route.\n  train: {lora: 3}"), "stage train .*: lora"),
        (("goal: Route.", "goal: Route.\n  train: {learning_rate: .nan}"), "finite number"),
        (("goal: Route.", "goal: Route.\n  eval: {batch_size: 0}"), "eval-baseline .*: batch_size"),
        (("hidden_size: 16", "hidden_size: 1"), "recipe.hidden_size"),
        (("scorer: json_cmd", "scorer: magic"), "no scorer 'magic'; there are exact"),
        (("scorer: exact", "scorer: json_cmd"), "breadth.jsonl:1: the expected answer must be"),
        (("name: breadth", "name: tiny-gold"), "2 suites are called tiny-gold"),
    ],
)
def test_what_cannot_run_is_refused_before_it_starts(
    tmp_path: Path, change: tuple[str, str], words: str
) -> None:
    make_target(tmp_path, FORGE.replace(*change))
    place = Workspace(tmp_path)
    with pytest.raises(TargetError, match=words):
        draft(place, place.target_path("tiny"))
    assert not place.runs_dir.exists()


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_no_generator_takes_is_refused(place: Workspace, seed: int) -> None:
    with pytest.raises(TargetError, match="is not between 0 and 4294967295"):
        draft(place, target(place), seed=seed)


def test_forbidden_commands_reach_both_evaluations(place: Workspace) -> None:
    plan = draft(place, target(place), ["eval.forbidden_commands=[self_destruct]"]).plan
    for name in ("eval-baseline", "eval-candidate"):
        assert plan.stage(name).spec["forbidden_commands"] == ["self_destruct"]
    assert "forbidden_commands" not in draft(place, target(place)).plan.stage("eval-baseline").spec


def test_every_bound_of_the_target_is_frozen(place: Workspace) -> None:
    wanted = {
        "beat_baseline": False,
        "confidence": 0.99,
        "latency_median_max_ms": 40.0,
        "latency_p95_max_ms": 90.0,
        "peak_memory_max_mb": 2048.0,
        "tokens_per_second_min": 100.0,
        "parse_rate_min": 0.95,
    }
    sets = [f"factory.gates.{name}={json.dumps(bound)}" for name, bound in wanted.items()]
    threshold = draft(place, target(place), sets).config.eval.threshold
    assert threshold.model_dump(include=set(wanted)) == wanted
    assert threshold.safety_violations_max is None


def test_safety_has_a_bound_where_an_answer_is_forbidden(place: Workspace) -> None:
    sets = ["eval.forbidden_commands=[boom]", "eval.safety_violations_allowed=2"]
    assert draft(place, target(place), sets).config.eval.threshold.safety_violations_max == 2
    only_allowed = draft(place, target(place), sets[1:]).config.eval.threshold
    assert only_allowed.safety_violations_max is None
    gold = target(place) / "dataset" / "gold.jsonl"
    header = {"suite": {"name": "tiny-gold", "scorer": "json_cmd", "options": {"forbidden": ["x"]}}}
    gold.write_text(json.dumps(header) + "\n" + gold.read_text())
    assert draft(place, target(place)).config.eval.threshold.safety_violations_max == 0


def test_further_seeds_have_stages_of_their_own(place: Workspace) -> None:
    drafted = draft(
        place, target(place), ["factory.seeds=3", "factory.limits.train.timeout_s=9"], 7
    )
    assert drafted.config.eval.seeds == [8, 9]
    plan = drafted.plan
    assert [stage.name for stage in plan.stages] == [
        "pretrain",
        "data",
        "eval-baseline",
        "train",
        "train-seed-8",
        "train-seed-9",
        "eval-candidate",
        "eval-seed-8",
        "eval-seed-9",
        "report",
    ]
    first, train = plan.stage("train"), plan.stage("train-seed-9")
    differ = {key for key in train.spec if train.spec[key] != first.spec[key]}
    assert differ == {"seed", "adapter_dir"} and train.spec["seed"] == 9
    assert train.spec["adapter_dir"] == "adapters-seed-9" and train.timeout_s == 9
    assert train.outputs[0] == "adapters-seed-9/adapters.safetensors"
    asked = plan.stage("eval-seed-9")
    (suite,) = asked.spec["suites"]
    assert (suite["name"], suite["record"], suite["rows"]) == (
        "tiny-gold",
        "eval-seed-9.json",
        "rows-seed-9.jsonl",
    )
    assert (asked.spec["adapter"], asked.spec["seed"]) == ("adapters-seed-9", 9)
    assert plan.stage("eval-candidate").spec["seed"] == 7
    leaves = [stage.leaves for stage in plan.stages if stage.leaves]
    assert leaves == ["data-ready", "trained", "evaluated"]
    assert plan.stage("train-seed-9").leaves == "trained"


def test_further_seeds_need_a_training_of_ours(tmp_path: Path) -> None:
    own = "goal: R.\n  seeds: 2\n  stages: [{name: train, argv: [a]}, eval-candidate]"
    make_target(tmp_path, FORGE.replace("goal: Route.", own))
    place = Workspace(tmp_path)
    with pytest.raises(TargetError, match=r"factory\.seeds: further seeds repeat the stage train"):
        draft(place, place.target_path("tiny"))
    with pytest.raises(TargetError, match="go over the largest one"):
        draft(place, place.target_path("tiny"), ["factory.seeds=2"], seed=2**32 - 1)


def test_a_sealed_suite_is_frozen_and_asked_to_nobody(tmp_path: Path) -> None:
    sealed = "suites:\n    sealed: {name: tiny-sealed, file: dataset/sealed.jsonl}"
    path = make_target(tmp_path, FORGE.replace("suites:", sealed))
    place = Workspace(tmp_path)
    with pytest.raises(TargetError, match="tiny-sealed cannot be used"):
        draft(place, path)
    file = path / "dataset" / "sealed.jsonl"
    file.write_text(chat("never seen", json.dumps({"cmd": "go"})) + "\n")
    drafted = draft(place, path)
    assert drafted.config.eval.sealed is not None
    assert drafted.config.eval.sealed.sha256 == sha256_file(file)
    assert "tiny-sealed" not in drafted.config.eval.suites
    assert "dataset/sealed.jsonl" in drafted.plan.stage("data").spec["gold"]
    for stage in ("eval-baseline", "eval-candidate"):
        assert "sealed" not in json.dumps(drafted.plan.stage(stage).spec)
    folder = create(place, drafted)
    first = json.loads(folder.file("events.jsonl").read_text().splitlines()[0])
    assert first["sealed"] == sha256_file(file)


COMMAND_PLAN = "goal: Route.\n  stages: [eval-baseline, {name: train, argv: %s}, eval-candidate]"


@pytest.mark.parametrize(
    ("argv", "added"),
    [
        ("[mlx_lm.lora, -c, my.yaml]", True),
        ("[/opt/bin/mlx_lm.lora, -c, my.yaml]", True),
        ("['{python}', -m, mlx_lm, lora, -c, my.yaml]", True),
        ("['{python}', -m, mlx_lm.lora, -c, my.yaml]", True),
        ("[mlx_lm.lora, -c, my.yaml, --adapter-path=x]", False),
        ("[./train.sh, mlx_lm.lora]", False),
    ],
)
def test_a_training_command_of_one_s_own_leaves_its_adapter_in_the_run(
    tmp_path: Path, argv: str, added: bool
) -> None:
    make_target(tmp_path, FORGE.replace("goal: Route.", COMMAND_PLAN % argv))
    place = Workspace(tmp_path)
    stage = draft(place, place.target_path("tiny")).plan.stage("train")
    assert (stage.argv[-2:] == ["--adapter-path", "{run}/adapters"]) is added
    assert stage.outputs == ["adapters/adapters.safetensors", "adapters/adapter_config.json"]


def test_a_command_that_nothing_evaluates_may_write_where_it_likes(tmp_path: Path) -> None:
    forge = FORGE.replace(
        "goal: Route.", "goal: R.\n  stages: [{name: train, argv: [mlx_lm.lora]}]"
    )
    make_target(tmp_path, forge)
    place = Workspace(tmp_path)
    stage = draft(place, place.target_path("tiny")).plan.stage("train")
    assert (stage.argv, stage.outputs) == (["mlx_lm.lora"], [])


def test_half_a_run_is_taken_away_again(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    drafted = draft(place, target(place))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.plans.planning.EventLog", full)
    with pytest.raises(OSError, match="No space left"):
        create(place, drafted)
    assert list(place.runs_dir.iterdir()) == []


def test_a_model_that_is_nowhere_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    forge = FORGE.replace("base: base", "base: some-org/some-model").replace(
        "  base: {hidden_size: 16}\n", ""
    )
    make_target(tmp_path, forge)
    place = Workspace(tmp_path)
    with pytest.raises(TargetError, match=r"not on this disk and cannot be fetched.*hf download"):
        draft(place, place.target_path("tiny"))


def test_a_hub_model_on_disk_is_found_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    snapshot = tmp_path / "hub/models--some-org--some-model/snapshots/abc123"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text('{"model_type": "x", "quantization": {"bits": 4}}')
    (snapshot / "model.safetensors").write_bytes(b"x" * 100)
    forge = FORGE.replace("base: base", "base: some-org/some-model").replace(
        "  base: {hidden_size: 16}\n", ""
    )
    make_target(tmp_path, forge)
    place = Workspace(tmp_path)
    base = draft(place, place.target_path("tiny")).config.base_model
    assert (base.id, base.precision) == ("some-org/some-model", "4-bit")
    assert base.revision == "abc123"


def test_limits_are_set_by_stage(place: Workspace) -> None:
    sets = ["factory.limits.train.timeout_s=60", "factory.limits.train.stop_on_nan=false"]
    plan = draft(place, target(place), sets).plan
    assert (plan.stage("train").timeout_s, plan.stage("train").stop_on_nan) == (60, False)
    assert plan.stage("train").silence_s == 60  # not set: as it was
    assert plan.stage("data").timeout_s is None
    with pytest.raises(TargetError, match="no stage fly in this plan"):
        draft(place, target(place), ["factory.limits.fly.timeout_s=60"])
    with pytest.raises(TargetError, match="greater than 0"):
        draft(place, target(place), ["factory.limits.train.timeout_s=0"])


def test_a_command_of_ones_own_takes_the_place_of_training(tmp_path: Path) -> None:
    own = "goal: Route.\n  stages: [data, {name: train, argv: [mlx_lm.lora, -c, my.yaml]}]"
    make_target(tmp_path, FORGE.replace("goal: Route.", own))
    place = Workspace(tmp_path)
    stages = draft(place, place.target_path("tiny")).plan.stages
    assert [stage.kind for stage in stages] == ["data", "command"]
    assert stages[1].argv == ["mlx_lm.lora", "-c", "my.yaml"]
    assert stages[1].enters == "training"


def test_a_kill_while_a_run_is_made_leaves_no_half_of_one(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafted = draft(place, target(place))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("engine.plans.planning.frozen_event", killed)
    # A process that is killed cleans nothing up.
    monkeypatch.setattr("engine.building.shutil.rmtree", lambda *_, **__: None)
    with pytest.raises(KeyboardInterrupt):
        create(place, drafted)
    assert place.run_names() == []
