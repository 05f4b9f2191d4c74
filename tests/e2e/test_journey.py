"""A whole journey on the command line: train a real model, look, be refused, decide, look again.

The demo's target with so few steps that the specialist is poor: what is tested is the way.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from engine.folder import sha256_file
from tests.e2e.shell import Shell, new_shell, quick_sets


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return new_shell(tmp_path_factory.mktemp("factory"))


@pytest.fixture(scope="module")
def run(shell: Shell) -> Path:
    done = shell("run", "drone-router", "--seed", "5", *quick_sets())
    assert done.returncode == 0, done.stderr
    assert "✔ train" in done.stderr and "✔ report" in done.stderr
    assert "primary" in done.stdout and "after" in done.stdout
    (path,) = (shell.workspace / "runs").iterdir()
    return path


def test_every_number_stands_in_plain_files(shell: Shell, run: Path) -> None:
    told = json.loads(shell("show", run.name, "--json").stdout)
    candidate = json.loads((run / "eval-candidate.json").read_text())
    rows = [json.loads(line) for line in (run / "rows-candidate.jsonl").read_text().splitlines()]
    assert told["primary"]["candidate"] == candidate["score"]
    assert candidate["n"] == len(rows) >= 120
    assert candidate["score"] == pytest.approx(sum(row["score"] for row in rows) / len(rows))
    assert candidate["rows_sha256"] == sha256_file(run / "rows-candidate.jsonl")
    assert [gate["name"] for gate in told["gates"]] == [
        "primary_min",
        "beats_baseline",
        "breadth_drop_max_pp",
    ]


def test_the_events_tell_the_same_story(run: Path) -> None:
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    assert [event["seq"] for event in events] == list(range(len(events)))
    losses = [
        event["values"]["loss"]
        for event in events
        if event["kind"] == "metric" and event["stage"] == "train" and "loss" in event["values"]
    ]
    assert len(losses) == 3 and losses[-1] < losses[0]
    ended = [event["stage"] for event in events if event["kind"] == "stage-end"]
    assert ended == ["pretrain", "data", "eval-baseline", "train", "eval-candidate", "report"]
    phases = [event["to_phase"] for event in events if event["kind"] == "phase"]
    assert phases == [
        "data-ready", "training", "trained", "evaluating", "evaluated", "reporting",
    ]  # fmt: skip


def test_training_rows_and_gold_share_nothing(shell: Shell, run: Path) -> None:
    def prompts(path: Path) -> set[str]:
        rows = (json.loads(line) for line in path.read_text().splitlines() if line.strip())
        return {
            re.sub(r"\W+", " ", message["content"].casefold()).strip()
            for row in rows
            for message in row["messages"]
            if message["role"] == "user"
        }

    target = shell.workspace / "targets/drone-router/dataset"
    gold = prompts(target / "gold.jsonl") | prompts(target / "breadth.jsonl")
    assert len(gold) > 200
    assert gold.isdisjoint(prompts(run / "data/train.jsonl"))
    assert gold.isdisjoint(prompts(run / "data/valid.jsonl"))


def test_listing_and_validating(shell: Shell, run: Path) -> None:
    listed = shell("list")
    assert run.name in listed.stdout and "waits for a decision" in listed.stdout
    (entry,) = json.loads(shell("list", "--json").stdout)
    assert entry["phase"] == "reporting" and entry["liveness"] == "idle"
    validated = shell("validate", run.name, "--json")
    assert validated.returncode == 0, validated.stdout
    (told,) = json.loads(validated.stdout)
    assert told["ok"] and told["decision"] is None


def test_ship_is_refused_then_it_is_parked_then_read_only(shell: Shell, run: Path) -> None:
    refused = shell("decide", run.name, "ship", "--reason", "I want to")
    assert refused.returncode == 1
    assert "primary_min" in refused.stderr and "below the bound" in refused.stderr
    assert not (run / "decision.json").exists()

    nothing_learnt = shell("decide", run.name, "reject", "--reason", "too weak")
    assert nothing_learnt.returncode == 1 and "--lesson" in nothing_learnt.stderr

    parked = shell(
        "decide", run.name, "park", "--reason", "a test", "--failure-reason", "few steps",
        "--confidence", "exact", "--lesson", "train longer",
    )  # fmt: skip
    assert parked.returncode == 0, parked.stderr
    assert json.loads((run / "decision.json").read_text())["decision"] == "park"
    assert "park" in (run / "report.md").read_text()
    assert json.loads((run / "run-status.json").read_text())["phase"] == "decided"

    again = shell("decide", run.name, "reject", "--reason", "changed my mind")
    assert again.returncode == 1 and "decided" in again.stderr
    assert shell("validate", run.name).returncode == 0


def test_a_moved_threshold_is_found(shell: Shell, run: Path) -> None:
    config = run / "config.json"
    original = config.read_text()
    value = json.loads(original)
    value["eval"]["threshold"]["primary_min"] = 0.01
    config.write_text(json.dumps(value))
    try:
        told = shell("validate", run.name)
        assert told.returncode == 1 and "threshold" in told.stdout
    finally:
        config.write_text(original)
    assert shell("validate", run.name).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("show", "nothing-there"), 3, "factory-tui list"),
        (("show", "../../etc"), 3, "is not a run id"),
        (("run", "no-target"), 3, "Targets of this workspace: drone-router"),
        (("run", "drone-router", "--set", "training.batchsize=3"), 3, "did you mean"),
        (("run", "drone-router", "--set", "training.batch_size=-1"), 3, "greater than 0"),
        (("list", "--workspace", "/no/such/dir"), 3, "is not a directory"),
        (("list", "--filter", "score>>"), 2, "score"),
        (("decide", "x"), 2, "Missing"),
        (("fly",), 2, "fly"),
    ],
)
def test_bad_input_is_a_sentence(
    shell: Shell, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = shell(*arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
