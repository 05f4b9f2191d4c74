"""A screen that breaks: the report says what happened, keeps no secret, and the run goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.fake_run import FakeRun
from tui.app import FactoryApp
from tui.crash import KEPT, last_events, report_text, without_secrets, write_report

RUN = "2026-11-20-x"


def broken() -> Exception:
    api_key = "sk-abcdefgh12345678"
    try:
        raise ValueError(f"refused: Authorization: Bearer{api_key} token=hf_abcdefgh12345678")
    except ValueError as error:
        return error


def test_a_report_has_the_place_and_no_secret(tmp_path: Path) -> None:
    text = report_text(broken(), screen="live", run_id=RUN, actions=["axis", "zoom"], events="{}")
    assert "in broken" in text and "screen    live, run 2026-11-20-x" in text
    assert "did       axis zoom" in text
    assert "abcdefgh12345678" not in text and "[taken out]" in text


def test_ordinary_words_stay() -> None:
    line = "tokens a second: 2140, token 12 of 30, secretary"
    assert without_secrets(line) == line


def test_the_last_events_are_a_bounded_piece(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(b'{"seq":1}\n' * 100_000 + b"\xff\xfe\n")
    assert len(last_events(tmp_path).splitlines()) == 20
    assert last_events(tmp_path / "nowhere") == ""


def test_old_reports_go(tmp_path: Path) -> None:
    directory = tmp_path / ".factory" / "crashes"
    directory.mkdir(parents=True)
    for number in range(KEPT + 5):
        (directory / f"2020-01-01T{number:06d}-1.txt").write_text("old")
    path = write_report(tmp_path, "new")
    assert path is not None and path.read_text() == "new"
    assert len(list(directory.iterdir())) == KEPT


def test_a_report_that_cannot_be_written_is_no_second_crash(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".factory").write_text("in the way")
    assert write_report(tmp_path, "new") is None
    assert "no crash report" in capsys.readouterr().err


async def test_a_screen_that_breaks_leaves_a_report(tmp_path: Path) -> None:
    FakeRun(tmp_path / "runs" / RUN).tell("data")
    app = FactoryApp(tmp_path, start="live", run_id=RUN)

    def breaks() -> None:
        raise RuntimeError("the chart fell off the wall")

    with pytest.raises(RuntimeError):
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.press("x")
            app.call_later(breaks)
            await pilot.pause()
    (report,) = (tmp_path / ".factory" / "crashes").glob("*.txt")
    text = report.read_text("utf-8")
    assert "the chart fell off the wall" in text and f"live, run {RUN}" in text
    assert '"to_phase": "evaluated"' in text
    assert str(report) in app.last_words
