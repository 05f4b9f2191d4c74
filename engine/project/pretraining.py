"""A target's base reads raw text: a run trains on it and fuses what was learned into a new base.

What is trained is an adapter on the base, and the fused model is a base like any other: adapters
are never stacked on adapters.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.folder import RunFolder, write_bytes_atomic
from engine.models import ModelOnDisk
from engine.plans.plan_check import problems
from engine.plans.planning import Draft, create
from engine.plans.stages import ADAPTER_FILES
from engine.plans.thresholds import threshold_of
from engine.plans.train_settings import iterations
from engine.project.corpus import Corpus
from engine.project.output import OUTPUT
from engine.records.base import utc_now
from engine.records.plan import Plan, Stage, StageKind
from engine.records.run import (
    BaseModelRef,
    Candidate,
    Counts,
    Dataset,
    EvalConfig,
    Processing,
    RunConfig,
    Source,
)
from engine.records.status import Phase
from engine.secrecy import key_names
from engine.target import Target
from engine.workspace import Workspace

MERGED = f"{OUTPUT}/pretrain_merged"
TRAIN = "data/train.jsonl"
VALID = "data/valid.jsonl"
METHOD = "pretrain-lora"
RESULTS = "engine.project.pretrain_results"


class PretrainError(Exception):
    """Nothing was started; the text says why, a sentence a line."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks for. None: what forge.yaml says. ``set_base``: name the new base in
    forge.yaml when it is made."""

    epochs: float | None = None
    set_base: bool = False


def check(target: Target, wish: Wish) -> None:
    """PretrainError for what could not end well, before any text is read."""
    base = target.forge.model.base
    if (target.path / base).resolve() == (target.path / MERGED).resolve():
        raise PretrainError(
            f"model.base is {MERGED} already, the model that this makes: it would be trained on "
            f"top of itself. Name the base that it was made from ({OUTPUT}/pretrain_results.json "
            "has it)."
        )
    if wish.set_base and target.forge.factory.base is not None:
        raise PretrainError(
            "forge.yaml has a recipe for the base (factory.base), which comes before model.base: "
            "take it out first, or leave --set-base out."
        )


def prepare(
    target: Target, workspace: Workspace, base: ModelOnDisk, corpus: Corpus, wish: Wish
) -> RunFolder:
    """Make the run, with its rows in it; nothing runs yet. PretrainError; OSError."""
    epochs = wish.epochs or target.forge.pretrain.epochs
    seed = target.forge.training.seed
    stages = _stages(target, base, corpus, epochs, seed, wish)
    if wrong := problems(target, stages, seed, named=key_names(workspace.path)):
        raise PretrainError("\n".join(wrong))
    folder = create(workspace, _draft(target, workspace, base, corpus, epochs, seed, stages))
    _write(folder.path / TRAIN, corpus.train)
    if corpus.valid:
        _write(folder.path / VALID, corpus.valid)
    return folder


def _write(path: Path, texts: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
    write_bytes_atomic(path, rows.encode("utf-8", "replace"))


def _stages(
    target: Target, base: ModelOnDisk, corpus: Corpus, epochs: float, seed: int, wish: Wish
) -> list[Stage]:
    train = Stage(
        name="train",
        kind=StageKind.TRAIN,
        argv=_module("engine.work.train"),
        spec=_train_spec(target, base, corpus, epochs, seed),
        enters=Phase.TRAINING,
        leaves=Phase.TRAINED,
        outputs=list(ADAPTER_FILES),
    )
    fuse = Stage(
        name="fuse",
        kind=StageKind.FUSE,
        argv=_module("engine.work.fuse"),
        spec={"model": base.id, "adapter": "adapters", "out": f"{{target}}/{MERGED}"},
        enters=Phase.PACKAGING,
        leaves=Phase.PACKAGED,
    )
    more = ["--set-base"] if wish.set_base else []
    results = Stage(
        name="results",
        kind=StageKind.COMMAND,
        argv=[*_module(RESULTS), "{run}", "{target}", *more],
        cwd="{run}",
        needs_accelerator=False,
    )
    return [train, fuse, results]


def _module(name: str) -> list[str]:
    return ["{python}", "-P", "-m", name]


def _train_spec(
    target: Target, base: ModelOnDisk, corpus: Corpus, epochs: float, seed: int
) -> dict[str, Any]:
    forge = target.forge
    reading, lora = forge.pretrain, forge.lora
    iters = max(1, iterations(len(corpus.train), epochs, reading.batch_size))
    updates = max(1, iters // reading.gradient_accumulation_steps)
    return {
        "model": base.id,
        "train": TRAIN,
        "valid": {"corpus": VALID} if corpus.valid else {},
        "adapter_dir": "adapters",
        "seed": seed,
        "iters": iters,
        "batch_size": reading.batch_size,
        "grad_accumulation": min(reading.gradient_accumulation_steps, iters),
        "max_seq_len": reading.max_seq_len or forge.model.max_seq_len,
        "learning_rate": reading.learning_rate,
        "schedule": forge.training.lr_scheduler,
        "warmup_iters": round(forge.training.warmup_ratio * updates),
        "optimizer": "adamw" if forge.training.weight_decay > 0 else "adam",
        "weight_decay": forge.training.weight_decay,
        "num_layers": -1,
        "lora": {
            "rank": lora.r,
            "scale": lora.alpha / lora.r,
            "dropout": lora.dropout,
            "keys": list(lora.target_modules),
        },
        # Every token of a text is learned: there is no prompt in it.
        "mask_prompt": False,
        "report_every": max(1, min(10, iters // 100)),
        "eval_every": max(1, iters // 10),
        "save_every": max(1, iters // 10),
        "keep_best": bool(corpus.valid),
    }


def _draft(
    target: Target,
    workspace: Workspace,
    base: ModelOnDisk,
    corpus: Corpus,
    epochs: float,
    seed: int,
    stages: list[Stage],
) -> Draft:
    now = utc_now()
    command = ["factory-tui", "pretrain", target.path.name, "--epochs", f"{epochs:g}"]
    spec = stages[0].spec
    settings = {
        key: value
        for key, value in spec.items()
        if key not in ("model", "train", "valid", "adapter_dir")
    }
    config = RunConfig(
        run_id="draft",
        target=target.name,
        owner_goal="A base that has read the corpus.",
        base_model=BaseModelRef(id=_shown(base.id), precision=base.quantisation),
        candidate=Candidate(
            method=METHOD, adapter_format="mlx-lora", training_command=shlex.join(command)
        ),
        eval=EvalConfig(primary=target.primary.name, threshold=threshold_of(target, [])),
        seed=seed,
        hyperparameters={**settings, "epochs": epochs},
        created=now,
    )
    dataset = Dataset(
        dataset_id=f"{target.name}-corpus-{now.date()}",
        sources=[Source(kind="corpus", path=name) for name in corpus.files],
        processing=Processing(dedupe=True, quality_filter=False, heldout_split="locked"),
        counts=Counts(
            train_rows=len(corpus.train),
            heldout_rows=len(corpus.valid),
            dropped_rows=corpus.held_out + corpus.repeated,
        ),
    )
    plan = Plan(
        run_id="draft", target_dir=workspace.relative(target.path), created=now, stages=stages
    )
    return Draft(target, config, dataset, plan, command)


def _shown(name: str) -> str:
    """A model without a path that only this machine has."""
    return Path(name).name if Path(name).is_absolute() or "{" in name else name
