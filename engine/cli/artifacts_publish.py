"""The command that publishes the site of public artifacts, checks and shows it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    printable,
)

if TYPE_CHECKING:
    from collections.abc import Container

    from engine.publish.site.build import Site
    from engine.publish.site.of_workspace import Refused
    from engine.workspace import Workspace


def publish(
    workspace: WorkspaceOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The directory of the site; an empty or new one, or one that was made so before.",
            show_default="site/ in the workspace",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Write nothing: say which pages are stale, exit code 1 if any."
        ),
    ] = False,
    base_url: Annotated[
        str | None,
        typer.Option(help="Where the site will be on the web, for its feed.", show_default=False),
    ] = None,
    preview: Annotated[
        bool,
        typer.Option(
            "--preview",
            help="Show it in the browser, from 127.0.0.1; without --out nothing is written.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the static site of the public artifacts. What `check` finds wrong is left out, said, and
    exit code 1."""
    place = open_workspace(workspace)
    _refuse_wrong_words(base_url, check, preview)
    directory = out if out is not None else place.path / "site"
    if check:
        _check(place, directory, base_url, as_json)
        return
    site, refused = _built(place, base_url)
    _tell(refused)
    if out is not None or not preview:
        _write(site, directory, as_json)
    if preview:
        _show(site)
    if refused:
        raise typer.Exit(int(Exit.NO))


def _refuse_wrong_words(base_url: str | None, check: bool, preview: bool) -> None:
    from engine.web_address import web_address

    if check and preview:
        fail("--check writes and shows nothing: leave out --preview.", Exit.USAGE)
    if base_url is not None and web_address(base_url) is None:
        fail(
            f"{base_url} is no address for --base-url: give one as https://example.org/lab/.",
            Exit.USAGE,
        )


def _built(
    place: Workspace, base_url: str | None, there: Container[str] = ()
) -> tuple[Site, list[Refused]]:
    from engine.publish.site.of_workspace import site_of

    return site_of(place, base_url or "", there)


def _tell(refused: list[Refused]) -> None:
    for one in refused:
        narrate(f"{one.file} is not published:")
        for found in one.errors:
            narrate(f"  line {found.line}: {found.message} {found.fix}")


def _write(site: Site, directory: Path, as_json: bool) -> None:
    from engine.publish.site.writing import NotOurs, publish

    try:
        others = publish(site, directory)
    except NotOurs as error:
        fail(str(error), Exit.NO)
    except OSError as error:
        fail(f"{directory} cannot be written: {error.strerror or error}. It is as it was.")
    if others:
        narrate(f"Left as they are, not made by this command: {', '.join(others)}.")
    if as_json:
        print_json({"out": str(directory), "files": sorted(site.files), "kept": others})
    else:
        print(printable(str(directory)))
        narrate(f"{len(site.files)} files.")


def _check(place: Workspace, directory: Path, base_url: str | None, as_json: bool) -> None:
    from engine.publish.site.check import staleness
    from engine.publish.site.published import published_at

    published = published_at(directory)
    if published is None:
        fail(
            f"No site of this command is in {directory}. Make it: "
            "factory-tui artifacts publish --out DIR"
        )
    address = published.base_url if base_url is None else base_url
    site, refused = _built(place, address, published.written)
    _tell(refused)
    found = staleness(site, published)
    if as_json:
        rows: list[dict[str, Any]] = [
            {"page": one.address, "state": one.kind, "why": one.why} for one in found
        ]
        print_json(rows)
    elif found:
        cells = [(one.address, one.kind, one.why) for one in found]
        print_table(("page", "state", "why"), [tuple(map(printable, one)) for one in cells])
    if not found:
        narrate(f"{directory} is what would be published now.")
    if found or refused:
        raise typer.Exit(int(Exit.NO))


def _show(site: Site) -> None:
    """Serve it until Ctrl-C."""
    import webbrowser

    from engine.publish.site.serving import Preview

    try:
        # All of it may be interrupted: opening a browser takes seconds on some machines.
        with Preview(site.files) as preview:
            print(preview.url, flush=True)
            if not webbrowser.open(preview.url):
                narrate("No browser could be opened; open the address yourself.")
            narrate("Ctrl-C ends it.")
            preview.wait()
    except KeyboardInterrupt:
        narrate("Ended.")
