from __future__ import annotations

import hashlib
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.work.runtime import EventPipe, Refusal, WorkerContext, context_from_environment
from engine.work.specs import TrainSpec
from tests.engine.work.children import make_run

PREAMBLE = "import sys, time\nfrom engine.work import runtime\nfrom engine.work.runtime import *\n"


class Script:
    """A worker whose ``main(ctx)`` is the given code, started as the supervisor does."""

    def __init__(self, root: Path, body: str, **spec: Any) -> None:
        run = make_run(root, "train", spec)
        code = PREAMBLE + "def main(ctx):\n"
        code += "".join(f"    {line}\n" for line in body.splitlines()) + "runtime.run(main)\n"
        reader, writer = os.pipe()
        env = {
            **os.environ,
            "FACTORY_RUN": str(run),
            "FACTORY_STAGE": "train",
            "FACTORY_EVENTS_FD": str(writer),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            env=env,
            pass_fds=[writer],
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(writer)
        self.pipe = os.fdopen(reader)

    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.pipe.readline()))

    def end(self) -> tuple[int, list[dict[str, Any]], str]:
        events = [json.loads(line) for line in self.pipe]
        _, stderr = self.process.communicate(timeout=60)
        return self.process.returncode, events, stderr


def test_done_is_zero_and_events_are_json_lines(tmp_path: Path) -> None:
    script = Script(
        tmp_path,
        'ctx.emit(kind="metric", step=1, values={"loss": float("nan"), "x": float("-inf")})\n'
        'ctx.message("hello", "A text with \\n two lines and ü.")',
    )
    code, events, stderr = script.end()
    assert (code, stderr) == (0, "")
    assert events[0]["values"] == {"loss": "nan", "x": "-inf"}
    assert events[1]["text"] == "A text with \n two lines and ü."
    assert not {"seq", "t", "stage"} & events[0].keys()


@pytest.mark.parametrize(
    ("body", "code", "name"),
    [
        ('raise Refusal("No such file; make one.")', 3, "bad-input"),
        ('raise Failure("nan-loss", "It became nan.")', 5, "nan-loss"),
        ('raise RuntimeError("[metal::malloc] Attempting to allocate 9 bytes")', 5, "oom"),
        ("raise MemoryError", 5, "oom"),
        ('raise OSError(28, "No space left on device", "rows.jsonl")', 5, "disk-full"),
        ('from engine.folder import read_json\nread_json(ctx.path("none.json"))', 3, "bad-input"),
    ],
)
def test_a_known_end_is_one_sentence_and_no_traceback(
    tmp_path: Path, body: str, code: int, name: str
) -> None:
    got, events, stderr = Script(tmp_path, body).end()
    assert got == code
    (event,) = events
    assert (event["kind"], event["level"], event["code"]) == ("message", "error", name)
    assert stderr.strip() == event["text"]
    assert "Traceback" not in stderr


def test_a_crash_has_its_traceback_in_the_log_only(tmp_path: Path) -> None:
    code, events, stderr = Script(tmp_path, "{}['x']").end()
    assert code == 1
    assert events[0]["code"] == "crash"
    assert "Traceback" not in events[0]["text"]
    assert "Traceback" in stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_sets_a_flag_and_ends_with_4(tmp_path: Path, number: int) -> None:
    body = (
        'ctx.emit(kind="ready")\n'
        "while not ctx.stopping: time.sleep(0.01)\n"
        'ctx.emit(kind="saved")\n'
        "ctx.stop()"
    )
    script = Script(tmp_path, body)
    assert script.event()["kind"] == "ready"
    script.process.send_signal(number)
    code, events, _ = script.end()
    assert code == 4
    assert [event["kind"] for event in events] == ["saved", "message"]
    assert signal.Signals(number).name in events[1]["text"]


def test_a_signal_ends_an_interruptible_block_at_once(tmp_path: Path) -> None:
    body = 'with ctx.interruptible():\n    ctx.emit(kind="ready")\n    time.sleep(60)'
    script = Script(tmp_path, body)
    assert script.event()["kind"] == "ready"
    begin = time.monotonic()
    script.process.send_signal(signal.SIGTERM)
    assert script.end()[0] == 4
    assert time.monotonic() - begin < 40  # it would sleep for longer


def test_a_broken_pipe_means_that_the_parent_died(tmp_path: Path) -> None:
    body = 'ctx.emit(kind="ready")\nwhile not ctx.stopping: time.sleep(0.01)\nctx.stop()'
    script = Script(tmp_path, body)
    script.event()
    script.pipe.close()  # nothing is written any more: the watcher sees it
    assert script.process.wait(60) == 4
    assert script.process.stderr is not None
    assert "the supervisor is gone" in script.process.stderr.read()
    script.process.stderr.close()


