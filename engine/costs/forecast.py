"""What a drafted run would cost: from a benchmark of its model, or from earlier runs like it.

Reads files, and asks for no accelerator: for a worker thread. The arithmetic is ``estimate``'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median
from typing import Any, Literal

import psutil

from engine.costs.bench_settings import load_limits
from engine.costs.bench_store import load_benchmark
from engine.costs.bench_words import points_of
from engine.costs.benching import BenchWish
from engine.costs.estimate import (
    Cost,
    Point,
    Range,
    Shape,
    Training,
    peak_bytes,
    step_seconds,
    training_cost,
)
from engine.costs.past_runs import PastRun, past_runs
from engine.costs.verdict import USUAL, PaceLimits
from engine.models import ModelOnDisk, model_on_disk
from engine.plans.planning import Draft
from engine.plans.stage_names import repeats
from engine.records.bench import Benchmark
from engine.records.plan import StageKind
from engine.settings_file import SettingsError
from engine.workspace import Workspace

MAKES_BASE = (StageKind.PRETRAIN, StageKind.CONVERT)
"""Stages whose model is found in the cache the next time."""

WORKER_BYTES = 40 * 2**20
"""What a training worker holds beyond a benchmark's child: rows, checkpoints, what allocators
keep. Between 20 and 50 MB where it was measured."""

LengthSource = Literal["run", "counted", "characters", "limit"]
"""Where the length of rows is from: an earlier run, the model's tokenizer, their characters, or
nowhere: then every row is taken to be as long as the limit."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of the training rows: on average, and of the longest."""

    mean: float
    longest: float
    source: LengthSource


@dataclass(frozen=True, slots=True)
class Estimate:
    """A cost and where it is from. ``runs`` are the runs it rests on, none for a benchmark."""

    cost: Cost
    date: datetime | None
    runs: int = 0
    here: bool = True
    """Whether it was measured on this machine."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """All that is known of a run's cost before it starts. None is "not known"."""

    benchmark: Estimate | None
    runs: Estimate | None
    others: Range | None
    """Seconds of the stages besides training, as they took in earlier runs of the target."""
    lengths: Lengths
    model: ModelOnDisk | None
    """The base on this disk; None where it is not here yet."""
    wish: BenchWish | None
    """The benchmark that would answer for this run; None where no stage of ours trains."""
    total_bytes: int
    free_bytes: int
    limit_bytes: int
    """What a run may take at most: all memory, or what Metal recommends."""
    may_stop_early: bool = False
    limits: PaceLimits = USUAL
    """Which seconds of an iteration are called what."""
    limits_problem: str = ""
    """Why they are the usual ones and not the workspace's, as a sentence; "" where all is well."""

    @property
    def best(self) -> Estimate | None:
        """The estimate to go by."""
        return self.benchmark or self.runs

    @property
    def weights_bytes(self) -> int | None:
        """The least that a run takes: its model's weights."""
        return self.model.size if self.model else None

    @property
    def too_large(self) -> bool:
        """Whether the run is likely to need more memory than there is."""
        peak = self.best.cost.peak if self.best else None
        need = peak.likely if peak else self.weights_bytes
        return need is not None and need > self.limit_bytes

    @property
    def tight(self) -> bool:
        """Whether it may need more than there is, or more than is free now."""
        peak = self.best.cost.peak if self.best else None
        if peak is None:
            return False
        return peak.high > self.limit_bytes or peak.likely > self.free_bytes


