"""``mlx_lm.evaluate`` as a child of ours: a fast BLAS before MLX, an adapter, tasks of the target,
and an end with its owner.

``python -m engine.work.harness [--adapter-path DIR] [--include-path DIR] ARGUMENTS…`` hands
ARGUMENTS to mlx-lm's own evaluation by the lm-eval harness. That takes no adapter, so the model is
loaded with it here, and it knows only the harness's own tasks, so those of a folder are added.
stdin is a pipe whose other end the owner holds open for as long as it lives.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import threading


def _end_with_owner() -> None:
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        return  # a stdin that cannot be read has no owner
    os._exit(4)


def main() -> None:
    """Run the evaluation; its results are in the file that mlx-lm writes."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--adapter-path")
    parser.add_argument("--include-path")
    ours, arguments = parser.parse_known_args()
    threading.Thread(target=_end_with_owner, daemon=True).start()

    from engine.work import blas

    print(blas.prepare()["text"], file=sys.stderr, flush=True)
    import mlx_lm.evaluate as harness

    if ours.adapter_path is not None:
        harness.load = functools.partial(harness.load, adapter_path=ours.adapter_path)
    if ours.include_path is not None:
        from lm_eval.tasks import TaskManager

        harness.lm_eval.simple_evaluate = functools.partial(
            harness.lm_eval.simple_evaluate,
            task_manager=TaskManager(include_path=ours.include_path),
        )
    sys.argv = ["mlx_lm.evaluate", *arguments]
    harness.main()


if __name__ == "__main__":
    main()
