"""Makes MLX fast on a Linux CPU: a good BLAS before MLX is imported, no ``mx.compile`` there.

MLX's Linux wheel links a reference BLAS. The dynamic linker takes the first
definition of a symbol, so an OpenBLAS that is loaded globally before MLX is
found first, as with LD_PRELOAD. ``mx.compile`` starts a C++ compiler for each
kernel on a CPU, which costs more than it gives. On macOS nothing is done.

Call ``prepare`` before anything imports ``mlx``::

    ctx.emit(**blas.prepare())
    import mlx.core as mx
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = ("libopenblas.so.0", "libopenblas.so")
DEFAULT_THREADS = "1"
"""OpenBLAS threads when OPENBLAS_NUM_THREADS is not set: for matrices of the size of
small models a second thread gives next to nothing, and takes a core from everything else."""

CUDA_BUILDS = ("mlx-cuda-12", "mlx-cuda-13")
CARDS = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg")
"""What is there when a driver for NVIDIA cards is loaded, the last one in a Linux on Windows."""

_KEEP = ((-3, 32 * 2**20), (-1, 2**31 - 1), (-2, 64 * 2**20))
"""M_MMAP_THRESHOLD at its most, M_TRIM_THRESHOLD at "never", and M_TOP_PAD: how much more the heap
grows at a time."""


def expects_gpu() -> bool:
    """Whether MLX will compute on an NVIDIA card, told before it is imported."""
    return any(map(_installed, CUDA_BUILDS)) and any(Path(path).exists() for path in CARDS)


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def load_openblas() -> str | None:
    """Load OpenBLAS globally; its name, or None where it is not installed or not wanted: not
    on a Mac, nor where a card computes.

    RuntimeError when MLX was imported before: then it would have no effect.
    """
    if platform.system() != "Linux" or expects_gpu():
        return None
    if "mlx.core" in sys.modules:
        raise RuntimeError("blas.prepare must run before mlx is imported")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", DEFAULT_THREADS)
    for name in LIBRARIES:
        try:
            ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return name
    return None


def keep_memory() -> bool:
    """Have the C library keep what MLX frees, on Linux; whether it does.

    MLX asks it for each array anew. Large ones come from the system page by page and go back at
    once, which is a tenth of the time of an evaluation in batches.
    """
    if platform.system() != "Linux" or expects_gpu():
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's; other libraries have none
    if mallopt is None:
        return False
    done = [mallopt(option, value) == 1 for option, value in _KEEP]
    return all(done)


def prepare() -> dict[str, Any]:
    """Prepare and import MLX; returns a ``message`` event (code ``mlx``) that says what was done.

    Besides ``text`` it holds ``device`` ("gpu" or "cpu"), ``blas`` (the library, or None for
    MLX's own), ``blas_threads``, ``compile`` (bool) and ``mlx`` (the version), for provenance.
    """
    library = load_openblas()
    import mlx.core as mx

    device = "cpu" if mx.default_device() == mx.Device(mx.cpu) else "gpu"
    on_linux_cpu = device == "cpu" and platform.system() == "Linux"
    if on_linux_cpu:
        mx.disable_compile()
    compiled = not on_linux_cpu and "MLX_DISABLE_COMPILE" not in os.environ
    threads = os.environ.get("OPENBLAS_NUM_THREADS") if library else None
    return {
        "kind": "message",
        "level": "info",
        "code": "mlx",
        "text": _sentence(device, library, on_linux_cpu),
        "device": device,
        "blas": library,
        "blas_threads": threads,
        "compile": compiled,
        "mlx": version("mlx"),
    }


def _sentence(device: str, library: str | None, on_linux_cpu: bool) -> str:
    if not on_linux_cpu:
        return f"MLX computes on the {device.upper()}."
    if library:
        return f"MLX computes on the CPU with {library}, without mx.compile."
    return (
        "MLX computes on the CPU with its own slow BLAS. Install OpenBLAS "
        "(Debian and Ubuntu: apt install libopenblas0) to be many times faster."
    )
