"""From a target, overrides and a seed to a run folder with its plan.

``draft`` decides everything and writes nothing; ``create`` writes what was
drafted, and freezes it: the first event holds the thresholds, the suites'
hashes and the plan's hash, so that a later change is seen.
"""

from __future__ import annotations

import hashlib
import json
import math
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.folder import EventLog, RunFolder, sha256_file, write_json_atomic
from engine.models import ModelError, find_model
from engine.records.base import utc_now
from engine.records.plan import Plan, Stage, StageKind
from engine.records.run import (
    BaseModelRef,
    Candidate,
    Dataset,
    EvalConfig,
    Processing,
    RunConfig,
    Source,
    Threshold,
)
from engine.records.status import Phase, RunStatus, StageStatus
from engine.target import Target, TargetError, load_target
from engine.workspace import Workspace

USUAL = ["pretrain", "data", "eval-baseline", "train", "eval-candidate", "report"]


@dataclass(frozen=True)
class Draft:
    """What a run would be: everything but its folder."""

    target: Target
    config: RunConfig
    dataset: Dataset
    plan: Plan
    command: list[str]
    """The command line that makes the same run."""


def draft(
    workspace: Workspace,
    target_path: Path,
    overrides: Iterable[str] = (),
    seed: int | None = None,
    parent_run_id: str | None = None,
) -> Draft:
    """Decide what a run of this target is. TargetError lists everything that is wrong.

    A model that is not on disk and cannot be fetched is an error here, before anything starts.
    """
    overrides = list(overrides)
    target = load_target(target_path, overrides)
    forge = target.forge
    seed = forge.training.seed if seed is None else seed
    suites = _suite_hashes(target)
    base = _base(workspace, target, seed)
    train = _train_spec(target, base.model, seed)
    command = ["factory-tui", "run", target.path.name, "--seed", str(seed)]
    command += [part for override in overrides for part in ("--set", override)]
    regression = forge.factory.suites.regression
    gates = forge.factory.gates
    primary_min = gates.primary_min
    now = utc_now()
    config = RunConfig(
        run_id="draft",
        target=target.name,
        owner_goal=forge.factory.goal or f"Reach {forge.eval.target_accuracy:.0%} on the gold set.",
        base_model=BaseModelRef(id=base.id, revision=base.revision, precision=base.precision),
        candidate=Candidate(
            method="sft-lora",
            adapter_format="mlx-lora",
            training_command=shlex.join(command),
        ),
        eval=EvalConfig(
            primary=target.primary.name,
            regression=", ".join(suite.name for suite in regression) or None,
            threshold=Threshold(
                primary_min=forge.eval.target_accuracy if primary_min is None else primary_min,
                breadth_drop_max_pp=gates.breadth_drop_max_pp if regression else None,
            ),
            direction=target.primary.direction,
            suites=suites,
        ),
        seed=seed,
        hyperparameters={
            **{key: value for key, value in train.items() if key not in _NOT_SETTINGS},
            "rows": forge.factory.data.rows,
            "replay_share": forge.factory.data.replay_share,
        },
        parent_run_id=parent_run_id,
        created=now,
    )
    plan = Plan(
        run_id="draft",
        target_dir=workspace.relative(target.path),
        created=now,
        stages=_stages(target, base, train, seed),
    )
    return Draft(target, config, _dataset(target), plan, command)


def create(workspace: Workspace, drafted: Draft) -> RunFolder:
    """Write a drafted run: its folder, records, status and first event."""
    path = workspace.create_run(drafted.target.name)
    folder = RunFolder(path)
    now = utc_now()
    config = drafted.config.model_copy(update={"run_id": path.name})
    plan = drafted.plan.model_copy(update={"run_id": path.name})
    write_json_atomic(folder.file("config.json"), config)
    write_json_atomic(folder.file("dataset.json"), drafted.dataset)
    write_json_atomic(folder.file("plan.json"), plan)
    log = EventLog(folder.file("events.jsonl"))
    try:
        log.append(frozen_event(folder, config))
    finally:
        log.close()
    status = RunStatus(
        run_id=path.name,
        phase=Phase.CREATED,
        created=now,
        updated=now,
        stages={stage.name: StageStatus() for stage in plan.stages},
    )
    folder.write("run-status.json", status)
    return folder


