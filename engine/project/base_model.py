"""The base model of a target, where it is on this disk."""

from __future__ import annotations

from engine.models import ModelOnDisk, model_on_disk
from engine.plans.planning import base_of
from engine.target import Target, TargetError
from engine.workspace import Workspace


class BaseError(Exception):
    """There is no base model to load; the text says what to do."""


def base_on_disk(target: Target, workspace: Workspace, *, as_runs: bool = False) -> ModelOnDisk:
    """The model that ``model.base`` or the recipe of the base names; ``as_runs``: in four bits,
    where runs of the target have it converted and it is there.

    BaseError where it is not there, or is an adapter; the hub is not asked.
    """
    name = target.forge.model.base
    recipe = target.forge.factory.base is not None
    folder = target.path / name
    if not recipe and is_adapter(target, name):
        raise BaseError(
            f"model.base: {name} is an adapter, not a model, and adapters are not stacked on "
            "adapters. Name the model that it was trained on, or one that was fused."
        )
    found = None if recipe else model_on_disk(name, workspace.path, target.path)
    if recipe or (found is not None and as_runs):
        try:
            where = base_of(workspace, target, target.forge.training.seed).model
        except TargetError as error:
            raise BaseError(str(error)) from error
        found = model_on_disk(where, workspace.path, target.path) or found
    if found is not None:
        return found
    if recipe:
        raise BaseError(
            f"The base of {target.name} is made by its first run, and is not there yet. Run it "
            f"first: factory-tui run {target.path.name}"
        )
    kind = "holds no whole model" if folder.is_dir() else "is not on this disk"
    raise BaseError(
        f"model.base: {name} {kind}. Name a directory with config.json and *.safetensors, or "
        f"download it first: hf download {name}"
    )


def is_adapter(target: Target, name: str) -> bool:
    """Whether ``model.base`` names a folder that holds an adapter and no model."""
    folder = target.path / name
    return (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file()
