"""The control room as lines of text: for screen readers, dumb terminals and logs.

In: words, one command a line. Out: sentences, each on a line of its own, with no cursor movement,
no colour and no table. It says the same as the screens, from the same folders. Where nobody types
(a pipe, a log) it tells how the runs stand, follows those under way to their end, and ends.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import typer

from engine import numbers
from engine.catalogue.run_reader import all_runs
from engine.catalogue.summary import RunSummary, summarise
from engine.cli.console import Exit, fail, printable
from engine.cli.telling import state_of
from engine.live.folding import fold_block
from engine.live.projection import RunProjection
from engine.live.tail import LineTail, events_of
from engine.workspace import Workspace

SHOWN = 20
"""So many runs are told at once; `list` with a filter finds the others."""

POLL_S = 0.5
SAY_EVERY_S = 15.0
"""How often progress is said while a run goes on."""

HELP = """\
list [FILTER]           the runs, newest first, with numbers to name them by
show N                  everything that a run concluded
watch N                 follow a run; Ctrl-C stops following, not the run
new TARGET              start a run of a target
decide N DECISION --reason "…"   ship, reject, retry-data, retry-training, retry-eval, park
validate N              check the files of a run
report N                the report of a run
cancel N, resume N      stop a run, go on with it
quit                    leave; runs go on
N is a number of the list, a run's id, or the beginning of it."""

_NEWS = {"new": "run", "start": "run", "open": "show"}
_NAMED = ("show", "watch", "decide", "validate", "report", "cancel", "resume", "compare")


def control_room(workspace: Path, run: str | None = None) -> None:
    """Tell how things stand; then take commands, or where nobody types follow what runs.

    ``run`` is a run's id, or the beginning of it, to follow instead. Ends with an exit code.
    """
    place = Workspace(workspace)
    if run is not None:
        _follow([place.run_path(run)])
        return
    listed = _tell_runs(place)
    if sys.stdin.isatty():
        _converse(place, listed)
        return
    live = [one.path for one in listed if one.liveness in ("running", "waiting")]
    if live:
        _follow(live)


# --- telling ------------------------------------------------------------------------


def sentence(number: int, run: RunSummary) -> str:
    """One run in one line: ``3. 2026-11-20-drone-router: ship. Score 0.31 to 0.94, up 63 …``."""
    parts = [f"{number}. {printable(run.run_id)}: {state_of(run)}"]
    if run.decision is not None:
        parts[0] += f", {printable(run.decision)}" + (" (routed)" if run.routed else "")
    if run.liveness == "running" and run.loss is not None:
        parts.append(f"loss {numbers.score(run.loss)}")
    if run.primary_candidate is not None:
        score = f"score {run.primary_candidate:.3f}"
        if run.primary_baseline is not None and run.primary_delta is not None:
            score += (
                f", before {run.primary_baseline:.3f}, change "
                f"{numbers.change(run.primary_delta, run.primary_baseline, run.primary_candidate)}"
            )
        parts.append(score)
    elif run.primary_baseline is not None:
        parts.append(f"baseline score {run.primary_baseline:.3f}")
    if run.breadth_delta_pp is not None:
        parts.append(f"breadth {numbers.points(run.breadth_delta_pp / 100)}")
    if run.last_error:
        parts.append(f"error: {printable(run.last_error)}")
    return "; ".join(parts) + "."


def _tell_runs(place: Workspace, wanted: str = "") -> list[RunSummary]:
    """Say the runs; returns them in the order of their numbers."""
    from datetime import UTC, datetime

    from engine.catalogue.run_facts import facts
    from engine.catalogue.run_filter import FilterError, parse

    summaries = all_runs(place)
    try:
        chosen = parse(wanted)
    except FilterError as error:
        print(f"This filter is not understood: {error.message}.", flush=True)
        return []
    now = datetime.now(UTC)
    listed = [one for one in summaries if chosen.matches(facts(one, now))]
    live = sum(one.liveness == "running" for one in summaries)
    waiting = sum(one.liveness == "waiting" for one in summaries)
    print(
        f"Workspace {place.path}: {_count(len(summaries), 'run')}, {live} running, "
        f"{waiting} queued.",
        flush=True,
    )
    if wanted:
        print(f"{_count(len(listed), 'run')} match {printable(wanted)}.")
    for number, one in enumerate(listed[:SHOWN], 1):
        print(sentence(number, one))
    if len(listed) > SHOWN:
        print(f"{len(listed) - SHOWN} more: narrow them down, for example: list age<7d")
    if not summaries:
        print("No runs yet. Start one of a target in targets/: new TARGET")
    sys.stdout.flush()
    return listed


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")


