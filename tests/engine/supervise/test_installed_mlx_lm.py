"""The installed mlx-lm as a user's own command: what it prints is shown live."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from engine.records.plan import Stage, StageKind
from engine.records.status import StageState
from tests.engine.supervise.kit import Lab, assert_unbroken, events
from tests.engine.work.tiny import chat_rows, make_model, write_rows

CONFIG = """\
model: model
data: data
train: true
fine_tune_type: lora
optimizer: adam
batch_size: 4
iters: 12
num_layers: -1
learning_rate: 1e-3
steps_per_report: 4
steps_per_eval: 12
val_batches: 1
save_every: 12
max_seq_length: 128
adapter_path: "adapters"
lora_parameters: {rank: 4, scale: 2.0, dropout: 0.0}
"""


@pytest.mark.slow
def test_a_user_s_own_mlx_lm_lora_shows_its_curve(lab: Lab) -> None:
    (lab.target / "model").mkdir()
    make_model(lab.target / "model", hidden=32, layers=1)
    data = lab.target / "data"
    data.mkdir()
    write_rows(data / "train.jsonl", chat_rows(32, 8, 30))
    write_rows(data / "valid.jsonl", chat_rows(8, 8, 30, seed=1))
    (lab.target / "my.yaml").write_text(CONFIG)
    lora = Path(sys.executable).with_name("mlx_lm.lora")
    run = lab.run(
        Stage(
            name="train",
            kind=StageKind.COMMAND,
            argv=[str(lora), "-c", "my.yaml"],
            env={"MLX_DISABLE_COMPILE": "1"},
        )
    )
    ended = lab.finish(run, 120)
    assert ended.stages["train"].state is StageState.DONE, (run / "train.log").read_text()[-2000:]
    metrics = events(run, "metric")
    losses = {e["step"]: e["values"]["loss"] for e in metrics if "loss" in e["values"]}
    assert list(losses) == [4, 8, 12]
    assert all(0 < loss < 10 for loss in losses.values())
    assert {e["step"] for e in metrics if "val_loss" in e["values"]} == {1, 12}
    assert all(e["values"]["tok_s"] > 0 for e in metrics if "tok_s" in e["values"])
    assert sum("tok_s" in e["values"] for e in metrics) == 3
    assert events(run, "progress")[-1]["total"] == 12
    assert [e["step"] for e in events(run, "checkpoint")] == [12]
    assert_unbroken(run)
