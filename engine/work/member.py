"""A rank that is not the first: it has no run folder, and gets its work from rank 0.

It writes nothing. What it prints is its log. A signal, or the end of its parent, ends it at once:
there is nothing that it could save.
"""

from __future__ import annotations

import json
import os
import platform
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from engine.records.plan import Plan
from engine.work import bare_mlx_lm, blas, runtime, train
from engine.work.runtime import EXIT_STOPPED, EventPipe, WorkerContext, event_pipe
from engine.work.specs import TrainSpec

if TYPE_CHECKING:
    from engine.work.group import Alone


class Member(WorkerContext):
    """What such a rank knows of its stage; paths are those of rank 0's machine."""

    def __init__(self, run: Path, plan: Plan, stage: str, pipe: EventPipe, ranks: Alone) -> None:
        super().__init__(run, plan, plan.stage(stage), pipe, resuming=False)
        self.ranks = ranks

    def listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        self.watch_parent()

    def _ask_to_stop(self, reason: str) -> None:
        os._exit(EXIT_STOPPED)


def join_first() -> Member:
    """Join the group, and take this rank's work from rank 0."""
    pipe = event_pipe()
    said = blas.prepare()
    from engine.work.group import join

    # Imported before it joins, as MLX waits a second before it asks again for a rank 0 that does
    # not listen yet.
    bare_mlx_lm.import_bare()
    import engine.work.sharing
    import engine.work.training
    import engine.work.tuning  # noqa: F401

    ranks = join()
    told = json.loads(ranks.text(""))
    ctx = Member(Path(told["run"]), Plan.model_validate(told["plan"]), told["stage"], pipe, ranks)
    ctx.emit(**said)
    ctx.message("rank", f"Rank {ranks.rank} of {ranks.size} trains on {platform.node()}.")
    return ctx


def main(ctx: WorkerContext) -> None:
    assert isinstance(ctx, Member)
    train.train(ctx, ctx.parse(TrainSpec), ctx.ranks)


if __name__ == "__main__":
    runtime.run(main, join_first)
