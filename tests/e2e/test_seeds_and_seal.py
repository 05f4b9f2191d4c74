"""Several training seeds, and a sealed suite that is opened once: real runs of a target."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.checks import check_folder
from engine.checks.finding import Severity
from engine.decisions.deciding import draft
from engine.folder import sha256_file
from engine.plans.unsealing import UnsealError, prepare
from engine.samples import samples_dir
from engine.supervise.resume import prepare_resume
from engine.workspace import Workspace
from tests.e2e.shell import Shell, quick_sets

pytestmark = pytest.mark.slow

SEALED = "    sealed: {name: router-sealed, file: dataset/sealed.jsonl, scorer: json_cmd}\n"


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A workspace whose target has its last 60 gold examples under a seal."""
    place = tmp_path_factory.mktemp("factory")
    (place / "runs").mkdir()
    target = place / "targets" / "drone-router"
    shutil.copytree(samples_dir() / "targets" / "drone-router", target)
    forge = (target / "forge.yaml").read_text()
    (target / "forge.yaml").write_text(forge.replace("  suites:\n", f"  suites:\n{SEALED}"))
    gold = (target / "dataset" / "gold.jsonl").read_text().splitlines(keepends=True)
    (target / "dataset" / "gold.jsonl").write_text("".join(gold[:-60]))
    (target / "dataset" / "sealed.jsonl").write_text("".join(gold[-60:]))
    return Shell(place)


@pytest.fixture(scope="module")
def run(shell: Shell) -> Path:
    done = shell("run", "drone-router", "--seed", "5", *quick_sets("factory.seeds=2"))
    assert done.returncode == 0, done.stderr
    (path,) = (shell.workspace / "runs").iterdir()
    return path


def record(run: Path, name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((run / name).read_text())
    return value


def events(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]


def errors(run: Path) -> list[str]:
    return [one.message for one in check_folder(run) if one.severity is Severity.ERROR]


# --- seeds ---------------------------------------------------------------------------------------


def test_each_seed_has_its_weights_and_its_score(run: Path) -> None:
    ended = [one["stage"] for one in events(run) if one["kind"] == "stage-end"]
    assert ended == [
        "pretrain", "data", "eval-baseline", "train", "train-seed-6", "eval-candidate",
        "eval-seed-6", "report",
    ]  # fmt: skip
    phases = [one["to_phase"] for one in events(run) if one["kind"] == "phase"]
    assert phases == [
        "data-ready", "training", "trained", "evaluating", "evaluated", "reporting",
    ]  # fmt: skip
    first, second = record(run, "eval-candidate.json"), record(run, "eval-seed-6.json")
    assert (first["seed"], second["seed"]) == (5, 6)
    assert record(run, "eval-baseline.json")["seed"] is None
    assert second["suite_sha256"] == first["suite_sha256"] and second["latency"] is None
    weights = [run / place / "adapters.safetensors" for place in ("adapters", "adapters-seed-6")]
    assert sha256_file(weights[0]) != sha256_file(weights[1])
    assert errors(run) == []


def test_the_gates_go_by_the_mean(shell: Shell, run: Path) -> None:
    scores = [record(run, name)["score"] for name in ("eval-candidate.json", "eval-seed-6.json")]
    told = json.loads(shell("show", run.name, "--json").stdout)
    gates = {one["name"]: one for one in told["gates"]}
    assert gates["primary_min"]["value"] == pytest.approx(sum(scores) / 2)
    assert "mean of 2 seeds" in gates["primary_min"]["reason"]
    assert "What would be shipped is seed 5's" in gates["primary_min"]["reason"]
    assert any(sentence.startswith("Mean of 2 seeds") for sentence in told["how_sure"])


def test_a_run_that_was_cancelled_keeps_every_seed_that_was_done(run: Path, tmp_path: Path) -> None:
    place = tmp_path / "runs"
    shutil.copytree(run.parent.parent / "targets", tmp_path / "targets")
    copied = place / run.name
    shutil.copytree(run, copied)
    status = record(copied, "run-status.json") | {"phase": "cancelled"}
    for name in ("eval-seed-6", "report"):
        status["stages"][name]["state"] = "cancelled"
    (copied / "run-status.json").write_text(json.dumps(status))
    child = prepare_resume(copied)
    for name in ("adapters", "adapters-seed-6"):
        here, there = (one / name / "adapters.safetensors" for one in (child, copied))
        assert sha256_file(here) == sha256_file(there)
    assert (child / "eval-candidate.json").exists() and not (child / "eval-seed-6.json").exists()


# --- the seal ------------------------------------------------------------------------------------


def test_nothing_of_an_ordinary_run_looks_behind_the_seal(run: Path) -> None:
    sealed = run.parent.parent / "targets/drone-router/dataset/sealed.jsonl"
    frozen = record(run, "config.json")["eval"]["sealed"]
    assert frozen == {"name": "router-sealed", "sha256": sha256_file(sealed)}
    assert events(run)[0]["sealed"] == frozen["sha256"]
    files = list(run.glob("eval-*.json"))
    assert files and all("router-sealed" not in one.read_text() for one in files)
    prompts = {json.loads(line)["messages"][-2]["content"] for line in sealed.open()}
    trained = {
        json.loads(line)["messages"][-2]["content"] for line in (run / "data/train.jsonl").open()
    }
    assert len(prompts) == 60 and not prompts & trained


def change_file(run: Path) -> Callable[[], None]:
    file = run.parent.parent / "targets/drone-router/dataset/sealed.jsonl"
    before = file.read_text()
    file.write_text("".join(before.splitlines(keepends=True)[1:]))
    return lambda: file.write_text(before) and None


def hide_weights(run: Path) -> Callable[[], None]:
    file = run / "adapters" / "adapters.safetensors"
    file.rename(file.with_suffix(".away"))
    return lambda: file.with_suffix(".away").rename(file) and None


def hide_evaluation(run: Path) -> Callable[[], None]:
    file = run / "eval-candidate.json"
    file.rename(file.with_suffix(".away"))
    return lambda: file.with_suffix(".away").rename(file) and None


def rename_suite(run: Path) -> Callable[[], None]:
    file = run.parent.parent / "targets/drone-router/forge.yaml"
    before = file.read_text()
    file.write_text(before.replace("name: router-sealed", "name: another"))
    return lambda: file.write_text(before) and None


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (change_file, "its file changed since"),
        (hide_weights, "weights of .* are not in its folder"),
        (hide_evaluation, "has no candidate that could be judged"),
        (rename_suite, "it is another; .* froze router-sealed"),
    ],
)
def test_what_is_not_the_frozen_candidate_on_the_frozen_suite_opens_nothing(
    run: Path, break_it: Callable[[Path], Callable[[], None]], words: str
) -> None:
    before = sorted(run.parent.iterdir())
    mend = break_it(run)
    try:
        with pytest.raises(UnsealError, match=words):
            prepare(Workspace.of_run(run), run)
    finally:
        mend()
    assert sorted(run.parent.iterdir()) == before


