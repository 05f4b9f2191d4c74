"""The small parts: commands, child events, processes, memory, journal, settings, checkpoints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.folder import RunFolder
from engine.processes import identify, is_alive, myself, same
from engine.records.base import utc_now
from engine.records.events import EVENT
from engine.records.plan import Stage, StageKind
from engine.records.status import LastError, Phase, ProcessId, RunStatus
from engine.secrecy import HIDDEN, Hider
from engine.settings_file import SettingsError
from engine.supervise.checkpoints import WHOLE, newest_step
from engine.supervise.child_events import ChildEvents, parse_event
from engine.supervise.command import Command, child_environment, fill, redact
from engine.supervise.failure import Evidence, explain, looks_out_of_memory
from engine.supervise.journal import Journal
from engine.supervise.launch import liveness
from engine.supervise.memory import ProcessTree
from engine.supervise.process import Exit
from engine.supervise.settings import Settings, load_settings
from tests.engine.supervise.kit import Lab, assert_unbroken

ROOT = Path(__file__).parents[3]


def test_placeholders_leave_other_braces_alone() -> None:
    places = {"{run}": "/r {target}", "{target}": "/t"}
    assert fill('{run} {"a": {target}} {other}', places) == '/r {target} {"a": /t} {other}'


def test_children_are_not_forced_to_colour() -> None:
    env = child_environment({"FORCE_COLOR": "1", "COLUMNS": "20", "HOME": "/h"})
    assert "FORCE_COLOR" not in env
    assert (env["COLUMNS"], env["HOME"]) == ("200", "/h")


def test_commands_that_came_with_this_program_are_found_last() -> None:
    path = child_environment({"PATH": "/first"})["PATH"].split(os.pathsep)
    assert path == ["/first", str(Path(sys.executable).parent)]


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (["x", "--api-key", "abc"], ["x", "--api-key", HIDDEN]),
        (["x", "--hf_token=abc"], ["x", f"--hf_token={HIDDEN}"]),
        (["x", "--password", "-v"], ["x", "--password", "-v"]),
        (["x", "--max-tokens", "48"], ["x", "--max-tokens", "48"]),
        (["curl", "Bearer sesame-open"], ["curl", f"Bearer {HIDDEN}"]),
        (["x", "MY_TOKEN_FILE"], ["x", "MY_TOKEN_FILE"]),
    ],
)
def test_secrets_are_hidden_and_nothing_else(argv: list[str], shown: list[str]) -> None:
    env = {"MY_SECRET": "sesame-open", "SHORT_TOKEN": "x", "USER": "curl"}
    assert redact(argv, Hider(env, named=())) == shown


# --- events of a child -----------------------------------------------------------


def test_numbers_that_json_does_not_know_become_words() -> None:
    line = b'{"kind":"metric","step":1,"values":{"loss":NaN,"a":-Infinity,"b":1e999,"c":1}}'
    event = parse_event(line)
    assert event is not None
    assert event["values"] == {"loss": "nan", "a": "-inf", "b": "inf", "c": 1}
    json.dumps(event, allow_nan=False)


def test_deep_nesting_is_refused() -> None:
    head = b'{"kind":"message","code":"x","text":"y","more":'
    assert parse_event(head + b"[" * 40 + b"]" * 40 + b"}") is None
    assert parse_event(head + b"[" * 100_000 + b"]" * 100_000 + b"}") is None


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
        max_leaves=8,
    ),
    st.sampled_from(["metric", "progress", "checkpoint", "example", "record", "message", "phase"]),
    st.integers(1, 40),
)
def test_whatever_a_child_sends_can_be_written_down(value: Any, kind: str, size: int) -> None:
    event = {"kind": kind, "step": 1, "values": value, "done": 1, "code": "x", "text": value}
    event |= {"path": "p", "suite": "s", "score": value, "correct": True, "file": "f"}
    data = (json.dumps(event) + "\n").encode() + json.dumps(value).encode() + b"\n"
    events = ChildEvents()
    found = [one for i in range(0, len(data), size) for one in events.feed(data[i : i + size])]
    found += events.close()
    assert kind != "phase" or found == []
    for one in found:
        json.dumps(one, allow_nan=False)


def test_a_last_line_without_an_end_counts() -> None:
    events = ChildEvents()
    assert events.feed(b'{"kind":"record","file":"a.json"}') == []
    assert [event["file"] for event in events.close()] == ["a.json"]
    assert events.refused == 0


# --- processes and memory ---------------------------------------------------------


def test_a_process_is_told_from_a_later_one_with_its_number() -> None:
    me = myself()
    assert me.pid == os.getpid() and is_alive(me)
    assert is_alive(ProcessId.model_validate_json(me.model_dump_json()))
    plain = ProcessId(pid=me.pid, started=me.started)  # as another tool would write it
    assert is_alive(plain) and same(me, plain)
    assert not is_alive(ProcessId(pid=me.pid, started=me.started - 100))
    assert not is_alive(None)
    assert not is_alive(ProcessId(pid=2**30, started=1.0))


def test_setting_the_clock_kills_nobody() -> None:
    """psutil's start time moves with the clock on Linux; ticks since boot do not."""
    me = myself()
    if "ticks" in (me.model_extra or {}):
        assert is_alive(me.model_copy(update={"started": me.started + 86_400}))
        other = ProcessId.model_validate({**me.model_dump(), "boot": "another"})
        assert not is_alive(other)
    else:
        assert is_alive(me.model_copy(update={"started": me.started + 1.0}))


