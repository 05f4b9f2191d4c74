"""One line of a log as it would stand on a terminal: harmless text, and what was coloured how.

Colours (SGR codes) become styles. Every other code is taken out: cursor movements, titles, links,
the clipboard (OSC 52) and whatever else a terminal would act upon. A carriage return begins the
line anew, as progress bars do: what was written last counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rich.color import Color
from rich.style import Style

from tui.views.plain import plain

MAX_LINE = 4_000
"""Characters of a line that are shown, searched and copied; the rest is cut and said to be."""
MAX_BYTES = 4 * MAX_LINE
_MAX_RUNS = 400
"""Changes of colour in one line, beyond which the rest stays as it is."""

_CODES = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movement
    rb"|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # OSC: titles, links, the clipboard
    rb"|[PX^_][^\x1b\n]*(?:\x1b\\)?"  # strings of other kinds
    rb"|[@-Z\\^_ -/0-~])"
)
_SGR = re.compile(rb"\x1b\[([0-9;:]*)m")
_BLANK = Style()


@dataclass(frozen=True, slots=True)
class LogLine:
    """``text`` is harmless; ``runs`` are (start, end, style) of its coloured parts, in order."""

    text: str
    runs: tuple[tuple[int, int, Style], ...] = ()


def clip(raw: bytes) -> bytes:
    """The part of a line that counts: of a progress bar its end, of anything else its head."""
    if len(raw) <= MAX_BYTES:
        return raw
    return raw[-MAX_BYTES:] if b"\r" in raw else raw[:MAX_BYTES]


def clean(raw: bytes) -> str:
    """The text of a line, without its codes. For searching: cheaper than ``parse``."""
    if len(raw) > MAX_BYTES:
        raw = clip(raw)
    if b"\x1b" in raw:
        raw = without_codes(raw)
    return _text(_last(raw)).rstrip()


def parse(raw: bytes) -> LogLine:
    """A line with its colours. ``raw`` may be any bytes without a line end."""
    raw = _last(clip(raw))
    if b"\x1b" not in raw:
        return LogLine(_text(raw).rstrip())
    parts: list[str] = []
    runs: list[tuple[int, int, Style]] = []
    style, at, length, column = _BLANK, 0, 0, 0
    for code in _CODES.finditer(raw):
        text = _text(raw[at : code.start()], column)
        column += len(text)
        length = _add(parts, runs, text, length, style)
        at = code.end()
        sgr = _SGR.fullmatch(code.group())
        if sgr is not None and len(runs) < _MAX_RUNS:
            style = after(style, sgr.group(1).decode("ascii"))
    length = _add(parts, runs, _text(raw[at:], column), length, style)
    whole = "".join(parts)
    cut = whole.rstrip()
    if len(cut) > MAX_LINE:
        cut = cut[:MAX_LINE] + "…"
    kept = tuple((a, min(b, len(cut)), s) for a, b, s in runs if a < len(cut))
    return LogLine(cut, kept)


def _add(
    parts: list[str],
    runs: list[tuple[int, int, Style]],
    text: str,
    length: int,
    style: Style,
) -> int:
    if text:
        parts.append(text)
        if style is not _BLANK:
            runs.append((length, length + len(text), style))
    return length + len(text)


def _last(raw: bytes) -> bytes:
    """What the last carriage return left on the line."""
    if b"\r" not in raw:
        return raw
    for part in reversed(raw.split(b"\r")):
        if without_codes(part).strip():
            return part
    return b""


def without_codes(raw: bytes) -> bytes:
    """Bytes without the codes of terminals; line ends stay, so it may be many lines."""
    return _CODES.sub(b"", raw)


def _text(raw: bytes, column: int = 0) -> str:
    """Bytes as harmless text; ``column`` is where it begins, for the tabs in it."""
    text = raw.decode("utf-8", "replace")
    if "\t" in text:
        text = (" " * (column % 4) + text).expandtabs(4)[column % 4 :]
    return plain(text, clip=MAX_LINE)


# --- colours ----------------------------------------------------------------------

_ON = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse", 9: "strike"}
_OFF = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 27: ("reverse",), 29: ("strike",)}


def after(style: Style, codes: str) -> Style:
    """The style after ``ESC[codesm``. Codes that mean nothing here (blink, hidden) are left out."""
    numbers = [_number(one) for one in codes.replace(":", ";").split(";")[:32]]
    look: dict[str, bool] = {}
    colour: Color | None = style.color
    back: Color | None = style.bgcolor
    for name in _ON.values():
        if getattr(style, name):
            look[name] = True
    at = 0
    while at < len(numbers):
        code = numbers[at]
        if code == 0:
            look, colour, back = {}, None, None
        elif code in _ON:
            look[_ON[code]] = True
        elif code in _OFF:
            for name in _OFF[code]:
                look.pop(name, None)
        elif code in (38, 48):
            chosen, used = _extended(numbers[at + 1 : at + 5])
            at += used
            if chosen is not None:
                colour, back = (chosen, back) if code == 38 else (colour, chosen)
        elif code in (39, 49):
            colour, back = (None, back) if code == 39 else (colour, None)
        elif 30 <= code <= 37 or 90 <= code <= 97:
            colour = Color.from_ansi(code - 30 if code < 90 else code - 82)
        elif 40 <= code <= 47 or 100 <= code <= 107:
            back = Color.from_ansi(code - 40 if code < 100 else code - 92)
        at += 1
    if not look and colour is None and back is None:
        return _BLANK
    return Style(color=colour, bgcolor=back, **look)  # type: ignore[arg-type]


def _extended(numbers: list[int]) -> tuple[Color | None, int]:
    """The colour of ``38;5;n`` or ``38;2;r;g;b``, and how many numbers it took."""
    if numbers[:1] == [5] and len(numbers) >= 2:
        return (Color.from_ansi(numbers[1]) if 0 <= numbers[1] <= 255 else None), 2
    if numbers[:1] == [2] and len(numbers) >= 4:
        if all(0 <= one <= 255 for one in numbers[1:4]):
            return Color.from_rgb(*numbers[1:4]), 4
        return None, 4
    return None, min(1, len(numbers))


def _number(text: str) -> int:
    if not text:
        return 0
    return int(text) if text.isdecimal() and len(text) <= 4 else -1
