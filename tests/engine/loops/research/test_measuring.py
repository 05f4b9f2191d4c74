"""One execution of a protocol's command, with real processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.agreed import agree
from engine.checks import check_folder
from engine.checks.finding import Severity
from engine.folder import RunFolder, write_json_atomic
from engine.loops.folder import LoopFolder
from engine.loops.research.measuring import Measurer, Reference
from engine.loops.runner import LoopCancelled, LoopFailed, Runner
from engine.processes import is_alive
from engine.protocols.reading import read_protocol
from engine.records.base import utc_now
from engine.records.evaluation import EvalResult
from engine.records.loop import Loop, LoopKind, LoopStatus
from engine.records.protocol import Protocol
from engine.records.research import PROTOCOL_FILE, Campaign, Measurement
from engine.records.status import Phase
from engine.workspace import Workspace

QUICK = "[supervisor]\ninterrupt_s = 0.3\nterminate_s = 0.2\nsample_s = 0.1\n"
COMMIT = "a" * 40


class Bench:
    """A campaign whose recipe is a few lines of Python."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "runs").mkdir()
        (home / "targets").mkdir()
        (home / "factory.toml").write_text(f'{QUICK}\n[teachers.big]\nkey = "OPENROUTER"\n')
        path = home / "loops" / "2026-01-01-tiny-research"
        self.tree = path / "worktree"
        self.tree.mkdir(parents=True)
        now = utc_now()
        loop = Loop(
            loop_id=path.name,
            kind=LoopKind.RESEARCH,
            target="tiny",
            target_dir=str(self.tree),
            created=now,
            seed=40,
        )
        write_json_atomic(path / "loop.json", loop)
        status = LoopStatus(loop_id=path.name, created=now, updated=now)
        write_json_atomic(path / "loop-status.json", status)
        self.runner = Runner(LoopFolder(path))
        self.iteration = 1

    def measurer(self, **changes: Any) -> Measurer:
        disk_bytes = changes.pop("disk_bytes", 2**30)
        wanted = protocol(**changes)
        file = self.runner.folder.path / PROTOCOL_FILE
        file.write_text(wanted.model_dump_json(by_alias=True, exclude_none=True))
        agree(Workspace(self.home), read_protocol(file).agreed_as, ["its commands"])
        return Measurer(
            self.runner,
            Campaign(
                protocol_sha256="0" * 64,
                repo=str(self.home),
                base_commit=COMMIT,
                branch="research/x",
                disk_bytes=disk_bytes,
            ),
            wanted,
            self.tree,
        )

    def measure(self, code: str, best: Reference | None = None, **changes: Any) -> Measurement:
        (self.tree / "train.py").write_text(code)
        self.iteration += 1
        measurer = self.measurer(**changes)
        return measurer.measure(self.iteration, 0, hypothesis="A try", best=best, commit=COMMIT)

    def run(self, found: Measurement) -> RunFolder:
        return RunFolder(self.home / "runs" / found.run_id)


def protocol(limit_s: float = 20, budget_s: float = 0.1, setup: tuple[str, ...] = ()) -> Protocol:
    def metric(name: str) -> dict[str, Any]:
        pattern = rf"^{name}:\s+([0-9.]+)"
        return {
            "name": name,
            "direction": "minimize",
            "extract": {"kind": "regex", "pattern": pattern},
        }

    return Protocol.model_validate(
        {
            "schemaKind": "protocol",
            "protocolVersion": "1.0",
            "meta": {
                "archetype": "ml_train",
                "repo": {"owner": "somebody", "name": "tiny"},
                "purposeStatement": "Fewer bits.",
            },
            "environment": {"setupCommands": list(setup)},
            "mutableSurface": {"allowedGlobs": ["train.py"]},
            "execution": {
                "command": "{python} train.py --seed {seed}",
                "stopCondition": {"type": "wall_clock", "trainingSecondsBudget": budget_s},
                "hardTimeoutSeconds": limit_s,
            },
            "measurement": {
                "primaryMetric": metric("bpb"),
                "secondaryMetrics": [metric("num_steps"), metric("peak_memory_mb")],
            },
            "provenance": {"resultsLog": {"columns": ["commit"]}},
        }
    )


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


def reference(seconds: float | None = 0.1) -> Reference:
    return Reference(2.0, "2026-01-01-tiny", COMMIT, seconds, frozenset({"num_steps"}))


