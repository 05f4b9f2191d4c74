"""What is wrong with a plan, said before anything starts: names, and the settings of each stage."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from engine.evaluating.harness import HarnessError, harness_version
from engine.models import model_on_disk
from engine.module_names import nearest, unknown_in
from engine.records.plan import Stage, StageKind
from engine.secrecy import HIDDEN, Hider, is_secret
from engine.supervise.command import redact
from engine.target import Target
from engine.work.specs import MAX_SEED, SPECS

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_SECTIONS = {
    "pretrain": "factory.base, data",
    "convert": "model.load_in_4bit",
    "data": "factory.data",
    "train": "factory.train",
}
"""Where in forge.yaml the settings of a kind of stage stand, besides the documented sections."""


def problems(
    target: Target, stages: Sequence[Stage], seed: int, *, named: Collection[str]
) -> list[str]:
    """A sentence for everything that would stop these stages at their start; [] for none.

    ``named`` are the variables that hold keys of the workspace (``key_names``).
    """
    place = f"{target.path.name}/forge.yaml"
    found = []
    if not 0 <= seed <= MAX_SEED:
        found.append(f"{place}: the seed {seed} is not between 0 and {MAX_SEED}.")
        return found  # every stage has it: once is enough
    for name, times in Counter(stage.name for stage in stages).items():
        if times > 1:
            found.append(f"{place}: factory.stages: {times} stages are called {name}; rename them.")
        if not _NAME.fullmatch(name):
            found.append(
                f"{place}: factory.stages: {name!r} is no name of a stage: letters, digits, '.', "
                "'_' and '-' only."
            )
    harness = target.forge.factory.suites.lm_eval
    names = [suite.name for suite in target.held_out] + [suite.name for suite in harness]
    for name, times in Counter(names).items():
        if times > 1:
            found.append(f"{place}: factory.suites: {times} suites are called {name}; rename them.")
    for stage in stages:
        wrong = [*_wrong_settings(stage), *_open_secrets(stage, named)]
        found += [f"{place}: {one}" for one in wrong]
    found += [f"{place}: {one}" for one in _unknown_modules(target, stages)]
    if harness:
        try:
            harness_version()
        except HarnessError as error:
            found.append(f"{place}: factory.suites.lm_eval: {error}")
    return found


def _wrong_settings(stage: Stage) -> list[str]:
    model = SPECS.get(stage.kind)
    if model is None:
        return []
    try:
        model.model_validate(stage.spec)
    except ValidationError as error:
        where = _SECTIONS.get(stage.kind, f"factory.{stage.kind}")
        return [f"stage {stage.name} ({where}): {_said(one)}." for one in error.errors()]
    return []


def _open_secrets(stage: Stage, named: Collection[str]) -> list[str]:
    """A key that stands in a command would be in plan.json, and in the machine's list of processes
    for everybody on it."""
    if stage.kind is not StageKind.COMMAND:
        return []
    hide = Hider(os.environ, named=named)
    shown = redact(stage.argv, hide)
    words = [f"argv names {one}" for one in shown if HIDDEN in one and one not in stage.argv]
    words += [
        f"env sets {name}"
        for name, value in stage.env.items()
        if value and (is_secret(name) or name in named or hide(value) != value)
    ]
    return [
        f"stage {stage.name}: {one}: a key or password stands in the file. Leave it in the "
        "environment, which the command has, and let it read it there."
        for one in words
    ]


def _unknown_modules(target: Target, stages: Sequence[Stage]) -> list[str]:
    """Modules that adapters are asked for and that the base does not have; nothing is said where it
    is not on this disk, or made from a recipe: the training looks again."""
    train = next((one for one in stages if one.kind is StageKind.TRAIN), None)
    if train is None or target.forge.factory.base is not None:
        return []
    lora = train.spec.get("lora")
    asked = lora.get("keys") if isinstance(lora, dict) else None
    model = model_on_disk(target.forge.model.base, target.path, target.path)
    if model is None or not isinstance(asked, list):
        return []
    unknown, there = unknown_in(model.path, [str(one) for one in asked])
    if not unknown:
        return []
    return [
        f"lora.target_modules: {target.forge.model.base} has no {', '.join(unknown)}."
        f"{nearest(unknown, there)} It has {', '.join(there)}."
    ]


def _said(error: ErrorDetails) -> str:
    """What is wrong, after the name of the setting; what is wrong with several stands alone."""
    sentence = error["msg"].removeprefix("Value error, ")
    place = ".".join(map(str, error["loc"]))
    return f"{place}: {sentence}" if place else sentence
