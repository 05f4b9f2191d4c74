"""The ``train`` stage where several processes train: starts MLX's launcher and sees to its end.

The launcher starts ``engine.work.rank`` for each host. The first rank is the train worker itself;
its events come through a named pipe and go on as they are. What the launcher prints is sorted by
rank. It exits with 0 when a rank dies, so how the stage ended is concluded from what the ranks
said at their own ends.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import psutil

from engine.compute import launcher
from engine.compute.checking import Model, wrong_with
from engine.compute.hosts import Host, HostsError, said
from engine.compute.rank_lines import Begun, Ended, Gone, LogLine, read_line
from engine.compute.verdict import RankLog, Verdict, judge
from engine.folder import FolderError, read_record
from engine.plain_file import open_to_append
from engine.records.ranks import RankEnd, RankGroup, Ranks
from engine.work import models, runtime
from engine.work.rank import EVENTS_VARIABLE
from engine.work.runtime import EXIT_DONE, EXIT_STOPPED, Failure, Refusal, WorkerContext
from engine.work.specs import GroupSpec, TrainSpec

RECORD = "ranks.json"
LEFT_S = 15.0
"""How long the group may take to end after its first rank has, or one broke it: then all of it is
killed."""

SAVING_S = 900.0
"""How long the first rank may save after the others have left."""

POLL_S = 0.1
_END = b'{"kind":"end"}\n'
"""What we write behind the last event ourselves, to know that all before it was read."""

_PEAK = re.compile(rb'"mlx_peak_bytes":(\d+)')


def log_name(rank: int) -> str:
    """The file of the run folder that holds what a rank prints."""
    return f"train-rank-{rank}.log" if rank else "train.log"


def main(ctx: WorkerContext) -> None:
    spec = ctx.parse(TrainSpec)
    if spec.compute is None:
        raise Refusal("This stage has no compute.hosts: its worker is engine.work.train.")
    hosts = [Host(one.ssh, tuple(one.ips), tuple(one.rdma)) for one in spec.compute.hosts]
    try:
        _check(ctx, spec, hosts)
        run_group(ctx, spec.compute, hosts)
    except HostsError as error:
        raise Refusal(f"compute.hosts: {error}") from error


def _check(ctx: WorkerContext, spec: TrainSpec, hosts: list[Host]) -> None:
    """HostsError where another host cannot take part."""
    others = [one.ssh for one in hosts if not one.here]
    if not others:
        return
    ctx.message("hosts", f"Checking {', '.join(dict.fromkeys(others))}.")
    path = models.resolve(ctx, spec.model, spec.revision)
    if models.HUB_ID.fullmatch(spec.model) and path.parent.name == "snapshots":
        model = Model(spec.model, path, path.name)
    else:
        model = Model(str(path), path)
    if wrong := wrong_with(hosts, model):
        raise HostsError(" ".join(wrong))


def run_group(ctx: WorkerContext, spec: GroupSpec, hosts: list[Host]) -> None:
    """Run the ranks to their end; ends as the first rank did, or says which rank broke it."""
    file = launcher.host_file(hosts, spec.backend)
    ctx.write_record(launcher.HOST_FILE, file)
    ctx.message("group", f"{len(hosts)} ranks train together over {spec.backend}: {said(hosts)}.")
    events = Events(ctx)
    with events.pipe() as pipe:
        argv = launcher.command(
            ctx.run / launcher.HOST_FILE,
            spec.backend,
            launcher.starting_port(hosts, spec.port),
            {
                launcher.BACKEND_VARIABLE: spec.backend,
                "PYTHONUNBUFFERED": "1",
                "PYTHONIOENCODING": "utf-8",
            },
            [sys.executable, "-P", "-m", "engine.work.rank"],
        )
        env = launcher.launcher_env(os.environ) | {EVENTS_VARIABLE: str(pipe)}
        group = Group(ctx, hosts, argv, env)
        try:
            group.follow()
        finally:
            group.kill()
    first = group.log.ends.get(0)
    if first is not None:
        group.log.ends[0] = replace(first, peak_mlx_bytes=events.peak_mlx)
    verdict = judge(hosts, group.log)
    _write_record(ctx, spec.backend, hosts, group.log)
    _conclude(ctx, verdict)


def _conclude(ctx: WorkerContext, verdict: Verdict) -> None:
    """End as the group did."""
    if verdict.broken is not None:
        raise Failure("rank-died", verdict.broken)
    if verdict.code == EXIT_STOPPED:
        ctx.stop()
    if verdict.code != EXIT_DONE:
        sys.exit(verdict.code)  # rank 0 said why


class Group:
    """The launcher while it runs."""

    def __init__(
        self, ctx: WorkerContext, hosts: list[Host], argv: list[str], env: dict[str, str]
    ) -> None:
        self.ctx = ctx
        self.log = RankLog(len(hosts))
        self._files: dict[int, IO[bytes]] = {}
        self._lock = threading.Lock()
        # A session of its own: signals are for the first rank, which saves and tells the others.
        self._launcher = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            start_new_session=True,
        )
        self._threads = [
            threading.Thread(target=target, args=args, daemon=True)
            for target, args in (
                (self._read, (self._launcher.stdout, sys.stdout)),
                (self._read, (self._launcher.stderr, sys.stderr)),
                (self._stuff, (launcher.stuffing(hosts),)),
            )
        ]

    def follow(self) -> None:
        """Until the launcher has ended, or is killed since the group does not end."""
        for thread in self._threads:
            thread.start()
        told = False
        over: float | None = None
        first_end: float | None = None
        while self._launcher.poll() is None:
            if self.ctx.stopping and not told:
                told = self._stop_first()
            now = time.monotonic()
            over = over or (now if self.log.over else None)
            first_end = first_end or (now if self.log.one_ended else None)
            if over is not None and now - over > LEFT_S:
                return
            if first_end is not None and now - first_end > SAVING_S:
                return
            if self.log.all_well:  # the launcher sees it up to a second later
                return
            time.sleep(POLL_S)
        code = self._launcher.returncode
        if code is not None and code < 0:
            self.log.launcher_signal = -code
            self._wait_for_first()
        for thread in self._threads[:2]:
            thread.join(2.0)

    def kill(self) -> None:
        """End whatever is left of the group, and its logs."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._launcher.pid, signal.SIGKILL)
        self._launcher.wait()
        for thread in self._threads[:2]:
            thread.join(1.0)
        for file in self._files.values():
            file.close()

    def _wait_for_first(self) -> None:
        """The first rank sees that the launcher is gone, and saves."""
        until = time.monotonic() + LEFT_S
        while 0 in self.log.begun and time.monotonic() < until:
            if not psutil.pid_exists(self.log.begun[0].pid):
                return
            time.sleep(POLL_S)

    def _stop_first(self) -> bool:
        """Ask the first rank to save and stop; whether it was there to be asked."""
        if 0 not in self.log.begun:
            return False
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self.log.begun[0].pid, signal.SIGTERM)
        return True

    def _stuff(self, data: bytes) -> None:
        stdin = self._launcher.stdin
        assert stdin is not None
        # A terminal of ssh would echo what comes before the launcher's script has forbidden it.
        while len(self.log.begun) < self.log.size and self._launcher.poll() is None:
            time.sleep(POLL_S)
        with contextlib.suppress(OSError):
            stdin.write(data)
            stdin.flush()

    def _read(self, stream: IO[bytes], out: IO[str]) -> None:
        for raw in stream:
            line = raw.decode("utf-8", "replace")
            with self._lock:
                self._take(line, out)

    def _take(self, line: str, out: IO[str]) -> None:
        found = read_line(line)
        if isinstance(found, LogLine):
            self.log.say(found)
            self._file(found.rank).write(f"{found.text}\n".encode())
            self._file(found.rank).flush()
        elif isinstance(found, Begun | Ended | Gone):
            self.log.note(found)
        if found is None:
            self.log.say(LogLine(0, line.rstrip()))
        if found is None or isinstance(found, Gone):
            out.write(line)
            out.flush()

    def _file(self, rank: int) -> IO[bytes]:
        if rank not in self._files:
            self._files[rank] = os.fdopen(open_to_append(self.ctx.run / log_name(rank)), "ab")
        return self._files[rank]