def _follow(paths: Sequence[Path]) -> None:
    """Say what runs do until all of them ended; exit code 1 when one of them did not end well."""
    views = {path: RunProjection() for path in paths}
    tails = {path: LineTail(path / "events.jsonl") for path in paths}
    said = dict.fromkeys(paths, 0.0)
    fresh = dict.fromkeys(paths, True)
    well = True
    while views:
        for path in list(views):
            over = summarise(path).liveness in ("idle", "dead")
            name = f"{printable(path.name)}: " if len(paths) > 1 else ""
            for block in tails[path].blocks():
                fold_block(views[path], block)
                # What happened before we came is told by where it stands now.
                if fresh[path] and not over:
                    continue
                for event in events_of(block, _WORTH_A_LINE):
                    if line := _event_words(event):
                        print(name + line, flush=True)
            if not over and time.monotonic() - said[path] >= SAY_EVERY_S:
                said[path] = time.monotonic()
                print(name + progress_words(views[path]), flush=True)
            fresh[path] = False
            if over:
                summary = summarise(path)
                print(sentence(1, summary).removeprefix("1. "), flush=True)
                well = well and summary.liveness != "dead" and summary.phase != "failed"
                del views[path]
        if views:
            time.sleep(POLL_S)
    if not well:
        raise typer.Exit(int(Exit.NO))


def progress_words(view: RunProjection) -> str:
    """Where a run is, in words."""
    stage = view.running
    if stage is None:
        return f"waiting for {view.waiting_for}" if view.waiting_for else "between two stages"
    parts = [f"stage {printable(stage.name)}"]
    if (share := stage.pace.share) is not None:
        parts.append(f"{share:.0%} done")
    for name, label in (("loss", "loss"), ("val_loss", "validation loss"), ("tok_s", "tok/s")):
        series = stage.series.get(name)
        if series is not None and series.last is not None:
            value = series.last
            parts.append(f"{label} " + ("is not a number" if value != value else f"{value:,.4g}"))
    if (left := stage.seconds_left(time.time())) is not None:
        parts.append(f"{numbers.duration(left)} left")
    return ", ".join(parts)


_WORTH_A_LINE = ("stage-start", "stage-end", "message", "decided")


def _event_words(event: dict[str, object]) -> str | None:
    """An event that is worth a line; None for the others."""
    kind, stage = event.get("kind"), printable(str(event.get("stage") or ""))
    if kind == "stage-start":
        return f"stage {stage} begins"
    if kind == "stage-end":
        spent = event.get("duration_s")
        clock = numbers.duration(spent if isinstance(spent, int | float) else None)
        reason = f", {printable(str(event['reason']))}" if event.get("reason") else ""
        return f"stage {stage} {printable(str(event.get('outcome')))} after {clock}{reason}"
    if kind == "message" and event.get("level") in ("warning", "error"):
        return f"{event['level']}: {printable(str(event.get('text')))}"
    if kind == "decided":
        routed = " (routed)" if event.get("routed") is True else ""
        return f"decided: {printable(str(event.get('decision')))}{routed}"
    return None


# --- taking commands ------------------------------------------------------------------


def _converse(place: Workspace, listed: list[RunSummary]) -> None:
    print("Type a command, or help.", flush=True)
    while True:
        try:
            line = input("factory> ").strip()
        except EOFError:
            print(flush=True)
            return
        except KeyboardInterrupt:
            print("\nquit leaves.", flush=True)
            continue
        if line in ("quit", "q", "exit"):
            return
        if line in ("help", "?", "h"):
            print(HELP, flush=True)
        elif line == "list" or line.startswith("list "):
            listed = _tell_runs(place, line.removeprefix("list").strip()) or listed
        elif line:
            _command(place, line, listed)


def arguments_for(line: str, workspace: Path, listed: Sequence[RunSummary]) -> list[str]:
    """A typed line as arguments of the command line; ValueError says what is wrong with it."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise ValueError(f"{error}: a quotation mark is not closed.") from None
    words[0] = _NEWS.get(words[0].lower(), words[0].lower())
    if words[0] in _NAMED:
        words[1:] = [_run_named(word, listed) for word in words[1:]]
    return [*words, "--workspace", str(workspace)]


def _run_named(word: str, listed: Sequence[RunSummary]) -> str:
    if not word.isdecimal() or len(word) > 6:
        return word
    if not 1 <= int(word) <= len(listed):
        raise ValueError(f"There is no run number {word}; list says the numbers.")
    return listed[int(word) - 1].run_id


def _command(place: Workspace, line: str, listed: Sequence[RunSummary]) -> None:
    from engine.cli.app import app

    run: Callable[..., object] = app
    try:
        run(args=arguments_for(line, place.path, listed), prog_name="factory-tui")
    except ValueError as error:
        print(error, flush=True)
    except SystemExit:
        pass  # a command ended; what it had to say it said
    except KeyboardInterrupt:
        print("Stopped following; the run goes on.", flush=True)
    except OSError as error:
        print(f"{error.strerror or error}: {error.filename or place.path}", flush=True)


def start(workspace: Path | None, run: str | None) -> None:
    """``factory-tui --plain``: on the nearest workspace, or the one that is named."""
    from engine.cli.console import not_there, open_workspace

    place = open_workspace(workspace)
    try:
        with not_there():
            control_room(place.path, run)
    except KeyboardInterrupt:
        fail("Left; runs go on.", Exit.DONE)
