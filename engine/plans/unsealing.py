"""A sealed suite is opened, once: a run that judges a final candidate on it.

The new run names the candidate's run as its parent and has that run's bounds, settings and
weights; its primary suite is the sealed one. Nothing is trained.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from engine.folder import FolderError, RunFolder
from engine.judge.measured import BASELINE, CANDIDATE
from engine.plans.opened import opened_by, opened_event
from engine.plans.planning import Draft, create, read_wanted
from engine.plans.stages import Base, build_stages
from engine.records.base import utc_now
from engine.records.evaluation import EvalResult
from engine.records.leakage import Leakage
from engine.records.plan import Plan, Stage
from engine.records.provenance import Provenance
from engine.records.run import Dataset, RunConfig, SealedSuite
from engine.records.status import RunStatus
from engine.records.target import SuiteRef
from engine.supervise.launch import LaunchError, launch, liveness
from engine.target import Target, TargetError, load_target
from engine.workspace import Workspace

RecordT = TypeVar("RecordT", Provenance, Leakage)

STAGES = ("eval-baseline", "eval-candidate", "report")
WEIGHTS = "adapters"
TRAINED_ON = "data/train.jsonl"


class UnsealError(Exception):
    """A sealed suite that is not opened; the text says why and what to do, a sentence a line."""


@dataclass(frozen=True)
class Unsealing:
    """A run that would open a sealed suite. ``before`` are the runs that opened it already."""

    parent: Path
    sealed: SealedSuite
    draft: Draft
    before: tuple[str, ...]
    reason: str | None = None


def prepare(
    workspace: Workspace, run: Path, *, again: bool = False, reason: str | None = None
) -> Unsealing:
    """Decide what opening the sealed suite for the candidate of ``run`` would be. Writes nothing.

    UnsealError where it is not opened: it is not the one that was frozen, there is no candidate,
    or it was opened before and ``again`` is not said with a ``reason``.
    """
    reason = (reason or "").strip() or None
    parent = RunFolder(run.resolve())
    try:
        config, plan = parent.read("config.json", RunConfig), parent.read("plan.json", Plan)
        dataset, status = parent.read("dataset.json", Dataset), parent.status()
        parent.read(CANDIDATE, EvalResult)
        parent.read(BASELINE, EvalResult)
    except FolderError as error:
        raise UnsealError(
            f"{run.name} has no candidate that could be judged: {error}. A sealed suite is opened "
            "for a run that has been evaluated."
        ) from error
    _check_idle(parent, status)
    sealed = _sealed(config)
    if not (parent.path / WEIGHTS / "adapters.safetensors").is_file():
        raise UnsealError(
            f"The weights of {run.name} are not in its folder ({WEIGHTS}/adapters.safetensors): "
            "nobody could be asked. Copy them back, or train again."
        )
    before = opened_by(workspace, sealed)
    if before and not (again and reason):
        raise UnsealError(
            f"{sealed.name} was opened before, for {', '.join(before)}: it is sealed no more, and "
            "a second look finds what fits it by luck.\nTo open it all the same, say why; it goes "
            f"into the record: factory-tui unseal {run.name} --again --reason '…'"
        )
    try:
        drafted = _draft(workspace, config, plan, dataset, sealed, reason, len(before))
    except TargetError as error:
        raise UnsealError(str(error)) from error
    return Unsealing(parent.path, sealed, drafted, tuple(before), reason)


def _check_idle(parent: RunFolder, status: RunStatus | None) -> None:
    if status is not None and liveness(status) in ("running", "waiting"):
        raise UnsealError(f"{parent.run_id} is still under way. Wait for its end.")


def _sealed(config: RunConfig) -> SealedSuite:
    if config.eval.opens is not None:
        raise UnsealError(
            f"{config.run_id} opened {config.eval.opens} itself. Decide it: "
            f"factory-tui decide {config.run_id} …"
        )
    if config.eval.sealed is None:
        raise UnsealError(
            f"No sealed suite was frozen with {config.run_id}: its target named none when it was "
            "planned. Name one in forge.yaml (factory.suites.sealed) and make a new run."
        )
    return config.eval.sealed


# --- the draft ---------------------------------------------------------------------------------


def _draft(
    workspace: Workspace,
    config: RunConfig,
    plan: Plan,
    dataset: Dataset,
    sealed: SealedSuite,
    reason: str | None,
    before: int,
) -> Draft:
    target = load_target(workspace.path / plan.target_dir)
    ref = _ref_of(target, sealed.name)
    if ref is None:
        named = target.forge.factory.suites.sealed
        raise TargetError(
            f"{target.path.name}/forge.yaml: factory.suites.sealed: it is "
            f"{named.name if named else 'none'}; {config.run_id} froze {sealed.name}."
        )
    opened = _with_primary(target, ref)
    suites = read_wanted(opened, opened.suites)
    frozen = {sealed.name: sealed.sha256} | {
        name: sha256 for name, sha256 in config.eval.suites.items() if name != config.eval.primary
    }
    hashes = {one.ref.name: one.suite.sha256 for one in suites}
    for name, sha256 in hashes.items():
        if frozen.get(name) != sha256:
            raise TargetError(
                f"The suite {name} is not the one that was frozen with {config.run_id}: its file "
                "changed since. Put the old file back; a suite that was changed proves nothing."
            )
    evaluation = config.eval.model_copy(
        update={
            "primary": sealed.name,
            "suites": hashes,
            "direction": suites[0].suite.direction,
            "seeds": [],
            "sealed": None,
            "opens": sealed.name,
        }
    )
    now = utc_now()
    parent = config.run_id
    changes: dict[str, Any] = {"run_id": "draft", "created": now, "parent_run_id": parent}
    config = config.model_copy(update=changes | {"eval": evaluation, "hypothesis": reason})
    base = config.base_model
    evaluated = next((one for one in plan.stages if one.name == "eval-candidate"), None)
    if evaluated is None:
        raise TargetError(
            f"The candidate of {parent} was judged by a command of the target's own: there is no "
            "eval-candidate stage to ask it with. Judge it with that command."
        )
    model = str(evaluated.spec.get("model", base.id))
    built = build_stages(
        opened, Base(base.id, model, base.revision, base.precision), {}, config.seed or 0, suites
    )
    stages = [_as_before(stage, plan.stages) for stage in built]
    command = ["factory-tui", "unseal", parent]
    command += ["--reason", shlex.quote(reason)] if reason else []
    return Draft(
        opened,
        config,
        dataset,
        plan.model_copy(update={"run_id": "draft", "created": now, "stages": stages}),
        command,
        events=(opened_event(config, before, reason),),
    )


def _ref_of(target: Target, name: str) -> SuiteRef | None:
    """The target's sealed suite, or its primary one: in the runs of a loop that is the sealed."""
    suites = (target.forge.factory.suites.sealed, target.primary)
    return next((one for one in suites if one is not None and one.name == name), None)


