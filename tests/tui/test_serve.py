"""Serve, driven by keys and mouse on endpoints that speak the real protocol; no model is loaded."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, TextArea

from engine.answers.by_hand import BY_HAND
from engine.folder import sha256_file
from engine.judge.suites import load_suite
from tests.engine.serving.fake import Answer, Fake, Request
from tests.snapshots.test_every_screen import on_screen
from tests.tui.drive import app_on, texts, until, write
from tests.tui.make_runs import make_run
from tui.app import FactoryApp
from tui.screens.pick import Pick
from tui.screens.serve import ServeScreen
from tui.screens.serve_suite import ToSuite
from tui.screens.serve_text import TextDialog
from tui.widgets.answer_pane import AnswerText
from tui.widgets.confirm import Confirm
from tui.widgets.entry_list import EntryList
from tui.widgets.field import Choice
from tui.widgets.key_bar import KeyBar
from tui.widgets.log_pane import LogPane
from tui.widgets.prompt_box import PromptBox

RUN = "2026-11-20-drone-router-2"
LAND = '{"cmd": "land", "args": {}}'
FORGE = """
name: drone
eval: {scorer: json_cmd, max_new_tokens: 64}
factory:
  suites:
    primary: {name: gold, file: dataset/gold.jsonl, scorer: json_cmd}
"""


def says(*pieces: str, tokens: int | None = 7, wait_s: float = 0.0, reason: str = "stop") -> Answer:
    """An endpoint's answer, in pieces."""

    def answer(request: Request) -> None:
        request.head()
        for piece in pieces:
            request.piece(piece)
            if request.gone.wait(wait_s):
                return
        request.finish(reason, tokens)

    return answer


@pytest.fixture
def fakes() -> Iterator[Callable[[Answer], Fake]]:
    made: list[Fake] = []

    def make(answer: Answer) -> Fake:
        made.append(Fake(answer))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with one target and no model on the disk."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "nothing"))
    place = tmp_path / "place"
    target = place / "targets" / "drone"
    (target / "dataset").mkdir(parents=True)
    (place / "runs").mkdir()
    (target / "forge.yaml").write_text(FORGE)
    (target / "system_prompt.md").write_text("You fly.\n")
    rows = [
        {"prompt": "land now", "completion": LAND, "category": "land"},
        {"prompt": "hover", "completion": '{"cmd": "hover", "args": {}}'},
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (target / "dataset" / "gold.jsonl").write_text(text)
    return place


def know(workspace: Path, **endpoints: Fake) -> None:
    """Endpoints in factory.toml."""
    tables = [f'[endpoints.{name}]\nurl = "{one.url}"\n' for name, one in endpoints.items()]
    (workspace / "factory.toml").write_text("\n".join(tables))


@asynccontextmanager
async def serving(
    workspace: Path, size: tuple[int, int] = (120, 40), run_id: str | None = None
) -> AsyncIterator[tuple[FactoryApp, Pilot[None], ServeScreen]]:
    app = app_on(workspace, "serve", run_id)
    async with app.run_test(size=size) as pilot:
        screen = app.screen
        assert isinstance(screen, ServeScreen)
        await until(pilot, lambda: screen.sources)
        await until(pilot, lambda: screen.sides["base"].words != "reading …")
        yield app, pilot, screen


async def choose(pilot: Pilot[None], what: str) -> None:
    """Pick what the chosen side is."""
    await pilot.press("f9")
    await until(pilot, lambda: isinstance(pilot.app.screen, Pick))
    await write(pilot, what)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, ServeScreen))


async def both(pilot: Pilot[None], screen: ServeScreen) -> None:
    """Base and candidate are the endpoints "one" and "two"."""
    await choose(pilot, "one")
    await pilot.press("f6")
    await choose(pilot, "two")
    await until(pilot, lambda: all(side.answers for side in screen.sides.values()))
    screen.prompt.focus()


async def ask(pilot: Pilot[None], screen: ServeScreen, text: str | None = None) -> None:
    """Type and send; returns when all is answered and judged."""
    if text is not None:
        screen.prompt.load_text("")
        await write(pilot, text)
    before = screen.answers
    await pilot.press("enter")
    await until(pilot, lambda: screen.answers is not before)
    await until(pilot, lambda: settled(screen))


def settled(screen: ServeScreen) -> bool:
    return not any(one.group in ("ask", "judge") and one.is_running for one in screen.workers)


def notes(app: FactoryApp) -> str:
    return "\n".join(one.message for one in app._notifications)


