"""Suites with tools through a real ``mlx_lm.server``, started and stopped by the eval worker."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.checks.streams import read_rows
from engine.folder import read_record
from engine.records.evaluation import EvalResult, RowResult
from engine.serving import ports
from engine.serving.store import find_servers
from engine.workspace import Workspace
from tests.engine.work.children import Child, make_run, messages, run_child

TOOL = {"type": "function", "function": {"name": "land", "parameters": {"type": "object"}}}
LAND = [{"name": "land", "arguments": {"pad": 3}}]


def suite(name: str, role: str, stem: str, **changes: Any) -> dict[str, Any]:
    return {
        "role": role,
        "name": name,
        "file": f"{name}.jsonl",
        "scorer": "tool_calls",
        "record": f"eval-{stem}.json",
        "rows": f"rows-{stem}.jsonl",
        **changes,
    }


def prepare(root: Path, model: Path, n: int = 3, **changes: Any) -> Path:
    spec = {
        "model": str(model),
        "max_new_tokens": 120,
        "latency_rows": 0,
        "suites": [suite("tools", "primary", "baseline")],
        **changes,
    }
    run = make_run(root, "eval", spec)
    rows = [
        {"id": f"t{i}", "prompt_text": text, "tools": [TOOL], "expected_tool_calls": wanted}
        for i, (text, wanted) in enumerate([("land on pad 3", LAND), ("alpha bravo", LAND)] * n)
    ][:n]
    target = root / "targets" / "tiny"
    (target / "tools.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    plain = {"prompt": "land on pad 3", "completion": "x"}
    (target / "plain.jsonl").write_text(json.dumps(plain) + "\n")
    return run


def rows_of(file: Path) -> list[RowResult]:
    rows, wrong = read_rows(file.read_bytes())
    assert wrong == []
    return rows


def servers() -> list[psutil.Process]:
    return [
        one
        for one in psutil.process_iter()
        if "engine.work.serve" in " ".join(_cmdline(one)) and one.status() != "zombie"
    ]


def _cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def ours(run: Path) -> list[psutil.Process]:
    """The servers whose model or folder lies below the run's workspace."""
    home = str(run.parent.parent)
    found = []
    for one in servers():
        try:
            if one.cwd() == home:
                found.append(one)
        except psutil.Error:
            continue
    return found


