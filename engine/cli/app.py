"""The commands. Each loads what it needs when it is called, so that help is quick."""

from __future__ import annotations

import io
import sys

import typer

from engine.cli import (
    artifacts,
    bench,
    ceiling,
    comparing,
    evaluating,
    evidence,
    export,
    flywheel,
    journal,
    loops,
    machine,
    package,
    project,
    project_adapter,
    project_audit,
    project_pretrain,
    project_probe,
    project_rows,
    protocol,
    research,
    research_acts,
    research_edit,
    runs,
    serve,
    tidying,
    unseal,
)
from engine.cli.console import Exit, narrate, only_there
from engine.cli.harmless import guard

app = typer.Typer(
    name="factory-tui",
    help="A control room for people who make small specialist language models on a Mac.\n\n"
    "Without a command it opens the screen on the nearest workspace.",
    no_args_is_help=False,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command()(runs.run)
app.command()(runs.watch)
app.command()(runs.cancel)
app.command()(runs.resume)
app.command(name="list")(runs.list_runs)
app.command()(runs.show)
app.command()(comparing.compare)
app.command()(unseal.unseal)
app.command()(evidence.decide)
app.command()(evidence.report)
app.command()(journal.journal)
app.command()(evidence.card)
app.command()(evidence.validate)
app.command()(evidence.render)
app.command()(export.export)
app.command()(bench.bench)
app.command(name="eval")(evaluating.evaluate)
app.command()(ceiling.ceiling)
app.command()(package.package)
app.add_typer(serve.app)
app.command()(flywheel.flywheel)
app.command()(research.research)
app.add_typer(loops.app)
app.add_typer(artifacts.app)
app.add_typer(protocol.app)
loops.app.command()(research_edit.edit)
loops.app.command()(research_acts.accept)
loops.app.command()(research_acts.discard)
loops.app.command()(research_acts.rerun)
loops.app.command()(research_acts.replay)
app.command()(project.init)
app.command()(project.status)
app.command()(project_adapter.promote)
app.command()(project_adapter.push)
app.command()(project_rows.generate)
app.command()(project_audit.audit)
app.command()(project_rows.augment)
app.command()(project_rows.patch)
app.command()(project_rows.clean)
app.command()(project_probe.probe)
app.command()(project_pretrain.pretrain)
app.command()(tidying.tag)
app.command()(tidying.delete)
app.command()(tidying.restore)
app.command()(tidying.trash)
app.command()(machine.doctor)
app.command()(machine.demo)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A sign that the terminal's encoding lacks is shown by its number, and stops nothing.
            stream.reconfigure(errors="backslashreplace")
    guard()
    stdout = sys.stdout
    words = sys.argv[1:] if arguments is None else arguments
    if any("ssh:/" in word for word in words) and (no := only_there(words)):
        narrate(f"factory-tui: {no}")
        raise SystemExit(int(Exit.USAGE))
    try:
        app(args=arguments, prog_name="factory-tui")
    except SystemExit:
        if sys.stdout is stdout:
            raise
        # Typer puts another stdout in place when its reader has gone (| head): nothing is wrong.
        raise SystemExit(int(Exit.DONE)) from None
    except OSError as error:
        # What a command expects it says itself; this is a disk or a right that failed elsewhere.
        where = f"{error.filename}: " if error.filename else ""
        narrate(f"factory-tui: {where}{error.strerror or error}.")
        raise SystemExit(int(Exit.NOT_THERE)) from None
