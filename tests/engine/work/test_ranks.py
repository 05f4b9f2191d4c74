"""Two real ranks on this machine, under MLX's own launcher: the curve of one process, deaths."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.folder import read_record
from engine.records.ranks import Ranks
from tests.engine.work.children import Child, Event, curve, make_run, messages, run_child
from tests.engine.work.tiny import chat_rows, write_rows

TWO = ({"ssh": "127.0.0.1"}, {"ssh": "127.0.0.1"})
ALONE: tuple[dict[str, Any], ...] = ()


def prepare(root: Path, model: Path, iters: int, *, hosts: Sequence[dict[str, Any]] = TWO) -> Path:
    """Batches of rows of 12 to 60 tokens, all of which count: the ranks' shares differ; 13 rows
    to validate in batches of four leave a last one of which only the first rank has a row."""
    spec: dict[str, Any] = {
        "model": str(model),
        "train": "data/train.jsonl",
        "valid": {"target": "data/valid.jsonl"},
        "seed": 3,
        "iters": iters,
        "batch_size": 4,
        "grad_accumulation": 2,
        "max_seq_len": 64,
        "mask_prompt": False,
        "learning_rate": 5e-3,
        "lora": {"rank": 4, "scale": 2.0, "keys": ["q_proj", "mlp.up_proj"]},
        "report_every": 1,
        "eval_every": 8,
        "save_every": 50,
    }
    if hosts:
        spec["compute"] = {"hosts": list(hosts)}
    worker = "ranks" if hosts else "train"
    argv = ["{python}", "-P", "-m", f"engine.work.{worker}"]
    run = make_run(root, "train", spec, argv=argv)
    write_rows(run / "data" / "train.jsonl", chat_rows(50, 12, 60))
    write_rows(run / "data" / "valid.jsonl", chat_rows(13, 12, 60, seed=1))
    return run


def rank_of(child: Child, module: str) -> psutil.Process:
    """The process of a rank that runs this worker, not its parent."""
    (found,) = (
        process
        for process in psutil.Process(child.process.pid).children(recursive=True)
        if process.cmdline()[-1:] == [module]
    )
    return found


def gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=60)
    return not alive


def test_two_ranks_stopped_and_resumed_take_the_steps_of_one_process(
    tmp_path: Path, model_dir: Path
) -> None:
    iters = 200  # many more than go by until the signal is heard, on a busy machine too
    alone = prepare(tmp_path / "alone", model_dir, iters, hosts=ALONE)
    code, whole = run_child(alone)
    assert code == 0, (alone / "train.log").read_text()

    run = prepare(tmp_path / "two", model_dir, iters)
    # Rows that are tokenised already: what is looked at here comes after that.
    shutil.copytree(tmp_path / "alone" / ".factory", tmp_path / "two" / ".factory")
    child = Child(run)
    # After the first half of an update: the gradients of both ranks have to be in the checkpoint.
    child.until(lambda e: e["kind"] == "metric" and "loss" in e["values"] and e["step"] == 9)
    family = psutil.Process(child.process.pid).children(recursive=True)
    child.signal(signal.SIGINT)
    assert child.finish() == 4, (run / "train.log").read_text()
    assert gone(family)
    saved = [e for e in child.events if e["kind"] == "checkpoint" and e["reason"] == "signal"]
    assert len(saved) == 1
    assert 9 <= saved[0]["step"] < iters

    code, events = run_child(run, resume=True)
    assert code == 0, (run / "train.log").read_text()
    assert messages(events, "resumed") == [f"Going on after step {saved[0]['step']} of {iters}."]
    both: list[Event] = child.events + events
    for name in ("loss", "val_loss", "grad_norm", "tokens"):
        assert curve(both, name) == pytest.approx(curve(whole, name), rel=1e-4), name
        assert curve(whole, name)
    final = (run / "adapters" / "checkpoints" / f"{iters:07d}" / "state.json").read_text()
    assert json.loads(final)["step"] == iters
    assert min(curve(both, "mlx_peak_bytes/rank-1").values()) > 0

    group = read_record(run / "ranks.json", Ranks).stages["train"]
    assert [one.exit_code for one in group.ranks] == [0, 0]
    assert all((one.peak_rss_bytes or 0) > 2**24 for one in group.ranks)
    assert all((one.peak_mlx_bytes or 0) > 0 for one in group.ranks)
    assert f"step {iters}" in (run / "train-rank-1.log").read_text()
    hosts = json.loads((run / "hosts.json").read_text())
    assert [one["ips"] for one in hosts["hosts"]] == [["127.0.0.1"], ["127.0.0.1"]]
    assert not list(run.glob("**/.tmp-*"))


def test_a_rank_that_is_killed_ends_the_group_and_is_named(tmp_path: Path, model_dir: Path) -> None:
    run = prepare(tmp_path, model_dir, 100_000)
    child = Child(run)
    child.until(lambda e: e["kind"] == "metric" and "loss" in e["values"] and e["step"] == 60)
    family = psutil.Process(child.process.pid).children(recursive=True)
    rank_of(child, "engine.work.member").send_signal(signal.SIGKILL)
    assert child.finish() == 5, (run / "train.log").read_text()
    assert gone(family)
    (text,) = messages(child.events, "rank-died")
    assert text.startswith(
        "Rank 1 (this machine) was ended by signal 9 (SIGKILL), and the group was stopped. Its "
        "last lines: "
    )
    assert "train-rank-1.log" in text
    assert "  loss " in text
    # The first rank lost its peer, which is no news: the last error is the one that says why.
    errors = [e for e in child.events if e["kind"] == "message" and e["level"] == "error"]
    assert errors[-1]["text"] == text
    ranks = read_record(run / "ranks.json", Ranks).stages["train"].ranks
    assert (ranks[1].signal, ranks[1].exit_code) == (signal.SIGKILL, None)
    assert ranks[0].exit_code != 0
    # Only the newest are kept, and how far it came until the kill was heard is chance.
    steps = [int(path.name) for path in (run / "adapters" / "checkpoints").iterdir()]
    assert steps and all(step % 50 == 0 for step in steps)
