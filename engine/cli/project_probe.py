"""The command ``probe``: what a model knows, by open questions, before and after."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.console import (
    Exit,
    JsonOption,
    WorkspaceOption,
    fail,
    narrate,
    print_json,
    print_table,
    printable,
)
from engine.cli.project_rows import TokensOption, UsdOption, spent_words
from engine.cli.project_target import (
    Place,
    ProjectOption,
    TargetArgument,
    place_of,
    say_who,
    target_of,
    workspace_of,
)

if TYPE_CHECKING:
    from engine.evaluating.local import LocalModel
    from engine.project.probes_compared import Against
    from engine.project.probing import Judged
    from engine.records.evaluation import RowResult
    from engine.target import Target
    from engine.teaching.budget import Budget
    from engine.workspace import Workspace

BEST = "best"
"""Names the best adapter of the target."""


def probe(
    target: TargetArgument = None,
    project: ProjectOption = None,
    workspace: WorkspaceOption = None,
    tag: Annotated[
        str | None, typer.Option(help="What this probe is called: base, after-pretrain, …")
    ] = None,
    adapter: Annotated[
        str | None, typer.Option(help="An adapter's directory, a run that trained one, or best.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Another model of this disk.", show_default="model.base of forge.yaml"),
    ] = None,
    teacher: Annotated[
        str | None, typer.Option(help="Who judges.", show_default="flywheel.datagen_model")
    ] = None,
    overlap: Annotated[
        bool, typer.Option("--overlap", help="Ask no teacher: count the ideal answer's words.")
    ] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="Hold the probes there are against each other.")
    ] = False,
    base: Annotated[
        str | None, typer.Option(help="With --compare: the tag to hold others against.")
    ] = None,
    max_usd: UsdOption = None,
    max_tokens: TokensOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a model the questions of dataset/probe.jsonl, and judge the answers from 0 to 3."""
    place = place_of(target, project, workspace)
    if compare:
        if tag or adapter or model:
            fail("--compare asks no model: leave --tag, --adapter and --model out.", Exit.USAGE)
        _compare(place.path, base, as_json)
        return
    if tag is None:
        fail("What is this probe called? --tag base, or --compare.", Exit.USAGE)
    if base is not None:
        fail("--base belongs to --compare.", Exit.USAGE)
    if overlap and teacher:
        fail("--overlap asks no teacher.", Exit.USAGE)
    from engine.teaching.budget import Budget, Caps

    budget = Budget(Caps(tokens=max_tokens, usd=max_usd))
    _probe(place, tag, adapter, model, None if overlap else teacher, overlap, budget, as_json)


def _probe(
    place: Place,
    tag: str,
    adapter: str | None,
    model: str | None,
    teacher: str | None,
    overlap: bool,
    budget: Budget,
    as_json: bool,
) -> None:
    from engine.cli.subject import heard
    from engine.evaluating.local import LocalError
    from engine.project.probing import ProbeError, answers, check_tag, write_probe
    from engine.teaching.errors import TeachingError

    found, home = target_of(place.path), workspace_of(place)
    try:
        check_tag(tag)
        who = _model(found, home, model, adapter)
        command = ["factory-tui", "probe", found.path.name, "--tag", tag]
        command += ["--model", model] if model else []
        command += ["--adapter", adapter] if adapter else []
        narrate(f"{printable(who.label)} on {found.path.name}/dataset/probe.jsonl")
        rows, seconds = answers(found, home, who, tag, shlex.join(command), heard)
        judged, judge = _judged(found, home, rows, teacher, overlap, budget)
        model_name = model or found.forge.model.base
        done = write_probe(found, tag, model_name, adapter, rows, judged, judge, seconds)
    except (ProbeError, LocalError) as error:
        fail(str(error), Exit.NO)
    except TeachingError as error:
        fail(f"{error} The answers are kept in evals/, and no probe was written.", Exit.NO)
    except OSError as error:
        fail(f"{error.filename or 'output'} cannot be written ({error.strerror}).")
    except KeyboardInterrupt:
        fail("Stopped. No probe was written.", Exit.NO)
    if as_json:
        print_json({"path": str(done.path), **done.content})
        return
    content = done.content
    print(
        f"{printable(tag)}  mean {_number(content['mean_score'])} of 3, "
        f"{_number(content['pct_correct'])} % right  n = {content['judged']} of {content['total']}"
    )
    narrate(f"Judged by {printable(judge)}. Kept in {done.path}")
    if budget.spent.calls:
        narrate(f"  {spent_words(budget.spent)}")


