"""What a worker prints: its events as short lines, so that ``train.log`` reads by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SHOWN = (
    ("loss", "loss {:.4f}"),
    ("val_loss", "validation loss {:.4f}"),
    ("learning_rate", "learning rate {:.2e}"),
    ("tok_s", "{:,.0f} tok/s"),
)


def line(event: Mapping[str, Any]) -> str | None:
    """The line for an event, None for those that would only be noise in a log."""
    kind = event.get("kind")
    if kind == "metric":
        return _metric(event)
    if kind == "message":
        level = event.get("level", "info")
        return str(event["text"]) if level == "info" else f"{level}: {event['text']}"
    if kind == "checkpoint":
        return f"step {event['step']}  checkpoint ({event['reason']}) {event['path']}"
    if kind == "record":
        return f"wrote {event['file']}"
    return None


def _metric(event: Mapping[str, Any]) -> str | None:
    values = event["values"]
    shown = [_form(form, values[name]) for name, form in _SHOWN if values.get(name) is not None]
    return f"step {event['step']}  {'  '.join(shown)}" if shown else None


def _form(form: str, value: float | str) -> str:
    """A number in its form; one that is not finite by its name, which no form would take."""
    return form.format(value) if isinstance(value, int | float) else f"{form.split('{')[0]}{value}"
