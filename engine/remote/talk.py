"""One connection: what comes first on it, what comes then, and why it ended, in words."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from typing import Any

from engine.remote import ssh, travelling, wire
from engine.remote.address import Address

_NOISE = 64 * 1024
"""So much may a login shell print before the other end speaks."""
SILENT_S = 30.0
"""A line on which nothing came for so long is given up: the other end speaks several times a
second."""


class Refused(Exception):
    """The other end answered, and will not; the text says why."""


class Talk:
    """A child and its pipes. LineError when the line breaks, Refused when the other end will not.

    Use it in ``with``: it ends the child.
    """

    def __init__(self, address: Address, ask: dict[str, Any], silent_s: float = SILENT_S) -> None:
        self._address = address
        self._silent_s = silent_s
        self._ask = ask
        self._said = b""

    def __enter__(self) -> Talk:
        try:
            self.child = ssh.start(self._address)
        except OSError as error:
            raise Refused(f"ssh cannot be started: {error.strerror or error}.") from error
        self._listen = threading.Thread(target=self._hear_errors, daemon=True)
        self._listen.start()
        try:
            self._begin()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self) -> None:
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self._source = self.child.stdout
        try:
            wire.send(
                self.child.stdin,  # type: ignore[arg-type]
                {"protocol": travelling.PROTOCOL, "path": self._address.path, **self._ask},
            )
            self.child.stdin.flush()
        except OSError:
            raise wire.LineError(self._why("the connection ended")) from None
        with self._watched():
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
                            raise Refused(
                                "The other machine has another version. Install the same."
                            )
                        return
        raise Refused("What answers over there is no factory-tui.")

    def receive(self) -> tuple[dict[str, Any], bytes]:
        """The next message; Refused for one that says so."""
        with self._watched():
            try:
                head, body = wire.receive(self._source)  # type: ignore[arg-type]
            except wire.LineError as error:
                raise wire.LineError(self._why(str(error))) from None
        if isinstance(sentence := head.get("refused"), str):
            raise Refused(sentence[:2000])
        return head, body

    @contextlib.contextmanager
    def _watched(self) -> Any:
        """What waits for the other end does not wait for ever."""
        timer = threading.Timer(self._silent_s, self.child.kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _hear_errors(self) -> None:
        assert self.child.stderr is not None
        with contextlib.suppress(OSError, ValueError):
            while piece := self.child.stderr.read1(4096):  # type: ignore[attr-defined]
                self._said = (self._said + piece)[-4096:]

    def _why(self, usual: str) -> str:
        """The last line that ssh printed, which says what is wrong; else ``usual``."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(1.0)
        self._listen.join(1.0)
        lines = [one.strip() for one in self._said.decode("utf-8", "replace").splitlines()]
        lines = [one for one in lines if one]
        if not lines:
            return usual
        shown = "".join(
            char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in lines[-1]
        )
        return shown[:300]

    def close(self) -> None:
        """End the child and its pipes."""
        self.child.kill()
        for pipe in (self.child.stdin, self.child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(5.0)
        self._listen.join(1.0)
