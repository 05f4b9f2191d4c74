"""A rank behind a real ssh server: it is looked at, it trains, and it ends with the connection."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.compute.checking import Model, examine
from engine.compute.hosts import parse
from engine.folder import read_record
from engine.records.ranks import Ranks
from tests.engine.compute.sshd import HOST, other_machine
from tests.engine.work.children import Child, messages
from tests.engine.work.conftest import model_dir  # noqa: F401 - a fixture
from tests.engine.work.test_ranks import prepare

GROUP: list[Any] = [{"ssh": "127.0.0.1"}, {"ssh": HOST, "ips": ["127.0.0.1"]}]


def test_a_rank_over_ssh_trains_and_is_missed_when_the_connection_ends(
    tmp_path: Path,
    model_dir: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (keys := tmp_path / "keys").mkdir()
    with other_machine(keys) as commands:
        monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
        _, other = examine(parse(GROUP), Model(str(model_dir), model_dir))
        assert (other.what, other.state) == (HOST, "ok")
        assert other.text.endswith("same model")

        run = prepare(tmp_path / "run", model_dir, 100_000, hosts=GROUP)
        child = Child(run)
        child.until(lambda e: e["kind"] == "metric" and "loss" in e["values"] and e["step"] == 20)
        # Ranks of other tests may run beside this one, all of them in a session by ssh.
        ours = os.environ.get("SSH_CONNECTION")
        theirs = [
            one
            for one in psutil.process_iter(["cmdline", "environ"])
            if (one.info["cmdline"] or [])[-1:] == ["engine.work.member"]
            and (one.info["environ"] or {}).get("SSH_CONNECTION") not in (None, ours)
        ]
        assert len(theirs) == 1
        (connection,) = (
            one
            for one in psutil.Process(child.process.pid).children(recursive=True)
            if one.name() == "ssh"
        )
        connection.kill()
        assert child.finish() == 5, (run / "train.log").read_text()
        _, alive = psutil.wait_procs(theirs, timeout=60)
        assert not alive
    (text,) = messages(child.events, "rank-died")
    assert text.startswith(
        f"Rank 1 (host {HOST}) cannot be heard any more: the connection by ssh ended, and the "
        "group was stopped. Its last lines: "
    )
    assert "Rank 1 of 2 trains on" in (run / "train-rank-1.log").read_text()
    ranks = read_record(run / "ranks.json", Ranks).stages["train"].ranks
    assert [one.host for one in ranks] == ["127.0.0.1", HOST]
    # Nobody could tell how it ended: that is not the same as ending with 0.
    assert (ranks[1].exit_code, ranks[1].signal, ranks[1].peak_rss_bytes) == (None, None, None)
