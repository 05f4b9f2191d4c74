"""The runs that are killed: the demo with few steps, and a quick one whose children count aloud.

The children of the quick run note each event that the pipe took, beside the workspace's runs: what
was said can then be held against what was written down.
"""

from __future__ import annotations

import json
import shutil
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from engine.folder import RunFolder, write_json_atomic
from engine.plans.planning import create, draft, frozen_event
from engine.plans.programs import agree_to, not_agreed_of
from engine.records.base import utc_now
from engine.records.plan import Plan, Stage, StageKind
from engine.records.run import BaseModelRef, Candidate, EvalConfig, RunConfig, Threshold
from engine.records.status import Phase, RunStatus, StageStatus
from engine.samples import samples_dir
from engine.supervise.journal import BatchedEventLog
from engine.workspace import Workspace

FACTORY = "[supervisor]\ninterrupt_s = 2\nterminate_s = 1\nsample_s = 0.05\n"
SAID = ".said"
"""The folder of a workspace in which children note what they said."""

DEMO_SETS = (
    "factory.base.steps=20",
    "factory.base.rows=400",
    "factory.data.rows=200",
    "factory.data.valid_rows=32",
    "factory.train.iters=24",
    "factory.train.eval_every=8",
    "factory.train.save_every=4",
)


class Work(ABC):
    """What runs in one workspace."""

    name: str

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        (workspace / "runs").mkdir(parents=True)
        (workspace / "targets").mkdir()
        (workspace / "factory.toml").write_text(FACTORY)
        self._prepare()

    @abstractmethod
    def _prepare(self) -> None:
        """Write the target."""

    @abstractmethod
    def new_run(self) -> Path:
        """A run folder that can be launched."""

    def scores(self, run: Path) -> dict[str, Any]:
        """Name of each evaluation's record to its score."""
        return {
            path.name: json.loads(path.read_bytes())["score"]
            for path in sorted(run.glob("eval-*.json"))
        }


class Demo(Work):
    """The demo's target with few steps: its base, data, training and evaluations are real."""

    name = "demo"

    def _prepare(self) -> None:
        target = samples_dir() / "targets" / "drone-router"
        (self.workspace / "targets" / "drone-router").symlink_to(target)

    def new_run(self) -> Path:
        shutil.rmtree(self.workspace / ".factory" / "cache", ignore_errors=True)  # made again
        place = Workspace(self.workspace)
        drafted = draft(place, place.target_path("drone-router"), DEMO_SETS, 7)
        return create(place, drafted).path


CHILD = '''
import hashlib, json, os, signal, sys, time
run, stage = os.environ["FACTORY_RUN"], os.environ["FACTORY_STAGE"]
pipe = int(os.environ["FACTORY_EVENTS_FD"])
note = os.open(os.path.join(run, "..", "..", ".said", f"{os.path.basename(run)}.{os.getpid()}"),
               os.O_WRONLY | os.O_CREAT | os.O_APPEND)
said = 0
def emit(**event):
    os.write(pipe, json.dumps(event).encode() + b"\\n")
def metric(step, **values):
    """An event with a number of its own, noted when the pipe has taken it."""
    global said
    said += 1
    emit(kind="metric", step=step, values={"said": said, "by": os.getpid(), **values})
    os.write(note, b"%d\\n" % said)
def whole(path, text):
    path = os.path.join(run, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".half", "w") as file:
        file.write(text)
    os.rename(path + ".half", path)
parent = os.getppid()
asked = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: asked.append(1))
def look():
    if asked or os.getppid() != parent:
        os._exit(4)
'''

DATA = """
for step in range(8):
    look(); metric(step, rows=100.0 * step); print("row", step, flush=True); time.sleep(0.01)
whole("data/train.jsonl", '{"text": "a row"}\\n')
"""

