"""Planning a run as it is typed, and starting it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.widgets import Static

from engine.folder import RunFolder
from engine.plans.planning import Draft, create
from engine.plans.programs import not_agreed
from engine.plans.starting import StartError
from engine.target import load_target
from engine.workspace import Workspace
from tests.tui.drive import app_on, texts, until, write
from tui.app import FactoryApp
from tui.screens import new_run_work
from tui.screens.models import ModelScreen
from tui.screens.new_run import NewRunScreen
from tui.widgets.confirm import Confirm
from tui.widgets.field import Choice
from tui.widgets.setting_row import SettingRow

FORGE = """
name: echo
model: {base: tiny}
training: {batch_size: 16, learning_rate: 2e-3, seed: 4}
factory:
  goal: Say it again.
  base: {hidden_size: 64}
  train: {iters: 300}
  data: {generator: generator.py, rows: 100, replay_share: 0.0}
"""


def chat(prompt: str, answer: str = '{"cmd": "say"}') -> str:
    turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": turns}) + "\n"


def make_target(workspace: Path, name: str = "echo", forge: str = FORGE) -> Path:
    path = workspace / "targets" / name
    (path / "dataset").mkdir(parents=True)
    (path / "forge.yaml").write_text(forge)
    (path / "generator.py").write_text("def rows(seed, count, skill):\n    return []\n")
    (path / "dataset" / "gold.jsonl").write_text("".join(chat(f"gold {n}") for n in range(60)))
    rows = "".join(chat(f"row {n}") for n in range(200))
    (path / "dataset" / "canonical.jsonl").write_text(rows)
    return path


def row(app: FactoryApp, key: str) -> SettingRow:
    return next(one for one in app.screen.query(SettingRow) if one.setting.key == key)


def check(app: FactoryApp) -> str:
    return str(app.screen.query_one("#check", Static).content)


# --- on the screen ------------------------------------------------------------------


async def test_shows_the_plan_and_the_exact_command(tmp_path: Path) -> None:
    make_target(tmp_path)
    app = app_on(tmp_path, "new_run")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "The same run from a shell" in check(app))
        assert "factory-tui run echo --seed 4" in check(app)
        await until(pilot, lambda: "dataset/gold.jsonl  60 gold rows" in check(app))
        assert row(app, "training.batch_size").entry.placeholder == "16"
        row(app, "factory.train.iters").entry.focus()
        await write(pilot, "400")
        row(app, "seed").entry.value = "9"
        await until(pilot, lambda: "--seed 9 --set factory.train.iters=400" in check(app))
        assert not list(tmp_path.glob("runs/*"))


async def test_what_is_wrong_is_said_at_its_field(tmp_path: Path) -> None:
    make_target(tmp_path)
    app = app_on(tmp_path, "new_run")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "The same run" in check(app))
        row(app, "training.batch_size").entry.value = "0"
        await until(pilot, lambda: "This cannot run yet" in check(app))
        assert row(app, "training.batch_size").has_class("-wrong")
        await pilot.press("ctrl+s")
        await pilot.pause(0.2)
        assert not list(tmp_path.glob("runs/*"))
        row(app, "training.batch_size").entry.value = ""
        row(app, "seed").entry.value = "two"
        await until(pilot, lambda: "must be a whole number" in check(app))
        assert row(app, "seed").has_class("-wrong")


async def test_starting_writes_the_run_and_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_target(tmp_path)

    def only_create(workspace: Workspace, drafted: Draft) -> RunFolder:
        return create(workspace, drafted)

    monkeypatch.setattr(new_run_work, "start_draft", only_create)
    app = app_on(tmp_path)
    opened: list[str] = []
    app.open_run = opened.append  # type: ignore[method-assign]
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NewRunScreen))
        await until(pilot, lambda: "The same run" in check(app))
        row(app, "training.batch_size").entry.value = "8"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: opened)
        await until(pilot, lambda: getattr(app.screen, "ROOM", "") == "runs")
    config = json.loads((tmp_path / "runs" / opened[0] / "config.json").read_text())
    assert config["hyperparameters"]["batch_size"] == 8 and config["seed"] == 4


async def test_what_the_target_brings_is_agreed_to_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = make_target(tmp_path)
    monkeypatch.setattr("engine.plans.starting.launch", lambda run: None)
    app = app_on(tmp_path, "new_run")

    def made() -> int:
        return len(list(tmp_path.glob("runs/*")))

    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "The same run" in check(app))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        assert "the Python of generator.py" in texts(app)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NewRunScreen))
        assert made() == 0
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: made() == 1)
    (target / "generator.py").write_text("import os")
    (one,) = not_agreed(Workspace(tmp_path), load_target(target))
    assert one.shown == "the Python of generator.py"


async def test_a_start_that_fails_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_target(tmp_path)

    def refuse(workspace: Workspace, drafted: Draft) -> RunFolder:
        raise StartError("The disk is full.")

    monkeypatch.setattr(new_run_work, "start_draft", refuse)
    app = app_on(tmp_path, "new_run")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "The same run" in check(app))
        await pilot.press("ctrl+s")
        await until(
            pilot, lambda: any("The disk is full." in one.message for one in app._notifications)
        )
        assert isinstance(app.screen, NewRunScreen)


async def test_chooses_among_targets_and_shows_a_broken_one(tmp_path: Path) -> None:
    make_target(tmp_path)
    make_target(tmp_path, "other", "model: [\n")
    app = app_on(tmp_path, "new_run")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "The same run" in check(app))
        choice = app.screen.query_one(Choice)
        assert choice.value == "echo" and choice.has_focus
        await pilot.press("right")
        await until(pilot, lambda: "forge.yaml, line" in check(app))
        await pilot.press("left")
        await until(pilot, lambda: "factory-tui run echo" in check(app))


async def test_a_workspace_without_targets_says_what_one_is(tmp_path: Path) -> None:
    app = app_on(tmp_path, "new_run")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "No target in this workspace" in texts(app))
        await pilot.press("ctrl+s", "tab")
        assert not list(tmp_path.glob("runs/*"))


async def test_commands_of_the_target_are_shown_before_they_run(tmp_path: Path) -> None:
    stage = "\n  stages: [data, {name: train, argv: [sh, -c, 'echo [b]hi']}]\n"
    make_target(tmp_path, forge=FORGE + stage.lstrip("\n"))
    app = app_on(tmp_path, "new_run")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "The same run" in check(app))
        assert "! train  sh -c 'echo [b]hi'" in check(app)


def put_model(cache: Path, model_id: str) -> None:
    snapshot = cache / f"models--{model_id.replace('/', '--')}" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    config = {"model_type": "qwen3", "quantization": {"bits": 4}}
    (snapshot / "config.json").write_text(json.dumps(config))
    (snapshot / "model.safetensors").write_bytes(b"0" * 3_000_000)


def explained(app: FactoryApp) -> str:
    return str(app.screen_stack[0].query_one("#explain", Static).content)


async def test_a_model_on_disk_is_listed_and_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    for name in ("a/first-4bit", "b/second-4bit"):
        put_model(tmp_path / "hub", name)
    make_target(tmp_path)
    app = app_on(tmp_path, "new_run")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "The same run from a shell" in check(app))
        row(app, "model.base").entry.focus()
        await until(pilot, lambda: "a/first-4bit" in explained(app))
        assert "4-bit  2.9M  hub" in explained(app) and "the target says tiny" in explained(app)
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(app.screen, ModelScreen))
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, NewRunScreen))
        assert row(app, "model.base").entry.value == "b/second-4bit"
        await until(pilot, lambda: "model.base=b/second-4bit" in check(app))


async def test_without_models_on_disk_it_says_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "nothing"))
    make_target(tmp_path)
    app = app_on(tmp_path, "new_run")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "The same run from a shell" in check(app))
        await pilot.press("f2")
        await until(pilot, lambda: "There is none in the hub's cache" in texts(app))
        assert str(tmp_path / "nothing") in texts(app)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, NewRunScreen))


async def test_the_focused_setting_is_explained_and_the_plan_scrolls(tmp_path: Path) -> None:
    make_target(tmp_path)
    app = app_on(tmp_path, "new_run")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "dataset/gold.jsonl" in check(app))
        await pilot.press("tab", "down", "down", "up", "down")
        await until(pilot, lambda: "dataset.canonical" in explained(app))
        assert "the target says dataset/canonical.jsonl" in explained(app)
        plan = app.screen.query_one("#plan")
        await pilot.press("pagedown")
        await until(pilot, lambda: plan.scroll_offset.y > 0)
        await pilot.press("pageup")
        await until(pilot, lambda: plan.scroll_offset.y == 0)
        await pilot.press("shift+tab", "shift+tab", "shift+tab")
        await until(pilot, lambda: "choose another" in explained(app))
