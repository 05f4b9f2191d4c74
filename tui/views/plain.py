"""Foreign text made safe to draw, and cut to a width in terminal cells.

What comes from files, models and logs may hold terminal codes, line ends, tabs or characters that
turn the writing direction round. Each is drawn as a visible sign, so that a text can be seen for
what it is and cannot move the cursor. Markup is never interpreted: screens build `Content` or
`Text` objects from these strings and never parse them.
"""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len

_BREAKS = {"\n": "⏎", "\r": "␍", "\t": " "}
_CLIP = 20_000


def _visible(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    return "�"


def _unsafe(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def plain(text: object, *, clip: int = _CLIP) -> str:
    """One line of harmless text; line ends become ⏎. At most ``clip`` characters are looked at."""
    raw = str(text)
    if len(raw) > clip:
        raw = raw[:clip] + "…"
    if raw.isascii() and raw.isprintable():
        return raw
    return "".join(_BREAKS.get(char) or (_visible(char) if _unsafe(char) else char) for char in raw)


def plain_lines(text: object, *, clip: int = 1_000_000) -> str:
    """Harmless text that keeps its lines; tabs become four spaces."""
    raw = str(text)
    if len(raw) > clip:
        raw = raw[:clip] + "\n…"
    lines = raw.replace("\r\n", "\n").split("\n")
    return "\n".join(plain(line.replace("\t", "    "), clip=clip) for line in lines)


def fit(text: str, width: int, *, align: str = "left") -> str:
    """Exactly ``width`` cells of a harmless text: padded, or cut with an ellipsis.

    ``align`` is left, right, or "path": left, but cut at its beginning, for names whose end
    tells them apart.
    """
    if width <= 0:
        return ""
    size = cell_len(text)
    if size > width:
        text = _tail(text, width) if align == "path" else _head(text, width)
        size = cell_len(text)
    pad = " " * (width - size)
    return pad + text if align == "right" else text + pad


def middle(text: str, width: int) -> str:
    """At most ``width`` cells; a longer text loses its middle, since ends tell names apart."""
    if cell_len(text) <= width:
        return text
    if width < 8:
        return _head(text, width)
    tail = (width - 1) // 2
    return _head(text, width - tail - 1, dots="") + "…" + _tail(text, tail, dots="")


def _head(text: str, width: int, dots: str = "…") -> str:
    room = width - len(dots)
    used = 0
    for index, char in enumerate(text):
        used += cell_len(char)
        if used > room:
            return text[:index] + dots
    return text


def _tail(text: str, width: int, dots: str = "…") -> str:
    room = width - len(dots)
    used = 0
    for index in range(len(text) - 1, -1, -1):
        used += cell_len(text[index])
        if used > room:
            return dots + text[index + 1 :]
    return text
