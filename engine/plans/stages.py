"""From a target's settings to the stages of a run's plan."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engine.answers.target_suites import SYSTEM_PROMPT, TargetSuite, system_prompt
from engine.records.plan import Stage, StageKind
from engine.records.status import Phase
from engine.target import Target, TargetError

USUAL = ["pretrain", "data", "eval-baseline", "train", "eval-candidate", "report"]
"""The plan of a target that names no stages of its own."""

ADAPTER_FILES = ("adapters/adapters.safetensors", "adapters/adapter_config.json")
"""What a training leaves in the run folder, whoever's command it is."""


@dataclass(frozen=True)
class Conversion:
    """What a base is converted from before a run's first stage: ``model`` as workers load it."""

    model: str
    revision: str | None
    bits: int
    group_size: int
    precision: str | None
    """Of the weights as they are."""


@dataclass(frozen=True)
class Base:
    """The model that a run starts from, and where workers load it."""

    id: str
    model: str
    revision: str | None
    precision: str | None
    recipe: dict[str, Any] | None = None
    conversion: Conversion | None = None


def build_stages(
    target: Target,
    base: Base,
    train: dict[str, Any],
    seed: int,
    suites: Sequence[TargetSuite],
) -> list[Stage]:
    """The stages of a plan in their order, each with the limits that the target sets for it.

    ``suites`` are the target's, as they were read: the primary one first.
    """
    stages = _unlimited(target, base, train, seed, suites)
    limits = target.forge.factory.limits
    if unknown := sorted(set(limits) - {stage.name for stage in stages}):
        raise TargetError(
            f"{target.path.name}/forge.yaml: factory.limits: no stage {', '.join(unknown)} in this "
            f"plan; it has {', '.join(stage.name for stage in stages)}."
        )
    return [
        stage.model_copy(update=limits[stage.name].model_dump(exclude_unset=True))
        if stage.name in limits
        else stage
        for stage in stages
    ]


def _unlimited(
    target: Target,
    base: Base,
    train: dict[str, Any],
    seed: int,
    suites: Sequence[TargetSuite],
) -> list[Stage]:
    wanted = target.forge.factory.stages or USUAL
    stages = []
    for place, item in enumerate(wanted):
        if isinstance(item, dict):
            stages.append(_command_stage(target, item, judged=_is_judged(wanted, place)))
        elif item == "pretrain":
            if base.recipe is not None:
                stages.append(_pretrain(target, base, seed))
        elif item == "data":
            stages.append(_data(target, seed))
        elif item in ("eval-baseline", "eval-candidate"):
            stages.append(_eval(target, base, seed, suites, candidate=item == "eval-candidate"))
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
    if base.conversion is not None and any(one.spec.get("model") == base.model for one in stages):
        stages.insert(0, _convert(base.model, base.conversion))
    return stages


def command_stages(target: Target) -> list[Stage]:
    """The stages that are commands of the target's own, as every plan of it has them; TargetError
    for one that is none."""
    wanted = target.forge.factory.stages or ()
    return [
        _command_stage(target, item, judged=_is_judged(wanted, place))
        for place, item in enumerate(wanted)
        if isinstance(item, dict)
    ]


def _is_judged(wanted: Sequence[Any], place: int) -> bool:
    """Whether a candidate is evaluated after the stage at this place."""
    return "eval-candidate" in wanted[place + 1 :]


def _worker(kind: str) -> list[str]:
    # -P: a file of the target's own folder never shadows a module of ours.
    return ["{python}", "-P", "-m", f"engine.work.{kind}"]


def _pretrain(target: Target, base: Base, seed: int) -> Stage:
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


def _convert(out: str, conversion: Conversion) -> Stage:
    return Stage(
        name="convert",
        kind=StageKind.CONVERT,
        argv=_worker("convert"),
        spec={
            "model": conversion.model,
            "revision": conversion.revision,
            "bits": conversion.bits,
            "group_size": conversion.group_size,
            "out": out,
        },
        silence_s=None,  # a model that is fetched and packed says nothing for as long as it takes
    )


def _data(target: Target, seed: int) -> Stage:
    forge = target.forge
    system_prompt = target.path / "system_prompt.md"
    canonical = forge.dataset.canonical
    has_canonical = canonical is not None and target.file(canonical).is_file()
    data = forge.factory.data
    seed_rows = forge.dataset.seed
    shown = [seed_rows] if seed_rows is not None and target.file(seed_rows).is_file() else []
    outputs = ["data/train.jsonl", "data/valid.jsonl", "leakage.json"]
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
            "gold": [suite.file for suite in target.held_out],
            "shown": shown,
            "seed": seed,
            "system_prompt": "system_prompt.md" if _has_text(system_prompt) else None,
        },
        leaves=Phase.DATA_READY,
        needs_accelerator=False,
        outputs=outputs,
    )


