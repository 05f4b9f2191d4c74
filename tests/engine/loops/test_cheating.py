"""Attempts to make a loop look better than its model is: each is refused, with a sentence.

Real files, the real runner and a teacher over HTTP. What was refused stands in the loop's own
records (that it was, and why), and nowhere where it could do something.
"""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.folder import sha256_file
from engine.loops.flywheel import planning
from engine.loops.flywheel.canonical import read_lines
from engine.loops.flywheel.flywheel import Flywheel
from engine.loops.flywheel.teacher_plan import taken
from engine.loops.folder import LoopFolder
from engine.loops.patches import check_patches
from engine.loops.runner import Runner
from engine.records.loop import IterationData, IterationPlan, LoopPhase
from engine.records.teaching import ExperimentPlan
from engine.teaching.gold import Gold
from engine.workspace import Workspace
from tests.engine.loops.teaching import (
    KEY,
    KEY_NAME,
    by_purpose,
    found_in,
    name_teacher,
    plan,
    rows,
    said,
)
from tests.engine.loops.wheel import STAGE, agree_now, experiments, make_loop, make_wheel, turn
from tests.engine.teaching.double import Double, Say

Make = Callable[..., Double]

PLACES = ["harbour", "mill", "orchard", "quarry", "chapel", "market", "bridge", "lighthouse"]
THINGS = ["barrels", "lanterns", "ropes", "ladders", "blankets", "engines"]
GOLD = [
    f"please carry all of the {thing} over to the old {place} before the evening"
    for thing in THINGS
    for place in PLACES
][:30]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A wheel whose gold rows are sentences, and a key for its teacher."""
    monkeypatch.setenv(KEY_NAME, KEY)
    workspace = make_wheel(tmp_path)
    lines = [json.dumps(row) for row in json.loads(rows(GOLD).text)]
    gold = workspace.target_path("counter") / "dataset/gold.jsonl"
    gold.write_text("\n".join(lines) + "\n")
    return workspace


def outside_of_its_own_records(folder: LoopFolder, text: str) -> list[str]:
    """Where a text stands besides gold itself and the ledger of what was said."""
    own = {"dataset/gold.jsonl", "teachers.jsonl"}
    return [
        str(path.relative_to(folder.workspace.path))
        for path in found_in(folder.workspace.path, text)
        if not any(str(path).endswith(name) for name in own)
    ]


# --- plans -------------------------------------------------------------------------------

CHEATS: list[tuple[dict[str, Any], str, str]] = [
    ({"eval": {"target_accuracy": 0}}, "eval.target_accuracy", "judged by"),
    ({"eval.target_accuracy": 0.0}, "eval.target_accuracy", "judged by"),
    ({"eval": 0}, "eval", "judged by"),
    ({"eval": {"scorer": "contains"}}, "eval.scorer", "judged by"),
    ({"eval.forbidden_commands": []}, "eval.forbidden_commands", "judged by"),
    ({"eval": {"safety_violations_allowed": 99}}, "eval.safety_violations_allowed", "judged by"),
    ({"dataset": {"gold": "dataset/canonical.jsonl"}}, "dataset.gold", "which files are gold"),
    ({"dataset.canonical": "../../../etc/x.jsonl"}, "dataset.canonical", "which files are gold"),
    (
        {"factory": {"suites": {"primary": {"file": "dataset/canonical.jsonl"}}}},
        "factory.suites.primary.file",
        "the ruler is locked",
    ),
    ({"factory": {"suites.primary.scorer": "x"}}, "factory.suites.primary.scorer", "ruler"),
    ({"factory.gates.primary_min": 0}, "factory.gates.primary_min", "bounds were set before"),
    ({"factory": {"gates": {"beat_baseline": False}}}, "factory.gates.beat_baseline", "bounds"),
    ({"factory.stages": [{"name": "train", "argv": ["true"]}]}, "factory.stages", "executed"),
    ({"factory.data.generator": "../../evil.py"}, "factory.data.generator", "which code"),
    ({"factory": {"eval": {"temperature": 2}}}, "factory.eval.temperature", "part of the ruler"),
    ({"factory": {"train": {"resume_from": "../x"}}}, "factory.train.resume_from", "none of the"),
    ({"factory": {"plan": {"eval.scorer": ["x"]}}}, "factory.plan.eval.scorer", "none of the"),
    ({"flywheel": {"max_iterations": 1000}}, "flywheel.max_iterations", "how long the loop"),
    ({"promotion.hf_repo": "me/mine"}, "promotion.hf_repo", "where an adapter goes"),
    ({"model": {"base": "../other"}}, "model.base", "another base"),
    ({"training": {"learning_rate": 9}}, "training.learning_rate", "outside of"),
    ({"training": {"learning_rate": "nan"}}, "training.learning_rate", "no number"),
    ({"training": {"learning_rate": {"eval": 0}}}, "training.learning_rate.eval", "none of the"),
    ({"lora.target_modules": ["../../lm_head"]}, "lora.target_modules", "none of q_proj"),
    ({"factory.data.rows": 10**9}, "factory.data.rows", "outside of"),
    ({"\x1b[2Jeval": 0}, "eval", "none of the"),
]


def test_a_plan_cannot_touch_what_it_is_judged_by(place: Workspace, double: Make) -> None:
    """Each cheat alone and for good, in a plan of its own; one honest patch goes through."""
    target = place.target_path("counter")
    before = (target / "forge.yaml").read_text()
    hashes = {one: sha256_file(target / one) for one in ("dataset/gold.jsonl", "stage.py")}
    every: dict[str, Any] = {}
    for cheat, _, _ in CHEATS:
        for key, value in cheat.items():
            old = every.setdefault(key, value)
            if isinstance(old, dict) and isinstance(value, dict):
                every[key] = {**old, **value}
    plans = [
        plan("A", config_patches=every | {"lora.r": 4}, forge_yaml_patches=every),
        *[plan("B", config_patches=one, forge_yaml_patches=one) for one, _, _ in CHEATS[:2]],
    ]
    name_teacher(place, double(by_purpose(plans, [plan()])))
    folder = make_loop(place, planner="wise", iterations=3)
    assert turn(folder) == 0
    drafts = [folder.done(number, IterationPlan) for number in (1, 2, 3)]
    assert [one.patches if one else None for one in drafts] == [{"lora.r": 4}, {}, {}]
    assert all(one is not None and one.permanent == {} and one.by == "wise" for one in drafts)
    assert (target / "forge.yaml").read_text() == before
    assert {one: sha256_file(target / one) for one in hashes} == hashes
    for path in place.run_paths():
        config = json.loads((path / "config.json").read_text())
        assert config["eval"]["threshold"]["primary_min"] == 0.8
        assert config["eval"]["threshold"]["beat_baseline"] is True
    assert folder.loop().limits.target_score == 0.99
    assert "eval.target_accuracy: what a model is judged by" in said(folder, "refused")
    assert "\x1b" not in (folder.path / "iterations/001/plan.json").read_text()
    assert "\\u001b" not in (folder.path / "events.jsonl").read_text()


@pytest.mark.parametrize(("patches", "name", "why"), CHEATS)
def test_every_cheat_is_refused_with_its_reason(
    patches: dict[str, Any], name: str, why: str
) -> None:
    said_plan = ExperimentPlan(hypothesis="h", config_patches=patches, forge_yaml_patches=patches)
    found, _ = taken(said_plan, 1, "wise", None, Gold())
    assert found.patches == {} == found.permanent
    assert [one.name for one in found.refused] == [name, name]
    assert why in found.refused[0].reason


def test_patches_nested_without_an_end_are_refused() -> None:
    tree: dict[str, Any] = {"a": 1}
    for _ in range(5000):
        tree = {"a": tree}
    assert check_patches(tree).taken == {}


def test_a_plan_that_no_run_can_be_made_of_is_refused(place: Workspace, double: Make) -> None:
    """Its patches are within bounds, and the base has no such module: the loop goes on."""
    base = place.path / "models/narrow"
    base.mkdir(parents=True)
    (base / "config.json").write_text('{"model_type": "qwen3"}')
    tensor = {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4]}
    header = json.dumps({"model.layers.0.self_attn.q_proj.weight": tensor}).encode()
    (base / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    target = place.target_path("counter")
    forge = (target / "forge.yaml").read_text()
    forge = forge[: forge.index("  stages:")].replace("  base: {hidden_size: 16}\n", "")
    forge = forge.replace("base: base", f"load_in_4bit: false, base: {base}")
    forge = forge.replace("dropout: 0}", "dropout: 0, target_modules: [q_proj]}")
    (target / "forge.yaml").write_text(forge + "  stages: [data, train, eval-candidate]\n")
    modules = {"lora.target_modules": ["gate_proj"], "lora.r": 4}
    name_teacher(place, double(plan(config_patches=modules)))
    found = planning.drafted(Flywheel(Runner(make_loop(place, planner="wise"))), 1)
    assert found.by == "wise" and found.patches == {}
    assert [one.name for one in found.refused] == ["lora.target_modules", "lora.r"]
    assert "no run can be made with it: " in found.refused[0].reason
    assert "has no gate_proj" in found.refused[0].reason


def test_a_thousand_million_rows(place: Workspace, double: Make) -> None:
    name_teacher(place, double(by_purpose([plan(augment_n=10**9)], [plan()])))
    generator = place.target_path("counter") / "generator.py"
    generator.write_text(
        generator.read_text() + "\n_all = generate\n\ndef generate(n, focus=None,"
        " seed=0):\n    assert n <= 5000, n\n    return _all(min(n, 50), focus, seed)\n"
    )
    folder = make_loop(place, planner="wise", iterations=1)
    assert turn(folder) == 0
    first, data = folder.done(1, IterationPlan), folder.done(1, IterationData)
    assert first is not None and first.augment_n == 5000
    assert "adds at most 5,000 rows" in first.refused[0].reason
    assert data is not None and data.asked == 5000 and 0 < data.added <= 150


# --- rows --------------------------------------------------------------------------------


def variants(text: str) -> dict[str, str]:
    """A held-out question as somebody would smuggle it in."""
    return {
        "verbatim": text,
        "case and spaces": f"  {text.upper().replace(' ', '   ')} ",
        "slightly changed": text.replace("please carry all", "please carry, all").replace(
            "before the evening", "before the evenings"
        )
        + "!",
        "wrapped": f"Good morning. My neighbour said to me: {text}, and then he went home again.",
        "full width": text.translate({ord(a): ord(a) + 0xFEE0 for a in "abcdefghij"}),
    }


def test_gold_does_not_come_back_as_training_rows(place: Workspace, double: Make) -> None:
    smuggled = [one for text in GOLD[:4] for one in variants(text).values()]
    honest = [f"count the {thing} again" for thing in THINGS]
    written = json.loads(rows([*smuggled, *honest]).text)
    written[-1]["category"] = GOLD[5]  # where nobody looks for a question
    name_teacher(place, double(Say(json.dumps(written))))
    folder = make_loop(place, data_from="wise", iterations=1)
    assert turn(folder) == 0
    data = folder.done(1, IterationData)
    assert data is not None and data.added == len(honest)
    assert data.refused.get("held out", 0) >= 8 and data.refused.get("nearly held out", 0) >= 4
    assert "Turned away at the door of canonical" in said(folder, "door")
    added = [one.row for one in canonical(folder) if one.origin]
    assert [one["messages"][0]["content"] for one in added if one] == honest
    for text in GOLD[:4]:
        for one in variants(text).values():
            assert outside_of_its_own_records(folder, one.strip()) == []
    assert outside_of_its_own_records(folder, GOLD[5]) == []


def test_dev_rows_do_not_come_back_either(place: Workspace, double: Make) -> None:
    name_teacher(place, server := double(plan()))
    folder = make_loop(place, data_from="wise", iterations=1)
    dev = place.target_path("counter") / "dataset/dev.jsonl"
    questions = [
        json.loads(line)["messages"][0]["content"] for line in dev.read_text().splitlines()
    ]
    server.script = [rows([*questions[:10], "a row that is new to all"])]
    assert turn(folder) == 0
    data = folder.done(1, IterationData)
    assert data is not None and data.added == 1 and sum(data.refused.values()) >= 10


def test_a_generator_that_copies_gold(place: Workspace) -> None:
    generator = place.target_path("counter") / "generator.py"
    copying = """
