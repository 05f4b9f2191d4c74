"""The pretrain stage: a real model, made from a recipe, once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.work.generators import load_generator
from engine.work.pretrain import RECIPE, Recipe, pack, render, train_tokenizer
from tests.engine.work.children import Child, make_run, messages, run_child

ROOT = Path(__file__).parents[3]
GENERATOR = ROOT / "sample_runs" / "targets" / "drone-router" / "generator.py"
TINY = {
    "hidden_size": 32,
    "layers": 1,
    "heads": 2,
    "intermediate_size": 32,
    "vocab_size": 400,
    "rows": 300,
    "tokenizer_rows": 50,
    "steps": 30,
    "batch_rows": 4,
    "row_tokens": 96,
}


def make_target(root: Path, **spec: Any) -> Path:
    whole = {
        "recipe": TINY,
        "generator": "{target}/generator.py",
        "seed": 5,
        "out": "{workspace}/.factory/cache/bases/tiny",
        **spec,
    }
    run = make_run(root, "pretrain", whole)
    (root / "targets" / "tiny" / "generator.py").write_bytes(GENERATOR.read_bytes())
    return run


def base_of(root: Path) -> Path:
    return root / ".factory" / "cache" / "bases" / "tiny"


def test_makes_a_model_that_mlx_lm_loads_and_finds_it_again(tmp_path: Path) -> None:
    run = make_target(tmp_path)
    code, events = run_child(run)
    assert code == 0, (run / "train.log").read_text()
    losses = [e["values"]["loss"] for e in events if e["kind"] == "metric"]
    assert len(losses) == 3
    assert losses[-1] < losses[0]
    assert [e["done"] for e in events if e["kind"] == "progress"] == [10, 20, 30]
    out = base_of(tmp_path)
    assert [path.name for path in out.parent.iterdir()] == ["tiny"]
    loads = (
        "import sys; from mlx_lm.utils import load; model, tok = load(sys.argv[1])[:2];"
        "import mlx.core as mx; print(model(mx.array([tok.encode('land')])).shape[-1]);"
        "print(tok.apply_chat_template([{'role': 'system', 'content': 'a'}, {'role': 'user', "
        "'content': 'b'}], add_generation_prompt=True, tokenize=False))"
    )
    done = subprocess.run(
        [sys.executable, "-c", loads, str(out)], capture_output=True, text=True, check=True
    )
    size, prompt = done.stdout.splitlines()
    assert size == str(json.loads((out / "config.json").read_text())["vocab_size"])
    turns = [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]
    assert prompt == render(turns, add_generation_prompt=True)

    before = (out / "model.safetensors").stat().st_mtime_ns
    code, events = run_child(run)
    assert code == 0
    assert messages(events, "cached")
    assert (out / "model.safetensors").stat().st_mtime_ns == before


def test_a_seed_makes_the_same_model_and_another_another(tmp_path: Path) -> None:
    weights = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run = make_target(tmp_path / name, seed=seed, recipe={**TINY, "steps": 4})
        assert run_child(run)[0] == 0
        weights.append((base_of(tmp_path / name) / "model.safetensors").read_bytes())
    assert weights[0] == weights[1] != weights[2]


def test_a_signal_leaves_nothing_half_made(tmp_path: Path) -> None:
    run = make_target(tmp_path, recipe={**TINY, "steps": 100_000})
    child = Child(run)
    child.until(lambda event: event["kind"] == "metric")
    child.signal(signal.SIGINT)
    assert child.finish(60) == 4
    assert list(base_of(tmp_path).parent.iterdir()) == []


def test_a_half_made_model_is_made_anew_and_a_stranger_is_left_alone(tmp_path: Path) -> None:
    run = make_target(tmp_path, recipe={**TINY, "steps": 2})
    assert run_child(run)[0] == 0
    out = base_of(tmp_path)
    (out / "model.safetensors").unlink()
    assert run_child(run)[0] == 0
    assert (out / "model.safetensors").stat().st_size > 0
    (out / RECIPE).unlink()
    code, events = run_child(run)
    assert code == 3
    assert "was not made by a pretrain stage" in messages(events, "bad-input")[0]
    assert (out / "model.safetensors").exists()


def test_bad_recipes_are_sentences(tmp_path: Path) -> None:
    wrong = {**TINY, "layers": 0, "stepz": 3}
    code, events = run_child(make_target(tmp_path, recipe=wrong))
    assert code == 3
    said = messages(events, "bad-input")[0]
    assert "recipe/layers" in said
    assert "recipe/stepz" in said
    code, events = run_child(make_target(tmp_path, recipe={**TINY, "row_tokens": 16}))
    assert code == 3
    assert "factory.base.row_tokens" in messages(events, "bad-input")[0]
    assert "Traceback" not in (tmp_path / "runs" / "2026-01-01-tiny" / "train.log").read_text()


def test_packing_keeps_chats_whole_and_weighs_them() -> None:
    generator = load_generator(GENERATOR)
    rows = generator.call("pretrain_rows", 200, 0, 0.3)
    tokenizer = train_tokenizer(rows, 400)
    recipe = Recipe.model_validate({**TINY, "prompt_weight": 0.25})
    packed = pack(rows, tokenizer, recipe)
    assert packed.ids.shape == packed.weights.shape
    assert packed.ids.shape[1] == TINY["row_tokens"] + 1
    pad = tokenizer.token_to_id("<|pad|>")
    assert ((packed.weights == 0) == (packed.ids == pad)).all()
    assert set(packed.weights.ravel().tolist()) == {0.0, 0.25, 1.0}
    texts = [tokenizer.decode(ids.tolist(), skip_special_tokens=False) for ids in packed.ids]
    whole = "".join(text.replace("<|pad|>", "") for text in texts)
    assert whole == "".join(render(row["messages"], False) for row in rows)
    assert all(text.startswith("<|user|>") for text in texts)


def test_a_token_is_one_digit_and_any_text_survives() -> None:
    rows = load_generator(GENERATOR).call("generate", 300, None, 0)
    tokenizer = train_tokenizer(rows, 500)
    assert tokenizer.encode("90 m at B4").tokens[:2] == ["9", "0"]
    assert max(sum(c.isdigit() for c in token) for token in tokenizer.get_vocab()) == 1
    for text in ("Zürich — 東京 🚁", '{"cmd":"rtl","args":{}}', "a\tb\n\nc", "<b>&amp;</b>"):
        assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_importing_it_loads_no_mlx() -> None:
    code = (
        "import sys, engine.work.pretrain, engine.work.data;"
        "print([m for m in ('mlx', 'numpy', 'transformers', 'tokenizers') if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == "[]"
