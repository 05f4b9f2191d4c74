"""The command that measures what a model costs on this machine."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine import numbers
from engine.cli.console import (
    Exit,
    JsonOption,
    WorkspaceOption,
    fail,
    narrate,
    open_workspace,
    print_json,
    print_table,
    printable,
)

if TYPE_CHECKING:
    from engine.costs.benching import BenchWish
    from engine.costs.estimate import Range
    from engine.costs.verdict import PaceLimits
    from engine.models import ModelOnDisk
    from engine.records.bench import Benchmark
    from engine.workspace import Workspace


def bench(
    model: Annotated[
        str, typer.Argument(help="A hub id or a directory of a model on this disk, or a target.")
    ],
    workspace: WorkspaceOption = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, max=4096, help="Rows of a batch.", show_default="4")
    ] = None,
    seq_len: Annotated[
        int | None,
        typer.Option(min=8, max=1_000_000, help="Tokens of the longest row.", show_default="512"),
    ] = None,
    layers: Annotated[
        int | None,
        typer.Option(min=1, help="Also with adapters on so many last layers.", show_default="half"),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=1, max=3600, help="About how long it may take.")
    ] = 40.0,
    as_json: JsonOption = False,
) -> None:
    """Measure a model here: seconds of a training step, tokens a second, memory at its peak.

    New run takes its estimates from the result, which is kept in the workspace.
    """
    from engine.costs.bench_settings import load_limits
    from engine.costs.benching import BenchError, measure
    from engine.helper import HelperStopped
    from engine.settings_file import SettingsError

    place = open_workspace(workspace)
    try:
        limits = load_limits(place.path)
    except SettingsError as error:
        fail(str(error), Exit.NO)
    found, wish = _subject(place, model)
    wish = replace(
        wish,
        batch_size=batch_size or wish.batch_size,
        seq_len=seq_len or wish.seq_len,
        layers=layers or wish.layers,
        seconds=seconds,
    )

    said: list[str] = []

    def told(what: str, done: int, total: int) -> None:
        if not said or said[-1] != what:
            said.append(what)
            narrate(f"  {f'{done + 1} of {total}  ' if total else ''}{what}")

    narrate(f"Measuring {printable(found.id)}, about {seconds:.0f} s.")
    try:
        record = measure(place, found, wish, told)
    except BenchError as error:
        fail(str(error), Exit.NO)
    except (KeyboardInterrupt, HelperStopped):
        fail("Stopped; nothing was kept.", Exit.NO)
    own = _own_setting(place, model, record, wish)
    if as_json:
        print_json(_as_json(record, limits, own))
    else:
        _show(record, limits, own)


def _is_target(place: Workspace, name: str) -> bool:
    return (place.targets_dir / name / "forge.yaml").is_file()


def _subject(place: Workspace, name: str) -> tuple[ModelOnDisk, BenchWish]:
    """The model that was named, and the shape to measure: of a target, that of its training."""
    from engine.costs.benching import BenchWish
    from engine.costs.forecast import look_ahead
    from engine.models import model_on_disk
    from engine.plans.planning import draft
    from engine.target import TargetError

    if _is_target(place, name):
        try:
            drafted = draft(place, place.targets_dir / name)
        except TargetError as error:
            fail(str(error))
        outlook = look_ahead(place, drafted)
        if outlook.wish is None:
            fail(f"{name} trains with a command of its own: there is nothing to measure.")
        if outlook.model is None:
            fail(
                f"The base of {name} is not on this disk yet: a run makes or fetches it. "
                f"Start one (factory-tui run {name}), then measure."
            )
        return replace(outlook.model, id=drafted.config.base_model.id), outlook.wish
    found = model_on_disk(name, place.path, Path.cwd())
    if found is None:
        fail(
            f"{name} is neither a target of this workspace nor a model on this disk. Name a "
            f"directory, or download it first: hf download {name}"
        )
    return found, BenchWish()


@dataclass(frozen=True, slots=True)
class _Own:
    """The setting that was asked for, and the seconds of its iteration."""

    what: str
    step: Range


def _own_setting(place: Workspace, name: str, record: Benchmark, wish: BenchWish) -> _Own | None:
    """A target's own training; of a model, the shape that was asked for. None: not measurable."""
    from engine.costs.bench_words import points_of
    from engine.costs.estimate import Shape, step_seconds
    from engine.costs.forecast import look_ahead
    from engine.plans.planning import draft

    if _is_target(place, name):
        drafted = draft(place, place.targets_dir / name)
        outlook = look_ahead(place, drafted)
        step = outlook.benchmark.cost.step if outlook.benchmark else None
        rows = drafted.config.hyperparameters["batch_size"]
        what = f"{name} as it is set (batch {rows} × {outlook.lengths.mean:,.0f} tokens on average)"
        return _Own(what, step) if step else None
    shape = Shape(wish.batch_size, wish.seq_len, wish.layers or record.layers)
    forecast = step_seconds(points_of(record), shape)
    what = f"batch {wish.batch_size} × {wish.seq_len} tokens, {shape.layers} layers"
    return _Own(what, forecast.value) if forecast else None


def _as_json(record: Benchmark, limits: PaceLimits, own: _Own | None) -> dict[str, Any]:
    """The record, with what follows from it; ``own_setting`` is null where nothing does."""
    from engine.costs.verdict import verdict

    told = record.model_dump(mode="json")
    for shown, point in zip(told["points"], record.points, strict=True):
        shown["tokens_per_second"] = point.tokens_per_second
        shown["verdict"] = verdict(point.seconds_per_iteration, limits)
    told["limits"] = asdict(limits)
    told["own_setting"] = own and {
        "what": own.what,
        "seconds_per_iteration": asdict(own.step),
        "verdict": verdict(own.step.likely, limits),
    }
    return told


def _show(record: Benchmark, limits: PaceLimits, own: _Own | None) -> None:
    from engine.costs.bench_words import memory_in_words
    from engine.costs.verdict import pace_in_words, verdict, verdict_in_words

    rows = [
        (
            str(point.batch_size),
            str(point.seq_len),
            f"{point.layers}/{record.layers}",
            "yes" if point.grad_checkpoint else "no",
            f"{point.seconds_per_iteration:.3g}",
            numbers.count(point.tokens_per_second),
            numbers.size(point.mlx_peak_bytes),
            verdict(point.seconds_per_iteration, limits),
        )
        for point in record.points
    ]
    header = ("BATCH", "TOKENS", "LAYERS", "CHECKPOINT", "S/ITER", "TRAIN TOK/S", "PEAK", "VERDICT")
    print_table(header, rows)
    print(
        f"prompt {numbers.count(record.prompt_tokens_per_second)} tok/s · generation "
        f"{numbers.count(record.generation_tokens_per_second)} tok/s · {memory_in_words(record)}"
    )
    if own is not None:
        pace = pace_in_words(own.step.likely)
        print(f"{own.what}: about {pace} an iteration: {verdict_in_words(own.step, limits)}")
    print(f"  {limits.in_words()}")
    for note in record.notes:
        narrate(f"  ⚠ {printable(note)}")
    sys.stdout.flush()
