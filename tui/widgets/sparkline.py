"""A curve in one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tui.widgets.picture import Canvas, Curve, draw_line
from tui.widgets.scale import Scale


def sparkline(values: Sequence[float], width: int) -> str:
    """``values`` in ``width`` cells of braille; spaces where there is nothing to draw.

    Each half cell shows the lowest and highest value that falls into it.
    """
    if width < 1:
        return ""
    if not any(map(math.isfinite, values)):
        return " " * width
    canvas = Canvas(width, 1)
    curve = Curve(range(len(values)), values)
    numbers = [value for value in values if math.isfinite(value)]
    y = Scale.around(min(numbers), max(numbers), pad=0.0)
    draw_line(canvas, curve, Scale(0.0, float(max(1, len(values) - 1))), y, set())
    line = [" "] * width
    for _, column, char in canvas.cells("smooth"):
        line[column] = char
    return "".join(line)


def bar(share: float, width: int) -> str:
    """A share in [0, 1] as a bar of exactly ``width`` cells, in steps of an eighth of a cell."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    full, part = divmod(eighths, 8)
    text = "█" * full + ("▏▎▍▌▋▊▉"[part - 1] if part else "")
    return text.ljust(width)
