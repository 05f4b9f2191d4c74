"""What base and candidate of a run are, so that both can be served: from its plan, or its config.

A folder of another tool has no plan; then the base is what ``config.json`` names, where that is on
this disk, and the adapter is looked for in ``adapters/``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from engine.folder import FolderError, RunFolder
from engine.models import ModelOnDisk, model_on_disk
from engine.records.plan import Plan, StageKind
from engine.records.run import RunConfig
from engine.serving.store import FoundServer
from engine.target import Target, TargetError, load_target
from engine.workspace import Workspace, WorkspaceError

ADAPTER = "adapters"
_ADAPTER_FILES = ("adapters.safetensors", "adapter_config.json")


@dataclass(frozen=True, slots=True)
class Pair:
    """A run's two models. ``why_no_base`` and ``why_no_candidate`` are sentences where one of them
    cannot be served; both need the base."""

    run_id: str
    base: ModelOnDisk | None = None
    adapter: Path | None = None
    target: Target | None = None
    why_no_base: str = ""
    why_no_candidate: str = ""
    why_no_target: str = ""


def pair_of(workspace: Workspace, run_id: str) -> Pair:
    """The models of a run. Raises nothing for what is missing or broken: the pair says it."""
    try:
        folder = workspace.run(run_id)
    except WorkspaceError as error:
        return Pair(run_id, why_no_base=str(error), why_no_candidate=str(error))
    plan, config = _plan(folder), _config(folder)
    target, why_no_target = _target(workspace, plan, config)
    base, why_no_base = _base(workspace, plan, config, target)
    adapter, why = _adapter(folder.path)
    return Pair(run_id, base, adapter, target, why_no_base, why_no_base or why, why_no_target)


def serves(found: FoundServer, model: ModelOnDisk, adapter: Path | None) -> bool:
    """Whether a server has that model with that adapter, whatever it is called."""
    record = found.record
    wanted = str(adapter.resolve()) if adapter is not None else None
    return Path(record.model) == model.path and record.adapter == wanted


def free_name(wanted: str, servers: Iterable[FoundServer], starting: Iterable[str] = ()) -> str:
    """``wanted``, or with a number where a server of that name runs or is about to."""
    taken = {one.record.name for one in servers if one.alive} | set(starting)
    number, name = 1, wanted
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name


# --- inside -------------------------------------------------------------------------


def _plan(folder: RunFolder) -> Plan | None:
    """None, too, for one that is broken: the checks say what is wrong with it."""
    try:
        return folder.read_optional("plan.json", Plan)
    except FolderError:
        return None


def _config(folder: RunFolder) -> RunConfig | None:
    try:
        return folder.read_optional("config.json", RunConfig)
    except FolderError:
        return None


def _target(
    workspace: Workspace, plan: Plan | None, config: RunConfig | None
) -> tuple[Target | None, str]:
    if plan is not None:
        path = workspace.path / plan.target_dir
    elif config is not None:
        path = workspace.targets_dir / config.target
    else:
        return None, "Which target it belongs to is not recorded."
    try:
        return load_target(path), ""
    except TargetError as error:
        return None, str(error)


def _base(
    workspace: Workspace, plan: Plan | None, config: RunConfig | None, target: Target | None
) -> tuple[ModelOnDisk | None, str]:
    names = [
        str(stage.spec["model"])
        for stage in (plan.stages if plan else ())
        if stage.kind in (StageKind.EVAL, StageKind.TRAIN) and stage.spec.get("model")
    ]
    if config is not None:
        names.append(config.base_model.id)
    if not names:
        return None, "Which base model it started from is not recorded."
    beside = target.path if target is not None else workspace.path
    for name in dict.fromkeys(names):
        if (found := model_on_disk(name, workspace.path, beside)) is not None:
            # A base that was made here is a hash on disk; its config has its name.
            named = config.base_model.id if config is not None else found.id
            return replace(found, id=named), ""
    made_here = "/.factory/cache/bases/" in names[0]
    how = (
        "It is made again by the pretrain stage of a run of this target."
        if made_here
        else f"Download it first: hf download {names[-1]}"
    )
    return None, f"The base model {names[-1]} is not on this disk. {how}"


def _adapter(run: Path) -> tuple[Path | None, str]:
    path = run / ADAPTER
    missing = [name for name in _ADAPTER_FILES if not (path / name).is_file()]
    if missing:
        return None, f"This run has no adapter here: {ADAPTER}/{missing[0]} is missing."
    return path, ""
