"""From a target, overrides and a seed to a run folder with its plan.

``draft`` decides everything and writes nothing; ``create`` writes what was
drafted, and freezes it: the first event holds the thresholds, the suites'
hashes and the plan's hash, so that a later change is seen.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.answers.target_suites import TargetSuite, read_suites
from engine.compute.hosts import HostsError
from engine.compute.of_plan import note as group_note
from engine.compute.wanted import group_spec
from engine.evaluating.asking import Refused
from engine.evaluating.ceilings import CEILINGS, read_ceilings
from engine.evaluating.marking import GIVES
from engine.evaluating.teacher import Teacher
from engine.folder import EventLog, FolderError, RunFolder, sha256_file, write_json_atomic
from engine.judge.scorers import CUSTOM
from engine.models import ModelError, find_model
from engine.plans.conversion import converted
from engine.plans.notes import notes
from engine.plans.plan_check import problems
from engine.plans.seed_stages import further_seeds, with_seeds
from engine.plans.stages import Base, build_stages
from engine.plans.thresholds import threshold_of
from engine.plans.train_settings import NOT_SETTINGS, train_spec
from engine.records.base import utc_now
from engine.records.ceiling import Ceilings
from engine.records.plan import Plan
from engine.records.run import (
    BaseModelRef,
    Candidate,
    Dataset,
    EvalConfig,
    Processing,
    RunConfig,
    SealedSuite,
    Source,
)
from engine.records.status import Phase, RunStatus, StageStatus
from engine.records.target import SuiteRef
from engine.secrecy import key_names
from engine.target import Target, TargetError, load_target
from engine.workspace import Workspace


@dataclass(frozen=True)
class Draft:
    """What a run would be: everything but its folder."""

    target: Target
    config: RunConfig
    dataset: Dataset
    plan: Plan
    command: list[str]
    """The command line that makes the same run."""
    ceilings: Ceilings = field(default_factory=Ceilings)
    """Of the target's suites, as they were measured before."""
    sends: tuple[str, ...] = ()
    """Where answers are sent that a teacher judges: a sentence for each such suite."""
    notes: tuple[str, ...] = ()
    """What forge.yaml asks for that is done in another way here: a sentence each."""
    events: tuple[dict[str, Any], ...] = ()
    """What is said in the event log right after what was frozen."""


def draft(
    workspace: Workspace,
    target_path: Path,
    overrides: Iterable[str] = (),
    seed: int | None = None,
    parent_run_id: str | None = None,
    hypothesis: str | None = None,
) -> Draft:
    """Decide what a run of this target is. TargetError lists everything that is wrong.

    ``hypothesis`` is what the run is to show; it is kept in config.json.

    A model that is not on disk and cannot be fetched is an error here, before anything starts.
    """
    overrides = list(overrides)
    target = load_target(target_path, overrides)
    forge = target.forge
    seed = forge.training.seed if seed is None else seed
    suites = read_wanted(target, target.suites)
    dataset = _dataset(target)
    base = base_of(workspace, target, seed)
    train = train_spec(target, base.model, seed) | _group(workspace, target)
    seeds = further_seeds(target, seed)
    stages = with_seeds(target, build_stages(target, base, train, seed, suites), seeds)
    if wrong := problems(target, stages, seed, named=key_names(workspace.path)):
        raise TargetError("\n".join(wrong))
    command = ["factory-tui", "run", target.path.name, "--seed", str(seed)]
    command += [part for override in overrides for part in ("--set", override)]
    for option, value in (("--parent", parent_run_id), ("--hypothesis", hypothesis)):
        command += [option, value] if value else []
    regression = [suite.name for suite in forge.factory.suites.regression]
    regression += [suite.name for suite in forge.factory.suites.lm_eval]
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
            regression=", ".join(regression) or None,
            threshold=threshold_of(target, [one.suite for one in suites]),
            direction=suites[0].suite.direction,
            suites={one.ref.name: one.suite.sha256 for one in suites},
            passes=forge.factory.eval.get("passes", 1),
            seeds=seeds,
            sealed=_sealed(target),
        ),
        seed=seed,
        hyperparameters={
            **{key: value for key, value in train.items() if key not in NOT_SETTINGS},
            "rows": forge.factory.data.rows,
            "replay_share": forge.factory.data.replay_share,
        },
        parent_run_id=parent_run_id,
        hypothesis=hypothesis or None,
        created=now,
    )
    plan = Plan(
        run_id="draft",
        target_dir=workspace.relative(target.path),
        created=now,
        stages=stages,
    )
    return Draft(
        target,
        config,
        dataset,
        plan,
        command,
        ceilings=_ceilings(target),
        sends=(*([told] if (told := group_note(stages)) else []), *_sends(suites)),
        notes=notes(target, base),
    )


def create(workspace: Workspace, drafted: Draft) -> RunFolder:
    """Write a drafted run: its folder, records, status and first event.

    Whoever is killed on the way leaves no half of a run that somebody would take for one; a full
    disk leaves the workspace as it was.
    """
    return create_run(
        workspace,
        drafted.config,
        drafted.dataset,
        drafted.plan,
        ceilings=drafted.ceilings,
        events=drafted.events,
    )


def create_run(
    workspace: Workspace,
    config: RunConfig,
    dataset: Dataset,
    plan: Plan,
    *,
    ceilings: Ceilings | None = None,
    events: Sequence[dict[str, Any]] = (),
    slug: str | None = None,
) -> RunFolder:
    """Write a run of these records; its id is the next free one of today for ``slug``, which is
    the target's name where None. OSError as it comes, and then there is no run."""
    with workspace.new_run(slug or config.target) as made:
        config = config.model_copy(update={"run_id": made.name})
        plan = plan.model_copy(update={"run_id": made.name})
        _fill(RunFolder(made.path), config, dataset, plan, ceilings or Ceilings(), events)
    return RunFolder(made.place)


