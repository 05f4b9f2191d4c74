"""The suites of an eval stage that a server answers: those whose examples have tools.

mlx-lm's own server shows a model its tools as the model's chat template wants them and reads the
calls back with the parser that belongs to the model. The server is a child of this worker; however
the worker ends, the server does too.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from engine.evaluating.asking import Asker, Patience, Refused
from engine.evaluating.endpoint_suite import put_to
from engine.evaluating.marking import Marker
from engine.evaluating.outcome import NoScore, Outcome
from engine.judge.suites import Example, Suite
from engine.models import ModelError, describe
from engine.records.evaluation import RowResult
from engine.serving import managed
from engine.serving.chat import Ask
from engine.serving.endpoint import Endpoint
from engine.serving.exchange import Timeouts
from engine.serving.store import LOG, ServeError
from engine.work.runtime import Failure, Refusal, WorkerContext
from engine.workspace import Workspace

PATIENCE = Patience(waits_s=(0.5, 1.0), slow_attempts=1)
"""A server of our own is not overrun by others: what fails twice fails for a reason."""

ANSWER_S = 600.0
"""How long one answer may take."""


@dataclass(frozen=True, slots=True)
class Served:
    """A suite that a server answered. ``peak_rss_mb`` is the largest resident size of the server
    that was seen after an answer, in units of 2**20 bytes; None where the system did not say."""

    marker: Marker
    outcome: Outcome
    peak_rss_mb: float | None


def needs_server(suite: Suite, wish: bool | None) -> bool:
    """Whether a server answers the suite: as the target wishes, else where examples have tools."""
    return any(example.tools for example in suite.examples) if wish is None else wish


def through_server(
    ctx: WorkerContext,
    model: Path,
    adapter: Path | None,
    markers: Sequence[Marker],
    max_new_tokens: int,
    told: Callable[[Suite, RowResult], None],
    missing: Callable[[Suite, Example, str], None],
) -> Iterator[Served]:
    """Answer suites by a server of ``model``, one request at a time, greedy; each when it is done.

    No model may be loaded in this process any more: there is memory for one. ``told`` hears of
    each row, ``missing`` of each example without a score. Refusal where the model cannot be served,
    Failure (``server``) where the server ends or too many examples get no answer. Stops when the
    worker is asked to.
    """
    place = Workspace(ctx.workspace)
    wish = _wish(ctx, model, adapter)
    ctx.message("serve", f"Starting a server of {wish.model.id}: suites with tools go through it.")
    try:
        server = managed.start(place, wish, stopped=lambda: ctx.stopping)
    except ServeError as error:
        ctx.check_stop()
        raise Refusal(f"The suites that need a server were not answered. {error}") from error
    with server:
        for marker in markers:
            yield _answered(ctx, server, marker, max_new_tokens, told, missing)
    # Its log is of no further use; a server that failed keeps its own.
    with contextlib.suppress(OSError):
        shutil.rmtree(server.folder)


def _answered(
    ctx: WorkerContext,
    server: managed.Server,
    marker: Marker,
    max_new_tokens: int,
    told: Callable[[Suite, RowResult], None],
    missing: Callable[[Suite, Example, str], None],
) -> Served:
    suite, peak = marker.suite, _Peak(server)

    def check() -> None:
        ctx.check_stop()
        if not server.alive:
            raise _died(ctx, server, suite)

    def heard(row: RowResult) -> None:
        peak.look()
        told(suite, row)

    endpoint = Endpoint(server.record.url, name=f"The server of {suite.name}")
    asker = Asker(endpoint, Timeouts(first_s=ANSWER_S, total_s=ANSWER_S), PATIENCE)
    try:
        outcome = put_to(
            asker,
            marker,
            Ask(max_new_tokens),
            check=check,
            told=heard,
            missing=lambda example, why: missing(suite, example, why),
        )
    except (NoScore, Refused) as error:
        if not server.alive:
            raise _died(ctx, server, suite) from error
        raise Failure("server", str(error)) from error
    return Served(marker, outcome, peak.mb)


def _died(ctx: WorkerContext, server: managed.Server, suite: Suite) -> Failure:
    how = server.how_it_ended() or f"The server {server.record.name} ended."
    log = (server.folder / LOG).relative_to(ctx.workspace)
    return Failure("server", f"{how} {suite.name} has no score. Its log is {log}.")


class _Peak:
    """The largest resident size of a server that was seen."""

    def __init__(self, server: managed.Server) -> None:
        self._pid = server.record.process.pid if server.record.process else None
        self.mb: float | None = None

    def look(self) -> None:
        with contextlib.suppress(psutil.Error):
            if self._pid is not None:
                self.mb = max(self.mb or 0.0, psutil.Process(self._pid).memory_info().rss / 2**20)


def _wish(ctx: WorkerContext, model: Path, adapter: Path | None) -> managed.Wish:
    try:
        found = describe(model, model.name)
    except (ModelError, OSError) as error:
        raise Refusal(f"The model cannot be served: {error}") from error
    stem = re.sub(r"[^a-z0-9]+", "-", f"{ctx.run.name} {ctx.stage.name}".lower()).strip("-")
    return managed.Wish(name=stem[-60:].strip("-"), model=found, adapter=adapter)