def test_a_measurement_is_an_ordinary_run_that_is_never_run_twice(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "very-secret-value")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret-value")
    monkeypatch.setenv("OPENROUTER", "named-value")  # only factory.toml says that it is a key
    monkeypatch.setenv("AUTHORIZATION", "Bearer named-value")
    code = """
import os, sys, tempfile
assert os.environ["SEED"] == os.environ["FACTORY_SEED"] == sys.argv[-1] == "40"
assert "very-secret-value" not in os.environ.values()
assert not any("named-value" in one for one in os.environ.values())
assert "/runs/" in tempfile.mkdtemp()
for step in range(3):
    print(f"\\rstep {step} | loss: {5 - step}.5", end="", flush=True)
print("\\nbpb: 1.25\\nnum_steps: 3\\npeak_memory_mb: 2048")
"""
    found = bench.measure(code)
    assert (found.value, found.cause, found.seed) == (1.25, None, 40)
    assert found.metrics == {"num_steps": 3.0, "peak_memory_mb": 2048.0}
    assert found.memory_gb == 2.0
    run = bench.run(found)
    status = run.status()
    assert status is not None
    assert status.phase is Phase.EVALUATED
    said = [json.loads(line) for line in run.file("events.jsonl").read_bytes().splitlines()]
    values = [one["values"] for one in said if one["kind"] == "metric"]
    assert {"bpb": 1.25} in values
    assert any("loss" in one for one in values)
    assert not run.file("tmp").exists()
    assert [str(one) for one in check_folder(run.path) if one.severity is Severity.ERROR] == []
    later = bench.measure("print('bpb: 1\\nnum_steps: 1')", reference(0.01))
    findings = check_folder(bench.run(later).path)
    assert [str(one) for one in findings if one.severity is Severity.ERROR] == []
    before = bench.run(later).read("eval-baseline.json", EvalResult)
    assert (before.score, later.value) == (2.0, 1.0)
    again = bench.measurer().measure(2, 0, hypothesis="A try", best=None, commit=COMMIT)
    assert again == found


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("print('bpb: 1')\nprint('bpb: 2')", "metric-twice"),
        ("print('nothing')", "no-metric"),
        ("print('bpb: nan')", "nan"),
        ("print('bpb: 1')\nraise SystemExit(7)", "exit"),
        ("import os\nos.abort()", "signal"),
        ("x = bytearray(2**60)", "oom"),
        ("print('CUDA out of memory')\nraise SystemExit(1)", "oom"),
    ],
)
def test_what_gives_no_number_says_why(bench: Bench, code: str, cause: str) -> None:
    found = bench.measure(code)
    assert (found.value, found.cause) == (None, cause)
    status = bench.run(found).status()
    assert status is not None
    assert status.phase is Phase.FAILED
    assert status.last_error is not None


def test_equal_numbers_count_once(bench: Bench) -> None:
    assert bench.measure("print('bpb: 1.5')\nprint('bpb: 1.50')").value == 1.5


def test_a_number_without_training_is_not_kept(bench: Bench) -> None:
    found = bench.measure("print('bpb: 0.1')", reference(60), budget_s=60)
    assert (found.value, found.cause) == (None, "rule")
    assert found.violations[0].rule == "too-quick"
    assert "60.0 s" in found.violations[0].text
    found = bench.measure("print('bpb: 0.1\\nnum_steps: 0')", reference())
    assert "0 steps" in found.violations[0].text


def test_one_that_hangs_with_forked_children_and_ignores_signals_ends_with_all_of_them(
    bench: Bench,
) -> None:
    code = """
import os, signal, time
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open("pid", "w").write(str(os.getpid()))
        time.sleep(60)
    os._exit(0)
time.sleep(60)
"""
    found = bench.measure(code, limit_s=2.5)
    assert found.cause == "time-limit"
    pid = int((bench.tree / "pid").read_text())
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_children_that_hang_after_their_parent_ended_are_stopped(bench: Bench) -> None:
    code = """
import os, time
if os.fork() == 0:
    os.setsid()
    open("pid", "w").write(str(os.getpid()))
    time.sleep(60)
while not os.path.exists("pid") or not open("pid").read(): time.sleep(0.02)
print("bpb: 1")
"""
    assert bench.measure(code).value == 1
    pid = int((bench.tree / "pid").read_text())
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("many", [True, False])
def test_one_that_fills_the_disk_is_stopped(bench: Bench, many: bool) -> None:
    names = "str(i)" if many else "'0'"
    code = f"""
import time
for i in range(400):
    with open('fill-' + {names}, 'ab') as file:
        file.write(b'x' * 500_000)
    time.sleep(0.02)
"""
    found = bench.measure(code, disk_bytes=4_000_000)
    for path in bench.tree.glob("fill-*"):
        path.unlink()
    assert found.cause == "disk"
    assert sum(path.stat().st_size for path in bench.tree.iterdir()) < 10**6


def test_a_campaign_that_is_cancelled_cancels_its_run_and_goes_on_with_a_new_one(
    bench: Bench,
) -> None:
    threading.Timer(1.5, bench.runner.ask_to_stop).start()
    began = time.monotonic()
    with pytest.raises(LoopCancelled):
        bench.measure("import time\ntime.sleep(120)")
    assert time.monotonic() - began < 60
    bench.runner = Runner(bench.runner.folder)
    bench.iteration -= 1
    assert bench.measure("print('bpb: 1')").value == 1


def test_a_supervisor_that_dies_leaves_a_cancelled_run_and_another_is_made(bench: Bench) -> None:
    def kill() -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            for path in bench.home.glob("runs/*/run-status.json"):
                status = RunFolder(path.parent).status()
                if status and status.child and status.supervisor and is_alive(status.child):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(status.supervisor.pid, signal.SIGKILL)
                    return
            time.sleep(0.05)

    thread = threading.Thread(target=kill)
    thread.start()
    code = """
import os, time
if not os.path.exists("once"):
    open("once", "w").close()
    time.sleep(120)
print("bpb: 1")
"""
    found = bench.measure(code)
    thread.join()
    assert found.value == 1
    runs = [path for path in (bench.home / "runs").iterdir() if RunFolder(path).status()]
    assert sum(RunFolder(one).status().phase is Phase.CANCELLED for one in runs) >= 1  # type: ignore[union-attr]


def test_setup_runs_once_and_its_failure_is_said(bench: Bench) -> None:
    script = "{python} -c \"open('made', 'a').write('x')\""
    bench.measurer(setup=(script, "{python} -V")).set_up()
    bench.measurer(setup=(script, "{python} -V")).set_up()
    assert (bench.tree / "made").read_text() == "x"


def test_a_setup_that_fails_says_what_it_printed_last(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with pytest.raises(LoopFailed, match="no data there"):
        bench.measurer(setup=("{python} -c \"raise SystemExit('no data there')\"",)).set_up()
