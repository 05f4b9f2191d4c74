"""A flywheel with a teacher: its plans and rows are taken, its failures end no night."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.loops.flywheel import growing, planning
from engine.loops.flywheel.canonical import add_each, read_lines
from engine.loops.flywheel.making import MakeError
from engine.loops.folder import LoopFolder
from engine.records.loop import IterationData, IterationPlan, LoopPhase
from engine.target import load_target
from engine.teaching.ledger import calls_in
from engine.workspace import Workspace
from tests.engine.loops.project_kit import run
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
from tests.engine.loops.wheel import FORGE, STAGE, experiments, make_loop, make_wheel, turn
from tests.engine.teaching.double import Double, Refuse, Say, Silence

Make = Callable[..., Double]

COLOURS = ["red", "green", "blue", "black", "white", "grey", "pink", "brown", "gold", "teal"]


def questions(word: str, count: int = 40) -> list[str]:
    """Questions that are alike to nothing else."""
    return [
        f"{word} {COLOURS[i % 10]} lamp at the {COLOURS[i // 10]} door, shelf {chr(97 + i % 26)}"
        for i in range(count)
    ]


def writer(request: Any) -> Say:
    """Writes what it is asked for, always something new."""
    writer.calls = getattr(writer, "calls", 0) + 1  # type: ignore[attr-defined]
    return rows([f"{one} call {writer.calls}" for one in questions("switch on the", 20)])  # type: ignore[attr-defined]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv(KEY_NAME, KEY)
    return make_wheel(tmp_path)


def canonical(folder: LoopFolder) -> list[dict[str, Any]]:
    path = folder.workspace.target_path("counter") / "dataset/canonical.jsonl"
    return [line.row for line in read_lines(path) if line.row]


def test_a_good_teacher_plans_and_writes(place: Workspace, double: Make) -> None:
    good = plan(
        "A smaller rank is enough.",
        rationale="It has few rows.",
        config_patches={"lora": {"r": "4"}},
        forge_yaml_patches={"training.learning_rate": "5e-4"},
        background_additions="Lamps are switched by name.",
        augment_focus="lamps of the slice small",
        augment_n=20,
        expected_improvement_pp="+3 pp",
    )
    server = double(by_purpose([good], [writer]))
    name_teacher(place, server)
    folder = make_loop(place, planner="wise", data_from="wise", iterations=2)
    target = place.target_path("counter")
    forge = (target / "forge.yaml").read_text()
    assert turn(folder) == 0, folder.status().reason

    first = folder.done(1, IterationPlan)
    assert first is not None and first.by == "wise" and first.refused == []
    assert first.patches == {"lora.r": 4} and first.permanent == {"training.learning_rate": 5e-4}
    assert (first.expected_pp, first.augment_n) == (3, 20)
    # The patches of an iteration are in its run alone; what is to last is in forge.yaml.
    config = json.loads(
        next(iter(sorted(place.run_paths())), Path()).joinpath("config.json").read_text()
    )
    assert config["hyperparameters"]["lora"]["rank"] == 4
    assert config["hyperparameters"]["learning_rate"] == 5e-4
    assert config["hypothesis"] == "A smaller rank is enough."
    now = (target / "forge.yaml").read_text()
    assert now == forge.replace("learning_rate: 1e-3", "learning_rate: 0.0005")
    background = (target / "BACKGROUND.md").read_text()
    assert background.count("Lamps are switched by name.") == 1  # both iterations found it out
    # Rows have the model and the prompt that they are from.
    data = folder.done(1, IterationData)
    assert data is not None and (data.added, data.asked, data.by) == (20, 20, "wise")
    written = [row for row in canonical(folder) if row.get("origin", {}).get("iteration") == 1]
    assert len(written) == 20
    prompts = {made.prompt_sha256 for made, _ in calls_in(folder.path / "teachers.jsonl")}
    origin = written[0]["origin"]
    assert origin["kind"] == "augmented" and origin["by"] == "wise"
    assert origin["prompt_sha256"] in prompts and origin["failures"]
    assert origin["focus"] == "lamps of the slice small"
    # What it cost is counted: four calls of 11 and 7 tokens at 1 and 2 dollars for a thousand.
    spent = folder.status().spent
    assert (spent.calls, spent.tokens) == (4, 72)
    assert spent.usd == pytest.approx(4 * (11 * 0.001 + 7 * 0.002))
    # What was tried is told the next time, and how dev fails, but no row of it.
    second = server.prompts()[2]
    assert "You plan the next experiment" in second
    assert '"hypothesis": "A smaller rank is enough."' in second and '"outcome": "kept"' in second
    assert "lora.r: 8; whole numbers 1 to 256" in second
    assert '"slice": "small"' in second and '"times"' in second
    dev = (target / "dataset/dev.jsonl").read_text().splitlines()
    gold = (target / "dataset/gold.jsonl").read_text().splitlines()
    held = [json.loads(line)["messages"][0]["content"] for line in [*dev, *gold]]
    for prompt in server.prompts():
        assert not [text for text in held if text in prompt]
    assert found_in(place.path, KEY) == []


def test_a_teacher_that_fails_ends_no_night(place: Workspace, double: Make) -> None:
    server = double(Say("I would rather talk about the weather."))
    name_teacher(place, server)
    folder = make_loop(place, planner="wise", data_from="wise", iterations=2)
    assert turn(folder) == 0
    assert [one[2] for one in experiments(folder)] == ["kept", "kept"]
    first, data = folder.done(1, IterationPlan), folder.done(1, IterationData)
    assert first is not None and first.by == "settings"
    assert "asked 3 times and gave nothing" in (first.rationale or "")
    assert "built-in planner plans iteration 1" in said(folder, "planner")
    assert data is not None and data.by == "generator.py" and data.added > 0
    assert "The generator writes the rows instead." in (data.note or "")
    assert folder.status().spent.calls == 12


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (Refuse(400, "no such thing"), "no such thing"),
        (Refuse(401, "who are you"), "Look at the key"),
        (Say('{"hypothesis": "cut o'), "gave nothing that can be used"),
        (Silence(), "was not done within 1 s"),
    ],
)
def test_whatever_it_does_the_sampler_plans(
    place: Workspace, double: Make, step: Any, words: str
) -> None:
    name_teacher(place, double(step), timeout_s=1.0)
    folder = make_loop(place, planner="wise", iterations=1)
    assert turn(folder) == 0
    first = folder.done(1, IterationPlan)
    assert first is not None and first.by == "settings" and words in (first.rationale or "")


def test_a_key_that_is_gone_and_one_that_never_was(
    place: Workspace, double: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_teacher(place, double(plan()))
    folder = make_loop(place, planner="wise", iterations=1)
    monkeypatch.delenv(KEY_NAME)
    with pytest.raises(MakeError, match=f"{KEY_NAME} is not set"):
        make_loop(place, planner="wise")
    with pytest.raises(MakeError, match=r"There is no teacher wisse\. Did you mean wise"):
        make_loop(place, data_from="wisse")
    assert turn(folder) == 0
    first = folder.done(1, IterationPlan)
    assert first is not None and KEY_NAME in (first.rationale or "")


def test_the_loop_ends_when_its_budget_is_spent(place: Workspace, double: Make) -> None:
    server = double(by_purpose([plan()], [writer]))
    name_teacher(place, server, max_tokens=500)
    folder = make_loop(place, planner="wise", iterations=9, tokens=2500)
    assert turn(folder) == 0
    status = folder.status()
    assert status.phase is LoopPhase.COMPLETED
    assert status.spent.full and "no room for another call" in (status.reason or "")
    assert 0 < status.spent.tokens <= 2500
    last = folder.done(folder.iterations()[-1], IterationPlan)
    assert last is not None and last.by == "settings"
    assert "The budget for teachers is 2,500 tokens" in (last.rationale or "")
    assert len(server.asked) == status.spent.calls < 9


def test_money_ends_it_as_well(place: Workspace, double: Make) -> None:
    server = double(plan())
    name_teacher(place, server, max_tokens=100, output_usd=10_000.0, input_usd=0.0)
    folder = make_loop(place, planner="wise", iterations=9, usd=1.05)
    assert turn(folder) == 0
    status = folder.status()
    assert status.spent.full and status.spent.usd == pytest.approx(0.07 * status.spent.calls)
    assert status.spent.calls == 1


def test_permanent_patches_that_crash_are_not_written(place: Workspace, double: Make) -> None:
    """They would crash every iteration after this one."""
    greedy = STAGE.replace(
        'if what == "train":',
        """if what == "train":
    if config["hyperparameters"]["lora"]["rank"] > 64:
        sys.exit("no room for that")""",
    )
    (place.target_path("counter") / "stage.py").write_text(greedy)
    plans = [plan("Huge.", forge_yaml_patches={"lora.r": 256}), plan("As it was.")]
    name_teacher(place, double(by_purpose(plans, [writer])))
    folder = make_loop(place, planner="wise", iterations=2)
    target = place.target_path("counter")
    forge = (target / "forge.yaml").read_text()
    assert turn(folder) == 0
    assert [one[2] for one in experiments(folder)] == ["crashed", "kept"]
    assert (target / "forge.yaml").read_text() == forge


def test_a_generator_is_told_of_slices_that_there_are(place: Workspace, double: Make) -> None:
    """A plan's focus is prose; a generator knows its slices and refuses all others."""
    generator = place.target_path("counter") / "generator.py"
    strict = """

_any = generate

def generate(n, focus=None, seed=0):
    if unknown := set(focus or ()) - {"small", "large"}:
        raise ValueError(f"no such slice: {unknown}")
    return _any(n, focus, seed)
"""
    generator.write_text(generator.read_text() + strict)
    prose = plan(augment_focus="Large things, and what smallness means; also weather.", augment_n=8)
    unknown = plan(augment_focus="the weather", augment_n=8)
    name_teacher(place, double(by_purpose([prose, unknown], [plan()])))
    folder = make_loop(place, planner="wise", iterations=2)
    assert turn(folder) == 0
    first, second = folder.done(1, IterationData), folder.done(2, IterationData)
    assert first is not None and (first.added, first.focus) == (8, "large")
    assert second is not None and second.added == 8
    assert set(str(second.focus).split(", ")) == {"small", "large"}