def test_an_orphan_notices_that_its_parent_is_another(tmp_path: Path) -> None:
    """The parent dies and leaves the pipe open elsewhere: only the parent's pid tells."""
    run = make_run(tmp_path, "train", {})
    marker = tmp_path / "ended"
    worker = PREAMBLE + (
        "def main(ctx):\n"
        f"    open({str(tmp_path / 'begun')!r}, 'w').close()\n"
        "    while not ctx.stopping: time.sleep(0.01)\n"
        f"    open({str(marker)!r}, 'w').write(ctx.stop_reason)\n"
        "runtime.run(main)\n"
    )
    reader, writer = os.pipe()
    parent = (
        "import os, subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {worker!r}], pass_fds=[{writer}])\n"
        f"while not os.path.exists({str(tmp_path / 'begun')!r}): time.sleep(0.02)\n"
    )
    env = {
        **os.environ,
        "FACTORY_RUN": str(run),
        "FACTORY_STAGE": "train",
        "FACTORY_EVENTS_FD": str(writer),
    }
    subprocess.run([sys.executable, "-c", parent], env=env, pass_fds=[writer], check=True)
    os.close(writer)
    assert os.read(reader, 10_000) is not None  # returns when the worker has ended
    os.close(reader)
    assert marker.read_text() == "the supervisor is gone"


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerContext]:
    run = make_run(tmp_path, "train", {"iters": 0, "learning_rate": 1, "bogus": 2})
    monkeypatch.setenv("FACTORY_RUN", str(run))
    monkeypatch.setenv("FACTORY_STAGE", "train")
    monkeypatch.delenv("FACTORY_EVENTS_FD", raising=False)
    yield context_from_environment()


def test_placeholders_and_places(context: WorkerContext, tmp_path: Path) -> None:
    assert context.workspace == tmp_path
    assert context.path("data/train.jsonl") == context.run / "data" / "train.jsonl"
    assert context.path("{workspace}/x") == tmp_path / "x"
    assert context.target_path("gold.jsonl") == tmp_path / "targets" / "tiny" / "gold.jsonl"
    assert context.target_path("{run}/x") == context.run / "x"
    assert context.expand("{python} {other}") == f"{sys.executable} {{other}}"
    assert str(tmp_path) not in context.command
    assert context.command.startswith("FACTORY_RUN=runs/2026-01-01-tiny FACTORY_STAGE=train python")


def test_a_wrong_spec_names_every_wrong_value(context: WorkerContext) -> None:
    with pytest.raises(Refusal) as caught:
        context.parse(TrainSpec)
    for word in ("iters", "bogus", "model", "train"):
        assert word in str(caught.value)


def test_events_without_a_pipe_are_dropped(context: WorkerContext) -> None:
    context.emit(kind="progress", done=1)
    assert not context.stopping


def test_a_record_is_written_and_told(context: WorkerContext) -> None:
    reader, writer = os.pipe()
    context.pipe = EventPipe(writer)
    context.write_record("sub/x.json", {"a": 1})
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = json.loads(pipe.read())
    written = (context.run / "sub" / "x.json").read_bytes()
    digest = hashlib.sha256(written).hexdigest()
    assert told == {"kind": "record", "file": "sub/x.json", "sha256": digest}
    assert json.loads((context.run / "sub" / "x.json").read_text()) == {"a": 1}


def test_started_by_hand_without_a_run_it_says_what_to_set() -> None:
    env = {key: value for key, value in os.environ.items() if not key.startswith("FACTORY_")}
    for worker in ("train", "evaluate", "fuse"):
        done = subprocess.run(
            [sys.executable, "-m", f"engine.work.{worker}"],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 3
        assert "FACTORY_RUN" in done.stderr
        assert "Traceback" not in done.stderr


def test_an_unknown_stage_names_those_that_there_are(
    context: WorkerContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert context.stage.name == "train"
    monkeypatch.setenv("FACTORY_STAGE", "tarin")
    with pytest.raises(Refusal, match="'tarin'; it has train"):
        context_from_environment()


def test_a_large_event_is_written_whole() -> None:
    reader, writer = os.pipe()
    pipe = EventPipe(writer)
    code = f"import os; data = os.fdopen({reader}).read(); print(len(data))"
    with subprocess.Popen(
        [sys.executable, "-c", code], pass_fds=[reader], stdout=subprocess.PIPE, text=True
    ) as child:
        os.close(reader)
        assert pipe.send({"kind": "x", "text": "y" * 1_000_000, "value": math.inf})
        os.close(writer)
        assert child.stdout is not None
        assert int(child.stdout.read()) > 1_000_000
    assert pipe.send({"kind": "x"}) is False
