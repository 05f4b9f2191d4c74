"""A report card's model → one HTML page that needs nothing else.

The page is made from ``report-card.json`` alone. It has no script and loads nothing; whatever a
model or a person wrote is text in it, with its control characters made visible.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.publish.card.charts import HEIGHT, WIDTH, interval_rows, loss_picture
from engine.publish.markdown import visible
from engine.publish.numbers import NOT_RECORDED
from engine.records.report_card import CardNumber, CardSuite, ReportCard

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent


def card_page(card: ReportCard) -> str:
    """The whole page. The same card gives the same text."""
    style = (_HERE / "card.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    return (
        _environment()
        .get_template("card.html.j2")
        .render(
            card=card,
            style=style,
            style_hash=digest,
            rows=interval_rows(card.suites),
            losses=loss_picture(card.curves),
            width=WIDTH,
            height=HEIGHT,
        )
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # only for a card

    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "score": _score,
        "interval": _interval,
        "difference": _difference,
        "difference_interval": _difference_interval,
        "said": _said,
    }
    return environment


def _shown(value: Any) -> Any:
    """Text as it is shown: what cannot be seen, or would turn the line round, has a sign."""
    # Markup is the page's own; only plain text comes from elsewhere.
    return visible(value) if type(value) is str else value


def _said(text: str | None) -> str:
    return text if text and text.strip() else NOT_RECORDED


def _value(value: float | None, share: bool) -> str:
    if value is None:
        return NOT_RECORDED
    return f"{100 * value:.1f} %" if share else f"{value:.3f}"


def _score(number: CardNumber, suite: CardSuite) -> str:
    """A score: per cent where it is a share."""
    if number.value is None:
        return NOT_RECORDED if number.state in ("missing", "measured") else number.state
    return _value(number.value, suite.share)


def _interval(number: CardNumber, suite: CardSuite) -> str:
    """ "89.4 % to 96.6 %", or "" where there is none."""
    if number.low is None or number.high is None:
        return ""
    if suite.share:
        return f"{100 * number.low:.1f} to {100 * number.high:.1f} %"
    return f"{number.low:.3f} to {number.high:.3f}"


def _difference(suite: CardSuite) -> str:
    """Candidate minus baseline: percentage points where the scores are shares."""
    value = suite.difference.value
    if value is None:
        return NOT_RECORDED
    return f"{_signed(value, suite)} pp" if suite.share else _signed(value, suite)


def _difference_interval(suite: CardSuite) -> str:
    low, high = suite.difference.low, suite.difference.high
    if low is None or high is None:
        return ""
    unit = " pp" if suite.share else ""
    return f"{_signed(low, suite)} to {_signed(high, suite)}{unit}"


def _signed(value: float, suite: CardSuite) -> str:
    text = f"{100 * value:+.1f}" if suite.share else f"{value:+.3f}"
    return text.replace("-", "−")
