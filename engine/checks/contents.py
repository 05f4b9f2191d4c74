"""A run folder's contents, read once, so that rules do no I/O.

``load`` is the one function that looks at the disk. It never raises for what a folder
holds: what is wrong is kept beside what is right, and rules turn it into findings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from engine.checks.documents import Document, read_document
from engine.checks.finding import Finding
from engine.checks.leak_search import LeaksSeen, look_for_leaks
from engine.checks.outside import FileFact, Outside
from engine.checks.reading import hash_page, load_events, load_report, load_rows
from engine.checks.streams import EventsSeen
from engine.checks.suites_seen import Asked, look_at_suites
from engine.checks.tried import judged_until
from engine.judge.corrected import tries_until
from engine.judge.gates import CANDIDATE, Gate, judge
from engine.judge.measured import Measured
from engine.judge.rescoring import Rescored, score_again
from engine.judge.tries import Tries
from engine.processes import lives
from engine.records.ceiling import Ceilings
from engine.records.evaluation import EvalResult, RowResult
from engine.records.events import RunCreated
from engine.records.leakage import Leakage
from engine.records.plan import Plan, StageKind
from engine.records.provenance import Provenance
from engine.records.ranks import Ranks
from engine.records.report_card import ReportCard
from engine.records.run import Artifact, Dataset, Decision, RunConfig
from engine.records.status import Phase, RunStatus
from engine.records.tags import Tags
from engine.records.trace_review import TraceReview

RecordT = TypeVar("RecordT", bound=BaseModel)

MODELS: dict[str, type[BaseModel]] = {
    "ceilings.json": Ceilings,
    "config.json": RunConfig,
    "dataset.json": Dataset,
    "plan.json": Plan,
    "run-status.json": RunStatus,
    "artifact.json": Artifact,
    "decision.json": Decision,
    "leakage.json": Leakage,
    "provenance.json": Provenance,
    "ranks.json": Ranks,
    "report-card.json": ReportCard,
    "tags.json": Tags,
    "trace-review.json": TraceReview,
}
"""The records of a run folder; ``eval-*.json`` come on top."""


@dataclass(frozen=True)
class RunContents:
    """One run folder, as it was when it was read.

    ``documents`` holds each known record by file name, ``rows`` the rows of an eval record
    by that record's file name. ``ours`` is whether this program made the folder: it has a
    status or a plan. ``supervisor_alive`` is None where no supervisor is named.
    """

    run_id: str
    names: frozenset[str]
    documents: Mapping[str, Document]
    rows: Mapping[str, list[RowResult]] = field(default_factory=dict)
    events: EventsSeen | None = None
    report: str | None = None
    page_sha256: str | None = None
    """The hash of ``report-card.html``; None where it is not there or cannot be read."""
    outside: Outside = field(default_factory=Outside)
    leaks: LeaksSeen = field(default_factory=LeaksSeen)
    suites_seen: Mapping[str, tuple[str, Asked]] = field(default_factory=dict)
    """Suite name to the hash and the examples of its file, where that is there."""
    judged: tuple[str, ...] = ()
    """The runs that were judged on the primary suite's very file up to this one, this one too."""
    supervisor_alive: bool | None = None
    problems: tuple[Finding, ...] = ()
    """What was wrong with files that are no records."""

    @property
    def ours(self) -> bool:
        return "run-status.json" in self.names or "plan.json" in self.names

    def document(self, name: str) -> Document:
        return self.documents.get(name, Document(name))

    def record(self, name: str, model: type[RecordT]) -> RecordT | None:
        """The record where it is there and right, else None."""
        record = self.document(name).record
        return record if isinstance(record, model) else None

    @property
    def config(self) -> RunConfig | None:
        return self.record("config.json", RunConfig)

    @property
    def dataset(self) -> Dataset | None:
        return self.record("dataset.json", Dataset)

    @property
    def plan(self) -> Plan | None:
        return self.record("plan.json", Plan)

    @property
    def status(self) -> RunStatus | None:
        return self.record("run-status.json", RunStatus)

    @property
    def artifact(self) -> Artifact | None:
        return self.record("artifact.json", Artifact)

    @property
    def decision(self) -> Decision | None:
        return self.record("decision.json", Decision)

    @property
    def ceilings(self) -> Ceilings | None:
        return self.record("ceilings.json", Ceilings)

    @property
    def leakage(self) -> Leakage | None:
        return self.record("leakage.json", Leakage)

    @property
    def provenance(self) -> Provenance | None:
        return self.record("provenance.json", Provenance)

    @cached_property
    def frozen(self) -> RunCreated | None:
        """What was frozen when the run was created: its first event, where that says so."""
        first = self.events.first if self.events else None
        if first is None or first.get("kind") != "run-created":
            return None
        try:
            return RunCreated.model_validate(first)
        except ValidationError:
            return None

    @property
    def suite_hashes(self) -> dict[str, str]:
        """Suite name to the hash that was frozen; the config's where no event froze them."""
        if self.frozen is not None:
            return dict(self.frozen.suites)
        return dict(self.config.eval.suites) if self.config else {}

    @property
    def trace_review(self) -> TraceReview | None:
        return self.record("trace-review.json", TraceReview)

    @cached_property
    def superseded(self) -> list[tuple[str, Decision]]:
        """The earlier decisions that are there and right with their files, the newest first."""
        found: list[tuple[str, Decision]] = []
        record = self.decision
        while record is not None and record.supersedes is not None:
            name = record.supersedes.file
            record = self.record(name, Decision)
            if record is None or any(name == known for known, _ in found):
                break
            found.append((name, record))
        return found

    @cached_property
    def evals(self) -> dict[str, EvalResult]:
        """The eval records that are there and right, by file name."""
        return {
            name: document.record
            for name, document in self.documents.items()
            if isinstance(document.record, EvalResult)
        }

    @cached_property
    def gates(self) -> list[Gate]:
        """Every gate with its verdict; none where the config cannot be read."""
        return [] if self.config is None else judge(self.config, self.evals, self.rows)

    @cached_property
    def rescored(self) -> dict[str, Rescored]:
        """The rows of each eval record, scored again, by the record's file name."""
        return {
            name: score_again(self.evals[name], rows)
            for name, rows in self.rows.items()
            if name in self.evals
        }

    @cached_property
    def tries(self) -> Tries | None:
        """How often the gold set was used up to this run, and its p corrected for that."""
        if self.config is None:
            return None
        measured = Measured(self.config, self.evals, self.rows)
        return tries_until(self.run_id, self.judged, measured)

    @property
    def phase(self) -> Phase | None:
        return None if self.status is None else self.status.phase

    @property
    def measured(self) -> bool:
        """Whether the evaluations should be there: the run is past them, or tells no phase."""
        if not self.ours:
            return True
        phase = self.phase
        if phase is None or phase in (Phase.FAILED, Phase.CANCELLED):
            return False
        return not phase.may_become(Phase.EVALUATED)

    @cached_property
    def planned_suites(self) -> list[dict[str, Any]]:
        """The suites of the plan's eval stages as they stand there, those with a name."""
        found: list[dict[str, Any]] = []
        for stage in self.plan.stages if self.plan else []:
            suites = stage.spec.get("suites") if stage.kind == StageKind.EVAL else None
            for suite in suites if isinstance(suites, list) else []:
                if isinstance(suite, dict) and isinstance(suite.get("name"), str):
                    found.append(suite)
        return found

    @cached_property
    def suite_files(self) -> dict[str, str]:
        """Suite name to its file, relative to the target, from the plan's eval stages."""
        return {
            suite["name"]: suite["file"]
            for suite in self.planned_suites
            if isinstance(suite.get("file"), str)
        }

    @property
    def data_hashes(self) -> dict[str, str]:
        """The run's own data files by their paths, with the hashes that were noted as they were
        written."""
        said = {**(self.provenance.datasets if self.provenance else {})}
        files = getattr(self.dataset, "files", None)
        said |= files if isinstance(files, dict) else {}
        return {
            name: digest
            for name, digest in said.items()
            if name.startswith("data/") and isinstance(digest, str)
        }

    @property
    def own_files(self) -> list[str]:
        """Files of the run folder that are no records and whose bytes are evidence: rows, data,
        adapters, as far as a hash of them was noted."""
        written = self.events.written if self.events else {}
        named = [name for name, digest in written.items() if digest and name.endswith(".jsonl")]
        adapters = self.provenance.adapters if self.provenance else {}
        return list(dict.fromkeys([*named, *self.data_hashes, *adapters]))

    @property
    def deciding(self) -> bool:
        """Whether the decision is only about to be made: a draft that no file holds yet."""
        document = self.document("decision.json")
        return document.record is not None and document.sha256 is None

    def fact(self, path: str) -> FileFact | None:
        """What was found at a path that a record names; None where it was not looked for."""
        return self.outside.facts.get(path)