def _model(
    target: Target, workspace: Workspace, model: str | None, adapter: str | None
) -> LocalModel:
    from engine.cli.serve import adapter_of
    from engine.evaluating.local import LocalModel
    from engine.project.base_model import BaseError, base_on_disk
    from engine.project.output import best_in
    from engine.serving.managed import model_for
    from engine.serving.store import ServeError

    try:
        if model is not None:
            path = model_for(model, workspace, target.path).path
        else:
            path = base_on_disk(target, workspace, as_runs=True).path
    except (BaseError, ServeError) as error:
        fail(str(error))
    label = model or target.forge.model.base
    if adapter is None:
        return LocalModel(path, None, label)
    if adapter == BEST:
        best = best_in(target.path)
        if best is None or best.adapter is None:
            fail(f"{target.name} has no best adapter below output/.")
        return LocalModel(path, target.path / best.adapter, f"{label} + {best.adapter}")
    inside = target.path / adapter
    folder = inside.resolve() if inside.is_dir() else adapter_of(workspace, adapter).resolve()
    return LocalModel(path, folder, f"{label} + {adapter}")


def _judged(
    target: Target,
    workspace: Workspace,
    rows: list[RowResult],
    teacher: str | None,
    overlap: bool,
    budget: Budget,
) -> tuple[list[Judged], str]:
    from engine.loops.asking import Asking
    from engine.project.growth import NO_TEACHER, ledger_of
    from engine.project.probing import OVERLAP, judge_by_overlap, judge_by_teacher
    from engine.teaching.errors import TeachingError

    if overlap:
        return judge_by_overlap(rows), OVERLAP
    name = teacher or target.forge.flywheel.datagen_model
    say_who(name, Place(target.path, workspace))
    try:
        asking = Asking(name, ledger_of(target), workspace, budget)
        return judge_by_teacher(target, rows, asking), name
    except TeachingError as error:
        if teacher is not None or error.code not in NO_TEACHER:
            raise
        narrate(f"{error} The words of the ideal answers are counted instead.")
        return judge_by_overlap(rows), OVERLAP


# --- comparing ----------------------------------------------------------------------


def _compare(path: Path, base: str | None, as_json: bool) -> None:
    from engine.project.probes_compared import compare, probes_in
    from engine.project.probing import ProbeError

    try:
        found = compare(probes_in(path), base)
    except ProbeError as error:
        fail(str(error), Exit.NO)
    if as_json:
        print_json([_plain(one) for one in found])
        return
    print_table(
        ("TAG", "MEAN", "RIGHT", "N", "Δ", "95 % INTERVAL"),
        [
            (
                printable(one.probe.tag),
                _number(one.probe.mean),
                str(one.probe.right),
                str(len(one.probe.scores)),
                "" if one.delta is None else f"{one.delta:+.2f}",
                "" if one.interval is None else "{:+.2f} to {:+.2f}".format(*one.interval),
            )
            for one in found
        ],
    )
    first = found[0].probe
    for one in found[1:]:
        narrate(f"{printable(one.probe.tag)} against {printable(first.tag)}: {one.told}")
    narrate(
        f"Scores from 0 to {first.best:g}, judged by {printable(first.judge or 'nobody named')}."
    )


def _plain(one: Against) -> dict[str, Any]:
    return {
        "tag": one.probe.tag,
        "file": one.probe.file,
        "model": one.probe.model,
        "adapter": one.probe.adapter,
        "judge": one.probe.judge,
        "mean_score": one.probe.mean,
        "right": one.probe.right,
        "total": len(one.probe.scores),
        "delta": one.delta,
        "interval": one.interval,
        "told": one.told or None,
    }


def _number(value: float | None) -> str:
    return "not recorded" if value is None else f"{value:.2f}"
