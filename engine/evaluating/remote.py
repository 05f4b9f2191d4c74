"""Suites put to an endpoint, anyone's or a server of this workspace: records, rows in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.evaluating.asking import Asker, Patience, Refused
from engine.evaluating.endpoint_suite import put_to
from engine.evaluating.marking import Marker
from engine.evaluating.outcome import NoScore
from engine.evaluating.places import file_names
from engine.evaluating.results import Told, result_of
from engine.evaluating.rows import write_rows
from engine.evaluating.wanted import Wanted, WantedSuite
from engine.folder import write_json_atomic
from engine.judge.scorers import ScorerError
from engine.records.evaluation import RowResult, Through
from engine.serving.chat import Ask
from engine.serving.endpoint import Endpoint
from engine.serving.exchange import Timeouts

NOT_REPRODUCIBLE = (
    "An endpoint may answer otherwise another time, also at temperature 0: it may batch requests, "
    "or have another model behind the same name."
)


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """Who answers. ``label`` is what the record calls the model; ``extra`` goes into each request
    as it is, None leaves a field out."""

    endpoint: Endpoint
    label: str
    through: Through = "endpoint"
    extra: dict[str, Any] = field(default_factory=dict)
    seconds: float = 600.0
    concurrency: int = 4

    def how(self, max_new_tokens: int) -> Ask:
        return Ask(max_new_tokens, extra=self.extra)

    def notes(self, max_new_tokens: int) -> tuple[str, ...]:
        """What else somebody needs to know who measures again."""
        asked = "one at a time" if self.concurrency == 1 else f"{self.concurrency} at a time"
        limit = f", at most {max_new_tokens} new tokens" if "max_tokens" not in self.extra else ""
        notes = [f"Asked at {self.endpoint.url}, {asked}, temperature 0{limit}."]
        if "temperature" in self.extra:
            notes = [f"Asked at {self.endpoint.url}, {asked}{limit}."]
        if self.extra:
            notes.append(f"Each request had {json.dumps(self.extra, sort_keys=True)}.")
        if self.through == "endpoint":
            notes.append(NOT_REPRODUCIBLE)
        return tuple(notes)


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who hears what happens meanwhile."""

    row: Callable[[WantedSuite, RowResult, int], None] = lambda suite, row, done: None
    missing: Callable[[WantedSuite, str, str], None] = lambda suite, example, why: None


def evaluate_there(
    model: RemoteModel,
    wanted: Wanted,
    folder: Path,
    command: str,
    watcher: Watcher | None = None,
    patience: Patience | None = None,
    *,
    named: Collection[str],
) -> list[str]:
    """Put every suite to the endpoint; returns a sentence for each that got no score. Blocks.

    A suite without a score leaves the rows that there are and no record, and so does a
    KeyboardInterrupt: answers may have been paid for. OSError when a file cannot be written.
    ``named`` are the variables that hold keys of the workspace (``key_names``).
    """
    watcher = watcher or Watcher()
    troubles = []
    for one, (record_file, rows_file) in zip(wanted.suites, file_names(wanted), strict=True):
        try:
            _evaluate(
                model,
                wanted,
                one,
                folder,
                (record_file, rows_file),
                command,
                watcher,
                patience,
                named,
            )
        except NoScore as error:
            write_rows(folder / rows_file, error.outcome.rows)
            kept = f" {len(error.outcome.rows)} rows were kept." if error.outcome.rows else ""
            troubles.append(f"{error}{kept}")
        except (Refused, ScorerError) as error:
            troubles.append(f"{one.suite.name} has no score: {error}")
    return troubles


def _evaluate(
    model: RemoteModel,
    wanted: Wanted,
    one: WantedSuite,
    folder: Path,
    files: tuple[str, str],
    command: str,
    watcher: Watcher,
    patience: Patience | None,
    named: Collection[str],
) -> None:
    record_file, rows_file = files
    heard: list[RowResult] = []

    def told(row: RowResult) -> None:
        heard.append(row)
        watcher.row(one, row, len(heard))

    limits = Timeouts(first_s=model.seconds, silence_s=model.seconds, total_s=model.seconds)
    with Marker(one.suite, one.scorer_file, wanted.forbidden, named=named) as marker:
        try:
            outcome = put_to(
                Asker(model.endpoint, limits, patience),
                marker,
                model.how(wanted.max_new_tokens),
                concurrency=model.concurrency,
                told=told,
                missing=lambda example, why: watcher.missing(one, example.id, why),
            )
        except KeyboardInterrupt:
            write_rows(folder / rows_file, heard)
            raise
        notes = list(model.notes(wanted.max_new_tokens))
        notes += [one.note] if one.note else []
        temperature = model.extra.get("temperature", 0.0)
        record = result_of(
            marker,
            outcome,
            Told(model.label, command, model.through, tuple(notes), {"temperature": temperature}),
            folder / rows_file,
        )
    write_json_atomic(folder / record_file, record)
