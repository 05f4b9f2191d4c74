"""What is installed here, what MLX computes on, what is wrong, and the command that mends it."""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from engine import nvidia
from engine.largest_model import fits
from engine.models import cached_models, hub_cache
from engine.private import others_may_read
from engine.supervise.provenance import machine

State = Literal["ok", "note", "wrong"]

PACKAGES = ("factory-tui", "mlx", "mlx-lm", "transformers", "textual", "pydantic", "numpy")
LOW_DISK_BYTES = 5 * 2**30
LOW_MEMORY_BYTES = 2 * 2**30
SYSTEM_BYTES = 4 * 2**30
"""What the system and the programs beside a training need, as a rule."""

OLDEST_GIT = (2, 31)
"""The first with ``--config-env``, by which a folder's own settings are put out of action."""

SLOW_GFLOPS = 20.0
"""Below this a CPU computes with the reference BLAS of MLX's wheel."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. ``fix`` is what to type where something is wrong."""

    what: str
    state: State
    text: str
    fix: str | None = None


def examine(workspace: Path | None) -> Iterator[Finding]:
    """Look at the machine, the packages, MLX, the disk and the terminal, in this order."""
    yield from _system()
    yield from _packages()
    yield from _mlx()
    yield from _disk(workspace)
    yield _models()
    if workspace is not None:
        yield from _benchmarks(workspace)
    yield from _terminal()


def _system() -> Iterator[Finding]:
    import psutil

    memory = psutil.virtual_memory()
    chip = machine().chip or platform.machine()
    yield Finding("machine", "ok", f"{chip} · {os.cpu_count()} cores · {gigabytes(memory.total)}")
    low = memory.available < LOW_MEMORY_BYTES
    yield Finding(
        "memory",
        "wrong" if low else "ok",
        f"{gigabytes(memory.available)} of {gigabytes(memory.total)} available, "
        f"{gigabytes(psutil.swap_memory().used)} swapped out",
        "Close other programs before training, or choose a smaller batch or model."
        if low
        else None,
    )
    good = sys.version_info >= (3, 11)
    yield Finding(
        "python",
        "ok" if good else "wrong",
        f"{platform.python_version()} ({platform.python_implementation()})",
        None if good else "Install Python 3.11 or newer.",
    )


def _packages() -> Iterator[Finding]:
    for name in PACKAGES:
        try:
            yield Finding(name, "ok", version(name))
        except PackageNotFoundError:
            yield Finding(name, "wrong", "not installed", "pip install factory-tui")


def _mlx() -> Iterator[Finding]:
    report = probe()
    if "error" in report:
        fix = (
            "pip install 'mlx[cpu]'"
            if platform.system() == "Linux"
            else "pip install -U mlx mlx-lm"
        )
        yield Finding("accelerator", "wrong", str(report["error"]), fix)
        return
    speed = float(report.get("gflops_float32", 0.0))
    text = f"{report['text']} {speed:,.0f} GFLOPS in float32."
    slow = platform.system() == "Linux" and report.get("device") == "cpu" and not report.get("blas")
    yield Finding(
        "accelerator",
        "wrong" if slow or speed < SLOW_GFLOPS else "ok",
        text,
        "sudo apt-get install libopenblas0-pthread   (some 30 times faster in float32)"
        if slow
        else None,
    )
    metal = report.get("metal")
    if platform.system() == "Linux":
        yield from _linux(str(report.get("device")))
    if isinstance(metal, dict):
        yield from _metal(metal)
    elif platform.system() == "Darwin":
        yield Finding(
            "metal",
            "wrong",
            "MLX finds no Metal device, so everything runs on the CPU.",
            "Use a native arm64 Python: python3 -c 'import platform; print(platform.machine())'",
        )


def _metal(metal: dict[str, Any]) -> Iterator[Finding]:
    total = metal.get("memory_size")
    working = metal.get("max_recommended_working_set_size")
    if not isinstance(total, int) or not isinstance(working, int):
        yield Finding("metal", "note", f"Metal reports {sorted(metal)}; no sizes among them.")
        return
    yield Finding(
        "metal",
        "ok",
        f"recommended working set {gigabytes(working)} of {gigabytes(total)} unified memory: "
        f"model, optimizer and activations together should stay below it; {fits(working)}",
    )
    limit = _output(["/usr/sbin/sysctl", "-n", "iogpu.wired_limit_mb"])
    if limit is not None:
        megabytes = int(limit) if limit.isdigit() else 0
        meaning = (
            "the system's default, which is the recommended working set"
            if megabytes == 0
            else f"{megabytes:,} MB"
        )
        yield Finding(
            "wired limit",
            "ok",
            f"iogpu.wired_limit_mb is {meaning}: so much the GPU may keep resident. A larger model "
            "needs more until the next start: sudo sysctl iogpu.wired_limit_mb=<MB>, with some "
            f"{gigabytes(SYSTEM_BYTES)} left for the system",
        )
    yield Finding(
        "not tested",
        "note",
        "this program was made without a Mac: Metal, the wired limit and notifications follow "
        "Apple's and MLX's documentation. What is wrong here is worth an issue",
    )


