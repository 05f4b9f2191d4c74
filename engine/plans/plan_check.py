"""What is wrong with a plan, said before anything starts: names, and the settings of each stage."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from engine.evaluating.harness import HarnessError, harness_version
from engine.records.plan import Stage
from engine.target import Target
from engine.work.specs import MAX_SEED, SPECS

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_SECTIONS = {"pretrain": "factory.base, data", "data": "factory.data", "train": "factory.train"}
"""Where in forge.yaml the settings of a kind of stage stand, besides the documented sections."""


def problems(target: Target, stages: Sequence[Stage], seed: int) -> list[str]:
    """A sentence for everything that would stop these stages at their start; [] for none."""
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
        found += [f"{place}: {one}" for one in _wrong_settings(stage)]
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


def _said(error: ErrorDetails) -> str:
    """What is wrong, after the name of the setting; what is wrong with several stands alone."""
    sentence = error["msg"].removeprefix("Value error, ")
    place = ".".join(map(str, error["loc"]))
    return f"{place}: {sentence}" if place else sentence