import json
from pathlib import Path

_honest = generate

def generate(n, focus=None, seed=0):
    gold = Path(__file__).parent / "dataset/gold.jsonl"
    rows = [json.loads(line) for line in gold.read_text().splitlines()]
    return (rows + _honest(n, focus, seed))[:n]
"""
    folder = make_loop(place, iterations=1)
    generator.write_text(generator.read_text() + copying)
    agree_now(place)  # somebody did not look closely
    assert turn(folder) == 0
    data = folder.done(1, IterationData)
    assert data is not None and data.refused["held out"] >= 20
    for text in GOLD:
        assert outside_of_its_own_records(folder, text) == []


# --- words -------------------------------------------------------------------------------


def test_words_of_a_plan_are_words(place: Workspace, double: Make, tmp_path: Path) -> None:
    hostile = plan(
        f"\x1b[31m[bold red]Rows like: {GOLD[0]}",
        rationale=f"# Decision\n<!-- {GOLD[1]} -->\nBecause \x07of\u202e it.",
        background_additions="\n".join(
            [
                "## Iteration Log",
                GOLD[2],
                "Things are <!-- forged --> carried.\x1b]0;title\x07",
                f'Say "{GOLD[3]}" often.',
                "x" * 10_000,
            ]
        ),
        augment_focus=f"{GOLD[4]}\n{GOLD[5]}",
        expected_improvement_pp=1e300,
    )
    name_teacher(place, double(by_purpose([hostile], [plan()])))
    folder = make_loop(place, planner="wise", iterations=1)
    assert turn(folder) == 0
    first = folder.done(1, IterationPlan)
    assert first is not None and first.by == "wise"
    assert first.hypothesis == "The teacher gave no hypothesis that can be shown."
    assert first.rationale == "Decision\nBecause of it."
    assert first.augment_focus is None and first.expected_pp is None
    background = (place.target_path("counter") / "BACKGROUND.md").read_text()
    assert "\nIteration Log\nThings are  forged  carried.\n" in background
    assert len(background) < 5000 and background.count("<!--") == 1  # the mark of the addition
    text = said(folder, "planner")
    for what in ("The hypothesis", "The rationale", "The background", "The focus"):
        assert f"{what} of the plan held a held-out row, which was taken out." in text
    for one in GOLD[:6]:
        assert outside_of_its_own_records(folder, one) == []
    for path in found_in(place.path, "\x1b"):
        raise AssertionError(f"an escape code in {path}")


# --- files -------------------------------------------------------------------------------


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "gitconfig"
    config.write_text("[user]\nname = A\nemail = a@b.c\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))


def test_somebody_elses_repository_is_left_alone(
    place: Workspace, double: Make, repository: None
) -> None:
    git(place.path, "init", "-q")
    (place.path / "readme.txt").write_text("theirs\n")
    git(place.path, "add", "readme.txt")
    git(place.path, "commit", "-qm", "theirs")
    (place.path / "staged.txt").write_text("staged by them\n")
    git(place.path, "add", "staged.txt")
    (place.path / ".env").write_text("TOKEN=verysecret123\n")
    name_teacher(place, double(by_purpose([plan("git add -A; $(rm -rf /)")], [plan()])))
    folder = make_loop(place, planner="wise", commits=True, iterations=1)
    assert turn(folder) == 0
    assert git(place.path, "log", "--format=%s").split() == ["theirs"]
    assert git(place.path, "diff", "--cached", "--name-only").split() == ["staged.txt"]
    assert "inside somebody else's repository" in said(folder, "commit")


def test_its_own_repository_gets_its_own_files(
    place: Workspace, double: Make, repository: None
) -> None:
    target = place.target_path("counter")
    git(target, "init", "-q")
    git(target, "add", "forge.yaml", "dataset", "generator.py", "stage.py")
    git(target, "commit", "-qm", "first")
    (target / "foreign.txt").write_text("staged by a person\n")
    git(target, "add", "foreign.txt")
    (target / ".env").write_text(f"{KEY_NAME}=from-the-file-7731\n")
    permanent = plan("More words\nthan one line", forge_yaml_patches={"lora.r": 4})
    name_teacher(place, double(by_purpose([permanent], [rows(GOLD)])))
    folder = make_loop(place, planner="wise", data_from="wise", commits=True, iterations=1)
    assert turn(folder) == 0
    log = git(target, "log", "--format=%s", "--name-only", "-1")
    assert log.startswith("forge iter 1: ") and "More words than one line" in log
    assert "forge.yaml" in log and "foreign.txt" not in log and ".env" not in log
    assert git(target, "diff", "--cached", "--name-only").split() == ["foreign.txt"]
    committed = git(target, "show", "HEAD")
    assert not [text for text in GOLD if text in committed]
    assert "from-the-file-7731" not in "".join(
        path.read_text("utf-8", "replace")
        for path in place.path.rglob("*")
        if path.is_file() and path.name != ".env"
    )


def canonical(folder: LoopFolder) -> list[Any]:
    return read_lines(folder.workspace.target_path("counter") / "dataset/canonical.jsonl")


def edits(what: str) -> str:
    """The stage program, that changes a file of the target while it trains."""
    start = 'if what == "train":'
    return STAGE.replace(start, f"{start}\n    {what}")


def test_canonical_that_was_edited_meanwhile_is_kept_and_leaks_are_said(tmp_path: Path) -> None:
    """A person's line stays byte for byte, also where it is a gold row: it is theirs to remove."""
    line = '{"prompt":  "gold question about the number 3 of 9", "completion": "yes"}'
    stage = edits(f"open(target / 'dataset/canonical.jsonl', 'a').write({line!r})")
    folder = make_loop(make_wheel(tmp_path, stage=stage), iterations=1)
    assert turn(folder) == 0
    lines = canonical(folder)
    assert lines[12].raw.decode() == line  # without an end of its own, and nothing ran into it
    assert all(one.row is not None for one in lines) and len(lines) > 13
    assert "1 rows are held out (the first: line 13)" in said(folder, "leaks")


