"""Says that a run ended while nobody looked, and keeps the terminal's title up to date.

What a terminal understands differs: most ring a bell, iTerm2, Ghostty, WezTerm, ConEmu and others
show a text sent as OSC 9, rxvt-unicode, foot and VTE's terminals one sent as OSC 777. On a Mac
``osascript`` shows a notification of the system. Inside tmux such a sequence only comes through
wrapped, and only with its ``allow-passthrough`` on.
Sources: iTerm2 "Proprietary Escape Codes"; foot's man page foot(1); tmux(1); xterm ctlseqs (OSC 0,
XTWINOPS 22 and 23); ConEmu "ANSI X3.64 and Xterm 256 colors" (OSC 9;4, progress).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tui.views.plain import plain

ESC, BEL, ST = "\x1b", "\x07", "\x1b\\"

_OSC9 = ("iTerm.app", "WezTerm", "ghostty", "WarpTerminal")
_OSC777 = ("foot", "rxvt", "vte", "contour")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What decides how somebody is called: the environment, the system, whether a program is there.

    ``environment`` is read only.
    """

    environment: Mapping[str, str]
    platform: str
    has_osascript: bool

    @classmethod
    def here(cls) -> Surroundings:
        mac = sys.platform == "darwin"
        return cls(os.environ, sys.platform, mac and shutil.which("osascript") is not None)


def way_to_call(wanted: str, around: Surroundings) -> str:
    """``auto`` as one of bell, osc9, osc777, osascript; anything else as it is.

    Over ssh the notification belongs to the terminal, not to the machine where the run is.
    """
    if wanted != "auto":
        return wanted
    here = around.environment
    program, term = here.get("TERM_PROGRAM", ""), here.get("TERM", "")
    remote = "SSH_CONNECTION" in here or "SSH_TTY" in here
    if program in _OSC9 or here.get("ConEmuANSI") == "ON" or "ghostty" in term:
        return "osc9"
    if any(term.startswith(name) for name in _OSC777) or "VTE_VERSION" in here:
        return "osc777"
    if around.has_osascript and not remote:
        return "osascript"
    return "bell"


def _harmless(text: str, clip: int = 200) -> str:
    """A text inside a control sequence: no control codes, and no semicolon, which divides."""
    return plain(text, clip=clip).replace(";", ",")


def call_sequence(way: str, title: str, text: str, around: Surroundings) -> str:
    """What is written to the terminal to call somebody; "" where nothing is written."""
    title, text = _harmless(title), _harmless(text)
    if way == "bell":
        return BEL
    if way == "osc9":
        return _through_tmux(f"{ESC}]9;{title}: {text}{BEL}", around)
    if way == "osc777":
        return _through_tmux(f"{ESC}]777;notify;{title};{text}{BEL}", around)
    return ""


def _through_tmux(sequence: str, around: Surroundings) -> str:
    """The sequence in tmux's envelope, and a bell for where the envelope is not opened."""
    if "TMUX" not in around.environment:
        return sequence
    return f"{ESC}Ptmux;{sequence.replace(ESC, ESC + ESC)}{ST}{BEL}"


def osascript_command(title: str, text: str) -> list[str]:
    """A notification of macOS. The texts are arguments, never a part of the script."""
    script = (
        "on run argv\ndisplay notification (item 2 of argv) with title (item 1 of argv)\nend run"
    )
    return ["osascript", "-e", script, plain(title, clip=100), plain(text, clip=300)]


def call(
    wanted: str, title: str, text: str, write: Callable[[str], object], around: Surroundings
) -> str:
    """Call somebody; returns the way that was taken. ``write`` writes to the terminal."""
    way = way_to_call(wanted, around)
    if way == "osascript":
        try:
            subprocess.Popen(
                osascript_command(title, text),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            way = "bell"
    sequence = call_sequence(way, title, text, around)
    if sequence:
        write(sequence)
    return way


def title_sequence(text: str) -> str:
    """Sets the terminal's title."""
    return f"{ESC}]0;{_harmless(text)}{BEL}"


KEEP_TITLE = f"{ESC}[22;0t"
"""Asks the terminal to remember its title; those that cannot ignore it."""
GIVE_TITLE_BACK = f"{ESC}[23;0t"


def title_of(running: list[tuple[str, float | None]], waiting: int, workspace: str) -> str:
    """The title: what runs with its share, how many wait, which workspace.

    ``running`` are (run, share in [0, 1] or None where it is not known).
    """
    if not running:
        return f"factory · {waiting} queued · {workspace}" if waiting else f"factory · {workspace}"
    name, share = running[0]
    parts = [f"▶ {share:.0%} {name}" if share is not None else f"▶ {name}"]
    if len(running) > 1:
        parts.append(f"{len(running) - 1} more")
    if waiting:
        parts.append(f"{waiting} queued")
    return " · ".join([*parts, "factory"])
