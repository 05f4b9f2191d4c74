"""The wheel holds all that the program needs: styles, samples, and no path of the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

LOOK = """
import asyncio, sys
from pathlib import Path
import engine, tui
from engine.samples import copy_samples
from tui.app import FactoryApp

here = Path(sys.argv[1])
assert Path(engine.__file__).is_relative_to(here), engine.__file__
assert Path(tui.__file__).is_relative_to(here), tui.__file__
workspace = copy_samples(Path("demo"))

async def look():
    app = FactoryApp(workspace.path)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(1.0)
        print(app.screen.query_one("TopBar").styles.height)
        print(len(app.export_screenshot()))

asyncio.run(look())
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that holds what the wheel installs, and nothing else of ours."""
    directory = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", directory]
    subprocess.run([*build, ROOT], check=True, capture_output=True, cwd=directory)
    (wheel,) = directory.glob("*.whl")
    site = directory / "site"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*install, "--target", site, wheel], check=True, capture_output=True)
    return site


def run(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_screen_opens_with_its_styles_and_samples(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "-c", LOOK, str(installed))
    assert done.returncode == 0, done.stderr
    height, picture = done.stdout.split()
    assert height == "1" and int(picture) > 10_000


def test_commands_and_workers_come_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    samples = installed / "engine" / "_sample_runs"
    listed = run(installed, tmp_path, "-m", "tui", "list", "--workspace", str(samples))
    assert listed.returncode == 0, listed.stderr
    assert "ship" in listed.stdout and "reject" in listed.stdout and "park" in listed.stdout
    validated = run(installed, tmp_path, "-m", "tui", "validate", "-w", str(samples), "--strict")
    assert validated.returncode == 0, validated.stdout
    name = max(path.name for path in (samples / "runs").iterdir())
    page = tmp_path / "card.html"
    made = run(
        installed, tmp_path, "-m", "tui", "card", name, "-w", str(samples), "--out", str(page)
    )
    assert made.returncode == 0 and name in page.read_text("utf-8"), made.stderr
    probed = run(installed, tmp_path, "-m", "engine.work.probe")
    assert '"device"' in probed.stdout, probed.stderr


def test_nothing_of_this_machine_is_inside(installed: Path) -> None:
    told = [
        str(path.relative_to(installed))
        for room in ("engine", "tui")
        for path in (installed / room).rglob("*")
        if path.is_file()
        and path.suffix != ".pyc"
        and str(ROOT) in path.read_text("utf-8", "replace")
    ]
    assert told == []