def look_ahead(workspace: Workspace, drafted: Draft, counted: Lengths | None = None) -> Outlook:
    """What a drafted run would cost. ``counted`` is what is known of the data's rows."""
    memory = psutil.virtual_memory()
    total, free = int(memory.total), int(memory.available)
    limits, problem = _limits(workspace)
    spec = next((one.spec for one in drafted.plan.stages if one.kind is StageKind.TRAIN), None)
    base = drafted.config.base_model
    if spec is None:
        none = Lengths(0, 0, "limit")
        return Outlook(None, None, None, none, None, None, total, free, total)
    there = model_on_disk(str(spec["model"]), workspace.path, drafted.target.path)
    model = there or _before_conversion(workspace, drafted)
    benchmark = load_benchmark(workspace, model) if model else None
    runs = past_runs(workspace, drafted.config.target, base.id)
    lengths = _lengths(drafted, spec, runs, counted)
    # A base that is not made yet has as many layers as were adapted before.
    before = max((run.layers or 1 for run in runs if run.base_id == base.id), default=1)
    layers = (model.layers if model else None) or before
    wanted = _training(spec, drafted, lengths, layers)
    limit = benchmark.limit_bytes if benchmark and benchmark.limit_bytes else total
    return Outlook(
        benchmark=_for_one(
            spec,
            _from_benchmark(benchmark, wanted, spec, model is there) if benchmark else None,
        ),
        runs=_for_one(spec, _from_runs([run for run in runs if run.base_id == base.id], wanted)),
        others=_other_stages(
            [run for run in runs if run.target == drafted.config.target],
            drafted,
            base_is_there=there is not None,
        ),
        lengths=lengths,
        model=model,
        wish=_wish(spec, lengths),
        total_bytes=total,
        free_bytes=free,
        limit_bytes=min(limit, total),
        may_stop_early=spec.get("early_stop") is not None,
        limits=limits,
        limits_problem=problem,
    )


def _for_one(spec: dict[str, Any], estimate: Estimate | None) -> Estimate | None:
    """The estimate, saying that it is for one machine where several train: what a step takes among
    them hangs on the network and on the slowest, and was not measured."""
    group = spec.get("compute")
    if estimate is None or not isinstance(group, dict):
        return estimate
    doubt = f"this is for one process, and {len(group['hosts'])} train together"
    cost = replace(estimate.cost, beyond=(*estimate.cost.beyond, doubt))
    return replace(estimate, cost=cost)


def _limits(workspace: Workspace) -> tuple[PaceLimits, str]:
    try:
        return load_limits(workspace.path), ""
    except SettingsError as error:
        return USUAL, str(error)


def _lengths(
    drafted: Draft, spec: dict[str, Any], runs: Sequence[PastRun], counted: Lengths | None
) -> Lengths:
    """How long the rows are; a generator's rows are known from an earlier run alone."""
    limit = float(spec["max_seq_len"])
    generated = drafted.target.forge.factory.data.generator is not None
    before = next(
        (
            Lengths(run.mean_tokens, run.longest_tokens, "run")
            for run in runs
            if run.target == drafted.config.target and run.mean_tokens and run.longest_tokens
        ),
        None,
    )
    found = (before or counted) if generated else (counted or before)
    if found is None:
        return Lengths(limit, limit, "limit")
    return Lengths(min(found.mean, limit), min(found.longest, limit), found.source)


