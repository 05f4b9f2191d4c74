"""One child: started in a session of its own, listened to, stopped, and reaped.

Three pipes come back: stdout, stderr and the event pipe (``FACTORY_EVENTS_FD``). stdout and stderr
are kept apart so that a progress bar on one does not tear the lines of the other. Each piece is
handed on as it arrives and nothing is stored here, so a child may print without end or line end.
When a consumer fails (a full disk), pieces are thrown away from then on and ``trouble`` is set;
a child is never blocked by our trouble.

The end is noticed by SIGCHLD, and the child is reaped with ``wait4``, which also tells the exact
peak of the resident size of the largest process below it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.processes import identify
from engine.records.status import ProcessId
from engine.supervise.memory import ProcessTree

Stream = Literal["stdout", "stderr", "events"]
STREAMS: tuple[Stream, ...] = ("stdout", "stderr", "events")
Consumer = Callable[[Stream, bytes], None]

READ_BYTES = 256 * 1024
DRAIN_S = 1.0
"""How long the pipes of an ended child are read on when something still holds them open."""

LEFTOVER_S = 2.0
"""How long a process that a child left behind may take to end after SIGTERM."""


class StartError(Exception):
    """The child could not be started; the text says why and what to do."""


@dataclass(frozen=True)
class Patience:
    """Seconds between the steps of stopping a child: SIGINT, SIGTERM, SIGKILL."""

    interrupt_s: float = 10.0
    terminate_s: float = 5.0
    kill_s: float = 5.0
    """After SIGKILL: a process may hang in the kernel, and is then given up."""


@dataclass(frozen=True)
class Exit:
    """How a child ended. One of ``code`` and ``signal`` is None."""

    code: int | None
    signal: int | None
    peak_process_rss_bytes: int | None
    duration_s: float
    leftovers: int = 0
    """Processes that it had started, which still ran and were stopped."""


class Child:
    """A running child. Make one with ``Child.start`` inside the loop of the main thread."""

    def __init__(self, popen: subprocess.Popen[bytes], consumer: Consumer) -> None:
        self._popen = popen
        self._consumer = consumer
        self._began = time.monotonic()
        self._loop = asyncio.get_running_loop()
        self._open: dict[int, Stream] = {}
        self._ended = asyncio.Event()
        self._drained = asyncio.Event()
        self._hurry = asyncio.Event()
        self._wait_status: int | None = None
        self._peak: int | None = None
        self.pid = popen.pid
        self.identity: ProcessId | None = identify(popen.pid)
        self.tree = ProcessTree(popen.pid)
        self.run: str | None = None
        """``FACTORY_RUN`` of the child, by which what it forked is known."""
        self.trouble: asyncio.Future[Exception] = self._loop.create_future()

    @classmethod
    def start(
        cls,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        consumer: Consumer,
        umask: int = -1,
    ) -> Child:
        """Start ``argv`` in ``cwd``; StartError when it cannot be.

        ``env`` is the whole environment but for FACTORY_EVENTS_FD, which is added. ``umask`` -1 is
        that of this process.
        """
        loop = asyncio.get_running_loop()
        pipes = [os.pipe(), os.pipe(), os.pipe()]
        (out_r, out_w), (err_r, err_w), (event_r, event_w) = pipes
        try:
            popen = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env={**env, "FACTORY_EVENTS_FD": str(event_w)},
                stdin=subprocess.DEVNULL,
                stdout=out_w,
                stderr=err_w,
                pass_fds=(event_w,),
                start_new_session=True,
                umask=umask,
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            for pair in pipes:
                os.close(pair[0])
            raise StartError(_start_error(argv, cwd, error)) from error
        finally:
            for pair in pipes:
                os.close(pair[1])
        child = cls(popen, consumer)
        child.run = env.get("FACTORY_RUN")
        for fd, stream in ((out_r, "stdout"), (err_r, "stderr"), (event_r, "events")):
            child._listen(fd, stream)  # type: ignore[arg-type]
        loop.add_signal_handler(signal.SIGCHLD, child._reap)
        child._reap()  # it may have ended before the handler was there
        return child

    # --- listening ----------------------------------------------------------------

    def _listen(self, fd: int, stream: Stream) -> None:
        os.set_blocking(fd, False)
        if stream == "events" and hasattr(fcntl, "F_SETPIPE_SZ"):
            with contextlib.suppress(OSError):  # a larger pipe means fewer, larger batches
                fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, 2**20)
        self._open[fd] = stream
        self._loop.add_reader(fd, self._read, fd)

    def _read(self, fd: int) -> None:
        try:
            data = os.read(fd, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(fd)
        elif not self.trouble.done():
            try:
                self._consumer(self._open[fd], data)
            except Exception as error:  # noqa: BLE001 - whatever it is, it ends the stage
                self.trouble.set_result(error)

    def _close(self, fd: int) -> None:
        if self._open.pop(fd, None) is not None:
            self._loop.remove_reader(fd)
            os.close(fd)
        if not self._open:
            self._drained.set()

    # --- ending -------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether the child itself has ended; its pipes may still hold something."""
        return self._ended.is_set()

    def _reap(self) -> None:
        if self._ended.is_set():
            return
        try:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        except ChildProcessError:  # someone else reaped it: how it ended is not known
            self._ended.set()
            return
        if pid == 0:
            return
        self._wait_status = status
        unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes there, KiB here
        self._peak = usage.ru_maxrss * unit
        self._popen.returncode = os.waitstatus_to_exitcode(status)
        self._ended.set()

    async def wait(self) -> Exit:
        """Until the child has ended, its pipes are read to their end and nobody is left behind."""
        await self._ended.wait()
        duration = time.monotonic() - self._began
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._drained.wait(), 0.1)
        leftovers = await self._sweep()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._drained.wait(), DRAIN_S)
        for fd in list(self._open):
            self._close(fd)
        self._loop.remove_signal_handler(signal.SIGCHLD)
        code = None if self._wait_status is None else self._popen.returncode
        died = code is not None and code < 0
        return Exit(
            code=None if died else code,
            signal=-code if died and code is not None else None,
            peak_process_rss_bytes=self._peak,
            duration_s=duration,
            leftovers=leftovers,
        )

    async def _sweep(self) -> int:
        """Stop what the child left behind; returns how many processes there were."""
        if self.run is not None:
            self.tree.find_marked("FACTORY_RUN", self.run)
        left = self.tree.signal(signal.SIGTERM)
        if not left:
            return 0
        until = time.monotonic() + LEFTOVER_S
        while self.tree.members() and time.monotonic() < until:
            await asyncio.sleep(0.05)
        self.tree.signal(signal.SIGKILL)
        return left

    async def stop(self, patience: Patience) -> None:
        """SIGINT to the group, then SIGTERM, then SIGKILL; returns when the child has ended.

        ``hurry`` takes the next step at once. TimeoutError when even SIGKILL does not end it.
        """
        steps = (
            (signal.SIGINT, patience.interrupt_s),
            (signal.SIGTERM, patience.terminate_s),
            (signal.SIGKILL, patience.kill_s),
        )
        for number, seconds in steps:
            self._signal_group(number)
            if await self._ended_within(seconds):
                return
        raise TimeoutError(f"process {self.pid} does not end, not even by SIGKILL")

    def hurry(self) -> None:
        """Take the next step of ``stop`` now."""
        self._hurry.set()

    async def _ended_within(self, seconds: float) -> bool:
        ended = asyncio.ensure_future(self._ended.wait())
        hurry = asyncio.ensure_future(self._hurry.wait())
        try:
            await asyncio.wait({ended, hurry}, timeout=seconds, return_when="FIRST_COMPLETED")
        finally:
            ended.cancel()
            hurry.cancel()
            self._hurry.clear()
        return self._ended.is_set()

    def _signal_group(self, number: signal.Signals) -> None:
        if self._ended.is_set():
            return
        # PermissionError: macOS says so of a group whose members have all ended.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
            if number is not signal.SIGKILL:
                os.killpg(self.pid, signal.SIGCONT)  # one that is stopped could not obey
        if number is signal.SIGKILL:
            self.tree.signal(number)


def _start_error(argv: Sequence[str], cwd: Path, error: Exception) -> str:
    if not cwd.is_dir():
        return f"The directory to start in, {cwd}, is not there."
    if isinstance(error, FileNotFoundError):
        return f"The command {argv[0]} was not found. Install it, or give its full path."
    if isinstance(error, PermissionError):
        return f"The command {argv[0]} may not be executed. Allow it: chmod +x {argv[0]}"
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return f"The command {argv[0]} could not be started: {reason}."