# --- asking ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (50, 16)])
async def test_one_prompt_to_both_side_by_side(
    workspace: Path, fakes: Callable[[Answer], Fake], size: tuple[int, int]
) -> None:
    one, two = fakes(says("go to pad ", "3")), fakes(says("go to pad ", "4", reason="length"))
    know(workspace, one=one, two=two)
    async with serving(workspace, size) as (app, pilot, screen):
        await both(pilot, screen)
        await ask(pilot, screen, "where to")
        await until(pilot, lambda: "[-3-]" in on_screen(app))
        shown = on_screen(app)
        assert "{+4+}" in shown and "The answers differ." in shown
        assert "7 tokens" in shown or size[0] < 80
        assert "hit the limit" in shown or size[0] < 80
        bodies = [fake.requests[-1].body for fake in (one, two)]
        assert (
            bodies[0]["messages"]
            == bodies[1]["messages"]
            == [{"role": "user", "content": "where to"}]
        )
        assert (bodies[0]["max_tokens"], bodies[0]["temperature"]) == (256, 0.0)
        boxes = {name: screen.query_one(f"#{name}").region for name in ("base", "candidate")}
        side_by_side = boxes["base"].y == boxes["candidate"].y
        assert side_by_side == (size[0] >= 100)
        await pilot.press("f12")
        await until(pilot, lambda: "[-3-]" not in on_screen(app))


async def test_answers_are_seen_while_they_come_and_esc_gives_them_up(
    workspace: Path, fakes: Callable[[Answer], Fake]
) -> None:
    know(workspace, one=fakes(says(*["word "] * 400, wait_s=0.05)), two=fakes(says("done")))
    async with serving(workspace) as (app, pilot, screen):
        await both(pilot, screen)
        await write(pilot, "talk")
        await pilot.press("enter")
        await until(pilot, lambda: "◌ writing" in on_screen(app) and "word word" in on_screen(app))
        await pilot.press("enter")
        await until(pilot, lambda: "esc gives it up" in notes(app))
        await pilot.press("escape")
        await until(pilot, lambda: "cancelled" in on_screen(app))
        assert app.screen is screen, "esc gave up the answer, not the screen"
        assert screen.answers["candidate"].whole
        assert "word word" in on_screen(app), "what had come is kept"
        first = screen.answers
        await pilot.press("enter")  # the next question goes out at once
        await until(pilot, lambda: screen.answers is not first and "word" in on_screen(app))
        await pilot.press("escape")
        await until(pilot, lambda: settled(screen))


async def test_a_side_that_fails_leaves_the_other_alone(
    workspace: Path, fakes: Callable[[Answer], Fake]
) -> None:
    def dies(request: Request) -> None:
        request.head()
        request.piece("half an ans")
        request.connection.close()

    know(workspace, one=fakes(dies), two=fakes(says("whole")))
    async with serving(workspace) as (app, pilot, screen):
        await both(pilot, screen)
        await ask(pilot, screen, "x")
        shown = on_screen(app)
        assert "✘ no whole answer" in shown and "half an ans" in shown
        assert "broke off in the middle" in shown and "whole" in shown


async def test_what_a_model_writes_moves_no_cursor(
    workspace: Path, fakes: Callable[[Answer], Fake]
) -> None:
    evil = "\x1b[2J\x1b]0;title\x07[red]日本語[/red] \u202e\n\n" + "x" * 5_000
    know(workspace, one=fakes(says(evil)), two=fakes(says(evil, "!")))
    async with serving(workspace) as (app, pilot, screen):
        await both(pilot, screen)
        await ask(pilot, screen, "x")
        shown = on_screen(app)
        assert "\x1b" not in shown and "\u202e" not in shown
        assert "[red]日本語[/red]" in shown
        lines = screen.query(AnswerText).first()
        assert lines.max_scroll_y > 0
        screen.prompt.focus()
        await pilot.press("pagedown")
        await until(pilot, lambda: lines.scroll_offset.y > 0)
        await pilot.press("pageup")
        await until(pilot, lambda: lines.scroll_offset.y == 0)


async def test_nothing_to_ask_and_nobody_to_ask(workspace: Path) -> None:
    async with serving(workspace) as (app, pilot, screen):
        await pilot.press("enter")
        await until(pilot, lambda: "nothing to ask yet" in notes(app))
        await write(pilot, "hello")
        await pilot.press("enter")
        await until(pilot, lambda: "F2 starts the servers" in notes(app))
        await pilot.press("f2")
        await until(pilot, lambda: "F9 chooses a model" in notes(app))
        await pilot.press("f9")
        await until(pilot, lambda: "no model on this disk" in notes(app))
        await pilot.press("ctrl+y")
        await until(pilot, lambda: "has not answered yet" in notes(app))
        await pilot.press("ctrl+l")
        await until(pilot, lambda: "no server that could be left running" in notes(app))
        await pilot.press("escape")
        await until(pilot, lambda: getattr(app.screen, "ROOM", "") == "runs")
        assert not screen.is_current