def gone(run: Path, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while ours(run):
        assert time.monotonic() < until, "a server was left behind"
        time.sleep(0.1)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for one in find_servers(Workspace(tmp_path))[0]:
        if one.alive and one.record.process:
            os.killpg(one.record.process.pid, signal.SIGKILL)


def test_a_tool_call_is_scored_beside_a_suite_of_plain_text(root: Path, caller: Path) -> None:
    plain = suite("plain", "regression", "regression", scorer="exact")
    run = prepare(root, caller, suites=[plain, suite("tools", "primary", "baseline")])
    code, events = run_child(run)
    assert code == 0, (run / "train.log").read_text()
    record = read_record(run / "eval-baseline.json", EvalResult)
    rows = rows_of(run / "rows-baseline.jsonl")
    assert (record.through, record.scorer, record.n) == ("server", "tool_calls", 3)
    by_id = {row.id: row for row in rows}
    assert by_id["t0"].score == 1.0
    call = json.loads(by_id["t0"].got)["tool_calls"][0]["function"]
    assert (call["name"], json.loads(call["arguments"])) == ("land", {"pad": 3})
    assert by_id["t0"].latency_ms is not None and by_id["t0"].tokens is not None
    assert record.peak_rss_mb is not None and record.peak_rss_mb > 20
    assert record.mlx_peak_mb is None, "not of this process"
    assert read_record(run / "eval-regression.json", EvalResult).through == "batches"
    assert [e["id"] for e in events if e["kind"] == "example" and e["suite"] == "tools"] == [
        "t0",
        "t1",
        "t2",
    ]
    assert [e for e in events if e["kind"] == "progress"][-1]["done"] == 4
    assert messages(events, "serve")
    gone(run)
    assert find_servers(Workspace(root))[0] == [], "nothing of it stays in the list of servers"


def test_a_server_can_be_forced_on_a_suite_without_tools(root: Path, made: Path) -> None:
    forced = suite("plain", "primary", "baseline", scorer="exact", server=True)
    run = prepare(root, made / "tiny", suites=[forced], max_new_tokens=4)
    assert run_child(run)[0] == 0
    assert read_record(run / "eval-baseline.json", EvalResult).through == "server"
    gone(run)


def test_tools_may_be_answered_in_batches_where_the_target_says_so(root: Path, made: Path) -> None:
    own = suite("tools", "primary", "baseline", server=False)
    run = prepare(root, made / "tiny", suites=[own], max_new_tokens=4)
    assert run_child(run)[0] == 0
    assert read_record(run / "eval-baseline.json", EvalResult).through == "batches"


@pytest.mark.slow
def test_with_the_adapter_other_answers_come(root: Path, made: Path) -> None:
    answers = []
    for adapter in (None, str(made / "adapters")):
        run = prepare(root, made / "tiny", adapter=adapter, max_new_tokens=8)
        assert run_child(run)[0] == 0
        answers.append([row.got for row in rows_of(run / "rows-baseline.jsonl")])
    assert answers[0] != answers[1]


def slow(root: Path, made: Path) -> tuple[Path, Child]:
    """A run whose server is in the middle of its suite."""
    run = prepare(root, made / "tiny", n=400, max_new_tokens=200)
    child = Child(run)
    child.until(lambda e: e["kind"] == "example")
    assert len(ours(run)) == 1
    return run, child


def test_a_server_that_is_killed_ends_the_suite_in_a_sentence(root: Path, made: Path) -> None:
    run, child = slow(root, made)
    ours(run)[0].kill()
    assert child.finish() == 5
    (text,) = messages(child.events, "server")
    assert "ended without being asked (SIGKILL)" in text
    assert "tools has no score" in text
    assert str(root) not in text
    assert not (run / "eval-baseline.json").exists()
    assert "Traceback" not in (run / "train.log").read_text()


def test_a_worker_that_is_told_to_stop_takes_its_server_along(root: Path, made: Path) -> None:
    run, child = slow(root, made)
    child.signal(signal.SIGTERM)
    assert child.finish() == 4
    gone(run, 1)


def test_a_worker_that_is_killed_takes_its_server_along(root: Path, made: Path) -> None:
    run, child = slow(root, made)
    child.kill()
    gone(run)


@pytest.mark.slow
def test_a_port_that_somebody_takes_first_is_no_trouble(
    root: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The port that was free is taken when the server comes: it is started on another one."""
    with socket.create_server((ports.HOST, 0)) as taken:
        marker = root / "sitecustomize.py"
        marker.write_text(
            "import engine.serving.ports as ports\n"
            f"known, taken = ports.free_port, [{taken.getsockname()[1]}]\n"
            "def free_port():\n"
            "    if not taken: return known()\n"
            f"    open({str(root / 'tried')!r}, 'w').close()\n"
            "    return taken.pop()\n"
            "ports.free_port = free_port\n"
        )
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(root), str(Path.cwd())]))
        run = prepare(root, made / "tiny", max_new_tokens=4)
        assert run_child(run)[0] == 0, (run / "train.log").read_text()
    assert (root / "tried").exists()
    assert read_record(run / "eval-baseline.json", EvalResult).n == 3


def test_a_model_that_cannot_be_served_is_a_sentence(root: Path, made: Path) -> None:
    broken = root / "broken"
    broken.mkdir()
    for file in (made / "tiny").iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    (broken / "model.safetensors").write_bytes(b"\x00" * 64)
    run = prepare(root, broken)
    code, events = run_child(run)
    assert code == 3
    (text,) = messages(events, "bad-input")
    assert "broken" in text
    gone(run)
