"""``factory-tui artifacts list | check | show | new | publish``: what may be known outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli import artifacts_publish
from engine.cli.console import (
    Exit,
    JsonOption,
    WorkspaceOption,
    fail,
    narrate,
    not_there,
    open_workspace,
    print_json,
    print_table,
    printable,
)

if TYPE_CHECKING:
    from engine.artifacts.checking import Checked
    from engine.checks.finding import Finding
    from engine.checks.public.entry import Entry
    from engine.workspace import Workspace

app = typer.Typer(
    name="artifacts",
    help="Public artifacts: what may be known outside of this workspace, and its site.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command()(artifacts_publish.publish)

ArtifactArgument = Annotated[str, typer.Argument(help="An artifact's id, or the beginning of it.")]

_WIDE = 60
"""Characters of a headline or a next action in the list."""


@app.command(name="list")
def list_artifacts(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """The public artifacts: state, outcome, one number and what is next; parked last."""
    from engine.artifacts.wording import headline_text, in_order

    checked, _ = _all(open_workspace(workspace))
    ordered = in_order(checked)
    if as_json:
        print_json([_as_plain(one) for one in ordered])
        return
    rows = []
    for one in ordered:
        artifact = one.entry.artifact
        sign = "✔" if one.ok else "✘"
        if artifact is None:
            rows.append((f"{sign} {printable(one.entry.id)}", "cannot be read", "·", "·", "·"))
            continue
        rows.append(
            (
                f"{sign} {artifact.id}",
                artifact.state.value,
                artifact.outcome.value,
                _short(headline_text(one.entry, one.around)),
                _short(artifact.next_action or "not recorded"),
            )
        )
    if rows:
        print_table(("artifact", "state", "outcome", "headline", "next"), rows)
    else:
        narrate("No artifact yet. Make one of a decided run: factory-tui artifacts new RUN")


@app.command()
def check(
    ids: Annotated[
        list[str] | None,
        typer.Argument(help="Artifacts, by id or its beginning; without one, all."),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check public artifacts against their records and the release rule, and their words for claims
    that nothing bears out. Exit code 0 without errors, 1 with."""
    from engine.artifacts.checking import check_entries, is_ok

    place = open_workspace(workspace)
    stray: list[Finding] = []
    if ids:
        checked = check_entries(place, [_entry(place, one) for one in dict.fromkeys(ids)])
    else:
        checked, stray = _all(place)
    ok = all(one.ok for one in checked) and is_ok(stray)
    if as_json:
        print_json(
            {
                "ok": ok,
                "artifacts": [_as_plain(one) for one in checked],
                "findings": [one.to_json() for one in stray],
            }
        )
    else:
        for one in checked:
            print(f"{'✔' if one.ok else '✘'} {printable(one.entry.name)}")
            _print(one.findings)
        if stray:
            print(f"{'✔' if is_ok(stray) else '✘'} artifacts/")
            _print(stray)
        if not checked and not stray:
            narrate("No artifact to check. Make one: factory-tui artifacts new RUN")
    raise typer.Exit(int(Exit.DONE if ok else Exit.NO))


@app.command()
def show(artifact: ArtifactArgument, workspace: WorkspaceOption = None) -> None:
    """Show a public artifact as text, each number with where it stands to its record."""
    from engine.artifacts.checking import check_entry
    from engine.artifacts.wording import in_words

    place = open_workspace(workspace)
    one = check_entry(place, _entry(place, artifact))
    for line in in_words(one):
        print(printable(line))
    for finding in one.findings if one.entry.artifact is None else ():
        narrate(f"{finding.file}, line {finding.line}: {finding.message} {finding.fix}")
    if one.entry.artifact is None:
        raise typer.Exit(int(Exit.NO))
    if one.errors:
        narrate(f"{len(one.errors)} errors: factory-tui artifacts check {one.entry.id}")


@app.command()
def new(
    run: Annotated[
        str | None,
        typer.Argument(help="A decided run; without it, an empty form.", show_default=False),
    ] = None,
    artifact_id: Annotated[
        str | None,
        typer.Option("--id", help="Its id.", show_default="the run's target"),
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Write artifacts/ID.yaml from a decided run: its numbers point at the run's records."""
    from engine.artifacts.registry import RegistryError, write_new
    from engine.artifacts.skeleton import skeleton

    place = open_workspace(workspace)
    try:
        if run is not None:
            name, text = _of_run(place, run, artifact_id)
        elif artifact_id is not None:
            name, text = artifact_id, skeleton(artifact_id)
        else:
            fail("Name a decided run, or an id for an empty form: --id NAME.", Exit.USAGE)
        path = write_new(place, name, text)
    except RegistryError as error:
        fail(str(error), Exit.NO)
    print(printable(str(path)))
    narrate(f"Fill in what is blank, then: factory-tui artifacts check {name}")


def _of_run(place: Workspace, run: str, artifact_id: str | None) -> tuple[str, str]:
    from engine.artifacts.making import NotDecided, artifact_of
    from engine.artifacts.registry import artifact_path
    from engine.artifacts.writing import as_yaml

    if artifact_id is not None:
        artifact_path(place, artifact_id)  # refused before the run is read
    with not_there():
        folder = place.run_path(run)
    try:
        artifact = artifact_of(place, folder, artifact_id)
    except NotDecided as error:
        fail(str(error), Exit.NO)
    above = f"Made from the run {folder.name}. What is blank or says TODO is for you to write."
    return artifact.id, as_yaml(artifact, above)


def _entry(place: Workspace, name: str) -> Entry:
    from engine.artifacts.registry import RegistryError, find_artifact

    try:
        return find_artifact(place, name)
    except RegistryError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{place.artifacts_dir} cannot be listed ({error.strerror or error}).")


def _all(place: Workspace) -> tuple[list[Checked], list[Finding]]:
    from engine.artifacts.checking import check_all

    try:
        return check_all(place)
    except OSError as error:
        fail(f"{place.artifacts_dir} cannot be listed ({error.strerror or error}).")


def _as_plain(one: Checked) -> dict[str, Any]:
    from engine.artifacts.wording import headline_text

    artifact = one.entry.artifact
    return {
        "id": one.entry.id,
        "file": one.entry.name,
        "state": artifact.state.value if artifact else None,
        "outcome": artifact.outcome.value if artifact else None,
        "headline": headline_text(one.entry, one.around) if artifact else None,
        "next_action": artifact.next_action if artifact else None,
        "ok": one.ok,
        "findings": [finding.to_json() for finding in one.findings],
    }


def _print(findings: Sequence[Finding]) -> None:
    signs = {"error": "✘", "warning": "⚠", "info": "·"}
    for one in findings:
        where = f"line {one.line}" if one.line else "whole file"
        place = f" {printable(one.pointer)}" if one.pointer else ""
        print(f"  {signs[one.severity.value]} {where}{place}  {one.rule}")
        print(f"      {printable(one.message)}")
        print(f"      → {printable(one.fix)}")


def _short(text: str) -> str:
    plain = printable(text)
    return plain if len(plain) <= _WIDE else plain[: _WIDE - 1] + "…"