async def test_settings_are_checked_and_sent(
    workspace: Path, fakes: Callable[[Answer], Fake]
) -> None:
    one = fakes(says("a"))
    know(workspace, one=one, two=fakes(says("a")))
    async with serving(workspace) as (app, pilot, screen):
        await both(pilot, screen)
        await write(pilot, "x")
        tokens, heat = screen.query_one("#tokens", Input), screen.query_one("#temperature", Input)
        tokens.value = "none"
        await pilot.press("enter")
        await until(pilot, lambda: "max tokens" in notes(app))
        assert one.requests == []
        tokens.focus()
        await pilot.press("end", *["backspace"] * 4, "3", "2", "enter")
        assert isinstance(app.focused, PromptBox), "enter in a setting leads back to the prompt"
        heat.value = "0.5"
        await ask(pilot, screen)
        assert (one.requests[-1].body["max_tokens"], one.requests[-1].body["temperature"]) == (
            32,
            0.5,
        )
        assert "The answers are the same, letter by letter." in on_screen(app)


async def test_lines_and_earlier_prompts(workspace: Path, fakes: Callable[[Answer], Fake]) -> None:
    one = fakes(says("a"))
    know(workspace, one=one, two=fakes(says("b")))
    async with serving(workspace) as (_app, pilot, screen):
        await both(pilot, screen)
        await write(pilot, "first")
        await pilot.press("ctrl+j")
        await write(pilot, "line")
        await ask(pilot, screen)
        assert one.requests[-1].body["messages"][-1]["content"] == "first\nline"
        await ask(pilot, screen, "second")
        screen.prompt.load_text("")
        await write(pilot, "draft")
        await pilot.press("up")
        assert screen.prompt.text == "second"
        await pilot.press("up")
        assert screen.prompt.text == "first\nline"
        await pilot.press("up")
        assert screen.prompt.text == "first\nline", "there is none before it"
        await pilot.press("down")  # within the prompt of two lines
        assert screen.prompt.text == "first\nline"
        await pilot.press("down")
        assert screen.prompt.text == "second"
        await pilot.press("down")
        assert screen.prompt.text == "draft", "what was being typed is there again"
    async with serving(workspace) as (_app, pilot, screen):
        await pilot.press("up")
        assert screen.prompt.text == "second", "the history is kept for the next start"


async def test_the_answer_is_copied(
    workspace: Path, fakes: Callable[[Answer], Fake], monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []
    monkeypatch.setattr(FactoryApp, "copy_to_clipboard", lambda self, text: copied.append(text))
    know(workspace, one=fakes(says("from one")), two=fakes(says("from two")))
    async with serving(workspace) as (app, pilot, screen):
        await both(pilot, screen)
        await ask(pilot, screen, "x")
        await pilot.press("ctrl+y")
        await until(pilot, lambda: copied == ["from two"])
        await pilot.click("#base AnswerText", offset=(3, 1))
        await until(pilot, lambda: screen.chosen == "base")
        await pilot.press("ctrl+y")
        await until(pilot, lambda: copied == ["from two", "from one"])
        assert "The answer of base is on its way" in notes(app)


# --- the target ------------------------------------------------------------------------------


async def test_an_example_is_asked_and_its_scorer_judges(
    workspace: Path, fakes: Callable[[Answer], Fake]
) -> None:
    one = fakes(says("landing!"))
    know(workspace, one=one, two=fakes(says(LAND)))
    async with serving(workspace) as (app, pilot, screen):
        await both(pilot, screen)
        await pilot.press("f7")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        assert app.screen.query_one(OptionList).option_count == 2
        await write(pilot, "land")
        await pilot.press("enter")
        await until(pilot, lambda: screen.is_current and screen.prompt.text == "land now")
        await until(pilot, lambda: "gold ─ 1 ─ json_cmd" in on_screen(app))
        assert "expected  " + LAND in on_screen(app)
        assert "the target's, 8 characters" in texts(app)
        assert screen.query_one("#tokens", Input).value == "64", "the target's own limit"
        await ask(pilot, screen)
        shown = on_screen(app)
        assert "✘ wrong" in shown and "✔ right" in shown
        assert one.requests[-1].body["messages"] == [
            {"role": "system", "content": "You fly."},
            {"role": "user", "content": "land now"},
        ]
        await write(pilot, "please")  # another prompt: what was expected is not any more
        await until(pilot, lambda: "json_cmd" not in on_screen(app))
        await ask(pilot, screen)
        assert "✔ right" not in on_screen(app)


async def test_the_system_prompt_is_edited(
    workspace: Path, fakes: Callable[[Answer], Fake]
) -> None:
    one = fakes(says("a"))
    know(workspace, one=one, two=fakes(says("a")))
    async with serving(workspace) as (app, pilot, screen):
        await both(pilot, screen)
        await pilot.press("ctrl+t")
        await until(pilot, lambda: isinstance(app.screen, TextDialog))
        await write(pilot, "Be short.")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: screen.is_current)
        await ask(pilot, screen, "x")
        assert one.requests[-1].body["messages"][0] == {"role": "system", "content": "Be short."}
        assert "your own, 9 characters" in texts(app)
        await pilot.click("#system", offset=(3, 0))
        await until(pilot, lambda: isinstance(app.screen, TextDialog))
        await pilot.press("f2", "ctrl+s")  # without a target the first offer is none
        await until(pilot, lambda: screen.is_current and screen.question.system is None)
        await pilot.press("ctrl+t")
        await until(pilot, lambda: isinstance(app.screen, TextDialog))
        await pilot.press("x", "escape")
        await until(pilot, lambda: screen.is_current)
        assert screen.question.system is None