def _training(spec: dict[str, Any], drafted: Draft, lengths: Lengths, layers: int) -> Training:
    asked = int(spec["num_layers"])
    valid = drafted.target.forge.factory.data.valid_rows
    iters, every = int(spec["iters"]), int(spec["eval_every"])
    # Each training seed is a training of its own.
    seeds = sum(stage.kind is StageKind.TRAIN for stage in drafted.plan.stages)
    return Training(
        iters=seeds * iters,
        batch_size=int(spec["batch_size"]),
        mean_tokens=lengths.mean,
        longest_tokens=lengths.longest,
        layers=min(asked, layers) if asked > 0 else layers,
        grad_checkpoint=bool(spec["grad_checkpoint"]),
        valid_rows=valid * max(1, len(spec["valid"])),
        validations=seeds * (1 + iters // every),
    )


def _before_conversion(workspace: Workspace, drafted: Draft) -> ModelOnDisk | None:
    """The model that a run would convert first, where it is on this disk."""
    stages = drafted.plan.stages
    convert = next((one for one in stages if one.kind is StageKind.CONVERT), None)
    if convert is None:
        return None
    return model_on_disk(str(convert.spec["model"]), workspace.path, drafted.target.path)


def _from_benchmark(
    record: Benchmark, wanted: Training, spec: dict[str, Any], itself: bool
) -> Estimate:
    """``itself``: the benchmark is of this model, and not of what it will be converted from."""
    extra = 0.0
    if record.trainable_parameters:
        a_rank = record.trainable_parameters / record.lora_rank
        extra = (int(spec["lora"]["rank"]) - record.lora_rank) * a_rank
    wanted = replace(wanted, rank_extra=extra)
    cost = training_cost(
        points_of(record),
        wanted,
        forward_tok_s=record.forward_tokens_per_second,
        start_s=record.load_seconds or 0.0,
        overhead_bytes=(record.overhead_bytes or 0) + WORKER_BYTES,
    )
    if not itself:
        cost = replace(cost, beyond=(*cost.beyond, "4-bit weights (measured as they are now)"))
    return Estimate(cost, record.date)


def _from_runs(runs: Sequence[PastRun], wanted: Training) -> Estimate | None:
    """From the trainings of this machine; where there are none, from those of others."""
    here = [run for run in runs if run.here] or list(runs)
    # In a short training, loading the model outweighs the steps.
    longest_run = max((run.steps for run in here), default=0)
    here = [run for run in here if run.steps >= longest_run / 3]
    times, peaks = [], []
    for run in here:
        # Where a run did not say its tokens, its rows are taken to be as long as the wanted ones.
        mean = run.mean_tokens or wanted.mean_tokens
        longest = run.longest_tokens or wanted.longest_tokens
        layers = run.layers or wanted.layers
        seconds = run.train_seconds / run.steps
        shape = Shape(run.batch_size, mean, layers, run.grad_checkpoint)
        times.append(Point(shape, seconds))
        if run.peak_bytes:
            shape = Shape(run.batch_size, longest, layers, run.grad_checkpoint)
            peaks.append(Point(shape, seconds, run.mlx_bytes or run.peak_bytes))
    if not times:
        return None
    rest = [run.peak_bytes - run.mlx_bytes for run in here if run.peak_bytes and run.mlx_bytes]
    # Validations, loading and saving are in the seconds of a run already.
    step = step_seconds(times, wanted.shape(wanted.mean_tokens))
    peak = peak_bytes(peaks, wanted.shape(wanted.longest_tokens))
    more = median(rest) if rest else 0.0
    cost = Cost(
        step.value.times(wanted.iters) if step else None,
        peak.value.plus(Range(more, more, more)) if peak else None,
        peak.beyond if peak else step.beyond if step else (),
        step.value if step else None,
    )
    newest = max((run.created for run in here if run.created), default=None)
    return Estimate(cost, newest, len(here), here[0].here)


def _other_stages(runs: Sequence[PastRun], drafted: Draft, *, base_is_there: bool) -> Range | None:
    """What the other stages took; None where one of them was never done here."""
    here = [run for run in runs if run.here]
    total = Range(0.0, 0.0, 0.0)
    for stage in drafted.plan.stages:
        if stage.kind is StageKind.TRAIN or (stage.kind in MAKES_BASE and base_is_there):
            continue
        name = repeats(stage.name)
        times = [run.stage_seconds[name] for run in here if name in run.stage_seconds]
        if stage.kind in MAKES_BASE:
            times = [one for one in times if one > 0.5 * max(times)]  # else: found in the cache
        if not times:
            return None
        total = total.plus(Range(min(times), median(times), max(times)))
    return total


def _wish(spec: dict[str, Any], lengths: Lengths) -> BenchWish:
    asked = int(spec["num_layers"])
    keys = spec["lora"].get("keys")
    return BenchWish(
        batch_size=int(spec["batch_size"]),
        seq_len=max(8, round(lengths.longest)),
        layers=max(0, asked),
        lora_rank=int(spec["lora"]["rank"]),
        lora_keys=tuple(keys) if keys is not None else None,
        optimizer=str(spec["optimizer"]),
    )