class Events:
    """Passes the events of the first rank on, line by line, as they are."""

    def __init__(self, ctx: WorkerContext) -> None:
        self.ctx = ctx
        self.peak_mlx: int | None = None

    @contextlib.contextmanager
    def pipe(self) -> Iterator[Path]:
        """A named pipe that takes them; when the block ends, all of them have gone on."""
        with tempfile.TemporaryDirectory(prefix="factory-") as folder:
            path = Path(folder) / "events"
            os.mkfifo(path, 0o600)
            # Open at both ends: it waits for no writer, and does not end with one.
            fd = os.open(path, os.O_RDWR)
            thread = threading.Thread(target=self._relay, args=(fd,), daemon=True)
            thread.start()
            try:
                yield path
            finally:
                os.write(fd, b"\n" + _END)
                thread.join(5.0)
                os.close(fd)

    def _relay(self, fd: int) -> None:
        rest = b""
        ended = False
        while not ended:
            whole, newline, rest = (rest + os.read(fd, 1 << 16)).rpartition(b"\n")
            lines = whole + newline
            if ended := lines.endswith(_END):
                # The last one has no line end where the rank was killed in the middle of it.
                whole, newline, _ = lines.removesuffix(_END).removesuffix(b"\n").rpartition(b"\n")
                lines = whole + newline
            for found in _PEAK.findall(lines):
                self.peak_mlx = max(self.peak_mlx or 0, int(found))
            if lines.strip() and not self.ctx.pipe.pass_on(lines):
                os.kill(os.getpid(), signal.SIGTERM)  # nobody reads any more: stop


def _write_record(ctx: WorkerContext, backend: str, hosts: list[Host], log: RankLog) -> None:
    ends = []
    for rank, host in enumerate(hosts):
        end = log.ends.get(rank) or Ended(rank)
        ends.append(
            RankEnd(
                host=host.ssh,
                exit_code=end.exit_code,
                signal=end.signal,
                stopped=end.stopped,
                peak_rss_bytes=end.peak_rss_bytes,
                peak_mlx_bytes=end.peak_mlx_bytes,
                log=log_name(rank),
            )
        )
    try:
        record = read_record(ctx.run / RECORD, Ranks)
    except FolderError:
        record = Ranks()  # none yet, or one that is broken: it is made anew
    record.stages[ctx.stage.name] = RankGroup(backend=backend, ranks=ends)
    ctx.write_record(RECORD, record)


if __name__ == "__main__":
    runtime.run(main)
