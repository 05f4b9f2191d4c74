"""One connection: what comes first on it, what comes then, and why it ended, in words."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import threading
from typing import Any

from engine.remote import ending, ssh, travelling, wire
from engine.remote.address import Address
from engine.remote.pipes import PIECE, Inlet, Outlet, Silent

_NOISE = 64 * 1024
"""So much may a login shell print before the other end speaks."""
SILENT_S = 30.0
"""A line on which nothing came for so long is given up: the other end speaks several times a
second, and while it looks for the first time every few seconds."""


class Refused(Exception):
    """The other end answered, and will not; the text says why."""


class Talk:
    """A child and its pipes. LineError when the line breaks, Refused when the other end will not.

    Use it in ``with``: it greets, and ends the child. In there the other end has greeted and waits
    for what it is to do (``ask``); before, it does nothing.
    """

    def __init__(self, address: Address, greeting_s: float = SILENT_S) -> None:
        self._address = address
        self._greeting_s = greeting_s
        self._child: subprocess.Popen[bytes] | None = None
        self._ended = False
        self._said = b""

    def __enter__(self) -> Talk:
        try:
            self._child = child = ssh.start(self._address)
        except OSError as error:
            raise Refused(f"ssh cannot be started: {error.strerror or error}.") from error
        if self._ended:
            child.kill()
        assert child.stdin is not None
        assert child.stdout is not None
        self._outlet = Outlet(child.stdin.fileno(), self._greeting_s)
        self._inlet = Inlet(child.stdout.fileno(), self._greeting_s)
        self._source = io.BufferedReader(self._inlet, PIECE)
        self._listen = threading.Thread(target=self._hear_errors, args=(child,), daemon=True)
        self._listen.start()
        try:
            self._greet()
        except BaseException:
            self._close(child)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        assert self._child is not None
        self._close(self._child)

    def _greet(self) -> None:
        hello = {"protocol": travelling.PROTOCOL, "path": self._address.path}
        try:
            wire.send(self._outlet, hello)  # type: ignore[arg-type]
        except OSError:
            raise wire.LineError(self._why("the connection ended")) from None
        left = _NOISE
        while left > 0:
            line = self._source.readline(left)
            if not line:
                raise wire.LineError(self._why("the other end said nothing"))
            left -= len(line)
            with contextlib.suppress(ValueError, RecursionError):
                head = json.loads(line)
                if isinstance(head, dict) and "factory-tui" in head:
                    if head["factory-tui"] != travelling.PROTOCOL:
                        raise Refused("The other machine has another version. Install the same.")
                    return
        raise Refused("What answers over there is no factory-tui.")

    def ask(self, what: dict[str, Any]) -> None:
        """Say what the other end is to do. LineError, after which it may do it or not; Refused
        where it had refused before it was asked."""
        try:
            wire.send(self._outlet, what)  # type: ignore[arg-type]
        except OSError:
            self.receive()
            raise wire.LineError(self._why("the connection ended")) from None

    def receive(self, silent_s: float = SILENT_S) -> tuple[dict[str, Any], bytes]:
        """The next message, no piece of which takes longer than ``silent_s``; Refused for one that
        says so."""
        self._inlet.silent_s = silent_s
        try:
            head, body = wire.receive(self._source)
        except Silent:
            raise
        except wire.LineError as error:
            raise wire.LineError(self._why(str(error))) from None
        if isinstance(sentence := head.get("refused"), str):
            raise Refused(sentence[:2000])
        return head, body

    def end(self) -> None:
        """End the line, from any thread, at whatever it is; also before it has begun."""
        self._ended = True
        if (child := self._child) is not None:
            child.kill()

    def _hear_errors(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stderr is not None
        with contextlib.suppress(OSError, ValueError):
            while piece := os.read(child.stderr.fileno(), 4096):
                self._said = (self._said + piece)[-4096:]

    def _why(self, usual: str) -> str:
        """Why the child ended, as it said itself; else ``usual``."""
        assert self._child is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(1.0)
        self._listen.join(1.0)
        return ending.why(self._child.returncode, self._said, self._address) or usual

    def _close(self, child: subprocess.Popen[bytes]) -> None:
        """End the child and its pipes."""
        child.kill()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(5.0)
        self._listen.join(1.0)
