"""One agent's process: a prompt on stdin, its output kept in bounds, nobody left behind.

The agent leads a session of its own. It and everything that it started are ended at the time limit,
when somebody stops the loop, and when it has ended by itself.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psutil

from engine.loops.research.proposers.proposed import ProposerError
from engine.private import umask_of_the_user
from engine.supervise.memory import ProcessTree

POLL_S = 0.1
LOOK_S = 0.5
"""How often the processes that it started are looked for, so that none is lost sight of."""

DRAIN_S = 1.0
"""How long the pipes of an agent that has ended are read on when something holds them open."""

PATIENCE_S = 2.0
"""Between SIGTERM and SIGKILL."""

MARK = "FACTORY_PROPOSAL"
"""In the environment of the agent and of all that it starts: a daemon that left its session and its
parents behind is found by it."""

KEPT_BYTES = 256 * 1024
"""Of the beginning and of the end of each stream."""


@dataclass
class Heard:
    """A stream: its beginning, its end, and how much of it there was."""

    head: bytearray = field(default_factory=bytearray)
    tail: deque[bytes] = field(default_factory=deque)
    size: int = 0
    _held: int = 0

    def take(self, piece: bytes) -> None:
        self.size += len(piece)
        room = KEPT_BYTES - len(self.head)
        self.head += piece[:room]
        if rest := piece[room:]:
            self.tail.append(rest)
            self._held += len(rest)
            while self._held - len(self.tail[0]) >= KEPT_BYTES:
                self._held -= len(self.tail.popleft())

    @property
    def text(self) -> str:
        end = b"".join(self.tail)[-KEPT_BYTES:]
        missing = self.size - len(self.head) - len(end)
        mark = f"\n[… {missing:,} bytes are left out here …]\n".encode() if missing > 0 else b""
        return (bytes(self.head) + mark + end).decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Ended:
    """``code`` is negative for a signal, as subprocess has it."""

    code: int
    out: str
    err: str
    left_behind: int
    """Processes that still ran when the agent had ended, and were stopped."""
    late: bool
    """The time limit ended it."""


def talk(
    argv: Sequence[str],
    prompt: Path,
    *,
    cwd: Path,
    env: Mapping[str, str],
    limit_s: float,
    check: Callable[[], None],
) -> Ended:
    """Run it to its end. ``check`` is called several times a second and ends it by raising.

    ProposerError (``start``) where it cannot be started.
    """
    mark = uuid4().hex
    try:
        with prompt.open("rb") as given:
            child = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env={**env, MARK: mark},
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                umask=umask_of_the_user(),
            )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ProposerError(
            f"The command {argv[0]} could not be started: {reason}. Install it, or name another.",
            "start",
        ) from error
    tree = ProcessTree(child.pid)
    heard = {"out": Heard(), "err": Heard()}
    try:
        late = _listen(child, tree, heard, limit_s, check)
    finally:
        left = _end(child, tree, mark)
    return Ended(child.returncode, heard["out"].text, heard["err"].text, left, late)


def _listen(
    child: subprocess.Popen[bytes],
    tree: ProcessTree,
    heard: Mapping[str, Heard],
    limit_s: float,
    check: Callable[[], None],
) -> bool:
    """Until it has ended and was heard to its end; whether the limit came first."""
    assert child.stdout and child.stderr
    until = time.monotonic() + limit_s
    look, drained = 0.0, float("inf")
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ, heard["out"])
        selector.register(child.stderr, selectors.EVENT_READ, heard["err"])
        while True:
            check()
            now = time.monotonic()
            ended = child.poll() is not None
            if ended and drained == float("inf"):
                drained = now + DRAIN_S
            if ended and (not selector.get_map() or now > drained):
                return False
            if not ended and now > until:
                return True
            if now > look:
                tree.members()
                look = now + LOOK_S
            if not selector.get_map():
                time.sleep(POLL_S)
            for key, _ in selector.select(POLL_S):
                if piece := os.read(key.fd, 65536):
                    key.data.take(piece)
                else:
                    selector.unregister(key.fileobj)


def _end(child: subprocess.Popen[bytes], tree: ProcessTree, mark: str) -> int:
    """Have it and all that it started gone; how many others there were."""
    running = child.poll() is None
    left = tree.signal(signal.SIGTERM)
    until = time.monotonic() + PATIENCE_S
    while left and time.monotonic() < until:
        child.poll()
        if not tree.members():
            break
        time.sleep(0.05)
    tree.signal(signal.SIGKILL)
    left += _end_strays(mark)
    with contextlib.suppress(subprocess.TimeoutExpired):  # one that hangs in the kernel is given up
        child.wait(PATIENCE_S)
    for pipe in (child.stdout, child.stderr):
        if pipe is not None:
            pipe.close()
    if child.returncode is None:
        raise ProposerError(f"Process {child.pid} does not end, not even by SIGKILL.", "limit")
    return left - running


def _end_strays(mark: str) -> int:
    """Kill what the tree lost sight of; how many there were."""
    found = 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                process.kill()
                found += 1
    return found