def _fill(
    folder: RunFolder,
    config: RunConfig,
    dataset: Dataset,
    plan: Plan,
    ceilings: Ceilings,
    events: Sequence[dict[str, Any]],
) -> None:
    now = utc_now()
    write_json_atomic(folder.file("config.json"), config)
    write_json_atomic(folder.file("dataset.json"), dataset)
    write_json_atomic(folder.file("plan.json"), plan)
    if ceilings.ceilings:
        write_json_atomic(folder.file(CEILINGS), ceilings)
    log = EventLog(folder.file("events.jsonl"))
    try:
        log.append(frozen_event(folder, config))
        for event in events:
            log.append(event)
    finally:
        log.close()
    status = RunStatus(
        run_id=config.run_id,
        phase=Phase.CREATED,
        created=now,
        updated=now,
        stages={stage.name: StageStatus() for stage in plan.stages},
    )
    folder.write("run-status.json", status)


def frozen_event(folder: RunFolder, config: RunConfig) -> dict[str, Any]:
    """The first event of a run: what may not change from here on."""
    return {
        "kind": "run-created",
        "run_id": config.run_id,
        "threshold": config.eval.threshold.model_dump(mode="json"),
        "suites": dict(config.eval.suites),
        "sealed": config.eval.sealed.sha256 if config.eval.sealed else None,
        "plan_sha256": sha256_file(folder.file("plan.json")),
    }


# --- parts of a draft ------------------------------------------------------------


def _group(workspace: Workspace, target: Target) -> dict[str, Any]:
    """What a train stage is told where more than one process trains."""
    try:
        found = group_spec(workspace.path, target.forge.compute)
    except HostsError as error:
        raise TargetError(f"{target.path.name}/forge.yaml: {error}") from error
    return {"compute": found} if found else {}


def base_of(workspace: Workspace, target: Target, seed: int) -> Base:
    """The model that a run of this target starts from; TargetError where it cannot be had."""
    recipe = target.forge.factory.base
    name = target.forge.model.base
    if recipe is None:
        try:
            model = find_model(name, target.path)
        except ModelError as error:
            raise TargetError(f"{target.path.name}/forge.yaml: {error}") from error
        inside = model.path.name if model.path.parent.name == "snapshots" else None
        where = name if inside else str(model.path) if model.path.is_dir() else name
        base = Base(name, where, inside, model.quantisation)
        return converted(workspace, base, model) if target.forge.model.load_in_4bit else base
    generator = _generator(target)
    ingredients = {
        "recipe": recipe,
        "seed": seed,
        "generator": sha256_file(generator) if generator else None,
    }
    digest = hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()[:16]
    out = "{workspace}/" + f"{workspace.bases_dir.relative_to(workspace.path)}/{digest}"
    return Base(f"{target.name}/{name}", out, digest, recipe.get("precision", "float32"), recipe)


def _generator(target: Target) -> Path | None:
    """The file of the target's generator; TargetError where it is named and is not there."""
    name = target.forge.factory.data.generator
    if name is None:
        return None
    if not (path := target.file(name)).is_file():
        raise TargetError(
            f"{target.path.name}/forge.yaml: factory.data.generator: {name} is missing."
        )
    return path


def read_wanted(target: Target, wanted: Sequence[SuiteRef]) -> list[TargetSuite]:
    """The suites as they are on disk; TargetError for every one that cannot be scored."""
    suites, wrong = read_suites(target, GIVES, wanted)
    wrong += [
        f"{target.path.name}: the suite {one.ref.name} is scored by {one.scorer_file.name}, and "
        "the target has no such file."
        for one in suites
        if one.suite.scorer == CUSTOM and not one.scorer_file.is_file()
    ]
    if wrong:
        raise TargetError("\n".join(wrong))
    return suites


def _sealed(target: Target) -> SealedSuite | None:
    """The hash of the sealed suite, which is read for being usable and is asked to nobody."""
    ref = target.forge.factory.suites.sealed
    if ref is None:
        return None
    (one,) = read_wanted(target, [ref])
    return SealedSuite(name=ref.name, sha256=one.suite.sha256)


def _sends(suites: Sequence[TargetSuite]) -> tuple[str, ...]:
    """TargetError where a judge cannot be asked: its address is none, its key is not set."""
    found = []
    for one in suites:
        if one.suite.judge is not None:
            try:
                with Teacher(one.suite.judge) as teacher:
                    found.append(f"{one.ref.name}: {teacher.where}")
            except Refused as error:
                raise TargetError(f"The suite {one.ref.name} cannot be judged. {error}") from error
    return tuple(found)


def _ceilings(target: Target) -> Ceilings:
    try:
        return read_ceilings(target.path)
    except FolderError as error:
        raise TargetError(
            f"{target.path.name}/{error}. Correct it, or remove it and measure again "
            f"(factory-tui ceiling {target.path.name})."
        ) from error


def _sha256(path: Path) -> str:
    """The hash of a file; one that did not change is not read again while a run is planned."""
    look = path.stat()
    return _hashed(path, look.st_size, look.st_mtime_ns, look.st_ino)


@lru_cache(maxsize=64)
def _hashed(path: Path, _size: int, _changed: int, _inode: int) -> str:
    return sha256_file(path)


def _dataset(target: Target) -> Dataset:
    forge = target.forge
    _generator(target)
    sources = []
    for kind, name in (
        ("generator", forge.factory.data.generator),
        ("canonical", forge.dataset.canonical),
    ):
        if name and (path := target.file(name)).is_file():
            sources.append(Source(kind=kind, path=name, sha256=_sha256(path)))
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
