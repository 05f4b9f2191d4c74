"""The README's pictures, made from the running app. Trains the demo, a flywheel and a
campaign: seven minutes.

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

from engine.catalogue.run_reader import all_runs  # noqa: E402
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


def draw(page: Path, name: str, size: tuple[int, int], *more: str) -> None:
    """A page as a browser draws it; the picture is left as it is where there is no Chromium."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print(f"docs/pictures/{name} is left: there is no Chromium.", file=sys.stderr)
        return
    words = [
        "--headless",
        "--no-sandbox",
        "--hide-scrollbars",
        f"--window-size={size[0]},{size[1]}",
    ]
    subprocess.run(
        [browser, *words, *more, f"--screenshot={PICTURES / name}", page.as_uri()],
        check=True,
        capture_output=True,
    )
    print(f"docs/pictures/{name}", file=sys.stderr)


def card(workspace: Workspace, run: str) -> None:
    """The report card of a run."""
    page = workspace.path / "card.html"
    words = ["card", run, "-w", str(workspace.path), "--out", str(page)]
    subprocess.run([sys.executable, "-m", "engine.cli", *words], check=True)
    draw(page, "card.png", (1100, 860))


def site(workspace: Workspace, artifact: str) -> None:
    """The site of public artifacts: its index, one page in the dark, and that page on a phone."""
    out = workspace.path / "site"
    words = ["artifacts", "publish", "-w", str(workspace.path), "--out", str(out)]
    subprocess.run([sys.executable, "-m", "engine.cli", *words], check=True)
    page = out / "artifacts" / f"{artifact}.html"
    draw(out / "index.html", "site-light.png", (1180, 1000))
    draw(page, "site-dark.png", (1180, 1500), "--blink-settings=preferredColorScheme=0")
    draw(page, "site-phone.png", (390, 844), "--force-device-scale-factor=2")


def pictures() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="factory-") as directory:
        os.environ["HOME"] = directory  # the pictures say ~/factory
        workspace = copy_samples(Path(directory) / "factory")
        finished = {run.decision: run.run_id for run in reversed(all_runs(workspace))}
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
        site(workspace, "qwen06-sql-routed-v1")
        save(workspace, Shot("validate", "validate", finished["reject"]))
        save(workspace, Shot("new-run", "new_run"))
        save(workspace, Shot("serve", "serve", demo.run_id, keys=SERVE, size=(120, 40)))
        words = ["flywheel", DEMO_TARGET, "--iters", "3", "-w", str(workspace.path)]
        subprocess.run([sys.executable, "-m", "engine.cli", *words], check=True)
        save(workspace, Shot("loops", "loops", size=(120, 40)))
        protocol = str(workspace.path / "recipes" / "tiny-lm" / "protocol.json")
        words = ["research", protocol, "--tries", "8", "--yes", "-w", str(workspace.path)]
        subprocess.run([sys.executable, "-m", "engine.cli", *words], check=True)
        save(workspace, Shot("research", "research", size=(140, 40)))
        save(workspace, Shot("artifacts", "artifacts", size=(140, 40)))
        save(workspace, Shot("journal", "journal", size=(140, 40)))


def main() -> None:
    pictures()


if __name__ == "__main__":
    main()
