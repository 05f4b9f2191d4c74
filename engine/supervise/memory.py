"""What a child and everything that it started hold in memory, sampled.

The sum of resident sizes counts pages that processes share more than once, and on macOS leaves
out most of what Metal allocates: MLX's own peak stands beside it in the records for that reason.
The exact peak of one process comes from the operating system at its end (see ``process``).
"""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a process tree and at the machine; bytes, and seconds of CPU time."""

    tree_rss_bytes: int
    processes: int
    cpu_s: float
    """CPU time that the processes alive now have used since they started."""
    available_bytes: int | None
    total_bytes: int | None
    swap_used_bytes: int | None

    def event(self) -> dict[str, object]:
        """The sample as a ``memory`` event."""
        return {
            "kind": "memory",
            "tree_rss_bytes": self.tree_rss_bytes,
            "processes": self.processes,
            "available_bytes": self.available_bytes,
            "swap_used_bytes": self.swap_used_bytes,
        }

    @property
    def available_share(self) -> float | None:
        """Share of the machine's memory that is still to be had, 0 to 1."""
        if self.available_bytes is None or not self.total_bytes:
            return None
        return self.available_bytes / self.total_bytes


class ProcessTree:
    """A child that leads a session of its own, with its descendants and the session's members.

    Remembers everyone it has seen, so that a descendant is found again after its parent ended,
    even one that moved to a session of its own.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._seen: dict[int, psutil.Process] = {}

    def members(self) -> list[psutil.Process]:
        """The processes of the tree that live now."""
        for pid in _session(self.pid):
            self._see(pid)
        with contextlib.suppress(psutil.Error):
            leader = self._seen.get(self.pid) or psutil.Process(self.pid)
            for process in leader.children(recursive=True):
                self._seen.setdefault(process.pid, process)
        self._seen = {pid: one for pid, one in self._seen.items() if _runs(one)}
        return list(self._seen.values())

    def sample(self) -> Sample:
        """Look now. Processes that vanish meanwhile are left out."""
        rss, count, cpu = 0, 0, 0.0
        for process in self.members():
            try:
                with process.oneshot():
                    size = process.memory_info().rss
                    times = process.cpu_times()
            except psutil.Error:
                continue
            rss, count, cpu = rss + size, count + 1, cpu + times.user + times.system
        available = total = swap = None
        with contextlib.suppress(OSError, psutil.Error, RuntimeError):
            memory = psutil.virtual_memory()
            available, total = int(memory.available), int(memory.total)
            swap = int(psutil.swap_memory().used)
        return Sample(rss, count, cpu, available, total, swap)

    def signal(self, number: signal.Signals) -> int:
        """Send a signal to each member that lives; returns how many there were."""
        members = self.members()
        for process in members:
            with contextlib.suppress(psutil.Error, OSError):
                process.send_signal(number)
        return len(members)

    def find_marked(self, name: str, value: str) -> None:
        """Look through all processes for those with this variable in their environment: a child
        that left the session between two looks, and whose parent has ended."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.pid != os.getpid() and process.environ().get(name) == value:
                    self._seen.setdefault(process.pid, process)

    def _see(self, pid: int) -> None:
        if pid not in self._seen:
            with contextlib.suppress(psutil.Error):
                self._seen[pid] = psutil.Process(pid)


def _session(leader: int) -> list[int]:
    """The numbers of all processes in the session that ``leader`` leads (or led)."""
    found = []
    for pid in psutil.pids():
        with contextlib.suppress(OSError):
            if os.getsid(pid) == leader:
                found.append(pid)
    return found


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