def _with_primary(target: Target, ref: SuiteRef) -> Target:
    """The target with the sealed suite as its primary one, and a plan that only evaluates."""
    factory = target.forge.factory
    limits = {name: limit for name, limit in factory.limits.items() if name in STAGES}
    suites = factory.suites.model_copy(update={"primary": ref, "sealed": None})
    changes = {"suites": suites, "stages": list(STAGES), "limits": limits, "seeds": 1}
    factory = factory.model_copy(update=changes)
    return replace(target, forge=target.forge.model_copy(update={"factory": factory}))


def _as_before(stage: Stage, planned: Sequence[Stage]) -> Stage:
    """An evaluation with the settings of the parent's, on its own suites."""
    known = next((one for one in planned if one.name == stage.name), None)
    if known is None or "suites" not in stage.spec:
        return stage
    spec = stage.spec | known.spec | {"suites": stage.spec["suites"]}
    return stage.model_copy(update={"spec": spec})


# --- opening it --------------------------------------------------------------------------------


def open_sealed(workspace: Workspace, unsealing: Unsealing) -> RunFolder:
    """Make the run, with the candidate's weights in it, and start it. UnsealError says why not."""
    folder = None
    try:
        folder = create(workspace, unsealing.draft)
        take_candidate(unsealing.parent, folder, unsealing.draft.target)
    except OSError as error:
        if folder is not None:
            shutil.rmtree(folder.path, ignore_errors=True)
        raise UnsealError(f"The run's folder cannot be written: {error.strerror}.") from error
    try:
        launch(folder.path)
    except LaunchError as error:
        raise UnsealError(str(error)) from error
    return folder


def take_candidate(run: Path, folder: RunFolder, target: Target) -> None:
    """Give a new run the weights and training rows of ``run``, as the same files where the disk
    allows it, with what is known of them. ``target`` is what the new run is of. OSError."""
    parent = RunFolder(run)
    for name in (WEIGHTS, TRAINED_ON):
        source = parent.path / name
        files = [source] if source.is_file() else sorted(source.glob("*"))
        for file in files:
            if file.is_file() and not file.is_symlink():
                _same_file(file, folder.path / file.relative_to(parent.path))
    # A record that cannot be read is a finding of the parent, and of this run that it is missing.
    if (noted := _read(parent, "provenance.json", Provenance)) is not None:
        adapters = {
            name: digest
            for name, digest in noted.adapters.items()
            if name.startswith(f"{WEIGHTS}/")
        }
        record = Provenance(
            run_id=folder.run_id, written=utc_now(), adapters=adapters, datasets=noted.datasets
        )
        folder.write("provenance.json", record)
    if (leaks := _read(parent, "leakage.json", Leakage)) is not None:
        names = {suite.file: suite.name for suite in target.suites}
        suites = [
            one.model_copy(update={"suite": names[one.file]})
            for one in leaks.suites
            if one.file in names
        ]
        folder.write("leakage.json", leaks.model_copy(update={"suites": suites}))


def _read(folder: RunFolder, name: str, model: type[RecordT]) -> RecordT | None:
    try:
        return folder.read_optional(name, model)
    except FolderError:
        return None


def _same_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copy2(source, target)
