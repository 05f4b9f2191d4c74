from __future__ import annotations

from pathlib import Path

from engine.work.models import HUB_ID
from tests.engine.work.children import make_run, messages, run_child
from tests.engine.work.tiny import chat_rows, write_rows


def train(root: Path, model: Path) -> Path:
    spec = {
        "model": str(model),
        "train": "data/train.jsonl",
        "iters": 12,
        "batch_size": 4,
        "learning_rate": 5e-3,
        "lora": {"rank": 4, "keys": ["q_proj", "down_proj"]},
    }
    run = make_run(root, "train", spec)
    write_rows(run / "data" / "train.jsonl", chat_rows(20, 12, 30))
    assert run_child(run)[0] == 0
    return run


def test_a_fused_model_answers_as_base_and_adapter_do(tmp_path: Path, model_dir: Path) -> None:
    import mlx.core as mx
    from mlx_lm.utils import load

    run = train(tmp_path, model_dir)
    make_run(
        tmp_path, "fuse", {"model": str(model_dir), "adapter": "adapters", "out": "{run}/fused"}
    )
    for _ in range(2):  # a second time replaces the first
        code, events = run_child(run)
        assert code == 0, (run / "train.log").read_text()
    assert "4 layers were fused" in messages(events, "fused")[0]
    assert not list(run.glob(".tmp-*"))
    tokens = mx.array([[5, 9, 12, 30, 7]])
    base = load(str(model_dir))[0](tokens)
    adapted = load(str(model_dir), adapter_path=str(run / "adapters"))[0](tokens)
    fused_model, tokenizer = load(str(run / "fused"))[:2]
    assert mx.allclose(fused_model(tokens), adapted, rtol=1e-4, atol=1e-4).item()
    assert not mx.allclose(fused_model(tokens), base, rtol=1e-4, atol=1e-4).item()
    assert tokenizer.decode(tokenizer.encode(" alpha")) == " alpha"


def test_no_adapter_is_a_sentence(tmp_path: Path, model_dir: Path) -> None:
    run = make_run(tmp_path, "fuse", {"model": str(model_dir)})
    code, events = run_child(run)
    assert code == 3
    assert "adapter_config.json" in messages(events, "bad-input")[0]
    assert not (run / "fused").exists()


def test_what_is_a_hub_id() -> None:
    for name in ("mlx-community/Qwen3-0.6B-4bit", "a/b"):
        assert HUB_ID.fullmatch(name)
    for name in ("/a/b", "./a/b", "a", "a/b/c", "~/a", "{run}/x"):
        assert not HUB_ID.fullmatch(name)
