"""The commands for public artifacts."""

from __future__ import annotations

import typer

from engine.cli import artifacts_publish

app = typer.Typer(
    name="artifacts",
    help="Public artifacts: what may be known outside of this workspace, and its site.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def artifacts() -> None:
    """Public artifacts: what may be known outside of this workspace, and its site."""


app.command()(artifacts_publish.publish)
