"""Keeps ``provenance.json``: commands really run, versions, git commit, machine, data hashes."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from engine import git
from engine.folder import FolderError, RunFolder, sha256_file
from engine.records.base import utc_now
from engine.records.plan import Stage, StageKind
from engine.records.provenance import Machine, Provenance, StageCommand
from engine.records.run import Dataset
from engine.supervise.command import Command

FILE = "provenance.json"

PACKAGES = (
    "factory-tui",
    "mlx",
    "mlx-cpu",
    "mlx-metal",
    "mlx-lm",
    "transformers",
    "tokenizers",
    "numpy",
    "pydantic",
    "psutil",
)
GIT_TIMEOUT_S = 5.0
MAX_LINE = 16 * 2**20


class ProvenanceKeeper:
    """Adds to the record as the run goes on. An older record of the run is kept and continued."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._hashed: dict[tuple[str, int, int], str] = {}
        try:
            before = folder.read_optional(FILE, Provenance)
        except FolderError:
            before = None  # unreadable: it is written anew, from here on
        self._record = before or Provenance(run_id=folder.run_id, written=utc_now())
        self._record.run_id = folder.run_id

    def describe(self, target: Path) -> None:
        """Note versions, machine and the git commit of the target's repository; may take 0.1 s."""
        record = self._record
        record.python = platform.python_version()
        record.packages = package_versions()
        record.machine = machine()
        record.git_commit, record.git_dirty = git_state(target)
        if record.frozen_sha256 is None:
            record.frozen_sha256 = first_line_sha256(self._folder.file("events.jsonl"))

    def started(self, stage: str, command: Command) -> None:
        """A stage is started with this command."""
        attempt = StageCommand(argv=command.shown, cwd=command.shown_cwd, started=utc_now())
        commands = dict(self._record.commands)
        commands[stage] = [*commands.get(stage, []), attempt]
        self._record.commands = commands
        self.write()

    def ended(self, stage: str, exit_code: int | None, mlx: dict[str, Any]) -> None:
        """A stage ended; ``mlx`` is what it said of MLX."""
        attempts = self._record.commands.get(stage)
        if attempts:
            attempts[-1].exit_code = exit_code
        if mlx:
            self._record.mlx = {**self._record.mlx, **mlx}
            accelerator = accelerator_words(mlx)
            if accelerator and self._record.machine is not None:
                self._record.machine.accelerator = accelerator
        self.write()

    def hash_data(self) -> None:
        """Note the hashes of the data files; one that did not change is not read again."""
        hashes = data_hashes(self._folder, self._hashed)
        self._record.datasets = {**self._record.datasets, **hashes}

    def hash_adapters(self, stage: Stage) -> None:
        """Note the hashes of the adapter that a training stage left: who swaps it afterwards has
        another model than the one that was measured."""
        attempts = self._record.commands.get(stage.name)
        since = attempts[-1].started.timestamp() if attempts else 0.0
        hashes = adapter_hashes(self._folder, stage, since)
        self._record.adapters = {**self._record.adapters, **hashes}

    def write(self) -> None:
        self._record.written = utc_now()
        self._folder.write(FILE, self._record)


def package_versions() -> dict[str, str]:
    """Versions of what shapes the numbers, as installed; nothing is imported for it."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def machine() -> Machine:
    """This machine, as the system describes it."""
    return Machine(
        system=platform.system(),
        release=platform.release(),
        machine=platform.machine(),
        chip=_chip(),
        cores=os.cpu_count(),
        memory_bytes=int(psutil.virtual_memory().total),
    )


def accelerator_words(mlx: dict[str, Any]) -> str | None:
    """What MLX computes on, for example "gpu (Metal)" or "cpu (OpenBLAS)"."""
    device, blas = mlx.get("device"), mlx.get("blas")
    if not isinstance(device, str):
        return None
    if "gpu" in device.lower():
        return "gpu (Metal)" if sys.platform == "darwin" else "gpu"
    return f"cpu ({blas})" if isinstance(blas, str) else "cpu"


def data_hashes(folder: RunFolder, known: dict[tuple[str, int, int], str]) -> dict[str, str]:
    """Path to SHA-256: the sources that dataset.json names, and the run's own data files.

    ``known`` holds what was hashed before, by path, size and time of change; it is added to.
    """
    hashes: dict[str, str] = {}
    try:
        dataset = folder.read_optional("dataset.json", Dataset)
    except FolderError:
        dataset = None  # a wrong record is for the checks to report
    for source in dataset.sources if dataset else []:
        if source.sha256:
            hashes[source.path] = source.sha256
    for path in sorted(folder.file("data").glob("*.jsonl")):
        look = path.stat()
        key = (path.name, look.st_size, look.st_mtime_ns)
        if key not in known:
            known[key] = sha256_file(path)
        hashes[f"data/{path.name}"] = known[key]
    return hashes


ADAPTER_FILES = ("adapters.safetensors", "adapter_config.json")
"""What makes an adapter: its weights, and how strongly they speak."""

CLOCK_TICK_S = 0.05
"""A file's time comes from the kernel's coarse clock, which may be a tick (up to 10 ms on Linux)
behind the clock that ``since`` was read from."""


def adapter_hashes(folder: RunFolder, stage: Stage, since: float = 0.0) -> dict[str, str]:
    """Path to SHA-256 of the adapter files that a stage made; none for a stage that makes none.

    A command of one's own may train or not: what it wrote into ``adapters`` after ``since`` (a
    Unix time) is its own, older files are another stage's.
    """
    if stage.kind not in (StageKind.TRAIN, StageKind.COMMAND):
        return {}
    where = stage.spec.get("adapter_dir")
    name = where.removeprefix("{run}/") if isinstance(where, str) else "adapters"
    found = {}
    for file in ADAPTER_FILES:
        path = folder.file(name) / file
        written = path.stat().st_mtime if path.is_file() else 0.0
        old = stage.kind is StageKind.COMMAND and written < since - CLOCK_TICK_S
        if path.is_file() and not old:
            found[f"{name}/{file}"] = sha256_file(path)
    return found


def first_line_sha256(path: Path) -> str | None:
    """The hash of a file's first line without its end; None where there is no whole one."""
    try:
        with path.open("rb") as file:
            line = file.readline(MAX_LINE)
    except OSError:
        return None
    return hashlib.sha256(line[:-1]).hexdigest() if line.endswith(b"\n") else None


def git_state(directory: Path) -> tuple[str | None, bool | None]:
    """The commit that a directory is at, and whether it has changes; None where git cannot say.

    The directory may come from elsewhere: no program that its git configuration names runs, and a
    directory that looks like git's own (a bare repository) tells nothing. What was changed within a
    submodule is not looked at, that it is at another commit is.
    """
    commit = _git(directory, "rev-parse", "HEAD")
    if not commit:
        return None, None
    changes = _git(directory, "status", "--porcelain", "--ignore-submodules=dirty", "--", ".")
    return commit.strip(), None if changes is None else bool(changes.strip())


def _git(directory: Path, *arguments: str) -> str | None:
    try:
        done = git.call(directory, *arguments, seconds=GIT_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def _chip() -> str | None:
    if sys.platform == "darwin":
        try:
            done = subprocess.run(
                ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"],
                capture_output=True,
                timeout=GIT_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.decode("utf-8", "replace").strip() or None
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        return None
    return None