@pytest.mark.parametrize(
    "name", ["dataset/gold.jsonl", "dataset/dev.jsonl", "dataset/breadth.jsonl"]
)
def test_a_ruler_that_changes_meanwhile_stops_the_loop(tmp_path: Path, name: str) -> None:
    stage = edits(f"(target / {name!r}).write_text('')")
    folder = make_loop(make_wheel(tmp_path, stage=stage), iterations=3)
    assert turn(folder) == 1
    status = folder.status()
    assert status.phase is LoopPhase.FAILED and f"{name} is not what it was" in str(status.reason)
    assert status.best_run is None
    assert experiments_done(folder) == 0


def experiments_done(folder: LoopFolder) -> int:
    try:
        return len(experiments(folder))
    except AssertionError:
        return 0


def test_a_key_that_comes_back_is_kept_nowhere(place: Workspace, double: Make) -> None:
    """Not in the plan, the background, a row, or the ledger of what was said."""
    talkative = plan(
        f"Use {KEY} for this.",
        rationale=KEY,
        config_patches={"eval.scorer": KEY},
        background_additions=f"The key is {KEY}.",
        augment_focus=f"questions about {KEY}",
    )
    written = rows([f"what is {KEY} good for", "a row that is new to all"])
    name_teacher(place, double(by_purpose([talkative], [written])))
    folder = make_loop(place, planner="wise", data_from="wise", iterations=1)
    assert turn(folder) == 0
    first, data = folder.done(1, IterationPlan), folder.done(1, IterationData)
    assert first is not None and first.by == "wise" and data is not None and data.added > 0
    assert found_in(place.path, KEY) == []
