"""Children that speak at length, in binary, once or never; that close, fork, and vanish."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil

from engine.processes import identify
from engine.records.status import StageState
from engine.supervise.launch import wait_ended
from engine.supervise.supervisor import Supervisor
from tests.engine.supervise.kit import (
    Lab,
    assert_unbroken,
    events,
    memory,
    messages,
    processor,
    status,
    watched,
)

MB = 2**20


def test_lines_of_4096_bytes_and_of_100_mb_and_binary_ones(lab: Lab) -> None:
    """As events and as output; what comes after a line that is too long is heard again."""
    code = """
    def sized(size):
        empty = json.dumps({"kind": "message", "level": "info", "code": "sized", "text": ""})
        return json.dumps({"kind": "message", "level": "info", "code": "sized",
                           "text": "x" * (size - len(empty))}) + "\\n"
    for size in (4094, 4095, 4096, 4097, 65536):
        _pipe.write(sized(size))
    fd = _pipe.fileno()
    block = b"y" * (1 << 20)
    def all_of(fd, data):
        while data:
            data = data[os.write(fd, data):]
    for _ in range(100):
        all_of(fd, block)
    all_of(fd, b"\\n")
    all_of(fd, bytes(range(256)) * 16 + b"\\n")
    metric(1, loss=1.0)
    for _ in range(100):
        all_of(1, block)
    all_of(1, b"\\n" + bytes(range(256)) * 16)
    metric(2, loss=1.0)
    """
    run = lab.run(lab.stage("loud", code))
    process = lab.launch(run)
    peak = max(watched(process.pid, memory))
    assert wait_ended(process, 120)
    assert status(run).stages["loud"].state is StageState.DONE
    sizes = [len(one["text"]) for one in messages(run, "sized")]
    assert [size - sizes[0] for size in sizes] == [0, 1, 2, 3, 65536 - 4094]
    assert [one["step"] for one in events(run, "metric")] == [1, 2]
    assert len(messages(run, "bad-event")) == 1
    assert (run / "train.log").stat().st_size == 100 * MB + 1 + 4096
    assert peak < 200 * MB
    assert_unbroken(run)


def test_children_that_close_fork_and_vanish(lab: Lab, tmp_path: Path) -> None:
    """Four stages of one run, each with another way to be no ordinary child."""
    mark = tmp_path / "pid"
    run = lab.run(
        lab.stage("mute", "os._exit(0)"),
        lab.stage(
            "burst",
            """
            for i in range(2000): _pipe.write('{"kind":"metric","step":%d,"values":{"a":1}}\\n' % i)
            os._exit(0)
            """,
        ),
        lab.stage(
            "closes",
            """
            metric(1, loss=1.0)
            for fd in (0, 1, 2, _pipe.fileno()): os.close(fd)
            time.sleep(1.0)
            open(os.environ["FACTORY_RUN"] + "/late.txt", "w").write("x")
            os._exit(0)
            """,
            outputs=["late.txt"],
        ),
        lab.stage(
            "orphans",
            f"""
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    for fd in (0, 1, 2): os.close(fd)
                    open({str(mark)!r}, "w").write(str(os.getpid()))
                    time.sleep(600)
                os._exit(0)
            while not os.path.exists({str(mark)!r}) or not open({str(mark)!r}).read():
                time.sleep(0.01)
            os._exit(0)
            """,
        ),
    )
    process = lab.launch(run)
    cpu = watched(process.pid, processor)[-1]
    assert wait_ended(process, 120)
    ended = status(run)
    assert {name: one.state for name, one in ended.stages.items()} == dict.fromkeys(
        ("mute", "burst", "closes", "orphans"), StageState.DONE
    )
    steps = [one["step"] for one in events(run, "metric") if one["stage"] == "burst"]
    assert steps == list(range(2000)), "what was said right before the end is lost"
    assert identify(int(mark.read_text())) is None, "an orphan in a session of its own lives on"
    assert any("left" in one["text"] for one in messages(run, "orphan"))
    assert cpu < 3.0, "closed pipes are looked at again and again"
    assert_unbroken(run)


def test_a_child_that_a_signal_ends_before_it_speaks(lab: Lab) -> None:
    ended = lab.finish(lab.run(lab.stage("x", "os.kill(os.getpid(), signal.SIGSEGV)")))
    assert ended.last_error is not None and "SIGSEGV" in ended.last_error.message
    assert (ended.supervisor, ended.child) == (None, None)


async def test_many_quick_runs_leave_nothing_behind(lab: Lab) -> None:
    """In one process, as a campaign's are: files, threads and processes stay as they were.

    A thousand: ``python scripts/many_quick_runs.py``.
    """
    argv = ["/bin/sh", "-c", "echo hello"]

    async def one(number: int) -> None:
        run = lab.run(lab.stage("a", "", argv=argv), run_id=f"quick-{number:04d}")
        assert await Supervisor(run).run() == 0

    for number in range(3):
        await one(number)
    before = _held()
    for number in range(3, 23):
        await one(number)
    await asyncio.sleep(0)
    assert _held() == before
    for run in sorted((lab.path / "runs").iterdir()):
        assert_unbroken(run)
        assert status(run).stages["a"].state is StageState.DONE
    assert not list((lab.path / ".factory" / "queue").glob("*.json"))


def _held() -> tuple[int, int, int]:
    """Open files, threads (but for the loop's bounded pool) and children of this process."""
    me = psutil.Process()
    threads = [one for one in threading.enumerate() if not one.name.startswith("asyncio")]
    return me.num_fds(), len(threads), len(me.children(recursive=True))


def test_a_reader_that_closes_early_ends_a_command_quietly(lab: Lab) -> None:
    """``factory-tui watch RUN --events | head -1``."""
    code = "for i in range(5000): metric(i, loss=1.0)"
    run = lab.run(lab.stage("a", code))
    lab.finish(run)
    command = [sys.executable, "-m", "tui", "watch", run.name, "--events", "--workspace"]
    told = subprocess.Popen(
        [*command, str(lab.path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert told.stdout is not None and told.stderr is not None
    assert b"run-created" in told.stdout.readline() and told.stdout.close() is None
    words = told.stderr.read().decode()
    told.wait(60)
    told.stderr.close()
    assert "Traceback" not in words and "BrokenPipe" not in words, words
