"""Hosts from settings to a plan, to a host file, and to a verdict over their ranks."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from engine.compute import checking, launcher
from engine.compute.checking import Model
from engine.compute.host_probe import describe, model_digest
from engine.compute.hosts import HERE, Host, HostsError, parse, said
from engine.compute.of_plan import note
from engine.compute.rank_lines import (
    Begun,
    Ended,
    Gone,
    LogLine,
    begun_line,
    ended_line,
    log_lines,
    read_line,
)
from engine.compute.verdict import RankLog, judge
from engine.costs.estimate import Cost
from engine.costs.forecast import Estimate, _for_one
from engine.plans.planning import draft
from engine.plans.programs import agree_to, not_agreed
from engine.target import TargetError, load_target
from engine.workspace import Workspace
from tests.engine.targets import make_target

B = "mac-b.invalid"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (["localhost", B], [HERE, B]),
        ([B, "127.0.0.1"], [HERE, B]),
        ([socket.gethostname(), f"me@{B}"], [HERE, f"me@{B}"]),
        (["localhost", "localhost"], [HERE, HERE]),
        ([{"ssh": B, "ips": ["10.0.0.2"]}, "localhost"], [HERE, B]),
    ],
    ids=["here", "here is put first", "own name", "twice", "mapping"],
)
def test_names_become_hosts(wanted: list[Any], expected: list[str]) -> None:
    assert [one.ssh for one in parse(wanted)] == expected


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ([B, "mac-c"], "this machine is not among"),
        ([B], "the only host is"),
        (["localhost", "-oProxyCommand=touch /tmp/x"], "no name of a host"),
        (["localhost", "a b"], "no name of a host"),
        (["localhost", 3], "no name of a host"),
        (["localhost", {"ssh": B, "port": 22}], "no port"),
        (["localhost", {"ssh": B, "ips": ["ten"]}], "list of addresses"),
        (["localhost"] * 65, "64 are the most"),
    ],
    ids=["not here", "one elsewhere", "an option", "a blank", "no text", "key", "address", "many"],
)
def test_what_cannot_be_a_group_is_said(wanted: list[Any], words: str) -> None:
    with pytest.raises(HostsError, match=words):
        parse(wanted)


def test_the_host_file_is_what_mlx_reads(tmp_path: Path) -> None:
    hosts = parse(["localhost", {"ssh": B, "ips": ["192.0.2.7"]}])
    common = pytest.importorskip("mlx._distributed_utils.common")
    file = tmp_path / "hosts.json"
    made = launcher.host_file(hosts, "ring")
    file.write_text(json.dumps(made))
    read = common.Hostfile.from_file(str(file))
    assert [(one.rank, one.ssh_hostname) for one in read.hosts] == [(0, HERE), (1, B)]
    assert read.hosts[1].ips == ["192.0.2.7"]
    # The other has to find this machine: by its address on the way there, never by the loopback.
    assert read.hosts[0].ips != [HERE]
    with pytest.raises(HostsError, match="has no address"):
        launcher.host_file(parse(["localhost", B]), "ring")


def test_each_line_of_a_rank_comes_back() -> None:
    for told, line in (
        (Begun(0, 7), begun_line(Begun(0, 7))),
        (Ended(1, signal=9, error="no ✗"), ended_line(Ended(1, signal=9, error="no ✗"))),
    ):
        assert read_line(line) == told
        assert read_line(line.replace("\n", "\r\n")) == told  # as through a terminal of ssh
    pieces = log_lines(2, "x" * 2500).splitlines(keepends=True)
    assert all(len(piece) < 1100 for piece in pieces)
    found = [read_line(piece) for piece in pieces]
    assert "".join(one.text for one in found if isinstance(one, LogLine)) == "x" * 2500
    colour = "\x1b[33m[WARN] Node with rank 1 exited with code -9 \x1b[0m\n"
    assert read_line(colour) == Gone(1, -9)
    for ordinary in ("step 1", "\x02rank-ended {", '\x02rank-ended {"rank": 1, "more": 2}', ""):
        assert read_line(ordinary) is None


def log_of(*said_in_order: LogLine | Begun | Ended | Gone) -> RankLog:
    log = RankLog(2)
    for one in said_in_order:
        if isinstance(one, LogLine):
            log.say(one)
        else:
            log.note(one)
    return log


HOSTS = [Host(HERE), Host(B)]
LOST = "RuntimeError: [ring] connection to a peer was lost"


@pytest.mark.parametrize(
    ("log", "code", "words"),
    [
        (log_of(Ended(0, exit_code=0), Ended(1, exit_code=0)), 0, None),
        (log_of(Ended(0, exit_code=4), Ended(1, exit_code=4)), 4, None),
        (log_of(Ended(0, exit_code=3), Ended(1, signal=15, stopped=True)), 3, None),
        (log_of(Ended(0, exit_code=5), Ended(1, exit_code=5)), 5, None),
        (
            log_of(LogLine(1, "step 7"), Ended(0, exit_code=1), Ended(1, signal=9)),
            1,
            "Rank 1 (host mac-b.invalid) was ended by signal 9 (SIGKILL), and the group was "
            "stopped. Its last lines: step 7 Where nobody sent it, memory ran out",
        ),
        (
            log_of(Ended(1, signal=15, stopped=True), Ended(0, signal=signal.SIGSEGV)),
            1,
            "Rank 0 (this machine) was ended by signal 11 (SIGSEGV)",
        ),
        (
            log_of(LogLine(1, LOST), Ended(1, exit_code=1), Ended(0, exit_code=1)),
            1,
            "Rank 0 (this machine) ended with exit code 1",
        ),
        (
            log_of(Gone(1, -9), Ended(0, exit_code=1)),
            1,
            "Rank 1 (host mac-b.invalid) cannot be heard any more: the connection by ssh ended",
        ),
        (
            log_of(LogLine(0, LOST), Ended(0, exit_code=1), Ended(1, exit_code=3, error="No x.")),
            1,
            "It said: No x.",
        ),
        (
            log_of(
                *(Begun(0, 7), Begun(1, 8), LogLine(0, LOST), Ended(0, exit_code=1), Gone(0, 1)),
                *(LogLine(0, f"of the launcher {i}") for i in range(20)),
            ),
            1,
            "Rank 1 (host mac-b.invalid) cannot be heard any more: the connection by ssh ended",
        ),
        (
            log_of(
                *(Begun(0, 7), Begun(1, 8), LogLine(1, "step 7"), Gone(1, None)),
                Ended(0, exit_code=4, stopped=True),
            ),
            1,
            "Rank 1 (host mac-b.invalid) cannot be heard any more: the connection by ssh ended, "
            "and the group was stopped. Its last lines: step 7",
        ),
        (log_of(Ended(0, exit_code=0), Ended(1, signal=9)), 0, None),
        (log_of(), 1, "mlx.launch ended and had started no rank"),
    ],
    ids=[
        "done",
        "stopped",
        "refused",
        "known failure",
        "killed",
        "the first crashed",
        "who lost a peer is not to blame",
        "connection lost",
        "another rank refused",
        "a peer was lost before the launcher missed it",
        "the first was told to stop as another was lost",
        "ended behind the first",
        "nothing ran",
    ],
)
def test_how_a_group_ended(log: RankLog, code: int, words: str | None) -> None:
    verdict = judge(HOSTS, log)
    assert verdict.code == code
    assert (verdict.broken is None) == (words is None)
    assert (words or "") in (verdict.broken or "")


@pytest.mark.parametrize(
    ("log", "over"),
    [
        (log_of(Begun(0, 7), Begun(1, 8)), False),
        (log_of(Ended(1, exit_code=0)), False),  # the first one saves
        (log_of(Ended(1, exit_code=4)), False),
        (log_of(Ended(1, exit_code=4, stopped=True)), True),
        (log_of(Ended(1, exit_code=1)), True),
        (log_of(Ended(1, signal=9)), True),
        (log_of(Gone(1, 255)), True),
        (log_of(Ended(0, exit_code=0)), True),
    ],
)
def test_when_what_is_left_of_a_group_has_to_end(log: RankLog, over: bool) -> None:
    assert log.over is over


def test_the_revision_that_is_wanted_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another host may have a newer one as well, or only another one."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    snapshots = tmp_path / "models--me--tiny" / "snapshots"
    for name in ("aaa", "bbb"):
        (snapshots / name).mkdir(parents=True)
        (snapshots / name / "config.json").write_text(json.dumps({"model_type": name}))
        (snapshots / name / "model.safetensors").write_bytes(b"\0" * 16)
    os.utime(snapshots / "aaa", (1, 1))
    newest = describe("me/tiny")["model_sha256"]
    assert describe("me/tiny", "aaa")["model_sha256"] == model_digest(snapshots / "aaa") != newest
    assert describe("me/tiny", "bbb")["model_sha256"] == newest
    assert describe("me/tiny", "ccc")["model_sha256"] is None
    other = checking._other_model(
        B, {"model_sha256": "1"}, {}, Model("me/tiny", snapshots / "aaa", "aaa")
    )
    assert other is not None and other.fix == f"ssh {B} hf download me/tiny --revision aaa"


# --- plans -------------------------------------------------------------------------


def test_hosts_of_a_plan_and_who_says_them(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    target = make_target(tmp_path)
    (tmp_path / "factory.toml").write_text('[compute]\nhosts = ["localhost", "localhost"]\n')

    def train(*overrides: str) -> tuple[Any, ...]:
        drafted = draft(workspace, target, overrides)
        stage = drafted.plan.stage("train")
        group = stage.spec.get("compute")
        return stage.argv[-1], group and [one["ssh"] for one in group["hosts"]], drafted.sends

    assert train() == ("engine.work.ranks", [HERE, HERE], ())
    # One's own word stands over the workspace's; one host is no group.
    assert train("compute.hosts=[localhost]") == ("engine.work.train", None, ())
    worker, hosts, sends = train(f"compute.hosts=[localhost, {B}]")
    assert (worker, hosts) == ("engine.work.ranks", [HERE, B])
    assert len(sends) == 1
    assert f"{B} gets the training rows and the adapter over the network" in sends[0]
    with pytest.raises(TargetError, match="batch_size 4 cannot be shared evenly by the 3 ranks"):
        train("compute.hosts=[localhost, localhost, localhost]", "training.batch_size=4")
    with pytest.raises(
        TargetError, match=r"forge\.yaml: compute\.hosts: this machine is not among"
    ):
        train(f"compute.hosts=[{B}, mac-c]")
    (tmp_path / "factory.toml").write_text('[compute]\nhosts = ["-x"]\n')
    with pytest.raises(TargetError, match=r"factory\.toml: compute\.hosts: '-x' is no name"):
        train()


def test_machines_that_a_target_names_are_agreed_to(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    target = make_target(tmp_path)

    def asked(hosts: str) -> list[str]:
        programs = not_agreed(place, load_target(target, [f"compute.hosts={hosts}"]))
        return [one.shown for one in programs if "ssh" in one.shown]

    assert asked("[localhost, localhost]") == []
    assert asked(f"[localhost, {B}]") == [f"training by ssh on {B}, to which the training rows go"]
    agree_to(place, not_agreed(place, load_target(target, [f"compute.hosts=[localhost, {B}]"])))
    assert asked(f"[localhost, {B}]") == []
    assert len(asked(f"[localhost, {B}, mac-c]")) == 1


def test_an_estimate_says_that_it_is_for_one_process() -> None:
    cost = Cost(None, None, ())
    one = Estimate(cost, None)
    assert _for_one({}, one) is one
    several = _for_one({"compute": {"hosts": [1, 2]}}, one)
    assert several is not None
    assert several.cost.beyond == ("this is for one process, and 2 train together",)


def test_what_stays_here_is_not_said_to_leave() -> None:
    assert note([]) is None
    assert said(parse(["localhost", "localhost", B])) == f"this machine (2 ranks), {B}"


# --- checks ------------------------------------------------------------------------


AS_ASKED = 'for last; do :; done; eval "$last"'
"""Runs the command, which is the last word, here."""


def fake_ssh(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """An ``ssh`` on PATH that does what ``script`` says; "$@" is what it was asked."""
    program = folder / "ssh"
    program.write_text(f'#!/bin/sh\necho "$@" >> {folder}/asked\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("script", "words", "fix"),
    [
        (AS_ASKED, "answers by ssh", None),
        ("echo 'ssh: Could not resolve hostname' >&2; exit 255", "cannot be reached", "true"),
        ("echo 'Permission denied (publickey).' >&2; exit 255", "without a password", "copy-id"),
        ("echo 'Host key verification failed.' >&2; exit 255", "not known to ssh", "see its key"),
        ("echo 'sh: python: not found' >&2; exit 127", "has no Python at", "same path"),
        ("echo 'No module named engine' >&2; exit 1", "no factory-tui", "pip install"),
        ("echo Welcome!", "something else", "it should print nothing"),
        ('echo \'{"python": "3.9.0"}\'', "has python 3.9.0 (here", "Install Python"),
    ],
    ids=[
        "well",
        "unreachable",
        "no key",
        "unknown",
        "no python",
        "no engine",
        "greets",
        "versions",
    ],
)
def test_what_is_wrong_with_a_host_is_said_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str, fix: str | None
) -> None:
    fake_ssh(tmp_path, monkeypatch, script)
    here, other = checking.examine(parse(["localhost", B]))
    assert here.state == "ok"
    assert words in other.text
    assert (other.fix is None) == (fix is None)
    assert (fix or "") in (other.fix or "")
    assert other.state == ("ok" if fix is None else "wrong")
    assert "BatchMode=yes" in (tmp_path / "asked").read_text()


def test_another_model_under_the_same_name_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"weights")
    # The other machine is this one, with other weights once it is asked for the second time.
    script = f'for last; do :; done; eval "$last"; echo other > {model}/model.safetensors'
    fake_ssh(tmp_path, monkeypatch, script)
    wanted = checking.Model(str(model), model)
    _, other = checking.examine(parse(["localhost", B]), wanted)
    assert (other.state, other.text.endswith("same model")) == ("ok", True)
    mine = checking.model_digest(model)
    monkeypatch.setattr(checking, "model_digest", lambda path: "0" * 64)
    _, other = checking.examine(parse(["localhost", B]), wanted)
    assert other.state == "wrong"
    assert f"its hash is {mine[:12]}, here 000000000000" in other.text
    assert other.fix is not None
    assert f"rsync -a {model}/ {B}:{model}/" in other.fix