def test_a_zombie_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    process = identify(child.pid)
    end = time.monotonic() + 20
    while process is not None and is_alive(process) and time.monotonic() < end:
        time.sleep(0.01)
    assert identify(child.pid) is None
    child.wait()


def test_the_whole_tree_is_measured() -> None:
    big = "import time; x = bytearray(60 * 2**20); print(1, flush=True); time.sleep(60)"
    code = (
        "import subprocess, sys, time\n"
        f"p = subprocess.Popen([sys.executable, '-c', {big!r}], stdout=subprocess.PIPE,"
        " start_new_session=True)\n"  # even one in a session of its own
        "p.stdout.readline(); print(p.pid, flush=True); time.sleep(60)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True
    )
    assert child.stdout is not None
    grandchild = int(child.stdout.readline())
    tree = ProcessTree(child.pid)
    sample = tree.sample()
    assert sample.processes == 2
    assert 60 * 2**20 < sample.tree_rss_bytes < 200 * 2**20
    assert sample.available_share is not None and 0 < sample.available_share < 1
    EVENT.validate_python(sample.event())
    child.kill()
    child.wait()
    child.stdout.close()
    assert [one.pid for one in tree.members()] == [grandchild]  # found after its parent's end
    os.kill(grandchild, 9)
    end = time.monotonic() + 20
    while tree.members() and time.monotonic() < end:
        time.sleep(0.01)
    assert tree.sample().processes == 0


# --- the journal ------------------------------------------------------------------


def test_a_batch_is_one_write_and_survives_a_crash_whole(lab: Lab) -> None:
    run = lab.run(lab.stage("x", "pass"))
    journal = Journal(RunFolder(run))
    size = (run / "events.jsonl").stat().st_size
    for step in range(1000):
        journal.append({"kind": "metric", "step": step, "values": {}}, stage="x")
    assert (run / "events.jsonl").stat().st_size == size
    journal.flush()
    assert_unbroken(run)
    assert (run / "events.jsonl").read_bytes().count(b"\n") == 1001
    journal.close()


def test_a_phase_only_moves_forward_and_says_so_once(lab: Lab) -> None:
    run = lab.run(lab.stage("x", "pass"))
    journal = Journal(RunFolder(run))
    journal.move_to(Phase.TRAINED)
    journal.move_to(Phase.TRAINING)
    journal.move_to(Phase.TRAINED)
    journal.close()
    assert journal.status.phase is Phase.TRAINED
    assert (run / "events.jsonl").read_text().count('"phase"') == 1


# --- sentences --------------------------------------------------------------------


