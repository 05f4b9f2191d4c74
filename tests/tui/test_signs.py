"""The list of signs in Live: the newest is in sight, and no word of it is cut."""

from __future__ import annotations

from textual.app import App, ComposeResult

from engine.live.signs import Sign
from tui.widgets.signs import SignList

WORDS = "The loss is not a number any more since step 3, and each word counts to the end."


class Only(App[None]):
    CSS = "SignList { width: 40; height: 6; scrollbar-size-vertical: 1; }"

    def compose(self) -> ComposeResult:
        yield SignList()


def sign(number: int) -> Sign:
    return Sign(
        code=f"one-{number}",
        stage="train",
        level="warning",
        text=f"{number}: {WORDS}",
        t=float(number),
    )


def seen(list_: SignList) -> str:
    return "\n".join(list_.render_line(y).text for y in range(list_.size.height))


async def test_a_list_that_becomes_too_long_goes_to_the_newest() -> None:
    app = Only()
    async with app.run_test(size=(60, 20)) as pilot:
        signs = app.query_one(SignList)
        signs.put([sign(1)], 0.0)
        await pilot.pause()
        assert "1: The loss" in seen(signs)
        signs.put([sign(number) for number in range(1, 9)], 0.0)
        await pilot.pause()
        assert "8: The loss" in seen(signs) and signs.scroll_offset.y == signs.max_scroll_y > 0
        told = " ".join(" ".join(line.split()) for line in seen(signs).splitlines())
        assert f"8: {WORDS}" in told, "it is wrapped for the width beside the scrollbar"