TRAIN = """
home = os.path.join(run, "adapters", "checkpoints")
step, weights = 0, "none"
if os.environ.get("FACTORY_RESUME") == "1" and os.path.isdir(home):
    steps = [int(name) for name in os.listdir(home) if name.isdecimal()]
    if steps:
        step = max(steps)
        weights = open(os.path.join(home, f"{step:07d}", "adapters.safetensors")).read()
while step < 50:
    look()
    step += 1
    weights = hashlib.sha256(f"{weights}{step}".encode()).hexdigest()
    for part in range(4):
        metric(step, loss=1.0 / step, part=part)
    if step % 5 == 0:
        place = os.path.join("adapters", "checkpoints", f"{step:07d}")
        half = os.path.join(run, "adapters", "checkpoints", f".tmp-{step:07d}")
        os.makedirs(half, exist_ok=True)
        for name in ("adapters.safetensors", "optimizer.safetensors", "state.json"):
            with open(os.path.join(half, name), "w") as file:
                file.write(weights)
        if not os.path.isdir(os.path.join(run, place)):
            os.rename(half, os.path.join(run, place))
        emit(kind="checkpoint", step=step, path=place, reason="periodic")
    time.sleep(0.01)
whole("adapters/adapters.safetensors", weights)
"""

EVAL = """
weights, name = "base", "baseline"
if stage == "eval-candidate":
    weights, name = open(os.path.join(run, "adapters", "adapters.safetensors")).read(), "candidate"
hits = int(hashlib.sha256(weights.encode()).hexdigest(), 16) % 41
for row in range(40):
    look()
    hit = row < hits
    emit(kind="example", suite="gold", id=f"row-{row}", score=1.0 * hit, correct=hit)
    metric(row, scored=row + 1.0)
    time.sleep(0.003)
score = min(hits, 40) / 40
whole(f"eval-{name}.json", json.dumps({"model_id": name, "command": "quick", "suite": "gold",
      "score": score, "passed": score >= 0.9, "date": "2026-01-01T00:00:00Z", "n": 40}))
emit(kind="record", file=f"eval-{name}.json")
"""


def agree_to_plan(workspace: Path, plan: Plan) -> None:
    """Agree to what a plan executes: it is ours, and nobody is there to be asked."""
    place = Workspace(workspace)
    target = (workspace / plan.target_dir).resolve()
    agree_to(place, not_agreed_of(place, target, plan.stages))


class Quick(Work):
    """Four stages of little programs, some 2 s in all; the score hangs on every step trained."""

    name = "quick"

    def _prepare(self) -> None:
        self._target = self.workspace / "targets" / "little"
        self._target.mkdir()
        (self.workspace / SAID).mkdir()
        self._made = 0
        for name, code in (("data", DATA), ("train", TRAIN), ("eval", EVAL)):
            (self._target / f"{name}.py").write_text(CHILD + code)

    def new_run(self) -> Path:
        self._made += 1
        now, run_id = utc_now(), f"2026-01-01-little-{self._made}"
        stages = [
            self._stage("data", "data", leaves=Phase.DATA_READY),
            self._stage("eval-baseline", "eval", outputs=["eval-baseline.json"]),
            self._stage(
                "train",
                "train",
                kind=StageKind.TRAIN,
                enters=Phase.TRAINING,
                leaves=Phase.TRAINED,
                outputs=["adapters/adapters.safetensors"],
            ),
            self._stage(
                "eval-candidate",
                "eval",
                enters=Phase.EVALUATING,
                leaves=Phase.EVALUATED,
                outputs=["eval-candidate.json"],
            ),
        ]
        folder = RunFolder(self.workspace / "runs" / run_id)
        folder.path.mkdir()
        config = RunConfig(
            run_id=run_id,
            target="little",
            owner_goal="be killed",
            base_model=BaseModelRef(id="none"),
            candidate=Candidate(method="none"),
            eval=EvalConfig(primary="gold", threshold=Threshold(primary_min=0.9)),
        )
        write_json_atomic(folder.file("config.json"), config)
        plan = Plan(run_id=run_id, target_dir="targets/little", created=now, stages=stages)
        write_json_atomic(folder.file("plan.json"), plan)
        agree_to_plan(self.workspace, plan)
        log = BatchedEventLog(folder)
        log.append(frozen_event(folder, config))
        log.close()
        states = {stage.name: StageStatus() for stage in stages}
        folder.write(
            "run-status.json", RunStatus(run_id=run_id, created=now, updated=now, stages=states)
        )
        return folder.path

    def _stage(self, name: str, program: str, **settings: Any) -> Stage:
        # -S: a third of the start, and nothing of site-packages is needed.
        argv = [sys.executable, "-S", "-E", str(self._target / f"{program}.py")]
        kind = settings.pop("kind", StageKind.COMMAND)
        return Stage(name=name, kind=kind, argv=argv, **settings)


WORKS: dict[str, type[Work]] = {one.name: one for one in (Demo, Quick)}
