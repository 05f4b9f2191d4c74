from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.serving.fake import Answer, Fake
from tests.shared import made_once

ROOT = Path(__file__).parents[3]

_MAKE = """
import sys
from pathlib import Path
from tests.engine.work.tiny import make_model

folder = make_model(Path(sys.argv[1]) / "tiny")

import mlx.core as mx
from mlx.utils import tree_flatten
from mlx_lm.tuner.utils import linear_to_lora_layers
from mlx_lm.utils import load, save_config

model, _ = load(str(folder))
model.freeze()
lora = {"rank": 4, "scale": 20.0, "dropout": 0.0, "keys": ["self_attn.q_proj", "mlp.down_proj"]}
linear_to_lora_layers(model, 2, lora)
mx.random.seed(1)
weights = {name: mx.random.normal(one.shape) for name, one in tree_flatten(
    model.trainable_parameters())}
out = Path(sys.argv[1]) / "adapters"
out.mkdir()
mx.save_safetensors(str(out / "adapters.safetensors"), weights)
save_config({"fine_tune_type": "lora", "num_layers": 2, "lora_parameters": lora},
            out / "adapter_config.json")
"""


_TEACH = """
import json, sys
from pathlib import Path
from engine.work import blas
blas.prepare()
import mlx.core as mx, mlx.nn as nn, mlx.optimizers as optim
from mlx_lm.utils import load, save_model
from tests.engine.work.tiny import make_model

folder = make_model(Path(sys.argv[1]) / "caller")
config = folder / "tokenizer_config.json"
config.write_text(json.dumps(json.loads(config.read_text()) | {"tool_parser_type": "json_tools"}))
model, tokenizer = load(str(folder))
prompt = tokenizer.apply_chat_template(
    [{"role": "user", "content": "land on pad 3"}], add_generation_prompt=True)
call = '<tool_call>{"name": "land", "arguments": {"pad": 3}}</tool_call>'
answer = tokenizer.encode(call, add_special_tokens=False) + [tokenizer.eos_token_id]
row = mx.array([prompt + answer])
step = nn.value_and_grad(model, lambda m: nn.losses.cross_entropy(
    m(row[:, :-1]), row[:, 1:])[:, len(prompt) - 1:].mean())
optimizer = optim.Adam(learning_rate=3e-3)
for number in range(300):
    loss, grads = step(model)
    optimizer.update(model, grads)
    mx.eval(model.parameters(), optimizer.state)
    if loss.item() < 0.01:
        break
assert loss.item() < 0.05, loss
save_model(folder, model)
"""


@pytest.fixture(scope="session")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that has learned one thing: to "land on pad 3" by a tool call."""
    return made_once(tmp_path_factory, "caller", lambda folder: _run(_TEACH, folder)) / "caller"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model (``tiny``) and an adapter of random weights (``adapters``)."""
    return made_once(tmp_path_factory, "made", lambda folder: _run(_MAKE, folder))


def _run(code: str, folder: Path) -> None:
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, cwd=ROOT)


@pytest.fixture
def fake() -> Iterator[Callable[[Answer], Fake]]:
    """Makes fake servers, which end with the test."""
    fakes: list[Fake] = []

    def make(answer: Answer) -> Fake:
        fakes.append(Fake(answer))
        return fakes[-1]

    yield make
    for one in fakes:
        one.close()
