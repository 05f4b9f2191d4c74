"""A trend as a picture in the page: inline SVG, whose words say what it shows."""

from __future__ import annotations

from html import escape

from engine.numbers import score
from engine.publish.journal.step import Step
from engine.publish.journal.trend import Trend

WIDTH, HEIGHT = 640, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 104, 12, 14


def picture(trend: Trend, target: str, number: int) -> str:
    """The figure of a target, "" for fewer than two scores; ``number`` keeps its ids apart."""
    if len(trend.points) < 2:
        return ""
    name = escape(target)
    parts = [
        f'<figure tabindex="0"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-labelledby="tt{number} td{number}">',
        f'<title id="tt{number}">Primary score over the steps of {name}</title>',
        f'<desc id="td{number}">{escape(trend.sentence)}</desc>',
        *_scale(trend),
        *_level(trend, trend.baseline, "baseline"),
        *_level(trend, trend.goal, "bound"),
        *_marks(trend),
        "</svg>",
    ]
    more = f" {trend.left_out} older ones are only in the table." if trend.left_out else ""
    caption = (
        "Primary score of each step with its 95 % interval, oldest to newest. Filled: shipped."
    )
    return "".join([*parts, f"<figcaption>{caption}{more}</figcaption></figure>\n"])


def _scale(trend: Trend) -> list[str]:
    low, high = trend.range
    found = []
    for value in (low, (low + high) / 2, high):
        y = _y(trend, value)
        found.append(f'<line class="rule" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        found.append(f'<text x="{_LEFT - 6}" y="{y}" dy="4" text-anchor="end">{value:.3g}</text>')
    return found


def _level(trend: Trend, value: float | None, name: str) -> list[str]:
    if value is None:
        return []
    y = _y(trend, value)
    return [
        f'<line class="{name}" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>',
        f'<text class="{name}" x="{WIDTH - _RIGHT + 8}" y="{y}" dy="4">'
        f"{name} {score(value)}</text>",
    ]


def _marks(trend: Trend) -> list[str]:
    places = [
        (_x(trend, at), _y(trend, one.after), one)
        for at, one in enumerate(trend.points)
        if one.after is not None
    ]
    way = " ".join(f"{x},{y}" for x, y, _ in places)
    found = [f'<polyline class="way" points="{way}"/>']
    for x, y, one in places:
        if one.low is not None and one.high is not None:
            top, bottom = _y(trend, one.high), _y(trend, one.low)
            found.append(f'<line class="way" x1="{x}" x2="{x}" y1="{top}" y2="{bottom}"/>')
        kind = "shipped" if one.decision.startswith("ship") else "other"
        title = escape(_words(one))
        found.append(
            f'<circle class="{kind}" cx="{x}" cy="{y}" r="5"><title>{title}</title></circle>'
        )
    return found


def _words(one: Step) -> str:
    return f"{one.name}: {score(one.after)}, {one.decision}"


def _x(trend: Trend, at: int) -> float:
    room = WIDTH - _LEFT - _RIGHT - 20
    return round(_LEFT + 10 + room * at / max(1, len(trend.points) - 1), 2)


def _y(trend: Trend, value: float) -> float:
    low, high = trend.range
    share = (high - value) / ((high - low) or 1.0)
    return round(_TOP + (HEIGHT - _TOP - _BOTTOM) * share, 2)