async def test_a_prompt_goes_into_the_suite_by_hand(
    workspace: Path, fakes: Callable[[Answer], Fake]
) -> None:
    know(workspace, one=fakes(says("nonsense")), two=fakes(says(LAND)))
    async with serving(workspace) as (app, pilot, screen):
        await both(pilot, screen)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "no prompt yet" in notes(app))
        await ask(pilot, screen, "come down")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, ToSuite))
        dialog = app.screen
        assert dialog.query_one(TextArea).text == LAND, "the candidate's answer is a start"
        await pilot.press("f2")
        assert dialog.query_one(TextArea).text == "nonsense"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "Nothing was written. by-hand.jsonl:2" in notes(app))
        path = workspace / "targets/drone" / BY_HAND
        assert not path.exists()
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, ToSuite))
        await pilot.press("f3", "ctrl+s")
        await until(pilot, lambda: "was made, with 1 example" in notes(app))
        assert load_suite(path).examples[0].expected == LAND
        await pilot.press("ctrl+s", "ctrl+s")
        await until(pilot, lambda: "has this prompt already (example 2)" in notes(app))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, ToSuite))
        await pilot.press("escape")
        await until(pilot, lambda: screen.is_current)


async def test_a_frozen_suite_asks_first(workspace: Path) -> None:
    gold = workspace / "targets/drone/dataset/gold.jsonl"
    before = sha256_file(gold)
    async with serving(workspace) as (app, pilot, screen):
        await write(pilot, "come down")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, ToSuite))
        app.screen.query_one(TextArea).load_text(LAND)
        app.screen.query_one(Choice).focus()
        await pilot.press("right")
        await until(pilot, lambda: "is another suite" in " ".join(texts(app).split()))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, ToSuite))
        assert sha256_file(gold) == before
        await pilot.press("ctrl+s", "y")
        await until(pilot, lambda: screen.is_current and "line 3: added" in notes(app))
        assert f"Its hash was {before[:12]}…, now it is {sha256_file(gold)[:12]}…" in notes(app)


