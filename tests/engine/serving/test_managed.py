"""A real ``mlx_lm.server`` with a tiny model: started, asked, killed, found again, stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.models import describe
from engine.processes import is_alive
from engine.records.serving import ServerPhase
from engine.serving import managed, ports
from engine.serving.chat import Answer, Ask, Chat
from engine.serving.endpoint import Endpoint, EndpointError
from engine.serving.managed import Server, Wish, start, stop_server
from engine.serving.models_at import models_at
from engine.serving.side_by_side import side_by_side
from engine.serving.store import FoundServer, ServeError, find_server, find_servers
from engine.supervise.process import Patience
from engine.workspace import Workspace

HELLO = [{"role": "user", "content": " alpha bravo"}]
ROOT = Path(__file__).parents[3]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace; what still runs when the test is over is killed."""
    workspace = Workspace(tmp_path / "workspace")
    workspace.runs_dir.mkdir(parents=True)
    yield workspace
    for one in find_servers(workspace)[0]:
        if one.alive and one.record.process:
            os.killpg(one.record.process.pid, signal.SIGKILL)


def wish(made: Path, name: str = "base", **more: Any) -> Wish:
    return Wish(name, describe(made / "tiny", "tiny"), **more)


def said(server: Server) -> str:
    return Chat(Endpoint(server.record.url), HELLO, Ask(12)).answer().text