def load(path: Path) -> RunContents:
    """Read a run folder. OSError only where the folder itself cannot be listed."""
    names = frozenset(entry.name for entry in path.iterdir())
    eval_names = sorted(
        name for name in names if name.startswith("eval-") and name.endswith(".json")
    )
    models = MODELS | dict.fromkeys(eval_names, EvalResult)
    documents = {name: read_document(path, name, model) for name, model in models.items()}
    _load_superseded(path, documents)
    # What came since it was listed is there: else a record would be read and not be there.
    names |= {name for name, document in documents.items() if document.exists}
    problems: list[Finding] = []
    events = load_events(path, problems)
    bare = RunContents(path.resolve().name, names, documents, events=events)
    candidate = bare.evals.get(CANDIDATE)
    outside = Outside.look(
        path,
        bare.plan,
        bare.dataset,
        bare.decision,
        bare.artifact,
        bare.suite_files,
        bare.evals,
        bare.own_files,
    )
    return RunContents(
        run_id=bare.run_id,
        names=names,
        documents=documents,
        rows=load_rows(path, bare.evals, problems),
        events=events,
        report=load_report(path, problems),
        page_sha256=hash_page(path, problems),
        outside=outside,
        leaks=look_for_leaks(
            path,
            outside.target_dir,
            bare.plan,
            bare.dataset,
            bare.leakage,
            bare.suite_files,
            bare.suite_hashes,
        ),
        judged=judged_until(path, candidate.suite_sha256 if candidate else None),
        suites_seen=look_at_suites(outside.target_dir, bare.planned_suites),
        supervisor_alive=_supervisor_alive(bare.status),
        problems=tuple(problems),
    )


def _load_superseded(path: Path, documents: dict[str, Document]) -> None:
    """Read the earlier decisions, each named by the one after it."""
    record = documents["decision.json"].record
    while isinstance(record, Decision) and record.supersedes is not None:
        name = record.supersedes.file
        if name in documents:  # they go round in a circle; a rule says so
            return
        documents[name] = read_document(path, name, Decision)
        record = documents[name].record


def _supervisor_alive(status: RunStatus | None) -> bool | None:
    if status is None or status.supervisor is None:
        return None
    return lives(status.supervisor)
