"""push: what would go, what the card says, and that a hub that is not there is one sentence."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from engine.project.packing import PushError, pack
from engine.project.pushing import send
from engine.target import load_target
from tests.engine.loops.project_kit import chat, make_project, run, write
from tests.engine.loops.wheel import FORGE, make_loop, make_wheel, turn
from tests.engine.serving.fake import Fake, Request

TOKEN = "hf_4f9a1c7e22b84d0eaa"


@pytest.fixture(scope="module")
def looped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The target of a loop that kept an iteration and opened gold for it."""
    forge = FORGE + "promotion: {hf_repo: somebody/counter}\n"
    workspace = make_wheel(tmp_path_factory.mktemp("pushed"), forge)
    assert turn(make_loop(workspace, iterations=2)) == 0
    target = workspace.target_path("counter")
    _open_gold(workspace.runs_dir, json.loads((target / "output/best_score.json").read_text()))
    (target / ".env").write_text(f"HF_TOKEN={TOKEN}\n")
    return target


def _open_gold(runs: Path, best: Any) -> None:
    """The run that judged the best on gold, as ``unseal`` makes it."""
    run = runs / "2030-01-01-counter"
    shutil.copytree(runs / best["run"], run)
    config = json.loads((run / "config.json").read_text())
    config |= {"run_id": run.name, "parent_run_id": best["run"]}
    config["eval"] |= {"primary": "counter-gold", "opens": "counter-gold"}
    (run / "config.json").write_text(json.dumps(config))
    for name in ("eval-baseline.json", "eval-candidate.json"):
        record = json.loads((run / name).read_text()) | {"suite": "counter-gold"}
        (run / name).write_text(json.dumps(record))
    decision = {"decision": "ship", "reason": "Good enough."}
    (run / "decision.json").write_text(json.dumps(decision))
    artifact = {"routing_constraint": "Only for counting."}
    (run / "artifact.json").write_text(json.dumps(artifact))


@pytest.fixture
def best(tmp_path: Path) -> Path:
    """A target with a best adapter that another tool made."""
    target = make_project(tmp_path, forge="promotion: {hf_repo: me/router, private: false}\n")
    folder = target / "output/best_adapter_0_9000"
    folder.mkdir(parents=True)
    (folder / "adapters.safetensors").write_bytes(b"weights")
    config = {"model": "/Users/somebody/models/base", "lora_parameters": {"rank": 8}}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    (folder / "notes.txt").write_text("mine")
    (folder / "metadata.json").write_text('{"accuracy": 0.9}')
    (target / "output/best_score.json").write_text(
        '{"accuracy": 0.9, "iteration": 2, "adapter_dir": "output/best_adapter_0_9000"}'
    )
    return target


def files(done: Any) -> dict[str, int]:
    return {one["name"]: one["bytes"] for one in done.json["files"]}


def test_a_dry_run_lists_exactly_what_would_go(best: Path) -> None:
    (best / ".env").write_text(f"HF_TOKEN={TOKEN}\nOTHER_KEY=sk-1234567890")
    done = run("push", best, "--dry-run", "--json")
    assert done.code == 0, done.err
    assert (done.json["repo"], done.json["private"], done.json["sent"]) == (
        "me/router",
        False,
        False,
    )
    assert set(files(done)) == {
        "adapters.safetensors",
        "adapter_config.json",
        "metadata.json",
        "README.md",
    }
    assert files(done)["adapters.safetensors"] == 7
    shipment = pack(load_target(best), None)
    content = {one.name: one.content for one in shipment.files}
    # No path of this machine.
    assert b"/Users/" not in content["adapter_config.json"]  # type: ignore[operator]
    shown = run("push", best, "--dry-run")
    assert "adapters.safetensors" in shown.out and "Nothing was sent" in shown.err
    assert TOKEN not in shown.out + shown.err


def test_training_rows_go_when_they_are_asked_for_and_none_is_gold(best: Path) -> None:
    asked = run("push", best, "--dry-run", "--with-canonical", "--with-system-prompt", "--json")
    assert asked.code == 1 and "system_prompt.md cannot be read" in asked.err
    (best / "system_prompt.md").write_text("You route.")
    asked = run("push", best, "--dry-run", "--with-canonical", "--with-system-prompt", "--json")
    assert {"canonical.jsonl", "system_prompt.md"} < set(files(asked))
    gold = json.loads((best / "dataset/gold.jsonl").read_text())
    write(best / "dataset/canonical.jsonl", [chat("a"), gold])
    refused = run("push", best, "--dry-run", "--with-canonical")
    assert refused.code == 1 and "canonical.jsonl:2 is held out" in refused.err


