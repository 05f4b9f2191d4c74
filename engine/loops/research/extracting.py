"""From what a run printed, and how it ended, to its Measurement."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from engine.folder import RunFolder
from engine.loops.runs import out_of_memory
from engine.records.protocol import Measurement as Wanted
from engine.records.protocol import Metric
from engine.records.research import Measurement, Violation
from engine.records.status import Phase, RunStatus, StageStatus
from engine.supervise.failure import DISK_REASON, says_out_of_memory
from engine.supervise.metric_text import read_number
from engine.supervise.terminal import LineCleaner
from engine.supervise.train_log import LOG, read_spans
from engine.timed_pattern import PatternError, find_all

QUICK_SHARE = 0.3
"""A number that comes before this share of the training time is not one of training."""
TRACE_LINES = 20
_SEARCH_S = 5.0
_MOST_BYTES = 64 * 2**20
"""Of the end of a log, that are searched."""
_GIB = 2**30
_DISK_WORDS = ("file too large", "no space left on device", "file size limit exceeded")


def measured(
    folder: RunFolder,
    status: RunStatus,
    stage: str,
    wanted: Wanted,
    *,
    repeat: int,
    seed: int,
    training_s: float | None,
) -> Measurement:
    """What a run that has ended gave. ``training_s`` is how long training takes at least, None
    where that is not known (the baseline)."""
    one = status.stages.get(stage, StageStatus())
    lines = read_output(folder, stage)
    text = "\n".join(lines)
    metrics = {
        metric.name: values[-1]
        for metric in wanted.secondary_metrics
        if (values := _values(metric, text)) and math.isfinite(values[-1])
    }
    found = Measurement(
        run_id=folder.run_id,
        repeat=repeat,
        seed=seed,
        metrics=metrics,
        seconds=_seconds(one),
        memory_gb=_memory(one, metrics),
    )
    if status.phase is Phase.FAILED and one.state != "done":
        found.cause = _cause(folder, one, lines)
    else:
        _take_value(found, wanted.primary_metric, text)
        if found.value is not None and training_s is not None:
            _look_at_time(found, training_s)
    if found.value is None:
        found.trace = [line for line in lines if line.strip()][-TRACE_LINES:]
    return found


def read_output(folder: RunFolder, stage: str) -> list[str]:
    """The clean lines of a stage: those of stdout, then those of stderr."""
    cleaners = {"stdout": LineCleaner(), "stderr": LineCleaner()}
    lines: dict[str, list[str]] = {"stdout": [], "stderr": []}
    try:
        with (folder.path / LOG).open("rb") as file:
            begin = max(0, file.seek(0, 2) - _MOST_BYTES)
            for span in read_spans(folder.path):
                start = max(span.start, begin)
                if span.stage == stage and (span.end is None or span.end > start):
                    file.seek(start)
                    data = file.read(-1 if span.end is None else span.end - start)
                    lines[span.stream] += cleaners[span.stream].feed(data)
    except FileNotFoundError:
        return []
    for stream, cleaner in cleaners.items():
        lines[stream] += cleaner.close()
    return lines["stdout"] + lines["stderr"]


def _values(metric: Metric, text: str) -> list[float]:
    try:
        texts = find_all(metric.extract.pattern, text, _SEARCH_S)
    except PatternError:
        return []
    return [value for one in texts if (value := read_number(one)) is not None]


def _take_value(found: Measurement, metric: Metric, text: str) -> None:
    values = _values(metric, text)
    if not values:
        found.cause = "nan" if _says_nan(metric.name, text) else "no-metric"
    elif any(not math.isfinite(value) for value in values):
        found.cause = "nan"
    elif len(set(values)) > 1:
        found.cause = "metric-twice"
        several = ", ".join(f"{value:g}" for value in values[:4])
        times = f"{metric.name} was printed {len(values)} times"
        sentence = f"{times} with different values ({several})."
        found.violations.append(Violation(rule="metric-twice", text=sentence))
    else:
        found.value = values[0]


def _says_nan(name: str, text: str) -> bool:
    """Whether it printed the metric as no number, which a pattern of digits does not match."""
    try:
        return bool(find_all(rf"(?i)^\s*{re.escape(name)}\s*[:=]\s*[-+]?(nan|inf)", text, 1.0))
    except PatternError:
        return False


def _look_at_time(found: Measurement, training_s: float) -> None:
    steps = [name for name in ("num_steps", "steps") if found.metrics.get(name) == 0]
    least = QUICK_SHARE * training_s
    if steps:
        sentence = f"It gave a number after 0 steps of training ({steps[0]} is 0)."
    elif found.seconds is not None and found.seconds < least:
        sentence = (
            f"It gave a number after {found.seconds:.1f} s; training takes {training_s:.1f} s, and "
            f"less than {QUICK_SHARE:.0%} of that is no training."
        )
    else:
        return
    found.violations.append(Violation(rule="too-quick", text=sentence))
    found.value, found.cause = None, "rule"


def _cause(folder: RunFolder, one: StageStatus, lines: list[str]) -> str:
    reason = one.reason or ""
    last = lines[-TRACE_LINES:]
    if reason.startswith("reached its time limit"):
        return "time-limit"
    if reason.startswith(DISK_REASON) or _says(last, _DISK_WORDS):
        return "disk"
    if " became nan" in reason or " became inf" in reason or " became -inf" in reason:
        return "nan"
    if out_of_memory(folder.path) or says_out_of_memory("\n".join(last)):
        return "oom"
    return "signal" if one.signal is not None else "exit"


def _says(lines: Iterable[str], words: Iterable[str]) -> bool:
    text = "\n".join(lines).lower()
    return any(word in text for word in words)


def _seconds(one: StageStatus) -> float | None:
    if one.started is None or one.ended is None:
        return None
    return (one.ended - one.started).total_seconds()


def _memory(one: StageStatus, metrics: dict[str, float]) -> float | None:
    sizes = [size for size in (one.peak_tree_rss_bytes, one.peak_process_rss_bytes) if size]
    found = [size / _GIB for size in sizes]
    for name, value in metrics.items():
        words = name.lower().replace("-", "_").split("_")
        if "peak" in words and value > 0:
            found += [value / 1024] if words[-1] in ("mb", "mib") else []
            found += [value] if words[-1] in ("gb", "gib") else []
    return max(found, default=None)
