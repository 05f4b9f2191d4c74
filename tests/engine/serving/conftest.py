from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.serving.fake import Answer, Fake

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


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model (``tiny``) and an adapter of random weights (``adapters``)."""
    folder = tmp_path_factory.mktemp("made")
    subprocess.run([sys.executable, "-c", _MAKE, str(folder)], check=True, cwd=ROOT)
    return folder


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
