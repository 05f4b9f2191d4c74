"""The suites of an eval stage that the lm-eval harness answers and scores, in a child."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.evaluating.harness import HarnessError, harness_version, read_results
from engine.work.own_code import refuse_own_code
from engine.work.runtime import Failure, Refusal, WorkerContext
from engine.work.specs import HarnessSpec

TASKS_DIR = "lm-eval"
"""Of a target: tasks of its own, as the harness's YAML files."""

POLL_S = 0.2
END_S = 5.0


def harness_for(wanted: Sequence[HarnessSpec]) -> str:
    """The version of lm-eval that will run; "" where none is wanted. Refusal where it is missing:
    better before the first answer than after the last."""
    if not wanted:
        return ""
    try:
        return harness_version()
    except HarnessError as error:
        raise Refusal(f"{wanted[0].name} cannot be measured: {error}") from error


def by_harness(
    ctx: WorkerContext, model: Path, adapter: Path | None, wanted: HarnessSpec, version: str
) -> dict[str, Any]:
    """Evaluate one suite of harness tasks; the fields of its record. Blocks.

    No model may be loaded in this process any more. Refusal where the harness has no such task or
    metric; Failure (``harness``) where it ends badly. Stops, with its child, when the worker is
    asked to.
    """
    ctx.message("lm-eval", f"{wanted.name}: lm-eval {version} runs {', '.join(wanted.tasks)}.")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix=".lm-eval-", dir=ctx.run) as out:
        _run(ctx, _argv(ctx, model, adapter, wanted, Path(out)), model, wanted)
        text = _written(Path(out), wanted)
    try:
        fields = read_results(text, wanted.tasks, wanted.metric)
    except HarnessError as error:
        raise Refusal(f"{wanted.name} has no score. {error}") from error
    return fields | {
        "suite": wanted.name,
        "direction": wanted.direction,
        "through": "lm-eval",
        "harness": f"lm_eval {version}",
        "scorer": "lm-eval",
        "scorer_options": {
            "tasks": list(wanted.tasks),
            "metric": wanted.metric,
            **({"limit": wanted.limit} if wanted.limit else {}),
        },
        "duration_s": time.perf_counter() - began,
    }


def _argv(
    ctx: WorkerContext, model: Path, adapter: Path | None, wanted: HarnessSpec, out: Path
) -> list[str]:
    argv = [sys.executable, "-P", "-m", "engine.work.harness"]
    argv += ["--adapter-path", str(adapter)] if adapter else []
    own = ctx.target / TASKS_DIR
    argv += ["--include-path", str(own)] if own.is_dir() else []
    # The file of the results is named after the model: its name alone, for a path may be too long.
    argv += ["--model", model.name, "--tasks", *wanted.tasks, "--output-dir", str(out)]
    return argv + (["--limit", str(wanted.limit)] if wanted.limit else [])


def _run(ctx: WorkerContext, argv: list[str], model: Path, wanted: HarnessSpec) -> None:
    refuse_own_code(model, model.name)
    try:
        child = subprocess.Popen(
            argv,
            cwd=model.parent,
            env={**os.environ, "TOKENIZERS_PARALLELISM": "false"},
            stdin=subprocess.PIPE,
        )
    except OSError as error:
        raise Failure("harness", f"lm-eval could not be started: {error.strerror}.") from error
    try:
        while child.poll() is None:
            ctx.check_stop()
            time.sleep(POLL_S)
    finally:
        _end(child)
    if child.returncode != 0:
        code = child.returncode
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise Failure(
            "harness", f"{wanted.name} has no score: lm-eval ended with {how}. train.log says why."
        )


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.stdin is not None:
        with contextlib.suppress(OSError):
            child.stdin.close()
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(END_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _written(out: Path, wanted: HarnessSpec) -> str:
    files = [path for path in out.iterdir() if path.is_file()]
    if len(files) != 1:
        raise Failure("harness", f"{wanted.name} has no score: lm-eval wrote no results.")
    return files[0].read_text("utf-8", "replace")
