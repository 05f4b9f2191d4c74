"""New run: filter, queue, seeds, parents, benchmark, memory, and what was typed before."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from engine.costs import forecast
from engine.costs.benching import BenchError
from engine.folder import RunFolder
from engine.helper import HelperStopped
from engine.plans.planning import Draft, create
from engine.records.base import utc_now
from engine.records.bench import Benchmark, BenchPoint
from engine.workspace import Workspace
from tests.engine.test_models import put_model
from tests.tui.drive import app_on, texts, until, write
from tests.tui.test_new_run import FORGE, chat, check, explained, make_target, row
from tui.app import FactoryApp
from tui.screens import new_run_plan, new_run_work
from tui.screens.new_run import NewRunScreen
from tui.widgets.confirm import Confirm
from tui.widgets.setting_row import SettingRow
from tui.widgets.top_bar import TopBar

GB = 2**30
HUB_FORGE = FORGE.replace(
    "model: {base: tiny}",
    "model: {base: a/model, max_seq_len: 64}\nlora: {target_modules: [mlp]}",  # what it has
).replace("  base: {hidden_size: 64}\n", "")


def only_create(workspace: Workspace, drafted: Draft) -> RunFolder:
    return create(workspace, drafted)


def said(app: FactoryApp, text: str) -> bool:
    return any(text in one.message for one in app._notifications)


def shown(app: FactoryApp) -> set[str]:
    return {one.setting.key for one in app.screen.query(SettingRow) if one.display}


def config_of(workspace: Path, run: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((workspace / "runs" / run / "config.json").read_text())
    return found


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace whose target starts from a model of 28 layers in the hub's cache."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    put_model(tmp_path / "hub" / "models--a--model" / "snapshots" / "1")
    workspace = tmp_path / "ws"
    make_target(workspace, forge=HUB_FORGE)
    return workspace


def benchmark(gigabytes: float) -> Benchmark:
    """A benchmark in which 16 rows of 64 tokens take so much memory and half a second a step."""
    points = [
        BenchPoint(
            batch_size=rows,
            seq_len=64,
            layers=28,
            iterations=3,
            seconds_per_iteration=rows / 32,
            mlx_peak_bytes=int(gigabytes * GB * (0.5 + rows / 32)),
            measured=utc_now(),
        )
        for rows in (4, 16)
    ]
    return Benchmark(
        model_id="a/model",
        model_sha256="0" * 64,
        layers=28,
        machine=forecast_machine(),
        date=utc_now(),
        lora_rank=32,
        overhead_bytes=0,
        load_seconds=1.0,
        points=points,
    )


def forecast_machine():  # type: ignore[no-untyped-def]
    from engine.costs.bench_store import this_machine

    return this_machine()


# --- finding and resetting fields ------------------------------------------------------


async def test_a_slash_filters_the_settings_also_from_a_number(tmp_path: Path) -> None:
    make_target(tmp_path)
    app = app_on(tmp_path, "new_run")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "The same run" in check(app))
        row(app, "training.batch_size").entry.focus()
        await pilot.press("8", "slash")
        assert row(app, "training.batch_size").value == "8"
        await write(pilot, "dropout")
        await until(pilot, lambda: shown(app) == {"lora.dropout", "seed"})
        await pilot.press("enter")
        await until(pilot, lambda: row(app, "seed").entry.has_focus)
        await pilot.press("escape")
        await until(pilot, lambda: len(shown(app)) > 30)
        assert isinstance(app.screen, NewRunScreen)


async def test_a_slash_is_a_character_of_a_path_and_ctrl_f_filters_there(tmp_path: Path) -> None:
    make_target(tmp_path)
    app = app_on(tmp_path, "new_run")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "The same run" in check(app))
        row(app, "dataset.canonical").entry.focus()
        await pilot.press("a", "slash", "b")
        assert row(app, "dataset.canonical").value == "a/b"
        await pilot.press("ctrl+f")
        assert app.screen.query_one("#find", Input).has_focus
        await write(pilot, "zzz")
        await until(pilot, lambda: not shown(app) and "none" in texts(app))
        await pilot.press("enter", "escape")
        await until(pilot, lambda: len(shown(app)) > 30)


async def test_a_wrong_value_is_explained_beside_its_field_at_once(tmp_path: Path) -> None:
    make_target(tmp_path)
    app = app_on(tmp_path, "new_run")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "The same run" in check(app))
        rate = row(app, "training.learning_rate")
        rate.entry.focus()
        await write(pilot, "2x")
        await until(pilot, lambda: rate.has_class("-wrong"))
        assert rate.note.plain == "✘ a number, such as 0.5 or 2e-4"
        assert "It must be a number" in explained(app)
        await pilot.press("backspace")
        await until(pilot, lambda: not rate.has_class("-wrong"))
        assert rate.note.plain == "was 0.002" and rate.changed


async def test_reset_empties_the_fields_and_brings_them_back(tmp_path: Path) -> None:
    make_target(tmp_path)
    app = app_on(tmp_path, "new_run")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "The same run" in check(app))
        row(app, "lora.r").put("8")
        await until(pilot, lambda: "lora.r=8" in check(app))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "lora.r=8" not in check(app) and not row(app, "lora.r").value)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "lora.r=8" in check(app))


async def test_what_was_typed_is_there_again_the_next_time(tmp_path: Path) -> None:
    make_target(tmp_path)

    async def visit(steps: Callable[[FactoryApp, Pilot[None]], Awaitable[None]]) -> None:
        app = app_on(tmp_path)
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.press("n")
            await until(pilot, lambda: isinstance(app.screen, NewRunScreen))
            await until(pilot, lambda: "The same run" in check(app))
            await steps(app, pilot)
            await pilot.press("escape")
            await until(pilot, lambda: not isinstance(app.screen, NewRunScreen))

    async def type_a_rank(app: FactoryApp, pilot: Pilot[None]) -> None:
        row(app, "lora.r").put("8")
        await until(pilot, lambda: "lora.r=8" in check(app))

    async def find_it(app: FactoryApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "lora.r=8" in check(app))
        assert said(app, "What was typed here before is back")

    await visit(type_a_rank)
    await visit(find_it)


async def test_the_command_is_copied(tmp_path: Path) -> None:
    make_target(tmp_path)
    app = app_on(tmp_path, "new_run")
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("ctrl+y")
        await until(pilot, lambda: "The same run" in check(app))
        row(app, "seeds").put("2")
        await until(pilot, lambda: "The same runs from a shell" in check(app))
        await pilot.press("ctrl+y")
        assert app.clipboard == "factory-tui run echo --seed 4\nfactory-tui run echo --seed 5"


# --- data as its path is typed ------------------------------------------------------------


async def test_another_training_file_is_looked_at_as_its_path_is_typed(tmp_path: Path) -> None:
    path = make_target(tmp_path)
    (path / "dataset" / "b.jsonl").write_text(chat("gold 1") + chat("one") + "broken\n")
    app = app_on(tmp_path, "new_run")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "canonical.jsonl  200 training rows" in check(app))
        row(app, "dataset.canonical").entry.focus()
        for char in "dataset/b.jsonl":
            await pilot.press({"/": "slash", ".": "full_stop"}.get(char, char))
        await until(pilot, lambda: "dataset/b.jsonl  3 training rows" in check(app))
        assert "1 line is no row: line 3 is not JSON" in check(app)
        assert "1 training row comes near a gold prompt (1 to the letter)" in check(app)
        assert "dataset.canonical=dataset/b.jsonl" in check(app)


# --- starting, queueing, following ----------------------------------------------------------


async def test_three_seeds_are_queued_and_the_form_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_target(tmp_path)
    monkeypatch.setattr(new_run_work, "start_draft", only_create)
    app = app_on(tmp_path, "new_run")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "The same run" in check(app))
        row(app, "seed").put("7")
        row(app, "seeds").put("3")
        await until(pilot, lambda: "--seed 9" in check(app))
        await pilot.press("f4")
        await until(pilot, lambda: said(app, "are started"))
        assert isinstance(app.screen, NewRunScreen)
    runs = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert [config_of(tmp_path, run)["seed"] for run in runs] == [7, 8, 9]


async def test_who_has_the_accelerator_is_said_before_a_run_is_queued(tmp_path: Path) -> None:
    from engine.processes import myself
    from engine.supervise.queue import Place

    make_target(tmp_path)
    held = Place(tmp_path, tmp_path / "runs" / "other-run", myself())
    held.ask()
    assert held.try_take()
    app = app_on(tmp_path, "new_run")
    async with app.run_test(size=(120, 40)) as pilot:
        words = "other-run has the accelerator: this one would be number 1"
        await until(pilot, lambda: words in check(app).replace("\n", " "))
        assert "^s queues it" in app.screen.query_one(TopBar)._right
    held.leave()


async def test_a_run_that_follows_starts_from_its_parent_and_asks_for_a_hypothesis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.plans.planning import draft

    make_target(tmp_path)
    workspace = Workspace(tmp_path)
    drafted = draft(workspace, tmp_path / "targets" / "echo", ["lora.r=8", "eval.x=1"], 11)
    parent = create(workspace, drafted).run_id
    monkeypatch.setattr(new_run_work, "start_draft", only_create)
    app = app_on(tmp_path, "new_run", parent)
    opened: list[str] = []
    app.open_run = opened.append  # type: ignore[method-assign]
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "nothing: it would be the same run again" in check(app))
        assert (row(app, "lora.r").value, row(app, "more").value) == ("8", "eval.x=1")
        assert row(app, "seed").value == "11"
        row(app, "training.batch_size").put("4")
        await until(pilot, lambda: "batch_size" in check(app).partition("Varied against")[2])
        assert "16 → 4" in check(app)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: said(app, "What is this run to show"))
        await until(pilot, lambda: row(app, "hypothesis").entry.has_focus)
        await write(pilot, "smaller is steadier")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: opened)
    config = config_of(tmp_path, opened[0])
    assert config["parent_run_id"] == parent and config["hypothesis"] == "smaller is steadier"
    assert config["candidate"]["training_command"].endswith(  # type: ignore[index]
        f"--parent {parent} --hypothesis 'smaller is steadier'"
    )


async def test_a_parent_without_readable_settings_is_said(tmp_path: Path) -> None:
    make_target(tmp_path)
    (tmp_path / "runs" / "2026-01-01-x").mkdir(parents=True)
    app = app_on(tmp_path, "new_run", "2026-01-01-x")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: said(app, "cannot be read"))
        await until(pilot, lambda: "The same run" in check(app))


# --- time and memory ----------------------------------------------------------------------------


async def test_without_a_benchmark_a_key_measures_and_the_estimate_is_there(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Benchmark] = []

    def fake(workspace, model, wish, told, stopped) -> None:  # type: ignore[no-untyped-def]
        assert model.id == "a/model" and wish.batch_size == 16 and 8 <= wish.seq_len < 20
        told("batch 4 × 64 tokens", 0, 2)
        while not go and not stopped():
            time.sleep(0.01)
        if stopped():
            raise HelperStopped
        kept.append(benchmark(2.0))

    go: list[bool] = []
    monkeypatch.setattr(new_run_plan, "measure", fake)
    monkeypatch.setattr(forecast, "load_benchmark", lambda *_: kept[-1] if kept else None)
    app = app_on(hub, "new_run")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "No benchmark of this model here" in check(app))
        await pilot.press("f3")
        await until(pilot, lambda: "measuring: 1 of 2, batch 4 × 64 tokens" in check(app))
        await pilot.press("f3")
        await until(pilot, lambda: "measuring" not in check(app))
        assert said(app, "The benchmark is stopped") and not kept
        go.append(True)
        await pilot.press("f3")
        await until(pilot, lambda: "from the benchmark of" in check(app).replace("\n", " "))
        # Rows of about 13 tokens: 300 steps of 0.1 s, validations, and a second to load.
        assert "about 3" in check(app) and " s of training, peak 1.2 GB of" in check(app)


async def test_a_benchmark_that_fails_is_said(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fake(*_: object) -> None:
        raise BenchError("a/model was not measured. It has no weights.")

    monkeypatch.setattr(new_run_plan, "measure", fake)
    app = app_on(hub, "new_run")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "No benchmark" in check(app))
        await pilot.press("f3")
        await until(pilot, lambda: said(app, "was not measured. It has no weights."))
        assert "measuring" not in check(app)


async def test_more_memory_than_there_is_asks_before_it_starts(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecast, "load_benchmark", lambda *_: benchmark(9000.0))
    monkeypatch.setattr(new_run_work, "start_draft", only_create)
    app = app_on(hub, "new_run")
    opened: list[str] = []
    app.open_run = opened.append  # type: ignore[method-assign]
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "Too large for this machine" in check(app))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NewRunScreen))
        assert not list(hub.glob("runs/*"))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: opened)
