"""probe: a model's answers, judged by a teacher or by their words, and held against each other."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.project.probing import judge_by_overlap
from engine.records.evaluation import RowResult
from tests.engine.loops.project_kit import chat, make_project, run, write
from tests.engine.teaching.double import Refuse, Say
from tests.shared import made_once

ROOT = Path(__file__).parents[3]
SCRIPT = {"alpha": "It is a fossil resin.", "bravo": "It is a bird."}
QUESTIONS = [
    {"question": "what is alpha", "ideal": "It is a fossil resin."},
    {"question": "what is bravo", "ideal": "It is a tree."},
]


@pytest.fixture(scope="session")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that answers two questions."""
    code = (
        "import sys, json; from pathlib import Path; "
        "from tests.engine.work.tiny import make_scripted; "
        "make_scripted(Path(sys.argv[1]), json.loads(sys.argv[2]))"
    )

    def make(folder: Path) -> None:
        given = [str(folder / "model"), json.dumps(SCRIPT)]
        subprocess.run([sys.executable, "-c", code, *given], check=True, cwd=ROOT)

    return made_once(tmp_path_factory, "knowing", make) / "model"


@pytest.fixture
def target(tmp_path: Path, knowing: Path) -> Path:
    target = make_project(
        tmp_path, forge=f"model: {{base: {knowing}}}\neval: {{max_new_tokens: 8}}\n"
    )
    write(target / "dataset/probe.jsonl", QUESTIONS)
    return target


def says(one: int) -> Callable[[Any], Say]:
    return lambda request: Say(json.dumps({"score": one, "reason": "so"}))


@pytest.mark.slow
def test_a_real_model_is_asked_and_judged(target: Path, double: Any) -> None:
    done = run("probe", target, "--tag", "base", "--json")
    assert done.code == 0, done.err
    assert "ideal answers are counted instead" in done.err
    found = done.json
    assert found["judge"] == "overlap" and found["total"] == 2
    assert [one["model_answer"] for one in found["results"]] == list(SCRIPT.values())
    assert [one["score"] for one in found["results"]] == [3, 2]
    assert (found["mean_score"], found["pct_correct"], found["max_score"]) == (2.5, 50, 3)
    kept = list((target / "output").glob("probe_base_*.json"))
    assert [str(one) for one in kept] == [found["path"]]

    server = double(says(1), key=None)
    judged = run("probe", target, "--tag", "again", "--teacher", f"{server.root}/v1", "--json")
    assert judged.code == 0, judged.err
    assert [one["score"] for one in judged.json["results"]] == [1, 1]
    assert judged.json["results"][0]["judge_reasoning"] == "so"
    assert "fossil resin" in server.prompts()[0]
    refused = run("probe", target, "--compare")
    assert refused.code == 1 and "two rulers" in refused.err

    gold = [chat("what is alpha")]
    write(target / "dataset/gold.jsonl", gold)
    hidden = run("probe", target, "--tag", "gold", "--teacher", f"{server.root}/v1")
    assert hidden.code == 1 and "Held-out rows are never shown" in hidden.err
    assert len(server.asked) == 2

    broken = double(Refuse(400, "no such model"), key=None)
    write(target / "dataset/gold.jsonl", [chat("other")])
    failed = run("probe", target, "--tag", "no", "--teacher", f"{broken.root}/v1")
    assert failed.code == 1 and "no such model" in failed.err and "no probe" in failed.err


def probed(
    target: Path, tag: str, scores: list[Any], when: str = "2026-01-01", **more: Any
) -> None:
    results = [
        {"question": f"q{i}", "ideal": f"a{i}", "model_answer": "x", "score": score}
        for i, score in enumerate(scores)
    ]
    content = {"tag": tag, "timestamp": f"{when}T00:00:00Z", "max_score": 3, "results": results}
    output = target / "output"
    output.mkdir(exist_ok=True)
    (output / f"probe_{tag}_{when}.json").write_text(json.dumps(content | more))


def test_probes_are_held_against_each_other(tmp_path: Path) -> None:
    target = make_project(tmp_path)
    none = run("probe", target, "--compare")
    assert none.code == 1 and "two are needed" in none.err
    probed(target, "base", [0, 0, 3] * 8, "2026-01-01")
    probed(target, "base", [0, 0, 0] * 8, "2026-01-02")
    probed(target, "read", [3, 3, 0] * 8, "2026-01-03")
    probed(target, "same", [0, 0, 1, *[0] * 21], "2026-01-04")
    (target / "output/probe_cut_2026.json").write_text('{"tag": "cut", "results": [')
    found = run("probe", target, "--compare", "--json").json
    assert [one["tag"] for one in found] == ["base", "read", "same"]
    assert found[0]["delta"] is None and found[1]["delta"] == 2.0
    assert found[1]["interval"][0] > 0 and found[1]["told"].startswith("Better")
    assert "noise" in found[2]["told"].lower()
    table = run("probe", target, "--compare", "--base", "read")
    assert table.code == 0 and "-2.00" in table.out and "+" not in table.out.splitlines()[1]
    assert run("probe", target, "--compare", "--base", "nope").code == 1


def test_changed_questions_and_other_judges_are_not_compared(tmp_path: Path) -> None:
    target = make_project(tmp_path)
    probed(target, "one", [1, 2, 3])
    probed(target, "two", [1, 2, 3, 3])
    changed = run("probe", target, "--compare")
    assert changed.code == 1 and "The questions changed between one and two" in changed.err
    probed(target, "two", [1, 2, 3], judge="overlap")
    other = run("probe", target, "--compare")
    assert other.code == 1 and "judged by nobody named and overlap" in other.err


def test_bad_input(tmp_path: Path) -> None:
    target = make_project(tmp_path)
    assert run("probe", target).code == 2
    assert run("probe", target, "--compare", "--tag", "a").code == 2
    assert "is no tag" in run("probe", target, "--tag", "../a").err
    missing = run("probe", target, "--tag", "a")
    assert missing.code == 3 and "is not on this disk" in missing.err
    adapter = target / "best"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    (target / "forge.yaml").write_text("model: {base: best}\n")
    stacked = run("probe", target, "--tag", "a")
    assert stacked.code == 3 and "is an adapter, not a model" in stacked.err


def test_the_overlap_of_words() -> None:
    def row(ideal: str, got: str) -> RowResult:
        return RowResult(id="1", prompt="q", expected=ideal, got=got, score=0, correct=False)

    rows = [
        row("Red green blue", "red GREEN blue!"),
        row("Red green blue", "blue and red"),
        row("Red green blue", "blue"),
        row("Red green blue", ""),
        row("!", "!"),
    ]
    assert [one.score for one in judge_by_overlap(rows)] == [3, 2, 1, 0, 3]
