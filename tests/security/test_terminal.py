"""What comes from files, names and arguments never reaches the terminal as something it obeys."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.cli import harmless
from engine.cli.app import main
from engine.cli.harmless import json_text
from engine.cli.plain import control_room
from tests.security.hostile import FORBIDDEN, HOSTILE, OBEYED, hostile_workspace
from tests.tui.drive import until
from tui.app import FactoryApp

Said = tuple[str, str]

COMMANDS = (
    ("list",), ("list", "--json"), ("list", "-f", OBEYED), ("show", "{run}"), ("show", "{all}"),
    ("show", "{name}"), ("show", "{run}", "--json"), ("watch", "{run}"), ("watch", "{all}"),
    ("watch", "{run}", "--events"), ("validate", "{run}"), ("validate", "{all}"), ("validate",),
    ("compare", "{run}", "{all}", "{name}"), ("compare", "{run}", "{all}", "--json"),
    ("report", "{run}", "--html"), ("report", "{all}"), ("card", "{run}", "--json"),
    ("journal",), ("journal", "--html"), ("decide", "{run}", "ship", "--reason", OBEYED),
    ("cancel", "{run}"), ("cancel", "{all}"), ("resume", "{name}"), ("unseal", "{run}"),
    ("artifacts", "list"), ("artifacts", "check"), ("artifacts", "show", "evil"),
    ("loop", "list"), ("loop", "show", "2026-01-01-evil"), ("serve", "list"),
    ("serve", "ask", "x", "--url", OBEYED), ("tag", "{run}", OBEYED), ("trash",),
    ("export", "--out", "{place}/x\x1b]0;x\x07", "--format", "csv"),
    ("status", "evil\x1b]0;x\x07\x9b2J\u202e"), ("run", "evil\x1b]0;x\x07\x9b2J\u202e"),
    ("run", OBEYED), ("show", OBEYED), (OBEYED,), ("list", f"--{OBEYED}"),
    ("ceiling", "drone-router", "--url", OBEYED), ("protocol", "check", OBEYED),
    ("package", "{all}"),
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_workspace(tmp_path_factory.mktemp("hostile") / "ws")


def heard(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> Said:
    """What reaches stdout and stderr, to the last sign."""
    pipes = io.BytesIO(), io.BytesIO()
    with monkeypatch.context() as patch:
        for name, pipe in zip(("stdout", "stderr"), pipes, strict=True):
            stream = io.TextIOWrapper(pipe, "utf-8", newline="", write_through=True)
            patch.setattr(sys, name, stream)
        try:
            act()
        except SystemExit as end:
            assert end.code in (0, 1, 2, 3, None), end.code
        out, err = (pipe.getvalue().decode("utf-8", "surrogatepass") for pipe in pipes)
    return out, err


def filled(words: tuple[str, ...], place: Path) -> list[str]:
    # The names are looked up here: a command may have moved none of them.
    named, first, second, *_ = sorted((place / "runs").iterdir())
    values = {"{run}": first.name, "{all}": second.name, "{name}": named.name}
    return [values.get(word, word.replace("{place}", str(place))) for word in words]


def test_no_command_prints_what_a_terminal_obeys(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    for words in COMMANDS:
        arguments = filled(words, place)
        out, err = heard(monkeypatch, lambda given=arguments: main(given))  # type: ignore[misc]
        assert FORBIDDEN.isdisjoint(out + err), (words, FORBIDDEN & set(out + err), out + err)
        assert "Traceback" not in err, (words, err)
        assert out + err, words


def test_the_control_room_as_lines_of_text(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def act() -> None:
        harmless.guard()
        control_room(place)

    out, err = heard(monkeypatch, act)
    assert "2026-11-28-drone-router" in out and FORBIDDEN.isdisjoint(out + err)


def test_json_says_the_same_and_is_as_harmless() -> None:
    value = {"text": HOSTILE, HOSTILE: ["\ud800", "é ✔\n"]}
    text = json_text(value, indent=2)
    assert json.loads(text) == value and FORBIDDEN.isdisjoint(text)
    assert "é ✔" in text


def test_an_exception_that_nobody_expected_is_as_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    def act() -> None:
        harmless.guard()
        try:
            raise RuntimeError(HOSTILE)
        except RuntimeError:
            sys.excepthook(*sys.exc_info())

    out, err = heard(monkeypatch, act)
    assert "RuntimeError" in err and FORBIDDEN.isdisjoint(out + err)


ROOMS = ("runs", "live", "report", "decide", "examples")


async def test_no_screen_draws_what_a_terminal_obeys_and_markup_is_text(place: Path) -> None:
    run = sorted((place / "runs").iterdir())[1].name
    seen = ""
    app = FactoryApp(place)
    async with app.run_test(size=(160, 50)) as pilot:
        for room in ROOMS:
            app.show(room, run)
            await until(pilot, lambda wanted=room: getattr(app.screen, "ROOM", "") == wanted)  # type: ignore[misc]
            await pilot.pause(0.1)
            seen += drawn(app)
            assert FORBIDDEN.isdisjoint(seen), (room, FORBIDDEN & set(seen))
    assert "[bold red]x[/]" in seen


def drawn(app: FactoryApp) -> str:
    """Every sign that the screen puts on the terminal."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)