def _linux(device: str) -> Iterator[Finding]:
    """What MLX computes on beside the processor's own memory, and the build that fits a card."""
    found = nvidia.cards()
    if not found:
        import psutil

        room = psutil.virtual_memory().total - SYSTEM_BYTES
        yield Finding("models fit", "ok", fits(max(0, room)))
        return
    for card in found:
        words = f"{card.name}, driver {nvidia.dotted(card.driver)}"
        extra = nvidia.fitting_extra(card)
        if card.memory:
            words += f", {gigabytes(card.memory)}: {fits(card.memory)}"
        if extra is None:
            yield Finding("cuda", "note", f"{words}. No build of MLX fits: {nvidia.why_not(card)}")
        elif device == "gpu":
            yield Finding("cuda", "ok", words)
        else:
            yield Finding("cuda", "note", f"{words}. MLX computes on the processor", _take(extra))


def _take(extra: str) -> str:
    """How to have MLX's CUDA build in place of the processor's, which lies in the same files."""
    package = extra.replace("cuda", "mlx-cuda-")
    return (
        f"pip install 'factory-tui[{extra}]' && pip uninstall -y mlx-cpu && "
        f"pip install --force-reinstall --no-deps {package}=={_version('mlx')}"
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "VERSION"


def probe() -> dict[str, Any]:
    """What ``engine.work.probe`` says of MLX, in a child of its own; ``error`` when it fails."""
    command = [sys.executable, "-P", "-m", "engine.work.probe"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        report = json.loads(done.stdout or "{}")
    except subprocess.TimeoutExpired:
        return {"error": "MLX did not answer within two minutes."}
    except ValueError:
        report = {}
    if not isinstance(report, dict) or not report:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return {"error": f"MLX cannot be used: {last}"}
    return report


def _disk(workspace: Path | None) -> Iterator[Finding]:
    for what, path in (("disk", workspace or Path.cwd()), ("hub cache", hub_cache())):
        place = next(parent for parent in (path, *path.parents) if parent.exists())
        free = shutil.disk_usage(place).free
        low = free < LOW_DISK_BYTES
        yield Finding(
            what,
            "wrong" if low else "ok",
            f"{gigabytes(free)} free at {path}",
            "Checkpoints and models need room: remove old runs' adapters/." if low else None,
        )
    if workspace is not None and not os.access(workspace, os.W_OK):
        yield Finding(
            "workspace", "wrong", f"{workspace} cannot be written.", f"chmod u+w {workspace}"
        )
    if workspace is not None and (open_to_all := others_may_read(workspace)):
        counts = " and ".join(f"{count:,} of {name}/" for name, count in open_to_all.items())
        yield Finding(
            "private",
            "note",
            f"others on this machine may read {counts}: made by an earlier version, or opened "
            "since. What is made now is its owner's alone",
            "chmod -R go-rwx " + shlex.join(str(workspace / name) for name in open_to_all),
        )


def _models() -> Finding:
    models = cached_models()
    if not models:
        return Finding(
            "models",
            "note",
            "no models in the hub's cache",
            "hf download mlx-community/Qwen3-0.6B-4bit   (the samples need none)",
        )
    names = ", ".join(f"{model.id} ({gigabytes(model.size)})" for model in models[:5])
    more = f" and {len(models) - 5} more" if len(models) > 5 else ""
    return Finding("models", "ok", names + more)


def _benchmarks(workspace: Path) -> Iterator[Finding]:
    """What was measured of models on this machine; nothing where nothing was."""
    from engine.costs.bench_settings import load_limits
    from engine.costs.bench_store import benchmarks_here
    from engine.costs.bench_words import in_a_line
    from engine.costs.verdict import USUAL
    from engine.settings_file import SettingsError
    from engine.workspace import Workspace

    limits = USUAL
    try:
        limits = load_limits(workspace)
    except SettingsError as error:
        yield Finding("limits", "wrong", str(error), "Mend [bench] in factory.toml.")
    for record in benchmarks_here(Workspace(workspace))[:5]:
        yield Finding("benchmark", "ok", in_a_line(record, limits))


def _terminal() -> Iterator[Finding]:
    size = shutil.get_terminal_size()
    encoding = (sys.stdout.encoding or "").lower()
    if sys.stdout.isatty() and encoding not in ("utf-8", "utf8"):
        yield Finding(
            "terminal",
            "wrong",
            f"text is {encoding or 'of no known encoding'}: charts need UTF-8",
            "export LANG=en_US.UTF-8",
        )
    elif sys.stdout.isatty() and (size.columns < 80 or size.lines < 24):
        yield Finding(
            "terminal", "note", f"{size.columns}×{size.lines}: the screens need 80×24", "enlarge it"
        )
    else:
        name = os.environ.get("TERM", "none")
        yield Finding("terminal", "ok", f"{name} · {size.columns}×{size.lines}")
    said = _output(["git", "--version"]) if shutil.which("git") else None
    numbers = re.search(r"(\d+)\.(\d+)", said or "")
    if numbers is None:
        yield Finding("git", "note", "not installed: runs will not record a commit", "install git")
    elif (int(numbers[1]), int(numbers[2])) < OLDEST_GIT:
        wanted = ".".join(map(str, OLDEST_GIT))
        yield Finding("git", "note", f"{said}: {wanted} or newer is needed", "install a newer git")


def gigabytes(count: float) -> str:
    """Bytes in GB (2**30), as people say memory sizes."""
    return f"{count / 2**30:,.1f} GB" if count < 100 * 2**30 else f"{count / 2**30:,.0f} GB"


def _output(command: list[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