def test_nobody_there_to_ask_opens_nothing(shell: Shell, run: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui", "unseal", run.name],
        cwd=shell.workspace,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1 and "say --yes" in done.stderr
    assert [*run.parent.iterdir()] == [run]


def test_what_would_judge_it_is_agreed_to_before_the_seal_is_broken(
    shell: Shell, run: Path
) -> None:
    target = shell.workspace / "targets" / "drone-router"
    forge, scorer = target / "forge.yaml", target / "scorer.py"
    before = forge.read_text()
    forge.write_text(before.replace(SEALED, SEALED.replace("json_cmd", "custom")))
    scorer.write_text("def score(expected, answer): return 1.0\n")
    try:
        done = shell("unseal", run.name)
    finally:
        forge.write_text(before)
        scorer.unlink()
    assert done.returncode == 1 and "the Python of scorer.py" in done.stderr
    assert "Nobody can be asked here" in done.stderr
    assert [*run.parent.iterdir()] == [run]


@pytest.fixture(scope="module")
def opened(shell: Shell, run: Path) -> Path:
    done = shell("unseal", run.name, "--yes", "--reason", "the final candidate")
    assert done.returncode == 0, done.stderr
    (path,) = (one for one in run.parent.iterdir() if one != run)
    return path


def test_the_seal_is_broken_by_a_run_of_its_own(run: Path, opened: Path) -> None:
    config = record(opened, "config.json")
    assert config["parent_run_id"] == run.name
    assert config["eval"]["opens"] == config["eval"]["primary"] == "router-sealed"
    assert config["eval"]["threshold"] == record(run, "config.json")["eval"]["threshold"]
    first, second = events(opened)[:2]
    assert first["kind"] == "run-created" and second["kind"] == "suite-opened"
    assert second["suite"] == "router-sealed" and second["before"] == 0
    assert second["reason"] == "the final candidate"
    assert second["sha256"] == first["suites"]["router-sealed"]
    candidate = record(opened, "eval-candidate.json")
    assert (candidate["suite"], candidate["n"], candidate["seed"]) == ("router-sealed", 60, 5)
    weights = [one / "adapters" / "adapters.safetensors" for one in (run, opened)]
    assert sha256_file(weights[0]) == sha256_file(weights[1])
    assert errors(opened) == [] and errors(run) == []
    drafted = draft(opened)
    assert "leakage" not in " ".join(drafted.ship_refusals).lower()
    assert drafted.contents.tries is not None and drafted.contents.tries.count == 1


def test_it_is_opened_once(shell: Shell, run: Path, opened: Path) -> None:
    for again in ((), ("--again",), ("--again", "--reason", " ")):
        done = shell("unseal", run.name, "--yes", *again)
        assert done.returncode == 1, done.stderr
        assert f"was opened before, for {opened.name}" in done.stderr
        assert "--again --reason" in done.stderr
    itself = shell("unseal", opened.name, "--yes")
    assert itself.returncode == 1 and "opened router-sealed itself" in itself.stderr
    # Who throws the run away has still seen the answers.
    assert shell("delete", opened.name).returncode == 0
    ready = shell("unseal", run.name, "--yes")
    assert ready.returncode == 1 and "was opened before" in ready.stderr
    assert shell("restore", opened.name).returncode == 0
    unsealing = prepare(Workspace.of_run(run), run, again=True, reason="a bug in the scorer")
    assert unsealing.draft.events[0]["before"] == 1
