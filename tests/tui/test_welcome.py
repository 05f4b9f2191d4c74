"""The first start, where there is no workspace yet."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual.widgets import Input, Static

from tests.tui.drive import until, write
from tui.welcome import SAMPLES, Opening, WelcomeApp


@pytest.mark.parametrize(("key", "demo"), [("s", False), ("d", True)])
async def test_the_samples_are_copied_and_opened(tmp_path: Path, key: str, demo: bool) -> None:
    app = WelcomeApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key)
    assert app.return_value == Opening(tmp_path / SAMPLES, demo)
    assert len(list((tmp_path / SAMPLES / "runs").iterdir())) == 3


async def test_a_workspace_is_made_here(tmp_path: Path) -> None:
    app = WelcomeApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("down", "down", "enter")
    assert app.return_value == Opening(tmp_path)
    assert (tmp_path / "runs").is_dir() and (tmp_path / "targets").is_dir()
    assert "[screen]" in (tmp_path / "factory.toml").read_text()


async def test_settings_that_are_there_are_kept(tmp_path: Path) -> None:
    (tmp_path / "factory.toml").write_text("# mine\n")
    app = WelcomeApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("w")
    assert (tmp_path / "factory.toml").read_text() == "# mine\n"


async def test_another_directory_is_opened_or_made(tmp_path: Path) -> None:
    (tmp_path / "a" / "runs").mkdir(parents=True)
    for name, found in (("a", tmp_path / "a"), ("new", tmp_path / "new")):
        app = WelcomeApp(tmp_path)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("o")
            assert app.query_one(Input).has_focus
            await write(pilot, name)
            await pilot.press("enter")
        assert app.return_value == Opening(found)
    assert (tmp_path / "new" / "runs").is_dir()


async def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / SAMPLES).write_text("in the way")
    app = WelcomeApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:

        def said() -> str:
            return str(app.query_one("#problem", Static).content)

        await pilot.press("s")
        await until(pilot, lambda: "did not work" in said())
        await pilot.press("o", "enter")
        await until(pilot, lambda: "Type the name" in said())
        await write(pilot, "file")
        await pilot.press("enter")
        await until(pilot, lambda: "is a file" in said())
        await pilot.press("escape")
        assert not app.query_one("#directory").display
        await pilot.press("q")
    assert app.return_value is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_directory_without_the_right_to_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    app = WelcomeApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("w")
        await until(
            pilot, lambda: "Permission denied" in str(app.query_one("#problem", Static).content)
        )
    tmp_path.chmod(0o700)
