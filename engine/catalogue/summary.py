"""One line about a run, read cheaply: what a list of runs shows.

Reads plain JSON and forgives what is wrong with it, since a list must show
broken folders too; `checks` says what is wrong. Imports no pydantic: the list
is on the way to the first paint. Verdicts are not made here, but in `judge`.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from engine.catalogue.tags import TAGS_FILE, tags_in
from engine.identity import lives
from engine.numbers import HISTORICAL
from engine.plain_file import open_plain, read_plain_stat

Liveness = Literal["running", "waiting", "dead", "idle"]
"""running and waiting: a supervisor is alive; dead: the status says that one is, and none is;
idle: nothing is expected to run."""

_FINAL = ("decided", "failed", "cancelled")
_TAIL_BYTES = 32 * 1024
_MAX_BYTES = 4 * 2**20
_SUMMARISED = ("primary_min", "breadth_drop_max_pp", "confidence")
"""Bounds that a summary has, and what is none."""
_MAX_SETTINGS = 100
_MAX_SETTING = 200

FILES = frozenset(
    {
        "config.json",
        "run-status.json",
        "decision.json",
        "artifact.json",
        "eval-baseline.json",
        "eval-candidate.json",
        "eval-regression-baseline.json",
        "eval-regression-candidate.json",
        TAGS_FILE,
    }
)
"""The files that a summary is made from; a live run's ``events.jsonl`` comes on top."""


@dataclass(slots=True)
class RunSummary:
    """A run as one row. None is "not recorded"; scores as recorded, memory in bytes, times UTC."""

    run_id: str
    path: Path
    target: str = ""
    phase: str | None = None
    stage: str | None = None
    liveness: Liveness = "idle"
    waiting_for: str | None = None
    decision: str | None = None
    routed: str | None = None
    """The routing constraint under which it was shipped."""
    created: datetime | None = None
    updated: datetime | None = None
    base_model: str | None = None
    parent_run_id: str | None = None
    seed: int | None = None
    direction: str = "higher"
    primary_min: float | None = None
    breadth_drop_max_pp: float | None = None
    more_gates: bool = False
    """Whether there are gates that a summary knows nothing of: further bounds, further seeds."""
    primary_baseline: float | None = None
    primary_candidate: float | None = None
    breadth_baseline: float | None = None
    breadth_candidate: float | None = None
    historical: str | None = None
    """Which of the scores above were taken from an earlier measurement: names of fields with a
    blank between; None where all that are there were measured."""
    n: int | None = None
    eval_tok_s: float | None = None
    """Generated tokens a second in the candidate's evaluation."""
    train_tok_s: float | None = None
    """Real tokens a second in training, while it runs."""
    peak_bytes: int | None = None
    loss: float | None = None
    done: float | None = None
    total: float | None = None
    eta_s: float | None = None
    duration_s: float | None = None
    """From the start of the first stage to the end of the last, in seconds."""
    last_error: str | None = None
    last_fix: str | None = None
    """What to do about the last error."""
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    """The settings that are numbers, truth values or texts, and those one level below: at most 100
    of them, and of a text its first 200 characters."""
    tags: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    """Names of files that are there and are no JSON object."""

    @property
    def decided_as(self) -> str | None:
        """The decision, and whether what was shipped is routed: "ship routed"."""
        routed = self.decision == "ship" and self.routed
        return f"{self.decision} routed" if routed else self.decision

    def mark(self, name: str) -> str:
        """The sign behind a score that was not measured for this run, else ""."""
        return HISTORICAL if self.historical and name in self.historical.split() else ""

    @property
    def primary_delta(self) -> float | None:
        """Candidate minus baseline, None when either was not recorded."""
        return _difference(self.primary_candidate, self.primary_baseline)

    @property
    def breadth_delta_pp(self) -> float | None:
        """Change of the breadth score in percentage points (negative: it fell)."""
        delta = _difference(self.breadth_candidate, self.breadth_baseline)
        return None if delta is None else 100 * delta

    @property
    def awaits_decision(self) -> bool:
        """All evidence is there, nothing runs, and nobody has decided."""
        return (
            self.decision is None
            and self.phase not in ("failed", "cancelled")
            and self.liveness == "idle"
            and self.primary_candidate is not None
        )


