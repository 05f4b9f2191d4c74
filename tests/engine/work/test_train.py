"""Real training of a tiny model: what a stopped run keeps, and that going on is going on."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.engine.work.children import Child, Event, curve, make_run, messages, run_child
from tests.engine.work.tiny import chat_rows, write_rows

ITERS = 60


def spec(model: Path | str, **changes: Any) -> dict[str, Any]:
    return {
        "model": str(model),
        "train": "data/train.jsonl",
        "valid": {"target": "data/valid.jsonl", "breadth": "data/valid-breadth.jsonl"},
        "seed": 3,
        "iters": ITERS,
        "batch_size": 8,
        "grad_accumulation": 2,
        "max_seq_len": 64,
        "learning_rate": 5e-3,
        "schedule": "cosine",
        "warmup_iters": 3,
        "lora": {"rank": 4, "scale": 2.0, "dropout": 0.1, "keys": ["q_proj", "mlp.up_proj"]},
        "report_every": 1,
        "eval_every": 10,
        "save_every": 7,
        **changes,
    }


def prepare(root: Path, model_dir: Path | str, **changes: Any) -> Path:
    run = make_run(root, "train", spec(model_dir, **changes))
    write_rows(run / "data" / "train.jsonl", chat_rows(50, 12, 60))
    write_rows(run / "data" / "valid.jsonl", chat_rows(12, 12, 60, seed=1))
    write_rows(run / "data" / "valid-breadth.jsonl", chat_rows(6, 12, 60, seed=2))
    return run


def adapter(run: Path) -> dict[str, Any]:
    import mlx.core as mx

    arrays: Any = mx.load(str(run / "adapters" / "adapters.safetensors"))
    return {name: value.flatten().tolist() for name, value in arrays.items()}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, model_dir: Path) -> tuple[Path, list[Event]]:
    run = prepare(tmp_path_factory.mktemp("unbroken"), model_dir)
    code, events = run_child(run)
    assert code == 0, (run / "train.log").read_text()
    return run, events


def assert_same_curve(events: list[Event], whole: list[Event]) -> None:
    for name in ("loss", "val_loss", "val_loss/breadth", "learning_rate", "tokens"):
        expected = curve(whole, name)
        assert curve(events, name) == pytest.approx(expected, rel=1e-5), name
        assert expected


def test_an_unbroken_run_reports_every_step_and_keeps_the_best(
    unbroken: tuple[Path, list[Event]],
) -> None:
    run, events = unbroken
    losses = curve(events)
    assert list(losses) == list(range(1, ITERS + 1))
    assert losses[ITERS] < losses[1]
    validations = curve(events, "val_loss")
    assert list(validations) == [0, 10, 20, 30, 40, 50, 60]
    both = zip(
        curve(events, "val_loss/target").values(),
        curve(events, "val_loss/breadth").values(),
        strict=True,
    )
    assert list(validations.values()) == pytest.approx([(a + b) / 2 for a, b in both])
    lowest = min((step for step in validations if step), key=lambda step: validations[step])
    best = [e for e in events if e["kind"] == "checkpoint" and e["reason"] == "best"][-1]
    assert best["step"] == lowest
    assert best["val_loss"] == pytest.approx(validations[lowest])
    kept = sorted(path.name for path in (run / "adapters" / "checkpoints").iterdir())
    assert kept == ["0000056", "0000060"]
    assert [e for e in events if e["kind"] == "progress"][-1]["done"] == ITERS
    last = [e for e in events if e["kind"] == "metric" and "tok_s" in e["values"]][-1]["values"]
    assert last["tok_s"] > 0
    assert last["mlx_peak_bytes"] > 0
    assert last["grad_norm"] > 0


def test_tokens_are_those_of_the_rows_without_padding(
    unbroken: tuple[Path, list[Event]],
) -> None:
    run, events = unbroken
    tokens = curve(events, "tokens")
    # 50 rows in batches of 8: seven batches an epoch, six rows of which come twice.
    rows = [json.loads(line) for line in (run / "data" / "train.jsonl").read_text().splitlines()]
    each = [4 + sum(m["content"].count(" ") for m in row["messages"]) for row in rows]
    assert sum(each) + 6 * min(each) <= tokens[7] <= sum(each) + 6 * max(each)


def test_killed_and_resumed_is_the_unbroken_run(
    tmp_path: Path, model_dir: Path, unbroken: tuple[Path, list[Event]]
) -> None:
    run = prepare(tmp_path, model_dir)
    child = Child(run)
    child.until(lambda e: e["kind"] == "checkpoint" and e["reason"] == "periodic" and e["step"] > 7)
    child.until(lambda e: e["kind"] == "metric")
    child.signal(signal.SIGKILL)
    assert child.finish() == -signal.SIGKILL
    reached = max(curve(child.events))
    assert 14 < reached < ITERS
    code, events = run_child(run, resume=True)
    assert code == 0
    assert min(curve(events)) > 14, "it went on, it did not begin again"
    assert messages(events, "resumed")
    assert_same_curve(child.events + events, unbroken[1])
    for name, value in adapter(unbroken[0]).items():
        assert adapter(run)[name] == pytest.approx(value, rel=1e-4, abs=1e-7)


def test_interrupted_and_resumed_is_the_unbroken_run(
    tmp_path: Path, model_dir: Path, unbroken: tuple[Path, list[Event]]
) -> None:
    run = prepare(tmp_path, model_dir, save_every=1000)
    child = Child(run)
    child.until(lambda e: e["kind"] == "metric" and e["step"] == 13)
    child.signal(signal.SIGINT)
    assert child.finish() == 4
    saved = [e for e in child.events if e["kind"] == "checkpoint" and e["reason"] == "signal"]
    assert len(saved) == 1
    step = saved[0]["step"]
    assert 13 <= step < ITERS
    assert (run / saved[0]["path"] / "state.json").is_file()
    code, events = run_child(run, resume=True)
    assert code == 0
    assert min(curve(events)) == step + 1, "no step is done twice"
    assert_same_curve(child.events + events, unbroken[1])


def test_a_dead_parent_stops_it_with_a_checkpoint(tmp_path: Path, model_dir: Path) -> None:
    run = prepare(tmp_path, model_dir, save_every=1000, iters=100_000)
    child = Child(run)
    child.until(lambda e: e["kind"] == "metric" and e["step"] == 3)
    child.pipe.close()
    assert child.process.wait(30) == 4
    steps = [path.name for path in (run / "adapters" / "checkpoints").iterdir()]
    assert len(steps) == 1
    assert int(steps[0]) >= 3


def test_a_broken_checkpoint_is_skipped_and_said(
    tmp_path: Path, model_dir: Path, unbroken: tuple[Path, list[Event]]
) -> None:
    shutil.copytree(unbroken[0].parent.parent, tmp_path / "copy")
    run = tmp_path / "copy" / "runs" / unbroken[0].name
    newest = run / "adapters" / "checkpoints" / "0000060" / "optimizer.safetensors"
    os.truncate(newest, newest.stat().st_size // 2)
    code, events = run_child(run, resume=True)
    assert code == 0
    (text,) = messages(events, "broken-checkpoint")
    assert "step 60" in text
    assert list(curve(events)) == [57, 58, 59, 60]
    assert curve(events)[60] == pytest.approx(curve(unbroken[1])[60], rel=1e-5)


def test_other_data_than_the_checkpoints_is_refused(
    tmp_path: Path, unbroken: tuple[Path, list[Event]]
) -> None:
    shutil.copytree(unbroken[0].parent.parent, tmp_path / "copy")
    run = tmp_path / "copy" / "runs" / unbroken[0].name
    write_rows(run / "data" / "train.jsonl", chat_rows(50, 12, 60, seed=99))
    code, events = run_child(run, resume=True)
    assert code == 3
    (text,) = messages(events, "bad-input")
    assert "other settings or other data" in text
    assert "Traceback" not in (run / "train.log").read_text()


HOPELESS: dict[str, Any] = {"learning_rate": 3e38, "warmup_iters": 1, "grad_accumulation": 4}
"""The first update, at step 4, has a rate of 0; the second, at step 8, ruins the weights."""


def assert_saved_weights_are_finite(run: Path) -> None:
    import mlx.core as mx

    saved = list((run / "adapters").rglob("adapters.safetensors"))
    assert saved
    for path in saved:
        arrays: Any = mx.load(str(path))
        assert all(mx.isfinite(value).all().item() for value in arrays.values()), path


def test_a_nan_loss_stops_it_and_the_best_stays(tmp_path: Path, model_dir: Path) -> None:
    run = prepare(tmp_path, model_dir, eval_every=3, save_every=3, **HOPELESS)
    code, events = run_child(run)
    assert code == 5
    (text,) = messages(events, "nan-loss")
    assert "at step 9" in text
    assert "learning rate" in text
    assert "step 3, is kept" in text
    last = [e for e in events if e["kind"] == "metric"][-1]
    assert (last["step"], last["values"]["loss"]) == (9, "nan")
    assert_saved_weights_are_finite(run)


@pytest.mark.parametrize(
    ("every", "words"),
    [
        ({"save_every": 8, "eval_every": 1000}, "weights became infinite in step 8"),
        ({"save_every": 3, "eval_every": 8}, "validation loss became nan at step 8"),
    ],
)
def test_weights_that_the_last_step_ruined_are_not_saved(
    tmp_path: Path, model_dir: Path, every: dict[str, int], words: str
) -> None:
    run = prepare(tmp_path, model_dir, **every, **HOPELESS)
    code, events = run_child(run)
    assert code == 5
    (text,) = messages(events, "nan-loss")
    assert words in text
    assert not [e for e in events if e["kind"] == "checkpoint" and e["step"] >= 8]


def test_nan_goes_on_when_the_stage_says_so(tmp_path: Path, model_dir: Path) -> None:
    changes = {"iters": 10, "valid": {}, **HOPELESS}
    run = make_run(tmp_path, "train", spec(model_dir, **changes), stop_on_nan=False)
    write_rows(run / "data" / "train.jsonl", chat_rows(20, 12, 30))
    code, events = run_child(run)
    assert code == 0
    assert [e["values"]["loss"] for e in events if e["kind"] == "metric"][-1] == "nan"
    assert not messages(events, "nan-loss")


def test_early_stop_keeps_the_best_and_says_why(tmp_path: Path, model_dir: Path) -> None:
    run = prepare(
        tmp_path,
        model_dir,
        eval_every=2,
        early_stop={"patience": 2, "min_delta": 100.0},
        report_every=5,
    )
    code, events = run_child(run)
    assert code == 0
    (text,) = messages(events, "early-stop")
    assert "step 6 of 60" in text
    assert list(curve(events, "val_loss")) == [0, 2, 4, 6]
    again, later = run_child(run, resume=True)
    assert again == 0
    assert not curve(later), "a run that stopped early has nothing left to do"


def test_an_early_stop_waits_for_the_earliest_step(tmp_path: Path, model_dir: Path) -> None:
    run = prepare(
        tmp_path,
        model_dir,
        eval_every=2,
        early_stop={"patience": 2, "min_delta": 100.0, "earliest": 13},
        report_every=5,
    )
    code, events = run_child(run)
    assert code == 0
    (text,) = messages(events, "early-stop")
    assert "step 13 of 60" in text


def test_fewer_rows_than_a_batch_and_long_rows(tmp_path: Path, model_dir: Path) -> None:
    run = make_run(
        tmp_path,
        "train",
        spec(model_dir, iters=4, batch_size=16, max_seq_len=40, mask_prompt=False, valid={}),
    )
    path = write_rows(run / "data" / "train.jsonl", chat_rows(3, 20, 30) + chat_rows(1, 90, 90))
    path.write_text("\n" + path.read_text() + "\n  \n")
    code, events = run_child(run)
    assert code == 0
    assert messages(events, "small-data")
    assert any("were cut" in text for text in messages(events, "rows"))
    assert len(curve(events)) == 4
    assert (run / "adapters" / "adapters.safetensors").is_file()


def test_a_model_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    for model, words in (
        ("{workspace}/nowhere", "no model directory"),
        ("nobody/no-such-model", "not on this disk"),
    ):
        run = prepare(tmp_path, model)
        code, events = run_child(run)
        assert code == 3
        (text,) = messages(events, "bad-input")
        assert words in text
        assert model in text
        log = (run / "train.log").read_text()
        assert "Traceback" not in log
        assert text in log


def test_mlx_lm_loads_the_adapter(unbroken: tuple[Path, list[Event]], model_dir: Path) -> None:
    from mlx_lm.utils import load

    run, _ = unbroken
    config = json.loads((run / "adapters" / "adapter_config.json").read_text())
    assert config["lora_parameters"]["keys"] == ["self_attn.q_proj", "mlp.up_proj"]
    model, _ = load(str(model_dir), adapter_path=str(run / "adapters"))[:2]
    assert any(name.endswith("lora_a") for name in adapter(run))
    assert type(model.layers[0].self_attn.q_proj).__name__ == "LoRALinear"
