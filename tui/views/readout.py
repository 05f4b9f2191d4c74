"""What the crosshair of a chart tells: the place, and the value of each curve there. No Textual."""

from __future__ import annotations

from collections.abc import Sequence

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


def readout(label: str, curves: Sequence[Curve], options: Options, at: float) -> Row:
    """The title of a chart under the crosshair: where it is, and what each named curve says there.

    Lines are told at their nearest point; of validation points and checkpoints the nearest is told
    with its own place, which may lie elsewhere.
    """
    lines = [curve for curve in curves if curve.shape == "line" and curve.name]
    here = at
    for curve in lines[:1]:
        index = curve.nearest(at)
        if index is not None:
            here = curve.x[index]
    row: Row = [(label, "strong"), (f"  {place(here, options)}", "accent")]
    for curve in curves:
        index = curve.nearest(at)
        if index is None or not curve.name:
            continue
        value = exact(curve.y[index], options.y_kind)
        if curve.shape == "points":
            where = compact_place(curve.x[index], options)
            row.append((f"  {curve.sign} {curve.name} {value} at {where}", curve.role))
        else:
            row.append((f"  {curve.name} {value}", curve.role))
    if options.marks:
        nearest = min(options.marks, key=lambda mark: abs(mark - at))
        row.append((f"  ▴ checkpoint at {compact_place(nearest, options)}", "mark"))
    return row


def place(at: float, options: Options) -> str:
    """A place on the x axis in words: "step 187", "4.2M tokens", "3:05", "14:05:33"."""
    text = compact_place(at, options)
    if options.x_unit == "steps":
        return f"step {text}"
    return f"{text} tokens" if options.x_unit == "tokens" else text


def compact_place(at: float, options: Options) -> str:
    """A place on the x axis without its unit."""
    if options.x_kind == "number":
        return f"{at:,.0f}" if abs(at) < 1e7 else compact(at)
    return compact(at, options.x_kind)
