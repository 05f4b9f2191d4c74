"""What the crosshair of a chart tells: the place, and the value of each curve there. No Textual."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from tui.widgets.picture import Curve, Options, Row
from tui.widgets.scale import Kind, compact


def exact(value: float, kind: Kind) -> str:
    """A value with more digits than an axis has room for: 0.41234, 2,140.3, 1.9G, NaN."""
    if value != value:
        return "NaN"
    if kind != "number":
        return compact(value, kind)
    if value and not 1e-3 <= abs(value) < 1e6:
        return compact(value)
    return f"{value:,.5g}" if abs(value) < 1e5 else f"{value:,.0f}"


def readout(
    label: str, curves: Sequence[Curve], options: Options, at: float, width: int = 1 << 16
) -> Row:
    """The title of a chart under the crosshair: where it is, and what each named curve says there.

    Lines are told at their nearest point; of validation points and checkpoints the nearest is told
    with its own place, which may lie elsewhere. Where that is wider than ``width`` cells, curves
    are told by the signs of the legend alone.
    """
    long = _told(label, curves, options, at, names=True)
    if sum(cell_len(text) for text, _ in long) <= width:
        return long
    return _told(label, curves, options, at, names=False)


def _told(label: str, curves: Sequence[Curve], options: Options, at: float, *, names: bool) -> Row:
    told: Row = []
    here: float | None = None
    for curve in curves:
        index = curve.nearest(at)
        if index is None or not curve.name:
            continue
        value = exact(curve.y[index], options.y_kind)
        role = "plain" if curve.role == "raw" else curve.role
        if curve.shape == "points":
            name = f"{curve.sign} {curve.name}" if names else curve.sign
            told.append((f"  {name} {value} at {short_place(curve.x[index], options)}", role))
            continue
        here = curve.x[index] if here is None else here
        sign = "⠒" if curve.role == "raw" else "━"
        told.append((f"  {curve.name if names else sign} {value}", role))
    if options.marks:
        nearest = short_place(min(options.marks, key=lambda mark: abs(mark - at)), options)
        told.append((f"  ▴ checkpoint at {nearest}" if names else f"  ▴ {nearest}", "mark"))
    # What is asked for least stands last: it is left out first.
    told.sort(key=lambda one: (one[1] == "point2", one[1] in ("point", "mark")))
    return [
        (label, "strong"),
        (f"  {place(at if here is None else here, options)}", "accent"),
        *told,
    ]


def place(at: float, options: Options) -> str:
    """A place on the x axis in words: "step 187", "4.2M tokens", "3:05", "14:05:33"."""
    text = short_place(at, options)
    if options.x_unit == "steps":
        return f"step {text}"
    return f"{text} tokens" if options.x_unit == "tokens" else text


def short_place(at: float, options: Options) -> str:
    """A place on the x axis without its unit."""
    if options.x_kind == "number":
        return f"{at:,.0f}" if abs(at) < 1e7 else compact(at)
    return compact(at, options.x_kind)
