"""The whole way with a real model: packaged, loaded by its lock, asked, exported."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli.app import app
from engine.gguf import read_gguf
from engine.helper import HelperError, ask
from engine.publish.package.loading import Models, ask_model
from tests.engine.folders import make_shipped, put, read_json, sha256
from tests.engine.publish.package.planned import plan_anew
from tests.shared import made_once

ROOT = Path(__file__).parents[4]
NAME = "router"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a shipped run, its base model and its adapter, and the package of it."""

    def make(folder: Path) -> None:
        code = [sys.executable, "-m", "tests.engine.publish.package.tiny_llama", str(folder)]
        subprocess.run(code, check=True, cwd=ROOT)
        run = make_shipped(folder)
        shutil.rmtree(run / "adapters")
        (folder / "adapters").rename(run / "adapters")
        tokens = (f"/stages/{number}/spec/max_new_tokens" for number in (1, 3))
        plan_anew(run, dict.fromkeys(tokens, 12))
        assert command(folder, run.name)[0] == 0

    return made_once(tmp_path_factory, "package-with-model", make)


@pytest.fixture
def workspace(home: Path, tmp_path: Path) -> Path:
    shutil.copytree(home, tmp_path / "here")
    return tmp_path / "here"


def command(workspace: Path, *words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["package", *words, "-w", str(workspace)])
    return done.exit_code, done.stdout, done.stderr


def test_the_package_loads_by_its_lock_and_answers_as_base_and_adapter_do(home: Path) -> None:
    package, base = home / "specialists" / NAME, home / "base"
    lock = read_json(package / "specialist.lock.json")
    assert (lock["base"]["path"], lock["base"]["architecture"]) == ("base", "llama")
    assert lock["base"]["tokenizer_sha256"] == sha256(base / "tokenizer.json")
    assert "[user] training row 0 [assistant]" in (package / "prompt.md").read_text("utf-8")
    code, out, err = command(home, NAME, "--check", "--json")
    assert code == 0, out + err
    found = json.loads(out)
    assert (found["ok"], found["findings"]) == (True, [])
    answer = found["answer"]
    assert answer["prompt"] == "[user] training row 0 [assistant]"
    assert 0 < answer["tokens"] <= 12
    assert answer["tokens_per_second"] == answer["tokens"] / answer["seconds"]
    assert answer["peak_rss_mb"] > 20 and answer["mlx_peak_mb"] > 0
    alone = ask_model(Models(base, None), lock["prompt"]["messages"], 12, named=())
    assert alone.text != answer["text"], "the adapter was not loaded"


def test_another_base_is_found_out_and_a_missing_one_cannot_be_checked(workspace: Path) -> None:
    settings = workspace / "base" / "tokenizer_config.json"
    put(settings, "/chat_template", "{{ messages[0]['content'] }}")
    code, out, err = command(workspace, NAME, "--check")
    assert code == 1
    assert "another chat template than the one that was locked" in out
    assert "another chat template" in err and "It loads" not in err
    shutil.rmtree(workspace / "base")
    code, out, err = command(workspace, NAME, "--check")
    assert code == 3
    assert "cannot be checked here" in err
    # Made again without the model, the package keeps what was known of it.
    before = (workspace / "specialists" / NAME / "prompt.md").read_bytes()
    assert command(workspace, NAME)[0] == 0
    assert (workspace / "specialists" / NAME / "prompt.md").read_bytes() == before


def test_the_export_is_one_model_that_goes_on_as_the_package_does(workspace: Path) -> None:
    code, out, err = command(workspace, NAME, "--export", "mlx", "--json")
    assert code == 0, err
    found = json.loads(out)["export"]
    assert found["layers"] == 6
    assert found["same_token"] and found["logits_difference"] < 1e-3
    place = workspace / ".factory" / "exports" / NAME
    assert found["path"] == str(place)
    names = {one.name for one in place.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= names
    assert not list(place.parent.glob(".*"))


def test_a_whole_model_is_asked_without_its_base(workspace: Path) -> None:
    run = next((workspace / "runs").iterdir())
    (workspace / "base").rename(run / "fused")
    put(run / "artifact.json", "/kind", "model")
    put(run / "artifact.json", "/path", "fused")
    code, _, err = command(workspace, run.name, "--id", "whole")
    assert code == 0, err
    lock = read_json(workspace / "specialists" / "whole" / "specialist.lock.json")
    assert lock["weights"]["path"] == f"runs/{run.name}/fused"
    assert lock["weights"]["noted"] is False
    assert set(lock["weights"]["files"]) == {"config.json", "model.safetensors"}
    code, out, err = command(workspace, "whole", "--check")
    assert code == 0 and "It loads and answers" in err, out + err
    assert "[user] training row 0 [assistant]" in out


def test_gguf_is_written_where_mlx_lm_can_and_refused_where_it_cannot(workspace: Path) -> None:
    out = workspace / "model.gguf"
    code, _, err = command(workspace, NAME, "--export", "gguf", "--out", str(out))
    assert code == 0, err
    found = read_gguf(out)
    assert found.architecture == "llama"
    assert len(found.tensors) == 2 * 9 + 3
    assert found.tensors["token_embd.weight"] == (64, 354)
    whole = out.read_bytes()
    code, _, err = command(workspace, NAME, "--export", "gguf", "--out", str(out))
    assert code == 1 and "is there already" in err
    assert not list(workspace.glob(".model*"))
    assert out.read_bytes() == whole


def test_what_others_would_misread_is_not_written_as_gguf(workspace: Path) -> None:
    base = workspace / "base"
    put(base / "tokenizer.json", "/model/byte_fallback", False)
    assert "as if it were SentencePiece" in refused(workspace)
    put(base / "config.json", "/rope_scaling", {"rope_type": "llama3", "factor": 8.0})
    assert "scaled by llama3" in refused(workspace)
    put(base / "config.json", "/quantization", {"bits": 4, "group_size": 64})
    assert "--dequantise" in refused(workspace)
    put(base / "config.json", "/model_type", "qwen3")
    assert "llama, mistral, mixtral only; this model is qwen3" in refused(workspace)


def refused(workspace: Path) -> str:
    out = workspace / "model.gguf"
    request = {"model": str(workspace / "base"), "adapter": None, "out": str(out), "kind": "gguf"}
    with pytest.raises(HelperError) as caught:
        ask("engine.work.export", {**request, "dequantise": False, "messages": []}, named=())
    assert not out.exists()
    return str(caught.value)