def frozen_event(folder: RunFolder, config: RunConfig) -> dict[str, Any]:
    """The first event of a run: what may not change from here on."""
    return {
        "kind": "run-created",
        "run_id": config.run_id,
        "threshold": config.eval.threshold.model_dump(mode="json"),
        "suites": dict(config.eval.suites),
        "plan_sha256": sha256_file(folder.file("plan.json")),
    }


# --- parts of a draft ------------------------------------------------------------

_NOT_SETTINGS = ("model", "train", "valid", "adapter_dir", "resume_from")


@dataclass(frozen=True)
class _Base:
    id: str
    model: str
    """Where workers load it from."""
    revision: str | None
    precision: str | None
    recipe: dict[str, Any] | None = None


def _base(workspace: Workspace, target: Target, seed: int) -> _Base:
    recipe = target.forge.factory.base
    name = target.forge.model.base
    if recipe is None:
        try:
            model = find_model(name, target.path)
        except ModelError as error:
            raise TargetError(f"{target.path.name}/forge.yaml: {error}") from error
        inside = model.path.name if model.path.parent.name == "snapshots" else None
        where = name if inside else str(model.path) if model.path.is_dir() else name
        return _Base(name, where, inside, model.quantisation)
    generator = target.forge.factory.data.generator
    ingredients = {
        "recipe": recipe,
        "seed": seed,
        "generator": sha256_file(target.file(generator)) if generator else None,
    }
    digest = hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()[:16]
    out = "{workspace}/" + f"{workspace.bases_dir.relative_to(workspace.path)}/{digest}"
    return _Base(f"{target.name}/{name}", out, digest, recipe.get("precision", "float32"), recipe)


def _suite_hashes(target: Target) -> dict[str, str]:
    hashes, problems = {}, []
    for suite in target.suites:
        path = target.file(suite.file)
        try:
            hashes[suite.name] = sha256_file(path)
        except OSError as error:
            problems.append(
                f"{target.path.name}/{suite.file}: the suite {suite.name} cannot be read "
                f"({error.strerror})."
            )
    if problems:
        raise TargetError("\n".join(problems))
    return hashes


def _dataset(target: Target) -> Dataset:
    forge = target.forge
    sources = []
    for kind, name in (
        ("generator", forge.factory.data.generator),
        ("canonical", forge.dataset.canonical),
    ):
        if name and (path := target.file(name)).is_file():
            sources.append(Source(kind=kind, path=name, sha256=sha256_file(path)))
    if not sources:
        raise TargetError(
            f"{target.path.name}/forge.yaml: there is nothing to train on: neither "
            f"dataset.canonical ({forge.dataset.canonical}) nor factory.data.generator is a file."
        )
    return Dataset(
        dataset_id=f"{target.name}-{datetime.now(UTC).date()}",
        sources=sources,
        processing=Processing(dedupe=True, quality_filter=False, heldout_split="locked"),
    )


def _rows(target: Target) -> int:
    """How many training rows a run will have, for turning epochs into iterations."""
    data = target.forge.factory.data
    if data.generator:
        return data.rows
    path = target.file(target.forge.dataset.canonical or "")
    with path.open("rb") as file:
        return max(1, sum(1 for line in file if line.strip()) - data.valid_rows)


