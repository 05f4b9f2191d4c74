"""Many runs that are over at once, through the queue: is anything left behind, is the order kept?

    python scripts/many_quick_runs.py --runs 1000

First ``--runs`` runs one after the other, each launched as a screen does it (a supervisor of its
own); then ``--queued`` launched at once, which must take the accelerator in the order in which they
asked. Open files, threads, processes and tickets are counted before and after. Exits 1 where
something was left behind, lost, or out of turn.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine.folder import RunFolder
from engine.records.plan import Plan, Stage, StageKind
from engine.records.status import StageState
from engine.supervise.launch import launch, wait_ended
from engine.supervise.queue import state
from scripts.killing.works import Quick, agree_to_plan


class Hello(Quick):
    """Runs of one stage that says hello."""

    def hello(self) -> Path:
        run = self.new_run()
        folder = RunFolder(run)
        stage = Stage(name="data", kind=StageKind.COMMAND, argv=["/bin/sh", "-c", "echo hi"])
        plan = folder.read("plan.json", Plan).model_copy(update={"stages": [stage]})
        folder.write("plan.json", plan)
        agree_to_plan(self.workspace, plan)
        return run


def held() -> tuple[int, int, int]:
    """Open files, threads and living children of this process."""
    me = psutil.Process()
    living = [one for one in me.children(recursive=True) if one.status() != psutil.STATUS_ZOMBIE]
    return me.num_fds(), threading.active_count(), len(living)


def faults_of(run: Path) -> list[str]:
    """What is wrong with a run that has ended."""
    wrong = []
    status = RunFolder(run).status()
    if status is None or status.stages["data"].state is not StageState.DONE:
        wrong.append(f"{run.name} did not end well")
    events = [json.loads(line) for line in (run / "events.jsonl").read_bytes().splitlines()]
    if [one["seq"] for one in events] != list(range(len(events))):
        wrong.append(f"{run.name}: events are lost or doubled")
    if (run / "train.log").read_bytes() != b"hi\n":
        wrong.append(f"{run.name}: its output is not there")
    return wrong


def main() -> int:
    summary, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--queued", type=int, default=12)
    options = parser.parse_args()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="quick-runs-") as home:
        work = Hello(Path(home) / "workspace")
        wait_ended(launch(work.hello()), 60)
        before, began = held(), time.monotonic()
        for _ in range(options.runs):
            run = work.hello()
            if not wait_ended(launch(run), 120):
                wrong.append(f"{run.name} does not end")
            wrong += faults_of(run)
        spent = time.monotonic() - began
        runs = [work.hello() for _ in range(options.queued)]
        processes = [launch(run) for run in runs]
        for run, process in zip(runs, processes, strict=True):
            if not wait_ended(process, 300):
                wrong.append(f"{run.name} does not end")
            wrong += faults_of(run)
        started = [RunFolder(run).status().stages["data"].started for run in runs]  # type: ignore[union-attr]
        if started != sorted(started, key=str):
            wrong.append("the queue let somebody pass")
        wait_ended(launch(work.hello()), 60)  # reaps those that have ended
        if (after := held()) != before:
            wrong.append(f"files, threads, processes: {before} before, {after} after")
        queue = state(work.workspace)
        if queue.owner or queue.waiting or list(work.workspace.glob(".factory/queue/*.json")):
            wrong.append(f"the queue is not empty: {queue}")
    print("\n".join(wrong[:20]))
    print(
        f"{options.runs} runs in {spent:.0f} s ({spent / max(1, options.runs):.2f} s each), then "
        f"{options.queued} in a queue; files, threads, processes {before} before, {after} after; "
        f"{len(wrong)} wrong"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
