"""The README's pictures, made from the running app. Trains the demo and a flywheel: five minutes.

    python scripts/screenshots.py

Pictures are SVG in docs/pictures/, taken from the app without a terminal on a copy of the samples.
Fonts are left to the viewer: nothing in a picture is loaded from outside.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.pilot import Pilot

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from engine.catalogue.summary import summarise  # noqa: E402
from engine.plans.starting import start  # noqa: E402
from engine.samples import DEMO_TARGET, copy_samples  # noqa: E402
from engine.workspace import Workspace  # noqa: E402
from tui.app import FactoryApp  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
SERVE = (
    "f2",
    "wait:2 of 2 ready",
    "f7",
    "type:keep loitering",
    "enter",
    "enter",
    "wait:The answers differ",
)
HYPOTHESIS = "Another seed of data and weights gives the same specialist."


@dataclass(frozen=True)
class Shot:
    """A picture: which screen, on which run, how large, after which keys."""

    name: str
    screen: str
    run: str | None = None
    runs: tuple[str, ...] = ()
    size: tuple[int, int] = (120, 36)
    keys: tuple[str, ...] = ()
    """Keys to press; ``wait:TEXT`` waits until the text is on the screen, ``type:TEXT`` types."""


WAIT_S = 90.0


async def press(app: FactoryApp, pilot: Pilot[None], key: str) -> None:
    """Press a key, type a text, or wait for one."""
    what, _, text = key.partition(":")
    if what == "type":
        await pilot.press(*("space" if one == " " else one for one in text))
    elif what == "wait":
        end = time.monotonic() + WAIT_S
        # A picture writes every space as one that does not break.
        wanted = text.replace(" ", "&#160;")
        while wanted not in app.export_screenshot():
            if time.monotonic() > end:
                raise SystemExit(f"{text!r} did not come.")
            await pilot.pause(0.3)
    else:
        await pilot.press(key)
    await pilot.pause(0.4)


async def take(workspace: Workspace, shot: Shot) -> str:
    """The screen as SVG."""
    first = "runs" if shot.runs else shot.screen
    app = FactoryApp(workspace.path, start=first, run_id=shot.run)
    async with app.run_test(size=shot.size) as pilot:
        if shot.runs:
            app.show(shot.screen, None, shot.runs)
        await pilot.pause(2.5)
        for key in shot.keys:
            await press(app, pilot, key)
        return app.export_screenshot(title="factory-tui")


def save(workspace: Workspace, shot: Shot) -> None:
    svg = asyncio.run(take(workspace, shot))
    svg = re.sub(r"@font-face\s*{[^}]*}", "", svg)
    # Textual names the classes of a picture by its content; the same screen gives the same file.
    (PICTURES / f"{shot.name}.svg").write_text(svg, "utf-8")
    print(f"docs/pictures/{shot.name}.svg", file=sys.stderr)


def card(workspace: Workspace, run: str) -> None:
    """The report card of a run as a browser draws it; left as it is where there is no Chromium."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("docs/pictures/card.png is left: there is no Chromium.", file=sys.stderr)
        return
    page, picture = workspace.path / "card.html", PICTURES / "card.png"
    words = ["card", run, "-w", str(workspace.path), "--out", str(page)]
    subprocess.run([sys.executable, "-m", "engine.cli", *words], check=True)
    words = ["--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=1100,860"]
    subprocess.run(
        [browser, *words, f"--screenshot={picture}", page.as_uri()], check=True, capture_output=True
    )
    print("docs/pictures/card.png", file=sys.stderr)


def pictures() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="factory-") as directory:
        os.environ["HOME"] = directory  # the pictures say ~/factory
        workspace = copy_samples(Path(directory) / "factory")
        finished = {run.decision: run.run_id for run in reversed(workspace.runs())}
        target = workspace.target_path(DEMO_TARGET)
        demo = start(workspace, target, seed=1, parent=finished["ship"], hypothesis=HYPOTHESIS)
        try:
            while (state := summarise(demo.path)).liveness == "running":
                share = state.done / state.total if state.done and state.total else 0.0
                # Before the first loss the share is that of reading rows, not of training.
                if state.stage == "train" and state.loss is not None and share > 0.5:
                    break
                time.sleep(0.2)
            save(workspace, Shot("live", "live", demo.run_id, size=(120, 40)))
            save(workspace, Shot("runs", "runs"))
            while summarise(demo.path).liveness == "running":
                time.sleep(0.5)
        finally:
            subprocess.run(
                [sys.executable, "-m", "engine.cli", "cancel", demo.run_id, "-w", workspace.path],
                capture_output=True,
                check=False,
            )
        tries = tuple(finished[one] for one in ("park", "reject", "ship"))
        save(workspace, Shot("compare", "compare", runs=tries, size=(120, 40)))
        save(workspace, Shot("examples", "examples", finished["ship"]))
        save(workspace, Shot("decide", "decide", demo.run_id))
        save(workspace, Shot("report", "report", finished["ship"]))
        card(workspace, finished["ship"])
        save(workspace, Shot("validate", "validate", finished["reject"]))
        save(workspace, Shot("new-run", "new_run"))
        save(workspace, Shot("serve", "serve", demo.run_id, keys=SERVE, size=(120, 40)))
        words = ["flywheel", DEMO_TARGET, "--iters", "3", "-w", str(workspace.path)]
        subprocess.run([sys.executable, "-m", "engine.cli", *words], check=True)
        save(workspace, Shot("loops", "loops", size=(120, 40)))


def main() -> None:
    pictures()


if __name__ == "__main__":
    main()
