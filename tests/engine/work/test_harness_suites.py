"""Tasks of the lm-eval harness in an eval stage.

The harness itself is not installed for the tests: a package of the same name stands in for it. It
asks mlx-lm for log likelihoods of a real model, and its results have the form of lm-eval 0.4.13.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.folder import read_record
from engine.records.evaluation import EvalResult
from tests.engine.work.children import Child, make_run, messages, run_child

_STAND_IN = {
    "lm_eval/__init__.py": """
import json, os, time
from pathlib import Path


class Request:
    def __init__(self, *args):
        self.args = args


def simple_evaluate(model, tasks, limit=None, task_manager=None, **more):
    if "slow" in tasks:
        (Path(os.environ["STAND_IN"]) / "slow").write_text(str(os.getpid()))
        time.sleep(600)
    if "broken" in tasks:
        raise KeyError("no such dataset")
    n = limit or 8
    found = model.loglikelihood([Request(f" alpha {i}", " bravo") for i in range(n)])
    mean = sum(one for one, _ in found) / n
    own = sorted(one.name for one in Path(task_manager.include_path).iterdir()) \\
        if task_manager else []
    return {"results": {
        name: {
            "name": name, "alias": name, "sample_len": n, "acc,none": 0.75,
            "acc_stderr,none": 0.1, "loglikelihood,none": mean,
            "loglikelihood_stderr,none": "N/A", "own": own,
        }
        for name in tasks
    }}
""",
    "lm_eval/api/__init__.py": "",
    "lm_eval/api/model.py": "class LM:\n    def __init__(self): pass\n",
    "lm_eval/api/registry.py": "def register_model(name):\n    return lambda kind: kind\n",
    "lm_eval/tasks.py": (
        "class TaskManager:\n"
        "    def __init__(self, include_path=None):\n"
        "        self.include_path = include_path\n"
    ),
    "lm_eval-0.4.13.dist-info/METADATA": "Metadata-Version: 2.1\nName: lm_eval\nVersion: 0.4.13\n",
}


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "stand-in"
    for name, text in _STAND_IN.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(home), str(Path.cwd())]))
    monkeypatch.setenv("STAND_IN", str(home))
    return home


def prepare(root: Path, model: Path, *harness: dict[str, Any], **changes: Any) -> Path:
    gold = {
        "role": "primary",
        "name": "gold",
        "file": "gold.jsonl",
        "scorer": "exact",
        "record": "eval-baseline.json",
        "rows": "rows-baseline.jsonl",
    }
    spec = {
        "model": str(model),
        "max_new_tokens": 4,
        "latency_rows": 0,
        "suites": [gold],
        "harness": list(harness),
        **changes,
    }
    run = make_run(root, "eval", spec)
    row = {"prompt": " alpha", "completion": "x"}
    (root / "targets" / "tiny" / "gold.jsonl").write_text(json.dumps(row) + "\n")
    return run


def words(**changes: Any) -> dict[str, Any]:
    record = "eval-regression-baseline.json"
    return {"name": "words", "tasks": ["one"], "record": record, **changes}


def test_its_results_are_a_record_without_rows(
    tmp_path: Path, model_dir: Path, stand_in: Path
) -> None:
    run = prepare(tmp_path, model_dir, words(tasks=["one", "two"], limit=5))
    code, events = run_child(run)
    assert code == 0, (run / "train.log").read_text()
    record = read_record(run / "eval-regression-baseline.json", EvalResult)
    assert (record.suite, record.score, record.n) == ("words", 0.75, 10)
    assert (record.through, record.harness) == ("lm-eval", "lm_eval 0.4.13")
    assert record.scorer_options == {"tasks": ["one", "two"], "metric": "acc,none", "limit": 5}
    assert record.rows_file is None and "rows_file" in record.skipped
    assert record.duration_s is not None and record.duration_s > 0
    assert messages(events, "lm-eval") == ["words: lm-eval 0.4.13 runs one, two."]
    assert [path for path in run.iterdir() if "lm-eval" in path.name] == []


def test_the_adapter_and_the_targets_own_tasks_are_there(
    tmp_path: Path, model_dir: Path, stand_in: Path
) -> None:
    """mlx-lm's command takes no adapter: without ours, base and candidate would be the same."""
    own = tmp_path / "targets" / "tiny" / "lm-eval"
    own.mkdir(parents=True)
    (own / "mine.yaml").write_text("task: mine\n")
    wanted = words(metric="loglikelihood,none", direction="higher")
    scores = []
    for adapter in (None, adapter_of(tmp_path, model_dir)):
        run = prepare(tmp_path, model_dir, wanted, adapter=adapter)
        assert run_child(run)[0] == 0, (run / "train.log").read_text()
        record = read_record(run / "eval-regression-baseline.json", EvalResult)
        assert record.interval is None, "it gives no standard error of this metric"
        assert record.metric == "loglikelihood,none"
        scores.append(record.score)
        assert '"own": [\n        "mine.yaml"\n    ]' in (run / "train.log").read_text()
    assert scores[0] != scores[1]


