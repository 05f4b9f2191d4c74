"""Asks a helper child (``engine.work.helper``) a question, and listens until it has answered."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import engine
from engine.secrecy import without_secrets

POLL_S = 0.2
END_S = 2.0
"""How long a helper that was told to end may take before it is killed."""

_MAX_STDERR = 4000


class HelperError(Exception):
    """The helper could not answer; the text is a sentence."""


class HelperStopped(Exception):
    """Nobody wants the answer any more."""


def ask(
    module: str,
    request: dict[str, Any],
    heard: Callable[[dict[str, Any]], None] = lambda message: None,
    stopped: Callable[[], bool] = lambda: False,
    timeout_s: float | None = None,
    *,
    named: Iterable[str],
) -> dict[str, Any]:
    """Start ``python -m module``, hand it the request, and return what it says when it is done.

    Blocks: for a thread, or a command line. ``heard`` gets every other message as it comes.
    ``stopped`` is asked several times a second; HelperStopped once it is true, with the child
    ended. HelperError with the helper's own sentence, or what is known of its end. ``named`` are
    the variables that hold keys of the workspace (``key_names``), which the child does not get.
    """
    home = str(Path(engine.__file__).resolve().parent.parent)
    env = {
        # It may run a target's own generator, and asks nobody.
        **without_secrets(os.environ, named=named),
        "PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH", "")])),
        "TOKENIZERS_PARALLELISM": "false",
    }
    try:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            start_new_session=True,
        )
    except OSError as error:
        raise HelperError(f"A child process could not be started: {error.strerror}.") from error
    try:
        return _listen(child, request, heard, stopped, timeout_s)
    finally:
        _end(child)


def _listen(
    child: subprocess.Popen[bytes],
    request: dict[str, Any],
    heard: Callable[[dict[str, Any]], None],
    stopped: Callable[[], bool],
    timeout_s: float | None,
) -> dict[str, Any]:
    assert child.stdin and child.stdout and child.stderr
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(json.dumps(request).encode() + b"\n")
        child.stdin.flush()
    until = None if timeout_s is None else time.monotonic() + timeout_s
    pending, narration = b"", b""
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        selector.register(child.stderr, selectors.EVENT_READ)
        while selector.get_map():
            if stopped():
                raise HelperStopped
            if until is not None and time.monotonic() > until:
                raise HelperError(f"It did not answer within {timeout_s:.0f} s.")
            for key, _ in selector.select(POLL_S):
                piece = os.read(key.fd, 65536)
                if not piece:
                    selector.unregister(key.fileobj)
                elif key.fileobj is child.stderr:
                    narration = (narration + piece)[-_MAX_STDERR:]
                else:
                    *whole, pending = (pending + piece).split(b"\n")
                    for line in whole:
                        message = _message(line)
                        if message.get("kind") == "done":
                            return message
                        if message.get("kind") == "error":
                            raise HelperError(str(message.get("text") or "It failed."))
                        heard(message)
    last = narration.decode("utf-8", "replace").strip().splitlines()[-1:]
    code = child.wait()
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    raise HelperError(f"It ended without an answer ({how}). {' '.join(last)}".strip())


def _message(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _end(child: subprocess.Popen[bytes]) -> None:
    """Have the child gone, and its pipes closed."""
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(END_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
