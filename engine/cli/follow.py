"""Following a run on the command line: a progress line while it runs, a table at its end."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import NoReturn

import typer

from engine import numbers
from engine.catalogue.summary import summarise
from engine.cli.console import Exit, fail, narrate, option_for, print_json, printable
from engine.cli.harmless import write_over
from engine.cli.telling import as_dict, event_line, state_of
from engine.live.folding import fold_block
from engine.live.projection import RunProjection
from engine.live.signs import SignBook
from engine.live.tail import LineTail, events_of
from engine.remote import mirrors

POLL_S = 0.2
CONFIRM_S = 1.0
"""A copy may know of an end before what came last, and of a start before its supervisor: what
looks over there is over when it still does after so long."""
LINE_EVERY_S = 10.0
"""How often progress is said where lines cannot be written over."""


_SAID = ("stage-start", "stage-end", "message", "queued")
"""Kinds of events that are said as they come."""


def follow(path: Path, *, events: bool = False, as_json: bool = False) -> NoReturn:
    """Tell what a run does until it ends, then print its conclusion and exit with its outcome."""
    voice = _Voice()
    view = RunProjection()
    book = SignBook()
    tail = LineTail(path / "events.jsonl")
    of_copy = mirrors.root_of(path) is not None
    confirmed = not of_copy
    try:
        while True:
            # Liveness first: what was written before the end was seen is still read below.
            over = summarise(path).liveness in ("idle", "dead")
            for block in tail.blocks():
                fold_block(view, block)
                for event in events_of(block, None if events else _SAID):
                    if events:
                        print(event_line(event), flush=True)
                    else:
                        voice.say_event(event)
            while book.take_in(view):
                pass
            if not events:
                voice.say_signs(book, view)
            if over and confirmed:
                break
            confirmed = over or not of_copy
            if not (events or over):
                voice.progress(view)
            time.sleep(CONFIRM_S if over else POLL_S)
    except KeyboardInterrupt:
        voice.end()
        narrate(
            f"Left {path.name} going. Stop it: factory-tui cancel {path.name}{option_for(path)}"
        )
        raise typer.Exit(int(Exit.DONE)) from None
    voice.end()
    _conclude(path, quiet=events, as_json=as_json)


def _conclude(path: Path, *, quiet: bool, as_json: bool) -> NoReturn:
    from engine.cli.showing import describe

    if not path.is_dir():
        fail(
            f"{path.name} is not there any more: it was moved, renamed or deleted while it was "
            "watched. What there is: factory-tui list"
        )
    summary = summarise(path)
    if as_json:
        print_json(as_dict(summary))
    elif not quiet:
        print(describe(path).as_text())
    if summary.liveness == "dead":
        fail(
            f"{path.name}: its supervisor died. Go on: factory-tui resume "
            f"{path.name}{option_for(path)}",
            Exit.NO,
        )
    if summary.phase in ("failed", "cancelled"):
        reason = f": {printable(summary.last_error)}" if summary.last_error else "."
        if summary.last_fix:
            reason += f"\n  → {printable(summary.last_fix)}"
        fail(f"{path.name} {state_of(summary)}{reason}", Exit.NO)
    if summary.awaits_decision:
        narrate(
            f"Decide: factory-tui decide {path.name} ship --reason '…'{option_for(path)}"
            "   (or reject, park, …)"
        )
    raise typer.Exit(int(Exit.DONE))


class _Voice:
    """Narration on stderr: one line written over on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._open_line = False
        self._last = 0.0
        self._said: set[tuple[str, str, float | None]] = set()

    def say_event(self, event: dict[str, object]) -> None:
        """Stages that end and messages, each as a line that stays."""
        kind = event.get("kind")
        if kind == "stage-start":
            self._line(f"  ▸ {event.get('stage')}")
        elif kind == "stage-end":
            mark = {"done": "✔", "cancelled": "■"}.get(str(event.get("outcome")), "✘")
            spent = event.get("duration_s")
            clock = numbers.duration(spent if isinstance(spent, int | float) else None)
            reason = f"  {event['reason']}" if event.get("reason") else ""
            self._line(f"  {mark} {event.get('stage')}  {clock}{reason}")
        elif kind == "message" and event.get("level") in ("warning", "error"):
            self._line(f"    {event.get('text')}")
        elif kind == "queued":
            self._line(f"  … waits for {event.get('waiting_for')}")

    def say_signs(self, book: SignBook, view: RunProjection) -> None:
        """What the numbers say and nobody sent: each once, when it becomes true."""
        for sign in book.tell(view, now=time.time()):
            key = (sign.stage, sign.code, sign.t)
            if sign.derived and not sign.over and key not in self._said:
                self._said.add(key)
                self._line(f"    {sign.text}")

    def progress(self, view: RunProjection) -> None:
        """Where the running stage is: share, loss, speed, time left."""
        now = time.time()
        if not self._terminal and now - self._last < LINE_EVERY_S:
            return
        stage = view.running
        if stage is None:
            return
        parts = [f"    {stage.name}"]
        if (share := stage.pace.share) is not None:
            filled = round(20 * share)
            parts.append(f"{'█' * filled}{'░' * (20 - filled)} {share:4.0%}")
        for name, label, form in (
            ("loss", "loss", "{:.3f}"),
            ("val_loss", "val", "{:.3f}"),
            ("tok_s", "tok/s", "{:,.0f}"),
        ):
            series = stage.series.get(name)
            if series is not None and (last := series.last_finite()) is not None:
                parts.append(f"{label} {form.format(last)}")
        if (left := stage.seconds_left(now)) is not None:
            parts.append(f"{numbers.duration(left)} left")
        text = "  ".join(parts)
        if self._terminal:
            width = shutil.get_terminal_size().columns
            write_over(printable(text)[: width - 1])
            self._open_line = True
        else:
            narrate(text)
        self._last = now

    def end(self) -> None:
        """Clear the line that is written over."""
        if self._open_line:
            write_over("")
            self._open_line = False

    def _line(self, text: str) -> None:
        self.end()
        narrate(printable(text))
