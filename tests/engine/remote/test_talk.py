"""A line that is slow, silent or broken: how long it is waited for, and what is said of it."""

from __future__ import annotations

import fcntl
import io
import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from engine.remote import asking, mirrors, pipes, ssh, talk, travelling
from engine.remote.address import parse
from engine.remote.asking import AskedInVain, NotKnown, ask_at
from engine.remote.copying import Copy
from engine.remote.ending import why
from engine.remote.line import Line
from engine.remote.pipes import Inlet, Outlet, Silent
from engine.remote.talk import Talk
from engine.remote.wire import LineError, receive
from tests.engine.remote.conftest import script
from tests.engine.supervise.kit import until

THERE = parse("ssh://me@mini/w")
GREETS = f"echo '{json.dumps({'factory-tui': travelling.PROTOCOL})}'"
ADVICE = "** The server may need to be upgraded. See https://openssh.com/pq.html"


@pytest.fixture
def stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The script in ssh's place, to be written."""
    monkeypatch.setenv("FACTORY_SSH", str(tmp_path / "ssh"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "ssh"


def test_each_piece_begins_the_wait_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    really = pipes._wait

    def wait(handle: int, for_what: int, silent_s: float) -> None:
        waits.append(silent_s)
        really(handle, for_what, silent_s)

    monkeypatch.setattr(pipes, "_wait", wait)
    reads, writes = os.pipe()
    text = b'{"bytes":1000000}\n' + b"x" * 1_000_000
    other = threading.Thread(target=Outlet(writes, 20.0).write, args=(text,))
    other.start()
    head, body = receive(io.BufferedReader(Inlet(reads, 30.0), pipes.PIECE))
    other.join()
    assert (head, len(body)) == ({"bytes": 1_000_000}, 1_000_000)
    assert waits.count(30.0) > 10
    assert waits.count(20.0) > 10
    os.close(reads)
    os.close(writes)


def test_an_end_that_takes_and_says_nothing_is_silent() -> None:
    reads, writes = os.pipe()
    with pytest.raises(Silent, match=r"did not answer within 0\.05 s"):
        Outlet(writes, 0.05).write(b"x" * 200_000)
    empty, other = os.pipe()
    with pytest.raises(Silent, match=r"did not answer within 0\.05 s"):
        Inlet(empty, 0.05).read(1)
    for handle in (reads, writes, empty, other):
        os.close(handle)


def test_a_silence_is_called_one_whatever_ssh_printed_before(stands_in: Path) -> None:
    script(stands_in, f'echo "{ADVICE}" >&2; exec sleep 60')
    with pytest.raises(LineError, match=r"did not answer within 0\.3 s"), Talk(THERE, 0.3):
        pass


@pytest.mark.parametrize(
    ("code", "said", "words"),
    [
        (255, f"ssh: connect to host mini port 22: No route to host\n{ADVICE}", "No route to host"),
        (255, "me@mini: Permission denied (publickey).\nBye from the gateway", "publickey"),
        (255, "Host key verification failed.", "failed; connect once by hand: ssh me@mini"),
        (255, "something else", "something else"),
        (127, "sh: 1: exec: factory-tui: not found", "FACTORY_THERE"),
        (1, "Traceback\nImportError: no engine", "code 1: ImportError: no engine"),
        (255, ADVICE, None),
        (-9, "ssh: anything", None),
        (0, "Have a nice day", None),
        (None, "ssh: anything", None),
    ],
)
def test_the_reason_is_the_line_that_names_one(
    code: int | None, said: str, words: str | None
) -> None:
    told = why(code, said.encode(), THERE)
    assert told is words if words is None else words in (told or "")


def test_a_lost_answer_is_not_a_refusal(stands_in: Path) -> None:
    script(stands_in, f"{GREETS}; exec head -n 2 >&2")
    with pytest.raises(NotKnown, match=r"may have been done.*factory-tui list -w ssh://me@mini/w"):
        ask_at(THERE, "start", {})
    with pytest.raises(AskedInVain, match="so nothing was done") as caught:
        ask_at(THERE, "offer", {})
    assert not isinstance(caught.value, NotKnown)
    script(stands_in, "exit 255")
    with pytest.raises(AskedInVain, match="so nothing was done") as caught:
        ask_at(THERE, "start", {})
    assert not isinstance(caught.value, NotKnown)


def test_a_slow_act_is_waited_for_longer_than_a_silent_line(
    stands_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(stands_in, f'{GREETS}; head -n 2 >&2; sleep 3.2; echo \'{{"run":"r"}}\'')
    monkeypatch.setattr(talk, "SILENT_S", 3.0)
    assert ask_at(THERE, "start", {}) == {"run": "r"}
    script(stands_in, f"{GREETS}; exec sleep 60")
    monkeypatch.setattr(asking, "ANSWER_S", 0.1)
    with pytest.raises(NotKnown, match=r"did not answer within 0\.1 s"):
        ask_at(THERE, "start", {})


def test_a_line_ends_while_ssh_takes_nothing(tmp_path: Path, stands_in: Path) -> None:
    script(stands_in, f'echo $$ > "{tmp_path}/pid"; exec sleep 60')
    line = Line(THERE)
    line.start()
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    line.stop()
    assert not line._thread.is_alive()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_line_that_is_ended_before_it_has_a_child_has_none(stands_in: Path) -> None:
    script(stands_in, "exec sleep 60")
    one = Talk(THERE, 5.0)
    one.end()
    with pytest.raises(LineError, match=r"the connection ended|said nothing"), one:
        pass


@pytest.mark.parametrize(
    ("state", "behind", "whole", "problem"),
    [
        ("up", 0, True, None),
        ("up", 7, False, None),
        ("refused", 0, False, "no workspace"),
        ("lost", 0, False, "no workspace"),
    ],
)
def test_who_reads_along_need_not_wait_for_runs_that_are_not_there(
    stands_in: Path, state: str, behind: int, whole: bool, problem: str | None
) -> None:
    copy = Copy(THERE)
    copy.prepare()
    copy.say(state, "no workspace", behind)
    keeper = os.open(copy.path / ".factory" / "line.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(keeper, fcntl.LOCK_EX)
    line = Line(THERE)
    line.start()
    try:
        assert line.ready.wait(10)
        assert (line.whole.wait(10 if whole else 0), line.problem) == (whole, problem)
    finally:
        line._stop.set()
        line._thread.join(5)
        os.close(keeper)
    assert mirrors.line_state(copy.path)["state"] == state


def test_ssh_is_told_by_no_variable_and_no_setting_of_the_user(
    tmp_path: Path, stands_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(stands_in, f'env > "{tmp_path}/env"')
    for name in ("LC_ALL", "MY_OWN", "SSH_AUTH_SOCK"):
        monkeypatch.setenv(name, "C")
    with pytest.raises(LineError), Talk(THERE):
        pass
    names = {line.split("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert {"PATH", "HOME", "SSH_AUTH_SOCK"} <= names | {"HOME"}
    assert not names & {"LC_ALL", "MY_OWN", "FACTORY_SSH"}

    if (program := shutil.which("ssh")) is None:
        pytest.skip("no ssh on this machine")
    (tmp_path / "config").write_text(
        "Host *\n RemoteCommand tmux\n StrictHostKeyChecking accept-new\n"
    )
    words = [program, "-G", "-F", str(tmp_path / "config"), *ssh.arguments(THERE)[1:]]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    assert "stricthostkeychecking true" in told
    assert "remotecommand none" in told or not [one for one in told if "remotecommand" in one]
