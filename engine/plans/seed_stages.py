"""The stages of further training seeds: the same recipe on the same data, thrown again.

Each seed has an adapter directory and a record of its own; only the primary suite is asked. All
trainings come before the first evaluation of a candidate, since phases only go forward.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.judge.measured import seed_file
from engine.plans.stage_names import CANDIDATE, TRAIN, eval_stage, train_stage
from engine.plans.stages import ADAPTER_FILES
from engine.records.plan import Stage, StageKind
from engine.records.status import Phase
from engine.target import Target, TargetError
from engine.work.specs import MAX_SEED


def further_seeds(target: Target, seed: int) -> list[int]:
    """The training seeds after the run's own. TargetError where there are not so many."""
    count = target.forge.factory.seeds
    if seed <= MAX_SEED < seed + count - 1:
        raise TargetError(
            f"{target.path.name}/forge.yaml: factory.seeds: {count} seeds from {seed} on go over "
            f"the largest one, {MAX_SEED}."
        )
    return list(range(seed + 1, seed + count))


def with_seeds(target: Target, stages: Sequence[Stage], seeds: Sequence[int]) -> list[Stage]:
    """The plan with a training and an evaluation for each further seed; the same plan without any.

    TargetError where the plan has no training or no evaluation of ours to repeat.
    """
    if not seeds:
        return list(stages)
    kinds = {stage.name: stage.kind for stage in stages}
    for name, kind in ((TRAIN, StageKind.TRAIN), (CANDIDATE, StageKind.EVAL)):
        if kinds.get(name) is not kind:
            raise TargetError(
                f"{target.path.name}/forge.yaml: factory.seeds: further seeds repeat the stage "
                f"{name} of ours, and this plan has none. Set factory.seeds to 1."
            )
    found: list[Stage] = []
    for stage in stages:
        if stage.name == TRAIN:
            found += _chain([stage, *(_train(stage, seed) for seed in seeds)], Phase.TRAINED)
        elif stage.name == CANDIDATE:
            found += _chain([stage, *(_eval(stage, seed) for seed in seeds)], Phase.EVALUATED)
        else:
            found.append(stage)
    return found


def _chain(stages: Sequence[Stage], leaves: Phase) -> list[Stage]:
    """Several stages of one phase: only the last one leaves it."""
    last = len(stages) - 1
    return [
        stage.model_copy(update={"leaves": leaves if place == last else None})
        for place, stage in enumerate(stages)
    ]


def adapter_dir(seed: int) -> str:
    """Where the weights of a further seed lie, below the run folder."""
    return f"adapters-seed-{seed}"


def _train(stage: Stage, seed: int) -> Stage:
    place = adapter_dir(seed)
    return stage.model_copy(
        update={
            "name": train_stage(seed),
            "spec": stage.spec | {"seed": seed, "adapter_dir": place, "resume_from": None},
            "outputs": [file.replace("adapters/", f"{place}/", 1) for file in ADAPTER_FILES],
        }
    )


def _eval(stage: Stage, seed: int) -> Stage:
    record = seed_file(seed)
    primary = stage.spec["suites"][0] | {
        "record": record,
        "rows": record.replace("eval-", "rows-", 1) + "l",
    }
    # How long an answer takes is measured on the weights that would be shipped.
    changes = {"adapter": adapter_dir(seed), "seed": seed, "latency_rows": 0, "suites": [primary]}
    spec = {name: one for name, one in (stage.spec | changes).items() if name != "harness"}
    return stage.model_copy(update={"name": eval_stage(seed), "spec": spec, "outputs": [record]})
