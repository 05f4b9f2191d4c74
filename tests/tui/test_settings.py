"""``[screen]`` and ``[keys]`` of factory.toml: what is wrong is said, and the rest is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui.bindings import KEYS
from tui.settings import ScreenSettings, load_settings, with_keymap


def settings(workspace: Path, text: str) -> ScreenSettings:
    (workspace / "factory.toml").write_text(text, "utf-8")
    return load_settings(workspace, KEYS)


def test_nothing_said_is_the_default(tmp_path: Path) -> None:
    assert load_settings(tmp_path, KEYS) == ScreenSettings()
    assert settings(tmp_path, "[supervisor]\nsample_s = 1\n") == ScreenSettings()


def test_what_is_said_is_used(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        '[screen]\ntheme = "nord"\nnotify = "off"\ntitle = false\n[keys]\n"live.axis" = "X"\n',
    )
    assert (found.theme, found.notify, found.title) == ("nord", "off", False)
    assert found.keymap == {"live.axis": "X"}
    assert found.problems == ()


def test_names_without_quotation_marks_are_meant_as_well(tmp_path: Path) -> None:
    assert settings(tmp_path, '[keys]\nlive.axis = "X"\n').keymap == {"live.axis": "X"}
    assert settings(tmp_path, '[keys.live]\naxis = "X"\n').keymap == {"live.axis": "X"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[keys]\n"live.axes" = "X"\n', "did you mean “live.axis”?"),
        ('[keys]\n"live.axis" = 3\n', "is a key such as"),
        ('[keys]\n"live.axis" = "X,"\n', "is a key such as"),
        ('[keys]\n"runs.refresh" = "n"\n', "is the key of runs.room-new_run"),
        ('[keys]\n"runs.refresh" = "/"\n', "is the key of runs.filter"),
        ("[screen]\ntheme = 1\n", "screen.theme"),
        ('[screen]\nnotify = "loud"\n', "auto, bell, osc9"),
        ('[screen]\ntitle = "yes"\n', "true or false"),
        ("[screen]\nsize = 1\n", "knows no “size”"),
        ("screen = 1\n", "[screen] is a table"),
        ("[screen\n", "cannot be read"),
    ],
)
def test_what_is_wrong_is_said_and_left_out(tmp_path: Path, text: str, said: str) -> None:
    found = settings(tmp_path, text)
    assert len(found.problems) == 1 and said in found.problems[0], found.problems
    assert found.keymap == {} and found.theme is None and found.notify == "auto"


def test_two_actions_may_exchange_their_keys(tmp_path: Path) -> None:
    found = settings(tmp_path, '[keys]\n"runs.filter" = "n"\n"runs.room-new_run" = "slash"\n')
    assert found.problems == ()
    table = {key.id: key for key in with_keymap(KEYS, found.keymap)}
    assert table["runs.filter"].caption == "n"
    assert table["runs.room-new_run"].caption == "/"
