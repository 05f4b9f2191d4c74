"""The command that measures what a model costs on this machine."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    from engine.costs.benching import BenchError, measure

    place = open_workspace(workspace)
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
    except KeyboardInterrupt:
        fail("Stopped; nothing was kept.", Exit.NO)
    if as_json:
        print_json(record.model_dump(mode="json"))
    else:
        _show(record)


def _subject(place: Workspace, name: str) -> tuple[ModelOnDisk, BenchWish]:
    """The model that was named, and the shape to measure: of a target, that of its training."""
    from engine.costs.benching import BenchWish
    from engine.costs.forecast import look_ahead
    from engine.models import model_on_disk
    from engine.plans.planning import draft
    from engine.target import TargetError

    if (place.targets_dir / name / "forge.yaml").is_file():
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


def _show(record: Benchmark) -> None:
    rows = [
        (
            str(point.batch_size),
            str(point.seq_len),
            f"{point.layers}/{record.layers}",
            "yes" if point.grad_checkpoint else "no",
            f"{point.seconds_per_iteration:.3g}",
            numbers.count(point.tokens_per_second),
            numbers.size(point.mlx_peak_bytes),
        )
        for point in record.points
    ]
    print_table(("BATCH", "TOKENS", "LAYERS", "CHECKPOINT", "S/STEP", "TOK/S", "PEAK"), rows)
    print(
        f"prompt {numbers.count(record.prompt_tokens_per_second)} tok/s · generation "
        f"{numbers.count(record.generation_tokens_per_second)} tok/s · the process itself "
        f"{numbers.size(record.overhead_bytes)}"
    )
    for note in record.notes:
        narrate(f"  ⚠ {printable(note)}")
    sys.stdout.flush()
