"""``factory-tui protocol check | show``: whether an experiment protocol can be run here, and what
it says, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.console import Exit, JsonOption, fail, print_json, printable

if TYPE_CHECKING:
    from engine.checks.finding import Finding

app = typer.Typer(
    name="protocol",
    help="Experiment protocols: the rules of a research campaign.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

FileArgument = Annotated[Path, typer.Argument(help="The protocol, a JSON file.")]


@app.command()
def check(
    file: FileArgument,
    repo: Annotated[
        Path | None,
        typer.Option(
            help="The repository, to look for the files that are named.", show_default=False
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a protocol; runs none of its commands. Exit code 0 without errors, 1 with, 3 where the
    file cannot be read."""
    from engine.checks.finding import Severity
    from engine.protocols.checking import findings_of
    from engine.protocols.reading import ProtocolError

    try:
        document, findings = findings_of(file, repo)
    except ProtocolError as error:
        fail(str(error))
    ok = not any(one.severity is Severity.ERROR for one in findings)
    if as_json:
        found = [one.to_json() for one in findings]
        print_json({"file": str(file), "sha256": document.sha256, "ok": ok, "findings": found})
    else:
        print(f"{'✔' if ok else '✘'} {printable(str(file))}")
        _print(findings)
    raise typer.Exit(int(Exit.DONE if ok else Exit.NO))


@app.command()
def show(file: FileArgument) -> None:
    """Say in plain words what a protocol runs, what may change, and what counts."""
    from engine.protocols.reading import ProtocolError, read_protocol
    from engine.protocols.wording import in_words

    try:
        read = read_protocol(file)
    except ProtocolError as error:
        fail(str(error))
    for line in in_words(read.protocol):
        print(printable(line))
    print(f"SHA-256 of the file: {read.sha256}")


def _print(findings: Sequence[Finding]) -> None:
    signs = {"error": "✘", "warning": "⚠", "info": "·"}
    for one in findings:
        print(f"  {signs[one.severity.value]} {printable(one.pointer or '/')}  {one.rule}")
        print(f"      {printable(one.message)}")
        print(f"      → {printable(one.fix)}")