def summarise(
    path: Path,
    seen: dict[str, os.stat_result] | None = None,
    loads: Callable[[bytes], object] = json.loads,
) -> RunSummary:
    """The summary of a run folder; never raises for what its files hold.

    ``seen`` is given what the system says of each of FILES that is there, by its name. Whoever
    reads thousands gives ``loads``: `engine.quick_json`, which takes its time to import.
    """
    summary = RunSummary(run_id=path.name, path=path)
    read = _Reader(path, summary.unreadable, loads)
    config = read("config.json")
    tags = read(TAGS_FILE)
    status = read("run-status.json")
    decision = read("decision.json")
    _from_config(summary, config)
    summary.tags = tags_in(tags or config)
    _from_status(summary, status)
    kind = decision.get("decision")
    summary.decision = kind if isinstance(kind, str) else None
    if summary.decision == "ship":
        summary.routed = _text(read("artifact.json").get("routing_constraint"))
    candidate = read("eval-candidate.json")
    scored = {
        "primary_baseline": read("eval-baseline.json"),
        "primary_candidate": candidate,
        "breadth_baseline": read("eval-regression-baseline.json"),
        "breadth_candidate": read("eval-regression-candidate.json"),
    }
    for name, record in scored.items():
        setattr(summary, name, _number(record.get("score")))
    taken = [name for name, record in scored.items() if _text(record.get("historical"))]
    summary.historical = " ".join(taken) or None
    rows = _number(candidate.get("n"))
    summary.n = None if rows is None else int(rows)
    summary.eval_tok_s = _number(candidate.get("tokens_per_second"))
    if summary.peak_bytes is None and (peak := _number(candidate.get("peak_rss_mb"))) is not None:
        summary.peak_bytes = int(peak * 2**20)
    if summary.created is None:
        summary.created = _date_of_name(path.name)
    if summary.liveness == "running":
        _from_events(summary, path / "events.jsonl")
    if seen is not None:
        seen |= read.seen()
    return summary


class _Reader:
    """Reads the records of one folder; a list of ten thousand runs reads some of eighty thousand,
    so a file that is not there costs no look at the disk."""

    def __init__(
        self, folder: Path, unreadable: list[str], loads: Callable[[bytes], object]
    ) -> None:
        self._folder = os.fspath(folder)
        self._unreadable = unreadable
        self._loads = loads
        try:
            self._names = set(os.listdir(self._folder))  # noqa: PTH208 - no Path a file
        except OSError:  # removed, or not to be looked into: every record is missing
            self._names = set()
        self._seen: dict[str, os.stat_result] = {}

    def seen(self) -> dict[str, os.stat_result]:
        """What the system says of the files, also of those that there was no reason to read."""
        for name in FILES & self._names - self._seen.keys():
            with contextlib.suppress(OSError):  # a broken link
                self._seen[name] = os.stat(f"{self._folder}/{name}")  # noqa: PTH116 - no Path a file
        return self._seen

    def __call__(self, name: str) -> dict[str, Any]:
        if name not in self._names:
            return {}
        try:
            data, self._seen[name] = read_plain_stat(f"{self._folder}/{name}", _MAX_BYTES)
            value = self._loads(data)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            return value
        self._unreadable.append(name)
        return {}


def _from_config(summary: RunSummary, config: dict[str, Any]) -> None:
    summary.target = _text(config.get("target")) or ""
    summary.base_model = _text(_dict(config.get("base_model")).get("id"))
    summary.parent_run_id = _text(config.get("parent_run_id"))
    seed = config.get("seed")
    summary.seed = seed if isinstance(seed, int) else None
    summary.hyperparameters = _settings(_dict(config.get("hyperparameters")))
    evaluation = _dict(config.get("eval"))
    if evaluation.get("direction") == "lower":
        summary.direction = "lower"
    threshold = _dict(evaluation.get("threshold"))
    summary.primary_min = _number(threshold.get("primary_min"))
    summary.breadth_drop_max_pp = _number(threshold.get("breadth_drop_max_pp"))
    bounds = (one for name, one in threshold.items() if name not in _SUMMARISED)
    summary.more_gates = bool(evaluation.get("seeds")) or any(
        _number(one) is not None for one in bounds
    )
    summary.created = _time(config.get("created"))