def _train_spec(target: Target, model: str, seed: int) -> dict[str, Any]:
    """The train stage's input: documented settings, then those of ``factory.train``."""
    forge = target.forge
    training, lora, extra = forge.training, forge.lora, dict(forge.factory.train)
    steps = math.ceil(_rows(target) * training.epochs_max / training.batch_size)
    iters = int(extra.pop("iters", steps))
    valid = {"target": "data/valid.jsonl"}
    if forge.factory.data.replay_share > 0:
        valid["breadth"] = "data/valid-breadth.jsonl"
    spec: dict[str, Any] = {
        "model": model,
        "train": "data/train.jsonl",
        "valid": valid,
        "adapter_dir": "adapters",
        "seed": seed,
        "iters": iters,
        "batch_size": training.batch_size,
        "grad_accumulation": training.gradient_accumulation_steps,
        "max_seq_len": forge.model.max_seq_len,
        "learning_rate": training.learning_rate,
        "schedule": training.lr_scheduler,
        # Warm-up counts optimizer updates, of which there is one per accumulated batch.
        "warmup_iters": round(training.warmup_ratio * iters / training.gradient_accumulation_steps),
        "optimizer": "adamw" if training.weight_decay > 0 else "adam",
        "weight_decay": training.weight_decay,
        "num_layers": -1,
        "lora": {
            "rank": lora.r,
            # mlx-lm knows no alpha: its scale is alpha / r.
            "scale": lora.alpha / lora.r,
            "dropout": lora.dropout,
            "keys": list(lora.target_modules),
        },
        "mask_prompt": True,
        "report_every": max(1, min(10, iters // 100)),
        "eval_every": max(1, iters // 20),
        "save_every": max(1, iters // 10),
        "keep_checkpoints": 2,
        "keep_best": True,
        "early_stop": None,
        "grad_checkpoint": False,
        "resume_from": None,
    }
    unknown = sorted(set(extra) - set(spec))
    if unknown:
        raise TargetError(
            f"{target.path.name}/forge.yaml: factory.train has no setting {', '.join(unknown)}; "
            f"it knows {', '.join(key for key in spec if key not in _NOT_SETTINGS)}."
        )
    return spec | extra


def _stages(target: Target, base: _Base, train: dict[str, Any], seed: int) -> list[Stage]:
    wanted = target.forge.factory.stages or USUAL
    stages = []
    for item in wanted:
        if isinstance(item, dict):
            stages.append(_command_stage(target, item))
        elif item == "pretrain":
            if base.recipe is not None:
                stages.append(_pretrain(target, base, seed))
        elif item == "data":
            stages.append(_data(target, seed))
        elif item in ("eval-baseline", "eval-candidate"):
            stages.append(_eval(target, base, candidate=item == "eval-candidate"))
        elif item == "train":
            stages.append(_train(train))
        elif item == "fuse":
            stages.append(_fuse(base))
        elif item == "report":
            stages.append(_report())
        else:
            raise TargetError(
                f"{target.path.name}/forge.yaml: factory.stages: no stage {item}; it is one of "
                f"{', '.join([*USUAL, 'fuse'])}, or a mapping with name and argv."
            )
    return stages


def _worker(kind: str) -> list[str]:
    # -P: a file of the target's own folder never shadows a module of ours.
    return ["{python}", "-P", "-m", f"engine.work.{kind}"]


def _pretrain(target: Target, base: _Base, seed: int) -> Stage:
    generator = target.forge.factory.data.generator
    return Stage(
        name="pretrain",
        kind=StageKind.PRETRAIN,
        argv=_worker("pretrain"),
        spec={
            "recipe": base.recipe,
            "generator": f"{{target}}/{generator}" if generator else None,
            "seed": seed,
            "out": base.model,
        },
    )


def _data(target: Target, seed: int) -> Stage:
    forge = target.forge
    system_prompt = target.path / "system_prompt.md"
    canonical = forge.dataset.canonical
    has_canonical = canonical is not None and target.file(canonical).is_file()
    data = forge.factory.data
    outputs = ["data/train.jsonl", "data/valid.jsonl"]
    if data.replay_share > 0:
        outputs.append("data/valid-breadth.jsonl")
    return Stage(
        name="data",
        kind=StageKind.DATA,
        argv=_worker("data"),
        spec={
            "generator": data.generator,
            "canonical": canonical if has_canonical else None,
            "rows": data.rows,
            "replay_share": data.replay_share,
            "valid_rows": data.valid_rows,
            "gold": [suite.file for suite in target.suites],
            "seed": seed,
            "system_prompt": "system_prompt.md" if _has_text(system_prompt) else None,
        },
        leaves=Phase.DATA_READY,
        needs_accelerator=False,
        outputs=outputs,
    )


def _has_text(path: Path) -> bool:
    return path.is_file() and bool(path.read_text("utf-8", errors="replace").strip())


def _eval(target: Target, base: _Base, *, candidate: bool) -> Stage:
    forge = target.forge
    which = "candidate" if candidate else "baseline"
    system_prompt = "system_prompt.md" if _has_text(target.path / "system_prompt.md") else None
    suites = []
    for number, suite in enumerate(target.suites):
        stem = which if number == 0 else f"regression-{which}"
        # The documented schema has room for one regression suite; more get a name of their own.
        stem += "" if number < 2 else f"-{number}"
        suites.append(
            {
                "role": "primary" if number == 0 else "regression",
                "name": suite.name,
                "file": suite.file,
                "scorer": suite.scorer,
                "direction": suite.direction,
                "record": f"eval-{stem}.json",
                "rows": f"rows-{stem}.jsonl",
                "system_prompt": system_prompt if number == 0 else None,
            }
        )
    return Stage(
        name=f"eval-{which}",
        kind=StageKind.EVAL,
        argv=_worker("evaluate"),
        spec={
            "model": base.model,
            "adapter": "adapters" if candidate else None,
            "batch_size": 32,
            "max_new_tokens": forge.eval.max_new_tokens,
            "exact": False,
            **forge.factory.eval,
            "suites": suites,
        },
        enters=Phase.EVALUATING if candidate else None,
        leaves=Phase.EVALUATED if candidate else None,
        outputs=[str(suite["record"]) for suite in suites],
    )


def _train(spec: dict[str, Any]) -> Stage:
    return Stage(
        name="train",
        kind=StageKind.TRAIN,
        argv=_worker("train"),
        spec=spec,
        enters=Phase.TRAINING,
        leaves=Phase.TRAINED,
        outputs=["adapters/adapters.safetensors", "adapters/adapter_config.json"],
    )


def _fuse(base: _Base) -> Stage:
    return Stage(
        name="fuse",
        kind=StageKind.FUSE,
        argv=_worker("fuse"),
        spec={"model": base.model, "adapter": "adapters", "out": "{run}/fused"},
        enters=Phase.PACKAGING,
        leaves=Phase.PACKAGED,
        outputs=["fused/config.json"],
    )


def _report() -> Stage:
    return Stage(
        name="report",
        kind=StageKind.REPORT,
        argv=["{python}", "-P", "-m", "engine.cli", "report", "{run}"],
        enters=Phase.REPORTING,
        needs_accelerator=False,
        outputs=["report.md"],
    )


def _command_stage(target: Target, item: dict[str, Any]) -> Stage:
    """A command of the target's own; phases as for training unless it says otherwise."""
    known = set(Stage.model_fields) - {"kind", "spec"}
    unknown = sorted(set(item) - known)
    if unknown or not item.get("name") or not isinstance(item.get("argv"), list):
        raise TargetError(
            f"{target.path.name}/forge.yaml: factory.stages: a command is a mapping with name and "
            f"argv (a list), and may have {', '.join(sorted(known - {'name', 'argv'}))}; "
            f"got {json.dumps(item, default=str)}."
        )
    defaults: dict[str, Any] = {"kind": StageKind.COMMAND}
    if item["name"] == "train":
        defaults |= {"enters": Phase.TRAINING, "leaves": Phase.TRAINED}
    return Stage.model_validate(defaults | item)
