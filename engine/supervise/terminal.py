"""Bytes of a program that thinks it has a terminal → the lines that a person would have seen.

Pure and linear in the number of bytes, bounded in memory whatever comes: colours, titles and
other control codes are removed, a line that was drawn over and over (a progress bar) is kept in
its last state, and a bar that the program erased by moving the cursor up is not shown at all.
"""

from __future__ import annotations

import re

MAX_LINE = 64 * 1024
"""Longer lines are cut here, in bytes; what is left out stands in ``train.log`` all the same."""

CUT = " …"
"""Ends a line that was cut."""

_TOKEN = re.compile(
    r"\x1b\[(?P<params>[0-?]*)[ -/]*(?P<final>[@-~])"  # control sequence, e.g. colours
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # strings to the terminal, e.g. a title
    r"|\x1b[ -/]*[0-~]?"  # every other escape, and one that was cut off
    r"|(?P<control>[\r\x07]|\x08+)"
    r"|(?P<text>[^\x1b\r\x07\x08]+)"
)
# Removed wherever they stand: C0 and C1 controls without a meaning here, and the signs that turn
# the direction of text around, which could make a line read otherwise than it is.
_UNSEEN = re.compile(
    "[\x00-\x06\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
_LIVE = re.compile(r"[\x1b\r\x07\x08]")
_BAR = re.compile(r"[█▉▊▋▌▍▎▏░━╸╺]{3}|\d%\|")
_UP = re.compile(rb"\x1b\[\d{0,3}A")
_TAB_WIDTH = 8
_REDRAWN = 8 * 1024
"""From this size on, the states of a line that were drawn over are forgotten at once."""


class LineCleaner:
    """Turns one stream's bytes into clean lines. One instance a stream; never raises."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._skipping = False
        self._ups = 0
        self._held: str | None = None

    def feed(self, data: bytes) -> list[str]:
        """The lines that ``data`` completes, clean, without their ends."""
        lines: list[str] = []
        *whole, rest = data.split(b"\n")
        for piece in whole:
            self._take(piece)
            self._finish(lines)
        self._take(rest)
        return lines

    def close(self) -> list[str]:
        """The lines that were held back: a bar, and a last line without an end."""
        lines: list[str] = []
        if self._size:
            self._finish(lines)
        self._release(lines)
        return lines

    def _take(self, piece: bytes) -> None:
        """Keep a piece of an unfinished line, but no more than a line may have."""
        if self._size + len(piece) > _REDRAWN and b"\r" in piece[:-1]:
            # Drawn over many times: what stood before the last \r is not seen any more.
            end = piece.rindex(b"\r", 0, len(piece) - 1)
            self._ups += sum(len(_UP.findall(part)) for part in (*self._pieces, piece[:end]))
            self._pieces, self._size, self._skipping = [], 0, False
            piece = piece[end:]
        if not piece or self._skipping:
            return
        room = MAX_LINE - self._size
        if len(piece) > room:
            self._skipping = True
            piece = piece[: max(0, room)]
        self._pieces.append(piece)
        self._size += len(piece)

    def _line(self) -> str:
        if len(self._pieces) > 1:
            self._pieces = [b"".join(self._pieces)]
        text = self._pieces[0].decode("utf-8", "replace") if self._pieces else ""
        return text + CUT if self._skipping else text

    def _finish(self, lines: list[str]) -> None:
        text, ups = clean_line(self._line())
        ups += self._ups
        self._pieces, self._size, self._skipping, self._ups = [], 0, False, 0
        if ups:
            self._held = None  # the program erased the bar above before it drew this line
        self._release(lines)
        if _BAR.search(text):
            self._held = text
        else:
            lines.append(text)

    def _release(self, lines: list[str]) -> None:
        if self._held is not None:
            lines.append(self._held)
            self._held = None


def clean_line(raw: str) -> tuple[str, int]:
    """One line as it looks at the end, and by how many lines the cursor moved up in it."""
    raw = _UNSEEN.sub("", raw)
    if not _LIVE.search(raw):
        return raw.expandtabs(_TAB_WIDTH).rstrip(), 0
    shown: list[str] = []
    ups = 0
    returned = False
    rubs = "\x08" in raw
    for token in _TOKEN.finditer(raw):
        if (text := token["text"]) is not None:
            if returned:
                shown.clear()
                returned = False
            # One sign each where something may be rubbed out, so that rubbing out is quick.
            shown.extend(text if rubs else [text])
        elif (control := token["control"]) is not None:
            if control == "\r":
                returned = True
            elif control != "\x07":
                del shown[-len(control) :]
        elif (final := token["final"]) is not None:
            params = token["params"]
            if final == "A":
                ups += 1
                shown.clear()
            elif final in "JH" or (final == "K" and (returned or params in ("1", "2"))):
                shown.clear()
            elif final == "C":
                shown.append(
                    " " * min(int(params) if re.fullmatch(r"[0-9]{1,3}", params) else 1, 200)
                )
    return "".join(shown).expandtabs(_TAB_WIDTH).rstrip(), ups
