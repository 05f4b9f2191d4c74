"""``factory-tui serve``, as a person or a script uses it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.serving.store import find_server, find_servers
from engine.workspace import Workspace
from tests.engine.serving.fake import Answer as Served
from tests.engine.serving.fake import Fake, Request

Make = Callable[[Served], Fake]
ROOT = Path(__file__).parents[3]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path)
    workspace.runs_dir.mkdir()
    yield workspace
    for one in find_servers(workspace)[0]:
        if one.alive and one.record.process:
            os.killpg(one.record.process.pid, signal.SIGKILL)


def command(place: Workspace, *arguments: str) -> list[str]:
    verb, *rest = arguments
    return [sys.executable, "-m", "tui", "serve", verb, "-w", str(place.path), *rest]


def run(place: Workspace, *arguments: str, code: int = 0) -> tuple[str, str]:
    """stdout and stderr of a command that ends with ``code``."""
    done = subprocess.run(
        command(place, *arguments), capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout, done.stderr


def test_a_whole_evening(place: Workspace, made: Path) -> None:
    """Start two that stay, ask both, measure, and stop them from somewhere else."""
    model, adapter = str(made / "tiny"), str(made / "adapters")
    assert run(place, "list") == ("", "No servers. Start one: factory-tui serve start MODEL\n")
    url, told = run(place, "start", model, "--keep")
    assert url.startswith("http://127.0.0.1:")
    assert "It stays. End it with: factory-tui serve stop base" in told
    run(place, "start", model, "--keep", "--adapter", adapter)
    listed = json.loads(run(place, "list", "--json")[0])
    assert [(one["name"], one["state"]) for one in listed] == [
        ("base", "ready"),
        ("candidate", "ready"),
    ]
    assert listed[0]["url"] == url.strip()
    assert "candidate" in run(place, "list")[0]
    _, refused = run(place, "start", model, "--keep", code=1)
    assert "A server base runs already" in refused

    out, err = run(place, "ask", " alpha bravo", "--of", "base", "--max-tokens", "9")
    assert len(out) > 2
    assert "first token" in err
    both, _ = run(place, "ask", " alpha bravo", "--max-tokens", "9")
    assert "── base\n" in both
    assert "── candidate\n" in both
    answers = json.loads(run(place, "ask", "x", "--json", "--max-tokens", "4")[0])
    assert {side: one["usage"]["completion_tokens"] for side, one in answers.items()} == {
        "base": 4,
        "candidate": 4,
    }

    suite = place.path / "gold.jsonl"
    row = {"prompt": " cargo delta", "completion": "x", "category": "a"}
    suite.write_text("".join(json.dumps(row | {"id": str(n)}) + "\n" for n in range(3)))
    table, _ = run(place, "latency", str(suite), "--of", "base", "--max-tokens", "3")
    assert "3/3" in table
    assert "not recorded" in table, "three are too few for a percentile"

    assert "base: stopped (SIGINT)." in run(place, "stop", "base")[1]
    assert "had ended before" in run(place, "stop", "base")[1]
    _, err = run(place, "ask", "x", "--of", "base", code=1)
    assert "does not run any more (stopped)" in err
    assert "candidate: stopped" in run(place, "stop", "--all")[1]
    assert run(place, "stop", "--all")[1] == "Nothing runs.\n"
    assert "No server runs." in run(place, "ask", "x", code=3)[1]


@pytest.mark.parametrize("how", ["interrupt", "terminate", "stop", "kill"])
def test_without_keep_it_ends_with_its_command(place: Workspace, made: Path, how: str) -> None:
    process = subprocess.Popen(
        command(place, "start", str(made / "tiny")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("http://")
    found = find_server(place, "base")
    assert found.alive
    if how == "interrupt":
        process.send_signal(signal.SIGINT)
    elif how == "terminate":
        process.terminate()
    elif how == "stop":
        run(place, "stop", "base")
    else:
        assert found.record.process is not None
        os.kill(found.record.process.pid, signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert not find_server(place, "base").alive
    said, code = {
        "interrupt": ("Stopped.", 0),
        "terminate": ("Stopped.", 0),
        "stop": ("The server base was stopped.", 0),
        "kill": ("The server base ended without being asked (SIGKILL).", 1),
    }[how]
    assert said in err
    assert process.returncode == code
    assert "Traceback" not in err
    state = "failed" if how == "kill" else "stopped"
    assert find_server(place, "base").state == state


def test_what_cannot_be_served_is_a_sentence(place: Workspace) -> None:
    assert "There is no model a/b on this disk" in run(place, "start", "a/b", code=1)[1]
    assert "There is no server x." in run(place, "stop", "x", code=3)[1]
    assert "Name the servers to stop" in run(place, "stop", code=2)[1]
    assert "is no name for a server" in run(place, "stop", "../x", code=3)[1]
    err = run(place, "ask", "x", "--model", "y", code=2)[1]
    assert "--model and --key-variable belong to --url." in err


def test_anyones_endpoint_with_a_key(
    place: Workspace, fake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: Request) -> None:
        request.head()
        request.piece("hello \x1b[31mred\x1b[0m\nsecond")
        time.sleep(0.02)
        request.piece(" line")
        request.finish(tokens=5)

    server = fake(answer)
    ask = ("ask", "x", "--url", server.url, "--model", "big-1", "--key-variable", "A_TEST_KEY")
    monkeypatch.delenv("A_TEST_KEY", raising=False)
    assert "A_TEST_KEY is not set" in run(place, *ask, code=1)[1]
    monkeypatch.setenv("A_TEST_KEY", "sk-very-secret")
    out, err = run(place, *ask, "--system", "Be brief.")
    assert (
        out == "hello \N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}[0m\nsecond line\n"
    )
    assert "tok/s" in err
    (request,) = server.requests
    assert request.headers["authorization"] == "Bearer sk-very-secret"
    assert request.body["model"] == "big-1"
    assert request.body["messages"][0] == {"role": "system", "content": "Be brief."}
    written = [path for path in place.path.rglob("*") if path.is_file()]
    assert [path for path in written if b"sk-very-secret" in path.read_bytes()] == []
    assert "sk-very-secret" not in out + err