class Killed(BaseException):
    """What a process does not survive."""


def test_killed_before_the_draft_it_asks_again_and_after_it_does_not(
    place: Workspace, double: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = double(by_purpose([plan("First."), plan("Second."), plan("Third.")], [writer]))
    name_teacher(place, server)
    folder = make_loop(place, planner="wise", iterations=1)
    write = planning.write_draft

    def dies(*_: Any) -> None:
        raise Killed

    def dies_after(*given: Any) -> None:
        write(*given)
        raise Killed

    for writes, calls in ((dies, 1), (dies_after, 2)):
        monkeypatch.setattr(planning, "write_draft", writes)
        with pytest.raises(Killed):
            turn(folder)
        assert len(server.asked) == calls
        assert folder.status().spent.calls == calls
    monkeypatch.setattr(planning, "write_draft", write)
    assert turn(folder) == 0
    plans = [one for one in server.prompts() if "You plan the next" in one]
    assert len(plans) == 2 and folder.status().spent.calls == 2
    first = folder.done(1, IterationPlan)
    assert first is not None and first.hypothesis == "Second."


def test_rows_are_written_once_whenever_it_is_killed(
    place: Workspace, double: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = double(writer)
    name_teacher(place, server)
    folder = make_loop(place, data_from="wise", iterations=1)
    add = add_each

    def dies(*_: Any) -> int:
        raise Killed

    def dies_after(*given: Any) -> int:
        add(*given)
        raise Killed

    monkeypatch.setattr(growing, "add_each", dies)
    with pytest.raises(Killed):
        turn(folder)
    before = len(server.asked)
    assert before > 0 and len(canonical(folder)) == 12
    monkeypatch.setattr(growing, "add_each", dies_after)
    with pytest.raises(Killed):
        turn(folder)
    asked = len(server.asked)
    there = len(canonical(folder))
    assert asked > before and there > 12
    monkeypatch.setattr(growing, "add_each", add)
    assert turn(folder) == 0
    assert len(server.asked) == asked == folder.status().spent.calls
    assert len(canonical(folder)) == there


def test_who_writes_where_nobody_is_named(place: Workspace, double: Make, tmp_path: Path) -> None:
    server = double(writer)
    name_teacher(place, server, name="claude-x")
    target = place.target_path("counter")
    assert make_loop(place).loop().data_from == "generator"
    assert make_loop(place, data_from="none").loop().data_from is None
    bare = FORGE.replace("data: {generator: generator.py, rows: 40,", "data: {rows: 40,")
    loops = {}
    # No dev suite can be made of 12 rows: it is there from the loop before.
    for name in ("claude-x", "claude-sonnet-4-6", "tiny@http://10.1.2.3:9/v1", "local"):
        text = bare.replace("augment_per_failure: 10", f"datagen_model: '{name}'")
        (target / "forge.yaml").write_text(text)
        loops[name] = make_loop(place).loop().data_from
    # A key that is there, or this machine; an address that nobody here chose is not asked.
    assert loops == {
        "claude-x": "claude-x",
        "claude-sonnet-4-6": None,
        "tiny@http://10.1.2.3:9/v1": None,
        "local": "local",
    }
    assert make_loop(place, data_from="tiny@http://10.1.2.3:9/v1").loop().data_from is not None
    (target / "forge.yaml").write_text(text.replace("scorer: exact", "scorer: tool_calls"))
    with pytest.raises(MakeError, match="Rows for the scorer tool_calls"):
        make_loop(place, data_from="claude-x")
    (target / "forge.yaml").write_text(text)
    with pytest.raises(MakeError, match="no generator"):
        make_loop(place, data_from="generator")
    assert load_target(target).forge.factory.data.generator is None
    text = bare.replace("max_iterations: 3", "max_iterations: 3, planner_model: claude-x")
    (target / "forge.yaml").write_text(text)
    assert make_loop(place, planner="teacher").loop().planner == "claude-x"


def test_from_the_command_line(place: Workspace, double: Make) -> None:
    """The runner is a process of its own there: the key reaches it by the environment alone."""
    name_teacher(place, double(by_purpose([plan("Lamps first.")], [writer])))
    begin = ("flywheel", "counter", "--workspace", str(place.path), "--iters", "1", "--yes")
    wrong = run(*begin, "--planner", "wisse")
    assert wrong.code == 3 and "Did you mean wise?" in wrong.err
    assert list((place.path / "loops").glob("*")) == []
    done = run(*begin, "--planner", "wise", "--data", "wise", "--max-usd", "50")
    assert done.code == 0, done.err
    assert "wise at http://127.0.0.1:" in done.err and " plans; " in done.err
    assert "1  plan: Lamps first." in done.err
    assert "Teachers took 2 calls, 36 tokens, $0.05" in done.out
    (folder,) = (place.path / "loops").glob("*-flywheel")
    loop = LoopFolder(folder).loop()
    assert (loop.planner, loop.data_from, loop.limits.usd) == ("wise", "wise", 50)
    assert found_in(place.path, KEY) == []
