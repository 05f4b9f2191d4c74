"""An agent's command line proposes: what it may do, and what becomes of one that does otherwise."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from engine.loops.research.proposers.checkout import head_is_moved
from engine.loops.research.proposers.command import ERR, OUT, PROMPT, by_command, described
from engine.loops.research.proposers.proposed import Proposed, ProposerError
from engine.loops.research.proposers.talk import KEPT_BYTES
from engine.loops.research.worktree import Worktree
from tests.engine.loops.research.proposer_kit import git, make_tree

NAME = Path(sys.executable).name
CHANGE = "open('train.py', 'a').write('RATE = 0.2\\n')\n"


class Stopped(Exception):
    """Somebody stops the loop."""


@pytest.fixture
def worktree(tmp_path: Path) -> Worktree:
    return make_tree(tmp_path, tmp_path / "worktree")


@pytest.fixture
def propose(tmp_path: Path, worktree: Worktree) -> Callable[..., Proposed]:
    """Runs a script as an agent."""

    def run(script: str, limit_s: float = 60, check: Callable[[], None] = lambda: None) -> Proposed:
        agent = tmp_path / "agent.py"
        agent.write_text(f"import os, sys, subprocess, time, signal\n{script}")
        return by_command(
            ["{python}", str(agent)],
            "Improve it.",
            worktree,
            tmp_path / "002",
            limit_s=limit_s,
            check=check,
            named=(),
        )

    return run


def test_a_well_behaved_one(propose: Callable[..., Proposed], tmp_path: Path) -> None:
    found = propose(
        "assert sys.stdin.read() == 'Improve it.'\n" + CHANGE + "print('Thinking…')\n"
        "print('description: rate 0.1\\t-> 0.2 \\x1b[31mnow')\nprint('bye')\n"
    )
    assert found.by == NAME
    assert found.description == "rate 0.1 -> 0.2 now"
    assert (found.tokens, found.usd) == (None, None)
    kept = {path.name for path in (tmp_path / "002").iterdir()}
    assert kept == {PROMPT, OUT, ERR}


def test_one_that_edits_the_harness_is_left_to_the_rules(
    propose: Callable[..., Proposed], worktree: Worktree
) -> None:
    propose("open('prepare.py', 'w').write('def measure(*a): return 0\\n')\n")
    assert b"prepare.py" in worktree.diff()


@pytest.mark.parametrize(
    "how",
    [
        "subprocess.run(f'{g} add -A && {g} commit -qm x', shell=True, check=True)",
        "subprocess.run('git checkout -q --detach', shell=True, check=True)",
        "subprocess.run('git checkout -q -b other', shell=True, check=True)",
    ],
)
def test_one_that_moves_head_is_refused(
    how: str, propose: Callable[..., Proposed], worktree: Worktree
) -> None:
    before = worktree.head()
    with pytest.raises(ProposerError, match="committed, or moved HEAD") as caught:
        propose(f"g = 'git -c user.name=A -c user.email=a@a'\n{CHANGE}{how}\n")
    assert caught.value.code == "moved"
    worktree.restore()
    assert not head_is_moved(worktree)
    assert worktree.head() == before
    assert git(worktree.path, "log", "--format=%s", "research/one") == "The recipe"


def test_one_that_hangs_and_forks_and_ignores_signals(
    propose: Callable[..., Proposed], tmp_path: Path
) -> None:
    sleeper = "import os, signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
    script = (
        "signal.signal(15, signal.SIG_IGN)\n"
        f"one = subprocess.Popen([sys.executable, '-c', {sleeper!r}], start_new_session=True)\n"
        f"open({str(tmp_path / 'pids')!r}, 'w').write(f'{{os.getpid()}} {{one.pid}}')\n"
        "time.sleep(600)\n"
    )
    began = time.monotonic()
    with pytest.raises(ProposerError, match=r"over 4 s and was stopped") as caught:
        propose(script, limit_s=4)
    assert caught.value.code == "limit"
    assert time.monotonic() - began < 60
    pids = [int(one) for one in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    assert not any(_runs(pid) for pid in pids)


def test_what_it_leaves_behind_is_stopped_and_said(
    propose: Callable[..., Proposed], tmp_path: Path
) -> None:
    found = propose(
        "one = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(one.pid))\n{CHANGE}"
    )
    assert found.notes == (f"{NAME} left processes behind: 1. They were stopped.",)
    assert not _runs(int((tmp_path / "pid").read_text()))


def test_a_daemon_that_left_its_session_is_found(
    propose: Callable[..., Proposed], tmp_path: Path
) -> None:
    found = propose(
        f"{CHANGE}if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        for fd in (0, 1, 2): os.close(fd)\n"
        f"        open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        "        time.sleep(600)\n"
        "    os._exit(0)\n"
        f"while not (os.path.exists({str(tmp_path / 'pid')!r}) and "
        f"open({str(tmp_path / 'pid')!r}).read()): time.sleep(0.02)\n"
    )
    assert len(found.notes) == 1
    assert not _runs(int((tmp_path / "pid").read_text()))


def test_one_that_prints_ten_megabytes(propose: Callable[..., Proposed], tmp_path: Path) -> None:
    found = propose(
        f"{CHANGE}sys.stdout.write('x' * 10_000_000)\nprint('\\n\\ndescription: the end')\n"
    )
    assert found.description == "the end"
    kept = (tmp_path / "002" / OUT).read_text()
    assert len(kept) < 2 * KEPT_BYTES + 100
    assert "bytes are left out here" in kept


def test_binary_garbage_is_no_description(propose: Callable[..., Proposed]) -> None:
    found = propose(f"{CHANGE}sys.stdout.buffer.write(bytes(range(256)) * 50 + b'\\n')\n")
    assert found.description
    assert found.description.isprintable()
    assert propose(CHANGE.replace("0.2", "0.3")).description == "train.py: +2 −0"


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ("print('I would rather not.')", "empty", "changed no file. Its last words: I would"),
        (f"{CHANGE}sys.exit('no key')", "exit", "exit code 1. What it changed is not taken. .*key"),
        ("os.kill(os.getpid(), 9)", "signal", "ended with signal 9"),
        ("os.mkdir('data'); open('data/x', 'w')", "empty", "changed no file"),
    ],
)
def test_refusals_say_why(
    script: str, code: str, words: str, propose: Callable[..., Proposed]
) -> None:
    with pytest.raises(ProposerError, match=words) as caught:
        propose(script)
    assert caught.value.code == code
    assert caught.value.rule == (code if code == "empty" else None)


def test_a_command_that_is_not_there(worktree: Worktree, tmp_path: Path) -> None:
    for argv in (["no-such-agent"], []):
        with pytest.raises(ProposerError) as caught:
            by_command(argv, "", worktree, tmp_path / "2", limit_s=1, check=lambda: None, named=())
        assert caught.value.code == "start"


def test_its_keys_are_there_and_are_kept_nowhere(
    propose: Callable[..., Proposed], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AN_AGENTS_API_KEY", "sk-123456789-very-secret")
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    found = propose(
        f"assert 'GIT_DIR' not in os.environ\n{CHANGE}"
        "print('description: with', os.environ['AN_AGENTS_API_KEY'])\n"
    )
    assert found.description == "with ***"
    assert "very-secret" not in (tmp_path / "002" / OUT).read_text()


def test_whoever_stops_the_loop_stops_it(propose: Callable[..., Proposed]) -> None:
    until = time.monotonic() + 0.5

    def check() -> None:
        if time.monotonic() > until:
            raise Stopped

    began = time.monotonic()
    with pytest.raises(Stopped):
        propose("time.sleep(600)\n", check=check)
    assert time.monotonic() - began < 60
    assert not [one for one in psutil.Process(os.getpid()).children() if _runs(one.pid)]


@pytest.mark.parametrize(
    ("text", "description"),
    [
        ("description: one\nDescription: two\n", "two"),
        ("**Description:** `smaller batch`\n", "smaller batch"),
        ("long talk\n\nI made it wider.\nIt helps.\n\n", "I made it wider."),
        ("description:\n", ""),
        ("", ""),
        ("\x1b[2J\x07\n", ""),
        (f"description: {'x' * 500}", "x" * 199 + "…"),
    ],
)
def test_descriptions(text: str, description: str) -> None:
    assert described(text) == description


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
