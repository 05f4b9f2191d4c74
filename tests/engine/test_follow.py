"""What ``watch`` says of the signs that the numbers of a run give."""

from __future__ import annotations

from typing import Any

import pytest

from engine.cli.follow import _Voice
from engine.live.projection import RunProjection
from engine.live.signs import SignBook


def event(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "t": "2026-11-20T09:30:00Z", "stage": "train", **more}


def test_a_sign_of_the_numbers_is_said_once_and_not_what_was_sent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    view, book, voice = RunProjection(), SignBook(), _Voice()
    view.apply(event("stage-start"))
    view.apply(event("message", level="warning", code="silence", text="No output for 60 s."))
    for step, loss in enumerate((1.0, 0.5, 0.6, 0.7, 0.8, 0.9), start=1):
        view.apply(event("metric", step=step, values={"val_loss": loss}))
        while book.take_in(view):
            pass
        voice.say_signs(book, view)
    said = capsys.readouterr().err
    assert said.count("Validation loss rises: 0.5 at step 2 was the lowest") == 1
    assert "No output" not in said, "messages are said as they come"