def until(what: Any, seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


async def test_base_and_adapter_side_by_side(
    place: Workspace, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(place.path / "not-there"))
    with (
        start(place, wish(made)) as base,
        start(place, wish(made, "candidate", adapter=made / "adapters")) as candidate,
    ):
        servers = (base, candidate)
        assert [one.record.phase for one in servers] == [ServerPhase.READY] * 2
        for one in servers:
            process = one.record.process
            assert process is not None
            assert os.getpgid(process.pid) == process.pid != os.getpgid(0)
            assert ports.listens(process.pid, one.record.port) is True
            listening = [
                connection.laddr.ip
                for connection in psutil.Process(process.pid).net_connections("inet")
                if connection.status == psutil.CONN_LISTEN
            ]
            assert listening == ["127.0.0.1"]
            assert one.record.ready_s is not None
        found, troubles = find_servers(place)
        assert ([one.record.name for one in found], troubles) == (["base", "candidate"], [])
        sides = {one.record.name: Endpoint(one.record.url) for one in servers}
        ends: dict[str, Answer] = {}
        async for update in side_by_side(sides, HELLO, Ask(12)):
            if update.last:
                assert isinstance(update.what, Answer), update.what
                ends[update.side] = update.what
        assert ends["base"].text != ends["candidate"].text, "the adapter changes what it says"
        for answer in ends.values():
            assert answer.usage.completion_tokens is not None
            assert answer.first_s is not None
        assert models_at(Endpoint(base.record.url)) == (str((made / "tiny").resolve()),)
    for ended in found:
        again = find_server(place, ended.record.name)
        assert (again.state, again.alive) == ("stopped", False)
        assert again.record.error is None


def test_a_tool_call(place: Workspace, caller: Path) -> None:
    """From the tokens of a model that was taught it, through mlx-lm's parser, to plain values."""
    tool = {"type": "function", "function": {"name": "land", "parameters": {"type": "object"}}}
    asked = [{"role": "user", "content": "land on pad 3"}]
    with start(place, Wish("base", describe(caller, "caller"))) as server:
        answer = Chat(
            Endpoint(server.record.url), asked, Ask(120, extra={"tools": [tool]})
        ).answer()
    (call,) = answer.tool_calls
    assert (call.name, json.loads(call.arguments)) == ("land", {"pad": 3})
    assert (answer.text, answer.finish_reason) == ("", "tool_calls")
    assert answer.first_s is not None


def test_a_server_that_is_killed(place: Workspace, made: Path) -> None:
    server = start(place, wish(made))
    process = server.record.process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    assert server.wait(60)
    with pytest.raises(EndpointError, match="cannot be reached"):
        said(server)
    assert find_server(place, "base").state == "gone"
    assert server.how_it_ended() == "The server base ended without being asked (SIGKILL)."
    found = find_server(place, "base")
    assert (found.state, found.record.error) == ("failed", server.how_it_ended())
    assert stop_server(found) == "gone"
    server.close()
    with start(place, wish(made)) as again:  # its name is free again, and the old log is kept
        assert said(again)
        assert (again.folder / "server.log.before").stat().st_size > 0


def test_killed_in_the_middle_of_an_answer(place: Workspace, made: Path) -> None:
    with start(place, wish(made)) as server:
        process = server.record.process
        assert process is not None
        chat = Chat(Endpoint(server.record.url, name="base"), HELLO, Ask(100_000))
        with pytest.raises(EndpointError, match=r"base broke off in the middle"):
            for _ in chat:
                os.kill(process.pid, signal.SIGKILL)
        assert chat.partial
        server.wait(60)


def test_stopped_in_the_middle_of_an_answer(place: Workspace, made: Path) -> None:
    with start(place, wish(made)) as server:
        chat = Chat(Endpoint(server.record.url), HELLO, Ask(100_000))
        with pytest.raises(EndpointError, match="broke off in the middle"):
            for number, _ in enumerate(chat):
                if number == 3:
                    assert server.stop() in ("SIGINT", "SIGTERM")
        assert not server.alive


def test_a_request_that_is_given_up_leaves_the_server_well(place: Workspace, made: Path) -> None:
    with start(place, wish(made)) as server:
        chat = Chat(Endpoint(server.record.url), HELLO, Ask(100_000))
        with pytest.raises(EndpointError, match="cancelled"):
            for _ in chat:
                chat.cancel()
        began = time.monotonic()
        assert said(server)
        assert time.monotonic() - began < 20, "it does not compute the old answer to its end"


def test_a_start_that_is_interrupted_leaves_nothing(place: Workspace, made: Path) -> None:
    def ctrl_c(found: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(place, wish(made), told=ctrl_c)
    found = find_server(place, "base")
    assert (found.state, found.alive) == ("failed", False)


def test_stopped_by_somebody_else_while_it_starts(place: Workspace, made: Path) -> None:
    def stop(found: FoundServer) -> None:
        stop_server(found)

    with pytest.raises(ServeError, match=r"The server base was stopped\."):
        start(place, wish(made), told=stop)
    found = find_server(place, "base")
    assert (found.state, found.alive) == ("stopped", False)


def test_a_port_that_is_in_use(place: Workspace, made: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ServeError, match=f"Port {port} is already in use"):
            start(place, wish(made, port=port))
    assert find_servers(place) == ([], [])


def test_a_port_that_is_taken_in_the_last_moment(
    place: Workspace, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server stays up in mlx-lm's own program; ours ends, and another port is tried."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        free = iter([taken, ports.free_port()])
        monkeypatch.setattr(ports, "free_port", lambda: next(free))
        with start(place, wish(made)) as server:
            assert server.record.port != taken
            assert said(server)
        monkeypatch.setattr(ports, "why_not", lambda port: None)
        with pytest.raises(ServeError, match=f"Port {taken} is already in use"):
            start(place, wish(made, port=taken))
    found = find_server(place, "base")
    assert (found.state, found.alive) == ("failed", False)


def test_a_model_that_does_not_exist(place: Workspace, made: Path, tmp_path: Path) -> None:
    with pytest.raises(ServeError, match="There is no model nobody/nothing on this disk"):
        managed.model_for("nobody/nothing", place, tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ServeError, match=r"no config\.json"):
        managed.model_for("empty", place, tmp_path)
    with pytest.raises(ServeError, match=r"is no adapter: it has no adapter_config\.json"):
        start(place, wish(made, adapter=tmp_path / "empty"))


def test_a_model_that_does_not_load(place: Workspace, made: Path, tmp_path: Path) -> None:
    """mlx-lm's server stays up then, and says no to everything."""
    broken = tmp_path / "broken"
    shutil.copytree(made / "tiny", broken)
    (broken / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    with pytest.raises(ServeError, match=r"mlx-lm cannot load broken: .*\w\.$"):
        start(place, Wish("base", describe(broken, "broken")))
    found = find_server(place, "base")
    assert (found.state, found.alive) == ("failed", False)
    assert "cannot load" in (found.record.error or "")


def test_one_that_takes_too_long_or_is_not_wanted(place: Workspace, made: Path) -> None:
    with pytest.raises(ServeError, match="did not answer within 0 s"):
        start(place, wish(made), timeout_s=0.3)
    with pytest.raises(ServeError, match="was cancelled"):
        start(place, wish(made), stopped=lambda: True)
    (found,) = find_servers(place)[0]
    assert (found.alive, found.state, found.record.error) == (False, "stopped", None)


_STARTS = """
import sys, time
from pathlib import Path
from engine.models import describe
from engine.serving.managed import Wish, start
from engine.workspace import Workspace

server = start(Workspace(Path(sys.argv[1])), Wish("base", describe(Path(sys.argv[2]), "tiny"),
               keep=sys.argv[3] == "keep"))
if sys.argv[3].startswith("told"):
    server.keep(True)
if sys.argv[3] == "told-back":
    server.keep(False)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("keep", ["keep", "told", "told-back", "end"])
def test_its_owner_is_killed(place: Workspace, made: Path, keep: str) -> None:
    """Kept, it is found again by whoever comes next; else it ends with its owner, by any death.

    It may be told to stay when it runs already, and to stay no more.
    """
    owner = subprocess.Popen(
        [sys.executable, "-c", _STARTS, str(place.path), str(made / "tiny"), keep],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert owner.stdout is not None
    with owner.stdout:
        assert owner.stdout.readline() == b"ready\n"
        owner.kill()
        owner.wait()
    if keep in ("end", "told-back"):
        until(lambda: not find_server(place, "base").alive)
        assert find_server(place, "base").state == "gone"
        assert "owner of this server has ended" in find_server(place, "base").log.read_text()
        return
    found = find_server(place, "base")
    assert (found.alive, found.state, found.record.keep) == (True, "ready", True)
    time.sleep(0.3)
    assert find_server(place, "base").alive
    assert not is_alive(found.record.owner)
    assert Chat(Endpoint(found.record.url), HELLO, Ask(3)).answer().text
    with pytest.raises(ServeError, match="A server base runs already, at http"):
        start(place, wish(made))
    assert stop_server(found) == "SIGINT"
    assert (find_server(place, "base").state, is_alive(found.record.process)) == ("stopped", False)


def test_who_cannot_be_told_to_stay(place: Workspace, made: Path) -> None:
    with start(place, wish(made)) as server:
        server.stop()
        with pytest.raises(ServeError, match="has ended"):
            server.keep(True)
    kept = start(place, wish(made, keep=True))
    with pytest.raises(ServeError, match="was started to stay"):
        kept.keep(False)
    kept.stop()


def test_one_that_does_not_listen_to_signals(place: Workspace, made: Path) -> None:
    """SIGSTOP is as deaf as it gets: SIGCONT comes with each signal, and it ends."""
    with start(place, wish(made)) as server:
        process = server.record.process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
        assert server.stop() in ("SIGINT", "SIGTERM")
        assert not server.alive


def test_signals_in_turn(place: Workspace, tmp_path: Path) -> None:
    """A process that ignores all that can be ignored is killed."""
    deaf = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (2, 15)];"
            "print('deaf', flush=True); time.sleep(600)",
        ],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert deaf.stdout is not None
    with deaf.stdout:
        deaf.stdout.readline()
    folder = tmp_path / "workspace" / ".factory" / "serve" / "deaf"
    folder.mkdir(parents=True)
    started = psutil.Process(deaf.pid).create_time()
    record = {
        "name": "deaf",
        "phase": "ready",
        "model": "m",
        "model_id": "m",
        "port": 9,
        "started": "2026-01-01T00:00:00Z",
        "process": {"pid": deaf.pid, "started": started},
    }
    (folder / "server.json").write_text(json.dumps(record))
    found = find_server(place, "deaf")
    assert found.alive
    assert stop_server(found, Patience(0.3, 0.3, 60.0)) == "SIGKILL"
    assert deaf.wait(60) == -signal.SIGKILL


def test_a_number_that_belongs_to_somebody_else_is_left_alone(place: Workspace) -> None:
    folder = place.path / ".factory" / "serve" / "old"
    folder.mkdir(parents=True)
    record = {
        "name": "old",
        "phase": "ready",
        "model": "m",
        "model_id": "m",
        "port": 9,
        "started": "2026-01-01T00:00:00Z",
        "process": {"pid": os.getpid(), "started": 1.0},
    }
    (folder / "server.json").write_text(json.dumps(record))
    found = find_server(place, "old")
    assert (found.state, stop_server(found)) == ("gone", "gone")
    assert find_server(place, "old").record.error == "The server old ended without being asked."


def test_names_and_broken_records(place: Workspace, made: Path) -> None:
    for name in ("../x", "a/b", "", "..", "A", ".hidden", "a..b", "x" * 61):
        with pytest.raises(ServeError, match="is no name for a server"):
            find_server(place, name)
    folder = place.path / ".factory" / "serve" / "broken"
    folder.mkdir(parents=True)
    (folder / "server.json").write_text('{"name": "broken"')
    servers, troubles = find_servers(place)
    assert (servers, troubles) == ([], ["broken/server.json: is cut off at line 1, column 18."])
    with pytest.raises(ServeError, match="may still run"):
        start(place, wish(made, "broken"))
    with pytest.raises(ServeError, match=r"There is no server x\. Start one"):
        find_server(place, "x")


def test_ports() -> None:
    assert ports.why_not(ports.free_port()) is None
    assert ports.why_not(0) == "0 is no port: ports are 1 to 65535."
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
        assert "already in use" in (ports.why_not(port) or "")
        assert ports.listens(os.getpid(), port) is True
        assert ports.listens(os.getppid(), port) in (False, None)
    assert ports.listens(os.getpid(), port) is False
