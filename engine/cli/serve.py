"""The commands for model servers of this machine: start, list, stop."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from engine.cli import asking
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
    from engine.workspace import Workspace

app = typer.Typer(
    name="serve",
    help="Serve models of this disk on 127.0.0.1, and ask them or anyone's endpoint.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def start(
    model: Annotated[str, typer.Argument(help="A directory or hub id of a model on this disk.")],
    workspace: WorkspaceOption = None,
    adapter: Annotated[
        str | None,
        typer.Option(help="An adapter's directory, or a run that trained one.", show_default=False),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="What to call it.", show_default="base, with an adapter: candidate"),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Its port.", show_default="a free one")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave it running, until: factory-tui serve stop NAME")
    ] = False,
    seconds: asking.SecondsOption = 300.0,
) -> None:
    """Serve a model; prints its address when it has answered. Without --keep until Ctrl-C."""
    from engine.serving import managed
    from engine.serving.store import ServeError

    place = open_workspace(workspace)
    _end_like_ctrl_c()
    try:
        wish = managed.Wish(
            name=name or ("candidate" if adapter else "base"),
            model=managed.model_for(model, place, Path.cwd()),
            adapter=adapter_of(place, adapter) if adapter else None,
            port=port,
            keep=keep,
        )
        narrate(f"Starting {printable(wish.name)}: {printable(model)}")
        with managed.start(
            place, wish, timeout_s=seconds, told=lambda one: narrate(f"  log: {one.log}")
        ) as server:
            print(server.record.url, flush=True)
            if keep:
                narrate(f"It stays. End it with: factory-tui serve stop {wish.name}")
                return
            narrate("Ready. Ctrl-C ends it.")
            while not server.wait(1.0):
                pass
            text = server.how_it_ended() or ""
            stopped = server.stopped_by_someone
        fail(text, Exit.DONE if stopped else Exit.NO)
    except ServeError as error:
        fail(str(error), Exit.NO)
    except KeyboardInterrupt:
        narrate("Stopped.")


@app.command(name="list")
def list_servers(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """The servers of a workspace, those that have ended too."""
    from engine.serving.store import find_servers

    servers, troubles = find_servers(open_workspace(workspace))
    if as_json:
        print_json(
            [
                {**one.record.model_dump(mode="json"), "state": one.state, "url": one.record.url}
                for one in servers
            ]
        )
    elif servers:
        rows = []
        for one in servers:
            record = one.record
            pid = str(record.process.pid) if one.alive and record.process else "·"
            adapter = record.adapter or "·"
            url = record.url if one.alive else "·"
            cells = (record.name, one.state, url, pid, record.model_id, adapter)
            rows.append([printable(cell) for cell in cells])
        print_table(("SERVER", "STATE", "ADDRESS", "PID", "MODEL", "ADAPTER"), rows)
    else:
        narrate("No servers. Start one: factory-tui serve start MODEL")
    for trouble in troubles:
        narrate(f"  ⚠ {trouble}")


@app.command()
def stop(
    names: Annotated[list[str] | None, typer.Argument(help="Servers.", show_default=False)] = None,
    workspace: WorkspaceOption = None,
    everything: Annotated[bool, typer.Option("--all", help="All that run.")] = False,
) -> None:
    """Stop servers: SIGINT, then SIGTERM, then SIGKILL."""
    from engine.serving.managed import stop_server
    from engine.serving.store import ServeError, find_server, find_servers

    place = open_workspace(workspace)
    if bool(names) == everything:
        fail("Name the servers to stop, or give --all.", Exit.USAGE)
    try:
        if everything:
            found = [one for one in find_servers(place)[0] if one.alive]
        else:
            found = [find_server(place, name) for name in names or []]
        for one in found:
            how = stop_server(one)
            text = "had ended before" if how == "gone" else f"stopped ({how})"
            narrate(f"{printable(one.record.name)}: {text}.")
    except ServeError as error:
        fail(str(error))
    if not found:
        narrate("Nothing runs.")


app.command()(asking.ask)
app.command()(asking.latency)


# --- inside -------------------------------------------------------------------------


def _end_like_ctrl_c() -> None:
    """A closed terminal or a SIGTERM ends the server in the same orderly way."""

    def interrupted(number: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt

    for one in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(one) is not signal.SIG_IGN:  # nohup wants it to go on
            signal.signal(one, interrupted)


def adapter_of(place: Workspace, name: str) -> Path:
    """The adapter of a run, or a directory (of a run, or the adapter itself)."""
    from engine.workspace import WorkspaceError

    path = Path(name)
    if not path.is_dir():
        try:
            path = place.run_path(name)
        except WorkspaceError:
            fail(f"{name} is neither a directory nor a run: where is the adapter?")
    inner = path / "adapters"
    return inner if inner.is_dir() else path
