"""Calling somebody when a run ended, and the terminal's title: as bytes that a terminal gets."""

from __future__ import annotations

import pytest

from tui.attention import (
    Surroundings,
    call,
    call_sequence,
    osascript_command,
    title_of,
    title_sequence,
    way_to_call,
)


def around(platform: str = "linux", **environment: str) -> Surroundings:
    return Surroundings(environment, platform, platform == "darwin")


@pytest.mark.parametrize(
    ("surroundings", "way"),
    [
        (around(TERM="xterm-256color"), "bell"),
        (around(TERM_PROGRAM="iTerm.app"), "osc9"),
        (around("darwin", TERM_PROGRAM="WezTerm"), "osc9"),
        (around(TERM="xterm-ghostty"), "osc9"),
        (around(TERM="foot-extra"), "osc777"),
        (around(TERM="xterm-256color", VTE_VERSION="7000"), "osc777"),
        (around("darwin", TERM_PROGRAM="Apple_Terminal"), "osascript"),
        (around("darwin", TERM="xterm-256color", SSH_TTY="/dev/ttys1"), "bell"),
    ],
)
def test_each_terminal_is_called_in_its_way(surroundings: Surroundings, way: str) -> None:
    assert way_to_call("auto", surroundings) == way


def test_a_way_that_was_chosen_is_taken() -> None:
    assert way_to_call("osc777", around(TERM_PROGRAM="iTerm.app")) == "osc777"
    assert call_sequence("off", "factory", "done", around()) == ""


def test_the_sequences() -> None:
    assert call_sequence("bell", "f", "done", around()) == "\x07"
    assert call_sequence("osc9", "f", "done", around()) == "\x1b]9;f: done\x07"
    assert call_sequence("osc777", "f", "done", around()) == "\x1b]777;notify;f;done\x07"
    wrapped = call_sequence("osc9", "f", "done", around(TMUX="/tmp/x,1,0"))
    assert wrapped == "\x1bPtmux;\x1b\x1b]9;f: done\x07\x1b\\\x07"


def test_a_name_cannot_break_out_of_the_sequence() -> None:
    evil = "run\x07\x1b]52;c;aGk=\x07;x"
    for sequence in (call_sequence("osc777", evil, evil, around()), title_sequence(evil)):
        assert sequence.count("\x1b") == 1 and sequence.count("\x07") == 1
    assert call_sequence("osc777", "a;b", "c;d", around()).count(";") == 3


def test_what_is_shown_on_a_mac_is_never_read_as_a_script() -> None:
    command = osascript_command('x" & (do shell script "id")', "done")
    assert command[0] == "osascript" and command[2].count("do shell script") == 0
    assert command[3] == 'x" & (do shell script "id")'


def test_without_osascript_a_bell_is_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    written: list[str] = []
    assert call("osascript", "f", "done", written.append, around("darwin")) == "bell"
    assert written == ["\x07"]


def test_the_title_says_what_runs() -> None:
    assert title_of([], 0, "~/factory") == "factory · ~/factory"
    assert title_of([], 2, "~/factory") == "factory · 2 queued · ~/factory"
    assert title_of([("router-3", 0.62)], 0, "~") == "▶ 62% router-3 · factory"
    assert title_of([("a", None), ("b", 0.1)], 1, "~") == "▶ a · 1 more · 1 queued · factory"