def _has_text(path: Path) -> bool:
    return path.is_file() and bool(path.read_text("utf-8", errors="replace").strip())


def _eval(
    target: Target, base: Base, seed: int, suites: Sequence[TargetSuite], *, candidate: bool
) -> Stage:
    forge = target.forge
    which = "candidate" if candidate else "baseline"
    specs = [_suite(target, one, which, number) for number, one in enumerate(suites)]
    harness = [
        one.model_dump(mode="json") | {"record": f"eval-{_stem(which, number)}.json"}
        for number, one in enumerate(forge.factory.suites.lm_eval, start=len(specs))
    ]
    return Stage(
        name=f"eval-{which}",
        kind=StageKind.EVAL,
        argv=_worker("evaluate"),
        spec={
            "model": base.model,
            "adapter": "adapters" if candidate else None,
            "batch_size": None,
            "max_new_tokens": forge.eval.max_new_tokens,
            "exact": False,
            "seed": seed,
            **_forbidden(forge.eval.forbidden_commands),
            **forge.factory.eval,
            "suites": specs,
            **({"harness": harness} if harness else {}),
        },
        enters=Phase.EVALUATING if candidate else None,
        leaves=Phase.EVALUATED if candidate else None,
        outputs=[str(spec["record"]) for spec in [*specs, *harness]],
    )


def _suite(target: Target, one: TargetSuite, which: str, number: int) -> dict[str, Any]:
    """What an eval stage is told of a suite, the one with ``number`` 0 being the primary one."""
    stem = which if number == 0 else f"regression-{which}"
    # The documented schema has room for one regression suite; more get a name of their own.
    stem += "" if number < 2 else f"-{number}"
    spec: dict[str, Any] = {
        "role": "regression" if number else "primary",
        "name": one.ref.name,
        "file": one.ref.file,
        "scorer": one.suite.scorer,
        "direction": one.suite.direction,
        "record": f"eval-{stem}.json",
        "rows": f"rows-{stem}.jsonl",
        "system_prompt": SYSTEM_PROMPT if number == 0 and system_prompt(target) else None,
    }
    spec |= {"exact": True} if one.ref.exact else {}
    return spec | ({} if one.ref.server is None else {"server": one.ref.server})


def _stem(which: str, number: int) -> str:
    """What the files of a suite are called after, the one with ``number`` 0 being the primary."""
    if number == 0:
        return which
    # The documented schema has room for one regression suite; more get a name of their own.
    return f"regression-{which}" + ("" if number < 2 else f"-{number}")


def _forbidden(commands: list[str]) -> dict[str, Any]:
    return {"forbidden_commands": list(commands)} if commands else {}


def _train(spec: dict[str, Any]) -> Stage:
    return Stage(
        name="train",
        kind=StageKind.TRAIN,
        argv=_worker("ranks" if spec.get("compute") else "train"),
        spec=spec,
        enters=Phase.TRAINING,
        leaves=Phase.TRAINED,
        outputs=list(ADAPTER_FILES),
    )


def _fuse(base: Base) -> Stage:
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
        cwd="{run}",
        enters=Phase.REPORTING,
        needs_accelerator=False,
        outputs=["report.md"],
    )


def _command_stage(target: Target, item: dict[str, Any], *, judged: bool) -> Stage:
    """A command of the target's own; phases as for training unless it says otherwise.

    ``judged`` is whether a candidate is evaluated after it. One called train then has to leave
    its adapter in the run folder, and mlx-lm's own trainer is told where that is.
    """
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
        if judged:
            defaults["outputs"] = list(ADAPTER_FILES)
            item = item | {"argv": _with_adapter_path(item["argv"])}
    try:
        return Stage.model_validate(defaults | item)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise TargetError(
            f"{target.path.name}/forge.yaml: factory.stages: {item['name']}: {wrong}."
        ) from error


def _with_adapter_path(argv: list[Any]) -> list[Any]:
    """``argv``, telling mlx-lm's trainer to write into the run folder unless it says where."""
    words = [str(word) for word in argv]
    ours = any(Path(word).name == "mlx_lm.lora" for word in words[:1]) or any(
        pair in (("mlx_lm", "lora"), ("-m", "mlx_lm.lora")) for pair in itertools.pairwise(words)
    )
    says = any(word.split("=", 1)[0] == "--adapter-path" for word in words)
    return [*argv, "--adapter-path", "{run}/adapters"] if ours and not says else argv