def test_the_card_of_a_loops_best(looped: Path) -> None:
    done = run("push", looped, "--dry-run")
    assert done.code == 0, done.err
    card = pack(load_target(looped), None).card
    assert "The answers behind it are not here" in card  # without its workspace
    card = done.err.partition("The card:\n")[2]
    header = card.split("---")[1]
    assert "library_name: mlx" in header and "base_model" not in header
    best = json.loads((looped / "output/best_score.json").read_text())
    assert f"{best['accuracy']:.3f} (" in card and "| dev | dev |" in card
    assert "| gold | counter-gold |" in card and "| kept skill | breadth |" in card
    assert "| augmented |" in card and "| by hand | 12 |" in card
    assert "generator\\.py" in card or "generator.py" in card
    assert "It was chosen among 2 iterations" in card
    assert "Decision on record: ship." in card and "not judged on gold" not in card
    assert "**Use it only here:** Only for counting." in card
    assert str(looped) not in card and TOKEN not in card
    for row in (looped / "dataset/gold.jsonl").read_text().splitlines():
        assert json.loads(row)["messages"][0]["content"] not in card


def test_the_card_of_what_another_tool_made_says_what_is_not_known(best: Path) -> None:
    card = pack(load_target(best), None).card
    assert "Recorded: 0.900. The answers behind it are not here." in card
    assert "not judged on gold" in card and "not trained or judged by a run" in card
    assert "base_model:" in card.split("---")[1]  # the default base is the hub's


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: (t / "forge.yaml").write_text(""), "names no repository"),
        (lambda t: (t / "forge.yaml").write_text("promotion: {hf_repo: ../x}"), "no name of a rep"),
        (lambda t: (t / "output/best_score.json").unlink(), "has no best adapter"),
        (lambda t: shutil.rmtree(t / "output/best_adapter_0_9000"), "has no best adapter"),
        (lambda t: _link(t), "a link out of the target"),
        (lambda t: _broken(t), "no adapter_config.json that can be read"),
    ],
)
def test_what_cannot_be_pushed_is_a_sentence(best: Path, change: Any, says: str) -> None:
    change(best)
    done = run("push", best, "--dry-run")
    assert done.code == 1 and says in done.err, done.err


def _link(target: Path) -> None:
    secret = target.parent.parent / "secret"
    secret.write_text("x")
    file = target / "output/best_adapter_0_9000/adapters.safetensors"
    file.unlink()
    file.symlink_to(secret)


def _broken(target: Path) -> None:
    (target / "output/best_adapter_0_9000/adapter_config.json").write_text("[")


def test_output_may_lie_on_another_disk(best: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "large-disk"
    (best / "output").rename(elsewhere)
    (best / "output").symlink_to(elsewhere)
    done = run("push", best, "--dry-run", "--json")
    assert done.code == 0 and done.json["adapter"] == "output/best_adapter_0_9000"


# --- sending -----------------------------------------------------------------------------


def test_without_a_token_nothing_is_sent(best: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    done = run("push", best)
    assert done.code == 1 and "HF_TOKEN is not set" in done.err


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


@pytest.mark.usefixtures("token")
def test_a_hub_that_is_not_there(best: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
    done = run("push", best)
    assert done.code == 1 and f"127.0.0.1:{port} cannot be reached" in done.err
    assert TOKEN not in done.err
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE is set" in run("push", best).err


@pytest.mark.usefixtures("token")
def test_a_hub_that_says_no(best: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(request: Request) -> None:
        request.head("401 Unauthorized", "application/json")
        request.send(json.dumps({"error": f"Invalid token {TOKEN}"}))

    hub = Fake(refuse)
    try:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{hub.port}")
        done = run("push", best)
    finally:
        hub.close()
    assert done.code == 1 and "the hub says 401" in done.err and TOKEN not in done.err
    assert hub.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.usefixtures("token")
def test_a_hub_that_never_answers(best: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(request: Request) -> None:
        request.gone.wait(30)

    hub = Fake(silent)
    try:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{hub.port}")
        with pytest.raises(PushError, match=r"did not answer within 0\.5 s"):
            send(pack(load_target(best), None), TOKEN, "m", answer_s=0.5)
    finally:
        hub.close()
