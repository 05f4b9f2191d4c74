"""A supervisor with real children: the records it leaves, and how stages end."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.folder import RunFolder
from engine.processes import identify
from engine.records.events import EVENT
from engine.records.plan import StageKind
from engine.records.provenance import Provenance
from engine.records.status import Phase, RunStatus, StageState
from engine.supervise.journal import Journal
from engine.supervise.launch import LaunchError, cancel, launch, wait_ended
from engine.supervise.process import Child
from engine.supervise.supervisor import Supervisor
from engine.supervise.train_log import read_spans
from tests.engine.supervise.kit import (
    IMPATIENT,
    Lab,
    assert_unbroken,
    events,
    memory,
    messages,
    processor,
    status,
    until,
    watched,
)


def test_a_plan_runs_from_its_first_to_its_last_stage(lab: Lab) -> None:
    run = lab.run(
        lab.stage("data", "print('rows')", leaves=Phase.DATA_READY),
        lab.stage(
            "train",
            """
            metric(1, loss=2.0, mlx_peak_bytes=1000)
            emit(kind="message", level="info", code="mlx", text="on cpu", device="cpu", blas="x")
            metric(2, loss=1.0, mlx_peak_bytes=3000)
            print("out"); print("err", file=sys.stderr)
            open(os.environ["FACTORY_RUN"] + "/made.txt", "w").write("x")
            time.sleep(0.4)  # memory is looked at every 0.1 s
            """,
            enters=Phase.TRAINING,
            leaves=Phase.TRAINED,
            outputs=["made.txt"],
        ),
    )
    ended = lab.finish(run)
    assert ended.phase is Phase.TRAINED
    assert (ended.supervisor, ended.child, ended.stage, ended.last_error) == (None,) * 4
    assert ended.ended is not None
    train = ended.stages["train"]
    assert (train.state, train.exit_code, train.attempts) == (StageState.DONE, 0, 1)
    assert train.peak_mlx_bytes == 3000
    assert train.peak_process_rss_bytes is not None and train.peak_process_rss_bytes > 2**20
    assert train.peak_tree_rss_bytes is not None and train.peak_tree_rss_bytes > 2**20
    assert_unbroken(run)
    phases = [(e["from_phase"], e["to_phase"]) for e in events(run, "phase")]
    assert phases == [
        ("created", "data-ready"),
        ("data-ready", "training"),
        ("training", "trained"),
    ]
    assert [e["stage"] for e in events(run, "stage-end")] == ["data", "train"]
    for event in events(run):
        EVENT.validate_python(event)
    record = RunFolder(run).read("provenance.json", Provenance)
    assert record.mlx == {"device": "cpu", "blas": "x"}
    assert record.machine is not None and record.machine.accelerator == "cpu (x)"
    assert record.packages["pydantic"]
    assert [one.exit_code for one in record.commands["train"]] == [0]
    command = record.commands["train"][0]
    assert (command.argv[0], command.cwd) == ("{python}", "{target}")


def test_both_streams_stand_byte_for_byte_in_the_log(lab: Lab) -> None:
    run = lab.run(
        lab.stage(
            "noise",
            r"""
            def say(stream, data, so_far):  # the order of two pipes is the order of reading them
                stream.buffer.write(data); stream.flush()
                while os.path.getsize(os.environ["FACTORY_RUN"] + "/train.log") < so_far:
                    time.sleep(0.02)
            say(sys.stdout, b"\xff\x00out\r\n", 7)
            say(sys.stderr, b"err\x1b[31m", 15)
            sys.stdout.buffer.write(b"no end")
            """,
        )
    )
    lab.finish(run)
    log = (run / "train.log").read_bytes()
    assert log == b"\xff\x00out\r\nerr\x1b[31mno end"
    pieces = [(span.stream, log[span.start : span.end]) for span in read_spans(run)]
    assert pieces == [
        ("stdout", b"\xff\x00out\r\n"),
        ("stderr", b"err\x1b[31m"),
        ("stdout", b"no end"),
    ]


def test_children_get_a_wide_plain_unbuffered_world(lab: Lab) -> None:
    run = lab.run(
        lab.stage(
            "look",
            """
            names = ["COLUMNS", "PYTHONUNBUFFERED", "PYTHONIOENCODING", "TERM", "FACTORY_STAGE",
                     "FACTORY_RUN", "FACTORY_RESUME", "MINE"]
            print(json.dumps({n: os.environ.get(n) for n in names}))
            print(os.getcwd()); print(os.getsid(0) == os.getpid()); print(sys.stdin.read() == "")
            """,
            env={"MINE": "{target}/x"},
        )
    )
    lab.finish(run)
    seen, cwd, leads, stdin = (run / "train.log").read_text().splitlines()
    assert json.loads(seen) == {
        "COLUMNS": "200",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        "TERM": "dumb",
        "FACTORY_STAGE": "look",
        "FACTORY_RUN": str(run),
        "FACTORY_RESUME": None,
        "MINE": f"{lab.target}/x",
    }
    assert (cwd, leads, stdin) == (str(lab.target), "True", "True")


def test_a_failing_stage_fails_the_run_in_a_sentence(lab: Lab) -> None:
    run = lab.run(
        lab.stage("bad", "print('the reason'); sys.exit(7)"), lab.stage("never", "print('no')")
    )
    ended = lab.finish(run)
    assert ended.phase is Phase.FAILED
    assert ended.last_error is not None
    assert "exit code 7" in ended.last_error.message and "the reason" in ended.last_error.message
    assert ended.stages["bad"].state is StageState.FAILED
    assert ended.stages["never"].state is StageState.PENDING


def test_a_childs_own_error_message_is_the_runs_error(lab: Lab) -> None:
    code = """
    emit(kind="message", level="error", code="bad-input", text="gold.jsonl has no rows.")
    sys.exit(3)
    """
    run = lab.run(lab.stage("data", code, kind=StageKind.DATA))
    error = lab.finish(run).last_error
    assert error is not None and error.message == "Stage data: gold.jsonl has no rows."
    assert error.fix == "Correct what the message names, and make a new run."


def test_a_stage_that_does_not_write_what_it_promised_fails(lab: Lab) -> None:
    run = lab.run(lab.stage("empty", "pass", outputs=["made.txt"]))
    ended = lab.finish(run)
    assert ended.phase is Phase.FAILED
    assert ended.last_error is not None and "made.txt" in ended.last_error.message


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"argv": ["no-such-command"]}, "was not found"),
        ({"cwd": "/no/such/dir"}, "is not there"),
        ({"argv": ["{target}/plain.txt"]}, "may not be executed"),
    ],
)
def test_a_command_that_cannot_start_is_a_sentence(
    lab: Lab, settings: dict[str, object], words: str
) -> None:
    (lab.target / "plain.txt").write_text("x")
    ended = lab.finish(lab.run(lab.stage("x", "pass", **settings)))
    assert ended.phase is Phase.FAILED
    assert ended.last_error is not None and words in ended.last_error.message


def test_cancel_stops_the_child_with_sigint_first(lab: Lab) -> None:
    code = """
    def end(number, frame):
        emit(kind="checkpoint", step=5, path="adapters/checkpoints/0000005", reason="signal")
        sys.exit(4)
    signal.signal(signal.SIGINT, end)
    metric(1, loss=1.0)
    time.sleep(60)
    """
    run = lab.run(lab.stage("train", code, kind=StageKind.TRAIN, enters=Phase.TRAINING))
    process = lab.launch(run)
    until(lambda: events(run, "metric"))
    assert cancel(run, wait_s=40).phase is Phase.CANCELLED
    assert wait_ended(process, 40)
    ended = status(run)
    assert ended.stages["train"].state is StageState.CANCELLED
    assert ended.stages["train"].exit_code == 4
    assert ended.supervisor is None
    assert events(run, "checkpoint")[0]["reason"] == "signal"
    assert events(run, "phase")[-1]["to_phase"] == "cancelled"
    assert_unbroken(run)


@pytest.mark.alone
def test_a_child_that_ignores_signals_is_killed_in_the_end(lab: Lab) -> None:
    code = """
    signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("deaf", flush=True)
    while True: time.sleep(1)
    """
    lab.settings(IMPATIENT)
    run = lab.run(lab.stage("deaf", code))
    process = lab.launch(run)
    until(lambda: (run / "train.log").exists() and b"deaf" in (run / "train.log").read_bytes())
    began = time.monotonic()
    cancel(run)
    assert wait_ended(process, 40)
    assert 0.9 < time.monotonic() - began < 6
    assert status(run).phase is Phase.CANCELLED
    assert status(run).stages["deaf"].signal == 9


def test_a_second_cancel_does_not_wait(lab: Lab) -> None:
    lab.settings("[supervisor]\ninterrupt_s = 120\nterminate_s = 120\nsample_s = 0.1\n")
    code = """
    signal.signal(signal.SIGINT, lambda *_: print("asked", flush=True))
    print("deaf", flush=True)
    while True: time.sleep(1)
    """
    run = lab.run(lab.stage("deaf", code))
    process = lab.launch(run)
    until(lambda: (run / "train.log").exists() and b"deaf" in (run / "train.log").read_bytes())
    cancel(run)
    until(lambda: b"asked" in (run / "train.log").read_bytes())
    cancel(run)
    assert wait_ended(process, 40)
    assert status(run).stages["deaf"].signal == 15


def test_a_foreign_command_that_ends_well_when_interrupted_is_not_done(lab: Lab) -> None:
    code = """
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    print("on", flush=True); time.sleep(60)
    """
    run = lab.run(lab.stage("polite", code))
    process = lab.launch(run)
    until(lambda: (run / "train.log").exists() and b"on" in (run / "train.log").read_bytes())
    cancel(run)
    assert wait_ended(process, 40)
    assert status(run).stages["polite"].state is StageState.CANCELLED


def test_a_stage_has_a_time_limit(lab: Lab) -> None:
    run = lab.run(lab.stage("slow", "time.sleep(60)", timeout_s=0.5))
    ended = lab.finish(run)
    assert ended.phase is Phase.FAILED
    assert ended.stages["slow"].reason == "reached its time limit of 0.5 s"
    assert len(messages(run, "time-limit")) == 1


def test_each_silence_is_said_once(lab: Lab) -> None:
    code = """
    def said():
        return open(os.environ["FACTORY_RUN"] + "/events.jsonl").read().count('"silence"')
    for word in "ab":
        print(word, flush=True)
        time.sleep(0.3)  # a slow start was a silence of its own, and is said by now
        before = said()
        while said() == before: time.sleep(0.02)
        time.sleep(0.3)  # three looks more
        emit(kind="message", level="info", code="times", text=str(said() - before))
    """
    run = lab.run(lab.stage("quiet", code, silence_s=1.0))
    lab.finish(run)
    assert [one["text"] for one in messages(run, "times")] == ["1", "1"]
    assert "it waits for something" in messages(run, "silence")[-1]["text"]


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_loss_that_is_no_number_stops_the_stage(lab: Lab, value: str) -> None:
    run = lab.run(lab.stage("train", f"metric(7, loss=float('{value}')); time.sleep(60)"))
    ended = lab.finish(run)
    assert ended.phase is Phase.FAILED
    assert ended.stages["train"].reason == f"loss became {value} at step 7"
    assert events(run, "metric")[0]["values"] == {"loss": value}
    assert len(messages(run, "nan-loss")) == 1


def test_stopping_on_nan_can_be_turned_off(lab: Lab) -> None:
    run = lab.run(lab.stage("train", "metric(7, loss=float('nan'))", stop_on_nan=False))
    assert lab.finish(run).stages["train"].state is StageState.DONE


def test_memory_pressure_is_said_once(lab: Lab) -> None:
    (lab.path / "factory.toml").write_text(
        "[supervisor]\nsample_s = 0.05\nmemory_pressure_share = 0.999999\n"
    )
    run = lab.run(lab.stage("big", "time.sleep(0.5)"))
    lab.finish(run)
    assert len(messages(run, "memory-pressure")) == 1


def test_grandchildren_that_hold_the_pipe_do_not_hang_us(lab: Lab) -> None:
    code = """
    child = subprocess.Popen([sys.executable, "-c",
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True);"
        "time.sleep(60)"])
    time.sleep(0.4)
    print("pid", child.pid, flush=True)
    """
    lab.settings(IMPATIENT)
    run = lab.run(lab.stage("parent", code))
    began = time.monotonic()
    ended = lab.finish(run)
    assert time.monotonic() - began < 40  # they sleep for longer
    assert ended.stages["parent"].state is StageState.DONE
    pid = int((run / "train.log").read_text().split("pid ")[1])
    assert identify(pid) is None
    assert len(messages(run, "orphan")) == 1


def test_output_without_end_is_bounded_in_memory(lab: Lab) -> None:
    code = """
    block = bytes(range(256)) * 4096
    line = b"x" * (1 << 20)
    for _ in range(60): sys.stdout.buffer.write(line)
    for _ in range(30): sys.stderr.buffer.write(block)
    """
    run = lab.run(lab.stage("flood", code))
    process = lab.launch(run)
    peak = max(watched(process.pid, memory))
    assert wait_ended(process, 60)
    assert status(run).stages["flood"].state is StageState.DONE
    assert (run / "train.log").stat().st_size == 90 * 2**20
    assert peak < 200 * 2**20


def test_many_events_are_neither_lost_nor_slow(lab: Lab) -> None:
    count = 60_000
    code = f"""
    lines = [json.dumps({{"kind": "metric", "step": i, "values": {{"loss": 1.0}}}}) + "\\n"
             for i in range({count})]
    for start in range(0, {count}, 100):
        _pipe.write("".join(lines[start:start + 100]))
    """
    run = lab.run(lab.stage("flood", code))
    process = lab.launch(run)
    cpu = watched(process.pid, processor)[-1]
    assert wait_ended(process, 120)
    found = events(run, "metric")
    assert [event["step"] for event in found] == list(range(count))
    assert_unbroken(run)
    assert count / cpu > 6000, "of its own time: the machine's is shared"


def test_lines_that_are_no_events_of_a_child_are_left_out(lab: Lab) -> None:
    code = """
    _pipe.write("not json\\n"); emit(kind="phase", from_phase="created", to_phase="decided")
    emit(kind="metric", step="x", values={}); emit(kind="metric", step=1, values={"loss": 1})
    _pipe.write("y" * 5_000_000 + "\\n"); emit(kind="metric", step=2, values={"loss": 1})
    """
    run = lab.run(lab.stage("odd", code))
    assert lab.finish(run).phase is Phase.CREATED
    assert [event["step"] for event in events(run, "metric")] == [1, 2]
    assert len(messages(run, "bad-event")) == 1


@pytest.mark.parametrize(
    ("log", "steps"),
    [("lora-0.29.1.stdout", [10, 20, 30, 40]), ("lora-0.32.2.stdout", [10, 20, 30, 40])],
)
def test_a_foreign_mlx_lm_gives_live_metrics(lab: Lab, log: str, steps: list[int]) -> None:
    path = Path(__file__).parent / "logs" / log
    code = f"""
    for line in open({str(path)!r}, "rb"):
        sys.stdout.buffer.write(line); sys.stdout.flush()
    time.sleep(30)
    """
    run = lab.run(lab.stage("train", code))
    process = lab.launch(run)

    def losses() -> list[int]:
        return [e["step"] for e in events(run, "metric") if "loss" in e["values"]]

    until(lambda: losses() == steps)  # while the command still runs
    cancel(run)
    assert wait_ended(process, 40)


def test_the_screen_may_die(lab: Lab) -> None:
    """The supervisor is in a session of its own and ignores a closing terminal."""
    run = lab.run(lab.stage("slow", "time.sleep(1)"))
    process = lab.launch(run)
    assert os.getsid(process.pid) == process.pid
    os.kill(process.pid, 1)
    assert wait_ended(process, 40)
    assert status(run).stages["slow"].state is StageState.DONE


def test_a_run_has_one_supervisor(lab: Lab) -> None:
    run = lab.run(lab.stage("slow", "time.sleep(20)"))
    process = lab.launch(run)
    with pytest.raises(LaunchError, match="has a supervisor already"):
        launch(run)
    cancel(run)
    assert wait_ended(process, 40)


def test_a_final_run_is_not_launched(lab: Lab) -> None:
    run = lab.run(lab.stage("bad", "sys.exit(1)"))
    lab.finish(run)
    with pytest.raises(LaunchError, match="which is final"):
        launch(run)


def test_a_full_disk_stops_the_child_and_is_said(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """RLIMIT_FSIZE makes a write fail as a full disk does, after a short write."""
    code = """
    print("pid", os.getpid(), flush=True)
    i = 0
    while True:
        metric(i, loss=1.0); i += 1
    """
    run = lab.run(lab.stage("flood", code, env={}))
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    try:
        process = lab.launch(run)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert wait_ended(process, 40)
    ended = status(run)
    assert ended.phase is Phase.FAILED
    assert ended.last_error is not None and "File too large" in ended.last_error.message
    pid = int((run / "train.log").read_text().split()[1])
    assert identify(pid) is None
    assert "the supervisor had to stop" in (run / "supervisor.log").read_text()
    lines = (run / "events.jsonl").read_bytes().split(b"\n")
    assert [json.loads(line)["seq"] for line in lines[:-1]] == list(range(len(lines) - 1))


def test_a_run_folder_that_is_removed_stops_the_child(lab: Lab, tmp_path: Path) -> None:
    run = lab.run(
        lab.stage(
            "slow", f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
        )
    )
    process = lab.launch(run)
    pid = int(until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
    run.rename(tmp_path / "gone")
    assert wait_ended(process, 40)
    assert identify(pid) is None


def test_secrets_do_not_reach_records(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_verysecret")
    stage = lab.stage("x", "print(1)")
    stage.argv += [
        "--api-key",
        "abc123",
        "--token=hf_verysecret",
        "hf_verysecret",
        "--max-tokens",
        "48",
    ]
    run = lab.run(stage)
    lab.finish(run)
    for name in ("events.jsonl", "provenance.json"):
        text = (run / name).read_text()
        assert "hf_verysecret" not in text and "abc123" not in text
        assert '"48"' in text


async def test_nothing_computes_on_when_the_status_cannot_be_written(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills up between the start of the child and the note that it runs."""
    run = lab.run(lab.stage("slow", "time.sleep(60)"))
    supervisor = Supervisor(run)
    update = Journal.update
    started: list[Child] = []

    def fails_once(journal: Journal, change: Callable[[RunStatus], None]) -> None:
        current = supervisor._current
        if current is not None and current.child is not None and not started:
            started.append(current.child)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "run-status.json")
        update(journal, change)

    monkeypatch.setattr(Journal, "update", fails_once)
    assert await supervisor.run() == 1
    assert identify(started[0].pid) is None
    ended = status(run)
    assert ended.phase is Phase.FAILED and ended.supervisor is None
    assert ended.last_error is not None and "No space left" in ended.last_error.message


def test_a_status_that_another_wrote_is_not_overwritten(lab: Lab) -> None:
    go = lab.path / "go"
    run = lab.run(lab.stage("slow", f"while not os.path.exists({str(go)!r}): time.sleep(0.05)"))
    process = lab.launch(run)
    until(lambda: status(run).child)
    folder = RunFolder(run)
    folder.move(status(run).revision, lambda one: setattr(one, "waiting_for", "a stranger"))
    go.touch()
    assert wait_ended(process, 40)
    assert status(run).waiting_for == "a stranger"
    assert "read it again" in (run / "supervisor.log").read_text()


def test_a_broken_factory_toml_is_said_and_the_defaults_are_used(lab: Lab) -> None:
    (lab.path / "factory.toml").write_text("[supervisor]\ninterrupt_s = 'long'\n")
    run = lab.run(lab.stage("x", "pass"))
    assert lab.finish(run).stages["x"].state is StageState.DONE
    assert "interrupt_s" in messages(run, "settings")[0]["text"]