def _from_status(summary: RunSummary, status: dict[str, Any]) -> None:
    if not status:
        return
    summary.phase = _text(status.get("phase"))
    summary.stage = _text(status.get("stage"))
    summary.waiting_for = _text(status.get("waiting_for"))
    summary.created = _time(status.get("created")) or summary.created
    summary.updated = _time(status.get("updated"))
    summary.duration_s = _seconds(_time(status.get("started")), _time(status.get("ended")))
    error = _dict(status.get("last_error"))
    summary.last_error, summary.last_fix = _text(error.get("message")), _text(error.get("fix"))
    stages = _dict(status.get("stages"))
    peaks = [_number(_dict(one).get("peak_tree_rss_bytes")) for one in stages.values()]
    known = [int(peak) for peak in peaks if peak is not None]
    summary.peak_bytes = max(known) if known else None
    summary.liveness = liveness_of(status)


def liveness_of(status: dict[str, Any]) -> Liveness:
    """Whether the supervisor that a status (as plain JSON) names is alive."""
    supervisor = _dict(status.get("supervisor"))
    if status.get("phase") in _FINAL or not supervisor:
        return "idle"
    if not lives(supervisor):
        return "dead"
    return "waiting" if status.get("waiting_for") else "running"


def _from_events(summary: RunSummary, path: Path) -> None:
    """What the run does now, from the end of its event stream."""
    try:
        with open_plain(path) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read().split(b"\n")
    except OSError:
        return
    first: dict[str, Any] | None = None
    for line in lines[0 if size <= _TAIL_BYTES else 1 :]:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(event, dict):
            continue
        if event.get("kind") == "stage-start":
            summary.done = summary.total = summary.loss = summary.train_tok_s = None
            summary.eta_s = first = None
        elif event.get("kind") == "metric":
            values = _dict(event.get("values"))
            summary.loss = _number(values.get("loss")) or summary.loss
            summary.train_tok_s = _number(values.get("tok_s")) or summary.train_tok_s
        elif event.get("kind") == "memory":
            now = _number(event.get("tree_rss_bytes"))
            summary.peak_bytes = max(summary.peak_bytes or 0, int(now or 0)) or None
        elif event.get("kind") == "progress":
            summary.done, summary.total = (
                _number(event.get("done")),
                _number(event.get("total")),
            )
            first = first or event
            summary.eta_s = _eta(first, event)


def _eta(first: dict[str, Any], last: dict[str, Any]) -> float | None:
    """Seconds left at the pace between two progress events."""
    began, now = _time(first.get("t")), _time(last.get("t"))
    done, total = _number(last.get("done")), _number(last.get("total"))
    start = _number(first.get("done"))
    if began is None or now is None or done is None or total is None or start is None:
        return None
    elapsed = (now - began).total_seconds()
    return elapsed * (total - done) / (done - start) if done > start and elapsed > 0 else None


def _settings(values: dict[str, Any], deep: bool = True) -> dict[str, Any]:
    """The settings that a list can show, bounded."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if len(found) >= _MAX_SETTINGS:
            break
        if isinstance(value, str):
            found[name[:_MAX_SETTING]] = value[:_MAX_SETTING]
        elif isinstance(value, bool) or _number(value) is not None:
            found[name[:_MAX_SETTING]] = value
        elif isinstance(value, dict) and deep:
            found[name[:_MAX_SETTING]] = _settings(value, deep=False)
    return found


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None or end < start:
        return None
    return (end - start).total_seconds()


def _difference(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer of hundreds of digits
        return None
    return number if math.isfinite(number) else None


def _time(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # OverflowError: before year 1 or after 9999 in UTC
        return None


def _date_of_name(name: str) -> datetime | None:
    try:
        return datetime.fromisoformat(name[:10]).replace(tzinfo=UTC)
    except ValueError:
        return None
