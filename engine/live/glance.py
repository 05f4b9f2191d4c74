"""A long event log by samples of it, so that all of its course can be drawn before it was read.

What lies between the samples is not seen: a spike may be missing, and so may a stage that took no
longer than that. It is a first look, to be replaced by what folding every event gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.live.folding import fold_lines
from engine.live.measurement import measurements
from engine.live.projection import RunProjection
from engine.plain_file import open_plain

LONG = 8 << 20
"""From this size on a log is worth a first look, in bytes: it takes a quarter of a second to read.
"""
SAMPLES = 256
SAMPLE = 4 << 10
"""256 samples of some 20 events each: more points than a chart has columns."""
ENDS = 64 << 10
"""How much of the beginning and of the end is read whole."""


def glance(path: Path, size: int) -> RunProjection | None:
    """What samples of the first ``size`` bytes tell; None when the file cannot be read."""
    view = RunProjection()
    try:
        with open_plain(path) as file:
            for start, length in _parts(size):
                file.seek(start)
                lines = file.read(length).split(b"\n")
                # The pieces of lines at both ends of a sample are not whole.
                whole = lines[1 if start else 0 : -1]
                _begin_stage(view, whole)
                fold_lines(view, whole)
    except OSError:
        return None
    return view


def _parts(size: int) -> Iterator[tuple[int, int]]:
    """(start, length) of the beginning, of samples between, and of the end."""
    yield 0, ENDS
    room = size - 2 * ENDS
    for number in range(SAMPLES):
        start = ENDS + room * number // SAMPLES
        yield start, min(SAMPLE, size - ENDS - start)
    yield size - ENDS, ENDS


def _begin_stage(view: RunProjection, lines: list[bytes]) -> None:
    """Begin the stage that a sample is of, where its start fell between two samples."""
    first = next((one for one in measurements(lines[:1]) if one is not None), None)
    if first is None or first.stage is None or first.t is None:
        return
    if first.stage == view.stage:
        return
    for stage in view.stages.values():
        if stage.state == "running":
            stage.state = "done"
    view.apply({"kind": "stage-start", "stage": first.stage, "t": first.t.isoformat()})