def _evidence(**changes: Any) -> Evidence:
    given: dict[str, Any] = {
        "stage": "train",
        "kind": StageKind.TRAIN,
        "exit": Exit(1, None, None, 1.0),
        "error_text": None,
        "tail": [],
        "short_of_memory": False,
    }
    return Evidence(**(given | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tail": ["a", "ValueError: no"]}, "exit code 1. Its last lines: a / ValueError: no"),
        ({"exit": Exit(None, 9, None, 1.0)}, "was killed from outside (SIGKILL)."),
        (
            {"exit": Exit(None, 9, None, 1.0), "short_of_memory": True},
            "most likely by the system, because memory ran out",
        ),
        ({"exit": Exit(None, 11, None, 1.0)}, "was ended by SIGSEGV"),
        ({"exit": Exit(4, None, None, 1.0)}, "what it had is saved"),
        ({"exit": Exit(None, None, None, 1.0)}, "does not say how"),
        ({"error_text": "The file is empty."}, "Stage train: The file is empty."),
    ],
)
def test_a_failure_is_a_sentence(changes: dict[str, Any], words: str) -> None:
    error = explain(_evidence(**changes))
    assert isinstance(error, LastError)
    assert words in error.message and error.fix


def test_running_out_of_memory_is_recognised() -> None:
    metal = "[METAL] Command buffer execution failed: Insufficient Memory (00000008)"
    assert looks_out_of_memory(_evidence(tail=[metal]))
    assert "smaller batch_size" in (explain(_evidence(tail=[metal])).fix or "")
    assert not looks_out_of_memory(_evidence(tail=["fine"]))


# --- the rest ---------------------------------------------------------------------


def test_settings_say_what_is_wrong(tmp_path: Path) -> None:
    assert load_settings(tmp_path) == Settings()
    (tmp_path / "factory.toml").write_text("[supervisor]\ninterrupt_s = 2\n")
    assert load_settings(tmp_path).patience.interrupt_s == 2
    (tmp_path / "factory.toml").write_text("[supervisor]\ninterupt_s = 2\n")
    with pytest.raises(SettingsError, match=r"supervisor\.interupt_s"):
        load_settings(tmp_path)
    (tmp_path / "factory.toml").write_text("[supervisor\n")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path)


def test_only_a_whole_checkpoint_is_gone_on_from(tmp_path: Path) -> None:
    stage = Stage(name="train", kind=StageKind.TRAIN, argv=["x"])
    assert newest_step(tmp_path, stage) is None
    for step, names in ((10, WHOLE), (20, WHOLE[:1])):
        path = tmp_path / "adapters" / "checkpoints" / f"{step:07d}"
        path.mkdir(parents=True)
        for name in names:
            (path / name).write_text("")
    (tmp_path / "adapters" / "checkpoints" / ".tmp-30").mkdir()
    assert newest_step(tmp_path, stage) == 10


def test_liveness_is_the_truth() -> None:
    now = utc_now()
    one = RunStatus(run_id="a", created=now, updated=now)
    assert liveness(one) == "idle"
    one.supervisor = myself()
    assert liveness(one) == "running"
    one.waiting_for = "the accelerator"
    assert liveness(one) == "waiting"
    one.supervisor = ProcessId(pid=os.getpid(), started=1.0)
    assert liveness(one) == "dead"
    one.phase = Phase.FAILED
    assert liveness(one) == "idle"


def test_the_supervisor_imports_nothing_heavy() -> None:
    code = (
        "import sys, engine.supervise.supervisor, engine.supervise.resume, engine.processes\n"
        "heavy = {'mlx', 'mlx_lm', 'numpy', 'transformers', 'textual', 'rich', 'ruamel'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_command_is_recorded_without_paths_of_this_machine() -> None:
    places = {"{workspace}": "/home/me/factory", "{run}": "/home/me/factory/runs/r"}
    command = Command(
        ["/home/me/factory/x", "--out=/home/me/factory/runs/r/o"], Path("/"), {}, places
    )
    assert command.shown == ["{workspace}/x", "--out={run}/o"]
    assert Command(["a"], Path("/home/me/factory/runs/r"), {}, places).shown_cwd == "{run}"
