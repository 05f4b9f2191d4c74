"""Serve with the real ``mlx_lm.server`` and a tiny model: started, asked, killed, kept, found."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from engine.processes import is_alive
from engine.serving import ports
from engine.serving.store import find_server, find_servers
from engine.workspace import Workspace
from tests.engine.serving.conftest import made
from tests.snapshots.test_every_screen import on_screen
from tests.tui.drive import app_on, until
from tests.tui.make_runs import make_run
from tests.tui.test_serve import ask, choose, notes, serving, settled
from tui.app import FactoryApp
from tui.screens.serve import ServeScreen
from tui.widgets.confirm import Confirm

__all__ = ["made"]

RUN = "2026-11-20-drone-router-2"
START_S = 90.0


@pytest.fixture
def place(tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A workspace with a run whose base and adapter are on the disk. What is left is killed."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "nothing"))
    workspace = tmp_path / "place"
    run = make_run(workspace, RUN)
    shutil.copytree(made / "tiny", workspace / "models" / "tiny")
    shutil.copytree(made / "adapters", run / "adapters", dirs_exist_ok=True)
    config = json.loads((run / "config.json").read_text())
    config["base_model"]["id"] = str(workspace / "models" / "tiny")
    (run / "config.json").write_text(json.dumps(config))
    (run / "plan.json").unlink(missing_ok=True)
    yield workspace
    for one in find_servers(Workspace(workspace))[0]:
        if one.alive and one.record.process:
            os.killpg(one.record.process.pid, signal.SIGKILL)


def states(screen: ServeScreen) -> list[str]:
    return [side.state for side in screen.sides.values()]


async def all_ready(pilot: Pilot[None], screen: ServeScreen) -> None:
    await until(pilot, lambda: states(screen) == ["ready", "ready"], START_S)


async def test_base_and_adapter_are_started_asked_and_stopped(place: Path) -> None:
    app = app_on(place, "serve", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = app.screen
        assert isinstance(screen, ServeScreen)
        await pilot.press("f2")  # before it is known what there is to start
        await until(pilot, lambda: "starting" in states(screen))
        await all_ready(pilot, screen)
        shown = on_screen(app)
        assert "2 of 2 ready" in shown and "http://127.0.0.1:" in shown
        assert "ends with the app" in shown and "tiny + adapter" in shown
        await until(pilot, lambda: "POST /v1/completions" in on_screen(app))  # its log is there
        screen.query_one("#tokens").value = "12"  # type: ignore[attr-defined]
        await ask(pilot, screen, "alpha bravo")
        texts = {name: one.text for name, one in screen.answers.items()}
        assert texts["base"] != texts["candidate"], "the adapter changes what it says"
        for one in screen.answers.values():
            assert one.whole and one.first_s is not None
        assert "tokens" in on_screen(app)
        processes = [one.record.process for one in find_servers(Workspace(place))[0]]
        await pilot.press("f2")
        await until(pilot, lambda: states(screen) == ["stopped", "stopped"], 30)
        assert [is_alive(one) for one in processes] == [False, False]


async def test_one_that_is_killed_is_gone_in_words_and_starts_again(place: Path) -> None:
    async with serving(place, run_id=RUN) as (app, pilot, screen):
        await until(pilot, lambda: states(screen) == ["off", "off"])
        screen.action_servers()
        screen.action_servers()  # what is seen is still as before: no second pair is started
        await all_ready(pilot, screen)
        assert len(find_servers(Workspace(place))[0]) == 2
        process = find_server(Workspace(place), "candidate").record.process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        await until(pilot, lambda: states(screen)[1] == "failed", 20)
        assert "ended without being asked (SIGKILL)" in on_screen(app)
        await ask(pilot, screen, "alpha")
        assert list(screen.answers) == ["base"], "the one that is there is asked"
        assert "not asked yet" in on_screen(app)
        await pilot.press("f6", "f3")
        await all_ready(pilot, screen)
        before = find_server(Workspace(place), "candidate").record.process
        await pilot.press("f4")
        await until(pilot, lambda: states(screen)[1] != "ready", 20)
        await all_ready(pilot, screen)
        after = find_server(Workspace(place), "candidate").record.process
        assert before is not None and after is not None and before.pid != after.pid


async def test_leaving_the_screen_stops_nothing_and_leaving_the_app_asks(place: Path) -> None:
    app = FactoryApp(place)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "1 run" in on_screen(app))
        await pilot.press("S")
        await until(pilot, lambda: isinstance(app.screen, ServeScreen))
        screen = app.screen
        assert isinstance(screen, ServeScreen)
        await until(pilot, lambda: states(screen) == ["off", "off"])
        await pilot.press("f3")
        await until(pilot, lambda: states(screen)[0] == "ready", START_S)
        await pilot.press("escape")
        await until(pilot, lambda: getattr(app.screen, "ROOM", "") == "runs")
        assert find_server(Workspace(place), "base").alive
        await pilot.press("S")
        await until(pilot, lambda: isinstance(app.screen, ServeScreen))
        again = app.screen
        assert isinstance(again, ServeScreen) and again is not screen
        await until(pilot, lambda: states(again)[0] == "ready")
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        assert "Leave, and stop base?" in on_screen(app)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, ServeScreen))
        await pilot.press("ctrl+q", "y")
        await until(pilot, lambda: app._exit)
    found = find_server(Workspace(place), "base")
    assert (found.alive, found.state) == (False, "stopped")


async def test_one_that_is_kept_stays_and_is_found_again(place: Path) -> None:
    async with serving(place, run_id=RUN) as (app, pilot, screen):
        await until(pilot, lambda: states(screen) == ["off", "off"])
        await pilot.press("f3")
        await until(pilot, lambda: states(screen)[0] == "starting")
        await pilot.press("ctrl+l")  # while it starts
        await until(pilot, lambda: states(screen)[0] == "ready", START_S)
        await until(pilot, lambda: screen.sides["base"].keep and "stays" in on_screen(app))
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app._exit)  # nothing ends, so nothing is asked
    found = find_server(Workspace(place), "base")
    assert found.alive and found.record.keep
    async with serving(place) as (app, pilot, screen):  # also without a run
        await until(pilot, lambda: states(screen)[0] == "ready")
        assert "stays" in on_screen(app)
        await ask(pilot, screen, "alpha")
        assert screen.answers["base"].whole
        await pilot.press("ctrl+l")
        await until(pilot, lambda: "was not started here" in notes(app))
        await pilot.press("f3")
        await until(pilot, lambda: states(screen)[0] != "ready" and "stopped" in on_screen(app), 20)
    assert not find_server(Workspace(place), "base").alive


async def test_a_model_that_does_not_load_and_one_that_is_chosen_instead(place: Path) -> None:
    broken = place / "models" / "broken"
    shutil.copytree(place / "models" / "tiny", broken)
    (broken / "model.safetensors").write_bytes(b"\2\0\0\0\0\0\0\0{}")
    async with serving(place) as (app, pilot, screen):
        await choose(pilot, "broken")
        await until(pilot, lambda: states(screen)[0] == "off")
        await pilot.press("f3")
        await until(pilot, lambda: states(screen)[0] == "failed", START_S)
        assert "cannot load" in on_screen(app)
        await choose(pilot, "tiny")
        await until(pilot, lambda: states(screen)[0] == "off")
        await pilot.press("f3")
        await until(pilot, lambda: states(screen)[0] == "ready", START_S)
    async with serving(place) as (_app, pilot, screen):  # it is offered again
        await until(pilot, lambda: screen.sides["base"].source.model is not None)
        model = screen.sides["base"].source.model
        assert model is not None and model.path == (place / "models" / "tiny").resolve()


async def test_a_start_is_cancelled(place: Path) -> None:
    async with serving(place, run_id=RUN) as (_app, pilot, screen):
        await until(pilot, lambda: states(screen) == ["off", "off"])
        await pilot.press("f3")
        await until(pilot, lambda: states(screen)[0] == "starting")
        await pilot.press("f3")
        await until(pilot, lambda: states(screen)[0] not in ("starting", "stopping", "ready"), 30)
        assert not [one for one in find_servers(Workspace(place))[0] if one.alive]


async def test_a_port_that_somebody_took_meanwhile(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free_port = ports.free_port
    with socket.create_server(("127.0.0.1", 0)) as taken:
        offered = [taken.getsockname()[1]]
        monkeypatch.setattr(ports, "free_port", lambda: offered.pop() if offered else free_port())
        async with serving(place, run_id=RUN) as (_app, pilot, screen):
            await until(pilot, lambda: states(screen) == ["off", "off"])
            await pilot.press("f3")
            await until(pilot, lambda: states(screen)[0] == "ready", START_S)
            assert str(taken.getsockname()[1]) not in (screen.sides["base"].url or "")


async def test_a_server_that_dies_in_the_middle_of_an_answer(place: Path) -> None:
    async with serving(place, run_id=RUN) as (app, pilot, screen):
        await until(pilot, lambda: states(screen) == ["off", "off"])
        await pilot.press("f3")
        await until(pilot, lambda: states(screen)[0] == "ready", START_S)
        screen.query_one("#tokens").value = "30000"  # type: ignore[attr-defined]
        screen.prompt.load_text("alpha")
        screen.prompt.focus()
        await pilot.press("enter")
        await until(pilot, lambda: "◌ writing" in on_screen(app), 30)
        process = find_server(Workspace(place), "base").record.process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        await until(pilot, lambda: settled(screen), 30)
        await until(pilot, lambda: "✘ no whole answer" in on_screen(app))
        await until(pilot, lambda: states(screen)[0] == "failed", 20)
