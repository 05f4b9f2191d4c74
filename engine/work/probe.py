"""Says what MLX computes on here, as one JSON object on stdout; run as a child by ``doctor``.

A child, because importing MLX takes time, may fail, and belongs to ``engine.work`` only.
"""

from __future__ import annotations

import json
import sys
import time

from engine.work import blas

SIZE = 512


def main() -> int:
    """Import MLX, multiply matrices, and report; 1 with the error when that fails."""
    try:
        report = blas.prepare()
        report["gflops_float32"] = round(gflops(), 1)
        report["metal"] = metal()
    except (ImportError, RuntimeError, OSError) as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
        return 1
    print(json.dumps(report, default=str))
    return 0


def gflops() -> float:
    """Speed of a 512 by 512 float32 product in 10**9 operations a second; best of five."""
    import mlx.core as mx

    left, right = mx.random.normal((SIZE, SIZE)), mx.random.normal((SIZE, SIZE))
    mx.eval(left @ right)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        mx.eval(left @ right)
        best = min(best, time.perf_counter() - start)
    return 2 * SIZE**3 / best / 1e9


def metal() -> dict[str, object] | None:
    """What Metal says of the machine (names as MLX documents them), None where there is none.

    ``max_recommended_working_set_size`` and ``memory_size`` are in bytes.
    """
    import mlx.core as mx

    if not mx.metal.is_available():
        return None
    info = getattr(mx, "device_info", None) or mx.metal.device_info
    return dict(info())


if __name__ == "__main__":
    sys.exit(main())