def adapter_of(root: Path, model_dir: Path) -> str:
    code = """
import sys
from pathlib import Path
import mlx.core as mx
from mlx.utils import tree_flatten
from mlx_lm.tuner.utils import linear_to_lora_layers
from mlx_lm.utils import load, save_config
model, _ = load(sys.argv[1])
model.freeze()
lora = {"rank": 4, "scale": 20.0, "dropout": 0.0, "keys": ["self_attn.q_proj", "mlp.down_proj"]}
linear_to_lora_layers(model, 2, lora)
mx.random.seed(1)
out = Path(sys.argv[2])
out.mkdir()
mx.save_safetensors(str(out / "adapters.safetensors"), {
    name: mx.random.normal(one.shape) for name, one in tree_flatten(model.trainable_parameters())})
save_config({"fine_tune_type": "lora", "num_layers": 2, "lora_parameters": lora},
            out / "adapter_config.json")
"""
    out = root / "adapters"
    subprocess.run([sys.executable, "-c", code, str(model_dir), str(out)], check=True)
    return str(out)


@pytest.mark.parametrize(
    ("changes", "code", "kind", "said"),
    [
        ({"metric": "f1,none"}, 3, "bad-input", "words has no score. The task one has no number"),
        ({"tasks": ["broken"]}, 5, "harness", "words has no score: lm-eval ended with exit code 1"),
    ],
)
def test_what_it_cannot_do_is_a_sentence(
    tmp_path: Path,
    model_dir: Path,
    stand_in: Path,
    changes: dict[str, Any],
    code: int,
    kind: str,
    said: str,
) -> None:
    run = prepare(tmp_path, model_dir, words(**changes))
    ended, events = run_child(run)
    assert ended == code
    (text,) = messages(events, kind)
    assert text.startswith(said)
    assert not (run / "eval-regression-baseline.json").exists()


def test_without_the_harness_nothing_is_answered(tmp_path: Path, model_dir: Path) -> None:
    run = prepare(tmp_path, model_dir, words())
    code, events = run_child(run)
    assert code == 3
    (text,) = messages(events, "bad-input")
    assert "words cannot be measured: lm-eval is not installed" in text
    assert "pip install 'factory-tui[lm-eval]'" in text
    assert [e for e in events if e["kind"] == "example"] == []


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_it_ends_with_its_worker(tmp_path: Path, model_dir: Path, stand_in: Path, how: str) -> None:
    run = prepare(tmp_path, model_dir, words(tasks=["slow"]))
    child = Child(run)
    child.until(lambda e: e.get("code") == "lm-eval")
    file = stand_in / "slow"
    until = time.monotonic() + 60
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < until
        time.sleep(0.1)
    harness = int(file.read_text())
    if how == "stop":
        os.kill(child.process.pid, signal.SIGTERM)
        assert child.finish() == 4
    else:
        child.process.kill()
        child.process.wait(60)
    until = time.monotonic() + 60
    while psutil.pid_exists(harness) and psutil.Process(harness).status() != "zombie":
        assert time.monotonic() < until, "it was left behind"
        time.sleep(0.1)
