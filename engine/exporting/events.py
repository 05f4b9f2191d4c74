"""Lines of an event log as rows of ``metrics`` and ``events``, a piece at a time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from engine.exporting.tables import EVENTS, number, text, time, whole
from engine.live.measurement import Measurement, measurements
from engine.quick_json import loads

_PLAIN = frozenset({"metric", "progress", "memory"})
_SAMPLED = ("tree_rss_bytes", "available_bytes", "swap_used_bytes")
_SAYS = {
    "message": ("level", "code", "text"),
    "stage-end": (None, "outcome", "reason"),
    "checkpoint": (None, "reason", "path"),
    "phase": (None, None, "to_phase"),
    "queued": (None, None, "waiting_for"),
    "record": (None, None, "file"),
    "suite-opened": (None, None, "suite"),
    "decided": (None, None, "decision"),
    "decision-withdrawn": (None, None, "decision"),
}
"""Kind of event to the fields that are its level, its code and its text. An example has none: its
texts are held-out data."""

_name = lru_cache(1024)(text)


@dataclass(slots=True)
class Piece:
    """Rows as lines of CSV, and how many lines of the log were no event."""

    metrics: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    broken: int = 0


def rows_of(run_id: str, lines: Sequence[bytes]) -> Piece:
    """The rows of complete lines of a run's log, in their order."""
    piece = Piece()
    run = text(run_id)
    for line, one in zip(lines, measurements(lines), strict=True):
        if one is not None and one.kind in _PLAIN:
            _measured(piece, run, one)
        elif line.strip():
            _told(piece, run, line)
    return piece


def _measured(piece: Piece, run: str, one: Measurement) -> None:
    """What is plainly a measurement: most of a long log, so it builds its lines itself."""
    stage, t = text(one.stage), time(one.t)
    seq = whole(one.seq)
    piece.events.append(f'{run},{seq},{t},"{one.kind}",{stage},,,\n')
    if one.kind == "metric" and one.values:
        step = "" if one.step is None else repr(one.step)
        head = f"{run},{stage},{step},{t},{seq},"
        # Each value is a float here, and its name one of few.
        piece.metrics += [f"{head}{_name(key)},{value!r}\n" for key, value in one.values.items()]
    elif one.kind == "memory":
        _add(piece, f"{run},{stage},,{t},{seq},", _sampled(one))


def _told(piece: Piece, run: str, line: bytes) -> None:
    """Any other line, read with more care."""
    try:
        event = loads(line)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict) or not isinstance(event.get("kind"), str):
        piece.broken += 1
        return
    kind, stage, t = event["kind"], event.get("stage"), event.get("t")
    level, code, said = (
        event.get(name) if name else None for name in _SAYS.get(kind, (None, None, None))
    )
    seq = event.get("seq")
    row = (None, seq, t, kind, stage, level, code, said)
    piece.events.append(run + EVENTS.line(row))
    if kind == "metric":
        head = f"{run},{text(stage)},{number(event.get('step'))},{time(t)},{whole(seq)},"
        values = event.get("values")
        _add(piece, head, values.items() if isinstance(values, dict) else ())
    elif kind == "memory":
        head = f"{run},{text(stage)},,{time(t)},{whole(seq)},"
        _add(piece, head, [(name, event[name]) for name in _SAMPLED if name in event])


def _sampled(one: Measurement) -> list[tuple[str, float]]:
    found = ((name, getattr(one, name)) for name in _SAMPLED)
    return [(name, value) for name, value in found if value is not None]


def _add(piece: Piece, head: str, values: Iterable[tuple[str, object]]) -> None:
    piece.metrics += [f"{head}{text(name)},{number(value)}\n" for name, value in values]
