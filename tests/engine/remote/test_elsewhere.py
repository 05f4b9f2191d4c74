"""Watching and deciding a workspace that is elsewhere: real processes, and a line that breaks."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.catalogue.summary import summarise
from engine.catalogue.tags import edit_tags
from engine.decisions.deciding import Refused, decide
from engine.folder import write_json_atomic
from engine.records.run import Decision
from engine.remote import mirrors
from engine.remote.address import parse
from engine.remote.copying import Copy
from engine.remote.opening import CannotOpen, open_copy
from engine.remote.wire import LineError
from engine.supervise.launch import LaunchError, cancel
from tests.engine.compute.sshd import wait_for
from tests.engine.folders import make_run
from tests.engine.remote.conftest import ROOT, Elsewhere, script
from tests.engine.supervise.kit import Lab, until

TALKS = """
for step in range(400):
    metric(step, loss=1.0 / (step + 1))
    time.sleep(0.005)
time.sleep(120)
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    one = Lab(tmp_path / "far")
    yield one
    one.close()


def same(run: Path, copy: Path) -> bool:
    here, there = copy / "events.jsonl", run / "events.jsonl"
    return here.exists() and here.read_bytes() == there.read_bytes()


def test_a_run_is_watched_over_a_line_that_breaks_and_cancelled_from_here(
    lab: Lab, elsewhere: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is lost stays lost until it may come back: it is looked at meanwhile.
    away = tmp_path / "away"
    waits = f'while [ -e "{away}" ]; do sleep 0.05; done\nexec "{tmp_path}/ssh" "$@"'
    monkeypatch.setenv("FACTORY_SSH", str(script(tmp_path / "ssh-with-breaks", waits)))
    run = lab.run(lab.stage("train", TALKS))
    lab.launch(run)
    line = elsewhere.open(lab.path)
    copy = line.copy.path / "runs" / run.name
    until(lambda: (copy / "events.jsonl").exists() and summarise(copy).liveness == "running")
    started = 0
    for size in (4_000, 12_000):
        until(lambda size=size: (copy / "events.jsonl").stat().st_size > size)
        until(lambda: mirrors.line_state(line.copy.path).get("state") == "up")
        away.touch()
        started = elsewhere.break_line()
        until(lambda: mirrors.line_state(line.copy.path).get("state") == "lost")
        assert "trying again" in mirrors.line_state(line.copy.path)["words"]
        assert summarise(copy).liveness == "running"  # as last told; nothing shown is lost
        away.unlink()
        until(lambda so_far=started: len(elsewhere.pids.read_text().split()) > so_far)
    until(lambda: mirrors.line_state(line.copy.path).get("state") == "up")
    until(lambda: '"step":399' in (copy / "events.jsonl").read_text() and same(run, copy))
    lines = [json.loads(one) for one in (copy / "events.jsonl").read_text().splitlines()]
    steps = [one["step"] for one in lines if one["kind"] == "metric"]
    assert steps == list(range(400))
    assert [one["seq"] for one in lines] == list(range(len(lines)))

    cancel(copy, wait_s=20.0)
    assert json.loads((run / "run-status.json").read_text())["phase"] == "cancelled"
    until(lambda: summarise(copy).phase == "cancelled" and same(run, copy))
    with pytest.raises(LaunchError, match="cancelled already"):
        cancel(copy)
    assert (copy.stat().st_mode & 0o777, (copy / "events.jsonl").stat().st_mode & 0o777) == (
        0o700,
        0o600,
    )


def test_a_decision_is_judged_over_there(tmp_path: Path, elsewhere: Elsewhere) -> None:
    far = tmp_path / "far"
    run = make_run(far, right=(8, 20))  # below the bound of 0.9
    (run / "adapters" / "adapters.safetensors").write_bytes(b"weights")
    (far / "factory.toml").write_text("[endpoints.x]\n")
    line = elsewhere.open(far)
    copy = line.copy.path / "runs" / run.name
    until(lambda: (copy / "rows-candidate.jsonl").exists() and same(run, copy))
    assert not list(line.copy.path.rglob("*.safetensors"))
    assert not (line.copy.path / "factory.toml").exists()

    ship = Decision.model_validate({"decision": "ship", "reason": "It is good enough."})
    refused = decide(copy, ship)
    assert isinstance(refused, Refused)
    assert refused.can_override
    assert any("0.9" in reason for reason in refused.reasons)
    assert not (run / "decision.json").exists()

    words = {"decision": "reject", "reason": "Too low.", "lesson": "l", "failure_reason": "f"}
    words["failure_reason_confidence"] = "inferred"
    made = decide(copy, Decision.model_validate(words))
    assert isinstance(made, Decision), made
    assert json.loads((run / "decision.json").read_text())["decision"] == "reject"
    until(lambda: summarise(copy).decision == "reject" and same(run, copy))
    again = decide(copy, Decision.model_validate(words))
    assert isinstance(again, Refused)
    assert "decided already" in again.reasons[0]

    assert edit_tags(copy, ["kept"])[1] == ["kept"]
    assert json.loads((run / "tags.json").read_text())["tags"] == ["kept"]
    with pytest.raises(OSError, match="only on the machine itself") as caught:
        write_json_atomic(copy / "decision.json", {})
    assert caught.value.errno == errno.EROFS
    # A run that goes over there goes here.
    shutil.rmtree(run)
    until(lambda: not copy.exists())


def test_a_machine_that_is_not_reached_is_said(
    tmp_path: Path, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CannotOpen, match="is no workspace there"):
        elsewhere.open(tmp_path / "nothing")
    fake = script(tmp_path / "no-ssh", "echo 'ssh: no route \033[2J to host' >&2; exit 255")
    monkeypatch.setenv("FACTORY_SSH", str(fake))
    with pytest.raises(CannotOpen, match="no route \N{REPLACEMENT CHARACTER}"):
        open_copy("ssh://me@there/elsewhere")


@pytest.mark.parametrize(
    "head",
    [
        {"record": "../../x.json"},
        {"record": "runs/a/../../../x.json"},
        {"record": "runs/a/adapters.safetensors"},
        {"record": ".factory/address.json"},
        {"record": "runs/link/x.json"},
        {"grow": "runs/a/events.jsonl", "at": 5},
        {"grow": "runs/a/events.jsonl", "at": "0"},
        {"grow": "runs/a/config.json", "at": 0},
        {"folder": "runs/a/../../x"},
        {"gone": "runs"},
        {"gone": "runs/.."},
        {"gone": "../x"},
        {"record": 7},
    ],
    ids=str,
)
def test_a_hostile_end_writes_nothing_beside_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: dict[str, object]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    copy = Copy(parse("ssh://h/w"))
    copy.prepare()
    outside = tmp_path / "outside"
    outside.mkdir()
    (copy.path / "runs" / "link").symlink_to(outside)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(LineError):
        copy.take(head, b"x")
    assert [one for one in sorted(tmp_path.rglob("*")) if one.is_file()] == [
        one for one in before if one.is_file()
    ]


def test_over_a_real_sshd(tmp_path: Path, there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sshd, ssh = shutil.which("sshd") or "/usr/sbin/sshd", shutil.which("ssh")
    if not Path(sshd).exists() or ssh is None or shutil.which("ssh-keygen") is None:
        pytest.skip("no sshd on this machine: apt-get install openssh-server openssh-client")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    port = _free_port()
    for name in ("host", "key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)], check=True
        )
    (tmp_path / "authorized").write_bytes((tmp_path / "key.pub").read_bytes())
    (tmp_path / "conf").write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {tmp_path}/host\nStrictModes no\n"
        f"AuthorizedKeysFile {tmp_path}/authorized\nPasswordAuthentication no\nUsePAM no\n"
        f"PidFile {tmp_path}/pid\n"
    )
    host_key = " ".join((tmp_path / "host.pub").read_text().split()[:2])
    (tmp_path / "known").write_text(f"[127.0.0.1]:{port} {host_key}\n")
    given = f"-i {tmp_path}/key -o UserKnownHostsFile={tmp_path}/known -F none"
    monkeypatch.setenv("FACTORY_SSH", str(script(tmp_path / "ssh", f'exec ssh {given} "$@"')))
    monkeypatch.setenv("FACTORY_THERE", str(there))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    far = tmp_path / "far's place"
    run = make_run(far, right=(8, 20))
    with (tmp_path / "sshd.log").open("wb") as log:
        daemon = subprocess.Popen([sshd, "-D", "-e", "-f", str(tmp_path / "conf")], stderr=log)
    try:
        wait_for(port, daemon, tmp_path / "sshd.log")
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout
        line = open_copy(f"ssh://{user.strip()}@127.0.0.1:{port}{far}")
        try:
            copy = line.copy.path / "runs" / run.name
            until(lambda: same(run, copy))
            assert edit_tags(copy, ["far"]) == ([], ["far"])
            assert json.loads((run / "tags.json").read_text())["tags"] == ["far"]
        finally:
            line.stop()
    finally:
        daemon.terminate()
        daemon.wait(60)


def _free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_the_command_line_on_another_machines_workspace(
    tmp_path: Path, elsewhere: Elsewhere
) -> None:
    far = tmp_path / "far"
    run = make_run(far)
    command = [sys.executable, "-m", "engine.cli"]
    where = ["-w", f"ssh://me@there{far}"]
    listed = subprocess.run([*command, "list", *where], cwd=ROOT, capture_output=True, text=True)
    assert (listed.returncode, run.name in listed.stdout) == (0, True), listed.stderr
    no = subprocess.run([*command, "journal", *where], cwd=ROOT, capture_output=True, text=True)
    assert no.returncode == 2
    assert "only on the machine itself" in no.stderr
