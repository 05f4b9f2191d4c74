"""Lines of an event log folded into a projection, many measurements of a stage at once.

The result is that of applying each event by itself (a test compares both on any events). It is
some eight times as fast: a run of a million events opens while one looks on.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate, groupby, repeat
from operator import sub

from engine.live.measurement import Measurement, measurements
from engine.live.projected import StageView
from engine.live.projection import MAX_TEXT, MEMORY, RunProjection
from engine.live.series import Course

_TOGETHER = frozenset({"metric", "progress", "memory"})
_FEW = 8
"""Fewer measurements in a row are not worth the preparation."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def fold_lines(view: RunProjection, lines: Sequence[bytes]) -> int:
    """Fold lines into a projection, in order; how many of them were no event."""
    found = measurements(lines)
    broken = at = 0
    while at < len(lines):
        stop = _same_stage(found, at)
        batch = [one for one in found[at:stop] if one is not None]
        if len(batch) < _FEW or not _fold(view, batch):
            stop = max(stop, at + 1)
            broken += sum(not _apply(view, line) for line in lines[at:stop])
        at = stop
    return broken


def _same_stage(found: Sequence[Measurement | None], start: int) -> int:
    """The end of the measurements of one stage that begin at ``start``."""
    first = found[start]
    if first is None or first.stage is None:
        return start
    stage = first.stage
    for at in range(start, len(found)):
        one = found[at]
        if one is None or one.stage != stage or one.kind not in _TOGETHER:
            return at
    return len(found)


def _apply(view: RunProjection, line: bytes) -> bool:
    """Fold one line; False when it is neither an event nor blank."""
    if not line.strip():
        return True
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return False
    if not isinstance(event, dict) or not isinstance(event.get("kind"), str):
        return False
    view.apply(event)
    return True


def _fold(view: RunProjection, batch: list[Measurement]) -> bool:
    """Fold measurements of one stage; False, and nothing is folded, where it takes more care."""
    stage = view.stages.get(batch[0].stage or "")
    if stage is None:
        return False
    try:
        # A time that is missing or has no zone cannot be subtracted from.
        since = map(sub, [one.t for one in batch], repeat(_EPOCH))
        times = list(map(timedelta.total_seconds, since))
    except TypeError:
        return False
    kinds = [one.kind for one in batch]
    places = [at for at, kind in enumerate(kinds) if kind == "metric"]
    metrics = [batch[at] for at in places]
    steps = [one.step for one in metrics if one.step is not None]
    rows = [one.values for one in metrics if one.values is not None]
    if len(steps) < len(metrics) or len(rows) < len(metrics):
        return False
    others = [(at, batch[at]) for at, kind in enumerate(kinds) if kind != "metric"]
    if not all(_whole(one) for _, one in others):
        return False
    samples = [(at, one) for at, one in others if one.kind == "memory"]
    names = set().union(*set(map(tuple, rows)))
    if samples:
        if MEMORY in names:
            return False
        names.add(MEMORY)
    if not names <= stage.series.keys():
        return False

    clock = _clock(stage, times)
    tokens = _tokens(stage, rows)
    _fold_rows(stage, rows, steps, tokens, [clock[at] for at in places])
    for at, one in samples:
        before = bisect_left(places, at) - 1
        step = steps[before] if before >= 0 else stage.step
        trained = tokens[before] if before >= 0 else stage.tokens
        used = one.tree_rss_bytes or 0.0
        stage.peak_tree_rss_bytes = max(int(used), stage.peak_tree_rss_bytes or 0)
        stage.series[MEMORY].add(step, trained, clock[at], used)
    for at, one in others:
        if one.kind == "progress":
            unit = (one.unit or "")[:MAX_TEXT] or "steps"
            stage.pace.mark(clock[at], one.done or 0.0, one.total, unit)
    if samples:
        _, last = samples[-1]
        view.available_bytes = None if last.available_bytes is None else int(last.available_bytes)
        view.swap_used_bytes = None if last.swap_used_bytes is None else int(last.swap_used_bytes)
    stage.spent_s = clock[-1]
    if stage.state == "running" and stage.started is not None:
        stage.last = times[-1]
    if metrics:
        stage.step, stage.tokens = steps[-1], tokens[-1]
    view.counts.update(Counter(kinds))
    view.first_t = times[0] if view.first_t is None else view.first_t
    view.last_t = max(times) if view.last_t is None else max(view.last_t, max(times))
    view.last_seq = next((b.seq for b in reversed(batch) if b.seq is not None), view.last_seq)
    return True


def _whole(one: Measurement) -> bool:
    """Whether a sample or a mark has its number."""
    return (one.tree_rss_bytes if one.kind == "memory" else one.done) is not None


def _clock(stage: StageView, times: list[float]) -> list[float]:
    """The stage's clock at each of these times; it never goes back."""
    if stage.state != "running" or stage.started is None:
        return [stage.spent_s] * len(times)
    base, started = stage.base_s, stage.started
    clock = accumulate([base + t - started for t in times], max, initial=stage.spent_s)
    next(clock)
    return list(clock)


def _tokens(stage: StageView, rows: list[dict[str, float]]) -> list[float]:
    """The tokens trained on as of each row; a row that does not say adds none."""
    found, now = [], stage.tokens
    for row in rows:
        now = row.get("tokens", now)
        found.append(now)
    return found


def _fold_rows(
    stage: StageView,
    rows: list[dict[str, float]],
    steps: list[float],
    tokens: list[float],
    seconds: list[float],
) -> None:
    for places in _alike(rows):
        names = tuple(rows[places[0]])
        if not names:
            continue
        if len(places) == len(rows):
            course, values = Course(steps, tokens, seconds), rows
        else:
            course = Course(*([one[at] for at in places] for one in (steps, tokens, seconds)))
            values = [rows[at] for at in places]
        for name, column in zip(names, zip(*map(dict.values, values), strict=True), strict=True):
            stage.series[name].extend(course, column)
            if name == "mlx_peak_bytes":
                stage.peak_mlx_bytes = max(int(max(column)), stage.peak_mlx_bytes or 0)


def _alike(rows: list[dict[str, float]]) -> Iterator[list[int]]:
    """Places of rows with the same names, such that no metric's points change their order."""
    keys = list(map(tuple, rows))
    kinds = dict.fromkeys(keys)
    if len(kinds) == 1:
        yield list(range(len(rows)))
    elif sum(map(len, kinds)) == len(set().union(*kinds)):
        for kind in kinds:
            yield [at for at, key in enumerate(keys) if key == kind]
    else:
        for _, run in groupby(range(len(rows)), keys.__getitem__):
            yield list(run)
