"""Asks a target's ``scorer.py`` what it thinks of answers, in a child with a time limit.

It is code of the target: a loop without end, a crash or a print must not cost an evaluation. The
child is ``engine.work.custom_scorer``; it is started with the first answer, stays for the others,
and is started again after it had to be killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import engine
from engine.judge.custom import score_of
from engine.judge.score import Score, ScorerError, wrong
from engine.secrecy import without_secrets

SECONDS = 5.0
"""How long one answer may take."""

START_SECONDS = 30.0
"""How long its imports may take."""

FAILURES = 3
"""So many answers one after the other may end the child or its time, then it is the scorer."""

MAX_ANSWER = 2**20
_MAX_NARRATION = 4000
_CHILD = "engine.work.custom_scorer"


class _Ended(Exception):
    """The child is gone; the text says how."""


class _Late(Exception):
    """No answer within the time."""


class CustomScorer:
    """A ``scorer.py``, as a function from (expected, got) to a score. Use it in a ``with``.

    ScorerError where the file cannot be used, returns what is no score, or ends or hangs for
    ``FAILURES`` answers one after the other. An exception that it raises, and a single answer on
    which it hangs or dies, is a wrong answer with that reason. Not for several threads at once.
    """

    def __init__(
        self,
        file: Path,
        seconds: float = SECONDS,
        start_seconds: float = START_SECONDS,
        *,
        named: Iterable[str],
    ) -> None:
        """``named`` are the variables that hold keys of the workspace (``key_names``), which the
        child does not get."""
        self._file = file
        self._named = tuple(named)
        self._seconds, self._start_seconds = seconds, start_seconds
        self._child: subprocess.Popen[bytes] | None = None
        self._pending, self._narration = b"", b""
        self._asked = self._failed = 0
        try:
            self.sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        except OSError as error:
            raise ScorerError(f"{file.name} cannot be read ({error.strerror})") from error

    def __enter__(self) -> CustomScorer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the child now, so that a file that cannot be used is known before any answer."""
        if self._child is None:
            self._start()

    def __call__(self, expected: str, got: str) -> Score:
        self.start()
        self._asked += 1
        try:
            message = self._ask({"id": self._asked, "expected": expected, "actual": got})
        except _Late:
            return self._lost(f"scorer.py took longer than {self._seconds:g} s")
        except _Ended as error:
            return self._lost(f"scorer.py ended ({error})")
        self._failed = 0
        if message.get("kind") == "raised":
            text = str(message.get("text")).encode("utf-8", "replace").decode()
            return wrong(f"scorer.py raised {text}")
        return score_of(message.get("value"), got)

    def close(self) -> None:
        """End the child, and what it started."""
        child, self._child = self._child, None
        self._pending = b""
        if child is None:
            return
        # Its session is its own, so that what it started goes with it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _lost(self, reason: str) -> Score:
        self.close()
        self._failed += 1
        if self._failed >= FAILURES:
            raise ScorerError(f"{reason}, {FAILURES} times one after the other: it cannot be used")
        return wrong(reason)

    def _start(self) -> None:
        home = str(Path(engine.__file__).resolve().parent.parent)
        env = {
            key: value
            for key, value in without_secrets(os.environ, named=self._named).items()
            if not key.startswith("FACTORY_")
        }
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [home, env.get("PYTHONPATH", "")]))
        self._narration = b""
        file = self._file.resolve()
        try:
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", _CHILD],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=file.parent,
                env=env,
                start_new_session=True,
            )
        except OSError as error:
            raise ScorerError(f"A child for scorer.py cannot be started: {error}") from error
        try:
            message = self._exchange({"file": str(file)}, self._start_seconds)
        except _Late as error:
            self.close()
            said = f"{file.name} was not imported within {self._start_seconds:g} s"
            raise ScorerError(said) from error
        except _Ended as error:
            self.close()
            raise ScorerError(f"{file.name} ended while it was imported ({error})") from error
        if message.get("kind") != "ready":
            self.close()
            raise ScorerError(str(message.get("text") or f"{file.name} cannot be used"))

    def _ask(self, pair: dict[str, Any]) -> dict[str, Any]:
        until = time.monotonic() + self._seconds
        message = self._exchange(pair, self._seconds)
        while message.get("id") != pair["id"]:  # nothing else should come, and is not taken for it
            message = self._listen(until)
        return message

    def _exchange(self, message: dict[str, Any], seconds: float) -> dict[str, Any]:
        child = self._child
        assert child is not None and child.stdin is not None
        until = time.monotonic() + seconds
        try:
            # Short of a megabyte of answer the pipe takes it, for the child reads in a thread.
            child.stdin.write(json.dumps(message).encode() + b"\n")
            child.stdin.flush()
        except OSError as error:
            raise _Ended(self._how()) from error
        return self._listen(until)

    def _listen(self, until: float) -> dict[str, Any]:
        """The next message of the child."""
        child = self._child
        assert child is not None and child.stdout is not None and child.stderr is not None
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            selector.register(child.stderr, selectors.EVENT_READ)
            while b"\n" not in self._pending:
                left = until - time.monotonic()
                if left <= 0:
                    raise _Late
                for key, _ in selector.select(left):
                    piece = os.read(key.fd, 65536)
                    if key.fileobj is child.stderr:
                        self._hear(piece)
                        if not piece:
                            selector.unregister(child.stderr)
                    elif not piece or len(self._pending) > MAX_ANSWER:
                        raise _Ended(self._how())
                    else:
                        self._pending += piece
        line, _, self._pending = self._pending.partition(b"\n")
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        return found if isinstance(found, dict) else {}

    def _hear(self, piece: bytes) -> None:
        self._narration = (self._narration + piece)[-_MAX_NARRATION:]

    def _how(self) -> str:
        """How the child ended, with its last words."""
        assert self._child is not None and self._child.stderr is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(1.0)
        # Its last words may lie in the pipe still, which holds no more than one reading takes.
        if select.select([self._child.stderr], [], [], 0)[0]:
            self._hear(os.read(self._child.stderr.fileno(), 65536))
        code = self._child.returncode
        if code is None:
            return "it said too much"
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        last = self._narration.decode("utf-8", "replace").strip().splitlines()[-1:]
        return ": ".join([how, *last])[:300]
