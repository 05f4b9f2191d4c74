"""Every screen at three sizes in two themes, from the frozen workspace.

After a wanted change: pytest tests/snapshots --snapshot-update, and look at what changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from tests.snapshots.frozen import NAN, TRAINING, UGLY, decided, forget, frozen, shipped
from tests.snapshots.served import answered, served
from tests.tui.drive import until
from tests.tui.make_research import STORY, make_campaign_of
from tui.app import FactoryApp
from tui.screens.base import RoomScreen

__all__ = ["frozen"]

SnapCompare = Callable[..., bool]
SIZES = [(80, 24), (120, 40), (200, 60)]
THEMES = ["factory", "factory-light"]
FOLLOWERS = {"watch", "look"}
"""Groups of workers that follow something as long as their screen is there."""
AT_WORK = ("reading …", "searching …", "planning …", "estimating …", "checking …", "starting …")
"""What a screen says while it is not done: one worker may end before the next begins."""


@dataclass(frozen=True)
class View:
    """A screen on a run ("ship" is the shipped one), after some keys, once it says ``says``."""

    name: str
    screen: str
    run: str | None = None
    runs: bool = False
    keys: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    prepare: Callable[[Path, str], None] | None = None
    """What the workspace needs besides, for that run."""
    then: Callable[[FactoryApp], None] | None = None
    """What happens when the screen says it."""


def researched(workspace: Path, _: str) -> None:
    """A campaign with a try of every kind."""
    make_campaign_of(workspace, STORY)


VIEWS = [
    View("runs", "runs", says=("6 runs",)),
    View("live", "live", "ship", says=("decided: ship",)),
    View("live-training", "live", TRAINING, says=("Not attached",)),
    View("decide", "decide", "ship", says=("3 of 3 pass",)),
    View("validate", "validate", UGLY, says=("cut off",)),
    View("report", "report", "ship", says=()),
    View("new-run", "new_run", says=("Time and memory",)),
    View("compare", "compare", runs=True, says=()),
    View("examples", "examples", "ship", says=()),
    View("loops", "loops", says=()),
    View("serve", "serve", "ship", says=("2 of 2 ready",), prepare=served, then=answered),
    View("research", "research", says=("best so far",), prepare=researched),
    View("artifacts", "artifacts", says=("4 artifacts",)),
    View("journal", "journal", says=("6 entries",)),
]


def on_screen(app: FactoryApp) -> str:
    """The screen as text."""
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in lines)


def opened(workspace: Path, view: View) -> FactoryApp:
    run = shipped(workspace) if view.run == "ship" else view.run
    if view.prepare is not None:
        view.prepare(workspace, run or "")
    if view.runs:
        app = FactoryApp(workspace)
        app.call_later(lambda: app.show(view.screen, None, runs=decided(workspace)))
        return app
    return FactoryApp(workspace, start=view.screen, run_id=run)


def settled(view: View) -> Callable[[Pilot[None]], object]:
    """Presses the keys, then waits until the screen says what it shall and stands still."""

    async def wait(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, FactoryApp)
        await until(pilot, lambda: getattr(app.screen, "ROOM", "") == view.screen)
        await until(pilot, lambda: all(one in on_screen(app) for one in view.says))
        if view.then is not None:
            view.then(app)
        for key in view.keys:
            await pilot.press(key)
        looks: list[str] = []
        for _ in range(150):
            await pilot.pause(0.1)
            looks.append(on_screen(app))
            # A worker that only follows files never ends; the others are waited for.
            busy = any(not one.is_finished and one.group not in FOLLOWERS for one in app.workers)
            busy = busy or any(word in looks[-1] for word in AT_WORK)
            if not busy and len(set(looks[-4:])) == 1 and len(looks) > 3:
                for field in (*app.screen.query(Input), *app.screen.query(TextArea)):
                    field.cursor_blink = False
                await pilot.pause()
                return
        raise AssertionError(f"{view.name} does not stand still")

    return wait


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_screen(
    snap_compare: SnapCompare, frozen: Path, view: View, size: tuple[int, int], theme: str
) -> None:
    (frozen / "factory.toml").write_text(f'[screen]\ntheme = "{theme}"\n', "utf-8")
    app = opened(frozen, view)
    assert snap_compare(app, terminal_size=size, run_before=settled(view))


MORE = [
    View("log", "live", "ship", keys=("l",), says=("decided: ship",)),
    View("live-nan", "live", NAN, says=("not a number",)),
    View("live-grid", "live", "ship", keys=("m",), says=("decided: ship",)),
    View("help", "live", "ship", keys=("question_mark",), says=("decided: ship",)),
    View("jump", "live", "ship", keys=("ctrl+o",), says=("decided: ship",)),
    View("decide-open", "decide", TRAINING, says=()),
    View("runs-ugly", "runs", keys=("end",), says=("6 runs",)),
    View("serve-nothing", "serve", says=("0 of 2 ready", "F9 chooses")),
]


@pytest.mark.parametrize("view", MORE, ids=lambda view: view.name)
def test_more(snap_compare: SnapCompare, frozen: Path, view: View) -> None:
    app = opened(frozen, view)
    assert snap_compare(app, terminal_size=(120, 40), run_before=settled(view))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_workspace_without_runs(
    snap_compare: SnapCompare, frozen: Path, size: tuple[int, int]
) -> None:
    forget(frozen)
    (frozen / "runs").mkdir()
    view = View("none", "runs", says=("No runs yet",))
    assert snap_compare(opened(frozen, view), terminal_size=size, run_before=settled(view))


def test_every_room_has_its_picture() -> None:
    from tui.app import ROOMS, load_room

    assert {view.screen for view in VIEWS} == set(ROOMS)
    assert all(issubclass(load_room(view.screen), RoomScreen) for view in VIEWS)