async def test_a_workspace_without_targets_says_so(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    async with serving(tmp_path) as (app, pilot, _screen):
        await pilot.press("f7")
        await until(pilot, lambda: "has no target" in notes(app))


async def test_one_of_several_targets_is_chosen(workspace: Path) -> None:
    other = workspace / "targets" / "boat"
    other.mkdir()
    (other / "forge.yaml").write_text("name: boat\n")
    async with serving(workspace) as (app, pilot, screen):
        await pilot.press("f7")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await write(pilot, "boat")
        await pilot.press("enter")
        await until(pilot, lambda: "no such file" in notes(app))
        assert screen.target is not None and screen.target.name == "boat"


# --- the screen ------------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["runs", "live", "decide"])
async def test_ways_to_serve(workspace: Path, start: str) -> None:
    make_run(workspace, RUN)
    app = app_on(workspace, start, None if start == "runs" else RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        if start == "runs":
            await until(pilot, lambda: "1 run" in on_screen(app))
        await pilot.pause()
        await pilot.press("S")
        await until(pilot, lambda: isinstance(app.screen, ServeScreen))
        screen = app.screen
        assert isinstance(screen, ServeScreen) and screen.run_id == RUN
        await until(pilot, lambda: "no model" in on_screen(app))
        await until(pilot, lambda: "not on this disk" in on_screen(app))
        await pilot.press("f3")
        await until(pilot, lambda: "hf download" in notes(app))
        await pilot.press("escape")
        await until(pilot, lambda: getattr(app.screen, "ROOM", "") == start)


async def test_a_screen_that_is_left_at_once_has_no_more_news(workspace: Path) -> None:
    make_run(workspace, RUN)
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "1 run" in on_screen(app))
        for wait in range(8):
            app.show("serve", RUN)
            await pilot.pause(0.02 * wait)
            await app.action_back()
        await pilot.pause(0.5)
        assert app.is_running and getattr(app.screen, "ROOM", "") == "runs"


async def test_an_empty_workspace_leads_to_serve_too(workspace: Path) -> None:
    app = app_on(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "No runs yet" in on_screen(app))
        await pilot.press("S")
        await until(pilot, lambda: isinstance(app.screen, ServeScreen))


async def test_the_log_has_the_screen_and_gives_it_back(workspace: Path) -> None:
    log = workspace / ".factory/serve/candidate/server.log"
    log.parent.mkdir(parents=True)
    log.write_text("needle in the log\n")
    async with serving(workspace, (80, 24)) as (app, pilot, screen):
        assert "needle" not in on_screen(app)
        await pilot.press("f6", "f8")
        await until(pilot, lambda: "needle in the log" in on_screen(app))
        assert "log of candidate" in on_screen(app)
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(app.focused, Input))
        await write(pilot, "needle")
        await pilot.press("enter")
        await until(pilot, lambda: "1 of 1" in on_screen(app))
        await pilot.press("escape")
        assert screen.has_class("-log"), "esc took the search back first"
        await pilot.press("escape")
        assert not screen.has_class("-log") and app.screen is screen
        await pilot.press("f6")
        await until(pilot, lambda: "log of base" in str(screen.query_one(LogPane).border_title))


async def test_the_mouse_chooses_a_side_and_its_key_starts_it(workspace: Path) -> None:
    async with serving(workspace) as (app, pilot, screen):
        await pilot.click("#servers", offset=(6, 1))
        await until(pilot, lambda: screen.chosen == "candidate")
        assert isinstance(app.focused, EntryList)
        await pilot.press("enter")  # in the list: start or stop
        await until(pilot, lambda: "F9 chooses a model" in notes(app))
        await pilot.press("up")
        await until(pilot, lambda: screen.chosen == "base")
        await pilot.press("f4")
        await pilot.pause()


async def test_an_endpoint_is_not_ours_to_start(
    workspace: Path, fakes: Callable[[Answer], Fake]
) -> None:
    know(workspace, one=fakes(says("a")), two=fakes(says("b")))
    async with serving(workspace) as (app, pilot, screen):
        await both(pilot, screen)
        await pilot.press("f3")
        await until(pilot, lambda: "somebody else's" in notes(app))


async def test_endpoints_that_cannot_be_used_are_said(workspace: Path) -> None:
    (workspace / "factory.toml").write_text(
        '[endpoints.a]\nurl = "ftp://x"\n[endpoints.b]\nurl = "http://127.0.0.1:1/v1"\nkey = "s"\n'
    )
    async with serving(workspace) as (app, pilot, _screen):
        await pilot.press("f9")
        await until(pilot, lambda: "endpoints.a" in notes(app) and "knows no “key”" in notes(app))


async def test_the_footer_at_eighty_columns(workspace: Path) -> None:
    async with serving(workspace, (80, 24)) as (app, pilot, _screen):
        await until(pilot, lambda: app.screen.query_one(KeyBar).children)
        await until(pilot, lambda: "start/stop" in on_screen(app).splitlines()[-1])
        last = on_screen(app).splitlines()[-1]
        assert "⏎ ask" in last and "esc back" in last and "? help" in last


@pytest.mark.alone
async def test_the_screen_never_waits(workspace: Path, fakes: Callable[[Answer], Fake]) -> None:
    """A stream of 20,000 pieces, and the screen's own clock goes on beside it."""
    know(workspace, one=fakes(says(*["word "] * 20_000)), two=fakes(says("b")))
    async with serving(workspace) as (_app, pilot, screen):
        await both(pilot, screen)
        screen.prompt.load_text("go on")
        worst = 0.0
        await pilot.press("enter")
        end = time.monotonic() + 60
        while not settled(screen) and time.monotonic() < end:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            worst = max(worst, time.monotonic() - before)
        assert len(screen.answers["base"].text) == 100_000
        assert worst < 1.5
