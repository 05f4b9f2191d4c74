"""A base in four bits: made once, loaded by mlx-lm, trained on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.engine.work.children import make_run, messages, run_child
from tests.engine.work.tiny import chat_rows, make_model, write_rows


def spec(model: Path, out: Path) -> dict[str, object]:
    return {"model": str(model), "bits": 4, "group_size": 64, "out": str(out)}


def test_it_is_made_once_and_trained_on(tmp_path: Path, model_dir: Path) -> None:
    out = tmp_path / "bases/abc"
    run = make_run(tmp_path, "convert", spec(model_dir, out))
    code, events = run_child(run)
    assert code == 0, (run / "train.log").read_text()
    (text,) = messages(events, "converted")
    assert "layers to 4 bits" in text
    assert json.loads((out / "config.json").read_text())["quantization"]["bits"] == 4
    assert sorted(out.parent.iterdir()) == [out], "nothing is left beside it"
    before = (out / "model.safetensors").stat().st_mtime_ns
    code, events = run_child(run)
    assert code == 0 and messages(events, "cached")
    assert (out / "model.safetensors").stat().st_mtime_ns == before

    train = {
        "model": str(out),
        "train": "data/train.jsonl",
        "iters": 6,
        "batch_size": 4,
        "learning_rate": 5e-3,
        "lora": {"rank": 4, "keys": ["q_proj", "down_proj"]},
    }
    run = make_run(tmp_path, "train", train)
    write_rows(run / "data" / "train.jsonl", chat_rows(12, 12, 30))
    code, events = run_child(run)
    assert code == 0, (run / "train.log").read_text()
    losses = [one["values"]["loss"] for one in events if "loss" in one.get("values", {})]
    assert losses and all(loss > 0 for loss in losses)
    assert (run / "adapters/adapters.safetensors").is_file()

    # One that is packed already is put there as it is.
    again = tmp_path / "bases/again"
    run = make_run(tmp_path, "convert", spec(out, again))
    code, events = run_child(run)
    assert code == 0 and "was quantised already" in messages(events, "converted")[0]
    assert json.loads((again / "config.json").read_text())["quantization"]["bits"] == 4


def test_half_a_conversion_is_none(tmp_path: Path, model_dir: Path) -> None:
    """A directory without its last file is made anew."""
    out = tmp_path / "bases/abc"
    out.mkdir(parents=True)
    (out / "config.json").write_text("{}")
    run = make_run(tmp_path, "convert", spec(model_dir, out))
    assert run_child(run)[0] == 0
    assert "quantization" in (out / "config.json").read_text()


def test_what_cannot_be_packed_is_a_sentence(tmp_path: Path) -> None:
    narrow = make_model(tmp_path / "narrow", hidden=48)
    out = tmp_path / "bases/abc"
    run = make_run(tmp_path, "convert", spec(narrow, out))
    code, events = run_child(run)
    assert code == 3
    assert any("Set model.load_in_4bit to false" in str(one.get("text")) for one in events)
    assert list(out.parent.iterdir()) == []
    shutil.rmtree(narrow)
    code, events = run_child(run)
    assert code == 3
    assert any("There is no model directory" in str(one.get("text")) for one in events)
