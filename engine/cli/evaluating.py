"""The command ``eval``: suites answered by a model of this disk, a server, or an endpoint."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine import numbers
from engine.cli import subject
from engine.cli.asking import KeyOption, SecondsOption, UrlOption
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

if TYPE_CHECKING:
    from engine.evaluating.wanted import Wanted
    from engine.records.evaluation import EvalResult, RowResult

SHOWN_FAILURES = 5
SHOWN_TEXT = 160

SuiteArgument = Annotated[str, typer.Argument(help="A suite file, or a target of this workspace.")]
TargetArgument = Annotated[str, typer.Argument(help="A target of this workspace, or its folder.")]
SuiteOption = Annotated[
    str | None, typer.Option("--suite", help="Only this suite of the target.", show_default="all")
]
ServerOption = Annotated[
    str | None, typer.Option("--of", help="A server of this workspace that runs.")
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        help="A model of this disk (directory or hub id); with --url its name there.",
        show_default=False,
    ),
]
AdapterOption = Annotated[
    str | None, typer.Option(help="An adapter's directory, or a run that trained one.")
]
RowsOption = Annotated[
    int | None, typer.Option(min=1, help="Only the first so many examples.", show_default="all")
]
ConcurrencyOption = Annotated[
    int, typer.Option(min=1, max=64, help="Questions under way at an endpoint at a time.")
]
TokensOption = Annotated[
    int | None,
    typer.Option(
        min=1, max=100_000, help="Tokens of an answer.", show_default="the target's, or 256"
    ),
]
ExtraOption = Annotated[
    str | None,
    typer.Option(
        help="JSON that goes into each request; null leaves a field out: '{\"max_tokens\": null}'"
    ),
]


def evaluate(
    what: SuiteArgument,
    workspace: WorkspaceOption = None,
    suite: SuiteOption = None,
    url: UrlOption = None,
    model: ModelOption = None,
    key_variable: KeyOption = None,
    of: ServerOption = None,
    adapter: AdapterOption = None,
    scorer: Annotated[
        str | None, typer.Option(help="Of a suite file without a header.", show_default="json_cmd")
    ] = None,
    rows: RowsOption = None,
    max_tokens: TokensOption = None,
    concurrency: ConcurrencyOption = 4,
    extra: ExtraOption = None,
    seconds: SecondsOption = 600.0,
    out: Annotated[
        Path | None, typer.Option(help="Where records and rows go.", show_default="evals/…")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="An eval record to hold the new one against.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate a model on a suite or on a target's suites, outside of a run.

    Asks every example, scores the answers, and keeps an eval record with its rows.
    """
    place = subject.workspace_of(workspace, needed=out is None or url is None)
    asked = subject.Asked(url, model, key_variable, of, adapter, concurrency, extra, seconds)
    wanted = subject.wanted_of(what, place, suite, scorer, rows, max_tokens)
    who = subject.who_of(place, asked)
    before = _read(against) if against else None
    folder = subject.folder_for(place, out, wanted, who)
    command = shlex.join(["factory-tui", "eval", *arguments(what, suite, scorer, rows, max_tokens)])
    command += asked.shown
    narrate(f"{printable(who.label)} on {printable(names(wanted))}")
    troubles = subject.measured(place, who, wanted, folder, command)
    found = records(folder, wanted)
    if as_json:
        print_json([one.model_dump(mode="json") for one, _ in found])
    else:
        for record, scored in found:
            show(record, scored)
    if before is not None:
        _hold_against(before, found)
    for trouble in troubles:
        narrate(f"✘ {trouble}")
    narrate(f"Kept in {folder}")
    if troubles or not found:
        raise typer.Exit(int(Exit.NO))


def show(record: EvalResult, rows: list[RowResult]) -> None:
    """One evaluation as text: score, slices, form, what failed, what is missing."""
    share = record.metric is None or 0 <= record.score <= 1
    word = numbers.score(record.score) if share else f"{record.score:g}"
    interval = record.interval
    how = (
        f"  ({100 * interval.confidence:g} % interval {numbers.score(interval.low)} to "
        f"{numbers.score(interval.high)})"
        if interval
        else ""
    )
    print(f"{printable(record.suite)}  {record.metric or 'score'} {word}{how}  n = {record.n}")
    if record.slices:
        print_table(
            ("SLICE", "N", "SCORE"),
            [
                (printable(name), str(part["n"]), numbers.score(part["score"]))
                for name, part in record.slices.items()
            ],
        )
    parts = [f"{name.replace('_', ' ')} {share:.1%}" for name, share in record.format.items()]
    if record.safety_violations is not None:
        parts.append(f"safety violations {record.safety_violations}")
    if record.latency_ms is not None:
        parts.append(f"{record.latency_ms:.0f} ms an answer")
    print("form    " + " · ".join(parts))
    failed = [row for row in rows if not row.correct]
    if failed:
        print(f"failed  {len(failed)} of {len(rows)}")
    for row in failed[:SHOWN_FAILURES]:
        print(f"  {_clip(row.id)}: {_clip(row.error or 'wrong')}")
        print(f"    asked {_clip(row.prompt)}")
        print(f"    got   {_clip(row.got)}")
    if record.unscored:
        print(f"without a score  {len(record.unscored)}: missing, not wrong")
    for example, why in list(record.unscored.items())[:SHOWN_FAILURES]:
        print(f"  {_clip(example)}: {_clip(why)}")
    sys.stdout.flush()


def arguments(
    what: str, suite: str | None, scorer: str | None, rows: int | None, max_tokens: int | None
) -> list[str]:
    """What was named and how much of it, as it is typed."""
    options: tuple[tuple[str, Any], ...] = (
        ("--suite", suite),
        ("--scorer", scorer),
        ("--rows", rows),
        ("--max-tokens", max_tokens),
    )
    given = [(name, str(value)) for name, value in options if value is not None]
    return [what, *(part for pair in given for part in pair)]


def names(wanted: Wanted) -> str:
    """The suites, each with its number of examples."""
    return ", ".join(f"{one.suite.name} ({len(one.suite.examples)})" for one in wanted.suites)


def records(folder: Path, wanted: Wanted) -> list[tuple[EvalResult, list[RowResult]]]:
    """The records that were written, with their rows."""
    from engine.evaluating.places import file_names

    return [_read(folder / name) for name, _ in file_names(wanted) if (folder / name).exists()]


# --- inside -------------------------------------------------------------------------


def _read(file: Path) -> tuple[EvalResult, list[RowResult]]:
    from engine.evaluating.against import AgainstError, read_evaluation

    try:
        return read_evaluation(file)
    except AgainstError as error:
        fail(str(error))


def _hold_against(
    before: tuple[EvalResult, list[RowResult]],
    records: list[tuple[EvalResult, list[RowResult]]],
) -> None:
    from engine.evaluating.against import held_against

    fitting = [one for one in records if one[0].suite == before[0].suite]
    if not fitting:
        narrate(f"None of these is {printable(before[0].suite)}: there is nothing to hold against.")
    for one in fitting:
        print(f"against {printable(before[0].model_id)}: {printable(held_against(before, one))}")


def _clip(text: str) -> str:
    line = printable(" ".join(text.split()))
    return line if len(line) <= SHOWN_TEXT else line[: SHOWN_TEXT - 1] + "…"
