"""What runs at the machine of a workspace while somebody watches it from elsewhere.

The first message on stdin says which workspace. Once this end has greeted, the second one says
whether to tell what happens in it (``held``) or to do one thing (``act``) and answer: who was not
greeted has asked for nothing. It ends with its line: when nobody reads or writes it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from engine.remote import travelling, wire

ROUND_S = 0.2
"""Between two looks while nothing is left to tell."""


def run(source: BinaryIO, out: BinaryIO) -> None:
    """Speak on two pipes until the other end has gone."""
    try:
        hello, _ = wire.receive(source)
    except wire.LineError:
        return
    wire.send(out, {"factory-tui": travelling.PROTOCOL})
    out.flush()
    if hello.get("protocol") != travelling.PROTOCOL:
        _refuse(out, "The two machines have versions that do not fit. Install the same on both.")
        return
    path = Path(str(hello.get("path"))).expanduser()
    if not (path / "runs").is_dir() and not (path / "factory.toml").is_file():
        _refuse(out, f"{path} is no workspace there: it has no factory.toml and no runs/.")
        return
    try:
        ask, _ = wire.receive(source)
    except wire.LineError:
        return
    from engine.workspace import Workspace

    workspace = Workspace(path)
    if isinstance(act := ask.get("act"), str):
        from engine.remote.acts import do

        wire.send(out, do(workspace, act, ask.get("with")))
        out.flush()
        return
    _tell(workspace, ask.get("held"), source, out)


def _refuse(out: BinaryIO, sentence: str) -> None:
    wire.send(out, {"refused": sentence})
    out.flush()


def _tell(workspace: Any, held: object, source: BinaryIO, out: BinaryIO) -> None:
    from engine.remote.telling import Telling

    def watch() -> None:
        """End when the other end closes its side, whatever we are at."""
        while source.read(4096):
            continue
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()

    def tell(head: dict[str, Any], body: bytes) -> None:
        wire.send(out, head, body)
        if "looking" in head:
            out.flush()

    telling = Telling(workspace, held if isinstance(held, dict) else {}, tell)
    try:
        while True:
            more = telling.round()
            out.flush()
            if not more:
                time.sleep(ROUND_S)
    except (BrokenPipeError, ConnectionError):
        return


@contextlib.contextmanager
def _own_pipes() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """The two pipes, for messages alone: what anything else prints goes to stderr."""
    source, out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    try:
        yield source, out
    finally:
        with contextlib.suppress(OSError):
            out.close()


def main() -> None:
    """On this process's own stdin and stdout."""
    with _own_pipes() as (source, out), contextlib.suppress(BrokenPipeError):
        run(source, out)
