"""The command ``export``: runs and events as tables for analysis."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.console import (
    Exit,
    JsonOption,
    WorkspaceOption,
    fail,
    narrate,
    open_workspace,
    print_json,
    print_table,
    run_path,
)

if TYPE_CHECKING:
    from engine.catalogue.summary import RunSummary
    from engine.exporting.making import Exported, Format

_SHOWN = 20
"""So many sentences of what was left out are said; the others are counted."""


def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="A folder, or for a database a file.")],
    runs: Annotated[
        list[str] | None, typer.Argument(help="Runs, by id or its beginning; without, all.")
    ] = None,
    workspace: WorkspaceOption = None,
    query: Annotated[
        str | None, typer.Option("--filter", "-f", help="As of list: target:sql decision:ship")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="parquet, duckdb or csv; without it a file that ends with .duckdb is a database, "
            "and all else Parquet.",
            show_default=False,
        ),
    ] = None,
    scored: Annotated[
        bool,
        typer.Option("--rows", help="The scored examples as well. They are held-out data."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write runs, metrics, events, evals and gates as tables: Parquet, DuckDB or CSV."""
    from engine.exporting.making import ExportError
    from engine.exporting.making import export as make

    form = _format(kind, out)
    _outside_of_runs(workspace, runs, out)
    wanted = _filtered(_summaries(workspace, runs), query)
    if not wanted:
        fail("No run fits, so nothing was written. See what is there: factory-tui list", Exit.NO)
    try:
        exported = make(wanted, out.absolute(), form, scored=scored, force=force, told=narrate)
    except ExportError as error:
        fail(str(error), Exit.NO)
    _tell(exported, out, scored)
    if as_json:
        print_json(
            {
                "out": str(out),
                "format": form,
                "rows": dict(exported.rows),
                "left_out": exported.left_out,
            }
        )
    else:
        print_table(("TABLE", "ROWS"), [(name, f"{n:,}") for name, n in exported.rows.items()])


def _format(kind: str | None, out: Path) -> Format:
    from engine.exporting.making import FORMATS

    if kind is None:
        return "duckdb" if out.suffix == ".duckdb" else "parquet"
    known: dict[str, Format] = {one: one for one in FORMATS}
    if kind not in known:
        fail(f"{kind} is no format of an export: {', '.join(FORMATS)}.", Exit.USAGE)
    return known[kind]


def _summaries(workspace: Path | None, runs: list[str] | None) -> list[RunSummary]:
    from engine.catalogue.summary import summarise
    from engine.quick_json import loads

    if runs:
        paths = list(dict.fromkeys(run_path(workspace, run) for run in runs))
    else:
        paths = list(open_workspace(workspace).run_paths())
    return [summarise(path, loads=loads) for path in paths]


def _filtered(summaries: list[RunSummary], query: str | None) -> list[RunSummary]:
    if not query:
        return summaries
    from engine.catalogue.run_facts import facts
    from engine.catalogue.run_filter import FilterError, parse

    try:
        wanted = parse(query)
    except FilterError as error:
        fail(f"{query}\n{error.marked()}\n{error.message}", Exit.USAGE)
    now = datetime.now(UTC)
    return [one for one in summaries if wanted.matches(facts(one, now))]


def _outside_of_runs(workspace: Path | None, runs: list[str] | None, out: Path) -> None:
    """End where the export would lie among the runs, which hold evidence only."""
    place = out.resolve()
    named = [run_path(workspace, run).resolve().parent for run in runs or ()]
    for folder in named or [open_workspace(workspace).runs_dir.resolve()]:
        if place.is_relative_to(folder):
            fail(f"{folder} holds runs only. Name an --out elsewhere.", Exit.NO)


def _tell(exported: Exported, out: Path, scored: bool) -> None:
    for sentence in exported.left_out[:_SHOWN]:
        narrate(f"  ⚠ left out: {sentence}")
    if (more := len(exported.left_out) - _SHOWN) > 0:
        narrate(f"  ⚠ and {more} more; all of them: --json")
    if scored:
        narrate("The table rows holds held-out data: never train on it.")
    narrate(f"{exported.rows['runs']} runs are in {out}.")
